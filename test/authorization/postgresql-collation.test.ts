/** Collations of a PostgreSQL server, which PGlite has not. */
import pg from 'pg'
import t from 'tap'
import { keeps } from '../../lib/authorization/filter.ts'
import { postgresql } from '../../lib/authorization/filters/index.ts'
import { postgresServer } from '../newsroom/postgres-server.ts'
import { bothWays, shown } from './conditions.ts'

t.test('law 12: a collation that takes `a` for `A` finds no more than the check allows', async (t) => {
  const server = await postgresServer(t)
  if (server === null) return
  const db = new pg.Client({ connectionString: server.url })
  await db.connect()
  t.teardown(() => db.end())
  await db.query("CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false)")
  await db.query('CREATE TABLE c (id int, name text COLLATE any_case, tags text[] COLLATE any_case)')
  await db.query("INSERT INTO c VALUES (1, 'a', '{a}'), (2, 'A', '{A}'), (3, 'b', '{b}'), (4, NULL, NULL)")
  t.equal((await db.query("SELECT 1 FROM c WHERE name = 'a'")).rows.length, 2, 'the database itself takes them for equal')

  const backend = postgresql({ columns: { name: 'text', tags: 'text[]' } })
  const records: { id: number }[] = (await db.query('SELECT * FROM c ORDER BY id')).rows
  for (const condition of [{ name: 'a' }, { name: { $ne: 'a' } }, { name: { $in: ['A', 'b'] } }, { name: { $nin: ['A', 'b'] } }, { name: { $lt: 'a' } }, { tags: { $all: ['a'] } }, { tags: { $all: ['A'] } }]) {
    for (const filter of bothWays(condition)) {
      const { text, values } = backend.translate(filter)
      const { rows } = await db.query(`SELECT id FROM c WHERE ${text} ORDER BY id`, [...values])
      t.same(rows.map(({ id }) => id), records.filter((record) => keeps(filter, record)).map(({ id }) => id), shown(condition))
    }
  }
})
