/** A list filter as a PostgreSQL condition: text with `$1`, `$2`, … and the values for them. */
import type { Comparison, Condition, Path, Scalar } from '../../policies/condition.ts'
import { OptionError, wrongOption } from '../../option-error.ts'
import { instantOf } from '../../policies/instant.ts'
import { isStorable } from '../../policies/text.ts'
import { didYouMean } from '../../nearest.ts'
import type { RecordFilter } from '../filter.ts'

/** The kind of a column's values, which a comparison must share: no value is ever converted. `number` is `double precision`. */
export type ColumnType = 'text' | 'integer' | 'number' | 'boolean' | 'timestamp'

export interface PostgresqlOptions {
  /** For each attribute that rules mention: its column's type, or the column's name too where it differs. */
  readonly columns: Readonly<Record<string, ColumnType | { readonly column: string, readonly type: ColumnType }>>
  /** The number of the first placeholder. Default 1. */
  readonly startAt?: number
}

export interface SqlCondition {
  /** A boolean expression in parentheses, never empty. */
  readonly text: string
  readonly values: readonly unknown[]
}

interface Writing {
  readonly options: PostgresqlOptions
  readonly values: unknown[]
}

/**
 * Translates the filter. Allowing conditions must be true, inverted ones false: `NULL` is neither, as in a check on one record.
 * Throws FST_GATEHOUSE_OPTION for an attribute without a column, and for an operator that columns cannot express.
 */
export function postgresql (filter: RecordFilter, options: PostgresqlOptions): SqlCondition {
  if (filter.kind === 'none') return { text: '(FALSE)', values: [] }
  if (filter.kind === 'every') return { text: '(TRUE)', values: [] }
  const writing: Writing = { options, values: [] }
  const parts = filter.clauses.flatMap(({ allowing, inverted }) => [
    ...(allowing === 'every' ? [] : [`(${allowing.map((condition) => `${sql(condition, writing)} IS TRUE`).join(' OR ')})`]),
    ...inverted.map((condition) => `${sql(condition, writing)} IS FALSE`),
  ])
  return { text: `(${parts.join(' AND ')})`, values: writing.values }
}

function sql (condition: Condition, writing: Writing): string {
  switch (condition.kind) {
    case 'all':
      return `(${condition.of.map((part) => sql(part, writing)).join(' AND ')})`
    case 'any':
      return `(${condition.of.map((part) => sql(part, writing)).join(' OR ')})`
    case 'not':
      return `(NOT ${sql(condition.of, writing)})`
    case 'compare': {
      if (condition.operand.from !== 'literal') throw new TypeError('only a bound condition can become a filter')
      return compare(condition.path, condition.operator, condition.operand.value, writing)
    }
  }
}

const ORDER: Readonly<Partial<Record<Comparison, string>>> = { $lt: '<', $lte: '<=', $gt: '>', $gte: '>=' }

function compare (path: Path, operator: Comparison, operand: Scalar | readonly Scalar[], writing: Writing): string {
  const { column, type } = columnOf(path, writing.options)
  const list = Array.isArray(operand) ? operand as readonly Scalar[] : [operand as Scalar]
  switch (operator) {
    case '$exists':
      return `(${column} IS ${operand === true ? 'NOT NULL' : 'NULL'})`
    case '$eq':
    case '$in':
      return among(column, type, list, writing)
    case '$ne':
    case '$nin':
      return `(NOT ${among(column, type, list, writing)})`
    case '$lt':
    case '$lte':
    case '$gt':
    case '$gte': {
      const [value = null] = list
      if (value === null || !KINDS[type].compares(value) || !holds(value) || type === 'boolean') return UNKNOWN
      return `(${KINDS[type].comparable(column)} ${ORDER[operator] as string} ${placeholder(value, type, writing)})`
    }
    default:
      throw new OptionError(`the PostgreSQL filter cannot express ${operator} (on ${path.join('.')})`)
  }
}

const UNKNOWN = '(NULL::boolean)'

