/** Signing in: a name and a password become the first tokens of a family. */
import type { FastifyInstance } from 'fastify'
import { refusal } from 'fastify-gatehouse'
import type { Families } from './families.ts'
import type { People } from './people.ts'
import { tokenAnswer } from './tokens.ts'
import { STORABLE } from './validation.ts'

const CREDENTIALS = {
  type: 'object',
  properties: {
    username: { type: 'string', minLength: 1, maxLength: 64, pattern: STORABLE },
    password: { type: 'string', minLength: 1, maxLength: 1024 },
  },
  required: ['username', 'password'],
}

export async function login (app: FastifyInstance, { people, families }: { readonly people: People, readonly families: Families }): Promise<void> {
  app.post<{ Body: { readonly username: string, readonly password: string } }>('/login', {
    schema: { body: CREDENTIALS },
    config: { access: 'public' },
  }, async (request, reply) => {
    const { username, password } = request.body
    const person = await app.gatehouse.throttle.guard(request, username, () => people.find(username, password))
    if (person === null) throw refusal('invalid_credentials', { reason: 'the user name or the password is wrong' })
    reply.header('cache-control', 'no-store')
    return tokenAnswer(app, await families.start(person))
  })
}
