/** One request an hour, counted by @fastify/rate-limit. */
import type {} from '@fastify/rate-limit'
import type { FastifyInstance } from 'fastify'
import { authenticated } from '../../../../lib/index.ts'

export default async function limited (app: FastifyInstance): Promise<void> {
  app.get('/', { config: { access: authenticated(), rateLimit: { max: 1, timeWindow: '1 hour' } } }, () => 'once')
}
