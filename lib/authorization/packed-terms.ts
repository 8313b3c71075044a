/** What CASL's conditions can say in one rule: some operators at some paths, all of which must match. */

export type Operator = '$in' | '$nin' | '$lt' | '$lte' | '$gt' | '$gte' | '$exists' | '$all' | '$size' | '$regex' | '$elemMatch'

/** One operator at one path. */
export interface Term {
  readonly path: string
  readonly operator: Operator
  readonly value: unknown
}

/** All of these; none of them: every record. */
export type Terms = readonly Term[]

/** As they stand in a rule of CASL. */
export type CaslConditions = Readonly<Record<string, unknown>>

export function term (path: string, operator: Operator, value: unknown): Term {
  return { path, operator, value }
}

/**
 * CASL compares a map with a text as `[object Object]`, and takes it for none that is less, and none that is equal. Between these two are all maps, and of
 * texts those only that begin with `[object Object\\` and four characters that are none (U+FFFF).
 */
const BELOW_MAPS = '[object Object\\\uffff\uffff\uffff\uffff'
const ABOVE_MAPS = '[object Object]'

export function isMap (path: string): Terms {
  return [term(path, '$gt', BELOW_MAPS), term(path, '$lt', ABOVE_MAPS)]
}

/** A map holds an operator once for each path, so that two of a kind become one. `none`: nothing is both. */
export function conditionsOf (terms: Terms): CaslConditions | 'every' | 'none' {
  const paths = new Map<string, Map<Operator, unknown>>()
  for (const { path, operator, value } of terms) {
    const operators = paths.get(path) ?? new Map<Operator, unknown>()
    paths.set(path, operators)
    const merged = operators.has(operator) ? merge(operator, operators.get(operator), value) : value
    if (merged === NEVER) return 'none'
    operators.set(operator, merged)
  }
  return paths.size === 0 ? 'every' : Object.fromEntries([...paths].map(([path, operators]) => [path, written(operators)]))
}

const NEVER = Symbol('nothing is both')

function merge (operator: Operator, one: unknown, other: unknown): unknown {
  switch (operator) {
    case '$in': {
      const both = (one as unknown[]).filter((value) => (other as unknown[]).includes(value))
      return both.length === 0 ? NEVER : both
    }
    case '$nin':
    case '$all':
      return [...new Set([...one as unknown[], ...other as unknown[]])]
    case '$lt':
    case '$lte':
    case '$gt':
    case '$gte':
      // A map is less than any number too.
      if (operator === '$lt' && typeof one !== typeof other && [one, other].includes(ABOVE_MAPS)) return ABOVE_MAPS
      // No value is a number and a text. What is not known of the one or the other is in alternatives of its own.
      if (typeof one !== typeof other) return NEVER
      return ((one as number) < (other as number)) === operator.startsWith('$lt') ? one : other
    default:
      return JSON.stringify(one) === JSON.stringify(other) ? one : NEVER
  }
}

/** `{ status: 'draft' }` is what people write for `{ status: { $in: ['draft'] } }`. */
function written (operators: ReadonlyMap<Operator, unknown>): unknown {
  const [value, ...others] = operators.get('$in') as unknown[] | undefined ?? []
  const isOne = operators.size === 1 && value !== undefined && value !== null && others.length === 0
  return isOne ? value : Object.fromEntries(operators)
}
