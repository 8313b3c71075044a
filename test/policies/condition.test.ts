/** Conditions: compiled once, bound to a user, asked about a record; in doubt they answer that they do not know. */
import t from 'tap'
import fc from 'fast-check'
import { bind } from '../../lib/policies/bind.ts'
import { compileCondition } from '../../lib/policies/condition-compiler.ts'
import type { Condition, Operand, Scalar } from '../../lib/policies/condition.ts'
import { evaluate, evaluateUser } from '../../lib/policies/evaluate.ts'
import { instantOf } from '../../lib/policies/instant.ts'
import { hasTemplates } from '../../lib/policies/templates-in.ts'
import { valueAt } from '../../lib/policies/value-at.ts'

function compile (raw: unknown): Condition {
  const report = (_path: unknown, message: string) => { throw new Error(message) }
  return compileCondition(raw, [], { report, shape: { kind: 'undeclared' }, user: null, environment: null })
}

/** The user's values that a condition needs. */
function userPaths (condition: Condition): (readonly string[])[] {
  if (condition.kind === 'compare') return condition.operand.from === 'user' ? [condition.operand.path] : []
  return condition.kind === 'not' ? userPaths(condition.of) : condition.of.flatMap(userPaths)
}

const literal = (value: Scalar | Scalar[]): Operand => ({ from: 'literal', value })
const is = (path: string, value: Scalar): Condition => ({ kind: 'compare', path: path.split('.'), operator: '$eq', operand: literal(value) })

t.test('conditions compile to a tree', async (t) => {
  const cases: [raw: object, condition: Condition][] = [
    [{ a: 1 }, is('a', 1)],
    [{ a: 1, 'b.c': null }, { kind: 'all', of: [is('a', 1), is('b.c', null)] }],
    [{ a: { $gt: 1, $ne: 5 } }, {
      kind: 'all',
      of: [
        { kind: 'compare', path: ['a'], operator: '$gt', operand: literal(1) },
        { kind: 'compare', path: ['a'], operator: '$ne', operand: literal(5) },
      ]
    }],
    [{ $and: [{ a: 1 }] }, is('a', 1)],
    [{ $or: [{ a: 1 }, { b: 2 }] }, { kind: 'any', of: [is('a', 1), is('b', 2)] }],
    [{ $nor: [{ a: 1 }, { b: 2 }] }, { kind: 'not', of: { kind: 'any', of: [is('a', 1), is('b', 2)] } }],
    [{ $not: { a: 1 } }, { kind: 'not', of: is('a', 1) }],
    [{ a: { $not: { $eq: 1 } } }, { kind: 'not', of: is('a', 1) }],
    [{ a: '$user.org.id' }, { kind: 'compare', path: ['a'], operator: '$eq', operand: { from: 'user', path: ['org', 'id'] } }],
    [{ a: { $in: '$user.teams' } }, { kind: 'compare', path: ['a'], operator: '$in', operand: { from: 'user', path: ['teams'] } }],
    [{ a: { $in: ['x', null] } }, { kind: 'compare', path: ['a'], operator: '$in', operand: literal(['x', null]) }],
    [{ a: '$$user.id' }, is('a', '$user.id')],
    [{ a: '$$' }, is('a', '$')],
    [{ a: 'costs $5' }, is('a', 'costs $5')],
  ]
  for (const [raw, condition] of cases) t.strictSame(compile(raw), condition, JSON.stringify(raw))
})

