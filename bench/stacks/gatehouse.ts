/** This package doing the same work. */
import { fastify, type FastifyInstance } from 'fastify'
import gatehouse, { can, resource } from 'fastify-gatehouse'
import { definePolicy } from 'fastify-gatehouse/policies'
import { bearer } from 'fastify-gatehouse/schemes'
import { NAME, RULES, SECRET, find, type Article } from '../work.ts'

const editor = definePolicy({
  role: 'editor',
  rules: RULES.map(([action, subject]) => ({ action, subject, conditions: { tenantId: '$user.tenantId' } })),
})
const article = resource<Article>('Article', { param: 'id', load: find })

export async function build (): Promise<FastifyInstance> {
  const app = fastify()
  await app.register(gatehouse, { realm: NAME, schemes: [bearer({ secret: SECRET, issuer: NAME, audience: NAME })], policies: [editor] })
  app.get('/articles/:id', { config: { access: can('read', article) } }, async (request) => article.of(request))
  return app
}
