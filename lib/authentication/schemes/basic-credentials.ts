/** From what follows `Basic` to a user-id and a password. */

export type BasicCredentials =
  | { readonly kind: 'decoded', readonly username: string, readonly password: string }
  | { readonly kind: 'malformed', readonly reason: string }

/** The longest credentials that are decoded, in characters of base64. */
const MAX_LENGTH = 8192

// The byte order mark is a character like others here: two different byte strings are never the same password.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** RFC 7617 section 2, strictly: canonical base64 of UTF-8 without control characters; the user-id ends at the first colon. */
export function decodeBasic (encoded: string): BasicCredentials {
  if (encoded.length > MAX_LENGTH) return malformed(`the credentials are longer than ${MAX_LENGTH} characters`)
  const bytes = Buffer.from(encoded, 'base64')
  if (encoded === '' || bytes.toString('base64') !== encoded) return malformed('the credentials are not base64')
  const text = decode(bytes)
  if (text === null) return malformed('the credentials are not UTF-8')
  if (hasControl(bytes)) return malformed('the credentials hold a control character')
  const colon = text.indexOf(':')
  if (colon === -1) return malformed('the credentials have no colon')
  return { kind: 'decoded', username: text.slice(0, colon), password: text.slice(colon + 1) }
}

function decode (bytes: Uint8Array): string | null {
  try {
    return utf8.decode(bytes)
  } catch {
    return null
  }
}

/** `CTL` of RFC 5234 appendix B.1; in UTF-8 such a byte is always such a character. */
function hasControl (bytes: Uint8Array): boolean {
  return bytes.some((byte) => byte < 0x20 || byte === 0x7f)
}

function malformed (reason: string): BasicCredentials {
  return { kind: 'malformed', reason }
}
