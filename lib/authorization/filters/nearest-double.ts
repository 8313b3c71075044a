/** Compares double-precision numbers with an integer that may lie between two of them. */
import type { Order } from './two-valued.ts'

export interface AsDouble {
  readonly operator: Order
  readonly value: number
}

/** The comparison with the nearest double that holds for the same doubles. */
export function asDouble (operator: Order, literal: number | bigint): AsDouble {
  const value = Number(literal)
  if (value > literal) return { operator: below(operator) ? '$lt' : '$gte', value }
  if (value < literal) return { operator: below(operator) ? '$lte' : '$gt', value }
  return { operator, value }
}

/** The double that is equal, or `null` where there is none. */
export function equalDouble (literal: number | bigint): number | null {
  const value = Number(literal)
  // eslint-disable-next-line eqeqeq -- across bigint and number
  return value == literal ? value : null
}

function below (operator: Order): boolean {
  return operator === '$lt' || operator === '$lte'
}
