/** `request.can` and `request.authorize`: decisions that a handler asks for, always on a resource and a record. */
import { decideRecord, type No, type Ruling } from './authorization/decision.ts'
import { whole } from './authorization/fields.ts'
import type { Can } from './authorization/requirement.ts'
import type { AnyResource } from './authorization/resource.ts'
import { didYouMean } from './nearest.ts'
import type { Passage } from './passage.ts'
import type { Policy } from './policies/policy.ts'
import { refusal } from './refusal.ts'
import { knownActions } from './route-plan.ts'
import { noteDecision } from './witness.ts'

/** Whether the user may do the action on this record. */
export function canRecord (passage: Passage, action: string, resource: AnyResource, record: object): boolean {
  return authorizeRecord(passage, action, resource, record) === null
}

/** The no for the action on this record, or `null`. Throws a TypeError where no record is given: a bare type would ignore conditions (facts: authorization T1). */
export function authorizeRecord (passage: Passage, action: string, resource: AnyResource, record: object): No | null {
  if (typeof resource !== 'object' || resource === null || resource.kind !== 'resource') throw new TypeError('expected a resource, as resource(…) makes it')
  if (typeof record !== 'object' || record === null || Array.isArray(record)) throw new TypeError(`expected a record of ${resource.subject}`)
  checkAction(action, passage.abilities.policy)
  passage.asked?.add(resource)
  const can: Can = { kind: 'can', action, target: resource.record }
  const asker = passage.asker()
  const ruling = ruled(() => decideRecord(can, asker, whole(record), []))
  const no = ruling.kind === 'no' ? noOf(ruling, asker.user) : null
  noteDecision(passage, { action, resource, record, no })
  return no
}

function noOf (no: No, user: object | null): No {
  return user === null && no.as !== 'hidden' ? { ...no, as: 'unauthenticated', code: null, fields: [] } : no
}

/** Law 10. What a decision asks of the application (the roles of a user, a value of a record) may throw. */
function ruled (decision: () => Ruling): Ruling {
  try {
    return decision()
  } catch (cause) {
    throw refusal('temporarily_unavailable', { reason: 'the decision failed', cause })
  }
}

/** A typo would be a no for ever; a route's own is found at the start. Without policies everything is a no. */
function checkAction (action: string, policy: Policy): void {
  if (policy.actions.size === 0 || policy.actions.has(action)) return
  const known = knownActions(policy)
  if (!known.has(action)) throw new TypeError(`no rule mentions the action "${action}".${didYouMean(action, known)}`)
}
