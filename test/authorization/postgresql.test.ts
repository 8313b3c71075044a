import assert from 'node:assert/strict'
import t from 'tap'
import fc from 'fast-check'
import { PGlite } from '@electric-sql/pglite'
import { keeps, type RecordFilter } from '../../lib/authorization/filter.ts'
import { postgresql, type PostgresqlOptions } from '../../lib/authorization/filters/index.ts'
import type { RuleDefinition } from '../../lib/policies/define.ts'
import { ALL, bothWays, conditionOf, filterOf, read, shown } from './conditions.ts'

const columns = {
  id: 'integer',
  name: 'text',
  size: { column: 'p.size', type: 'number' },
  open: 'boolean',
  at: 'timestamp',
  'org.id': { column: 'org"id', type: 'text' },
  key: 'uuid',
  mood: 'enum',
  tags: 'text[]',
  marks: 'integer[]',
  scores: 'number[]',
  flags: 'boolean[]',
  meta: 'json',
} as const satisfies PostgresqlOptions['columns']

const backend = postgresql({ columns })

const names = [null, 'a', 'b', 'B', 'é', '\u{1F600}', '\uFFFD', '']
const sizes = [null, 0, 1, -1, 2.5, 1e15, 'NaN', 'Infinity', '-Infinity', 2 ** 53, 2 ** 53 + 4]
const times = [null, '2026-01-01T00:00:00.000Z', '2026-06-01T12:30:00.000Z', '2026-01-01T00:00:00.0005Z', '9999-12-31T23:59:59.999Z', '2262-04-11 23:47:16.854775+00', '0001-01-01 00:00:00+00', 'infinity', '-infinity']
const flags = [true, false, null]
const keys = [null, '00000000-0000-0000-0000-000000000000', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'B0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11']
const moods = [null, 'sad', 'ok']
const tags = [null, [], ['a'], ['a', 'b'], [null], ['a', null], ['B', ''], [['a', 'b'], ['a', 'c']]]
const marks = [null, [], [1], [1, 2], [null, 2], [[1, 2], [3, 4]]]
const scores = [null, [], [1.5], ['NaN'], ['NaN', 1.5]]
const truths = [null, [], [true], [false, null]]
const metas = [
  null, 'null', '{}', '[]', '"x"', '5', 'true', '["a", "b"]', '{"a": 1}', '{"a": "1"}', '{"a": null}', '{"a": {"b": "x"}}', '{"a": {"b": 2}}', '{"a": ["x", null, 2]}', '{"a": ["x"]}',
  '{"a": []}', '{"a": true}', '{"a": 1.0000000000000000001}', '{"a": {"0": "x"}}', '{"a": ["0"]}', '{"a": 9007199254740993}', '{"a": "\u00e9"}',
]

type Row = Readonly<Record<string, unknown>>

t.test('none and every are conditions too', async (t) => {
  t.match(backend.translate({ kind: 'none' }), { text: '(FALSE)', values: [] })
  t.match(backend.translate({ kind: 'every' }), { text: '(TRUE)', values: [] })
})

t.test('values are placeholders, columns are quoted, and counting starts where it is told', async (t) => {
  const where = backend.translate(filterOf([read({ 'org.id': 'x', size: { $lt: 3 } })]))
  t.match(where.text, /^\("org""id" = \$1::text AND .*"p"\."size"::double precision < \$3::double precision AND .*\)$/)
  t.same(where.values, ['x', 'x', '3'])
  t.match(where.startingAt(4), { text: where.text.replace('$1', '$4').replace('$2', '$5').replace('$3', '$6'), values: where.values })
  t.equal(where.startingAt(4).startingAt(1).text, where.text)
})

t.test('no part of a condition is written in vain', async (t) => {
  const text = (...rules: RuleDefinition[]) => backend.translate(filterOf(rules)).text
  t.equal(text(read({ name: 5 })), '(FALSE)')
  t.equal(text(read({ $or: [{ name: 5 }, { open: true }] })), '("open" = $1::boolean)')
  t.equal(text(read({ $and: [{ name: 5 }, { open: true }] })), '(FALSE)')
  t.equal(text(ALL, read({ open: true }, true)), '("open" <> $1::boolean)')
  t.equal(text(read({ $or: [{ open: true, id: 1 }, { id: 2 }] })), '(("open" = $1::boolean AND "id" = $2::bigint) OR "id" = $3::bigint)')
})

