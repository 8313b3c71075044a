/** How Prisma is asked about values of each type, on PostgreSQL, so that the database answers as a check in memory does. */
import { instantOf } from '../../policies/instant.ts'
import { isStorable } from '../../policies/text.ts'
import type { Scalar } from '../../policies/condition.ts'
import { asDouble, equalDouble } from './nearest-double.ts'
import type { Order, Part } from './two-valued.ts'

export type PrismaType = 'string' | 'uuid' | 'integer' | 'bigint' | 'float' | 'boolean' | 'datetime'
export type Literal = Exclude<Scalar, null>

/** A `where` object, or a part of one. */
export type PrismaWhere = Readonly<Record<string, unknown>>

/** Puts operators on the field. */
type Ask = (operators: PrismaWhere) => PrismaWhere

export interface Kind {
  /** Whether such a literal compares with the values at all. */
  readonly compares: (literal: Literal) => boolean
  /** The value that equals the literal, in a list of one; none where the column cannot hold it. */
  readonly stored: (literal: Literal) => readonly unknown[]
  /** Of one value or more. */
  readonly equal: (values: readonly unknown[], ask: Ask) => PrismaWhere
  /** Of one value or more. */
  readonly different: (values: readonly unknown[], ask: Ask) => PrismaWhere
  /** For values that compare with nothing though they are not null; `null` where there are none. */
  readonly comparable: ((ask: Ask) => PrismaWhere) | null
  /** `every` is every value that compares. A text instead of the function says why values have no order. */
  readonly order: string | ((operator: Order, literal: Literal, ask: Ask) => Part<PrismaWhere>)
  /** Whether Prisma sends the literal unchanged. */
  readonly sends: (literal: Literal) => boolean
  /** Any value. */
  readonly sample: unknown
}

const WORDS: Readonly<Record<Order, string>> = { $lt: 'lt', $lte: 'lte', $gt: 'gt', $gte: 'gte' }

const isText = (literal: Literal): literal is string => typeof literal === 'string'
const isNumber = (literal: Literal): literal is number | bigint => typeof literal === 'bigint' || (typeof literal === 'number' && !Number.isNaN(literal))

const SCALAR: Pick<Kind, 'equal' | 'different' | 'comparable' | 'sends'> = {
  equal: (values, ask) => ask(values.length === 1 ? { equals: values[0] } : { in: values }),
  different: (values, ask) => ask(values.length === 1 ? { not: values[0] } : { notIn: values }),
  comparable: null,
  sends: () => true,
}

const string: Kind = {
  ...SCALAR,
  compares: isText,
  stored: (literal) => isStorable(literal as string) ? [literal] : [],
  order: 'texts are in the order of the database\'s collation there, and in that of code points in a check. Declare the column COLLATE "C", and say so: { type: \'string\', collation: \'C\' }',
  sample: '',
}

const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/

const PLAIN: Readonly<Record<PrismaType, Kind>> = {
  string,
  uuid: {
    ...string,
    // Prisma gives them in this form, and PostgreSQL refuses what is in none of its forms.
    stored: (literal) => UUID.test(literal as string) ? [literal] : [],
    order: 'a uuid has no order among texts',
    sample: '00000000-0000-0000-0000-000000000000',
  },
  integer: whole(-(2n ** 31n), 2n ** 31n - 1n, Number),
  bigint: whole(-(2n ** 63n), 2n ** 63n - 1n, BigInt),
  float: {
    ...SCALAR,
    compares: isNumber,
    stored: (literal) => {
      const value = equalDouble(literal as number | bigint)
      return value === null ? [] : [value]
    },
    // PostgreSQL takes NaN for the greatest of all numbers.
    comparable: (ask) => ask({ lte: Infinity }),
    order: (given, literal, ask) => {
      const { operator, value } = asDouble(given, literal as number | bigint)
      return ask({ [WORDS[operator]]: value, ...((operator === '$gt' || operator === '$gte') && { lte: Infinity }) })
    },
    sends: (literal) => !isNumber(literal) || isSent(Number(literal)),
    sample: 0,
  },
  boolean: {
    ...SCALAR,
    compares: (literal) => typeof literal === 'boolean',
    stored: (literal) => [literal],
    // Prisma has no `in` for booleans.
    equal: (values, ask) => either(values.map((equals) => ask({ equals }))),
    different: (values, ask) => both(values.map((not) => ask({ not }))),
    order: 'true and false have no order',
    sample: true,
  },
  datetime: datetime(),
}

