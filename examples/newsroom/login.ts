/** Signing in: a name and a password become a token. */
import { randomUUID } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { refusal } from 'fastify-gatehouse'
import type { People, Person } from './people.ts'
import { STORABLE } from './validation.ts'

/** Who issues the tokens, and whom they are for. */
export const ISSUER = 'newsroom'

/** Seconds. */
const LIFETIME = 15 * 60

const CREDENTIALS = {
  type: 'object',
  properties: {
    username: { type: 'string', minLength: 1, maxLength: 64, pattern: STORABLE },
    password: { type: 'string', minLength: 1, maxLength: 1024 },
  },
  required: ['username', 'password'],
}

export async function login (app: FastifyInstance, { people }: { readonly people: People }): Promise<void> {
  app.post<{ Body: { readonly username: string, readonly password: string } }>('/login', {
    schema: { body: CREDENTIALS },
    config: { access: 'public' },
  }, async (request, reply) => {
    const { username, password } = request.body
    const person = await app.gatehouse.throttle.guard(request, username, () => people.find(username, password))
    if (person === null) throw refusal('invalid_credentials', { reason: 'the user name or the password is wrong' })
    reply.header('cache-control', 'no-store')
    return { access_token: app.jwt.sign(claimsOf(person)), token_type: 'Bearer', expires_in: LIFETIME }
  })
}

/** Issuer, audience and `iat` come from the options of `@fastify/jwt`. */
function claimsOf ({ name, tenantId, roles, plan, suspended }: Person): object {
  const now = Math.floor(Date.now() / 1000)
  return {
    sub: name,
    ...(tenantId !== null && { tenantId }),
    roles,
    plan,
    suspended,
    auth_time: now,
    exp: now + LIFETIME,
    jti: randomUUID(),
  }
}