const CASES: readonly [promise: string, raw: object, record: unknown, expected: true | false | undefined][] = [
  ['equal values are equal', { a: 1 }, { a: 1 }, true],
  ['other values are not', { a: 1 }, { a: 2 }, false],
  ['a dotted path goes through maps', { 'a.b': 1 }, { a: { b: 1 } }, true],
  ['a dotted path does not go through lists', { 'a.length': 1 }, { a: [1] }, undefined],
  ['a dotted path does not go through texts', { 'a.length': 1 }, { a: 'x' }, undefined],
  ['a method is no value', { toString: { $exists: true } }, {}, false],
  ['a symbol is no value', { a: { $exists: true } }, { a: Symbol('a') }, false],
  ['authz T5: a missing value is not less', { level: { $lt: 5 } }, {}, undefined],
  ['authz T5: null is not less', { level: { $lt: 5 } }, { level: null }, undefined],
  ['authz T5: a text is not less than a number', { level: { $lt: 5 } }, { level: 'abc' }, undefined],
  ['authz T5: NaN is not less', { level: { $lt: 5 } }, { level: NaN }, undefined],
  ['authz T6: a missing value is not different', { status: { $ne: 'archived' } }, {}, undefined],
  ['authz T6: a relation that is not loaded is not known', { 'org.locked': true }, { org: 5 }, undefined],
  ['authz T16: a text is never equal to a number', { id: 1 }, { id: '1' }, undefined],
  ['authz T16: a text is not known to differ from a number', { id: { $ne: 1 } }, { id: '1' }, undefined],
  ['authz T16: both sorts of numbers are one', { id: 1 }, { id: 1n }, true],
  ['authz T16: both sorts of numbers have one order', { id: { $gt: 1.5 } }, { id: 1n }, false],
  ['$lt', { a: { $lt: 2 } }, { a: 2 }, false],
  ['$lte', { a: { $lte: 2 } }, { a: 2 }, true],
  ['$gt', { a: { $gt: 2 } }, { a: 3 }, true],
  ['$gte', { a: { $gte: 2 } }, { a: 1 }, false],
  ['texts have an order', { a: { $lt: 'ab' } }, { a: 'a' }, true],
  ['texts are ordered by code point, not by code unit', { a: { $gt: '\uffff' } }, { a: '\u{10000}' }, true],
  ['null is equal to null', { a: null }, { a: null }, true],
  ['null is not different from null', { a: { $ne: null } }, { a: null }, false],
  ['a value is not null', { a: null }, { a: 0 }, false],
  ['a list is not null', { a: { $ne: null } }, { a: [] }, true],
  ['a missing value is not known to be null', { a: null }, {}, undefined],
  ['a missing value is not known not to be null', { a: { $ne: null } }, {}, undefined],
  ['null is not known to be a value', { a: 1 }, { a: null }, undefined],
  ['booleans are equal', { a: true }, { a: true }, true],
  ['booleans are not numbers', { a: 1 }, { a: true }, undefined],
  ['lists are not compared', { a: 'x' }, { a: ['x'] }, undefined],
  ['maps are not compared', { a: 'x' }, { a: {} }, undefined],
  ['$in finds a value', { a: { $in: [1, 2] } }, { a: 2 }, true],
  ['$in does not find a value', { a: { $in: [1, 2] } }, { a: 3 }, false],
  ['$in does not know about null', { a: { $in: [1, 2] } }, { a: null }, undefined],
  ['$in does not know about other types', { a: { $in: [1, 2] } }, { a: '2' }, undefined],
  ['$in finds null where it is listed', { a: { $in: [1, null] } }, { a: null }, true],
  ['$in with null finds other values too', { a: { $in: [null, 1] } }, { a: 1 }, true],
  ['$nin does not find a value', { a: { $nin: [1, 2] } }, { a: 3 }, true],
  ['$nin finds null where it is listed', { a: { $nin: [1, null] } }, { a: null }, false],
  ['$nin does not know about null', { a: { $nin: [1] } }, { a: null }, undefined],
  ['$exists is true of a value', { a: { $exists: true } }, { a: false }, true],
  ['$exists is false of null', { a: { $exists: true } }, { a: null }, false],
  ['$exists: false is true of what is missing', { a: { $exists: false } }, {}, true],
  ['$all finds every value', { a: { $all: [1, 2] } }, { a: [2, 3, 1] }, true],
  ['$all misses a value', { a: { $all: [1, 2] } }, { a: [1] }, false],
  ['$all does not know about null in the list', { a: { $all: [1] } }, { a: [null] }, undefined],
  ['$all needs a list', { a: { $all: [1] } }, { a: 1 }, undefined],
  ['$size counts', { a: { $size: 2 } }, { a: [1, 2] }, true],
  ['$size needs a list', { a: { $size: 2 } }, { a: 'ab' }, undefined],
  ['a Date is compared with an instant', { at: { $lt: '2024-06-01' } }, { at: new Date('2024-05-31T23:59:59Z') }, true],
  ['a Date is equal to an instant', { at: '2024-06-01T02:00:00.000+02:00' }, { at: new Date('2024-06-01') }, true],
  ['a Date is among instants', { at: { $in: ['2024-06-01'] } }, { at: new Date('2024-06-01') }, true],
  ['a Date is not compared with other texts', { at: { $lt: 'article 5' } }, { at: new Date(0) }, undefined],
  ['a Date is not compared with numbers', { at: { $lt: 5 } }, { at: new Date(0) }, undefined],
  ['an invalid Date is not known', { at: { $lt: '2024-06-01' } }, { at: new Date(NaN) }, undefined],
  ['not: what is not known stays unknown', { $not: { a: 1 } }, {}, undefined],
  ['all: one false is enough', { a: 1, b: 2, c: 3 }, { b: 3 }, false],
  ['all: unknown otherwise', { a: 1, b: 2 }, { b: 2 }, undefined],
  ['any: one true is enough', { $or: [{ a: 1 }, { b: 2 }] }, { b: 2 }, true],
  ['any: unknown otherwise', { $or: [{ a: 1 }, { b: 2 }] }, { b: 3 }, undefined],
  ['any: false where all are', { $or: [{ a: 1 }, { b: 2 }] }, { a: 2, b: 3 }, false],
  ['no record is not known', { a: { $exists: false } }, null, undefined],
  ['authz T8: a text is no record', { length: 4 }, 'slug', undefined],
]

