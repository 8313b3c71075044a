import t from 'tap'
import fc from 'fast-check'
import { prisma, type PrismaField, type PrismaOptions } from '../../lib/authorization/filters/prisma.ts'
import { recordFilter, type RecordFilter } from '../../lib/authorization/filter.ts'
import type { Condition } from '../../lib/policies/condition.ts'
import type { RuleDefinition } from '../../lib/policies/define.ts'
import { abilityOf, policyOf } from './abilities.ts'

const UID = 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeee0001'
const USER = { id: 'ada', uid: UID.toUpperCase(), half: '\ud800', huge: 2n ** 64n, vast: 10n ** 310n, list: ['a'], numbers: [1, 2.5], none: [] }
const ALL: RuleDefinition = { action: 'read', subject: 'Post' }

const fields = {
  id: 'integer',
  title: 'string?',
  slug: { type: 'string', collation: 'C' },
  note: { type: 'string?', collation: 'C' },
  status: { enum: ['draft', 'public'] },
  state: { type: 'enum?', enum: ['on', 'off'] },
  uid: 'uuid',
  views: 'bigint',
  score: 'float?',
  locked: 'boolean',
  at: 'datetime?',
  tags: 'string[]',
  kinds: { type: 'enum[]', enum: ['x', 'y'] },
  'author.name': 'string?',
  'author.org.id': 'integer',
  'author.tags': 'string[]',
} as const satisfies PrismaOptions['fields']

const { problem, translate, name } = prisma({ provider: 'postgresql', fields })

function filterOf (...rules: readonly RuleDefinition[]): RecordFilter {
  return recordFilter(abilityOf(rules, USER), 'read', 'Post')
}

function read (conditions: object, inverted = false): RuleDefinition {
  return { action: 'read', subject: 'Post', conditions: conditions as NonNullable<RuleDefinition['conditions']>, inverted }
}

function conditionOf (conditions: object): Condition {
  const [rule] = policyOf({ role: 'member', rules: [read(conditions)] }).roles.get('member') ?? []
  if (rule?.condition == null) throw new Error('no condition')
  return rule.condition
}

const only = (conditions: object): unknown => translate(filterOf(read(conditions)))
const allBut = (conditions: object): unknown => translate(filterOf(ALL, read(conditions, true)))
const NOTHING = { id: { equals: 0, not: 0 } }

t.test('authz T20: none is a condition that is never true, and every is no condition', async (t) => {
  t.equal(name, 'Prisma')
  t.strictSame(translate({ kind: 'none' }), NOTHING)
  t.strictSame(translate({ kind: 'every' }), {})
  t.strictSame(prisma({ provider: 'postgresql', fields: { 'author.locked': 'boolean?' } }).translate({ kind: 'none' }), { author: { is: { locked: { equals: true, not: true } } } })
  t.strictSame(prisma({ provider: 'postgresql', fields: { tags: 'string[]' } }).translate({ kind: 'none' }), { AND: [{ tags: { isEmpty: true } }, { tags: { isEmpty: false } }] })
})

t.test('conditions that must be true, and such that must be false', async (t) => {
  t.strictSame(only({ title: 'a' }), { title: { equals: 'a' } })
  t.strictSame(only({ title: { $in: ['a', 'b', null] } }), { OR: [{ title: { equals: null } }, { title: { in: ['a', 'b'] } }] })
  t.strictSame(allBut({ title: { $in: ['a', 'b', null] } }), { title: { notIn: ['a', 'b'] } })
  t.strictSame(allBut({ title: 'a', id: 3 }), { OR: [{ title: { not: 'a' } }, { id: { not: 3 } }] })
  t.strictSame(only({ title: null }), { title: { equals: null } })
  t.strictSame(only({ title: { $ne: null } }), { title: { not: null } })
  t.strictSame(only({ title: { $exists: false } }), { NOT: { title: { not: null } } })
  t.strictSame(only({ locked: { $in: [true, false] } }), { OR: [{ locked: { equals: true } }, { locked: { equals: false } }] })
  t.strictSame(only({ locked: { $nin: [true, false] } }), { AND: [{ locked: { not: true } }, { locked: { not: false } }] })
  t.strictSame(only({ slug: { $gte: 'b' } }), { slug: { gte: 'b' } })
  t.strictSame(allBut({ note: { $gte: 'b' } }), { note: { lt: 'b' } })
  t.strictSame(translate(filterOf(read({ title: 'a' }), read({ id: 1 }), read({ locked: true }, true))), { AND: [{ OR: [{ id: { equals: 1 } }, { title: { equals: 'a' } }] }, { locked: { not: true } }] })
})

