/** Lists in PostgreSQL: a filter as a condition with `$1`, `$2`, … and the values for them. */
import { knownOptionsOnly } from '../../option-error.ts'
import type { Backend } from '../backend.ts'
import { numbered, type Fragment } from './fragment.ts'
import { POSTGRESQL } from './postgresql-dialect.ts'
import { ColumnMap, type Columns } from './sql-columns.ts'
import { problemOf, whereOf } from './sql-writer.ts'

/**
 * The type of a column's values, which a comparison must share: no value is ever converted. `text` is also `varchar`, `integer` also `smallint` and
 * `bigint`, `number` is `double precision`, `timestamp` is `timestamptz`, `enum` any enumerated type, and `json` is `jsonb`, in which paths lead on.
 */
export type PostgresqlType = keyof typeof POSTGRESQL.kinds

export interface PostgresqlOptions {
  /** For each attribute that rules mention: its column's type, or the column's name too where it differs. */
  readonly columns: Columns<PostgresqlType>
}

/** What stands after `WHERE`. */
export interface SqlWhere {
  /** True for the records that are meant, false or NULL for all others; in parentheses, never empty. Its placeholders count from `$1`. */
  readonly text: string
  readonly values: readonly unknown[]
  /** The same where the first placeholder has this number: `startingAt(2)` after a `$1` of one's own. */
  readonly startingAt: (first: number) => SqlWhere
}

/** Throws FST_GATEHOUSE_OPTION when a column does not make sense. */
export function postgresql (options: PostgresqlOptions): Backend<SqlWhere> {
  knownOptionsOnly('postgresql(…)', options, ['columns'])
  const columns = new ColumnMap('postgresql({ columns })', options.columns, POSTGRESQL)
  return Object.freeze({
    name: POSTGRESQL.name,
    stored: columns.stored,
    problem: (condition) => problemOf(condition, columns),
    translate: (filter) => new Where(whereOf(filter, columns, POSTGRESQL), 1),
  } satisfies Backend<SqlWhere>)
}

class Where implements SqlWhere {
  readonly #fragment: Fragment
  readonly text: string
  readonly values: readonly unknown[]

  constructor (fragment: Fragment, first: number) {
    this.#fragment = fragment
    this.text = `(${numbered(fragment, first)})`
    this.values = fragment.values
  }

  startingAt (first: number): SqlWhere {
    return new Where(this.#fragment, first)
  }
}
