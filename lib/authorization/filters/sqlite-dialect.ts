/** How SQLite's columns compare, in which any row may hold a value of any type: one of another type than the column's never compares. */
import { instantOf } from '../../policies/instant.ts'
import { isStorable } from '../../policies/text.ts'
import { isNumber, PLAIN, SIGNS, type Dialect, type Kind, type Literal, type Ordered, type OrderedKind } from './dialect.ts'
import { ALWAYS, and, isNoneOf, isOneOf, NEVER, or, sql, text, value, type Fragment } from './fragment.ts'
import { asDouble, equalDouble } from './nearest-double.ts'
import type { Order } from './two-valued.ts'

/** A kind whose literals are sent as SQLite keeps them, and whose values must be valid. */
interface Kept {
  readonly compares: Kind['compares']
  /** What is compared for equality. */
  readonly comparable: (column: Fragment) => Fragment
  /** What is compared for being another or for order: by bytes, whatever the column's collation; by default `comparable`. */
  readonly exact?: (column: Fragment) => Fragment
  /** What else makes it equal: a collation may find too much. (With COLLATE itself there SQLite would use no index within an OR.) */
  readonly same?: (column: Fragment, literals: readonly Fragment[]) => Fragment
  /** The literal as it is kept; `null` where none of the values is equal to it. */
  readonly kept: (literal: Literal) => Fragment | null
  /** Of the right type. */
  readonly valid: (column: Fragment) => Fragment
}

interface OrderedKept extends Kept {
  /** The sign, and the literal as it is kept. */
  readonly bound: (operator: Order, literal: Ordered) => Fragment
}

function kindOf ({ compares, comparable, exact = comparable, same = () => ALWAYS, kept, valid }: Kept): Pick<Kind, 'compares' | 'equal' | 'unequal'> {
  const keptOf = (literals: readonly Literal[]): Fragment[] => literals.map(kept).filter((one) => one !== null)
  return {
    compares,
    equal: (column, literals) => {
      const given = keptOf(literals)
      return given.length === 0 ? NEVER : and([sql`${comparable(column)} ${isOneOf(given)}`, same(column, given), valid(column)])
    },
    unequal: (column, literals) => {
      const given = keptOf(literals)
      return and([...(given.length === 0 ? [] : [sql`${exact(column)} ${isNoneOf(given)}`]), valid(column)])
    },
  }
}

function orderedKindOf (kept: OrderedKept): Pick<OrderedKind, 'compares' | 'equal' | 'unequal' | 'order'> {
  const { comparable, exact = comparable, bound, valid } = kept
  return { ...kindOf(kept), order: (column, operator, literal) => and([sql`${exact(column)} ${bound(operator, literal)}`, valid(column)]) }
}

const itself = (column: Fragment): Fragment => column

/** The bytes are those of UTF-8. An index that orders by them, as they do by default, is used. */
const byBytes = (column: Fragment): Fragment => sql`${column} COLLATE BINARY`

const bytesOf = (given: Fragment): Fragment => sql`CAST(${given} AS BLOB)`

const isText = (literal: Literal): boolean => typeof literal === 'string'

const TEXTS = {
  compares: isText,
  comparable: itself,
  exact: byBytes,
  same: (column, literals) => sql`${bytesOf(column)} ${isOneOf(literals.map(bytesOf))}`,
  kept: (literal) => isStorable(literal as string) ? value(literal) : null,
  bound: (operator, literal) => sql`${SIGNS[operator]} ${value(literal)}`,
  // Some drivers cut a text off at U+0000, and then the check sees another text than the database.
  valid: (column) => and([sql`typeof(${column}) = 'text'`, sql`instr(${column}, char(0)) = 0`]),
} as const satisfies OrderedKept

/** Integers and reals compare exactly with each other. */
const NUMBERS = {
  compares: isNumber,
  comparable: itself,
  kept: (literal) => {
    if (isInteger64(literal)) return numberOf(literal)
    const double = equalDouble(literal as number | bigint)
    return double === null ? null : value(double)
  },
  bound: (operator, literal) => {
    if (isInteger64(literal)) return sql`${SIGNS[operator]} ${numberOf(literal)}`
    const nearest = asDouble(operator, literal as number | bigint)
    return sql`${SIGNS[nearest.operator]} ${value(nearest.value)}`
  },
  valid: isNumeric,
} as const satisfies OrderedKept

/** Drivers send whole numbers as reals too. */
function isNumeric (column: Fragment): Fragment {
  return sql`typeof(${column}) IN ('integer', 'real')`
}

function isInteger64 (literal: Literal): boolean {
  return typeof literal === 'bigint' && BigInt.asIntN(64, literal) === literal
}

/** Not every driver takes a bigint. */
function numberOf (literal: Literal): Fragment {
  return Number.isSafeInteger(Number(literal)) ? value(Number(literal)) : sql`CAST(${value(String(literal))} AS INTEGER)`
}

const BOOLEANS = {
  compares: (literal) => typeof literal === 'boolean',
  comparable: itself,
  kept: (literal) => value(Number(literal)),
  valid: (column) => and([isNumeric(column), sql`${column} IN (0, 1)`]),
} as const satisfies Kept

const isInstant = (literal: Literal): boolean => isText(literal) && !Number.isNaN(instantOf(literal as string))