t.test('what a policy asks of a database that it has not is a problem', async (t) => {
  const problem = (conditions: object) => backend.problem(conditionOf(conditions))
  t.equal(problem({ nam: 'x' }), 'there is no column for the attribute "nam". Did you mean "name"? Add it to "columns"')
  t.match(problem({ $or: [{ name: 'x' }, { $not: { $nor: [{ 'org.name': 'x' }] } }] }), /no column for the attribute "org\.name"/)
  t.match(problem({ 'name.first': 'x' }), /no column for the attribute "name\.first"/)
  t.match(problem({ hasOwnProperty: 'x' }), /"hasOwnProperty"/)
  t.equal(problem({ name: { $size: 1 } }), '"$size" on "name" needs a list, and its column is of the type text')
  t.equal(problem({ size: { $not: { $all: [1] } } }), '"$all" on "size" needs a list, and its column is of the type number')
  for (const conditions of [{ name: '$user.id' }, { tags: { $size: 1 } }, { 'meta.a.b': { $all: ['x'] } }, { meta: { $exists: true } }]) t.equal(problem(conditions), null)
})

t.test('authz T2: a filter with such a problem is an error, never a condition less', async (t) => {
  t.throws(() => backend.translate(filterOf([ALL, read({ nam: 'x' }, true)])), { code: 'FST_GATEHOUSE_OPTION', message: /^PostgreSQL cannot express a rule: there is no column for the attribute "nam"/ })
  t.throws(() => backend.translate(filterOf([read({ name: { $size: 1 } })])), { code: 'FST_GATEHOUSE_OPTION', message: /"\$size" on "name" needs a list/ })
  const filter: RecordFilter = { kind: 'where', clauses: [{ allowing: [{ kind: 'compare', path: ['name'], operator: '$eq', operand: { from: 'user', path: ['id'] } }], inverted: [] }] }
  t.throws(() => backend.translate(filter), { name: 'TypeError', message: /only a bound condition/ })
})

t.test('no backend orders truth values, which no policy asks for', async (t) => {
  for (const path of [['open'], ['meta']]) {
    const filter: RecordFilter = { kind: 'where', clauses: [{ allowing: [{ kind: 'compare', path, operator: '$lt', operand: { from: 'literal', value: true } }], inverted: [] }] }
    t.equal(backend.translate(filter).text, '(FALSE)')
  }
})

