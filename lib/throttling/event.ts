/** What a throttle reports: counts and hashed keys, never an account's name or an address. */
import type { Dimension } from './ladder.ts'

/**
 * - `failure`: a credential was wrong. Reported for each dimension that counts it.
 * - `locked`: that failure locked its key, for `retryAfter` seconds. Follows its `failure`.
 * - `denied`: an attempt was refused without being checked.
 * - `overflow`: locks fill the memory of the default store; until there is room, whoever is not in it is denied. Once an episode.
 */
export interface ThrottleEvent {
  readonly kind: 'failure' | 'locked' | 'denied' | 'overflow'
  readonly dimension: Dimension
  /** The name of the counter, `sign-in:account:` and 43 characters. */
  readonly key: string
  /** The failures counted for the key at that moment. */
  readonly failures: number
  /** Whole seconds until the key is unlocked; 0 when it is not locked. */
  readonly retryAfter: number
}
