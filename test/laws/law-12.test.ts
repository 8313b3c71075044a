/** Law 12: a check on one record and the filter for a list always agree, in memory and in PostgreSQL. */
import { PGlite } from '@electric-sql/pglite'
import t from 'tap'
import fc from 'fast-check'
import Fastify from 'fastify'
import gatehouse, { authenticated, resource } from '../../lib/index.ts'
import { inMemory, postgresql, type PostgresqlOptions } from '../../lib/authorization/filters/index.ts'
import type { AnyScheme } from '../../lib/authentication/schemes/index.ts'
import { definePolicy, type Conditions, type RuleDefinition } from '../../lib/policies/index.ts'

interface Row {
  readonly id: number
  readonly txt: string | null
  readonly num: number | null
  readonly yes: boolean | null
  readonly at: Date | null
}

const COLUMNS: PostgresqlOptions['columns'] = { id: 'number', txt: 'text', num: 'number', yes: 'boolean', at: 'timestamp' }
const TEXTS = ['', 'a', 'b', 'B', 'ä', 'Z', 'aa', '0', '1', 'null', 'true', "'", '"', '%', '_', '\\', '$', '\u{1f600}', '\uffff', '\ue000', '2020-01-01', ' a']
const NUMBERS = [0, 1, -1, 1.5, -0.1, 0.1, 10, 2 ** 52, -1e15, 1e-7]
const INSTANTS = ['1969-12-31T23:59:59.999Z', '2020-01-01T00:00:00.000Z', '2020-01-01T00:00:00.001Z', '2020-06-30T12:00:00.000Z', '2262-01-01T00:00:00.000Z']
const OFFSETS = ['2020-01-01', '2020-01-01T01:00:00+01:00', '2020-06-30T07:00:00-05:00', '2020-01-01T00:00Z']

const db = await PGlite.create()
t.teardown(() => db.close())
await db.exec('CREATE TABLE rows (id integer PRIMARY KEY, txt text, num double precision, yes boolean, at timestamptz)')

async function fill (rows: readonly Omit<Row, 'id'>[]): Promise<Row[]> {
  await db.exec('DELETE FROM rows')
  for (const [id, { txt, num, yes, at }] of rows.entries()) await db.query('INSERT INTO rows VALUES ($1, $2, $3, $4, $5)', [id, txt, num, yes, at])
  return (await db.query<Row>('SELECT * FROM rows ORDER BY id')).rows
}

interface Verdicts { readonly checks: boolean[], readonly memory: boolean[], readonly sql: Set<number> | Error }

/** What the check says of each row, the filter in memory, and the filter in the database. */
async function verdicts (rules: readonly RuleDefinition[], user: object, rows: readonly Row[], { action = 'read', hidden = false } = {}): Promise<Verdicts> {
  const row = resource<Row>('Row', { param: 'id', hidden, load: (id) => rows[Number(id)] })
  const scheme: AnyScheme = {
    name: 'Test',
    family: 'other',
    guessable: false,
    oauth: false,
    varyOn: ['Authorization'],
    find: () => ({ kind: 'credentials', place: 'authorization', credentials: null }),
    verify: () => ({ kind: 'user', user }),
    challenge: () => ({ scheme: 'Test', params: [['realm', 'x']] }),
  }
  const app = Fastify()
  try {
    await app.register(gatehouse, { schemes: [scheme], policies: [definePolicy({ role: 'reader', rules })] })
    let found: Verdicts | undefined
    app.get('/', { config: { access: authenticated() } }, async (request) => {
      const filter = row.filter(request, action)
      const { text, values } = postgresql(filter, { columns: COLUMNS })
      const sql = await db.query<{ id: number }>(`SELECT id FROM rows WHERE ${text}`, [...values]).then(({ rows }) => new Set(rows.map(({ id }) => id)), (error: Error) => error)
      found = { checks: rows.map((one) => request.can(action, row, one)), memory: rows.map((one) => inMemory(filter, one)), sql }
      return {}
    })
    const response = await app.inject('/')
    if (found === undefined) throw new Error(`${response.statusCode} ${response.body}`)
    return found
  } finally {
    await app.close()
  }
}

