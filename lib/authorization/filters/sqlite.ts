/** Lists in SQLite: a filter as a condition with `?` for each of its values. */
import { knownOptionsOnly } from '../../option-error.ts'
import type { Backend } from '../backend.ts'
import { marked } from './fragment.ts'
import { ColumnMap, type Columns } from './sql-columns.ts'
import { problemOf, whereOf } from './sql-writer.ts'
import { SQLITE } from './sqlite-dialect.ts'

/**
 * The type of a column's values, which a comparison must share: no value is ever converted. `boolean` is 0 or 1, `timestamp` a text as
 * `toISOString` writes it, `milliseconds` and `seconds` are whole numbers since 1970; `json` is a text with a list. In the records that
 * the application hands over they are booleans, Dates and arrays.
 */
export type SqliteType = keyof typeof SQLITE.kinds

export interface SqliteOptions {
  /** For each attribute that rules mention: its column's type, or the column's name too where it differs. */
  readonly columns: Columns<SqliteType>
}

/** What stands after `WHERE`. */
export interface SqliteWhere {
  /** True for the records that are meant, false or NULL for all others; in parentheses, never empty. */
  readonly text: string
  /** Texts and numbers, one for each `?`. */
  readonly values: readonly (string | number)[]
}

/** For databases in UTF-8, as they are by default; SQLite 3.38 or newer. Throws FST_GATEHOUSE_OPTION when a column does not make sense. */
export function sqlite (options: SqliteOptions): Backend<SqliteWhere> {
  knownOptionsOnly('sqlite(…)', options, ['columns'])
  const columns = new ColumnMap('sqlite({ columns })', options.columns, SQLITE)
  return Object.freeze({
    name: SQLITE.name,
    stored: columns.stored,
    problem: (condition) => problemOf(condition, columns),
    translate: (filter) => {
      const where = whereOf(filter, columns, SQLITE)
      return { text: `(${marked(where)})`, values: where.values as SqliteWhere['values'] }
    },
  } satisfies Backend<SqliteWhere>)
}
