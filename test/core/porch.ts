/** A small application behind the gatehouse, whose users carry their own description, and whose log can be read. */
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import type { AnyScheme, AuthInfo } from '../../lib/authentication/scheme.ts'
import gatehouse, { type GatehouseOptions } from '../../lib/index.ts'
import { definePolicy, type PolicyDefinition } from '../../lib/policies/define.ts'

interface Teardown { teardown: (end: () => unknown) => void }

/** `Authorization: Key …` holds the user and how he signed in, as JSON in base64url. What is none of that is wrong. */
export function keys (differences: Partial<AnyScheme> = {}): AnyScheme {
  return {
    name: 'Key',
    family: 'token',
    guessable: false,
    oauth: false,
    varyOn: ['Authorization'],
    find: (_request, fields) => {
      const field = fields.find(({ scheme }) => scheme === 'key')
      return field === undefined ? { kind: 'nothing' } : { kind: 'credentials', place: 'authorization', credentials: field.rest, account: field.rest }
    },
    verify: (credentials) => {
      try {
        const { auth, ...user } = JSON.parse(Buffer.from(credentials, 'base64url').toString())
        return { kind: 'user', user, auth }
      } catch {
        return { kind: 'invalid', reason: 'no such key' }
      }
    },
    challenge: (reason) => ({ scheme: 'Key', params: [['realm', 'porch'], ...(reason.kind === 'error' ? [['error', reason.error] as const] : [])] }),
    ...differences,
  }
}

/** The header by which this user signs in. */
export function as (user: object, auth?: Partial<AuthInfo>): { authorization: string } {
  return { authorization: `Key ${Buffer.from(JSON.stringify({ ...user, auth })).toString('base64url')}` }
}

export const POLICIES: readonly PolicyDefinition[] = [
  definePolicy({ role: 'anonymous', rules: [{ action: 'read', subject: ['Post', 'Note'], conditions: { open: true } }] }),
  definePolicy({
    role: 'author',
    rules: [
      { action: ['read', 'update', 'create'], subject: ['Post', 'Note'], conditions: { authorId: '$user.id' } },
      { action: 'read', subject: 'Report' },
      { action: 'update', subject: 'Post', inverted: true, conditions: { archived: true }, code: 'archived' },
    ],
  }),
  definePolicy({ role: 'admin', rules: [{ action: 'manage', subject: 'all' }] }),
]

export interface LogLine {
  readonly level: number
  readonly msg: string
  readonly err?: { readonly message: string }
  readonly access?: { readonly reason: string, readonly status: number, readonly code: string }
}

export interface Porch extends FastifyInstance {
  /** Every line of the log so far. */
  readonly lines: LogLine[]
}

/** Registers the gatehouse and then the routes. It is made ready by the first `inject`. */
export async function porch (t: Teardown, options: GatehouseOptions, routes: (app: FastifyInstance) => unknown = () => {}, server: FastifyServerOptions = {}): Promise<Porch> {
  const app = bare(t, server)
  await app.register(gatehouse, { schemes: [keys()], policies: POLICIES, ...options })
  await routes(app)
  return app
}

/** The application without the gatehouse. */
export function bare (t: Teardown, server: FastifyServerOptions = {}): Porch {
  const lines: LogLine[] = []
  const app = Fastify({ logger: { level: 'info', stream: { write: (line: string) => { lines.push(JSON.parse(line)) } } }, ...server })
  t.teardown(() => app.close())
  return Object.assign(app, { lines }) as unknown as Porch
}
