/** A list filter as a PostgreSQL condition: text with `$1`, `$2`, … and the values for them. */
import type { Comparison, Condition, Path, Scalar } from '../../policies/condition.ts'
import { OptionError } from '../../option-error.ts'
import { instantOf } from '../../policies/instant.ts'
import { didYouMean } from '../../nearest.ts'
import type { RecordFilter } from '../filter.ts'

/** The kind of a column's values, which a comparison must share: no value is ever converted. */
export type ColumnType = 'text' | 'number' | 'boolean' | 'timestamp'

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
  const values = list.filter((value) => value !== null && fits(value, type))
  const sought = list.includes(null)
  switch (operator) {
    case '$exists':
      return `(${column} IS ${operand === true ? 'NOT NULL' : 'NULL'})`
    case '$eq':
    case '$in':
      return among(column, type, values, sought, list, writing)
    case '$ne':
    case '$nin':
      return `(NOT ${among(column, type, values, sought, list, writing)})`
    case '$lt':
    case '$lte':
    case '$gt':
    case '$gte': {
      if (values.length === 0 || type === 'boolean') return '(NULL::boolean)'
      const collation = type === 'text' ? ' COLLATE "C"' : ''
      return `(${column}${collation} ${ORDER[operator] as string} ${placeholder(values[0] as Scalar, type, writing)})`
    }
    default:
      throw new OptionError(`the PostgreSQL filter cannot express ${operator} (on ${path.join('.')})`)
  }
}

/** `IN`, with `null` as a value of its own where the rule names it. A value of another type than the column's can never be told equal or not. */
function among (column: string, type: ColumnType, values: readonly Scalar[], sought: boolean, list: readonly Scalar[], writing: Writing): string {
  const misfits = list.length - values.length - (sought ? 1 : 0)
  const parts: string[] = []
  if (sought) parts.push(`${column} IS NULL`)
  if (values.length > 0) parts.push(`${column} IN (${values.map((value) => placeholder(value, type, writing)).join(', ')})`)
  if (misfits > 0) parts.push('NULL::boolean')
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
  return { column: column.split('.').map(quoted).join('.'), type }
}

function quoted (identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`
}

function fits (value: Scalar, type: ColumnType): boolean {
  if (type === 'number') return typeof value === 'number' || typeof value === 'bigint'
  if (type === 'boolean') return typeof value === 'boolean'
  if (type === 'timestamp') return typeof value === 'string' && !Number.isNaN(instantOf(value))
  return typeof value === 'string'
}

const CASTS: Readonly<Record<ColumnType, string>> = { text: 'text', number: 'numeric', boolean: 'boolean', timestamp: 'timestamptz' }

function placeholder (value: Scalar, type: ColumnType, { options, values }: Writing): string {
  values.push(type === 'timestamp' ? new Date(instantOf(value as string)).toISOString() : type === 'number' ? String(value) : value)
  return `$${(options.startAt ?? 1) + values.length - 1}::${CASTS[type]}`
}
