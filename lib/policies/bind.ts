/** Puts a user's values into a condition. */
import type { Comparison, Condition, Operand, Path, Scalar } from './condition.ts'
import { valueAt } from './value-at.ts'

export type Bound =
  | { readonly kind: 'bound', readonly condition: Condition }
  /** The user has no value at `path` that this comparison can use: an allowing rule then does not apply, an inverted one applies to every record. */
  | { readonly kind: 'lacking', readonly path: Path }

/**
 * A condition of literals only; parts that need nothing of the user are the same objects as before. Lacking is a user without
 * ANY of the needed values (`null`: the anonymous), wherever in the condition it stands: no rule may widen because a value vanished.
 */
export function bind (condition: Condition, user: unknown): Bound {
  const result = bound(condition, user)
  return isPath(result) ? { kind: 'lacking', path: result } : { kind: 'bound', condition: result }
}

/** The bound condition, or the path at which the user lacks a value. */
function bound (condition: Condition, user: unknown): Condition | Path {
  switch (condition.kind) {
    case 'compare': {
      const { path, operator, operand } = condition
      if (operand.from === 'literal') return condition
      const value = valueAt(user, operand.path)
      return isUsable(operator, value) ? { kind: 'compare', path, operator, operand: literal(value) } : operand.path
    }
    case 'not': {
      const of = bound(condition.of, user)
      if (of === condition.of) return condition
      return isPath(of) ? of : { kind: 'not', of }
    }
    default:
      return boundParts(condition, user)
  }
}

function boundParts (condition: Extract<Condition, { of: readonly Condition[] }>, user: unknown): Condition | Path {
  const before = condition.of
  let after: Condition[] | null = null
  for (let index = 0; index < before.length; index++) {
    const part = before[index] as Condition
    const result = bound(part, user)
    if (isPath(result)) return result
    if (result === part) continue
    after ??= before.slice()
    after[index] = result
  }
  return after === null ? condition : { kind: condition.kind, of: after }
}

type Usable = Exclude<Scalar, null> | readonly Exclude<Scalar, null>[]

function isUsable (operator: Comparison, value: unknown): value is Usable {
  switch (operator) {
    case '$in':
    case '$nin':
    case '$all':
      return Array.isArray(value) && areOfOneKind(value)
    case '$lt':
    case '$lte':
    case '$gt':
    case '$gte':
      return isScalar(value) && typeof value !== 'boolean'
    default:
      return isScalar(value)
  }
}

/** An empty list is a value: a user without teams is in none of them. */
function areOfOneKind (values: readonly unknown[]): boolean {
  for (let index = 0; index < values.length; index++) {
    const value = values[index]
    if (!isScalar(value) || kind(value) !== kind(values[0])) return false
  }
  return true
}

function kind (value: unknown): string {
  return typeof value === 'bigint' ? 'number' : typeof value
}

function isScalar (value: unknown): value is Exclude<Scalar, null> {
  switch (typeof value) {
    case 'string':
    case 'boolean':
    case 'bigint':
      return true
    case 'number':
      return Number.isFinite(value)
    default:
      return false
  }
}

function literal (value: Usable): Operand {
  return { from: 'literal', value }
}

function isPath (result: Condition | Path): result is Path {
  return Array.isArray(result)
}
