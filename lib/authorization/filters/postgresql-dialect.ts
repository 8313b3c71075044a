/** How PostgreSQL's columns compare. Whatever is said of a column itself can use an index on it. */
import { instantOf } from '../../policies/instant.ts'
import { isStorable } from '../../policies/text.ts'
import { isNumber, PLAIN, SIGNS, type Dialect, type Kind, type ListKind, type Literal, type OrderedKind } from './dialect.ts'
import { and, isNoneOf, isOneOf, list, NEVER, or, sql, value, type Fragment } from './fragment.ts'
import { asDouble, equalDouble } from './nearest-double.ts'

const texts: OrderedKind = {
  ...PLAIN,
  compares: (literal) => typeof literal === 'string',
  // A collation that takes `a` for `A` finds more than is equal; the second condition, by bytes, leaves that out again. As a test for
  // NULL it is taken by the planner for nearly always true, so that it does not change the number of rows that the planner expects.
  equal: (column, literals) => {
    const given = storable(literals)
    if (given.length === 0) return NEVER
    return and([sql`${column} ${isOneOf(given)}`, sql`array_position(ARRAY[${list(given)}], ${column}::text COLLATE "C") IS NOT NULL`])
  },
  unequal: (column, literals) => {
    const given = storable(literals)
    return given.length === 0 ? sql`${column} IS NOT NULL` : sql`${column} COLLATE "C" ${isNoneOf(given)}`
  },
  order: (column, operator, literal) => sql`${column} COLLATE "C" ${SIGNS[operator]} ${value(literal)}::text`,
}

/** No column holds any other text, so none is equal to it. */
function storable (literals: readonly Literal[]): Fragment[] {
  return (literals as readonly string[]).filter(isStorable).map((literal) => sql`${value(literal)}::text`)
}

const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/

/** A driver gives them as texts in lower case, so no other text is equal to one. */
const uuids: Kind = {
  ...PLAIN,
  compares: (literal) => typeof literal === 'string',
  equal: (column, literals) => {
    const given = uuidsOf(literals)
    return given.length === 0 ? NEVER : sql`${column} ${isOneOf(given)}`
  },
  unequal: (column, literals) => {
    const given = uuidsOf(literals)
    return given.length === 0 ? sql`${column} IS NOT NULL` : sql`${column} ${isNoneOf(given)}`
  },
  order: (column, operator, literal) => texts.order(sql`${column}::text`, operator, literal),
}

function uuidsOf (literals: readonly Literal[]): Fragment[] {
  return (literals as readonly string[]).filter((literal) => UUID.test(literal)).map((literal) => sql`${value(literal)}::uuid`)
}

/** As text, because a text that is none of its labels would be an error. */
const enums: Kind = {
  ...texts,
  equal: (column, literals) => texts.equal(sql`${column}::text`, literals),
  unequal: (column, literals) => texts.unequal(sql`${column}::text`, literals),
  order: (column, operator, literal) => texts.order(sql`${column}::text`, operator, literal),
}

const integers: Kind = {
  ...PLAIN,
  compares: isNumber,
  equal: (column, literals) => sql`${column} ${isOneOf(literals.map(exact))}`,
  unequal: (column, literals) => literals.length === 0 ? sql`${column} IS NOT NULL` : sql`${column} ${isNoneOf(literals.map(exact))}`,
  order: (column, operator, literal) => sql`${column} ${SIGNS[operator]} ${exact(literal)}`,
}

/** As text, because a driver would round a bigint; as bigint where it is one, because of the index. */
function exact (literal: Literal): Fragment {
  const whole = Number.isInteger(Number(literal)) ? BigInt(literal) : null
  return whole !== null && whole >= -(2n ** 63n) && whole < 2n ** 63n ? sql`${value(String(literal))}::bigint` : sql`${value(String(literal))}::numeric`
}

