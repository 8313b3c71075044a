/** Law 12 on a PostgreSQL server, through `pg`: a check on one record and the filter for a list always agree. */
import { Pool } from 'pg'
import t from 'tap'
import { postgresql } from '../../lib/authorization/filters/postgresql.ts'
import { postgresServer } from '../newsroom/postgres-server.ts'
import { agrees, rowsOf } from './law-12-cases.ts'
import { idsOf, POSTGRESQL_ATTRIBUTES, POSTGRESQL_COLUMNS, postgresqlRecords, type Run } from './law-12-tables.ts'

t.test('law 12: on a PostgreSQL server', async (t) => {
  const server = await postgresServer(t)
  if (server === null) return
  const pool = new Pool({ connectionString: server.url })
  // The server is stopped before the last connection knows.
  pool.on('error', () => {})
  t.teardown(() => pool.end())
  const run: Run = async (sql, values = []) => (await pool.query<Record<string, unknown>>(sql, [...values])).rows
  const seed = Date.now() % 1e9
  const records = await postgresqlRecords(run, rowsOf(60, seed))
  const backend = postgresql({ columns: POSTGRESQL_COLUMNS })
  await agrees(t, { backend, records, found: (where) => idsOf(run(`SELECT id FROM rows WHERE $1 AND ${where.startingAt(2).text}`, [true, ...where.values])), attributes: POSTGRESQL_ATTRIBUTES, seed }, 200)
})
