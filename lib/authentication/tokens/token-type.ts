/** What a JWT says that it is: an access token, or something else that the same issuer has signed. */
import { decodeProtectedHeader } from 'jose'

/** RFC 9068 section 2.1; `application/` may be left out (RFC 7515 section 4.1.9). */
const ACCESS_TOKEN = new Set(['at+jwt', 'application/at+jwt'])

/** RFC 7519 section 5.1. */
const PLAIN = new Set(['jwt', 'application/jwt'])

/** `profiled`: by RFC 9068. `plain`: it does not say. `other`: a logout token, a security event, a proof (RFC 8725 section 3.11). */
export type TokenType = 'profiled' | 'plain' | 'other'

/** Of a token that was verified. Issuers use few headers, so the last one is remembered. */
export function tokenTypes (): (token: string) => TokenType {
  let last = ''
  let type: TokenType = 'other'

  return function typeOf (token) {
    const header = token.slice(0, token.indexOf('.'))
    if (header !== last) {
      type = read(token)
      last = header
    }
    return type
  }
}

function read (token: string): TokenType {
  const { typ } = decodeProtectedHeader(token)
  if (typ === undefined) return 'plain'
  if (typeof typ !== 'string') return 'other'
  const name = typ.toLowerCase()
  if (ACCESS_TOKEN.has(name)) return 'profiled'
  return PLAIN.has(name) ? 'plain' : 'other'
}
