/** What the diagnostics channel tells of policies, for one test. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { POLICIES, type PolicyEvent } from '../../lib/reporting/policy-event.ts'
import { happenings, type Happenings } from '../support/signalled.ts'

export function policyEvents (t: { teardown: (end: () => unknown) => void }): Happenings<PolicyEvent> {
  const events = happenings<PolicyEvent>()
  const hear = (event: unknown): void => events.happened(event as PolicyEvent)
  subscribe(POLICIES, hear)
  t.teardown(() => unsubscribe(POLICIES, hear))
  return events
}
