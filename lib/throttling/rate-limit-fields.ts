/** The fields `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-11), which are lists of structured fields (RFC 9651). */
import type { Allowance, Spending } from '../stores/counters.ts'
import { secondsOf } from './seconds.ts'

/** What is sent in quotes as it is: printable ASCII without `"` and `\` (RFC 9651 section 3.3.3). */
const NAME = /^[!#-[\]-~](?:[ !#-[\]-~]{0,62}[!#-[\]-~])?$/

/** In words, for messages. */
export const NAME_RULE = '1 to 64 printable ASCII characters without quotes and backslashes'

export function isPolicyName (name: unknown): name is string {
  return typeof name === 'string' && NAME.test(name)
}

/** `"burst";q=100;w=60`. A window that is not whole seconds has no place in it. */
export function policyMember (name: string, { limit, window }: Allowance): string {
  const seconds = window / 1000
  return `"${name}";q=${limit}${Number.isInteger(seconds) ? `;w=${seconds}` : ''}`
}

/** `"burst";r=50;t=30`: `t` is the whole seconds until nothing is spent any more; where something is denied, no later than `Retry-After`. */
export function limitMember (name: string, { remaining, resetAfter }: Spending, retryAfter: number | null): string {
  const reset = resetAfter === 0 ? 0 : secondsOf(resetAfter)
  return `"${name}";r=${remaining};t=${retryAfter === null ? reset : Math.min(reset, retryAfter)}`
}
