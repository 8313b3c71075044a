/** The rules that a front end may know, for a route of the application. */
import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { packedRulesOf, type PackedRules } from '../authorization/packed-rules.ts'
import { standingOf } from '../authorization/standing.ts'
import { refusal } from '../refusal.ts'

export type { PackedRules } from '../authorization/packed-rules.ts'

/**
 * The rules of this request's user that say `expose: true`, bound to him, without ids, reasons and codes; for `unpackRules` of `@casl/ability/extra`.
 * They tell a front end what to show, and decide nothing. Throws a TypeError for a request that never passed the gatehouse, and the 503 where the
 * user's roles cannot be told.
 */
export function packedRules (request: FastifyRequest): PackedRules {
  const standing = standingOf(request)
  try {
    return packedRulesOf(standing.asker().ability)
  } catch (cause) {
    throw refusal('temporarily_unavailable', { reason: 'the rules of the user could not be told', cause })
  }
}

/** A route's handler: sends `{ rules }` with an `ETag`, and 304 to a client that has them (RFC 9110 section 13.1.2). */
export function sendPackedRules (request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const body = JSON.stringify({ rules: packedRules(request) })
  const tag = createHash('sha256').update(body).digest('base64url').slice(0, 22)
  // Weak, because whoever compresses the answer makes other bytes of it. Kept by nobody but this client, which asks each time.
  reply.header('etag', `W/"${tag}"`).header('cache-control', 'private, no-cache')
  if (isKnown(request, tag)) return reply.code(304).send()
  return reply.type('application/json; charset=utf-8').send(body)
}

/** The weak comparison of RFC 9110 section 8.8.3.2. */
function isKnown ({ method, headers }: FastifyRequest, tag: string): boolean {
  const given = headers['if-none-match']
  if (given === undefined || (method !== 'GET' && method !== 'HEAD')) return false
  return given.trim() === '*' || [...given.matchAll(/"([^"]*)"/g)].some(([, known]) => known === tag)
}
