/** Credentials that were ended before their time: a token, all tokens of a user, or an API key. */
import type { FastifyRequest } from 'fastify'
import { OptionError, wrongOption } from '../option-error.ts'
import { refusal } from '../refusal.ts'
import { fencedMarks, nonsense } from '../stores/fenced-marks.ts'
import type { MarkStore } from '../stores/marks.ts'
import { memoryMarks } from '../stores/memory-marks.ts'
import type { Claims } from './claims.ts'
import { apiKeyKey, tokenKey, userKey, userTag, withoutSignature } from './revocation-keys.ts'
import { checkFunction, checkKeys, numberWithin } from './schemes/options.ts'

export interface RevocationListOptions {
  /** Where revocations are kept. Default `memoryMarks()`: in this process, until it ends. */
  readonly marks?: MarkStore | undefined
  /** Seconds from `iat` to `exp` that a token may have, 60 to 31,536,000: so long is remembered that a user's tokens were ended. Default 86,400. */
  readonly maxLifetime?: number | undefined
  /** The clock, in milliseconds since 1970. Default `Date.now`. */
  readonly now?: (() => number) | undefined
}

/**
 * Where the store cannot be reached, or holds what makes no sense, whatever revokes rejects with the refusal `temporarily_unavailable`, which a handler may
 * let pass, and whatever checks with `StoreUnavailable`.
 */
export interface RevocationList {
  /** Ends the credentials, tokens or API keys, that this request was admitted with. Rejects with an `Error` when it was admitted with none. */
  revoke: (request: FastifyRequest) => Promise<void>
  /** The same, and all tokens of the same users that were issued before now: whoever `sub` names, whatever `id` the application gives them. */
  revokeAll: (request: FastifyRequest) => Promise<void>
  /** Ends one token; `expiresAt` is its `exp`, seconds since 1970. */
  revokeToken: (token: { readonly issuer: string, readonly subject: string, readonly jti: string, readonly expiresAt: number }) => Promise<void>
  /** Ends all tokens of a user that were issued before a time, by default now. An earlier time never takes the place of a later one. */
  revokeUser: (user: { readonly issuer: string, readonly subject: string, readonly before?: Date | undefined }) => Promise<void>
  /** Ends the API key with this prefix, for ten years: set `revoked` in its record too. */
  revokeKey: (prefix: string) => Promise<void>
  /** For schemes, once the token has proved right. `null`: it is not revoked; otherwise the reason, for the log. One look-up. */
  checkToken: (token: string, claims: Claims, request: FastifyRequest) => Promise<string | null>
  /** For schemes, once the key has proved right. As `checkToken`. */
  checkKey: (prefix: string, request: FastifyRequest) => Promise<string | null>
}

/** What a request was admitted with. */
interface Admitted {
  /** Key in the store of each credential, and until when it is to be there: milliseconds since 1970. */
  readonly ends: Map<string, number>
  /** Keys in the store of the users of tokens. */
  readonly users: Set<string>
}

const WHERE = 'revocationList()'
const KNOWN = ['marks', 'maxLifetime', 'now']
const USED_OF_MARKS = ['put', 'get', 'getMany'] as const
const DEFAULT_LIFETIME = 86_400
const LIFETIME = { min: 60, max: 31_536_000, whole: false, unit: 'seconds' }

/** By how much clocks may differ, in milliseconds: the most `clockTolerance` that a scheme allows. */
const TOLERANCE = 300_000

const TEN_YEARS = 10 * 365.25 * 86_400_000

/** 9999-12-31T23:59:59Z. A larger number is a date in milliseconds. */
const LAST_SECOND = 253_402_300_799

/** Milliseconds since 1970, as `revokeUser` writes them. */
const INSTANT = /^\d{1,16}$/

/**
 * A list that schemes ask once a token or key has proved right; give it to them as `revocations`. With `redisMarks()` all processes share it,
 * and it survives a restart. Its store learns nobody's name and no token: keys are hashes.
 *
 * A user's tokens are judged by their `iat`, in whole seconds: what was issued within the very second of `revokeUser` is ended too, also after it, and a
 * token without `iat` always. A token that lives longer than `maxLifetime`, or was issued in the future, cannot be judged and is refused.
 *
 * @throws OptionError when an option does not make sense.
 */
