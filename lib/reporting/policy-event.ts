/** What happened to the policies: one structured event on a diagnostics channel, and one log line with it. */
import { channel } from 'node:diagnostics_channel'

export interface PolicyEvent {
  /**
   * `loaded`: another policy is in force. `kept`: what was read makes no sense, or nothing could be read, and the policy before stays in force.
   * `unchanged`: the policy in force is what was read, after it was `kept` or where somebody asked by a signal.
   */
  readonly outcome: 'loaded' | 'kept' | 'unchanged'
  /** The version in force from now on. */
  readonly version: string
  /** The version in force until now; `null` at the start. */
  readonly previous: string | null
  /** Everything that is wrong, a line each: `policies/author.yaml:4:5 unknown key …`. */
  readonly problems: readonly string[]
  /** Where the policies come from, `policies` or `redis gatehouse:policies`. */
  readonly source: string
  /** Why they were read. `retry`: the source was down. */
  readonly trigger: PolicyTrigger
  /** Milliseconds from the first byte read to this event. */
  readonly duration: number
}

export type PolicyTrigger = 'start' | 'call' | 'signal' | 'change' | 'interval' | 'retry'

/** Subscribe with `diagnostics_channel.subscribe('fastify-gatehouse:policy', (event) => …)`. */
export const POLICIES = 'fastify-gatehouse:policy'

const policies = channel(POLICIES)

export interface PolicyLog {
  error: (entry: object, message: string) => void
  warn: (entry: object, message: string) => void
  info: (entry: object, message: string) => void
  debug: (entry: object, message: string) => void
}

/** Publishes the event and logs it: what is kept is an error; what is loaded, information; and at the start, where nothing changes, for debugging. */
export function reportPolicy (event: PolicyEvent, log: PolicyLog, cause?: unknown): void {
  if (policies.hasSubscribers) policies.publish(event)
  if (event.trigger === 'start') return log.debug({ policy: event }, text(event))
  if (event.outcome !== 'kept') return log.info({ policy: event }, text(event))
  log.error(cause === undefined ? { policy: event } : { policy: event, err: cause }, text(event))
}

function text ({ outcome, version, previous, problems, source }: PolicyEvent): string {
  switch (outcome) {
    case 'loaded':
      return `the policies are in force: ${source}, version ${version}${previous === null ? '' : ` in place of ${previous}`}`
    case 'unchanged':
      return `the policies are what is in force: ${source}, version ${version}`
    case 'kept':
      return `the policies before stay in force, version ${version}: ${problems.join('\n')}`
  }
}