t.test('a required field is never asked about null, which Prisma refuses', async (t) => {
  const some = { OR: [{ locked: { equals: true } }, { locked: { not: true } }] }
  t.strictSame(only({ locked: { $exists: true } }), some)
  t.strictSame(only({ locked: { $exists: false } }), { NOT: some })
  t.strictSame(only({ locked: { $ne: null } }), some)
  t.strictSame(only({ locked: null }), NOTHING)
  t.strictSame(only({ status: { $exists: true } }), { OR: [{ status: { equals: 'draft' } }, { status: { not: 'draft' } }] })
})

t.test('through relations, where nothing is true of a record that is not there', async (t) => {
  t.strictSame(only({ 'author.name': 'ada' }), { author: { is: { name: { equals: 'ada' } } } })
  t.strictSame(allBut({ 'author.org.id': 3 }), { author: { is: { org: { is: { id: { not: 3 } } } } } })
  t.strictSame(only({ 'author.name': { $exists: false } }), { NOT: { author: { is: { name: { not: null } } } } })
  t.strictSame(allBut({ 'author.tags': { $all: ['a'] } }), {
    OR: [
      { OR: [{ author: { is: { tags: { isEmpty: true } } } }, { author: { is: { tags: { equals: null } } } }] },
      { author: { is: { NOT: { tags: { hasEvery: ['a'] } } } } },
    ]
  })
})

t.test('whole numbers are whole and in range before Prisma sees them', async (t) => {
  t.strictSame(only({ id: { $lt: 2.5 } }), { id: { lt: 3 } })
  t.strictSame(only({ id: { $lte: 2.5 } }), { id: { lte: 2 } })
  t.strictSame(only({ id: { $gt: 2.5 } }), { id: { gt: 2 } })
  t.strictSame(only({ id: { $gte: 2.5 } }), { id: { gte: 3 } })
  t.strictSame(only({ id: 2.5 }), NOTHING)
  t.strictSame(only({ id: { $ne: 2.5 } }), { OR: [{ id: { equals: 0 } }, { id: { not: 0 } }] })
  t.strictSame(only({ id: { $in: [2.5, 1n] } }), { id: { equals: 1 } })
  t.strictSame(only({ id: { $lt: 7n } }), { id: { lt: 7 } })
  t.strictSame(only({ views: { $gt: 2.5 } }), { views: { gt: 2n } })
  t.strictSame(only({ id: { $gt: 2 ** 31 } }), NOTHING)
  t.strictSame(only({ id: { $lt: -(2 ** 31) - 1 } }), NOTHING)
  t.strictSame(only({ id: { $lt: 2 ** 31 } }), { OR: [{ id: { equals: 0 } }, { id: { not: 0 } }] })
  t.strictSame(only({ id: { $gte: -(2 ** 31) - 1 } }), { OR: [{ id: { equals: 0 } }, { id: { not: 0 } }] })
  t.strictSame(only({ views: 3 }), { views: { equals: 3n } })
  t.strictSame(only({ views: { $lte: '$user.huge' } }), { OR: [{ views: { equals: 0n } }, { views: { not: 0n } }] })
})

t.test('NaN is no number, though PostgreSQL takes it for the greatest', async (t) => {
  t.strictSame(only({ score: { $gt: 1 } }), { score: { gt: 1, lte: Infinity } })
  t.strictSame(only({ score: { $lt: 1 } }), { score: { lt: 1 } })
  t.strictSame(only({ score: { $ne: 1 } }), { AND: [{ score: { lte: Infinity } }, { score: { not: 1 } }] })
  t.strictSame(only({ score: { $gte: 2n ** 53n + 1n } }), { score: { gt: 2 ** 53, lte: Infinity } })
  t.strictSame(only({ score: 2n ** 53n + 1n }), NOTHING)
})

