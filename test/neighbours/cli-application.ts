/** The application as `fastify start` takes it. */
import type { FastifyInstance } from 'fastify'
import { furnish, RECOMMENDED } from './application.ts'

export default async function application (app: FastifyInstance, _options: object): Promise<void> {
  await furnish(app, RECOMMENDED)
}
