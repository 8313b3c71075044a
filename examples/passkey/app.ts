// A scheme of one's own: signing in with a passkey (WebAuthn), which ends in a session.
//   npx tsx examples/passkey/app.ts                     then open the page that it names
//   curl -i -X POST http://localhost:3000/sign-in       401, and the challenge that a passkey answers
//   curl -i http://localhost:3000/me                    401: this route takes the session only
import { randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { argv } from 'node:process'
import fastifyCookie from '@fastify/cookie'
import fastifySession from '@fastify/session'
import type { RegistrationResponseJSON } from '@simplewebauthn/server'
import Fastify, { type FastifyInstance } from 'fastify'
import gatehouse, { authenticated, refusal, signedIn, stepUp } from 'fastify-gatehouse'
import { session } from 'fastify-gatehouse/schemes'
import { page } from './page.ts'
import { relyingParty, type Account, type User } from './relying-party.ts'
import { passkey } from './scheme.ts'

declare module 'fastify' {
  interface Session {
    userId?: string
    /** Seconds since 1970. */
    authTime?: number
  }
}

const NAME = { type: 'string', minLength: 1, maxLength: 64 }
const OPTIONS = { type: 'object', properties: { name: NAME }, required: ['name'] }
const REGISTRATION = {
  type: 'object',
  properties: {
    user: { type: 'object', properties: { id: { type: 'string', maxLength: 64 }, name: NAME }, required: ['id', 'name'] },
    response: { type: 'object' },
  },
  required: ['user', 'response'],
}

export interface Options {
  /** `https://app.example.com`; default `localhost` with the port that is listened on. */
  readonly origin?: string | undefined
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

export async function build ({ origin, now = Date.now }: Options = {}): Promise<FastifyInstance> {
  const app = Fastify({ logger: { level: process.env['LOG_LEVEL'] ?? 'warn' } })

  // Accounts and sessions are in memory; an application keeps both in a database.
  const accounts = new Map<string, Account>()
  const secret = randomBytes(32).toString('base64url')
  await app.register(fastifyCookie)
  await app.register(fastifySession, { secret, saveUninitialized: false, cookie: { secure: 'auto', sameSite: 'lax' } })

  const party = relyingParty({ origin: () => origin ?? localhost(app), accounts, now })
  const byPasskey = passkey(party)
  const bySession = session({
    key: 'userId',
    user ({ userId = '' }): User | null {
      const account = accounts.get(userId)
      return account === undefined ? null : { id: account.id, name: account.name }
    },
    auth: ({ authTime = null }) => ({ authTime }),
    cookie: { secret },
  })
  await app.register(gatehouse, { realm: 'passkeys', schemes: [bySession] })
  await app.register(page)

  app.post<{ Body: User }>('/register/options', { schema: { body: OPTIONS }, config: { access: 'public' } }, (request) => party.creationOptions(request.body.name))

  app.post<{ Body: { user: User, response: RegistrationResponseJSON } }>('/register', { schema: { body: REGISTRATION }, config: { access: 'public' } }, async (request, reply) => {
    const reason = await party.register(request.body.user, request.body.response)
    if (reason !== null) throw refusal('invalid_request', { reason, detail: 'This passkey could not be registered.' })
    return reply.code(201).send({ name: request.body.user.name })
  })

  app.post('/sign-in', { config: { access: authenticated({ schemes: [byPasskey] }) } }, async (request, reply) => {
    await request.session.regenerate() // an identifier that somebody planted before is worth nothing
    request.session.userId = signedIn(request).id
    request.session.authTime = request.auth?.authTime ?? 0
    return reply.code(204).send()
  })

  app.get('/me', { config: { access: authenticated() } }, (request) => request.user)

  app.post('/sign-out', { config: { access: authenticated() } }, async (request, reply) => {
    await request.session.destroy()
    return reply.clearCookie('sessionId', { path: '/' }).code(204).send()
  })

  // A session that is older than a minute is not enough: its 401 carries the challenge, and the same request with the passkey passes.
  app.delete('/account', { config: { access: stepUp({ maxAge: 60 }, { schemes: [bySession, byPasskey] }) } }, async (request, reply) => {
    const { id } = signedIn(request)
    const { userId = id } = request.session
    if (userId !== id) throw refusal('insufficient_permissions', { reason: 'the passkey is of another account than the session' })
    accounts.delete(id)
    await request.session.destroy()
    return reply.clearCookie('sessionId', { path: '/' }).code(204).send()
  })

  return app
}

/** By its name: passkeys are for a domain, and an address is none. */
function localhost (app: FastifyInstance): string {
  const { port = 0 } = (app.server.address() ?? {}) as Partial<AddressInfo>
  return `http://localhost:${port}`
}

if (argv[1] === import.meta.filename) {
  const app = await build({ origin: process.env['ORIGIN'] })
  await app.listen({ host: 'localhost', port: Number(process.env['PORT'] || 3000) })
  console.log(`passkey listens on ${localhost(app)}`)
}
