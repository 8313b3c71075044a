// The smallest application: one scheme, one public route, one for whoever is signed in.
//   npx tsx examples/smallest.ts
//   curl -i http://127.0.0.1:3000/me                                  401, and what to send
//   curl -i http://127.0.0.1:3000/me -u 'ann:correct horse ann'       200
import { timingSafeEqual } from 'node:crypto'
import { argv } from 'node:process'
import Fastify, { type FastifyInstance } from 'fastify'
import gatehouse, { authenticated } from 'fastify-gatehouse'
import { basic } from 'fastify-gatehouse/schemes'

const PASSWORD = Buffer.from('correct horse ann')

export async function build (): Promise<FastifyInstance> {
  const app = Fastify({ logger: { level: process.env['LOG_LEVEL'] ?? 'info' } })

  await app.register(gatehouse, {
    realm: 'smallest',
    schemes: [basic({
      verify (username, password) {
        const given = Buffer.from(password)
        const right = given.length === PASSWORD.length && timingSafeEqual(given, PASSWORD)
        return username === 'ann' && right ? { id: username } : null
      },
    })],
  })

  app.get('/health', { config: { access: 'public' } }, () => 'ok')
  app.get('/me', { config: { access: authenticated() } }, (request) => request.user)
  return app
}

if (argv[1] === import.meta.filename) {
  const app = await build()
  await app.listen({ port: 3000 })
}