export function revocationList (options: RevocationListOptions = {}): RevocationList {
  checkKeys(WHERE, options, KNOWN)
  const { marks = memoryMarks(), now = Date.now } = options
  checkMarks(marks)
  checkFunction(WHERE, 'now', now)
  const maxLifetime = numberWithin(WHERE, 'maxLifetime', options.maxLifetime ?? DEFAULT_LIFETIME, LIFETIME) * 1000
  const store = fencedMarks(marks)
  const admitted = new WeakMap<FastifyRequest, Admitted>()

  return {
    async revoke (request) {
      const { ends } = admittedWith('revoke()', request)
      await orRefuse(Promise.all([...ends].map(([key, until]) => end(key, until))))
    },

    async revokeAll (request) {
      const { ends, users } = admittedWith('revokeAll()', request)
      const time = Math.ceil(now())
      await orRefuse(Promise.all([...[...users].map((key) => endBefore(key, time)), ...[...ends].map(([key, until]) => end(key, until))]))
    },

    async revokeToken ({ issuer, subject, jti, expiresAt }) {
      const texts = { issuer, subject, jti }
      for (const [name, text] of Object.entries(texts)) checkText(`revokeToken() ${name}`, text)
      numberWithin('revokeToken()', 'expiresAt', expiresAt, { min: 0, max: LAST_SECOND, whole: false, unit: 'seconds since 1970' })
      await orRefuse(end(tokenKey(userTag(issuer, subject), 'jti', jti), lastUse(expiresAt)))
    },

    async revokeUser ({ issuer, subject, before }) {
      checkText('revokeUser() issuer', issuer)
      checkText('revokeUser() subject', subject)
      const time = now()
      const instant = before === undefined ? Math.ceil(time) : instantOf(before, time)
      await orRefuse(endBefore(userKey(userTag(issuer, subject)), instant))
    },

    async revokeKey (prefix) {
      checkPrefix(prefix)
      await orRefuse(store.put(apiKeyKey(prefix), '', TEN_YEARS))
    },

    async checkToken (token, claims, request) {
      const { iss, sub, exp, iat, jti } = claims as Claims & { readonly iat?: number | undefined }
      const time = now()
      const issuedAt = iat === undefined ? null : iat * 1000
      if (issuedAt !== null && issuedAt > time + TOLERANCE) return 'the token was issued in the future'
      if (exp * 1000 - (issuedAt ?? time) > maxLifetime) return 'the token lives longer than revocations are kept'

      const tag = userTag(iss, sub)
      const ownKey = typeof jti === 'string' && jti !== '' ? tokenKey(tag, 'jti', jti) : tokenKey(tag, 'token', withoutSignature(token))
      const [own, user] = await store.getBoth([ownKey, userKey(tag)])
      if (own !== null) return 'the token was revoked'
      if (user !== null && isEnded(issuedAt, user)) return 'the tokens of this user were revoked'
      remember(request, ownKey, lastUse(exp)).users.add(userKey(tag))
      return null
    },

    async checkKey (prefix, request) {
      const key = apiKeyKey(prefix)
      if (await store.get(key) !== null) return 'the key was revoked'
      remember(request, key, now() + TEN_YEARS)
      return null
    },
  }

  function remember (request: FastifyRequest, key: string, until: number): Admitted {
    const known = admitted.get(request) ?? { ends: new Map<string, number>(), users: new Set<string>() }
    known.ends.set(key, until)
    admitted.set(request, known)
    return known
  }

  function admittedWith (who: string, request: FastifyRequest): Admitted {
    const known = admitted.get(request)
    if (known === undefined) throw new Error(`${who}: this request was admitted with no token and no API key of a scheme that has this list as \`revocations\``)
    return known
  }

  async function end (key: string, until: number): Promise<void> {
    const ttl = Math.ceil(until - now())
    if (ttl > 0) await store.put(key, '', ttl)
  }

  async function endBefore (key: string, instant: number): Promise<void> {
    const known = await store.get(key)
    // two callers at the same moment may both read the older time; then the one who writes last is right
    const latest = known !== null && INSTANT.test(known) ? Math.max(Number(known), instant) : instant
    // `before` may lie in the future by as much as clocks differ, and a token is good for as much after its end
    await store.put(key, String(latest), maxLifetime + 2 * TOLERANCE)
  }
}

function checkMarks (marks: Partial<MarkStore> | null): void {
  const missing = USED_OF_MARKS.find((name) => typeof marks?.[name] !== 'function')
  // it may be a URL with a password, so it is not shown
  if (missing !== undefined) throw new OptionError(`${WHERE} marks: it has no method \`${missing}\`; give it a store such as memoryMarks() or redisMarks({ client }).`)
}

function checkText (where: string, text: unknown): void {
  if (typeof text !== 'string' || text === '') throw wrongOption(where, text, 'a text that is not empty')
}

/** A whole key given by mistake would end nothing, and is not shown. */
function checkPrefix (prefix: unknown): void {
  if (typeof prefix !== 'string' || prefix === '' || prefix.includes('.')) {
    throw new OptionError('revokeKey(): it takes the prefix of a key: what stands before the dot, without the dot and the secret.')
  }
}

/** Milliseconds. @throws OptionError unless `before` is a date that is not to come. */
function instantOf (before: Date, time: number): number {
  const instant = before instanceof Date ? before.getTime() : Number.NaN
  if (!(instant >= 0 && instant <= time + TOLERANCE)) throw wrongOption('revokeUser() before', before, 'a Date from 1970 until now')
  return instant
}

/** Whether the tokens of a user that were ended are those of this time, too. A time that nobody knows is before any. */
function isEnded (issuedAt: number | null, mark: string): boolean {
  if (!INSTANT.test(mark)) return nonsense('a time that is no number')
  return issuedAt === null || issuedAt < Number(mark)
}

/** Until when a scheme may accept a token, in milliseconds. */
function lastUse (expiresAt: number): number {
  return expiresAt * 1000 + TOLERANCE
}

/** For callers in handlers: whether it was ended nobody knows, and they can come again. */
async function orRefuse (deed: Promise<unknown>): Promise<void> {
  try {
    await deed
  } catch (cause) {
    throw refusal('temporarily_unavailable', { reason: 'it could not be kept that the credentials have ended', cause })
  }
}