t.test('an instant is a millisecond long, and one that PostgreSQL or a Date does not have is none', async (t) => {
  const at = (text: string) => new Date(text)
  const first = at('0001-01-01T00:00:00.000Z')
  const last = at('9999-12-31T23:59:59.999Z')
  const within = { at: { gte: first, lte: last } }
  t.strictSame(only({ at: '2026-01-01' }), { at: { gte: at('2026-01-01'), lt: at('2026-01-01T00:00:00.001Z') } })
  t.strictSame(only({ at: { $ne: '2026-01-01' } }), { AND: [within, { OR: [{ at: { lt: at('2026-01-01') } }, { at: { gte: at('2026-01-01T00:00:00.001Z') } }] }] })
  t.strictSame(only({ at: { $lte: '2026-01-01' } }), { at: { gte: first, lt: at('2026-01-01T00:00:00.001Z') } })
  t.strictSame(only({ at: { $gt: '2026-01-01' } }), { at: { gte: at('2026-01-01T00:00:00.001Z'), lte: last } })
  t.strictSame(only({ at: { $lt: '0000-01-01' } }), NOTHING)
  t.strictSame(only({ at: { $gte: '0000-01-01' } }), within)
  t.strictSame(only({ at: { $lt: '9999-12-31T23:59:59-23:59' } }), within)
  t.strictSame(only({ at: { $gt: '9999-12-31T23:59:59-23:59' } }), NOTHING)
  t.strictSame(only({ at: { $ne: '0000-01-01' } }), within)
  t.strictSame(only({ at: '9999-12-31T23:59:59-23:59' }), NOTHING)
  t.strictSame(only({ at: { $nin: '$user.none' } }), within)
  t.strictSame(only({ at: { $gt: 'soon' } }), NOTHING)
})

t.test('what Prisma or PostgreSQL would refuse equals nothing', async (t) => {
  t.strictSame(only({ status: 'lost' }), NOTHING)
  t.strictSame(only({ status: { $ne: 'lost' } }), { OR: [{ status: { equals: 'draft' } }, { status: { not: 'draft' } }] })
  t.strictSame(only({ state: { $in: ['on', 'lost', null] } }), { OR: [{ state: { equals: null } }, { state: { equals: 'on' } }] })
  t.strictSame(only({ uid: UID }), { uid: { equals: UID } })
  t.strictSame(only({ uid: '$user.uid' }), NOTHING)
  t.strictSame(only({ title: '$user.half' }), NOTHING)
  t.strictSame(only({ title: { $ne: '$user.half' } }), { title: { not: null } })
  for (const other of [{ title: 1 }, { title: { $ne: 1 } }, { id: '1' }, { locked: { $ne: 'true' } }, { locked: { $gt: 1 } }, { tags: 'a' }, { tags: { $ne: 'a' } }, { title: { $all: ['a'] } }, { title: { $size: 0 } }, { tags: { $lt: 'a' } }, { tags: { $in: '$user.none' } }, { tags: { $nin: '$user.none' } }]) {
    t.strictSame(only(other), NOTHING, JSON.stringify(other))
    t.strictSame(allBut(other), NOTHING, `not ${JSON.stringify(other)}`)
  }
})

t.test('lists, where Prisma can tell', async (t) => {
  const empty = { OR: [{ tags: { isEmpty: true } }, { tags: { equals: null } }] }
  const there = { OR: [empty, { tags: { isEmpty: false } }] }
  t.strictSame(only({ tags: { $size: 0 } }), empty)
  t.strictSame(allBut({ tags: { $size: 0 } }), { tags: { isEmpty: false } })
  t.strictSame(only({ tags: { $all: ['a', 'b'] } }), { tags: { hasEvery: ['a', 'b'] } })
  t.strictSame(allBut({ tags: { $all: ['a', 'b'] } }), { OR: [empty, { NOT: { tags: { hasEvery: ['a', 'b'] } } }] })
  t.strictSame(only({ tags: { $all: '$user.none' } }), there)
  t.strictSame(allBut({ tags: { $all: '$user.none' } }), NOTHING)
  t.strictSame(only({ tags: { $all: '$user.numbers' } }), NOTHING)
  t.strictSame(allBut({ tags: { $all: '$user.numbers' } }), empty, 'only an empty list surely lacks what compares with nothing in it')
  t.strictSame(only({ kinds: { $all: ['x', 'lost'] } }), NOTHING)
  t.strictSame(allBut({ kinds: { $all: ['x', 'lost'] } }), { OR: [{ OR: [{ kinds: { isEmpty: true } }, { kinds: { equals: null } }] }, { kinds: { isEmpty: false } }] })
  t.strictSame(only({ tags: { $exists: true } }), there)
  t.strictSame(only({ tags: { $ne: null } }), there)
  t.strictSame(only({ tags: null }), NOTHING)
})

