/** `@fastify/jwt` with CASL written by hand: the ability of the user is built in a `preHandler` and asked about the loaded article. */
import { createMongoAbility, subject, type RawRuleOf, type MongoAbility } from '@casl/ability'
import jwt from '@fastify/jwt'
import { fastify, type FastifyInstance } from 'fastify'
import { NAME, RULES, SECRET, find, type Article, type User } from '../work.ts'

function abilityOf (user: User): MongoAbility {
  const rules: RawRuleOf<MongoAbility>[] = []
  if (user.roles.includes('editor')) {
    for (const [action, subject] of RULES) rules.push({ action, subject, conditions: { tenantId: user.tenantId } })
  }
  return createMongoAbility(rules)
}

export async function build (): Promise<FastifyInstance> {
  const app = fastify()
  await app.register(jwt, { secret: SECRET, verify: { allowedIss: NAME, allowedAud: NAME, requiredClaims: ['exp', 'sub'] } })
  app.decorateRequest('article', null)
  app.addHook('onRequest', async (request) => { await request.jwtVerify() })
  app.get<{ Params: { id: string } }>('/articles/:id', {
    preHandler: async (request, reply) => {
      const article = find(request.params.id)
      if (article === undefined) return reply.code(404).send({ error: 'Not Found' })
      const ability = abilityOf(request.user as unknown as User)
      if (!ability.can('read', subject('Article', article as Article & Record<PropertyKey, unknown>))) return reply.code(403).send({ error: 'Forbidden' })
      request.article = article
    },
  }, async (request) => request.article)
  return app
}

declare module 'fastify' {
  interface FastifyRequest {
    article: Article | null
  }
}
