/** Counts the visits of a session, also those of the anonymous. */
import type {} from '@fastify/session'
import type { FastifyInstance } from 'fastify'
import { optional } from '../../../../lib/index.ts'

declare module 'fastify' {
  interface Session {
    visits?: number
  }
}

export default async function visits (app: FastifyInstance): Promise<void> {
  app.get('/', { config: { access: optional() } }, (request) => {
    request.session.visits = (request.session.visits ?? 0) + 1
    return { visits: request.session.visits, signedIn: request.auth !== null }
  })
}
