/** What happened: one structured event for every answer, on a diagnostics channel, and one log line for every no. */
import { channel } from 'node:diagnostics_channel'
import type { Explanation } from './explanation.ts'

/** An answer. It holds no token, password or attribute of a record; ids and names only. */
export interface DecisionEvent {
  readonly requestId: string
  readonly method: string
  /** The route's pattern, `/articles/:id`. */
  readonly route: string
  readonly outcome: 'allow' | 'deny'
  readonly status: number
  /** The public code of a no; `null` for a yes. */
  readonly code: string | null
  /** Why, for people who run the application. */
  readonly reason: string | null
  /** The user's `id`, or `null` for the anonymous. */
  readonly user: string | null
  /** The user's roles and all that they inherit, as far as they were asked for; of somebody who acts as another, those that both have. */
  readonly roles: readonly string[]
  readonly scheme: string | null
  readonly action: string | null
  readonly subject: string | null
  readonly resourceId: string | null
  /** The rule that decided, `author/2`, and where it stands, `policies/author.yaml:9`. */
  readonly rule: string | null
  readonly place: string | null
  /** Rules that could not be judged, because the user or the record lacks a value; of a no that rules gave, also memberships that counted for nothing, `memberships[0] has no tenant`. */
  readonly lacking: readonly string[]
  /** Of a no that rules gave: every rule that was asked, and what each lacked. Values are never in it. */
  readonly explanation: Explanation | null
  /** The `id` of whoever acts as the user. */
  readonly actor: string | null
  /** The emergency under which the request was decided. */
  readonly breakGlass: { readonly policy: string, readonly reason: string, readonly expiresAt: Date } | null
  /** The version of the policy in force. */
  readonly policy: string | null
  /** Milliseconds from the request's arrival to the answer. */
  readonly duration: number
}

/** Subscribe with `diagnostics_channel.subscribe('fastify-gatehouse:decision', (event) => …)`. */
export const DECISIONS = 'fastify-gatehouse:decision'

const decisions = channel(DECISIONS)

interface Log {
  /** Not called. */
  readonly trace?: unknown
  error: (entry: object, message: string) => void
  warn: (entry: object, message: string) => void
  info: (entry: object, message: string) => void
}

/** Whether anybody wants to hear of a yes. */
export function listening (): boolean {
  return decisions.hasSubscribers
}

/** Whether anybody hears of a no with this status. Levels that are switched off are one function called `noop`: in pino, and in an application without a log. */
export function isHeard (status: number, log: Log): boolean {
  const write = log[levelOf(status)]
  return decisions.hasSubscribers || write !== log.trace || write.name !== 'noop'
}

/** The server's fault is an error, throttling a warning, every other no information. */
function levelOf (status: number): 'error' | 'warn' | 'info' {
  if (status >= 500) return 'error'
  return status === 429 ? 'warn' : 'info'
}

/** Publishes the event; a yes under an emergency is a warning in the log, and a no is also one line in the log. */
export function report (event: DecisionEvent, log: Log, cause?: unknown): void {
  if (decisions.hasSubscribers) decisions.publish(event)
  if (event.outcome === 'allow') {
    if (event.breakGlass !== null) log.warn({ access: event }, `allowed under the emergency ${event.breakGlass.policy}: ${event.breakGlass.reason}`)
    return
  }
  const entry = cause === undefined ? { access: event } : { access: event, err: cause }
  log[levelOf(event.status)](entry, `refused with ${event.status} ${event.code}: ${event.reason}`)
}
