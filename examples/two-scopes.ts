// Two scopes of one application, each with its own gatehouse: a public API with tokens, a back office with passwords.
//   npx tsx examples/two-scopes.ts
//   curl -i http://127.0.0.1:3000/api/orders                          401, challenged with Bearer
//   curl -i http://127.0.0.1:3000/office/orders                       401, challenged with Basic
import { argv } from 'node:process'
import Fastify, { type FastifyInstance } from 'fastify'
import gatehouse, { can } from 'fastify-gatehouse'
import { definePolicy } from 'fastify-gatehouse/policies'
import { basic, bearer } from 'fastify-gatehouse/schemes'

const staff = definePolicy({ role: 'staff', rules: [{ action: ['read', 'delete'], subject: 'Order' }] })
const partner = definePolicy({ role: 'partner', rules: [{ action: 'read', subject: 'Order' }] })

export async function build (secret = process.env['JWT_SECRET'] ?? 'a secret of at least 32 bytes, please'): Promise<FastifyInstance> {
  const app = Fastify({ logger: { level: process.env['LOG_LEVEL'] ?? 'info' } })

  await app.register(async (api) => {
    await api.register(gatehouse, {
      realm: 'api',
      schemes: [bearer({ secret, issuer: 'shop', audience: 'shop' })],
      policies: [partner],
    })
    api.get('/orders', { config: { access: can('read', 'Order') } }, () => [])
  }, { prefix: '/api' })

  await app.register(async (office) => {
    await office.register(gatehouse, {
      realm: 'back office',
      schemes: [basic({ verify: (username, password) => username === 'olga' && password === 'correct horse olga' ? { id: username, roles: ['staff'] } : null })],
      policies: [staff],
    })
    office.get('/orders', { config: { access: can('read', 'Order') } }, () => [])
    office.delete('/orders', { config: { access: can('delete', 'Order') } }, (_request, reply) => reply.code(204).send())
  }, { prefix: '/office' })

  return app
}

if (argv[1] === import.meta.filename) {
  const app = await build()
  await app.listen({ port: 3000 })
}
