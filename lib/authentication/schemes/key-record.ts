/** Whether the record of an API key lets a key in, now. */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { Verdict } from '../scheme.ts'

/** What the application keeps of a key. Dates are a `Date` or seconds since 1970. */
export interface KeyRecord<U extends object = object> {
  /** Hex of the SHA-256 of the whole key, or of its HMAC-SHA-256 under the pepper. A list while an old key and its successor both count. */
  readonly hash: string | readonly string[]
  /** Whoever the key stands for. */
  readonly user: U
  /** Default none. */
  readonly scopes?: readonly string[] | null | undefined
  /** From then on the key is refused. Default never. */
  readonly expiresAt?: Date | number | null | undefined
  /** Before then the key is refused. Default: it counts at once. */
  readonly notBefore?: Date | number | null | undefined
  /** Default false. */
  readonly revoked?: boolean | null | undefined
}

const HASH = /^[0-9A-Fa-f]{64}$/

/** 9999-12-31T23:59:59Z. A larger number is a date in milliseconds, and would make a key that never expires. */
const LAST_SECOND = 253_402_300_799

const NO_SCOPES: readonly string[] = Object.freeze([])

/** What an unknown prefix is compared with, so that it takes as long as a known one. */
const NOBODY: readonly Buffer[] = [randomBytes(32)]

/**
 * `digest` is that of the key that was sent, `now` in milliseconds. Whatever is wrong with a key is `invalid`; a record that makes no sense is
 * the application's mistake, hence `unavailable`. What is wrong besides the secret is told only for the right secret, and only to the log.
 */
export function judgeKey<U extends object> (record: KeyRecord<U> | null | undefined, digest: Uint8Array, now: number): Verdict<U> {
  const hashes = record === null || record === undefined ? NOBODY : hashesOf(record.hash)
  if (hashes === null) return unavailable('hash is not a SHA-256 in hex, or a list of them')
  const right = isAmong(hashes, digest)
  if (record === null || record === undefined) return invalid('no key has this prefix')
  if (!right) return invalid('the key is wrong')

  const notBefore = secondsOf(record.notBefore)
  const expiresAt = secondsOf(record.expiresAt)
  if (Number.isNaN(notBefore)) return unavailable('notBefore is neither a Date nor seconds since 1970')
  if (Number.isNaN(expiresAt)) return unavailable('expiresAt is neither a Date nor seconds since 1970')
  if (record.revoked) return noLongerGood('the key is revoked')
  if (notBefore !== null && now < notBefore * 1000) return noLongerGood('the key is not valid yet')
  if (expiresAt !== null && now >= expiresAt * 1000) return noLongerGood('the key has expired')
  return { kind: 'user', user: record.user, auth: { scopes: record.scopes ?? NO_SCOPES, expiresAt } }
}

function hashesOf (hash: unknown): readonly Buffer[] | null {
  const hashes: readonly unknown[] = Array.isArray(hash) ? hash : [hash]
  return hashes.every((one): one is string => typeof one === 'string' && HASH.test(one)) ? hashes.map((one) => Buffer.from(one, 'hex')) : null
}

/** Takes as long wherever in the list the right one stands. */
function isAmong (hashes: readonly Buffer[], digest: Uint8Array): boolean {
  return hashes.filter((hash) => timingSafeEqual(hash, digest)).length > 0
}

/** `null`: no date was given. `NaN`: what was given is none. */
function secondsOf (date: unknown): number | null {
  if (date === null || date === undefined) return null
  if (date instanceof Date) return Math.floor(date.getTime() / 1000)
  return typeof date === 'number' && date <= LAST_SECOND ? date : Number.NaN
}

function invalid (reason: string): Verdict<never> {
  return { kind: 'invalid', reason }
}

/** The key is genuine. */
function noLongerGood (reason: string): Verdict<never> {
  return { kind: 'invalid', reason, guessed: false }
}

function unavailable (what: string): Verdict<never> {
  return { kind: 'unavailable', reason: `the record of an API key makes no sense: ${what}` }
}
