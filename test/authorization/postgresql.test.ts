import assert from 'node:assert/strict'
import t from 'tap'
import fc from 'fast-check'
import { PGlite } from '@electric-sql/pglite'
import { keeps, recordFilter, type RecordFilter } from '../../lib/authorization/filter.ts'
import { postgresql, type PostgresqlOptions } from '../../lib/authorization/filters/postgresql.ts'
import type { RuleDefinition } from '../../lib/policies/define.ts'
import { abilityOf } from './abilities.ts'

interface Row { id: number, name: string | null, size: number | null, open: boolean | null, at: Date | null, 'org.id': string | null }

const columns = {
  id: 'integer', name: 'text', size: { column: 'p.size', type: 'number' }, open: 'boolean', at: 'timestamp', 'org.id': { column: 'org"id', type: 'text' },
} as const satisfies PostgresqlOptions['columns']

const names = [null, 'a', 'b', 'B', 'é', '\u{1F600}', '\uFFFD', '']
const sizes = [null, 0, 1, -1, 2.5, 1e15]
const times = [null, '2026-01-01T00:00:00.000Z', '2026-06-01T12:30:00.000Z']

function filterOf (rules: readonly RuleDefinition[], user: object = { id: 'ada', huge: 1e300, low: -(2n ** 70n) }): RecordFilter {
  return recordFilter(abilityOf(rules, user), 'read', 'Post')
}

function read (conditions: object, inverted = false): RuleDefinition {
  return { action: 'read', subject: 'Post', conditions: conditions as NonNullable<RuleDefinition['conditions']>, inverted }
}

const ALL: RuleDefinition = { action: 'read', subject: 'Post' }

t.test('none and every are conditions too', async (t) => {
  t.same(postgresql({ kind: 'none' }, { columns: {} }), { text: '(FALSE)', values: [] })
  t.same(postgresql({ kind: 'every' }, { columns: {} }), { text: '(TRUE)', values: [] })
})

t.test('values are placeholders, columns are quoted, and counting starts where it is told', async (t) => {
  const { text, values } = postgresql(filterOf([read({ 'org.id': 'x', size: { $lt: 3 } })]), { columns, startAt: 4 })
  t.match(text, /^\(.*"org""id".*\$4::text.*"p"\."size".*\$5::.* IS TRUE.*\)$/)
  t.same(values, ['x', '3'])
  const inverted = postgresql(filterOf([ALL, read({ at: { $gte: '2026-01-01T00:00:00+02:00' } }, true)]), { columns })
  t.match(inverted.text, /^\(.*"at".* >= .*\$1.* IS FALSE.*\)$/)
  t.equal(inverted.values.length, 1)
})

t.test('an attribute without a column, and an operator that columns cannot express, are told apart', async (t) => {
  const text = (rule: RuleDefinition) => () => postgresql(filterOf([rule]), { columns })
  t.throws(text(read({ nam: 'x' })), { code: 'FST_GATEHOUSE_OPTION', message: /needs a column for the attribute "nam", which a rule mentions\. Did you mean "name"\? Add it to "columns"/ })
  t.throws(text(read({ constructor: 'x' })), { message: /"constructor"/ })
  t.throws(() => postgresql(filterOf([read({ name: 'x' })]), { columns: { name: 'string' as 'text' } }), { code: 'FST_GATEHOUSE_OPTION', message: /columns\["name"\]: 'string' was given/ })
  t.throws(text(read({ name: { $size: 1 } })), { message: 'the PostgreSQL filter cannot express $size (on name)' })
  t.throws(text(read({ name: { $all: ['x'] } })), { message: /cannot express \$all/ })
})

t.test('a condition that still holds a template is none for a database', async (t) => {
  const filter: RecordFilter = { kind: 'where', clauses: [{ allowing: [{ kind: 'compare', path: ['name'], operator: '$eq', operand: { from: 'user', path: ['id'] } }], inverted: [] }] }
  t.throws(() => postgresql(filter, { columns }), { name: 'TypeError', message: /only a bound condition/ })
})

