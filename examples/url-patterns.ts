// Requirements for routes that somebody else registers, by URL pattern: here the pages of @fastify/swagger-ui.
//   npx tsx examples/url-patterns.ts
//   curl -i http://127.0.0.1:3000/documentation/                      200: public
//   curl -i http://127.0.0.1:3000/documentation/json                  401: the most specific pattern wins
import { argv } from 'node:process'
import Fastify, { type FastifyInstance } from 'fastify'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import gatehouse, { authenticated } from 'fastify-gatehouse'
import { bearer } from 'fastify-gatehouse/schemes'

export async function build (secret = process.env['JWT_SECRET'] ?? 'a secret of at least 32 bytes, please'): Promise<FastifyInstance> {
  const app = Fastify({ logger: { level: process.env['LOG_LEVEL'] ?? 'info' } })

  await app.register(gatehouse, {
    realm: 'reports',
    schemes: [bearer({ secret, issuer: 'reports', audience: 'reports' })],
    routes: {
      '/documentation/*': 'public',
      'GET /documentation/json': authenticated(),
      'GET /documentation/yaml': authenticated(),
    },
  })

  await app.register(swagger)
  await app.register(swaggerUi, { routePrefix: '/documentation' })
  app.get('/reports', { config: { access: authenticated() } }, () => [])
  return app
}

if (argv[1] === import.meta.filename) {
  const app = await build()
  await app.listen({ port: 3000 })
}
