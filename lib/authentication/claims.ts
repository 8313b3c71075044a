/** What a verified token says: its claims checked again, the user and the sign-in that they make. */
import type { AuthInfo } from './scheme.ts'

/** The longest `sub`, in characters: it is a key in counters and logs. */
export const MAX_SUBJECT_LENGTH = 1024

/** The last second that a JavaScript `Date` can hold. */
const LAST_SECOND = 8.64e12

/** Claims about the token, not about the user (RFC 7519 section 4.1, RFC 7800 section 3.1). */
const ABOUT_THE_TOKEN = new Set(['iss', 'aud', 'exp', 'nbf', 'iat', 'jti', 'cnf'])

/** In front of the id of a client, so that no person has it (RFC 9700 section 4.15, facts: authentication J4). */
const CLIENT = 'client:'

const NO_SCOPES: readonly string[] = Object.freeze([])

/** Claims that were checked. */
export interface Claims {
  readonly iss: string
  readonly sub: string
  readonly exp: number
  readonly [name: string]: unknown
}

/**
 * The user that claims make when the application makes none: the claims about the user, and `id`, which is `sub`; for a client that acts
 * for itself `client:<sub>`.
 */
export interface TokenUser {
  readonly id: string
  readonly [claim: string]: unknown
}

export type CheckedClaims =
  | { readonly kind: 'claims', readonly claims: Claims }
  | { readonly kind: 'invalid', readonly reason: string }

/**
 * Checks what must hold of every token whoever verified it (RFC 7519 section 4.1, facts: authentication F2 and K7): a plain object, the
 * issuer one of `issuers`, a subject, and dates that are whole seconds which a `Date` can hold. A person whose subject would make the id of
 * a client is nobody's.
 */
export function checkClaims (payload: unknown, issuers: readonly string[]): CheckedClaims {
  if (typeof payload !== 'object' || payload === null || Array.isArray(payload)) return invalid('the claims are not an object')
  const claims = payload as Record<string, unknown>
  if (typeof claims['iss'] !== 'string' || !issuers.includes(claims['iss'])) return invalid('the issuer is not accepted')
  if (!isDate(claims['exp'])) return invalid('exp is not a date')
  if (claims['nbf'] !== undefined && !isDate(claims['nbf'])) return invalid('nbf is not a date')
  if (claims['iat'] !== undefined && !isDate(claims['iat'])) return invalid('iat is not a date')
  const subject = claims['sub']
  if (typeof subject !== 'string' || subject === '') return invalid('sub is missing or not a text')
  if (subject.length > MAX_SUBJECT_LENGTH) return invalid(`sub is longer than ${MAX_SUBJECT_LENGTH} characters`)
  if (subject.startsWith(CLIENT) && !isClient(claims)) return invalid(`sub begins with ${CLIENT} and is not the client_id`)
  return { kind: 'claims', claims: withoutPrototype(claims) as Claims }
}

/** RFC 9068 section 2.2: where no person takes part, `sub` is the client. */
function isClient (claims: Readonly<Record<string, unknown>>): boolean {
  return claims['sub'] === claims['client_id']
}

export function userOf (claims: Claims): TokenUser {
  const user: Record<string, unknown> = {}
  for (const name of Object.keys(claims)) {
    if (!ABOUT_THE_TOKEN.has(name)) user[name] = claims[name]
  }
  user['id'] = isClient(claims) ? CLIENT + claims.sub : claims.sub
  return user as TokenUser
}

/** Scopes from `scope` (RFC 9068 section 2.2.3) or else `scp`, as a text or a list; `auth_time` and `acr` as OpenID Connect Core section 2 defines them. */
export function authInfoOf (claims: Claims): Omit<AuthInfo, 'scheme'> {
  const { auth_time: authTime, acr } = claims
  return {
    scopes: scopesOf(claims['scope'] ?? claims['scp']),
    authTime: isDate(authTime) ? authTime : null,
    acr: typeof acr === 'string' ? acr : null,
    expiresAt: claims.exp,
  }
}

function scopesOf (value: unknown): readonly string[] {
  if (value === undefined) return NO_SCOPES
  const scopes: readonly unknown[] = typeof value === 'string' ? value.split(' ') : Array.isArray(value) ? value : NO_SCOPES
  return scopes.filter((scope): scope is string => typeof scope === 'string' && scope !== '')
}

/** An own claim `__proto__` would become the prototype of whatever the claims are copied into. */
function withoutPrototype (claims: Record<string, unknown>): Record<string, unknown> {
  if (!Object.hasOwn(claims, '__proto__')) return claims
  return Object.fromEntries(Object.entries(claims).filter(([name]) => name !== '__proto__'))
}

function isDate (value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= LAST_SECOND
}

function invalid (reason: string): CheckedClaims {
  return { kind: 'invalid', reason }
}
