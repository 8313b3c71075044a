/** User name and password that is never sent (RFC 7616), verified with the hashes that the application stores. */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { Found, Scheme, Verdict } from '../scheme.ts'
import { readDigest, type DigestCredentials } from '../digest-credentials.ts'
import { DIGEST_ALGORITHMS, digestResponse, type DigestAlgorithm } from '../digest-hash.ts'
import { CLOCK_SKEW, createNonces } from '../digest-nonce.ts'
import { digestSettings, type DigestOptions, type DigestRecord } from '../digest-options.ts'
import { isFromScript } from '../from-script.ts'
import { oneAfterAnother } from '../one-after-another.ts'
import { StoreUnavailable } from '../../stores/unavailable.ts'

export { digestHash, digestUserhash, type DigestAlgorithm } from '../digest-hash.ts'
export type { DigestLookup, DigestOptions, DigestRecord } from '../digest-options.ts'

/** The error of who knew the password and needs only a new nonce (RFC 7616 section 3.3, `stale`). */
const STALE = 'stale'

/**
 * The scheme `Digest`, with the quality of protection `auth`: one challenge for each algorithm, nonces that are proven and not stored, each
 * nonce count good for one request in whatever order they come. Unknown names and wrong passwords are one answer.
 *
 * `auth-int` is not offered: it covers the body, and no body is read before the user is known.
 *
 * @throws OptionError when an option does not make sense.
 */
export function digest<U extends object> (options: DigestOptions<U>): Scheme<U, DigestCredentials> {
  const { realm: ownRealm, algorithms, secret, lifetime, spareFetch, marks, now } = digestSettings(options)
  const { lookup } = options
  const nonces = createNonces({ secret, lifetime, now })
  const userhash = lookup.length > 1

  return {
    name: 'Digest',
    family: 'other',
    guessable: true,
    oauth: false,
    varyOn: ['Authorization'],

    find (request, fields) {
      const field = fields.find(({ scheme }) => scheme === 'digest')
      if (field === undefined) return { kind: 'nothing' }
      const read = readDigest(field.rest, algorithms)
      if (read.kind !== 'credentials') return malformed(read.reason, read.kind === 'incomplete')
      const { credentials } = read
      // RFC 7616 section 3.4.6: a uri that is not the request's own is a 400.
      if (credentials.uri !== request.originalUrl) return malformed('the uri is not the request target', true)
      const reason = misuse(credentials)
      if (reason !== null) return malformed(reason)
      return { kind: 'credentials', place: 'authorization', credentials, account: credentials.username }
    },

    share: oneAfterAnother<DigestCredentials>(({ username }) => username),

    async verify (credentials, request) {
      const { username, algorithm, realm, nonce, nc } = credentials
      const account = accountOf(await lookup(username, { userhash: credentials.userhash, algorithm, realm }), algorithm)
      const expected = digestResponse(algorithm, account.ha1, { ...credentials, method: request.method })
      const equal = timingSafeEqual(Buffer.from(expected), Buffer.from(credentials.response))
      if (account.kind === 'unknown') return { kind: 'invalid', reason: account.reason }
      if (!equal) return { kind: 'invalid', reason: 'the password is wrong' }

      const left = nonces.timeLeft(nonce)
      if (left === 0) return stale('the nonce has expired')
      // by the nonce and its count alone: the same response goes with the name, the extended name and the userhash
      const first: unknown = await marks.putOnce(`digest|${nonce}|${nc.toLowerCase()}`, Math.ceil(left) + CLOCK_SKEW)
      if (first === true) return { kind: 'user', user: account.user }
      if (first === false) return stale('the nonce count was used before')
      throw new StoreUnavailable(new TypeError('putOnce answered neither true nor false'))
    },

    challenge (reason, context) {
      const realm = ownRealm ?? context.realm
      const nonce = nonces.make(realm)
      const opaque = nonces.opaque(realm)
      const isStale = reason.kind === 'error' && reason.error === STALE
      // who knew the password needs no dialog, but its browser must understand that it is to try again
      const scheme = spareFetch && !isStale && isFromScript(context.request) ? 'xDigest' : 'Digest'
      return algorithms.map((algorithm) => ({
        scheme,
        params: [
          ['realm', realm],
          ['qop', 'auth'],
          ['algorithm', { token: algorithm }],
          ['nonce', nonce],
          ['opaque', opaque],
          ['charset', { token: 'UTF-8' }],
          ...flag('userhash', userhash),
          ...flag('stale', isStale),
        ],
      }))
    },
  }

  /** What is wrong before any password is tried; `null` when nothing is. Only who was challenged with a realm has a nonce for it. */
  function misuse (sent: DigestCredentials): string | null {
    if (sent.userhash && !userhash) return 'the user name is hashed, which was not offered'
    if (ownRealm !== undefined && sent.realm !== ownRealm) return 'the realm is another'
    if (!nonces.isOurs(sent.nonce, sent.realm)) return 'the nonce is not one of ours for this realm'
    if (sent.opaque !== nonces.opaque(sent.realm)) return 'opaque did not come back unchanged'
    return null
  }
}

/** An unknown one has a hash too, which is nobody's: it is compared like any other, so that it takes the same time (facts: authentication D8). */
type Account<U> =
  | { readonly kind: 'known', readonly user: U, readonly ha1: string }
  | { readonly kind: 'unknown', readonly reason: string, readonly ha1: string }

/** @throws TypeError for a record that is none, which is the application's mistake. */
function accountOf<U extends object> (record: DigestRecord<U> | null | undefined, algorithm: DigestAlgorithm): Account<U> {
  const { digits } = DIGEST_ALGORITHMS[algorithm]
  const ha1 = randomBytes(digits / 2).toString('hex')
  if (record === null || record === undefined) return { kind: 'unknown', reason: 'nobody is known by this name', ha1 }
  if (typeof record.ha1 !== 'object' || record.ha1 === null) throw new TypeError('lookup returned a record without ha1')
  const stored: unknown = record.ha1[algorithm]
  if (stored === undefined) return { kind: 'unknown', reason: `there is no hash of this user for ${algorithm}`, ha1 }
  if (typeof stored !== 'string' || stored.length !== digits || !/^[0-9a-f]+$/.test(stored)) {
    throw new TypeError(`lookup returned as ha1 for ${algorithm} what is not ${digits} digits of lower-case hexadecimal`)
  }
  return { kind: 'known', user: record.user, ha1: stored }
}

/** RFC 7616 section 3.3: sent only where true, and without quotes. */
function flag (name: string, set: boolean): Array<readonly [string, { readonly token: string }]> {
  return set ? [[name, { token: 'true' }]] : []
}

function stale (reason: string): Verdict<never> {
  return { kind: 'invalid', error: STALE, reason, guessed: false }
}

/** What cannot be evaluated at all is a 400, all else that is wrong with the form a 401 (facts: authentication 6). */
function malformed (reason: string, cannotBeEvaluated = false): Found<never> {
  return { kind: 'malformed', place: 'authorization', reason, ...cannotBeEvaluated && { error: 'invalid_request' as const } }
}
