/** Lists through Kysely: a filter as an expression for its `where`. */
import { knownOptionsOnly, wrongOption } from '../../option-error.ts'
import type { Backend } from '../backend.ts'
import type { Dialect } from './dialect.ts'
import { sql as fragment } from './fragment.ts'
import { POSTGRESQL } from './postgresql-dialect.ts'
import type { PostgresqlType } from './postgresql.ts'
import { ColumnMap, type Columns } from './sql-columns.ts'
import { problemOf, whereOf } from './sql-writer.ts'
import { SQLITE } from './sqlite-dialect.ts'
import type { SqliteType } from './sqlite.ts'

/** Kysely's `Expression<boolean>`. */
export interface KyselyWhere {
  readonly expressionType: boolean | undefined
  toOperationNode: () => any
}

/** Kysely's tag `sql`; the values in its holes become parameters. */
export type KyselySql = (fragments: TemplateStringsArray, ...values: unknown[]) => Pick<KyselyWhere, 'toOperationNode'>

export type KyselyOptions =
  & { /** `import { sql } from 'kysely'` */ readonly sql: KyselySql }
  /** Columns as `postgresql` and `sqlite` take them, by their names in the database: Kysely's plugins do not see them. */
  & ({ readonly dialect: 'postgresql', readonly columns: Columns<PostgresqlType> } | { readonly dialect: 'sqlite', readonly columns: Columns<SqliteType> })

const DIALECTS: Readonly<Record<KyselyOptions['dialect'], Dialect>> = { postgresql: POSTGRESQL, sqlite: SQLITE }

/** Throws FST_GATEHOUSE_OPTION when an option does not make sense. */
export function kysely (options: KyselyOptions): Backend<KyselyWhere> {
  knownOptionsOnly('kysely(…)', options, ['sql', 'dialect', 'columns'])
  const { sql, dialect: name } = options
  if (typeof sql !== 'function') throw wrongOption('kysely({ sql })', sql, 'what Kysely exports as "sql"')
  if (!Object.hasOwn(DIALECTS, name)) throw wrongOption('kysely({ dialect })', name, "'postgresql' or 'sqlite'")
  const dialect = DIALECTS[name]
  const columns = new ColumnMap('kysely({ columns })', options.columns, dialect)
  return Object.freeze({
    name: `Kysely on ${dialect.name}`,
    stored: columns.stored,
    problem: (condition) => problemOf(condition, columns),
    translate: (filter) => {
      const { texts, values } = fragment`(${whereOf(filter, columns, dialect)})`
      return sql(Object.assign([...texts], { raw: texts }), ...values) as KyselyWhere
    },
  } satisfies Backend<KyselyWhere>)
}
