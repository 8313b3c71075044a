/** The condition for a list: which records of a type an action is allowed on, for a backend to translate. */
import type { Condition } from '../policies/condition.ts'
import { evaluate } from '../policies/evaluate.ts'
import type { Ability, BoundRules } from './ability.ts'

/**
 * One of `allowing` must be true for the record, and every one of `inverted` false.
 * Both are three-valued as in SQL: where a record lacks a value, a condition is neither true nor false.
 */
export interface Clause {
  readonly allowing: readonly Condition[] | 'every'
  readonly inverted: readonly Condition[]
}

/** A record is in the list when every clause holds for it. */
export type RecordFilter =
  | { readonly kind: 'none' }
  | { readonly kind: 'every' }
  | { readonly kind: 'where', readonly clauses: readonly Clause[] }

const NONE: RecordFilter = { kind: 'none' }
const EVERY: RecordFilter = { kind: 'every' }

/** The records on which an action is allowed; of a hidden type only those that may be read too, as in the check on one record. */
export function listFilter (ability: Ability, action: string, type: string, hidden: boolean): RecordFilter {
  const filter = recordFilter(ability, action, type)
  return hidden && action !== 'read' ? both(filter, recordFilter(ability, 'read', type)) : filter
}

function both (one: RecordFilter, other: RecordFilter): RecordFilter {
  if (one.kind === 'none' || other.kind === 'every') return one
  if (other.kind === 'none' || one.kind === 'every') return other
  return { kind: 'where', clauses: [...one.clauses, ...other.clauses] }
}

/** Where somebody acts as another, the records that both may have. */
export function recordFilter (ability: Ability, action: string, type: string): RecordFilter {
  return ability.each.map((one) => filterOf(one.rules(action, type))).reduce(both)
}

function filterOf ({ allowing, inverted, emergency }: BoundRules): RecordFilter {
  if (emergency.length > 0) return emergencyFilter(allowing, inverted, emergency)
  if (allowing.length === 0 || inverted.includes(null)) return NONE
  const unconditional = allowing.includes(null)
  if (unconditional && inverted.length === 0) return EVERY
  const clause = { allowing: unconditional ? 'every' as const : allowing as readonly Condition[], inverted: inverted as readonly Condition[] }
  return { kind: 'where', clauses: [clause] }
}

/** `(A and not I) or E`, as the clauses `A or E` and, for each of I, `not I or E`. */
function emergencyFilter (allowing: BoundRules['allowing'], inverted: BoundRules['inverted'], emergency: BoundRules['emergency']): RecordFilter {
  const lifts = emergency.filter((condition) => condition !== null)
  if (lifts.length < emergency.length) return EVERY
  const allowed: Clause = { allowing: allowing.includes(null) ? 'every' : [...allowing as readonly Condition[], ...lifts], inverted: [] }
  const forbidden = inverted.map((condition): Clause => ({ allowing: condition === null ? lifts : [{ kind: 'not', of: condition }, ...lifts], inverted: [] }))
  return { kind: 'where', clauses: [allowed, ...forbidden] }
}

/** The same filter for records in memory. */
export function keeps (filter: RecordFilter, record: object): boolean {
  if (filter.kind !== 'where') return filter.kind === 'every'
  return filter.clauses.every(({ allowing, inverted }) =>
    (allowing === 'every' || allowing.some((condition) => evaluate(condition, record) === true)) &&
    inverted.every((condition) => evaluate(condition, record) === false))
}
