import assert from 'node:assert/strict'
import t from 'tap'
import fc from 'fast-check'
import initSqlJs, { type SqlValue } from 'sql.js'
import { keeps, type RecordFilter } from '../../lib/authorization/filter.ts'
import { sqlite, type SqliteOptions, type SqliteWhere } from '../../lib/authorization/filters/index.ts'
import { ALL, bothWays, conditionOf, filterOf, read, shown } from './conditions.ts'

const columns = {
  id: 'integer',
  name: 'text',
  size: { column: 'p.size', type: 'number' },
  open: 'boolean',
  at: 'timestamp',
  ms: 'milliseconds',
  s: 'seconds',
  'org.id': { column: 'org"id', type: 'text' },
  tags: { column: 'value', type: 'json' },
} as const satisfies SqliteOptions['columns']

const backend = sqlite({ columns })
const { Database } = await initSqlJs()

/** As a column may hold them, whatever type it was declared with. */
const VALUES: Readonly<Record<string, readonly SqlValue[]>> = {
  name: [null, 'a', 'b', 'B', 'é', '\u{1F600}', '\uFFFD', '', 5, new Uint8Array([97])],
  size: [null, 0, 1, -1, 2.5, 1e15, Infinity, -Infinity, 2 ** 53, 2 ** 53 + 4, 2 ** 80, '1', 'x'],
  open: [1, 0, null, 2, '1', 0.5],
  at: [null, '2026-01-01T00:00:00.000Z', '2026-06-01T12:30:00.000Z', '9999-12-31T23:59:59.999Z', '0000-01-01T00:00:00.000Z', '1969-12-31T23:59:59.999Z', '2026-01-01 00:00:00', '2026-01-01', 'soon', 1767225600000],
  ms: [null, 0, Date.parse('2026-01-01'), Date.parse('2026-06-01T12:30:00.001Z'), -1, 8.64e15, 9e15, 0.5, '0'],
  s: [null, 0, Date.parse('2026-01-01') / 1000, Date.parse('2026-06-01T12:30:00Z') / 1000, -1, 8.64e12, 9e12, 0.5, '0'],
  org: [null, 'o1', 'o2', 'O1'],
  tags: [null, 'null', '[]', '["a"]', '["a", "b"]', '[null]', '["a", null, 2]', '[1, 2.5]', '[true]', '[[1], {"a": 1}]', '{"a": 1}', '"a"', '5', 'true', '["1"]', '[9007199254740993]', '[1.0]'],
}

/** As an application hands them over. What is of another type than the column compares with nothing, like a list. */
const READ: Readonly<Record<string, (value: SqlValue) => unknown>> = {
  name: (value) => typeof value === 'string' || value === null ? value : [],
  size: (value) => typeof value === 'number' || value === null ? value : [],
  open: (value) => value === 1 ? true : value === 0 ? false : value === null ? null : [],
  at: (value) => typeof value === 'string' && /^\d{4}-\d{2}-\d{2}T.*\.\d{3}Z$/.test(value) ? new Date(value) : value === null ? null : [],
  ms: (value) => Number.isInteger(value) ? new Date(value as number) : value === null ? null : [],
  s: (value) => Number.isInteger(value) ? new Date(value as number * 1000) : value === null ? null : [],
  tags: (value) => JSON.parse(String(value)),
}

const itself = (value: SqlValue): unknown => value

const db = new Database()
t.teardown(() => db.close())
db.run('CREATE TABLE p (id INTEGER PRIMARY KEY, name, size, open, at, ms, s, "org""id", value)')
const records: Record<string, unknown>[] = []
for (let id = 0; id < 90; id++) {
  const row = Object.entries(VALUES).map(([name, values], step) => [name, values[Math.floor(id / (step % 3 + 1)) % values.length] as SqlValue] as const)
  db.run('INSERT INTO p VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)', [id, ...row.map(([, value]) => value)])
  const { org, ...record } = Object.fromEntries(row.map(([name, value]) => [name, (READ[name] ?? itself)(value)]))
  records.push({ ...record, id, org: { id: org } })
}

function ids ({ text, values }: SqliteWhere, table = 'p'): unknown[] {
  return db.exec(`SELECT id FROM ${table} WHERE 0 = ? AND ${text} ORDER BY id`, [0, ...values])[0]?.values.flat() ?? []
}

const found = (filter: RecordFilter) => ids(backend.translate(filter))
const kept = (filter: RecordFilter) => records.filter((record) => keeps(filter, record)).map(({ id }) => id)

