/** Asks a bound condition about one record, in the three-valued logic of Kleene (and of SQL): true, false, or not known. */
import type { Comparison, Condition, EnvironmentComparison, Operand, Scalar } from './condition.ts'
import { instantOf } from './instant.ts'
import { isStorable } from './text.ts'
import { valueAt } from './value-at.ts'

/** `undefined`: it cannot be known, because the record lacks a value or has one of another type. Nothing is ever converted (facts: authorization T5, T6, T16). */
export type Truth = true | false | undefined

/** For a condition without templates (see bind.ts); a template that is left is not known. A record that is no object is not known. */
export function evaluate (condition: Condition, record: unknown): Truth {
  return typeof record === 'object' && record !== null ? truth(condition, record) : undefined
}

/** The same for the `when` of a policy; for the anonymous (`null`) it is not known. */
export function evaluateUser (condition: Condition, user: unknown): Truth {
  return evaluate(condition, user)
}

function truth (condition: Condition, record: object): Truth {
  switch (condition.kind) {
    case 'all': return every(condition.of, record)
    case 'any': return some(condition.of, record)
    case 'not': return not(truth(condition.of, record))
    case 'compare': return compare(condition.operator, valueAt(record, condition.path), condition.operand)
  }
}

function every (conditions: readonly Condition[], record: object): Truth {
  let result: Truth = true
  for (const condition of conditions) {
    const part = truth(condition, record)
    if (part === false) return false
    if (part === undefined) result = undefined
  }
  return result
}

function some (conditions: readonly Condition[], record: object): Truth {
  let result: Truth = false
  for (const condition of conditions) {
    const part = truth(condition, record)
    if (part === true) return true
    if (part === undefined) result = undefined
  }
  return result
}

function not (value: Truth): Truth {
  return value === undefined ? undefined : !value
}

function compare (operator: Comparison | EnvironmentComparison, value: unknown, operand: Operand): Truth {
  switch (operand.from) {
    case 'literal': return compareLiteral(operator as Comparison, value, operand.value)
    case 'networks': return operand.networks.include(value)
    case 'hours': return operand.hours.include(value)
    default: return undefined
  }
}

function compareLiteral (operator: Comparison, value: unknown, literal: Scalar | readonly Scalar[]): Truth {
  switch (operator) {
    case '$exists': return (value !== undefined && value !== null) === literal
    case '$size': return Array.isArray(value) ? value.length === literal : undefined
    case '$all': return hasAll(value, literal as readonly Scalar[])
    case '$in': return isOneOf(value, literal as readonly Scalar[])
    case '$nin': return not(isOneOf(value, literal as readonly Scalar[]))
    case '$eq': return equals(value, literal as Scalar)
    case '$ne': return not(equals(value, literal as Scalar))
    // A text that no store can hold stands nowhere in the order of those that it holds.
    default: return typeof literal === 'string' && !isStorable(literal) ? undefined : inOrder(operator, order(value, literal as Scalar))
  }
}

/** Like `=` of SQL, but for `null` as literal, which asks like `IS NULL`. */
function equals (value: unknown, literal: Scalar): Truth {
  if (value === undefined) return undefined
  if (literal === null) return value === null
  const difference = order(value, literal)
  return difference === undefined ? undefined : difference === 0
}

/** Like `IN` of SQL, which is an OR of `=`; but a value that never compares is not known to be outside of an empty list either (law 11). */
function isOneOf (value: unknown, literals: readonly Scalar[]): Truth {
  let result: Truth = literals.length > 0 || isComparable(value) ? false : undefined
  for (const literal of literals) {
    const same = equals(value, literal)
    if (same === true) return true
    if (same === undefined) result = undefined
  }
  return result
}

function hasAll (value: unknown, literals: readonly Scalar[]): Truth {
  if (!Array.isArray(value)) return undefined
  let result: Truth = true
  for (const literal of literals) {
    const has = contains(value, literal)
    if (has === false) return false
    if (has === undefined) result = undefined
  }
  return result
}

/** Like `literal = ANY(list)` of SQL. */
function contains (list: readonly unknown[], literal: Scalar): Truth {
  let result: Truth = false
  for (const item of list) {
    const same = equals(item, literal)
    if (same === true) return true
    if (same === undefined) result = undefined
  }
  return result
}

function inOrder (operator: '$lt' | '$lte' | '$gt' | '$gte', difference: number | undefined): Truth {
  if (difference === undefined) return undefined
  switch (operator) {
    case '$lt': return difference < 0
    case '$lte': return difference <= 0
    case '$gt': return difference > 0
    case '$gte': return difference >= 0
  }
}

/** Negative, 0 or positive; `undefined` for values that do not compare. */
function order (value: unknown, literal: Scalar): number | undefined {
  switch (typeof value) {
    case 'string': return typeof literal === 'string' ? orderOfTexts(value, literal) : undefined
    case 'boolean': return typeof literal === 'boolean' ? Number(value) - Number(literal) : undefined
    case 'bigint': return isNumber(literal) ? orderOfNumbers(value, literal) : undefined
    case 'number': return isNumber(literal) && !Number.isNaN(value) ? orderOfNumbers(value, literal) : undefined
    default: return value instanceof Date && typeof literal === 'string' ? orderOfInstants(value, literal) : undefined
  }
}

function isComparable (value: unknown): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
    case 'bigint':
      return true
    case 'number':
      return !Number.isNaN(value)
    default:
      return value instanceof Date && !Number.isNaN(value.getTime())
  }
}

function isNumber (literal: Scalar): literal is number | bigint {
  return typeof literal === 'bigint' || (typeof literal === 'number' && !Number.isNaN(literal))
}

function orderOfNumbers (value: number | bigint, literal: number | bigint): number {
  if (value < literal) return -1
  return value > literal ? 1 : 0
}

function orderOfInstants (value: Date, literal: string): number | undefined {
  const difference = value.getTime() - instantOf(literal)
  return Number.isNaN(difference) ? undefined : difference
}

/** By code points, as databases order texts byte by byte (`COLLATE "C"`); `<` of JavaScript puts surrogates before U+E000 to U+FFFF. */
function orderOfTexts (value: string, literal: string): number {
  if (value === literal) return 0
  const shared = Math.min(value.length, literal.length)
  for (let index = 0; index < shared; index++) {
    const difference = rank(value.charCodeAt(index)) - rank(literal.charCodeAt(index))
    if (difference !== 0) return difference
  }
  return value.length - literal.length
}

function rank (unit: number): number {
  if (unit < 0xD800) return unit
  return unit < 0xE000 ? unit + 0x2000 : unit - 0x800
}
