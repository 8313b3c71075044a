/** The condition for a list: which records of a type an action is allowed on, for a backend to translate. */
import type { Condition } from '../policies/condition.ts'
import { evaluate } from '../policies/evaluate.ts'
import type { RequestAbility } from './ability.ts'

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
export function listFilter (ability: RequestAbility, action: string, type: string, hidden: boolean): RecordFilter {
  const filter = recordFilter(ability, action, type)
  return hidden && action !== 'read' ? both(filter, recordFilter(ability, 'read', type)) : filter
}

function both (one: RecordFilter, other: RecordFilter): RecordFilter {
  if (one.kind === 'none' || other.kind === 'every') return one
  if (other.kind === 'none' || one.kind === 'every') return other
  return { kind: 'where', clauses: [...one.clauses, ...other.clauses] }
}

export function recordFilter (ability: RequestAbility, action: string, type: string): RecordFilter {
  const { allowing, inverted } = ability.rules(action, type)
  if (allowing.length === 0 || inverted.includes(null)) return NONE
  const unconditional = allowing.includes(null)
  if (unconditional && inverted.length === 0) return EVERY
  const clause = { allowing: unconditional ? 'every' as const : allowing as readonly Condition[], inverted: inverted as readonly Condition[] }
  return { kind: 'where', clauses: [clause] }
}

/** The same filter for records in memory. */
export function keeps (filter: RecordFilter, record: object): boolean {
  if (filter.kind !== 'where') return filter.kind === 'every'
  return filter.clauses.every(({ allowing, inverted }) =>
    (allowing === 'every' || allowing.some((condition) => evaluate(condition, record) === true)) &&
    inverted.every((condition) => evaluate(condition, record) === false))
}
