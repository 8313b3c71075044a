/** What throttles and quotas report: counts and hashed keys, never an account's name or an address. */
import { channel } from 'node:diagnostics_channel'

/**
 * - `failure`: a credential was wrong. Reported for each dimension that counts it.
 * - `locked`: that failure locked its key, for `retryAfter` seconds. Follows its `failure`.
 * - `hard_stop`: so many failures in a row that the secret should not be accepted any more (NIST SP 800-63B-4 section 3.2.2). Follows its `failure`, once.
 * - `denied`: an attempt was refused without being checked.
 * - `overflow`: locks fill the memory of the default store; until there is room, whoever is not in it is denied. Once an episode.
 */
export interface AttemptEvent {
  readonly kind: 'failure' | 'locked' | 'hard_stop' | 'denied' | 'overflow'
  /** The name of the throttle, `sign-in`. */
  readonly throttle: string
  /** What is counted: a network, an account, or a known device. */
  readonly dimension: 'address' | 'account' | 'device'
  /** The name of the counter, `sign-in:account:` and 43 characters. */
  readonly key: string
  /** The failures counted for the key at that moment. */
  readonly failures: number
  /** Whole seconds until the key is unlocked; 0 when it is not locked. */
  readonly retryAfter: number
}

/** The store of a throttle or of the quotas stopped answering, or answers again. Once an outage. */
export interface StoreEvent {
  readonly kind: 'store_down' | 'store_up'
  /** The name of the throttle; `quotas` for those. */
  readonly throttle: string
  /** What happens until it answers: it is counted in memory, refused, or (quotas) allowed. */
  readonly meanwhile: 'memory' | 'refuse' | 'allow'
  /** Why, for `store_down`. For people who run the application. */
  readonly cause: unknown
}

export type ThrottleEvent = AttemptEvent | StoreEvent

/** Subscribe with `diagnostics_channel.subscribe('fastify-gatehouse:throttle', (event) => …)`. */
export const THROTTLE = 'fastify-gatehouse:throttle'

const events = channel(THROTTLE)

interface Log {
  error: (entry: object, message: string) => void
  warn: (entry: object, message: string) => void
  info: (entry: object, message: string) => void
}

const MEANWHILE = { memory: 'counted in the memory of this process, more strictly', refuse: 'refused', allow: 'allowed' } as const

/** Publishes the event. What somebody who runs the application should know of is also one line in the log; single failures and denials are not: each is a refusal, which has a line of its own. */
export function reportThrottle (event: ThrottleEvent, log: Log): void {
  if (events.hasSubscribers) events.publish(event)
  switch (event.kind) {
    case 'store_down':
      return log.error({ throttle: event.throttle, err: event.cause }, `the counters of ${event.throttle} cannot be reached; meanwhile requests are ${MEANWHILE[event.meanwhile]}`)
    case 'store_up':
      return log.info({ throttle: event.throttle }, `the counters of ${event.throttle} answer again`)
    case 'hard_stop':
      return log.warn({ throttle: event }, `${event.failures} wrong secrets in a row for one ${event.dimension} of ${event.throttle}: its secret should be replaced`)
    case 'overflow':
      return log.warn({ throttle: event }, `locked keys fill the memory of ${event.throttle}: whoever is not in it is denied for now`)
    case 'failure':
    case 'locked':
    case 'denied':
  }
}