export const KINDS = {
  plain: PLAIN,
  /** A text whose column is declared `COLLATE "C"`. */
  ordered: { ...string, order: (operator, literal, ask) => ask({ [WORDS[operator]]: literal }) } satisfies Kind as Kind,
  enum: (values: readonly string[]): Kind => ({
    ...string,
    // Prisma refuses every other value.
    stored: (literal) => values.includes(literal as string) ? [literal] : [],
    order: 'the order of an enumeration is not that of its texts',
    sample: values[0],
  }),
}

/**
 * An integer beyond 2^53 is sent with 16 digits (https://github.com/prisma/prisma/issues/11096). Infinity, which stands in the query already,
 * and -Infinity are one and the same parameter for Prisma, which finds equal ones by their JSON.
 */
function isSent (double: number): boolean {
  return Number.isFinite(double) && (Number.isSafeInteger(double) || !Number.isInteger(double) || Number(double.toPrecision(16)) === double)
}

/** Prisma cuts fractions off, and refuses what is out of range. */
function whole (least: bigint, most: bigint, convert: (value: number | bigint) => number | bigint): Kind {
  return {
    ...SCALAR,
    compares: isNumber,
    stored: (literal) => {
      const number = literal as number | bigint
      return number >= least && number <= most && (typeof number === 'bigint' || Number.isInteger(number)) ? [convert(number)] : []
    },
    order: (operator, literal, ask) => {
      const number = literal as number | bigint
      const below = operator === '$lt' || operator === '$lte'
      if (number > most) return below ? 'every' : 'none'
      if (number < least) return below ? 'none' : 'every'
      const rounded = typeof number === 'bigint' ? number : operator === '$lt' || operator === '$gte' ? Math.ceil(number) : Math.floor(number)
      return ask({ [WORDS[operator]]: convert(rounded) })
    },
    sample: convert(0),
  }
}

/** From the year 1 to 9999: Prisma gives no date for what PostgreSQL holds beyond. A Date has no microseconds, so an instant is a millisecond long. */
function datetime (): Kind {
  const least = Date.parse('0001-01-01T00:00:00.000Z')
  const most = Date.parse('9999-12-31T23:59:59.999Z')
  const dates = (values: readonly unknown[]): number[] => values.map((value) => (value as Date).getTime())
  const within = { gte: new Date(least), lte: new Date(most) }
  return {
    ...SCALAR,
    compares: (literal) => isText(literal) && !Number.isNaN(instantOf(literal)),
    stored: (literal) => {
      const instant = instantOf(literal as string)
      return instant < least || instant > most ? [] : [new Date(instant)]
    },
    equal: (values, ask) => either(dates(values).map((instant) => ask({ gte: new Date(instant), lt: new Date(instant + 1) }))),
    different: (values, ask) => both(dates(values).map((instant) => either([ask({ lt: new Date(instant) }), ask({ gte: new Date(instant + 1) })]))),
    comparable: (ask) => ask(within),
    order: (operator, literal, ask) => {
      const instant = instantOf(literal as string)
      const first = operator === '$lt' || operator === '$gte' ? instant : instant + 1
      if (operator === '$lt' || operator === '$lte') {
        if (first <= least) return 'none'
        return first > most ? 'every' : ask({ gte: within.gte, lt: new Date(first) })
      }
      if (first > most) return 'none'
      return ask({ ...within, gte: new Date(Math.max(first, least)) })
    },
    sample: new Date(0),
  }
}

function either (parts: readonly PrismaWhere[]): PrismaWhere {
  return parts.length === 1 ? parts[0] as PrismaWhere : { OR: parts }
}

function both (parts: readonly PrismaWhere[]): PrismaWhere {
  return parts.length === 1 ? parts[0] as PrismaWhere : { AND: parts }
}