t.test('in PostgreSQL', async (t) => {
  const db = new PGlite()
  t.teardown(() => db.close())
  await db.exec('CREATE TABLE p (id int PRIMARY KEY, name text, size float8, open boolean, at timestamptz, "org""id" text)')
  const rows: Row[] = []
  for (const [index, name] of [...names, ...names].entries()) {
    const size = sizes[index % sizes.length] as number | null
    const time = times[index % times.length] as string | null
    const open = [true, false, null][(index + Math.floor(index / 3)) % 3] as boolean | null
    rows.push({ id: index, name, size, open, at: time === null ? null : new Date(time), 'org.id': index % 4 === 0 ? null : `o${index % 3}` })
  }
  for (const row of rows) await db.query('INSERT INTO p VALUES ($1, $2, $3, $4, $5, $6)', [row.id, row.name, row.size, row.open, row.at, row['org.id']])

  const found = async (filter: RecordFilter): Promise<number[]> => {
    const { text, values } = postgresql(filter, { columns, startAt: 2 })
    const { rows } = await db.query<{ id: number }>(`SELECT id FROM p WHERE $1::int = 0 AND ${text} ORDER BY id`, [0, ...values])
    return rows.map(({ id }) => id)
  }
  const kept = (filter: RecordFilter) => rows.filter(({ 'org.id': org, ...row }) => keeps(filter, { ...row, org: { id: org } })).map(({ id }) => id)
  const agrees = async (filter: RecordFilter) => assert.deepEqual(await found(filter), kept(filter))

  await t.test('law 12: SQL and memory keep the same records, operator by operator', async (t) => {
    const conditions: object[] = [
      { name: 'a' }, { name: null }, { name: { $ne: 'a' } }, { name: { $ne: null } }, { name: { $exists: true } }, { name: { $exists: false } },
      { name: { $in: ['a', 'b'] } }, { name: { $in: ['a', null] } }, { name: { $in: [null] } }, { name: { $nin: ['a', null] } }, { name: { $nin: ['a'] } },
      { name: { $lt: 'b' } }, { name: { $lte: 'B' } }, { name: { $gt: '\uFFFD' } }, { name: { $gte: '\u{1F600}' } }, { name: { $gt: '' } },
      { name: { $in: [null, null] } }, { name: { $nin: [null, null] } }, { name: { $in: ['a', 'a', null, null] } },
      { name: 5 }, { name: { $ne: 5 } }, { name: { $gt: 5 } }, { name: true },
      { size: 1 }, { size: 2.5 }, { size: { $lt: 1 } }, { size: { $gte: 1n } }, { size: { $in: [1, 2.5] } }, { size: { $nin: [0] } }, { size: { $gt: 1e14 } }, { size: '1' }, { size: { $lt: 'x' } },
      { id: 3 }, { id: { $lt: 5 } }, { id: { $gte: 2.5 } }, { id: 2.5 }, { id: { $in: [1, 2] } }, { id: { $ne: 4n } }, { id: 'x' }, { id: { $lt: '$user.huge' } }, { id: { $gt: '$user.low' } },
      { open: true }, { open: false }, { open: { $ne: true } }, { open: { $in: [true, false] } }, { open: 'true' }, { open: { $gt: 0 } },
      { at: '2026-01-01' }, { at: { $gt: '2026-01-01T00:00:00Z' } }, { at: { $lte: '2026-06-01T14:30:00+02:00' } }, { at: { $in: ['2026-01-01', null] } }, { at: 'soon' }, { at: { $ne: 'soon' } }, { at: { $lt: 'soon' } }, { at: 7 },
      { 'org.id': 'o1' }, { 'org.id': { $exists: false } },
      { $or: [{ name: 'a' }, { size: { $lt: 1 } }] }, { $nor: [{ name: 'a' }, { open: true }] }, { $not: { name: 'a', open: true } }, { name: { $not: { $in: ['a', 'b'] } } },
      { $and: [{ name: { $exists: true } }, { $or: [{ open: false }, { 'org.id': 'o2' }] }] },
    ]
    for (const condition of conditions) {
      for (const filter of [filterOf([read(condition)]), filterOf([ALL, read(condition, true)])]) {
        const shown = JSON.stringify([filter.kind === 'where' && filter.clauses[0]?.allowing === 'every' ? 'all but' : 'only', condition], (_key, value) => typeof value === 'bigint' ? `${value}n` : value)
        t.same(await found(filter), kept(filter), shown)
      }
    }
  })

  await t.test('law 12: of a list in the user\'s token nothing is in an empty one', async (t) => {
    for (const teams of [[], ['a'], [1]]) {
      for (const conditions of [{ name: { $in: '$user.teams' } }, { name: { $nin: '$user.teams' } }]) {
        for (const rules of [[read(conditions)], [ALL, read(conditions, true)]]) {
          const filter = filterOf(rules, { teams })
          t.same(await found(filter), kept(filter), JSON.stringify([conditions, teams, rules.length]))
        }
      }
    }
  })

  await t.test('law 12: NaN and infinity in a column compare as they do in memory', async (t) => {
    await db.exec("CREATE TABLE q (id int, name text, size float8, open boolean, at timestamptz); INSERT INTO q VALUES (1, 'a', 'NaN'), (2, 'a', 'Infinity'), (3, 'a', '-Infinity'), (4, 'a', 1)")
    const records = [{ id: 1, size: NaN }, { id: 2, size: Infinity }, { id: 3, size: -Infinity }, { id: 4, size: 1 }]
    for (const condition of [{ size: { $gt: 0 } }, { size: { $lt: 5 } }, { size: { $ne: 1 } }, { size: 1 }]) {
      const filter = filterOf([read(condition)])
      const { text, values } = postgresql(filter, { columns: { size: 'number' } })
      const answer = await db.query<{ id: number }>(`SELECT id FROM q WHERE ${text} ORDER BY id`, [...values])
      t.same(answer.rows.map(({ id }) => id), records.filter((record) => keeps(filter, record)).map(({ id }) => id), JSON.stringify(condition))
    }
  })

  await t.test('law 12: microseconds in a column compare as the milliseconds that memory sees', async (t) => {
    const { rows } = await db.query<{ at: Date }>("SELECT '2026-01-01T00:00:00.0005Z'::timestamptz AS at")
    for (const condition of [{ at: '2026-01-01' }, { at: { $lte: '2026-01-01' } }, { at: { $gt: '2026-01-01' } }]) {
      const filter = filterOf([read(condition)])
      const { text, values } = postgresql(filter, { columns: { at: 'timestamp' } })
      const answer = await db.query(`SELECT 1 FROM (SELECT '2026-01-01T00:00:00.0005Z'::timestamptz AS at) AS q WHERE ${text}`, [...values])
      t.equal(answer.rows.length === 1, keeps(filter, rows[0] as object), JSON.stringify(condition))
    }
  })

  await t.test('law 12: the first instant that a policy can name is one for PostgreSQL too', async (t) => {
    const record = { at: new Date('2026-01-01T00:00:00Z') }
    for (const condition of [{ at: { $gt: '0000-01-01' } }, { at: { $lt: '0000-01-01T00:00:00Z' } }, { at: '0000-01-01' }]) {
      const filter = filterOf([read(condition)])
      const { text, values } = postgresql(filter, { columns: { at: 'timestamp' } })
      const answer = await db.query(`SELECT 1 FROM (SELECT '2026-01-01T00:00:00Z'::timestamptz AS at) AS q WHERE ${text}`, [...values])
      t.equal(answer.rows.length === 1, keeps(filter, record), JSON.stringify(condition))
    }
  })

  await t.test('a value that no text column can hold finds nothing and breaks nothing', async (t) => {
    const filter = filterOf([read({ name: '$user.id' })], { id: 'a\u0000' })
    t.same(await found(filter), [])
  })

  await t.test('law 12: whatever the rules, SQL and memory keep the same records', async (t) => {
    const text = fc.constantFrom(...names.slice(1), '$user.name', 3)
    const number = fc.constantFrom(...sizes.slice(1), '$user.size', 'x')
    const scalar = (value: fc.Arbitrary<unknown>) => fc.oneof(value, fc.record({ $eq: value }), fc.record({ $ne: value }), fc.record({ $lt: value }), fc.record({ $lte: value }), fc.record({ $gt: value }), fc.record({ $gte: value }))
    const leaf = fc.oneof(
      fc.record({ name: scalar(text) }),
      fc.record({ name: fc.record({ $in: fc.subarray([...names], { minLength: 1 }) }) }),
      fc.record({ name: fc.record({ $nin: fc.subarray([...names], { minLength: 1 }) }) }),
      fc.record({ size: scalar(number) }),
      fc.record({ size: fc.record({ $exists: fc.boolean() }) }),
      fc.record({ open: fc.constantFrom(true, false, null) }),
      fc.record({ at: fc.record({ $gte: fc.constantFrom('2026-01-01', '2026-06-01T12:30:00Z') }) }),
      fc.record({ 'org.id': fc.constantFrom('o1', 'o2', null) })
    )
    const { condition } = fc.letrec<{ condition: object, list: object[] }>((tie) => ({
      list: fc.array(tie('condition'), { minLength: 1, maxLength: 3 }),
      condition: fc.oneof({ maxDepth: 3 }, leaf, fc.record({ $and: tie('list') }), fc.record({ $or: tie('list') }), fc.record({ $nor: tie('list') }), fc.record({ $not: tie('condition') })),
    }))
    const rule = fc.oneof({ weight: 1, arbitrary: fc.constant(ALL) }, { weight: 5, arbitrary: fc.tuple(condition, fc.boolean()).map(([of, inverted]) => read(of, inverted)) })
    await fc.assert(fc.asyncProperty(fc.array(rule, { minLength: 1, maxLength: 4 }), (rules) => agrees(filterOf(rules, { name: 'b', size: 1 }))), { numRuns: 40 })
    t.pass()
  })
})
