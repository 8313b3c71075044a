/** From what follows `Digest` to its parameters, strictly (RFC 7616 section 3.4). */
import { DIGEST_ALGORITHMS, type DigestAlgorithm } from './digest-hash.ts'

/** All but the user name as it was sent, one character a byte, with the quotes and their escapes taken off. */
export interface DigestCredentials {
  readonly algorithm: DigestAlgorithm
  /** The user's name; with `userhash` its hash, in lower-case hexadecimal. */
  readonly username: string
  readonly userhash: boolean
  readonly realm: string
  readonly nonce: string
  readonly uri: string
  readonly response: string
  readonly cnonce: string
  readonly nc: string
  readonly opaque: string
}

export type ReadDigest =
  | { readonly kind: 'credentials', readonly credentials: DigestCredentials }
  | { readonly kind: 'malformed', readonly reason: string }
  /** A parameter is missing or there twice, or it is no list of parameters: nothing can be evaluated. */
  | { readonly kind: 'incomplete', readonly reason: string }

type Name = { readonly kind: 'name', readonly username: string, readonly userhash: boolean } | Exclude<ReadDigest, { kind: 'credentials' }>

/** The longest credentials that are looked at, in characters. */
const MAX_LENGTH = 8192

/** Without `qop` it would be the Digest of RFC 2069, which a replay passes (facts: authentication D3). */
const REQUIRED = ['realm', 'nonce', 'uri', 'response', 'qop', 'nc', 'cnonce', 'opaque'] as const

// Linear: where one part of a pattern may end, no other can begin. RFC 9110 sections 5.6.1 to 5.6.4 and 11.2.
const PARAMETER = /([!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]*=[ \t]*(?:"((?:[\t !#-[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*)"|([!#$%&'*+\-.^_`|~0-9A-Za-z]+))[ \t]*(?:,[ \t,]*|$)/y

/** `ext-value` of RFC 8187 section 3.2.1. */
const EXTENDED = /^utf-8'[0-9a-z-]*'((?:[!#$&+\-.^_`|~0-9a-z]|%[0-9a-f]{2})*)$/i

const LOWER_HEX = /^[0-9a-f]*$/
const COUNT = /^[0-9a-f]{8}$/i

// eslint-disable-next-line no-control-regex -- they are what it is about
const CONTROL = /[\0-\x1f\x7f]/

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Every parameter once, all of them there, each of its form; those that nobody knows are ignored. `accepted` are the algorithms that the
 * server offers. A value may be quoted or not, whichever the RFC asks for (facts: authentication D2, D7).
 */
export function readDigest (text: string, accepted: readonly DigestAlgorithm[]): ReadDigest {
  if (text.length > MAX_LENGTH) return malformed(`the credentials are longer than ${MAX_LENGTH} characters`)
  const params = readParameters(text)
  if (params === null) return incomplete('the credentials are no list of parameters, or one of them is there twice')
  const missing = REQUIRED.find((name) => !params.has(name))
  if (missing !== undefined) return incomplete(`the parameter ${missing} is missing`)
  const sent = Object.fromEntries(REQUIRED.map((name) => [name, params.get(name)])) as Record<typeof REQUIRED[number], string>

  // RFC 7616 section 3.4: without the parameter it is MD5
  const wanted = (params.get('algorithm') ?? 'MD5').toUpperCase()
  const algorithm = accepted.find((name) => name === wanted)
  if (algorithm === undefined) return malformed('the algorithm is none that is offered')
  const { digits } = DIGEST_ALGORITHMS[algorithm]

  const { qop, ...rest } = sent
  if (qop.toLowerCase() !== 'auth') return malformed('the quality of protection is not auth')
  if (!COUNT.test(rest.nc)) return malformed('the nonce count is not eight hexadecimal digits')
  if (!isHash(rest.response, digits)) return malformed('the response is not a hash of the algorithm')
  const name = readName(params, digits)
  if (name.kind !== 'name') return name
  return { kind: 'credentials', credentials: { ...rest, algorithm, username: name.username, userhash: name.userhash } }
}

/** By lower-case name; `null` for what is no `1#auth-param`, or has one twice. */
function readParameters (text: string): Map<string, string> | null {
  const params = new Map<string, string>()
  PARAMETER.lastIndex = 0
  while (PARAMETER.lastIndex < text.length) {
    const match = PARAMETER.exec(text)
    if (match === null) return null
    const name = (match[1] as string).toLowerCase()
    if (params.has(name)) return null
    params.set(name, match[3] ?? (match[2] as string).replace(/\\(.)/g, '$1'))
  }
  return params
}

/** Exactly one of `username` and `username*`; a userhash is never extended (RFC 7616 section 3.4). */
function readName (params: ReadonlyMap<string, string>, digits: number): Name {
  const [plain, extended, userhash = 'false'] = [params.get('username'), params.get('username*'), params.get('userhash')?.toLowerCase()]
  if (userhash !== 'true' && userhash !== 'false') return malformed('userhash is neither true nor false')
  if (userhash === 'true') {
    if (plain === undefined || extended !== undefined || !isHash(plain, digits)) return malformed('the user name is not a hash of the algorithm')
    return { kind: 'name', username: plain, userhash: true }
  }
  if ((plain === undefined) === (extended === undefined)) return incomplete('there is no user name, or more than one')
  const username = plain === undefined ? readExtended(extended as string) : decode(Buffer.from(plain, 'latin1'))
  if (username === null || CONTROL.test(username)) return malformed('the user name is not UTF-8, or holds a control character')
  return { kind: 'name', username, userhash: false }
}

function readExtended (value: string): string | null {
  const encoded = EXTENDED.exec(value)?.[1]
  if (encoded === undefined) return null
  return decode(Buffer.from(encoded.replace(/%(..)/g, (_escape, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))), 'latin1'))
}

function decode (bytes: Uint8Array): string | null {
  try {
    return utf8.decode(bytes)
  } catch {
    return null
  }
}

/** `LHEX` of RFC 7616 section 3.4.1, of one length. */
function isHash (text: string, digits: number): boolean {
  return text.length === digits && LOWER_HEX.test(text)
}

function incomplete (reason: string): { readonly kind: 'incomplete', readonly reason: string } {
  return { kind: 'incomplete', reason }
}

function malformed (reason: string): { readonly kind: 'malformed', readonly reason: string } {
  return { kind: 'malformed', reason }
}
