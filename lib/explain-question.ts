/** Checks what an explanation is asked for: a typo would be a no for a reason that is none. */
import { didYouMean } from './nearest.ts'
import { declaredOf, isWithin } from './policies/declared.ts'
import type { Policy } from './policies/policy.ts'
import { STATES } from './policies/schema.ts'
import type { Entity } from './policies/subjects.ts'
import { instead, quoted } from './policies/words.ts'
import { knownActions } from './routes/problems.ts'

const OPTIONS = ['record', 'field', 'state', 'environment', 'breakGlass', 'values']

export interface Asked {
  readonly action: string
  readonly subject: string
  readonly options: object
}

/**
 * An attribute of the record that is not declared may be a column that no rule needs: it is a mistake where it is nearly one that is declared,
 * and that the record lacks.
 *
 * @throws {TypeError} for words that the policy does not know
 */
export function checkQuestion ({ action, subject, options }: Asked, policy: Policy): void {
  const { record, field, state, environment } = options as { readonly record?: unknown, readonly field?: unknown, readonly state?: unknown, readonly environment?: unknown }
  const strange = Object.keys(options).find((name) => !OPTIONS.includes(name))
  if (strange !== undefined) throw new TypeError(`explain: there is no option ${quoted(strange)}.${instead(strange, OPTIONS)}`)
  if (state !== undefined && !(STATES as readonly unknown[]).includes(state)) throw new TypeError(`explain: there is no state ${told(state)}.${instead(String(state), STATES)}`)
  if (record !== undefined && (typeof record !== 'object' || record === null || Array.isArray(record))) throw new TypeError(`explain: expected a record of ${subject}, not ${told(record)}`)
  if (field !== undefined && typeof field !== 'string') throw new TypeError(`explain: expected the name of a field, not ${told(field)}`)
  const declared = declaredOf(policy)
  checkWords(action, subject, policy, declared.subjects)
  const entity = declared.subjects?.get(subject)
  if (entity !== undefined && field !== undefined && !isWithin(entity, field)) throw new TypeError(`explain: unknown field ${quoted(field)} of ${subject}.${instead(field, entity.attributes.keys())}`)
  if (entity !== undefined && record !== undefined) checkNames(record as object, entity)
  if (declared.environment !== null && typeof environment === 'object' && environment !== null) checkNames(environment, declared.environment)
}

/** An application without policies has no words. */
function checkWords (action: string, subject: string, policy: Policy, declared: ReadonlyMap<string, Entity> | null): void {
  if (policy.actions.size === 0) return
  const actions = knownActions(policy)
  if (!actions.has(action)) throw new TypeError(`explain: no rule mentions the action ${quoted(action)}.${instead(action, actions)}`)
  // Where nothing is declared and a rule is for "all", any name may be a subject's.
  if (policy.subjects.has(subject) || declared?.has(subject) === true || (declared === null && policy.subjects.has('all'))) return
  throw new TypeError(`explain: no rule mentions the subject ${quoted(subject)}.${instead(subject, declared?.keys() ?? policy.subjects)}`)
}

function checkNames (values: object, entity: Entity): void {
  const lacking = [...entity.attributes.keys()].filter((name) => !Object.hasOwn(values, name))
  for (const name of Object.keys(values)) {
    const mend = isWithin(entity, name) ? '' : didYouMean(name, lacking)
    if (mend !== '') throw new TypeError(`explain: unknown attribute ${quoted(name)} of ${entity.name}.${mend}`)
  }
}

function told (value: unknown): string {
  return typeof value === 'string' ? quoted(value) : value === null ? 'null' : Array.isArray(value) ? 'a list' : `a value of the type ${typeof value}`
}
