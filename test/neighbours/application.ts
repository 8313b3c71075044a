/** One application with all its neighbours, put together in any order. */
import { join } from 'node:path'
import autoload from '@fastify/autoload'
import cookie from '@fastify/cookie'
import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import session from '@fastify/session'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import underPressure from '@fastify/under-pressure'
import websocket from '@fastify/websocket'
import { fastify, type FastifyInstance, type FastifyServerOptions } from 'fastify'
import gatehouse, { authenticated, type GatehouseOptions } from '../../lib/index.ts'
import { bearer } from '../../lib/authentication/schemes/index.ts'
import { definePolicy } from '../../lib/policies/index.ts'
import { AUDIENCE, ISSUER, SECRET, goodClaims, token } from '../authentication/tokens.ts'

// @fastify/autoload does not recognise every loader of TypeScript by itself.
process.env['FASTIFY_AUTOLOAD_TYPESCRIPT'] = '1'

export const FRONT_END = 'https://front.example'
export const ADA = `Bearer ${token({ ...goodClaims(), roles: ['reader'] })}`

const policies = [definePolicy({ role: 'reader', rules: [{ action: 'read', subject: 'Article', conditions: { authorId: '$user.id' } }] }),
  definePolicy({ role: 'editor', inherits: 'reader', rules: [{ action: 'delete', subject: 'Article' }] })]

/** The gatehouse, with requirements for the routes of its neighbours by URL pattern. */
export function gatehouseOptions (): GatehouseOptions {
  return {
    realm: 'neighbours',
    schemes: [bearer({ secret: SECRET, issuer: ISSUER, audience: AUDIENCE })],
    policies,
    routes: { '/documentation/*': 'public', 'GET /documentation/json': authenticated(), '/status': 'public' },
  }
}

/** Every part by its name. Whoever is awaited is there before the next one begins. */
export const PARTS = {
  cors: async (app) => { await app.register(cors, { origin: FRONT_END, credentials: true }) },
  helmet: async (app) => { await app.register(helmet) },
  cookie: async (app) => { await app.register(cookie) },
  session: async (app) => { await app.register(session, { secret: 'a session secret of 32 bytes or more', cookie: { secure: false } }) },
  swagger: async (app) => { await app.register(swagger) },
  swaggerUi: async (app) => { await app.register(swaggerUi, { routePrefix: '/documentation' }) },
  websocket: async (app) => { await app.register(websocket) },
  rateLimit: async (app) => { await app.register(rateLimit, { max: 10_000 }) },
  underPressure: async (app) => { await app.register(underPressure, { exposeStatusRoute: '/status' }) },
  gatehouse: async (app) => { await app.register(gatehouse, gatehouseOptions()) },
  autoload: async (app) => { await app.register(autoload, { dir: join(import.meta.dirname, 'routes'), forceESM: true }) },
} satisfies Record<string, (app: FastifyInstance) => Promise<void>>

export type Part = keyof typeof PARTS

/** The order that the documentation recommends: what reads a request, the gatehouse, what others offer, the application's own routes. */
export const RECOMMENDED: readonly Part[] = [
  'websocket', 'helmet', 'cors', 'cookie', 'session', 'gatehouse', 'rateLimit', 'underPressure', 'swagger', 'swaggerUi', 'autoload',
]

export async function furnish (app: FastifyInstance, order: readonly Part[]): Promise<FastifyInstance> {
  for (const part of order) await PARTS[part](app)
  return app
}

export async function build (order: readonly Part[], options: FastifyServerOptions = {}): Promise<FastifyInstance> {
  const app = fastify(options) as unknown as FastifyInstance
  try {
    await furnish(app, order)
    await app.ready()
    return app
  } catch (error) {
    await app.close()
    throw error
  }
}
