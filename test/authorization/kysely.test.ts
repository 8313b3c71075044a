import { DummyDriver, Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler, sql, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely'
import { PGlite } from '@electric-sql/pglite'
import initSqlJs from 'sql.js'
import t from 'tap'
import { keeps } from '../../lib/authorization/filter.ts'
import { kysely, type KyselyOptions } from '../../lib/authorization/filters/index.ts'
import { bothWays, conditionOf, filterOf, read, shown } from './conditions.ts'

interface Post { id: number, author_id: string | null, tags: readonly string[] | string | null }

/** Kysely writes the statements, and the tests run them. */
const ON_POSTGRESQL = new Kysely<{ posts: Post }>({
  dialect: { createAdapter: () => new PostgresAdapter(), createDriver: () => new DummyDriver(), createIntrospector: (db) => new PostgresIntrospector(db), createQueryCompiler: () => new PostgresQueryCompiler() },
})
const ON_SQLITE = new Kysely<{ posts: Post }>({
  dialect: { createAdapter: () => new SqliteAdapter(), createDriver: () => new DummyDriver(), createIntrospector: (db) => new SqliteIntrospector(db), createQueryCompiler: () => new SqliteQueryCompiler() },
})

const authorId = { column: 'posts.author_id', type: 'text' } as const
const postgresql = kysely({ sql, dialect: 'postgresql', columns: { id: 'integer', authorId, tags: 'text[]' } })
const sqlite = kysely({ sql, dialect: 'sqlite', columns: { id: 'integer', authorId, tags: 'json' } })

const HOSTILE = ["'; DROP TABLE posts; --", '$1', '?', '"', '\\']
const RECORDS = [
  { id: 1, authorId: 'ada', tags: ['a'] }, { id: 2, authorId: 'grace', tags: ['a', 'b'] }, { id: 3, authorId: null, tags: null }, { id: 4, authorId: 'Ada', tags: [] },
  ...HOSTILE.map((authorId, index) => ({ id: 5 + index, authorId, tags: [authorId] })),
]
const CONDITIONS = [
  { authorId: '$user.id' }, { authorId: { $ne: '$user.id' } }, { authorId: { $in: ['ada', null] } }, { authorId: { $gt: 'a' } }, { tags: { $all: '$user.ids' } }, { tags: { $size: 1 } }, { id: { $lt: 3 } },
  { $or: [{ authorId: '$user.id' }, { $not: { id: { $gte: 2 } } }] },
]

t.test('the expression is one for where, beside others', async (t) => {
  const where = postgresql.translate(filterOf([read({ authorId: 'ada' })]))
  const query = ON_POSTGRESQL.selectFrom('posts').select('id').where('id', '>', 7).where(where).limit(3).compile()
  t.equal(query.sql, 'select "id" from "posts" where "id" > $1 and ("posts"."author_id" = $2::text AND array_position(ARRAY[$3::text], "posts"."author_id"::text COLLATE "C") IS NOT NULL) limit $4')
  t.same(query.parameters, [7, 'ada', 'ada', 3])
})

t.test('none and every are expressions too', async (t) => {
  const texts = [{ kind: 'none' }, { kind: 'every' }].map((filter) => ON_SQLITE.selectFrom('posts').select('id').where(sqlite.translate(filter as { kind: 'none' })).compile().sql)
  t.same(texts, ['select "id" from "posts" where (FALSE)', 'select "id" from "posts" where (TRUE)'])
})

t.test('law 12: what Kysely writes for PostgreSQL finds what the check allows', async (t) => {
  const db = new PGlite()
  t.teardown(() => db.close())
  await db.exec('CREATE TABLE posts (id int, author_id text, tags text[])')
  for (const { id, authorId, tags } of RECORDS) await db.query('INSERT INTO posts VALUES ($1, $2, $3)', [id, authorId, tags])
  for (const id of ['ada', ...HOSTILE]) {
    for (const condition of CONDITIONS) {
      for (const filter of bothWays(condition, { id, ids: [id] })) {
        const { sql, parameters } = ON_POSTGRESQL.selectFrom('posts').select('id').where('id', '>', 0).where(postgresql.translate(filter)).orderBy('id').compile()
        const { rows } = await db.query<{ id: number }>(sql, [...parameters])
        t.same(rows.map(({ id }) => id), RECORDS.filter((record) => keeps(filter, record)).map(({ id }) => id), shown([condition, id]))
      }
    }
  }
})

t.test('law 12: what Kysely writes for SQLite finds what the check allows', async (t) => {
  const db = new (await initSqlJs()).Database()
  t.teardown(() => db.close())
  db.run('CREATE TABLE posts (id INTEGER, author_id TEXT, tags TEXT)')
  for (const { id, authorId, tags } of RECORDS) db.run('INSERT INTO posts VALUES (?, ?, ?)', [id, authorId, tags === null ? null : JSON.stringify(tags)])
  for (const id of ['ada', ...HOSTILE]) {
    for (const condition of CONDITIONS) {
      for (const filter of bothWays(condition, { id, ids: [id] })) {
        const { sql, parameters } = ON_SQLITE.selectFrom('posts').select('id').where('id', '>', 0).where(sqlite.translate(filter)).orderBy('id').compile()
        t.same(db.exec(sql, parameters as number[])[0]?.values.flat() ?? [], RECORDS.filter((record) => keeps(filter, record)).map(({ id }) => id), shown([condition, id]))
      }
    }
  }
})

t.test('what the dialect cannot express is a problem, and a wrong option is told at once', async (t) => {
  t.equal(postgresql.name, 'Kysely on PostgreSQL')
  t.match(sqlite.problem(conditionOf({ autorId: 'x' })), /no column for the attribute "autorId"\. Did you mean "authorId"\?/)
  const wrong = (options: unknown) => () => kysely(options as KyselyOptions)
  t.throws(wrong({ sql: 'sql', dialect: 'sqlite', columns: {} }), { code: 'FST_GATEHOUSE_OPTION', message: /kysely\(\{ sql \}\): 'sql' was given; allowed is what Kysely exports as "sql"/ })
  for (const dialect of ['mysql', undefined, 'toString']) t.throws(wrong({ sql, dialect, columns: {} }), { code: 'FST_GATEHOUSE_OPTION', message: /kysely\(\{ dialect \}\): .* allowed is 'postgresql' or 'sqlite'/ })
  t.throws(wrong({ sql, dialect: 'sqlite', columns: { tags: 'text[]' } }), { message: /"tags"\.type: 'text\[\]' was given/ })
  t.throws(wrong({ sql, dialect: 'sqlite', colums: {} }), { message: /Did you mean "columns"\?/ })
})
