/** Whom tokens stand for, remembered for a while. */
import { createHash } from 'node:crypto'
import { forwardClock } from '../../stores/clock.ts'
import { expiring } from '../../stores/expiring.ts'
import { awaited, isThenable } from '../../thenable.ts'
import type { Claims } from '../claims.ts'

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

/** How long a question is waited for by others, in milliseconds: one that is never answered must not keep a user out for good. */
const PATIENCE = 10_000

const NOBODY = Object.freeze({ user: null })

/**
 * Asks `identify` once for a token, also when several requests come with it at the same time. Users are shared by requests, so they are
 * frozen, with the lists and plain objects that they hold. A rejection is not remembered, and tokens are known here only by their SHA-256.
 */
export function knownUsers<U extends object> ({ identify, keepFor, size, now }: KnownUsersOptions<U>) {
  const clock = forwardClock(now)
  const users = expiring<{ readonly user: U | null }>(size, clock)
  const inFlight = new Map<string, { readonly answer: Promise<Known<U>>, readonly since: number }>()

  return function whoIs (token: string, claims: Claims): Known<U> | Promise<Known<U>> {
    const key = createHash('sha256').update(token).digest('base64')
    const kept = users.get(key)
    if (kept !== undefined) return kept.user
    const asked = inFlight.get(key)
    return asked === undefined || clock() - asked.since > PATIENCE ? ask(key, claims) : asked.answer
  }

  function ask (key: string, claims: Claims): Known<U> | Promise<Known<U>> {
    const known = identify(claims)
    if (!isThenable(known)) return keep(key, known, claims)
    const answer = awaited(known).then((user) => keep(key, user, claims)).finally(() => {
      if (inFlight.get(key) === asked) inFlight.delete(key)
    })
    const asked = { answer, since: clock() }
    inFlight.set(key, asked)
    return answer
  }

  function keep (key: string, user: Known<U>, { exp }: Claims): Known<U> {
    const ttl = Math.min(keepFor, exp * 1000 - now())
    if (user === null || user === undefined) users.put(key, NOBODY, Math.min(ttl, NOBODY_FOR))
    // what is no object is no user: it is not kept, and whoever asked refuses it
    else if (typeof user === 'object') users.put(key, { user: frozen(user) }, ttl)
    return user
  }
}

/** Also below what is frozen already. What has a class of its own may need to change, and is left alone below the user itself. */
function frozen<T extends object> (value: T): T {
  // Each once, as one may hold itself. Without recursion: how deep it is nested, the application decides.
  const seen = new Set<object>([value])
  for (const one of seen) {
    Object.freeze(one)
    for (const held of Object.values(one)) {
      if (isPlain(held)) seen.add(held)
    }
  }
  return value
}

function isPlain (value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return Array.isArray(value) || prototype === Object.prototype || prototype === null
}