function disagreement ({ checks, memory, sql }: Verdicts, rows: readonly Row[]): string | null {
  if (sql instanceof Error) return `the database refuses the filter: ${sql.message}`
  for (const [index, allowed] of checks.entries()) {
    if (memory[index] !== allowed) return `the check says ${allowed}, the filter in memory ${memory[index]}: ${JSON.stringify(rows[index])}`
    if (sql.has((rows[index] as Row).id) !== allowed) return `the check says ${allowed}, the filter in the database ${!allowed}: ${JSON.stringify(rows[index])}`
  }
  return null
}

const LITERALS = {
  txt: fc.constantFrom(...TEXTS.filter((text) => !text.startsWith('$'))),
  num: fc.constantFrom(...NUMBERS),
  yes: fc.boolean(),
  at: fc.constantFrom(...INSTANTS, ...OFFSETS),
}
const column = fc.constantFrom('txt', 'num', 'yes', 'at')

/** Mostly literals of the column's own type, sometimes of another. */
const typed = column.chain((name) => fc.tuple(fc.constant(name), fc.oneof({ weight: 8, arbitrary: fc.constant(name) }, { weight: 1, arbitrary: column })))

const comparison: fc.Arbitrary<Conditions> = typed.chain(([name, type]) => {
  const literal: fc.Arbitrary<unknown> = LITERALS[type]
  const orNull = fc.oneof({ weight: 5, arbitrary: literal }, { weight: 1, arbitrary: fc.constant(null) })
  const template = fc.constantFrom('$user.txt', '$user.num', '$user.yes', '$user.at', '$user.nothing')
  const equality = fc.tuple(fc.constantFrom('$eq', '$ne'), fc.oneof({ weight: 4, arbitrary: orNull }, { weight: 1, arbitrary: template }))
  const list = fc.tuple(fc.constantFrom('$in', '$nin'), fc.oneof({ weight: 4, arbitrary: fc.array(orNull, { minLength: 1, maxLength: 3 }) }, { weight: 1, arbitrary: fc.constantFrom('$user.list', '$user.none') }))
  const order = fc.tuple(fc.constantFrom('$lt', '$lte', '$gt', '$gte'), type === 'yes' ? fc.constantFrom<unknown>('a', 1) : literal)
  const exists = fc.tuple(fc.constant('$exists'), fc.boolean())
  const operators = fc.array(fc.oneof(equality, list, order, exists), { minLength: 1, maxLength: 2 }).map((pairs) => Object.fromEntries(pairs))
  return fc.oneof(
    orNull.map((value) => ({ [name]: value })),
    operators.map((map) => ({ [name]: map })),
    operators.map((map) => ({ [name]: { $not: map } }))
  )
})

const { condition } = fc.letrec<{ condition: Conditions }>((tie) => ({
  condition: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    { weight: 4, arbitrary: comparison },
    { weight: 1, arbitrary: fc.tuple(fc.constantFrom('$and', '$or', '$nor'), fc.array(tie('condition'), { minLength: 1, maxLength: 3 })).map(([name, parts]) => ({ [name]: parts })) },
    { weight: 1, arbitrary: tie('condition').map((part) => ({ $not: part })) }
  ),
}))

const rule = fc.record({ conditions: fc.option(condition, { freq: 8, nil: undefined }), inverted: fc.boolean() })
  .map(({ conditions, inverted }): RuleDefinition => ({ action: 'read', subject: 'Row', ...(conditions !== undefined && { conditions }), ...(inverted && { inverted }) }))
const rules = fc.tuple(condition.map((conditions): RuleDefinition => ({ action: 'read', subject: 'Row', conditions })), fc.array(rule, { maxLength: 3 })).map(([first, others]) => [first, ...others])

const nullable = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { freq: 4 })
const rowOf = fc.record({ txt: nullable(fc.constantFrom(...TEXTS)), num: nullable(LITERALS.num), yes: nullable(LITERALS.yes), at: nullable(fc.constantFrom(...INSTANTS).map((text) => new Date(text))) })
const userOf = fc.record({
  id: fc.constant('u'),
  roles: fc.constant(['reader']),
  txt: LITERALS.txt,
  num: LITERALS.num,
  yes: LITERALS.yes,
  at: LITERALS.at,
  list: fc.oneof(fc.array(LITERALS.txt, { maxLength: 3 }), fc.array(LITERALS.num, { maxLength: 3 })),
  none: fc.constant([]),
}, { requiredKeys: ['id', 'roles'] })

