/** Puts the values of the moment into a condition: the user's, the environment's, and the tenants of a membership. */
import type { Condition, Operand, Path, Scalar } from './condition.ts'
import { valueAt } from './value-at.ts'

export type Bound =
  | { readonly kind: 'bound', readonly condition: Condition }
  | Lack

/** There is no value at `path` that this comparison can use: an allowing rule then does not apply, an inverted one applies to every record. */
export interface Lack {
  readonly kind: 'lacking'
  readonly of: 'user' | 'environment'
  readonly path: Path
}

/** What stands around a user. */
export interface Surroundings {
  readonly environment: object
  /** The tenants in which the user has a role by a membership. */
  readonly tenantsOf: (role: string) => readonly Scalar[]
}

export const NO_SURROUNDINGS: Surroundings = { environment: {}, tenantsOf: () => [] }

/**
 * A condition without templates; parts that have none are the same objects as before. Lacking is a user (or an environment) without
 * ANY of the needed values (`null`: the anonymous), wherever in the condition it stands: no rule may widen because a value vanished.
 */
export function bind (condition: Condition, user: unknown, surroundings: Surroundings = NO_SURROUNDINGS): Bound {
  const result = bound(condition, { user, surroundings })
  return isLack(result) ? result : { kind: 'bound', condition: result }
}

interface Sources {
  readonly user: unknown
  readonly surroundings: Surroundings
}

function bound (condition: Condition, sources: Sources): Condition | Lack {
  switch (condition.kind) {
    case 'compare': return boundComparison(condition, sources)
    case 'not': {
      const of = bound(condition.of, sources)
      if (of === condition.of) return condition
      return isLack(of) ? of : { kind: 'not', of }
    }
    default:
      return boundParts(condition, sources)
  }
}

function boundComparison (condition: Extract<Condition, { kind: 'compare' }>, { user, surroundings }: Sources): Condition | Lack {
  const { path, operator, operand } = condition
  switch (operand.from) {
    case 'user':
    case 'environment': {
      const value = operand.from === 'user' ? valueAt(user, operand.path) : asWritten(valueAt(surroundings.environment, operand.path))
      const given = operand.item === true ? [value] : value
      return isUsable(operator, given) ? { kind: 'compare', path, operator, operand: literal(given) } : { kind: 'lacking', of: operand.from, path: operand.path }
    }
    case 'memberships':
      return { kind: 'compare', path, operator, operand: literal(surroundings.tenantsOf(operand.role) as Usable) }
    default:
      return condition
  }
}

function boundParts (condition: Extract<Condition, { of: readonly Condition[] }>, sources: Sources): Condition | Lack {
  const before = condition.of
  let after: Condition[] | null = null
  for (let index = 0; index < before.length; index++) {
    const part = before[index] as Condition
    const result = bound(part, sources)
    if (isLack(result)) return result
    if (result === part) continue
    after ??= before.slice()
    after[index] = result
  }
  return after === null ? condition : { kind: condition.kind, of: after }
}

type Usable = Exclude<Scalar, null> | readonly Exclude<Scalar, null>[]

function isUsable (operator: string, value: unknown): value is Usable {
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

/** An instant, `$environment.now`, is compared as policies write it. */
function asWritten (value: unknown): unknown {
  return value instanceof Date && !Number.isNaN(value.getTime()) ? value.toISOString() : value
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

function isLack (result: Condition | Lack): result is Lack {
  return result.kind === 'lacking'
}
