/** Fastify with `@fastify/jwt` and casbin: one enforcer, the role and the tenant in its matcher. */
import type { Server } from 'node:http'
import jwt from '@fastify/jwt'
import { newEnforcer, newModelFromString } from 'casbin'
import { fastify } from 'fastify'
import type { Setting } from '../stacks.ts'
import { CLAIMS, find, ROLE, rulesOf } from '../work.ts'
import { jwtOptions } from './jwt.ts'

const MODEL = `
[request_definition]
r = sub, obj, type, act

[policy_definition]
p = role, type, act

[role_definition]
g = _, _

[policy_effect]
e = some(where (p.eft == allow))

[matchers]
m = g(r.sub.sub, p.role) && r.type == p.type && r.act == p.act && r.obj.tenantId == r.sub.tenantId
`

export async function start (setting: Setting): Promise<Server> {
  const enforcer = await newEnforcer(newModelFromString(MODEL))
  await enforcer.addPolicies(rulesOf(setting.rules).map(([action, subject]) => [ROLE, subject, action]))
  await enforcer.addGroupingPolicy(CLAIMS.sub, ROLE)
  const app = fastify()
  await app.register(jwt, jwtOptions(setting))
  app.addHook('onRequest', async (request) => { await request.jwtVerify() })
  app.get<{ Params: { id: string } }>('/articles/:id', async (request, reply) => {
    const article = find(request.params.id)
    if (article === undefined) return reply.code(404).send({ error: 'Not Found' })
    if (!await enforcer.enforce(request.user, article, 'Article', 'read')) return reply.code(403).send({ error: 'Forbidden' })
    return article
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  return app.server
}
