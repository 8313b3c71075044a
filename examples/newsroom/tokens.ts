/** What whoever signs in is given: an access token for the requests, and a refresh token for the next one. */
import { randomUUID } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import type { Person } from './people.ts'

/** Who issues the tokens, and whom they are for. */
export const ISSUER = 'newsroom'

/** Seconds. */
const LIFETIME = 15 * 60

/** What has to be known of an access token to end it before its time. */
export interface AccessToken {
  readonly jti: string
  /** Seconds since 1970. */
  readonly expiresAt: number
}

export interface Grant {
  readonly person: Person
  /** The family of all tokens that come of one sign-in. */
  readonly family: string
  /** When the password was given, however often the tokens were refreshed since. */
  readonly authTime: Date
  readonly access: AccessToken
  readonly refreshToken: string
}

/** An access token that is still to be signed. */
export function newAccessToken (): AccessToken {
  return { jti: randomUUID(), expiresAt: seconds(Date.now()) + LIFETIME }
}

/** The answer of a token endpoint (RFC 6749 section 5.1). */
export function tokenAnswer (app: FastifyInstance, grant: Grant): object {
  return { access_token: app.jwt.sign(claimsOf(grant)), token_type: 'Bearer', expires_in: LIFETIME, refresh_token: grant.refreshToken }
}

/** Issuer, audience and `iat` come from the options of `@fastify/jwt`. */
function claimsOf ({ person, family, authTime, access }: Grant): object {
  const { name, tenantId, roles, plan, suspended } = person
  return {
    sub: name,
    ...(tenantId !== null && { tenantId }),
    roles,
    plan,
    suspended,
    sid: family,
    auth_time: seconds(authTime.getTime()),
    exp: access.expiresAt,
    jti: access.jti,
  }
}

function seconds (milliseconds: number): number {
  return Math.floor(milliseconds / 1000)
}