const user = { huge: 1e300, low: -(2n ** 70n), odd: 2n ** 53n + 1n, odder: 2n ** 53n + 3n, high: 2n ** 63n, last: 2n ** 63n - 1n, power: 2n ** 80n, beyond: 2n ** 80n + 1n, none: [], one: ['a'], numbers: [1] }

const NUMBERS = [
  1, 2.5, '1', null, { $ne: 1 }, { $lt: 1 }, { $gt: 0 }, { $gte: 1n }, { $in: [1, 2.5] }, { $in: [1, null] }, { $nin: [0] }, { $gt: 1e14 }, { $lt: 'x' }, { $ne: null }, { $exists: true }, { $exists: false },
  '$user.odd', { $ne: '$user.odd' }, { $lt: '$user.odd' }, { $gte: '$user.odd' }, { $gte: '$user.odder' }, { $lt: '$user.odder' }, '$user.beyond', { $ne: '$user.beyond' }, { $lt: '$user.beyond' }, { $lt: '$user.huge' }, { $gt: '$user.low' }, { $lt: '$user.high' }, { $lte: '$user.last' }, '$user.power', { $ne: '$user.power' }, { $nin: '$user.none' }, { $in: '$user.none' },
]
const INSTANTS = [
  '2026-01-01', null, 7, 'soon', { $ne: 'soon' }, { $lt: 'soon' }, { $gt: '2026-01-01T00:00:00Z' }, { $lte: '2026-06-01T14:30:00+02:00' }, { $in: ['2026-01-01', null] }, { $ne: '2026-01-01' }, { $nin: ['2026-01-01', '9999-12-31T23:59:59.999Z'] },
  { $nin: '$user.none' }, { $exists: true }, '9999-12-31T23:59:59.999Z', { $gt: '9999-12-31T23:59:59.998Z' }, { $lt: '9999-12-31T23:59:59.999-12:00' }, { $gt: '0000-01-01T00:00:00+12:00' }, { $gte: '0000-01-01' }, { $lt: '1970-01-01' }, { $gt: '1969-12-31T23:59:59.999Z' },
  '2026-06-01T12:30:00.001Z', { $ne: '2026-06-01T12:30:00.001Z' }, { $lt: '2026-06-01T12:30:00.001Z' }, { $gte: '2026-06-01T12:30:00.001Z' },
]
const TEXTS = [
  'a', null, 5, true, { $ne: 'a' }, { $ne: null }, { $ne: 5 }, { $exists: true }, { $exists: false }, { $in: ['a', 'b'] }, { $in: ['a', null] }, { $nin: ['a', null] }, { $nin: ['a'] }, { $lt: 'b' }, { $lte: 'B' }, { $gt: '\uFFFD' }, { $gte: '\u{1F600}' }, { $gt: '' }, { $gt: 5 },
  { $in: '$user.none' }, { $nin: '$user.none' }, { $in: '$user.one' }, { $nin: '$user.numbers' },
]
const BOOLEANS = [true, false, null, { $ne: true }, { $in: [true, false] }, { $nin: [true, false] }, 'true', 1, { $gt: 0 }, { $nin: '$user.none' }, { $exists: true }]
const LISTS = [
  ...TEXTS, 2, 5, { $lt: 6 }, { $ne: 5 }, true, { $ne: true }, { $in: [true, null] },
  { $all: ['a'] }, { $all: ['a', 'b'] }, { $all: [2] }, { $all: [2.5, 1] }, { $all: [true] }, { $all: [false] }, { $all: ['1'] }, { $all: [1] }, { $all: '$user.none' }, { $all: '$user.one' }, { $size: 0 }, { $size: 2 }, { $size: 2 ** 40 }, { $all: [9007199254740992n] },
]
const CONDITIONS: readonly object[] = [
  ...TEXTS.map((name) => ({ name })),
  ...['size', 'id'].flatMap((attribute) => NUMBERS.map((value) => ({ [attribute]: value }))),
  ...['at', 'ms', 's'].flatMap((attribute) => INSTANTS.map((value) => ({ [attribute]: value }))),
  ...BOOLEANS.map((open) => ({ open })),
  ...LISTS.map((tags) => ({ tags })),
  { 'org.id': 'o1' }, { 'org.id': { $exists: false } }, { 'org.id': { $lt: 'o2' } },
]

t.test('none and every are conditions too', async (t) => {
  t.same(backend.translate({ kind: 'none' }), { text: '(FALSE)', values: [] })
  t.same(backend.translate({ kind: 'every' }), { text: '(TRUE)', values: [] })
})

