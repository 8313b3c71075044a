/** Bare Fastify: nobody is asked anything. */
import { fastify, type FastifyInstance } from 'fastify'
import { find } from '../work.ts'

export async function build (): Promise<FastifyInstance> {
  const app = fastify()
  app.get<{ Params: { id: string } }>('/articles/:id', async (request) => find(request.params.id))
  return app
}