t.test('what Prisma cannot express is a problem at start, and an error', async (t) => {
  const cases: readonly [object, RegExp | null][] = [
    [{ titel: 'x' }, /^the attribute "titel": there is no such field in "fields"\. Did you mean "title"\?$/],
    [{ $nor: [{ title: 'x' }, { nowhere: 'x' }] }, /^the attribute "nowhere": there is no such field in "fields"\.$/],
    [{ tags: { $size: 2 } }, /^"\$size" on tags: of a list Prisma can tell only whether it is empty$/],
    [{ title: { $lt: 'x' } }, /^"\$lt" on title: .*Declare the column COLLATE "C", and say so/],
    [{ title: { $not: { $gt: '$user.id' } } }, /^"\$gt" on title/],
    [{ status: { $gte: 'a' } }, /^"\$gte" on status: the order of an enumeration/],
    [{ uid: { $lte: 'a' } }, /^"\$lte" on uid: a uuid has no order/],
    [{ score: 2n ** 64n }, /^"\$eq" on score: Prisma does not send 18446744073709552000 unchanged$/],
    [{ score: { $in: [1, 10n ** 310n] } }, /^"\$in" on score: Prisma does not send Infinity unchanged$/],
    [{ title: { $lt: 5 } }, null],
    [{ slug: { $lt: 'x' } }, null],
    [{ tags: { $size: 0 } }, null],
    [{ title: { $size: 2 } }, null],
    [{ score: { $in: [1, 1.5, 1e-7, 2n ** 60n, null] } }, null],
    [{ score: 'x' }, null],
    [{ score: '$user.huge', title: { $exists: true }, at: { $lt: '$user.id' } }, null],
  ]
  for (const [conditions, expected] of cases) {
    const found = problem(conditionOf(conditions))
    if (expected === null) t.equal(found, null)
    else t.match(found, expected)
  }
  t.throws(() => only({ titel: 'x' }), { code: 'FST_GATEHOUSE_OPTION', message: /^Prisma cannot express the attribute "titel"/ })
  t.throws(() => allBut({ score: '$user.huge' }), { code: 'FST_GATEHOUSE_OPTION', message: 'Prisma cannot express "$eq" on score: Prisma does not send 18446744073709552000 unchanged' })
  t.throws(() => only({ score: { $lt: '$user.vast' } }), { message: /does not send Infinity unchanged/ })
})

t.test('options that make no sense are told', async (t) => {
  const make = (fields: unknown, provider: unknown = 'postgresql') => () => prisma({ provider, fields } as never)
  t.throws(make({ id: 'integer' }, 'mysql'), { code: 'FST_GATEHOUSE_OPTION', message: /prisma\(\{ provider \}\): 'mysql' was given; allowed is 'postgresql'/ })
  t.throws(() => prisma({ provider: 'postgresql', field: {} } as never), { message: /there is no option 'field'.*Did you mean "fields"/ })
  t.throws(make({}), { message: 'prisma({ fields }): there is none; name those that rules mention' })
  for (const fields of [undefined, null, [], 'id']) t.throws(make(fields), { message: /prisma\(\{ fields \}\): .*allowed is an object/ })
  for (const type of ['text', 'integer!', 'float[]', 'datetime[]', 'enum', '', 'constructor', 'Integer']) t.throws(make({ id: type }), { message: /prisma\(\{ fields \}\): "id": .* was given; allowed is one of string, uuid, integer/ }, type)
  const wrong: readonly [unknown, RegExp][] = [
    [{ type: 'string' }, /"id"\.collation: undefined was given; allowed is 'C'/],
    [{ type: 'string', collation: 'en_US' }, /"id"\.collation: 'en_US' was given/],
    [{ type: 'integer', collation: 'C' }, /"id"\.type: 'integer' was given; allowed is 'string' or 'string\?'/],
    [{ enum: [] }, /"id"\.enum: \[\] was given/],
    [{ enum: 'a' }, /"id"\.enum: 'a' was given/],
    [{ enum: ['a'], type: 'string' }, /"id"\.type: 'string' was given; allowed is 'enum', 'enum\?' or 'enum\[\]'/],
    [{ enum: ['a'], collation: 'C' }, /there is no option 'collation'/],
    [{ typ: 'string' }, /there is no option 'typ'/],
    [7, /"id": 7 was given/],
    [null, /"id": null was given/],
  ]
  for (const [declared, message] of wrong) t.throws(make({ id: declared as PrismaField }), { code: 'FST_GATEHOUSE_OPTION', message })
})

