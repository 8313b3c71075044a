/** Fastify with `@fastify/jwt`, as its README shows it: whoever has a good token gets the article. */
import type { Server } from 'node:http'
import jwt, { type FastifyJWTOptions } from '@fastify/jwt'
import { fastify } from 'fastify'
import type { Setting } from '../stacks.ts'
import { NAME, find } from '../work.ts'

/** The options with which it demands what all demand. */
export function jwtOptions ({ algorithm, key, keeps }: Setting): FastifyJWTOptions {
  return {
    secret: (algorithm === 'HS256' ? key : { public: key }) as FastifyJWTOptions['secret'],
    verify: { algorithms: [algorithm], allowedIss: NAME, allowedAud: NAME, requiredClaims: ['exp', 'sub'], ...keeps && { cache: true } },
  }
}

export async function start (setting: Setting): Promise<Server> {
  const app = fastify()
  await app.register(jwt, jwtOptions(setting))
  app.addHook('onRequest', async (request) => { await request.jwtVerify() })
  app.get<{ Params: { id: string } }>('/articles/:id', async (request) => find(request.params.id))
  await app.listen({ port: 0, host: '127.0.0.1' })
  return app.server
}
