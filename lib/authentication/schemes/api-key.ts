/** API keys, in a header of their own or in `Authorization`, looked up by their prefix and compared by their hash. */
import type { FastifyRequest } from 'fastify'
import { OptionError, wrongOption } from '../../option-error.ts'
import { awaited, isThenable } from '../../thenable.ts'
import { TOKEN } from '../grammar.ts'
import type { RevocationList } from '../revocation-list.ts'
import type { AuthorizationField, CredentialPlace, Found, Scheme, Verdict } from '../scheme.ts'
import { checkRealm, checkSchemeName } from './challenge-options.ts'
import { judgeKey, type KeyRecord } from './key-record.ts'
import { checkPepper, digestOf, MAX_KEY_LENGTH, readKey, type KeyText } from './key-text.ts'
import { checkFunction, checkKeys } from './options.ts'

type Answer<U extends object> = KeyRecord<U> | null | undefined

export interface ApiKeyOptions<U extends object = object> {
  /**
   * The record of the key that has this prefix; `null` or `undefined` if there is none. It says nothing yet about whether the key is right,
   * so do no more than look it up. Throwing is a 503.
   */
  readonly lookup: (prefix: string, request: FastifyRequest) => Answer<U> | Promise<Answer<U>>
  /** The header that carries a key; `false` for none. Default `X-API-Key`. */
  readonly header?: string | false | undefined
  /** The auth-scheme that carries a key in `Authorization`; `false` for none, then the challenge is still named `ApiKey`. Default `ApiKey`. */
  readonly scheme?: string | false | undefined
  /** The protection space. Default: the plugin's realm. */
  readonly realm?: string | undefined
  /** Hashes are then HMAC-SHA-256 with this secret, at least 32 bytes, which the database does not have. Default: plain SHA-256. */
  readonly pepper?: string | Uint8Array | undefined
  /** Keys that were ended, asked once a key has proved right; such a key is a 401, a list that cannot be asked a 503. Default: none but those of `lookup`. */
  readonly revocations?: RevocationList | undefined
  /** The clock, in milliseconds since 1970. Default `Date.now`. */
  readonly now?: (() => number) | undefined
}

const WHERE = 'apiKey()'
const KNOWN = ['lookup', 'header', 'scheme', 'realm', 'pepper', 'revocations', 'now']
const DEFAULTS = { header: 'X-API-Key', scheme: 'ApiKey' }

/** Headers that say something else, or of which Node.js keeps only the first line, so that a second key would not be seen. */
const NOT_FOR_KEYS = new Set(['authorization', 'proxy-authorization', 'cookie', 'set-cookie', 'host', 'from', 'referer', 'user-agent', 'content-type', 'content-length'])

const MALFORMED = `the key is not a prefix, a dot and at least 22 characters of base64url, ${MAX_KEY_LENGTH} characters in all`

/**
 * The scheme `ApiKey`: `X-API-Key: <prefix>.<secret>` or `Authorization: ApiKey <prefix>.<secret>`, also with RFC 8959's `secret-token:` in
 * front. A key that is malformed, unknown, wrong, expired, revoked or not valid yet is the same 401; a key in both places is a 400.
 *
 * @throws OptionError when an option does not make sense.
 */
export function apiKey<U extends object = object> (options: ApiKeyOptions<U>): Scheme<U, KeyText> {
  checkOptions(options)
  const { lookup, header = DEFAULTS.header, scheme = DEFAULTS.scheme, pepper, revocations, now = Date.now } = options
  const name = scheme === false ? DEFAULTS.scheme : scheme
  const headerKey = header === false ? null : header.toLowerCase()
  const schemeKey = scheme === false ? null : scheme.toLowerCase()

  return {
    name,
    family: 'token',
    guessable: false,
    oauth: false,
    varyOn: [...schemeKey === null ? [] : ['Authorization'], ...header === false ? [] : [canonical(header)]],

    find: (request, fields) => findInHeader(request, headerKey) ?? findInAuthorization(fields, schemeKey) ?? { kind: 'nothing' },

    verify ({ prefix, key }, request) {
      const digest = digestOf(key, pepper)
      const judge = (record: Answer<U>): Verdict<U> | Promise<Verdict<U>> => unlessRevoked(judgeKey(record, digest, now()), prefix, request)
      const record = lookup(prefix, request)
      return isThenable(record) ? awaited(record).then(judge) : judge(record)
    },

    challenge: (_reason, context) => ({ scheme: name, params: [['realm', options.realm ?? context.realm]] }),
  }

  function unlessRevoked (verdict: Verdict<U>, prefix: string, request: FastifyRequest): Verdict<U> | Promise<Verdict<U>> {
    if (revocations === undefined || verdict.kind !== 'user') return verdict
    return revocations.checkKey(prefix, request).then((reason) => reason === null ? verdict : { kind: 'invalid', reason, guessed: false })
  }
}

function checkOptions (options: ApiKeyOptions): void {
  checkKeys(WHERE, options, KNOWN)
  const { lookup, header = DEFAULTS.header, scheme = DEFAULTS.scheme, realm, pepper, revocations, now } = options
  checkFunction(WHERE, 'lookup', lookup)
  if (header === false && scheme === false) throw new OptionError(`${WHERE}: \`header\` and \`scheme\` are both false, so there is no place for a key.`)
  if (header !== false && (typeof header !== 'string' || !TOKEN.test(header) || NOT_FOR_KEYS.has(header.toLowerCase()))) {
    throw wrongOption(`${WHERE} header`, header, 'the name of a header that has no other meaning, or false')
  }
  if (scheme !== false) checkSchemeName(`${WHERE} scheme`, scheme)
  checkRealm(`${WHERE} realm`, realm)
  checkPepper(WHERE, pepper)
  if (revocations !== undefined && typeof (revocations as RevocationList | null)?.checkKey !== 'function') {
    throw wrongOption(`${WHERE} revocations`, revocations, 'a list made by revocationList()')
  }
  if (now !== undefined) checkFunction(WHERE, 'now', now)
}

function findInHeader (request: FastifyRequest, header: string | null): Found<KeyText> | null {
  // Of two lines Node.js makes one with a comma, which no key has.
  const sent = header === null ? undefined : request.headers[header]
  return sent === undefined ? null : read(String(sent), 'header')
}

function findInAuthorization (fields: readonly AuthorizationField[], name: string | null): Found<KeyText> | null {
  const field = fields.find(({ scheme }) => scheme === name)
  return field === undefined ? null : read(field.rest, 'authorization')
}

function read (text: string, place: CredentialPlace): Found<KeyText> {
  const credentials = readKey(text)
  return credentials === null ? { kind: 'malformed', place, reason: MALFORMED } : { kind: 'credentials', place, credentials }
}

/** `x-key` as `X-Key`; capitals that are there stay. */
function canonical (header: string): string {
  return header.replace(/(?<=^|-)[a-z]/g, (letter) => letter.toUpperCase())
}