t.test('conditions that no policy can write are not known', async (t) => {
  const filter = (operator: '$eq' | '$ne' | '$lt', value: unknown): RecordFilter => ({ kind: 'where', clauses: [{ allowing: [{ kind: 'compare', path: ['score'], operator, operand: { from: 'literal', value: value as never } }], inverted: [] }] })
  for (const one of [filter('$eq', NaN), filter('$ne', NaN), filter('$lt', NaN), filter('$lt', null)]) t.strictSame(translate(one), NOTHING)
  t.strictSame(translate({ kind: 'where', clauses: [{ allowing: [{ kind: 'compare', path: ['locked'], operator: '$nin', operand: { from: 'literal', value: [] } }], inverted: [] }] }), { OR: [{ locked: { equals: true } }, { locked: { not: true } }] })
})

t.test('authz T20: no where holds an undefined, an empty OR, or another key than Prisma has', async (t) => {
  const literal = fc.constantFrom<unknown>(null, 1, 2.5, 'a', 'draft', true, '2026-01-01', '$user.id', '$user.half', '$user.nothing')
  const comparison = fc.tuple(fc.constantFrom(...Object.keys(fields)), fc.oneof(
    fc.record({ $eq: literal }), fc.record({ $ne: literal }), fc.record({ $exists: fc.boolean() }), fc.record({ $size: fc.constant(0) }),
    fc.record({ $in: fc.constantFrom<unknown>(['a', null], [1], [null], '$user.none') }), fc.record({ $nin: fc.constantFrom<unknown>(['a', null], [1], [null], '$user.none') }),
    fc.record({ $all: fc.constantFrom<unknown>(['a'], '$user.none', '$user.numbers') }))).map(([name, map]) => ({ [name]: map }))
  const conditions = fc.oneof(comparison, fc.record({ $or: fc.array(comparison, { minLength: 1, maxLength: 3 }) }), fc.record({ $nor: fc.array(comparison, { minLength: 1, maxLength: 3 }) }))
  const known = new Set([...Object.keys(fields).flatMap((name) => name.split('.')), 'AND', 'OR', 'NOT', 'is', 'equals', 'not', 'in', 'notIn', 'lt', 'lte', 'gt', 'gte', 'isEmpty', 'hasEvery'])
  const walk = (where: unknown): void => {
    if (where === undefined) throw new Error('undefined')
    if (Array.isArray(where)) where.forEach(walk)
    if (typeof where !== 'object' || where === null || Array.isArray(where) || where instanceof Date) return
    for (const [key, value] of Object.entries(where)) {
      if (!known.has(key)) throw new Error(key)
      if (['AND', 'OR', 'in', 'notIn', 'hasEvery'].includes(key) && (value as unknown[]).length === 0) throw new Error(`empty ${key}`)
      if (['NOT', 'is'].includes(key) && Object.keys(value as object).length === 0) throw new Error(`empty ${key}`)
      walk(value)
    }
  }
  fc.assert(fc.property(fc.array(fc.tuple(conditions, fc.boolean()), { minLength: 1, maxLength: 3 }), (rules) => {
    walk(translate(filterOf(ALL, ...rules.map(([conditions, inverted]) => read(conditions, inverted)))))
    walk(translate(filterOf(...rules.map(([conditions, inverted]) => read(conditions, inverted)))))
  }), { numRuns: 500 })
  t.pass()
})
