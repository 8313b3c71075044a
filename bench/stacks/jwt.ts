/** Fastify with `@fastify/jwt`, as its README shows it: whoever has a good token gets the article. */
import jwt from '@fastify/jwt'
import { fastify, type FastifyInstance } from 'fastify'
import { NAME, SECRET, find } from '../work.ts'

export async function build (): Promise<FastifyInstance> {
  const app = fastify()
  await app.register(jwt, { secret: SECRET, verify: { allowedIss: NAME, allowedAud: NAME, requiredClaims: ['exp', 'sub'] } })
  app.addHook('onRequest', async (request) => { await request.jwtVerify() })
  app.get<{ Params: { id: string } }>('/articles/:id', async (request) => find(request.params.id))
  return app
}
