/** Which types of JWT are taken for access tokens, by RFC 9068 and without it. */
import type { Claims } from '../claims.ts'
import type { TokenType } from './token-type.ts'

/**
 * Why a verified token is not one to sign in with, for the log; `undefined` if it is. An id_token has another `typ` or none, so only the profile
 * tells it from an access token; whatever says that it is something else is none in any case (RFC 8725 section 3.11).
 * `iss`, `exp`, `aud` and `sub` are required of every token; `iat` is a date if it is there (facts: authentication J1, J2).
 */
export function reasonAgainstType (type: TokenType, profile: boolean, claims: Claims): string | undefined {
  if (!profile) return type === 'other' ? 'the token is not an access token: typ says that it is something else' : undefined
  if (type !== 'profiled') return 'the token is not an access token: typ is not at+jwt'
  if (claims['iat'] === undefined) return 'iat is missing'
  if (!isText(claims['client_id'])) return 'client_id is missing or not a text'
  return isText(claims['jti']) ? undefined : 'jti is missing or not a text'
}

function isText (value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}
