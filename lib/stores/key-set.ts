/** The public keys of an issuer, fetched from where it publishes them (RFC 7517 section 5). */
import { createLocalJWKSet, errors, type CryptoKey, type JSONWebKeySet, type JWSHeaderParameters } from 'jose'
import { backOff } from './back-off.ts'
import { fetchJson } from './bounded-json.ts'
import { forwardClock } from './clock.ts'

/** Durations are milliseconds. */
export interface KeySetOptions {
  readonly url: URL
  readonly timeout: number
  /** Keys older than this are fetched again before they are used. */
  readonly maxAge: number
  /** An unknown key makes a fetch only if the last one is longer ago than this. */
  readonly cooldown: number
  /** How long keys older than `maxAge` still serve while fetching fails. */
  readonly maxStale: number
  readonly now: () => number
  /** Called for each fetch that failed. */
  readonly failed: (reason: string, cause: unknown) => void
}

/** `unknown`: the issuer has no such key. `unavailable`: nobody can tell now. `holds`: whether the same question would have the same answer now, without a fetch. */
export type KeyAnswer =
  | { readonly kind: 'keys', readonly keys: readonly CryptoKey[], readonly holds: () => boolean }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'unavailable', readonly reason: string, readonly cause: unknown }

export interface KeySet {
  /** The keys that fit the `alg`, which must be an asymmetric one, and the `kid` of a token's header. Never rejects. */
  find: (header: JWSHeaderParameters) => Promise<KeyAnswer>
}

/** What was fetched last. Whose `keys` are the same as those of the fetch before has the same `select`. */
interface Fetched {
  readonly keys: string
  readonly select: ReturnType<typeof createLocalJWKSet>
  readonly at: number
}

const MAX_BYTES = 128 * 1024

/** A token without `kid` may be tried with as many keys, so that a stranger's does not cost a check for every key of a long set: that of now, and its neighbour in a rotation. */
const MAX_CANDIDATES = 2

/**
 * Whatever tokens say, there is one fetch at a time, one for unknown keys in a `cooldown`, and after a failure none for a second, which
 * doubles up to a minute (facts: authentication 2.14 L1 to L5).
 */
export function keySet (options: KeySetOptions): KeySet {
  const { url, timeout, maxAge, cooldown, maxStale, failed } = options
  const clock = forwardClock(options.now)
  const attempts = backOff({ threshold: 1, clock })
  let current: Fetched | undefined
  let failure: { readonly reason: string, readonly cause: unknown } = { reason: 'was not asked', cause: undefined }
  let inFlight: Promise<void> | undefined

  return {
    async find (header) {
      const known = await matching(current, header)
      if (isDue(known.length > 0)) {
        const servesMeanwhile = known.length > 0 && attempts.failing && age() < maxAge + maxStale
        const fetched = refresh()
        if (!servesMeanwhile) await fetched
      }
      const asked = current
      return judge(await matching(asked, header), asked?.select)
    },
  }

  function age (): number {
    return current === undefined ? Number.POSITIVE_INFINITY : clock() - current.at
  }

  function isDue (known: boolean): boolean {
    return age() >= (known ? maxAge : Math.min(maxAge, cooldown))
  }

  function refresh (): Promise<void> | undefined {
    if (inFlight === undefined && attempts.admit()) inFlight = load()
    return inFlight
  }

  async function load (): Promise<void> {
    const answer = await fetchJson({ url, timeout, maxBytes: MAX_BYTES, headers: { accept: 'application/jwk-set+json, application/json' } })
    inFlight = undefined
    if (answer.kind === 'failed') return fail(answer.reason, answer.cause)
    try {
      const keys = JSON.stringify(answer.value)
      current = { keys, select: current?.keys === keys ? current.select : createLocalJWKSet(answer.value as JSONWebKeySet), at: clock() }
      attempts.succeeded()
    } catch (cause) {
      fail('answered something that is not a key set', cause)
    }
  }

  function fail (reason: string, cause: unknown): void {
    attempts.failed()
    // without the query, which may hold a key
    failure = { reason: `the key set ${url.origin}${url.pathname} ${reason}`, cause }
    // whoever reports it may fail, also later: that changes no answer
    tell(failure.reason, cause).catch(() => {})
  }

  async function tell (reason: string, cause: unknown): Promise<void> {
    return failed(reason, cause)
  }

  function judge (keys: readonly CryptoKey[], asked: Fetched['select'] | undefined): KeyAnswer {
    if (age() >= maxAge + maxStale) return { kind: 'unavailable', ...failure }
    // By the next fetch the issuer may have taken a key back; that somebody made us fetch what we had changes nothing.
    if (keys.length > 0) return { kind: 'keys', keys, holds: () => current?.select === asked && age() < maxAge }
    return attempts.failing ? { kind: 'unavailable', ...failure } : { kind: 'unknown' }
  }
}

/** A key that is not public, or that nothing can be verified with, is as good as none. */
async function matching (fetched: Fetched | undefined, header: JWSHeaderParameters): Promise<readonly CryptoKey[]> {
  if (fetched === undefined) return []
  try {
    return [await fetched.select(header)]
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) return []
    const keys: CryptoKey[] = []
    for await (const key of error) {
      keys.push(key)
      if (keys.length === MAX_CANDIDATES) break
    }
    return keys
  }
}
