/** What people write by hand: `@fastify/jwt`, `@fastify/rate-limit`, and CASL, whose ability is built in a `preHandler` and asked about the loaded article. */
import type { Server } from 'node:http'
import { subject } from '@casl/ability'
import jwt from '@fastify/jwt'
import rateLimit from '@fastify/rate-limit'
import { fastify, type FastifyReply, type FastifyRequest } from 'fastify'
import { abilitiesOf } from '../casl.ts'
import type { Setting } from '../stacks.ts'
import { find, HARDLY, PLENTY, type Article, type User } from '../work.ts'
import { jwtOptions } from './jwt.ts'

interface Route {
  Params: { id: string }
}

export async function start (setting: Setting): Promise<Server> {
  const abilityOf = abilitiesOf(setting)
  const app = fastify()
  await app.register(jwt, jwtOptions(setting))
  app.decorateRequest('article', null)
  app.addHook('onRequest', async (request) => { await request.jwtVerify() })
  // Its hook is one of the route, so it comes after the one above and knows the user.
  await app.register(rateLimit, { ...limitOf(PLENTY), keyGenerator: (request) => (request.user as unknown as User).sub })
  app.get<Route>('/articles/:id', { preHandler: mayRead }, async (request) => request.article)
  app.get<Route>('/limited/:id', { preHandler: mayRead, config: { rateLimit: limitOf(HARDLY) } }, async (request) => request.article)
  await app.listen({ port: 0, host: '127.0.0.1' })
  return app.server

  async function mayRead (request: FastifyRequest<Route>, reply: FastifyReply): Promise<FastifyReply | undefined> {
    const article = find(request.params.id)
    if (article === undefined) return reply.code(404).send({ error: 'Not Found' })
    const ability = abilityOf(request.user as unknown as User)
    if (!ability.can('read', subject('Article', article as Article & Record<PropertyKey, unknown>))) return reply.code(403).send({ error: 'Forbidden' })
    request.article = article
  }
}

function limitOf ({ limit, window }: typeof PLENTY): { max: number, timeWindow: number } {
  return { max: limit, timeWindow: window * 1000 }
}

declare module 'fastify' {
  interface FastifyRequest {
    article: Article | null
  }
}
