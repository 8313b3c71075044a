/** Bare Fastify: nobody is asked anything. */
import type { Server } from 'node:http'
import { fastify } from 'fastify'
import type { Setting } from '../stacks.ts'
import { find } from '../work.ts'

export async function start ({ routes }: Setting): Promise<Server> {
  // Ten thousand routes, and not as many more for HEAD.
  const app = fastify({ exposeHeadRoutes: routes === 0 })
  app.get<{ Params: { id: string } }>('/articles/:id', async (request) => find(request.params.id))
  for (let index = 0; index < routes; index++) app.get<{ Params: { id: string } }>(`/shelf${index}/:id`, async (request) => find(request.params.id))
  await app.listen({ port: 0, host: '127.0.0.1' })
  return app.server
}
