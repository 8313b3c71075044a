/** Law 12 in memory and in PostgreSQL, by PGlite: a check on one record and the filter for a list always agree. */
import t from 'tap'
import { memory } from '../../lib/authorization/filters/memory.ts'
import { postgresql } from '../../lib/authorization/filters/postgresql.ts'
import { agrees, documentsOf, LISTED, rowsOf } from './law-12-cases.ts'
import { idsOf, pglite, POSTGRESQL_ATTRIBUTES, POSTGRESQL_COLUMNS, postgresqlRecords } from './law-12-tables.ts'

const seed = Date.now() % 1e9
const rows = rowsOf(60, seed)

for (const [name, records] of [['rows', rows], ['documents', documentsOf(80, seed)]] as const) {
  t.test(`law 12: in memory, over ${name}`, async (t) => {
    const backend = memory()
    await agrees(t, { backend, records, found: (keeps) => new Set([...records.keys()].filter((id) => keeps(records[id] as object))), attributes: POSTGRESQL_ATTRIBUTES, seed, also: LISTED }, 250)
  })
}

t.test('law 12: in PostgreSQL', async (t) => {
  const run = await pglite(t)
  const records = await postgresqlRecords(run, rows)
  const backend = postgresql({ columns: POSTGRESQL_COLUMNS })
  await agrees(t, { backend, records, found: ({ text, values }) => idsOf(run(`SELECT id FROM rows WHERE ${text}`, values)), attributes: POSTGRESQL_ATTRIBUTES, seed }, 200)
})