t.test('a condition is true, false or not known of a record', async (t) => {
  for (const [promise, raw, record, expected] of CASES) {
    const condition = compile(raw)
    t.equal(evaluate(condition, record), expected, promise)
    t.equal(evaluateUser(condition, record), expected, promise)
  }
})

t.test('law 11: a missing value is not known to be outside of an empty list', async (t) => {
  const among: Condition = { kind: 'compare', path: ['team'], operator: '$in', operand: literal([]) }
  const outside: Condition = { ...among, operator: '$nin' }
  for (const team of [undefined, null, NaN, [], {}, new Date(NaN)]) {
    t.equal(evaluate(among, { team }), undefined)
    t.equal(evaluate(outside, { team }), undefined)
  }
  for (const team of ['a', 1, 1n, true, new Date(0)]) {
    t.equal(evaluate(among, { team }), false)
    t.equal(evaluate(outside, { team }), true)
  }
})

t.test('a template that was not bound is not known', async (t) => {
  t.equal(evaluate(compile({ id: '$user.id' }), { id: '$user.id' }), undefined)
})

t.test('law 10: a getter that throws is not swallowed', async (t) => {
  t.throws(() => evaluate(compile({ a: 1 }), { get a () { throw new Error('not loaded') } }), /not loaded/)
})

t.test('instants are ISO 8601 and have an offset', async (t) => {
  for (const text of ['2024-02-29', '2024-02-29T10:00Z', '2024-02-29T10:00:00+02:00', '2024-02-29T10:00:00.123456Z']) t.ok(instantOf(text) > 0, text)
  for (const text of ['2024', '1', 'article 5', '2024-02-29T10:00:00', '2024-13-01', '29.2.2024', 'now', '']) t.ok(Number.isNaN(instantOf(text)), text)
})

t.test('binding puts the values of the user in', async (t) => {
  const condition = compile({ tenantId: '$user.tenant.id', $or: [{ team: { $in: '$user.teams' } }, { $not: { level: { $gt: '$user.level' } } }], status: 'draft' })
  t.strictSame(bind(condition, { tenant: { id: 't' }, teams: ['a', 'b'], level: 3n }), {
    kind: 'bound',
    condition: compile({ tenantId: 't', $or: [{ team: { $in: ['a', 'b'] } }, { $not: { level: { $gt: 3n } } }], status: 'draft' }),
  })
  t.equal(hasTemplates(condition), true)
  t.equal(hasTemplates(compile({ $not: { a: 1 } })), false)
})

