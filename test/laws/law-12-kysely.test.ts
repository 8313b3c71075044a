/** Law 12 through Kysely, on SQLite and on PostgreSQL: a check on one record and the filter for a list always agree. Kysely writes the queries, the databases run them. */
import { DummyDriver, Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler, sql, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely'
import type { Dialect } from 'kysely'
import t from 'tap'
import { kysely, type KyselyWhere } from '../../lib/authorization/filters/kysely.ts'
import { agrees, rowsOf } from './law-12-cases.ts'
import { idsOf, pglite, POSTGRESQL_ATTRIBUTES, POSTGRESQL_COLUMNS, postgresqlRecords, type Run, SQLITE_ATTRIBUTES, SQLITE_COLUMNS, sqliteRecords, sqljs } from './law-12-tables.ts'

const seed = Date.now() % 1e9
const rows = rowsOf(60, seed)

function finding (dialect: Dialect, run: Run): (where: KyselyWhere) => Promise<ReadonlySet<number>> {
  const db = new Kysely<{ rows: { id: number } }>({ dialect })
  return (where) => {
    const query = db.selectFrom('rows').select('id').where('id', '>=', 0).where(where).compile()
    return idsOf(run(query.sql, query.parameters))
  }
}

t.test('law 12: through Kysely in SQLite', async (t) => {
  const run = await sqljs(t)
  const records = await sqliteRecords(run, rows)
  const found = finding({ createAdapter: () => new SqliteAdapter(), createDriver: () => new DummyDriver(), createIntrospector: (db) => new SqliteIntrospector(db), createQueryCompiler: () => new SqliteQueryCompiler() }, run)
  await agrees(t, { backend: kysely({ sql, dialect: 'sqlite', columns: SQLITE_COLUMNS }), records, found, attributes: SQLITE_ATTRIBUTES, seed }, 100)
})

t.test('law 12: through Kysely in PostgreSQL', async (t) => {
  const run = await pglite(t)
  const records = await postgresqlRecords(run, rows)
  const found = finding({ createAdapter: () => new PostgresAdapter(), createDriver: () => new DummyDriver(), createIntrospector: (db) => new PostgresIntrospector(db), createQueryCompiler: () => new PostgresQueryCompiler() }, run)
  await agrees(t, { backend: kysely({ sql, dialect: 'postgresql', columns: POSTGRESQL_COLUMNS }), records, found, attributes: POSTGRESQL_ATTRIBUTES, seed }, 100)
})