/** As `toISOString` writes them: with milliseconds and a Z, so that the order of the texts is that of the instants. */
const TIMESTAMPS = {
  compares: isInstant,
  comparable: itself,
  exact: byBytes,
  kept: (literal) => value(isoText(literal)),
  bound: (operator, literal) => sql`${SIGNS[operator]} ${value(isoText(literal))}`,
  valid: (column) => sql`${bytesOf(sql`strftime('%Y-%m-%dT%H:%M:%fZ', ${column})`)} = ${bytesOf(column)}`,
} as const satisfies OrderedKept

/** An offset can lead out of the years that have four digits: `/` stands before all digits, `:` after them. */
function isoText (literal: Literal): string {
  return new Date(instantOf(literal as string)).toISOString().replace(/^[+-]/, (sign) => sign === '+' ? ':' : '/')
}

/** The last instant of ECMAScript's Date, in milliseconds. */
const LAST = 8_640_000_000_000_000

/** Whole numbers since 1970. */
function since1970 (milliseconds: number): OrderedKept {
  return {
    compares: isInstant,
    comparable: itself,
    kept: (literal) => instantOf(literal as string) % milliseconds === 0 ? value(instantOf(literal as string) / milliseconds) : null,
    bound: (operator, literal) => sql`${SIGNS[operator]} ${value(instantOf(literal as string) / milliseconds)}`,
    valid: (column) => and([isNumeric(column), sql`CAST(${column} AS INTEGER) = ${column}`, sql`${column} ${text(`BETWEEN ${-LAST / milliseconds} AND ${LAST / milliseconds}`)}`]),
  }
}

/** A value in JSON, where its type and it itself are found. */
interface Json {
  readonly type: (column: Fragment) => Fragment
  readonly value: (column: Fragment) => Fragment
}

/** The literal says which type of value it compares with; nothing is converted. */
function jsonKind ({ type, value: valueOf }: Json): Omit<Kind, 'lacks' | 'isNull'> {
  const texts = orderedKindOf({ ...TEXTS, comparable: valueOf, exact: valueOf, same: () => ALWAYS, valid: (column) => sql`${type(column)} = 'text'` })
  // A real, as JSON.parse makes of every number.
  const numbers = orderedKindOf({ ...NUMBERS, comparable: (column) => sql`CAST(${valueOf(column)} AS REAL)`, valid: (column) => sql`${type(column)} IN ('integer', 'real')` })
  const of = (literal: Literal): typeof texts => isText(literal) ? texts : numbers
  return {
    compares: () => true,
    equal: (column, literals) => or(literals.map((literal) => typeof literal === 'boolean' ? sql`${type(column)} = ${text(`'${literal}'`)}` : of(literal).equal(column, [literal]))),
    unequal: (column, literals) => literals.length === 0
      ? sql`${type(column)} IN ('text', 'integer', 'real', 'true', 'false')`
      : and(literals.map((literal) => typeof literal === 'boolean' ? sql`${type(column)} = ${text(`'${!literal}'`)}` : of(literal).unequal(column, [literal]))),
    order: (column, operator, literal) => of(literal).order(column, operator, literal),
    exists: (column) => sql`${type(column)} <> 'null'`,
    isSomething: (column) => sql`${type(column)} <> 'null'`,
  }
}

const item = jsonKind({ type: () => sql`"item"."type"`, value: () => sql`"item"."value"` })

/** What is no JSON would be an error; what has U+0000 in it some versions cut off there. */
function documentIn (column: Fragment): Fragment {
  return sql`CASE WHEN typeof(${column}) = 'text' AND json_valid(${column}) AND instr(${column}, '\\u0000') = 0 THEN ${column} END`
}

function typeIn (column: Fragment): Fragment {
  return sql`json_type(${documentIn(column)})`
}

const orNull = (column: Fragment): Fragment => or([sql`${column} IS NULL`, sql`${typeIn(column)} = 'null'`])

const json: Kind = {
  ...jsonKind({ type: typeIn, value: (column) => sql`json_extract(${documentIn(column)}, '$')` }),
  lacks: orNull,
  isNull: orNull,
  list: {
    isList: (column) => sql`${typeIn(column)} = 'array'`,
    size: (column) => sql`CASE ${typeIn(column)} WHEN 'array' THEN json_array_length(${column}) END`,
    count: value,
    // Within `json_each` a column named "value" would be its own.
    items: (column) => sql`(SELECT ${documentIn(column)} AS "list") AS "own", json_each("own"."list") AS "item"`,
    item: sql`"item"."value"`,
    kind: item,
  },
  closed: 'of a key that stands there twice SQLite reads the first value and JSON.parse the last; keep the attribute in a column of its own',
}

export const SQLITE = {
  name: 'SQLite',
  kinds: {
    text: { ...PLAIN, ...orderedKindOf(TEXTS) },
    integer: { ...PLAIN, ...orderedKindOf(NUMBERS) },
    number: { ...PLAIN, ...orderedKindOf(NUMBERS) },
    boolean: { ...PLAIN, ...kindOf(BOOLEANS), order: null },
    timestamp: { ...PLAIN, ...orderedKindOf(TIMESTAMPS) },
    milliseconds: { ...PLAIN, ...orderedKindOf(since1970(1)) },
    seconds: { ...PLAIN, ...orderedKindOf(since1970(1000)) },
    json,
  },
} as const satisfies Dialect
