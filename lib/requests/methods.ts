/** `request.can` and `request.authorize`: decisions that a handler asks for, always on a resource and a record. */
import { decideRecord, type No, type Ruling } from '../authorization/decision.ts'
import { whole } from '../authorization/fields.ts'
import { MANAGE_IS_FOR_RULES, type Can } from '../authorization/requirement.ts'
import type { AnyResource } from '../authorization/resource.ts'
import { didYouMean } from '../nearest.ts'
import type { Policy } from '../policies/policy.ts'
import { refusal } from '../refusal.ts'
import { knownActions } from '../routes/problems.ts'
import { isThenable } from '../thenable.ts'
import type { Passage } from './passage.ts'
import { noteDecision } from './witness.ts'

/** Whether the user may do the action on this record. */
export function canRecord (passage: Passage, action: string, resource: AnyResource, record: object | null | undefined): boolean {
  return authorizeRecord(passage, action, resource, record) === null
}

/**
 * The no for the action on this record, or `null`. Throws a TypeError where no record is given: a bare type would ignore conditions (facts: authorization T1).
 * Of a hidden subject, `null` and `undefined` are a record that was not found, and the no is that of one that is hidden (law 4).
 */
export function authorizeRecord (passage: Passage, action: string, resource: AnyResource, record: object | null | undefined): No | null {
  if (typeof resource !== 'object' || resource === null || resource.kind !== 'resource') throw new TypeError('expected a resource, as resource(…) makes it')
  const found = resource.hidden && (record === null || record === undefined) ? null : recordOf(record, resource)
  checkAction(action, resource, passage.abilities.policy)
  passage.asked?.add(resource)
  const can: Can = { kind: 'can', action, target: resource.record }
  if (found === null) return { kind: 'no', as: 'missing', reason: `the handler found no such ${resource.subject}`, rule: null, code: null, part: can, fields: [], asked: null }
  const asker = passage.asker()
  const ruling = ruled(() => decideRecord(can, asker, whole(found), []))
  const no = ruling.kind === 'no' ? noOf(ruling, asker.user) : null
  noteDecision(passage, { action, resource, record: found, no })
  return no
}

function recordOf (record: unknown, { subject }: AnyResource): object {
  if (typeof record !== 'object' || record === null || Array.isArray(record)) throw new TypeError(`expected a record of ${subject}`)
  if (isThenable(record)) throw new TypeError(`expected a record of ${subject}, and got a promise of one: await it`)
  return record
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
function checkAction (action: string, { subject }: AnyResource, policy: Policy): void {
  if (action === 'manage') throw new TypeError(`request.can("manage", ${subject}, …): ${MANAGE_IS_FOR_RULES}`)
  if (policy.actions.size === 0 || policy.actions.has(action)) return
  const known = knownActions(policy)
  if (!known.has(action)) throw new TypeError(`no rule mentions the action "${action}".${didYouMean(action, known)}`)
}
