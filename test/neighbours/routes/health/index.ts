/** Open to everyone. */
import type { FastifyInstance } from 'fastify'

export default async function health (app: FastifyInstance): Promise<void> {
  app.get('/', { config: { access: 'public' } }, () => 'ok')
}