t.test('values are placeholders, and booleans, bigints and instants are what SQLite keeps', async (t) => {
  const { text, values } = backend.translate(filterOf([read({ name: 'x', open: true, at: '2026-01-01', ms: '2026-01-01', s: '2026-01-01', size: { $gt: '$user.last' }, id: 5n })], user))
  t.equal(text.split('?').length - 1, values.length)
  t.same(values, ['x', 'x', 1, '2026-01-01T00:00:00.000Z', 1767225600000, 1767225600, '9223372036854775807', 5])
})

t.test('what SQLite cannot express is a problem', async (t) => {
  const problem = (conditions: object) => backend.problem(conditionOf(conditions))
  t.match(problem({ nam: 'x' }), /no column for the attribute "nam"\. Did you mean "name"\?/)
  t.match(problem({ 'tags.first': 'x' }), /"tags\.first" lies within a column of the type json: of a key that stands there twice SQLite reads the first value and JSON\.parse the last/)
  t.match(problem({ name: { $size: 1 } }), /"\$size" on "name" needs a list/)
  t.equal(problem({ tags: { $size: 1, $all: ['x'] }, name: '$user.id' }), null)
  t.throws(() => sqlite({ columns: { id: 'text[]' as 'text' } }), { code: 'FST_GATEHOUSE_OPTION', message: /sqlite\(\{ columns \}\): "id"\.type: 'text\[\]' was given/ })
  t.throws(() => sqlite({ colums: {} } as never), { code: 'FST_GATEHOUSE_OPTION' })
})

t.test('law 12: SQL and memory keep the same records, operator by operator, also where a column holds what it should not', async (t) => {
  for (const condition of CONDITIONS) {
    const [is, isNot] = bothWays(condition, user) as [RecordFilter, RecordFilter]
    t.same(found(is), kept(is), `only ${shown(condition)}`)
    t.same(found(isNot), kept(isNot), `all but ${shown(condition)}`)
  }
})

t.test('law 12: a collation that takes `a` for `A` finds no more than the check allows', async (t) => {
  db.run("CREATE TABLE c (id INTEGER, name TEXT COLLATE NOCASE); INSERT INTO c VALUES (1, 'a'), (2, 'A'), (3, 'b'), (4, NULL)")
  const records = [{ id: 1, name: 'a' }, { id: 2, name: 'A' }, { id: 3, name: 'b' }, { id: 4, name: null }]
  for (const condition of [{ name: 'a' }, { name: { $ne: 'a' } }, { name: { $in: ['A', 'b'] } }, { name: { $nin: ['A', 'b'] } }, { name: { $lt: 'a' } }]) {
    for (const filter of bothWays(condition)) t.same(ids(backend.translate(filter), 'c'), records.filter((record) => keeps(filter, record)).map(({ id }) => id), shown(condition))
  }
})

t.test('law 12: the affinity of a column converts nothing', async (t) => {
  db.run("CREATE TABLE f (id INTEGER, size TEXT, name INTEGER); INSERT INTO f VALUES (1, 5, '5')")
  const swapped = sqlite({ columns: { size: 'number', name: 'text' } })
  const record = { id: 1, size: '5', name: 5 }
  for (const condition of [{ size: 5 }, { size: { $ne: 4 } }, { size: { $gt: 4 } }, { name: '5' }, { name: { $ne: '4' } }, { name: { $gt: '4' } }]) {
    for (const filter of bothWays(condition)) t.same([ids(swapped.translate(filter), 'f').length === 1, keeps(filter, record)], [false, false], shown(condition))
  }
})

t.test('hostile texts are values and never SQL', async (t) => {
  const hostile = ["'", "''", '"', '\\', "'; DROP TABLE p; --", '$1', '?', '?1', ':name', '@a', '%', '_', '/*', '\n', 'a\0', '\0', '\ud800', 'a\udc00', '{"a"', ',']
  const storable = hostile.filter((text) => !/[\0\p{Surrogate}]/u.test(text))
  db.run('CREATE TABLE h (id INTEGER, name TEXT, value TEXT)')
  for (const [id, name] of storable.entries()) db.run('INSERT INTO h VALUES (?, ?, ?)', [id, name, JSON.stringify([name])])
  const records = storable.map((name, id) => ({ id, name, tags: [name] }))
  for (const name of hostile) {
    for (const condition of [{ name: '$user.name' }, { name: { $ne: '$user.name' } }, { name: { $gte: '$user.name' } }, { name: { $in: '$user.names' } }, { tags: { $all: '$user.names' } }]) {
      const harmless = bothWays(condition, { name: 'x', names: ['x'] }).map((filter) => backend.translate(filter).text)
      for (const [index, filter] of bothWays(condition, { name, names: [name] }).entries()) {
        const where = backend.translate(filter)
        if (storable.includes(name)) t.equal(where.text, harmless[index], 'the same text as for any other value')
        t.same(ids(where, 'h'), records.filter((record) => keeps(filter, record)).map(({ id }) => id), shown([condition, name]))
      }
    }
  }
})