t.test('a wrong option is told at once, with the mend', async (t) => {
  const wrong = (options: unknown) => () => postgresql(options as PostgresqlOptions)
  t.throws(wrong(undefined), { code: 'FST_GATEHOUSE_OPTION' })
  t.throws(wrong({ column: {} }), { message: /there is no option 'column'.*Did you mean "columns"\?/ })
  for (const given of [undefined, null, ['id'], 'id']) t.throws(wrong({ columns: given }), { message: /postgresql\(\{ columns \}\): .* was given; allowed is an object/ })
  t.throws(wrong({ columns: { id: 'integr' } }), { message: /"id"\.type: 'integr' was given; allowed is one of text, .*\. Did you mean "integer"\?/ })
  t.throws(wrong({ columns: { id: { column: 'id', type: 'toString' } } }), { message: /"id"\.type: 'toString' was given/ })
  t.throws(wrong({ columns: { id: { column: 'id', type: 7 } } }), { message: /"id"\.type: 7 was given/ })
  t.throws(wrong({ columns: { id: { column: 'id', typ: 'text' } } }), { message: /there is no option 'typ'.*Did you mean "type"\?/ })
  t.throws(wrong({ columns: { id: null } }), { message: /"id": null was given/ })
  for (const column of ['', 7, 'a\0']) t.throws(wrong({ columns: { id: { column, type: 'text' } } }), { message: /"id"\.column: .* was given; allowed is a column's name/ })
})

t.test('in PostgreSQL', async (t) => {
  const db = new PGlite()
  t.teardown(() => db.close())
  await db.exec('CREATE TYPE mood AS ENUM (\'sad\', \'ok\'); CREATE TABLE p (id int PRIMARY KEY, name text, size float8, open boolean, at timestamptz, "org""id" varchar, tags text[], marks bigint[], scores float8[], flags boolean[], meta jsonb, key uuid, mood mood)')
  const at = <V>(values: readonly V[], index: number, step: number): V => values[Math.floor(index / step) % values.length] as V
  const literal = (items: unknown): string | null => items === null ? null : JSON.stringify(items).replaceAll('[', '{').replaceAll(']', '}')
  for (let id = 0; id < 120; id++) {
    await db.query('INSERT INTO p VALUES ($1, $2, $3::text::float8, $4, $5::text::timestamptz, $6, $7::text::text[], $8::text::bigint[], $9::text::float8[], $10::text::boolean[], $11::text::jsonb, $12, $13)', [
      id, at(names, id, 1), at(sizes, id, 2)?.toString(), at(flags, id, 3), at(times, id, 1), id % 4 === 0 ? null : `o${id % 3}`,
      literal(at(tags, id, 1)), literal(at(marks, id, 2)), literal(at(scores, id, 1)), literal(at(truths, id, 3)), at(metas, id, 1), at(keys, id, 1), at(moods, id, 1),
    ])
  }
  /** As the driver gives them. */
  const rows = (await db.query<Row>('SELECT * FROM p ORDER BY id')).rows
  const records = rows.map((row): Row => ({ ...row, org: { id: row['org"id'] } }))

  const found = async (filter: RecordFilter): Promise<unknown[]> => {
    const { text, values } = backend.translate(filter).startingAt(2)
    const { rows } = await db.query<Row>(`SELECT id FROM p WHERE $1::int = 0 AND ${text} ORDER BY id`, [0, ...values])
    return rows.map(({ id }) => id)
  }
  const kept = (filter: RecordFilter) => records.filter((record) => keeps(filter, record)).map(({ id }) => id)

  const user = { huge: 1e300, low: -(2n ** 70n), odd: 2n ** 53n + 1n, odder: 2n ** 53n + 3n, none: [], one: ['a'], numbers: [1] }

  const SCALARS: readonly object[] = [
    { name: 'a' }, { name: null }, { name: { $ne: 'a' } }, { name: { $ne: null } }, { name: { $exists: true } }, { name: { $exists: false } },
    { name: { $in: ['a', 'b'] } }, { name: { $in: ['a', null] } }, { name: { $in: [null] } }, { name: { $nin: ['a', null] } }, { name: { $nin: ['a'] } },
    { name: { $lt: 'b' } }, { name: { $lte: 'B' } }, { name: { $gt: '\uFFFD' } }, { name: { $gte: '\u{1F600}' } }, { name: { $gt: '' } },
    { name: { $in: [null, null] } }, { name: { $nin: [null, null] } }, { name: { $in: ['a', 'a', null, null] } },
    { name: 5 }, { name: { $ne: 5 } }, { name: { $gt: 5 } }, { name: true },
    { size: 1 }, { size: 2.5 }, { size: { $lt: 1 } }, { size: { $gt: 0 } }, { size: { $gte: 1n } }, { size: { $in: [1, 2.5] } }, { size: { $nin: [0] } }, { size: { $gt: 1e14 } }, { size: '1' }, { size: { $lt: 'x' } },
    { size: null }, { size: { $exists: true } }, { size: '$user.odd' }, { size: { $ne: '$user.odd' } }, { size: { $lt: '$user.odd' } }, { size: { $gte: '$user.odd' } }, { size: { $gte: '$user.odder' } }, { size: { $lt: '$user.odder' } }, { size: { $nin: '$user.none' } },
    { id: 3 }, { id: { $lt: 5 } }, { id: { $gte: 2.5 } }, { id: 2.5 }, { id: { $in: [1, 2] } }, { id: { $in: [1, 2.5] } }, { id: { $ne: 4n } }, { id: 'x' }, { id: { $lt: '$user.huge' } }, { id: { $gt: '$user.low' } }, { id: { $nin: '$user.none' } },
    { open: true }, { open: false }, { open: { $ne: true } }, { open: { $in: [true, false] } }, { open: 'true' }, { open: { $gt: 0 } }, { open: { $nin: '$user.none' } },
    { at: '2026-01-01' }, { at: { $gt: '2026-01-01T00:00:00Z' } }, { at: { $lte: '2026-06-01T14:30:00+02:00' } }, { at: { $in: ['2026-01-01', null] } }, { at: 'soon' }, { at: { $ne: 'soon' } }, { at: { $lt: 'soon' } }, { at: 7 },
    { at: { $lte: '2026-01-01' } }, { at: { $gte: '2026-01-01' } }, { at: { $ne: '2026-01-01' } }, { at: { $nin: ['2026-01-01', '9999-12-31T23:59:59.999Z'] } }, { at: { $nin: '$user.none' } }, { at: { $exists: true } },
    { at: '9999-12-31T23:59:59.999Z' }, { at: { $gt: '9999-12-31T23:59:59.998Z' } }, { at: { $gte: '9999-12-31T23:59:59.999-12:00' } }, { at: '2262-04-11T23:47:16.854Z' },
    { at: { $gt: '0000-01-01' } }, { at: { $lt: '0000-01-01T00:00:00Z' } }, { at: '0000-01-01' }, { at: '0000-06-01' }, { at: { $gt: '0000-01-01T00:00:00+12:00' } },
    { 'org.id': 'o1' }, { 'org.id': { $exists: false } }, { 'org.id': { $lt: 'o2' } },
    ...['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'x', '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}'].flatMap((key) => [{ key }, { key: { $ne: key } }, { key: { $gte: key } }, { key: { $in: [key, null] } }]),
    { key: { $nin: '$user.none' } }, { key: 5 }, { key: { $nin: ['x', '00000000-0000-0000-0000-000000000000'] } },
    { mood: 'sad' }, { mood: 'happy' }, { mood: { $ne: 'happy' } }, { mood: { $nin: ['sad', null] } }, { mood: { $gt: 'ok' } }, { mood: { $nin: '$user.none' } },
    { $or: [{ name: 'a' }, { size: { $lt: 1 } }] }, { $nor: [{ name: 'a' }, { open: true }] }, { $not: { name: 'a', open: true } }, { name: { $not: { $in: ['a', 'b'] } } },
    { $and: [{ name: { $exists: true } }, { $or: [{ open: false }, { 'org.id': 'o2' }] }] },
    { name: { $in: '$user.none' } }, { name: { $nin: '$user.none' } }, { name: { $in: '$user.one' } }, { name: { $nin: '$user.numbers' } },
  ]
  const LISTS: readonly object[] = [
    ...['tags', 'meta', 'meta.a'].flatMap((list) => [
      { [list]: { $all: ['a'] } }, { [list]: { $all: ['a', 'b'] } }, { [list]: { $all: ['x'] } }, { [list]: { $all: [2] } }, { [list]: { $all: [true] } }, { [list]: { $all: '$user.none' } }, { [list]: { $all: '$user.one' } },
      { [list]: { $size: 0 } }, { [list]: { $size: 2 } }, { [list]: { $exists: true } }, { [list]: null }, { [list]: 'a' }, { [list]: { $nin: '$user.none' } }, { [list]: { $lt: 'b' } }, { [list]: { $ne: null } },
    ]),
    { marks: { $all: [1] } }, { marks: { $all: [2, 1] } }, { marks: { $all: [2.5] } }, { marks: { $all: ['1'] } }, { marks: { $size: 2 ** 40 } },
    { scores: { $all: [1.5] } }, { scores: { $all: [2] } }, { flags: { $all: [true] } }, { flags: { $all: [false] } }, { flags: { $size: 2 } },
  ]
  const JSONS: readonly object[] = ['meta', 'meta.a', 'meta.a.b', 'meta.a.0'].flatMap((path) => [
    null, 'x', '1', 1, 2, 2.5, true, false, 'é', { $ne: 'x' }, { $ne: 1 }, { $ne: true }, { $ne: null }, { $in: ['x', null] }, { $in: [1, 2] }, { $nin: [1, 2] }, { $in: [true, null] }, { $exists: true }, { $exists: false },
    { $lt: 'y' }, { $gte: '1' }, { $lt: 2 }, { $gt: 0 }, { $gte: 2 }, { $lte: '$user.odd' }, '$user.odd', { $ne: '$user.odd' },
  ].map((value) => ({ [path]: value })))

  await t.test('law 12: SQL and memory keep the same records, operator by operator', async (t) => {
    for (const condition of [...SCALARS, ...LISTS, ...JSONS]) {
      const [is, isNot] = bothWays(condition, user) as [RecordFilter, RecordFilter]
      t.same(await found(is), kept(is), `only ${shown(condition)}`)
      t.same(await found(isNot), kept(isNot), `all but ${shown(condition)}`)
    }
  })

  await t.test('the rows above tell true, false and unknown apart', async (t) => {
    const rare = [...SCALARS, ...LISTS, ...JSONS].filter((condition) => bothWays(condition, user).some((filter) => kept(filter).length > 0))
    t.ok(rare.length > 120, `${rare.length} of them find something`)
  })

  await t.test('a number in JSON that double precision cannot hold is in no list, and breaks none', async (t) => {
    await db.exec('CREATE TABLE j (id int, meta jsonb); INSERT INTO j VALUES (1, \'{"a": 1e400}\'), (2, \'{"a": -1e-400}\'), (3, \'{"a": 1}\'), (4, \'{"a": 0}\')')
    for (const condition of [{ 'meta.a': { $gte: 0 } }, { 'meta.a': { $ne: 5 } }]) {
      for (const [index, filter] of bothWays(condition).entries()) {
        const { text, values } = backend.translate(filter)
        t.same((await db.query(`SELECT id FROM j WHERE ${text} ORDER BY id`, [...values])).rows, index === 0 ? [{ id: 3 }, { id: 4 }] : [])
      }
    }
  })

  await t.test('hostile texts are values and never SQL', async (t) => {
    const hostile = ["'", "''", '"', '\\', '\\\'', "'; DROP TABLE p; --", '$1', '?', '$1::text', ':name', '%', '_', '{}', '/*', '\n', 'a\0', '\0', '\ud800', 'a\udc00', '{"a"', ',', '{a,NULL}']
    const storable = hostile.filter((text) => !/[\0\p{Surrogate}]/u.test(text))
    await db.exec('CREATE TABLE h (id int, name text, tags text[], meta jsonb)')
    for (const [id, name] of storable.entries()) await db.query('INSERT INTO h VALUES ($1, $2::text, ARRAY[$2::text], jsonb_build_object($3::text, $2::text))', [id, name, 'a'])
    const records = (await db.query<Row>('SELECT * FROM h ORDER BY id')).rows
    for (const name of hostile) {
      for (const condition of [{ name: '$user.name' }, { name: { $ne: '$user.name' } }, { name: { $gte: '$user.name' } }, { name: { $in: '$user.names' } }, { tags: { $all: '$user.names' } }, { 'meta.a': '$user.name' }]) {
        const harmless = bothWays(condition, { name: 'x', names: ['x'] }).map((filter) => backend.translate(filter).text)
        for (const [index, filter] of bothWays(condition, { name, names: [name] }).entries()) {
          const { text, values } = backend.translate(filter)
          if (storable.includes(name)) t.equal(text, harmless[index], 'the same text as for any other value')
          const { rows } = await db.query<Row>(`SELECT id FROM h WHERE ${text} ORDER BY id`, [...values])
          t.same(rows.map(({ id }) => id), records.filter((record) => keeps(filter, record)).map(({ id }) => id), shown([condition, name]))
        }
      }
    }
    for (const key of ["'", '"', '\\', 'a$1', '?', '#>> {}']) {
      const { text, values } = backend.translate(filterOf([read({ [`meta.${key}`]: 'x' })]))
      t.same((await db.query(`SELECT 1 FROM h WHERE ${text}`, [...values])).rows, [], key)
    }
  })

  await t.test('comparisons with a column itself use an index on it', async (t) => {
    await db.exec(`CREATE TABLE big (id bigint, name text, size float8, at timestamptz, tags text[]);
      INSERT INTO big SELECT i, 'n' || i, i, to_timestamp(i), ARRAY['t' || i] FROM generate_series(1, 20000) AS i;
      CREATE INDEX big_id ON big (id); CREATE INDEX big_name ON big (name); CREATE INDEX big_size ON big (size); CREATE INDEX big_at ON big (at); CREATE INDEX big_tags ON big USING gin (tags); ANALYZE big`)
    const big = postgresql({ columns: { id: 'integer', name: 'text', size: 'number', at: 'timestamp', tags: 'text[]' } })
    for (const [condition, index] of [
      [{ name: 'n5' }, 'big_name'], [{ name: { $in: ['n5', 'n6'] } }, 'big_name'], [{ id: 5 }, 'big_id'], [{ id: { $lt: 20 } }, 'big_id'], [{ size: { $lt: 20 } }, 'big_size'], [{ size: 5 }, 'big_size'],
      [{ at: '1970-01-01T01:00:00Z' }, 'big_at'], [{ at: { $lt: '1970-01-01T00:01:00Z' } }, 'big_at'], [{ tags: { $all: ['t5'] } }, 'big_tags'], [{ $or: [{ name: 'n5' }, { id: 7 }] }, 'big_name'],
    ] as const) {
      const { text, values } = big.translate(filterOf([read(condition)]))
      const plan = (await db.query<{ 'QUERY PLAN': string }>(`EXPLAIN SELECT * FROM big WHERE ${text}`, [...values])).rows.map((row) => row['QUERY PLAN']).join('\n')
      t.match(plan, index, shown(condition))
      t.notMatch(plan, 'Seq Scan')
    }
  })

  await t.test('the planner expects as many rows of an equality as without us', async (t) => {
    await db.exec("CREATE TABLE half AS SELECT CASE WHEN i % 2 = 0 THEN 'a' ELSE 'b' END AS name FROM generate_series(1, 1000) AS i; ANALYZE half")
    const { text, values } = backend.translate(filterOf([read({ name: 'a' })]))
    const [row] = (await db.query<{ 'QUERY PLAN': readonly [{ Plan: { 'Plan Rows': number } }] }>(`EXPLAIN (FORMAT JSON) SELECT * FROM half WHERE ${text}`, [...values])).rows
    const expected = row?.['QUERY PLAN'][0].Plan['Plan Rows'] as number
    t.ok(expected > 450 && expected < 550, `${expected} of 500`)
  })

  await t.test('law 12: whatever the rules, SQL and memory keep the same records', async (t) => {
    const text = fc.constantFrom<unknown>(...names.slice(1), '$user.name', 3)
    const number = fc.constantFrom<unknown>(0, 1, -1, 2.5, 1e15, '$user.size', 'x')
    const scalar = (value: fc.Arbitrary<unknown>) => fc.oneof(value, fc.record({ $eq: value }), fc.record({ $ne: value }), fc.record({ $lt: value }), fc.record({ $lte: value }), fc.record({ $gt: value }), fc.record({ $gte: value }))
    const leaf = fc.oneof(
      fc.record({ name: scalar(text) }),
      fc.record({ name: fc.record({ $in: fc.subarray([...names], { minLength: 1 }) }) }),
      fc.record({ name: fc.record({ $nin: fc.subarray([...names], { minLength: 1 }) }) }),
      fc.record({ size: scalar(number) }),
      fc.record({ size: fc.record({ $exists: fc.boolean() }) }),
      fc.record({ open: fc.constantFrom(true, false, null) }),
      fc.record({ at: fc.record({ $gte: fc.constantFrom('2026-01-01', '2026-06-01T12:30:00Z') }) }),
      fc.record({ 'org.id': fc.constantFrom('o1', 'o2', null) }),
      fc.constantFrom(...LISTS, ...JSONS)
    )
    const { condition } = fc.letrec<{ condition: object, list: object[] }>((tie) => ({
      list: fc.array(tie('condition'), { minLength: 1, maxLength: 3 }),
      condition: fc.oneof({ maxDepth: 3 }, leaf, fc.record({ $and: tie('list') }), fc.record({ $or: tie('list') }), fc.record({ $nor: tie('list') }), fc.record({ $not: tie('condition') })),
    }))
    const rule = fc.oneof({ weight: 1, arbitrary: fc.constant(ALL) }, { weight: 5, arbitrary: fc.tuple(condition, fc.boolean()).map(([of, inverted]) => read(of, inverted)) })
    await fc.assert(fc.asyncProperty(fc.array(rule, { minLength: 1, maxLength: 4 }), async (rules) => {
      const filter = filterOf(rules, { ...user, name: 'b', size: 1 })
      assert.deepEqual(await found(filter), kept(filter))
    }), { numRuns: 100 })
    t.pass()
  })
})
