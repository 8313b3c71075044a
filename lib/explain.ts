/** `app.gatehouse.explain`: what the policy in force says of a user, an action and a record, and why. */
import type { Abilities } from './authorization/abilities.ts'
import { decideNext, decideRecord, type Asker, type Ruling } from './authorization/decision.ts'
import { explain } from './authorization/explanation.ts'
import { whole } from './authorization/fields.ts'
import { membershipsIn, rolesIn } from './authorization/membership.ts'
import type { Can } from './authorization/requirement.ts'
import type { AnyResource } from './authorization/resource.ts'
import { placeText } from './authorization/why-not.ts'
import { checkQuestion } from './explain-question.ts'
import type { Settings } from './options.ts'
import type { PreCheck } from './policies/policy.ts'
import type { State } from './policies/schema.ts'
import type { Explanation } from './reporting/explanation.ts'

export interface ExplainOptions {
  /** Left out: whether the action could be allowed on any record. */
  readonly record?: object
  /** A field of it. */
  readonly field?: string
  /** Of an update: the record as it is (`old`, the default) or as it would be (`new`). */
  readonly state?: State
  /** What the environment is supposed to be. Default: the time of now, and nothing else. */
  readonly environment?: object
  /** The emergency that is supposed to be granted. */
  readonly breakGlass?: string
  /** Whether values of the record, the user and the environment are told. Default `false`: paths only. */
  readonly values?: boolean
}

/** What the client would learn. */
export interface Answer {
  readonly outcome: 'allow' | 'forbidden' | 'hidden' | 'fields'
  /** The public code of a no, where the policy gives one. */
  readonly code: string | null
}

export interface Explained extends Explanation {
  /** The first that refuses the user, whatever the rules say; a route may let him through `despite` it. `null`: none does. */
  readonly preCheck: { readonly name: string, readonly code: string, readonly place: string } | null
  /** Of the pre-checks, and of the rules. `null` where no pre-check refuses, and no resource with a record was given, for which alone the rest can be told. */
  readonly answer: Answer | null
}

/** `user` is `null` for the anonymous. Throws a TypeError for what is no subject, resource or action, and for words that the policy does not know. */
export function explainDecision (abilities: Abilities, settings: Settings, user: object | null, action: string, on: string | AnyResource, options: ExplainOptions = {}): Explained {
  const subject = typeof on === 'string' ? on : on?.subject
  if (typeof action !== 'string' || typeof subject !== 'string') throw new TypeError('explain(user, action, resource) takes the name of an action, and a resource or the name of a subject')
  const { policy } = abilities
  checkQuestion({ action, subject, options }, policy)
  const { field, state, values } = options
  const record = options.record === undefined ? undefined : whole(options.record)
  const asker = askerOf(abilities, settings, user, options)
  const explanation = explain(asker.ability, asker.held, { action, subject, record, field, state, values })
  const check = user === null ? undefined : policy.preChecks.find((check) => check.refuses(user))
  if (check !== undefined) return { ...explanation, preCheck: toldCheck(check), answer: { outcome: 'forbidden', code: check.code } }
  const answer = typeof on === 'string' || record === undefined ? null : answerOf({ kind: 'can', action, target: action === 'create' ? on.proposed(() => record) : on.record }, asker, record, options)
  return { ...explanation, preCheck: null, answer }
}

function toldCheck ({ name, code, place }: PreCheck): Explained['preCheck'] {
  return { name, code, place: placeText(place) }
}

function askerOf (abilities: Abilities, settings: Settings, user: object | null, { environment, breakGlass }: ExplainOptions): Asker & { readonly held: readonly string[] } {
  const roles = user === null ? [] : rolesIn(settings.roles(user))
  const memberships = user === null ? [] : membershipsIn(settings.memberships(user))
  const now = new Date()
  return {
    user,
    roles: abilities.inherited(roles),
    held: [...roles, ...memberships.flatMap((membership) => membership.roles)],
    signIn: null,
    ability: abilities.of(user, roles, { memberships, environment: { now, ...environment }, breakGlass: breakGlass ?? null }),
    now: now.getTime() / 1000,
  }
}

function answerOf (can: Can, asker: Asker, record: object, { field, state }: ExplainOptions): Answer {
  const written = field === undefined ? [] : [field]
  const ruling: Ruling | null = state === 'new' ? decideNext(can, asker, record, { record, overwritten: [] }, written) : decideRecord(can, asker, record, written)
  if (ruling?.kind !== 'no') return { outcome: 'allow', code: null }
  return { outcome: ruling.as === 'hidden' || ruling.as === 'fields' ? ruling.as : 'forbidden', code: ruling.code }
}
