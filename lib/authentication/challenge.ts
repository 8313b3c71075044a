/** From a challenge to its field line, and which challenges a refusal carries in which order. */
import type { AnyScheme, Challenge } from './scheme.ts'
import { TOKEN } from './grammar.ts'

/**
 * One `WWW-Authenticate` field value, RFC 9110 section 11.6.1: `Bearer realm="newsroom", error="invalid_token"`.
 * Values are quoted with `\` and `"` escaped, `{ token }` values stay bare. Whatever the parameters hold, the answer is one well-formed
 * challenge on one line: control characters and everything outside ASCII are dropped, a parameter that was there before or whose name is
 * not a token is left out, and a `{ token }` that is none is quoted.
 *
 * @throws TypeError when the scheme's name is not a token: nothing could be made of it.
 */
export function formatChallenge (challenge: Challenge): string {
  if (!TOKEN.test(challenge.scheme)) {
    throw new TypeError(`The name of an authentication scheme must be a token (RFC 9110 section 5.6.2); it is ${JSON.stringify(challenge.scheme)}.`)
  }
  let line = challenge.scheme
  let separator = ' '
  const names = new Set<string>()
  for (const [name, value] of challenge.params) {
    const key = name.toLowerCase()
    if (!TOKEN.test(name) || names.has(key)) continue
    names.add(key)
    line += `${separator}${name}=${formatValue(key, value)}`
    separator = ', '
  }
  return line
}

/** A realm is always quoted, RFC 9110 section 11.5. */
function formatValue (name: string, value: string | { readonly token: string }): string {
  if (typeof value === 'string') return quote(value)
  return name !== 'realm' && TOKEN.test(value.token) ? value.token : quote(value.token)
}

/** What is sent in quotes as it is. */
const PLAIN = /^[ !#-[\]-~]*$/

function quote (text: string): string {
  if (PLAIN.test(text)) return `"${text}"`
  return `"${text.replace(/[^ -~]/g, '').replace(/["\\]/g, '\\$&')}"`
}

/**
 * The schemes to challenge with: token schemes first, because several clients read only the first challenge, otherwise in the configured
 * order. Schemes of one name (two issuers) are challenged once, by `tried` if it is among them, since it alone carries the error.
 */
export function orderChallenges (schemes: readonly AnyScheme[], tried?: AnyScheme): readonly AnyScheme[] {
  if (schemes.length === 1) return schemes
  const byName = new Map<string, AnyScheme>()
  for (const scheme of schemes) {
    const name = scheme.name.toLowerCase()
    if (scheme === tried || !byName.has(name)) byName.set(name, scheme)
  }
  const once = [...byName.values()]
  return [...once.filter(isToken), ...once.filter((scheme) => !isToken(scheme))]
}

function isToken (scheme: AnyScheme): boolean {
  return scheme.family === 'token'
}
