/** Which values of a document a policy's literal compares with, by families of BSON types. */
import { instantOf } from '../../policies/instant.ts'
import type { Scalar } from '../../policies/condition.ts'
import { asDouble, equalDouble } from './nearest-double.ts'
import type { Order } from './two-valued.ts'

export type Literal = Exclude<Scalar, null>

export const FAMILIES = ['string', 'number', 'boolean', 'date'] as const
export type Family = typeof FAMILIES[number]

/** As `$type` names them. Not decimal: the driver gives an object for it, which a check compares with nothing. */
export const TYPES: Readonly<Record<Family, readonly string[]>> = { string: ['string'], number: ['double', 'int', 'long'], boolean: ['bool'], date: ['date'] }

/** A text that is an instant compares with dates too; NaN compares with nothing. */
export function familiesOf (literal: Literal): readonly Family[] {
  switch (typeof literal) {
    case 'string': return Number.isNaN(instantOf(literal)) ? ['string'] : ['string', 'date']
    case 'boolean': return ['boolean']
    default: return Number.isNaN(literal) ? [] : ['number']
  }
}

/** The values of these families that equal the literal. */
export function equalTo (literal: Literal, families: readonly Family[]): unknown[] {
  return familiesOf(literal).filter((family) => families.includes(family)).flatMap((family) => equalIn(literal, family))
}

function equalIn (literal: Literal, family: Family): unknown[] {
  switch (typeof literal) {
    // Half of a surrogate pair would be stored as U+FFFD.
    case 'string': return family === 'date' ? [new Date(instantOf(literal))] : /\p{Surrogate}/u.test(literal) ? [] : [literal]
    case 'boolean': return [literal]
    default: {
      if (isLong(literal)) return [literal]
      const double = equalDouble(literal)
      return double === null ? [] : [double]
    }
  }
}

/** `{ $lt: … }` for values of this family, which must be one of the literal's. */
export function ordered (operator: Order, literal: Literal, family: Family): Readonly<Record<string, unknown>> {
  switch (typeof literal) {
    case 'string': return { [operator]: family === 'date' ? new Date(instantOf(literal)) : literal }
    case 'boolean': return { [operator]: literal }
    default: {
      if (isLong(literal)) return { [operator]: literal }
      const double = asDouble(operator, literal)
      return { [double.operator]: double.value }
    }
  }
}

/** An integer that only a long holds. A driver writes one beyond 64 bits as another number: but for a double, nothing that is stored equals such a one. */
function isLong (literal: number | bigint): boolean {
  return typeof literal === 'bigint' && !Number.isSafeInteger(Number(literal)) && BigInt.asIntN(64, literal) === literal
}
