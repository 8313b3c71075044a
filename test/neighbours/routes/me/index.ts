/** For whoever is signed in. */
import type { FastifyInstance } from 'fastify'
import { authenticated } from '../../../../lib/index.ts'

export default async function me (app: FastifyInstance): Promise<void> {
  app.get('/', { config: { access: authenticated() } }, (request) => request.user)
}