/** How numbers of double precision compare, of which some may be NaN: PostgreSQL takes it for the greatest of all, and for equal to itself. */
function doublesIn (numberOf: (column: Fragment) => Fragment, isNumber: (number: Fragment) => readonly Fragment[]): Pick<OrderedKind, 'equal' | 'unequal' | 'order'> {
  return {
    equal: (column, literals) => {
      const given = doublesOf(literals)
      return given.length === 0 ? NEVER : sql`${numberOf(column)} ${isOneOf(given)}`
    },
    unequal: (column, literals) => {
      const given = doublesOf(literals)
      const number = numberOf(column)
      return and([...isNumber(number), given.length === 0 ? sql`${number} IS NOT NULL` : sql`${number} ${isNoneOf(given)}`])
    },
    order: (column, given, literal) => {
      const { operator, value } = asDouble(given, literal as number | bigint)
      const number = numberOf(column)
      return and([sql`${number} ${SIGNS[operator]} ${doubleOf(value)}`, ...isNumber(number)])
    },
  }
}

const doubles: Kind = {
  ...PLAIN,
  compares: isNumber,
  ...doublesIn((column) => sql`${column}::double precision`, (number) => [sql`${number} <> 'NaN'`]),
}

function doublesOf (literals: readonly Literal[]): Fragment[] {
  return (literals as readonly (number | bigint)[]).map(equalDouble).filter((double) => double !== null).map(doubleOf)
}

function doubleOf (double: number): Fragment {
  return sql`${value(String(double))}::double precision`
}

const booleans: Kind = {
  ...PLAIN,
  compares: (literal) => typeof literal === 'boolean',
  equal: (column, literals) => sql`${column} ${isOneOf(literals.map(booleanOf))}`,
  unequal: (column, literals) => literals.length === 0 ? sql`${column} IS NOT NULL` : sql`${column} ${isNoneOf(literals.map(booleanOf))}`,
  order: null,
}

function booleanOf (literal: Literal): Fragment {
  return sql`${value(literal)}::boolean`
}

/** A Date has no microseconds, so one millisecond is a range of instants; and it has no infinity. */
const instants: Kind = {
  ...PLAIN,
  compares: (literal) => typeof literal === 'string' && !Number.isNaN(instantOf(literal)),
  equal: (column, literals) => and([
    or(literals.map(millisecondsOf).map((from) => and([sql`${column}::timestamptz >= ${instant(from)}`, sql`${column}::timestamptz < ${instant(from + 1)}`]))),
    isInstant(column),
  ]),
  unequal: (column, literals) => and([
    ...literals.map(millisecondsOf).map((from) => or([sql`${column}::timestamptz < ${instant(from)}`, sql`${column}::timestamptz >= ${instant(from + 1)}`])),
    isInstant(column),
  ]),
  order: (column, operator, literal) => {
    const from = millisecondsOf(literal)
    const bound = { $lt: sql`< ${instant(from)}`, $lte: sql`< ${instant(from + 1)}`, $gt: sql`>= ${instant(from + 1)}`, $gte: sql`>= ${instant(from)}` }[operator]
    return and([sql`${column}::timestamptz ${bound}`, isInstant(column)])
  },
}

/** Drivers differ in how they read the years before 1 and after 9999, and the infinities. */
function isInstant (column: Fragment): Fragment {
  return and([sql`${column}::timestamptz >= '0001-01-01 00:00:00+00'`, sql`${column}::timestamptz < '10000-01-01 00:00:00+00'`])
}

function millisecondsOf (literal: Literal): number {
  return instantOf(literal as string)
}

/** As text: as a number of seconds it would lose its milliseconds in the far future. The year 0 is 1 BC. */
function instant (milliseconds: number): Fragment {
  const [, year, rest] = /^([+-]?\d+)(-.*)$/.exec(new Date(milliseconds).toISOString()) as unknown as [string, string, string]
  const number = Number(year)
  const named = String(number > 0 ? number : 1 - number).padStart(4, '0')
  return sql`${value(`${named}${rest}${number > 0 ? '' : ' BC'}`)}::text::timestamptz`
}

/** Of an array with more dimensions the items are arrays, for the driver, and never compare. */
function arrayOf (kind: Kind, holds?: ListKind['holds']): Kind {
  return {
    ...PLAIN,
    ...INCOMPARABLE,
    list: {
      isList: PLAIN.exists,
      isFlat: (column) => sql`COALESCE(array_ndims(${column}), 1) = 1`,
      size: (column) => sql`CASE WHEN ${column} IS NOT NULL THEN COALESCE(array_length(${column}, 1), 0) END`,
      count: (size) => sql`${value(String(size))}::numeric`,
      items: (column) => sql`unnest(${column}) AS "item" ("value")`,
      item: sql`"item"."value"`,
      kind,
      ...(holds !== undefined && { holds }),
    },
  }
}