t.test('conditions without templates are bound as they are', async (t) => {
  for (const raw of [{ a: 1 }, { a: 1, $or: [{ b: 1 }, { $not: { c: 1 } }] }]) {
    const condition = compile(raw)
    t.equal((bind(condition, null) as { condition?: Condition }).condition, condition)
  }
  const mixed = compile({ a: '$user.id', $or: [{ b: 1 }, { c: 1 }] }) as Extract<Condition, { kind: 'all' }>
  const bound = bind(mixed, { id: 1 }) as { condition: typeof mixed }
  t.equal(bound.condition.of[1], mixed.of[1])
  t.equal(hasTemplates(null), false)
})

t.test('authz T3: a user who lacks a value is told apart, wherever the condition needs it', async (t) => {
  const usable: Record<string, unknown[]> = {
    $eq: ['', 'a', 0, -1.5, 1n, false],
    $ne: ['a'],
    $lt: ['a', 0, 1n],
    $lte: ['a'],
    $gt: ['a'],
    $gte: ['a'],
    $in: [[], ['a'], [1, 2n], [true]],
    $nin: [[]],
    $all: [['a']],
  }
  const lacking: Record<string, unknown[]> = {
    $eq: [undefined, null, NaN, Infinity, {}, [], ['a'], () => 1, Symbol('a'), new Date(0)],
    $ne: [undefined, null, ['a']],
    $lt: [undefined, null, true, ['a']],
    $lte: [true],
    $gt: [true],
    $gte: [true],
    $in: [undefined, null, 'a', 1, {}, [undefined], [null], [NaN], [['a']], ['a', 1], Array(2)],
    $nin: ['a', [null]],
    $all: ['a', [{}]],
  }
  for (const [operator, values] of Object.entries(usable)) {
    for (const value of values) t.equal(bind(compile({ a: { [operator]: '$user.x' } }), { x: value }).kind, 'bound', `${operator} takes ${JSON.stringify(value, text)}`)
  }
  for (const [operator, values] of Object.entries(lacking)) {
    for (const value of values) {
      for (const raw of [{ a: { [operator]: '$user.x' } }, { $or: [{ b: 1 }, { $not: { $and: [{ c: 1 }, { a: { [operator]: '$user.x' } }] } }] }]) {
        t.strictSame(bind(compile(raw), { x: value }), { kind: 'lacking', of: 'user', path: ['x'] }, `${operator} does not take ${JSON.stringify(value, text)}`)
      }
    }
  }
  for (const user of [null, undefined, 'user', { x: { y: 1 } }]) {
    t.strictSame(bind(compile({ a: '$user.x' }), user), { kind: 'lacking', of: 'user', path: ['x'] })
  }

  function text (_key: string, value: unknown): unknown {
    return typeof value === 'bigint' ? `${value}n` : value
  }
})

const name = fc.constantFrom('a', 'b', 'c.d', 'e')
const scalar = fc.oneof(fc.constantFrom('x', 'y', '2024-01-01', 1, 2, true, false), fc.string().map((text) => text.replaceAll(/[${%]/g, '')), fc.integer(), fc.bigInt())
const template = fc.constantFrom('$user.id', '$user.org.id', '$user.teams')
const ofOneKind = fc.oneof(...[fc.constantFrom('x', 'y'), fc.integer(), fc.boolean()].map((values) => fc.array<Scalar>(values, { minLength: 1, maxLength: 3 })))
const operators = fc.oneof(
  fc.record({ operator: fc.constantFrom('$eq', '$ne'), operand: fc.oneof(scalar, template, fc.constant(null)) }),
  fc.record({ operator: fc.constantFrom('$lt', '$lte', '$gt', '$gte'), operand: fc.oneof(scalar.filter((value) => typeof value !== 'boolean'), template) }),
  fc.record({ operator: fc.constantFrom('$in', '$nin', '$all'), operand: fc.oneof(ofOneKind, template) }),
  fc.record({ operator: fc.constant('$exists'), operand: fc.boolean() }),
  fc.record({ operator: fc.constant('$size'), operand: fc.nat(3) })
).map(({ operator, operand }) => ({ [operator]: operand }))
const { condition: anyCondition } = fc.letrec<{ condition: object }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 4 },
    fc.dictionary(name, operators, { minKeys: 1, maxKeys: 3 }),
    fc.dictionary(name, operators.map((inner) => ({ $not: inner })), { minKeys: 1, maxKeys: 2 }),
    fc.record({ $or: fc.array(tie('condition'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ $nor: fc.array(tie('condition'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ $not: tie('condition') })
  ),
}))
const anyValue = fc.oneof(scalar, fc.anything({ withBigInt: true, withDate: true, withNullPrototype: true, withSparseArray: true }), fc.array(scalar, { maxLength: 3 }))
const anyRecord = fc.oneof(fc.anything(), fc.record({ a: anyValue, b: anyValue, c: fc.oneof(anyValue, fc.record({ d: anyValue })), e: anyValue }, { requiredKeys: [] }))
const anyUser = fc.oneof(fc.anything(), fc.record({ id: anyValue, org: fc.oneof(anyValue, fc.record({ id: anyValue })), teams: anyValue }, { requiredKeys: [] }))