/** `IN`, with `null` as a value of its own where the rule names it. A value of another type than the column's can never be told equal or not. */
function among (column: string, type: ColumnType, list: readonly Scalar[], writing: Writing): string {
  const { compares, comparable } = KINDS[type]
  const named = list.filter((value) => value !== null)
  const comparables = named.filter(compares)
  const values = comparables.filter(holds)
  const parts: string[] = []
  if (named.length < list.length) parts.push(`${column} IS NULL`)
  if (values.length > 0) parts.push(`${comparable(column)} IN (${values.map((value) => placeholder(value, type, writing)).join(', ')})`)
  if (comparables.length < named.length) parts.push('NULL::boolean')
  // Nothing is in an empty list; of a missing value not even that is known.
  if (parts.length === 0) parts.push(`${column} IS NULL AND NULL::boolean`)
  return `(${parts.join(' OR ')})`
}

function columnOf (path: Path, { columns }: PostgresqlOptions): { column: string, type: ColumnType } {
  const name = path.join('.')
  const declared = Object.hasOwn(columns, name) ? columns[name] : undefined
  if (declared === undefined) {
    throw new OptionError(`the PostgreSQL filter needs a column for the attribute "${name}", which a rule mentions.${didYouMean(name, Object.keys(columns))} Add it to "columns"`)
  }
  const { column, type } = typeof declared === 'string' ? { column: name, type: declared } : declared
  if (!Object.hasOwn(KINDS, type)) throw wrongOption(`columns["${name}"]`, type, `one of ${Object.keys(KINDS).join(', ')}`)
  return { column: column.split('.').map(quoted).join('.'), type }
}

function quoted (identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`
}

interface Kind {
  /** Whether a value can be compared with such a column. */
  readonly compares: (value: Scalar) => boolean
  /** The column, where it is compared as a check in memory compares. */
  readonly comparable: (column: string) => string
  /** The value that is sent, and the expression around its placeholder. */
  readonly parameter: (value: Scalar) => { readonly value: unknown, readonly expression: (placeholder: string) => string }
}

const isNumber = (value: Scalar): boolean => typeof value === 'number' || typeof value === 'bigint'

/** No column holds such a text, so none is equal to it. */
function holds (value: Scalar): boolean {
  return typeof value !== 'string' || isStorable(value)
}

function cast (type: string): (placeholder: string) => string {
  return (placeholder) => `${placeholder}::${type}`
}

const KINDS: Readonly<Record<ColumnType, Kind>> = {
  text: {
    compares: (value) => typeof value === 'string',
    comparable: (column) => `${column} COLLATE "C"`,
    parameter: (value) => ({ value, expression: cast('text') }),
  },
  integer: {
    compares: isNumber,
    comparable: (column) => column,
    parameter: (value) => ({ value: String(value), expression: cast(isBigint(value) ? 'bigint' : 'numeric') }),
  },
  number: {
    compares: isNumber,
    // PostgreSQL takes NaN for the greatest of all numbers.
    comparable: (column) => `NULLIF(${column}::double precision, 'NaN')`,
    parameter: (value) => ({ value: String(value), expression: cast('double precision') }),
  },
  boolean: {
    compares: (value) => typeof value === 'boolean',
    comparable: (column) => column,
    parameter: (value) => ({ value, expression: cast('boolean') }),
  },
  timestamp: {
    compares: (value) => typeof value === 'string' && !Number.isNaN(instantOf(value)),
    // A Date has no microseconds.
    comparable: (column) => `date_trunc('milliseconds', ${column}::timestamptz)`,
    // Not as text: PostgreSQL's calendar has no year 0.
    parameter: (value) => ({ value: String(instantOf(value as string) / 1000), expression: (placeholder) => `to_timestamp(${placeholder}::double precision)` }),
  },
}

function isBigint (value: Scalar): boolean {
  return Number.isInteger(Number(value)) && BigInt(value as number) >= -(2n ** 63n) && BigInt(value as number) < 2n ** 63n
}

function placeholder (given: Scalar, type: ColumnType, { options, values }: Writing): string {
  const { value, expression } = KINDS[type].parameter(given)
  values.push(value)
  return expression(`$${(options.startAt ?? 1) + values.length - 1}`)
}