const never = (): Fragment => NEVER

const INCOMPARABLE: Pick<Kind, 'compares' | 'equal' | 'unequal' | 'order'> = { compares: () => false, equal: never, unequal: never, order: null }

function holdsTexts (column: Fragment, literals: readonly Literal[]): Fragment {
  const given = storable(literals.filter((literal) => typeof literal === 'string'))
  return given.length < literals.length ? NEVER : sql`${column}::text[] @> ARRAY[${list(given)}]`
}

/** A value in jsonb, which has a type of its own; nothing is converted. */
const json: Kind = {
  compares: () => true,
  equal: (column, literals) => or(literals.map((literal) => sameJson(column, literal))),
  unequal: (column, literals) => literals.length === 0
    ? sql`jsonb_typeof(${column}) IN ('string', 'number', 'boolean')`
    : and(literals.map((literal) => otherJson(column, literal))),
  order: (column, operator, literal) => isNumber(literal)
    ? jsonNumbers.order(column, operator, literal)
    : and([isText(column), texts.order(textIn(column), operator, literal)]),
  exists: (column) => sql`jsonb_typeof(${column}) <> 'null'`,
  lacks: (column) => sql`(jsonb_typeof(${column}) <> 'null') IS NOT TRUE`,
  isNull: (column) => sql`jsonb_typeof(${column}) = 'null'`,
  isSomething: (column) => sql`jsonb_typeof(${column}) <> 'null'`,
  list: {
    isList: (column) => sql`jsonb_typeof(${column}) = 'array'`,
    size: (column) => sql`jsonb_array_length(${listIn(column)})`,
    count: (size) => sql`${value(String(size))}::numeric`,
    items: (column) => sql`jsonb_array_elements(${listIn(column)}) AS "item" ("value")`,
    item: sql`"item"."value"`,
    get kind () { return json },
  },
}

/** A column that is NULL is null in a record; what is missing within it is not. */
const jsonColumn: Kind = {
  ...json,
  isNull: (column) => or([sql`${column} IS NULL`, json.isNull(column)]),
  // By texts: `->` with a text never goes into a list.
  within: (column, path) => ({ column: path.reduce((outer, name) => sql`${outer} -> ${value(name)}::text`, column), kind: json }),
}

function sameJson (column: Fragment, literal: Literal): Fragment {
  if (typeof literal === 'string') return and([isText(column), texts.equal(textIn(column), [literal])])
  if (isNumber(literal)) return jsonNumbers.equal(column, [literal])
  return sql`${column} = to_jsonb(${booleanOf(literal)})`
}

function otherJson (column: Fragment, literal: Literal): Fragment {
  if (typeof literal === 'string') return and([isText(column), texts.unequal(textIn(column), [literal])])
  if (isNumber(literal)) return jsonNumbers.unequal(column, [literal])
  return sql`${column} = to_jsonb(${booleanOf(!literal)})`
}

function isText (column: Fragment): Fragment {
  return sql`jsonb_typeof(${column}) = 'string'`
}

function textIn (column: Fragment): Fragment {
  return sql`(${column} #>> '{}')`
}

/** As `JSON.parse` reads it; NULL for another type, and for one that double precision cannot hold, which would be an error. */
function numberIn (column: Fragment): Fragment {
  const number = sql`(${column} #>> '{}')::numeric`
  return sql`(CASE WHEN jsonb_typeof(${column}) = 'number' THEN CASE WHEN ${number} = 0 OR abs(${number}) BETWEEN 1e-307 AND 1e308 THEN ${number}::double precision END END)`
}

const jsonNumbers = doublesIn(numberIn, () => [])

function listIn (column: Fragment): Fragment {
  return sql`CASE WHEN jsonb_typeof(${column}) = 'array' THEN ${column} END`
}

export const POSTGRESQL = {
  name: 'PostgreSQL',
  kinds: {
    text: texts,
    uuid: uuids,
    enum: enums,
    integer: integers,
    number: doubles,
    boolean: booleans,
    timestamp: instants,
    'text[]': arrayOf(texts, holdsTexts),
    'integer[]': arrayOf(integers),
    'number[]': arrayOf(doubles),
    'boolean[]': arrayOf(booleans),
    json: jsonColumn,
  },
} as const satisfies Dialect
