/** Law 12 in SQLite, by sql.js: a check on one record and the filter for a list always agree. */
import t from 'tap'
import { sqlite } from '../../lib/authorization/filters/sqlite.ts'
import { agrees, rowsOf } from './law-12-cases.ts'
import { idsOf, SQLITE_ATTRIBUTES, SQLITE_COLUMNS, sqliteRecords, sqljs } from './law-12-tables.ts'

t.test('law 12: in SQLite', async (t) => {
  const run = await sqljs(t)
  const seed = Date.now() % 1e9
  const records = await sqliteRecords(run, rowsOf(60, seed))
  const backend = sqlite({ columns: SQLITE_COLUMNS })
  await agrees(t, { backend, records, found: ({ text, values }) => idsOf(run(`SELECT id FROM rows WHERE ${text}`, values)), attributes: SQLITE_ATTRIBUTES, seed }, 200)
})
