/** The profile of JWT access tokens: what tells one from any other JWT of the same issuer (RFC 9068). */
import { decodeProtectedHeader } from 'jose'
import type { Claims } from '../claims.ts'

/** RFC 9068 section 4; `application/` may be left out (RFC 7515 section 4.1.9). */
const TYPES = new Set(['at+jwt', 'application/at+jwt'])

/**
 * Why a verified token is not an access token by the profile, for the log; `undefined` if it is one. An id_token has another `typ` or none.
 * `iss`, `exp`, `aud` and `sub` are required of every token; `iat` is a date if it is there (facts: authentication J1, J2).
 */
export function reasonAgainstProfile (token: string, claims: Claims): string | undefined {
  const { typ } = decodeProtectedHeader(token)
  if (typeof typ !== 'string' || !TYPES.has(typ.toLowerCase())) return 'the token is not an access token: typ is not at+jwt'
  if (claims['iat'] === undefined) return 'iat is missing'
  if (!isText(claims['client_id'])) return 'client_id is missing or not a text'
  return isText(claims['jti']) ? undefined : 'jti is missing or not a text'
}

function isText (value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}