t.test('property: evaluation never throws and never converts', async () => {
  fc.assert(fc.property(anyCondition, anyRecord, anyUser, (raw, record, user) => {
    const bound = bind(compile(raw), user)
    if (bound.kind === 'lacking') return
    const truth = evaluate(bound.condition, record)
    const opposite = evaluate({ kind: 'not', of: bound.condition }, record)
    if (truth === undefined ? opposite !== undefined : opposite !== !truth) throw new Error('not is not the opposite')
  }), { numRuns: 2000 })
})

t.test('property: law 11: a record that lacks every value satisfies only conditions that ask for that', async () => {
  fc.assert(fc.property(anyCondition.filter((raw) => !JSON.stringify(raw, (_key, value) => typeof value === 'bigint' ? 0 : value).includes('$exists')), (raw) => {
    const bound = bind(compile(raw), { id: 1, org: { id: 'x' }, teams: ['x'] })
    return bound.kind === 'lacking' || evaluate(bound.condition, {}) === undefined
  }))
})

t.test('property: authz T3: binding never lets an absent value of the user through', async () => {
  const absent = (value: unknown): boolean => Array.isArray(value)
    ? Array.from(value).some((item) => absent(item) || Array.isArray(item))
    : !(['string', 'boolean', 'bigint'].includes(typeof value) || Number.isFinite(value))
  const literals = (condition: Condition): Operand[] => {
    if (condition.kind === 'compare') return [condition.operand]
    return condition.kind === 'not' ? literals(condition.of) : condition.of.flatMap(literals)
  }
  fc.assert(fc.property(anyCondition, anyUser, (raw, user) => {
    const condition = compile(raw)
    const bound = bind(condition, user)
    if (bound.kind === 'lacking') return userPaths(condition).some((path) => path.join('.') === bound.path.join('.'))
    return userPaths(condition).every((path) => !absent(valueAt(user, path))) && literals(bound.condition).every((operand) => operand.from === 'literal')
  }), { numRuns: 2000 })
})

t.test('property: texts are ordered as a database orders their bytes', async () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '\u007f', '\u0080', '\ud7ff', '\ue000', '\uffff', '\u{10000}', '\u{10ffff}'), maxLength: 4 })
  fc.assert(fc.property(text, text, (a, b) => {
    const less = { kind: 'compare', path: ['a'], operator: '$lt', operand: literal(b) } as const
    return evaluate(less, { a }) === (Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0)
  }), { numRuns: 1000 })
})

t.test('property: law 12: lists are asked as SQL asks them, by OR and AND of single comparisons', async () => {
  fc.assert(fc.property(ofOneKind, anyValue, (list, a) => {
    const single = list.map((value): Condition => is('a', value))
    const among: Condition = { kind: 'compare', path: ['a'], operator: '$in', operand: literal(list) }
    return evaluate(among, { a }) === evaluate({ kind: 'any', of: single }, { a }) &&
      evaluate({ ...among, operator: '$nin' }, { a }) === evaluate({ kind: 'not', of: { kind: 'any', of: single } }, { a })
  }))
})