t.test('law 12: over random policies, users and records, the list is what the checks allow, in memory and in PostgreSQL', async (t) => {
  const rows = await fill([...fc.sample(rowOf, { numRuns: 40, seed: 7 }), { txt: null, num: null, yes: null, at: null }])
  let compared = 0
  let allowed = 0
  await t.resolves(fc.assert(fc.asyncProperty(rules, userOf, async (policy, user) => {
    const found = await verdicts(policy, user, rows)
    compared += rows.length
    allowed += found.checks.filter(Boolean).length
    const fault = disagreement(found, rows)
    if (fault !== null) throw new Error(fault)
  }), { numRuns: 250 }))
  t.ok(compared > 5000, `${compared} comparisons`)
  t.ok(allowed > compared / 20 && allowed < compared * 19 / 20, `of which ${allowed} were allowed`)
})

const NOTHING = { txt: null, num: null, yes: null, at: null }
const read = (conditions: Conditions): RuleDefinition => ({ action: 'read', subject: 'Row', conditions })

t.test('law 12: a text of the user that PostgreSQL cannot hold finds nothing, and fails nothing', async (t) => {
  const rows = await fill(['a', '\ufffd', 'a\ufffd', ''].map((txt) => ({ ...NOTHING, txt })))
  for (const txt of ['\u0000', 'a\u0000', '\ud800', 'a\udc00', '\udc00\ud800']) {
    for (const conditions of [{ txt: '$user.txt' }, { txt: { $ne: '$user.txt' } }, { txt: { $in: '$user.list' } }, { txt: { $gte: '$user.txt' } }]) {
      t.equal(disagreement(await verdicts([read(conditions)], { id: 'u', roles: ['reader'], txt, list: [txt] }, rows), rows), null, `${JSON.stringify(conditions)} ${JSON.stringify(txt)}`)
    }
  }
})

t.test('law 12: NaN and the infinities in a column are judged alike', async (t) => {
  const rows = await fill([NaN, Infinity, -Infinity, 0].map((num) => ({ ...NOTHING, num })))
  for (const conditions of [{ num: { $gt: 5 } }, { num: { $lt: 5 } }, { num: { $ne: 5 } }, { num: { $nin: [5] } }, { num: 0 }, { num: { $exists: true } }]) {
    t.equal(disagreement(await verdicts([read(conditions)], { id: 'u', roles: ['reader'] }, rows), rows), null, JSON.stringify(conditions))
    t.equal(disagreement(await verdicts([{ action: 'read', subject: 'Row' }, { ...read(conditions), inverted: true }], { id: 'u', roles: ['reader'] }, rows), rows), null, `not ${JSON.stringify(conditions)}`)
  }
})

t.test('law 12: instants finer than a millisecond, and at the ends of time, are judged alike', async (t) => {
  await fill([NOTHING, NOTHING, NOTHING])
  await db.exec("UPDATE rows SET at = '2020-01-01T00:00:00.000900Z' WHERE id = 0; UPDATE rows SET at = '2020-01-01T00:00:00.000000Z' WHERE id = 1")
  const { rows } = await db.query<Row>('SELECT * FROM rows ORDER BY id')
  for (const instant of ['2020-01-01T00:00:00.000Z', '2020-01-01T00:00:00.000900Z', '2020-01-01T00:00:00.0001Z', '0000-01-01', '0001-01-01T00:00:00Z', '9999-12-31']) {
    for (const operator of ['$eq', '$ne', '$lt', '$lte', '$gt', '$gte']) {
      t.equal(disagreement(await verdicts([read({ at: { [operator]: '$user.at' } })], { id: 'u', roles: ['reader'], at: instant }, rows), rows), null, `${operator} ${instant}`)
    }
  }
})

t.test('law 12: the list of what may be changed of a hidden resource leaves out what may not be read', async (t) => {
  const rows = await fill([{ ...NOTHING, txt: 'seen' }, { ...NOTHING, txt: 'hidden' }, NOTHING])
  for (const hidden of [true, false]) {
    const found = await verdicts([read({ txt: 'seen' }), { action: 'update', subject: 'Row' }], { id: 'u', roles: ['reader'] }, rows, { action: 'update', hidden })
    t.equal(disagreement(found, rows), null)
    t.strictSame(found.checks, hidden ? [true, false, false] : [true, true, true])
  }
})
