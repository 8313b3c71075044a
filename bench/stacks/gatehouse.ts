/** This package doing the same work. */
import type { Server } from 'node:http'
import { fastify } from 'fastify'
import gatehouse, { can, quota, resource } from 'fastify-gatehouse'
import { definePolicy, type PolicyDefinition } from 'fastify-gatehouse/policies'
import { bearer } from 'fastify-gatehouse/schemes'
import type { Setting } from '../stacks.ts'
import { find, HARDLY, NAME, PLENTY, ROLE, rulesOf, type Article, type Rule } from '../work.ts'

const article = resource<Article>('Article', { param: 'id', load: find })
const hidden = resource<Article>('Article', { param: 'id', load: find, hidden: true })

export async function start ({ rules, algorithm, key, routes, roles }: Setting): Promise<Server> {
  // Ten thousand routes, and not as many more for HEAD.
  const app = fastify({ exposeHeadRoutes: routes === 0 })
  await app.register(gatehouse, {
    realm: NAME,
    schemes: [bearer({ ...algorithm === 'HS256' ? { secret: key } : { publicKey: key }, algorithms: [algorithm], issuer: NAME, audience: NAME })],
    policies: [policyOf(ROLE, rulesOf(rules)), ...Array.from({ length: roles }, (_, index) => policyOf(`role${index}`, rulesOf(10)))],
    quotas: { every: [quota('all', PLENTY)] },
    // From the hundredth wrong token on the 401 of an address would be a 429.
    throttle: { credentials: false },
  })
  app.get('/articles/:id', { config: { access: can('read', article) } }, async (request) => article.of(request))
  app.get('/hidden/:id', { config: { access: can('read', hidden) } }, async (request) => hidden.of(request))
  app.get('/ample/:id', { config: { access: can('read', article, { quota: quota('amply', PLENTY) }) } }, async (request) => article.of(request))
  app.get('/limited/:id', { config: { access: can('read', article, { quota: quota('hardly', HARDLY) }) } }, async (request) => article.of(request))
  for (let index = 0; index < routes; index++) app.get(`/shelf${index}/:id`, { config: { access: can('read', article) } }, async (request) => article.of(request))
  await app.listen({ port: 0, host: '127.0.0.1' })
  return app.server
}

function policyOf (role: string, rules: readonly Rule[]): PolicyDefinition {
  return definePolicy({ role, rules: rules.map(([action, subject]) => ({ action, subject, conditions: { tenantId: '$user.tenantId' } })) })
}
