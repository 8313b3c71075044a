/** Whom tokens stand for, remembered for a while. */
import { createHash } from 'node:crypto'
import { forwardClock } from '../../stores/clock.ts'
import { expiring } from '../../stores/expiring.ts'
import type { Claims } from '../claims.ts'
import { isThenable } from '../thenable.ts'

/** What the application says of a token's claims: the user, or nobody. */
export type Known<U> = U | null | undefined

export interface KnownUsersOptions<U extends object> {
  readonly identify: (claims: Claims) => Known<U> | Promise<Known<U>>
  /** Milliseconds; at most until the token expires. */
  readonly keepFor: number
  readonly size: number
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** How long nobody is remembered, in milliseconds: a user who was just made should not have to wait. */
const NOBODY_FOR = 10_000

const NOBODY = Object.freeze({ user: null })

/**
 * Asks `identify` once for a token, also when several requests come with it at the same time. Users are shared by requests, so they are
 * frozen. A rejection is not remembered, and tokens are known here only by their SHA-256.
 */
export function knownUsers<U extends object> ({ identify, keepFor, size, now }: KnownUsersOptions<U>) {
  const users = expiring<{ readonly user: U | null }>(size, forwardClock(now))
  const inFlight = new Map<string, Promise<Known<U>>>()

  return function whoIs (token: string, claims: Claims): Known<U> | Promise<Known<U>> {
    const key = createHash('sha256').update(token).digest('base64')
    const kept = users.get(key)
    return kept === undefined ? inFlight.get(key) ?? ask(key, claims) : kept.user
  }

  function ask (key: string, claims: Claims): Known<U> | Promise<Known<U>> {
    const known = identify(claims)
    if (!isThenable(known)) return keep(key, known, claims)
    const asked = Promise.resolve(known).then((user) => keep(key, user, claims)).finally(() => inFlight.delete(key))
    inFlight.set(key, asked)
    return asked
  }

  function keep (key: string, user: Known<U>, { exp }: Claims): Known<U> {
    const ttl = Math.min(keepFor, exp * 1000 - now())
    if (user === null || user === undefined) users.put(key, NOBODY, Math.min(ttl, NOBODY_FOR))
    // what is no object is no user: it is not kept, and whoever asked refuses it
    else if (typeof user === 'object') users.put(key, { user: Object.freeze(user) }, ttl)
    return user
  }
}
