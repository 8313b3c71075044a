/** The user of a handler that needs one. */
import type { FastifyRequest } from 'fastify'
import { refusal } from '../refusal.ts'

/** The signed-in user; throws the 401, with its challenges, where nobody is signed in. */
export function signedIn (request: FastifyRequest): NonNullable<FastifyRequest['user']> {
  if ((request.auth ?? null) === null || request.user === null) throw refusal('unauthenticated', { reason: 'the handler needs a signed-in user' })
  return request.user
}
