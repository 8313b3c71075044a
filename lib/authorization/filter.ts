/** The condition for a list: which records of a type an action is allowed on, for a backend to translate. */
import type { Condition } from '../policies/condition.ts'
import { evaluate } from '../policies/evaluate.ts'
import type { RequestAbility } from './ability.ts'

/**
 * A record is in the list when one of `allowing` is true for it and every one of `inverted` is false for it.
 * Both are three-valued as in SQL: where a record lacks a value, a condition is neither true nor false.
 */
export type RecordFilter =
  | { readonly kind: 'none' }
  | { readonly kind: 'every' }
  | { readonly kind: 'where', readonly allowing: readonly Condition[] | 'every', readonly inverted: readonly Condition[] }

const NONE: RecordFilter = { kind: 'none' }
const EVERY: RecordFilter = { kind: 'every' }

export function recordFilter (ability: RequestAbility, action: string, type: string): RecordFilter {
  const { allowing, inverted } = ability.rules(action, type)
  if (allowing.length === 0 || inverted.includes(null)) return NONE
  const unconditional = allowing.includes(null)
  if (unconditional && inverted.length === 0) return EVERY
  return {
    kind: 'where',
    allowing: unconditional ? 'every' : allowing as readonly Condition[],
    inverted: inverted as readonly Condition[],
  }
}

/** The same filter for records in memory. */
export function keeps (filter: RecordFilter, record: object): boolean {
  if (filter.kind !== 'where') return filter.kind === 'every'
  const allowed = filter.allowing === 'every' || filter.allowing.some((condition) => evaluate(condition, record) === true)
  return allowed && filter.inverted.every((condition) => evaluate(condition, record) === false)
}