t.test('what is no JSON breaks nothing, and is in no list', async (t) => {
  db.run("CREATE TABLE b (id INTEGER, value); INSERT INTO b VALUES (1, 'no JSON'), (2, '[\"a\"'), (3, x'5b5d'), (4, '{a: 1}'), (5, '[\"a\"]')")
  for (const condition of [{ tags: { $all: ['a'] } }, { tags: { $size: 1 } }, { tags: { $exists: true } }, { tags: { $ne: null } }]) {
    t.same(bothWays(condition).map((filter) => ids(backend.translate(filter), 'b')), [[5], []], shown(condition))
  }
})

t.test('a text with U+0000, which some drivers cut off there, is in no list', async (t) => {
  db.run("CREATE TABLE z (id INTEGER, name TEXT, value TEXT); INSERT INTO z VALUES (1, 'a' || char(0) || 'b', '[\"a\\u0000b\"]')")
  for (const condition of [{ name: 'a' }, { name: { $ne: 'a' } }, { name: { $gte: 'a' } }, { tags: { $all: ['a'] } }, { tags: { $size: 1 } }]) {
    for (const filter of bothWays(condition)) t.same(ids(backend.translate(filter), 'z'), [], shown(condition))
  }
})

t.test('comparisons with a column itself use an index on it', async (t) => {
  db.run('CREATE TABLE big (id INTEGER, name TEXT, size REAL, at TEXT, ms INTEGER); CREATE INDEX big_id ON big (id); CREATE INDEX big_name ON big (name); CREATE INDEX big_size ON big (size); CREATE INDEX big_at ON big (at); CREATE INDEX big_ms ON big (ms)')
  for (const [condition, index] of [
    [{ name: 'n' }, 'big_name'], [{ name: { $in: ['n', 'm'] } }, 'big_name'], [{ name: { $lt: 'n' } }, 'big_name'], [{ id: 5 }, 'big_id'], [{ 'org.size': { $lt: 2.5 } }, 'big_size'],
    [{ at: '2026-01-01' }, 'big_at'], [{ at: { $lt: '2026-01-01' } }, 'big_at'], [{ ms: { $gte: '2026-01-01' } }, 'big_ms'], [{ $or: [{ name: 'n' }, { id: 7 }, { at: '2026-01-01' }] }, 'big_name'],
  ] as const) {
    const { text, values } = sqlite({ columns: { ...columns, 'org.size': { column: 'size', type: 'number' } } }).translate(filterOf([read(condition)]))
    const plan = db.exec(`EXPLAIN QUERY PLAN SELECT * FROM big WHERE ${text}`, [...values])[0]?.values.map((row) => row[3]).join('\n')
    t.match(plan, index, shown(condition))
    t.notMatch(plan, /^SCAN/)
  }
})

t.test('law 12: whatever the rules, SQL and memory keep the same records', async (t) => {
  const { condition } = fc.letrec<{ condition: object, list: object[] }>((tie) => ({
    list: fc.array(tie('condition'), { minLength: 1, maxLength: 3 }),
    condition: fc.oneof({ maxDepth: 3 }, fc.constantFrom(...CONDITIONS), fc.record({ $and: tie('list') }), fc.record({ $or: tie('list') }), fc.record({ $nor: tie('list') }), fc.record({ $not: tie('condition') })),
  }))
  const rule = fc.oneof({ weight: 1, arbitrary: fc.constant(ALL) }, { weight: 5, arbitrary: fc.tuple(condition, fc.boolean()).map(([of, inverted]) => read(of, inverted)) })
  fc.assert(fc.property(fc.array(rule, { minLength: 1, maxLength: 4 }), (rules) => {
    const filter = filterOf(rules, user)
    assert.deepEqual(found(filter), kept(filter))
  }), { numRuns: 200 })
  t.pass()
})
