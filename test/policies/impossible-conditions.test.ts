/** Conditions that can never be true, or never be false, stop the start; what cannot be told for certain is left alone. */
import t from 'tap'
import fc from 'fast-check'
import { bind } from '../../lib/policies/bind.ts'
import { compileCondition } from '../../lib/policies/condition-compiler.ts'
import type { Condition } from '../../lib/policies/condition.ts'
import { evaluate } from '../../lib/policies/evaluate.ts'
import { impossible } from '../../lib/policies/impossible-conditions.ts'
import { compiled, problemsOf } from './sources.ts'
import type { Files } from './sources.ts'

const SUBJECTS = `user: { attributes: { id: string, plan: { type: string, enum: [free, pro] } } }
environment: { attributes: { region: string } }
subjects:
  Post: { attributes: { status: { type: string, enum: [draft, published] }, at: { type: date, enum: [2026-01-01] }, by: string, score: number, done: boolean, tags: array, meta: object }, relations: { owner: { by: $user.id } } }
  Note: { attributes: { status: { type: string, enum: [draft, archived] }, by: string } }
`

function compile (raw: unknown): Condition {
  const report = (_path: unknown, message: string) => { throw new Error(message) }
  return compileCondition(raw, [], { report, shape: { kind: 'undeclared' }, user: null, environment: null })
}

function told (conditions: unknown): string | null {
  return impossible(compile(conditions), { kind: 'undeclared' })?.message ?? null
}

const MISTAKES: readonly [conditions: object, message: string][] = [
  [{ a: 1, $and: [{ a: 2 }] }, 'no "a" is 1 and 2 at once: this can never be true'],
  [{ $and: [{ status: 'draft' }, { status: 'published' }] }, 'no "status" is "draft" and "published" at once: this can never be true'],
  [{ a: { $gt: 5, $lt: 3 } }, 'no "a" is $gt 5 and $lt 3 at once: this can never be true'],
  [{ a: { $gt: 5, $lte: 5 } }, 'no "a" is $gt 5 and $lte 5 at once: this can never be true'],
  [{ a: { $lt: 'a', $gte: 'b' } }, 'no "a" is $lt "a" and $gte "b" at once: this can never be true'],
  [{ a: { $gt: '2026-02-01', $lt: '2026-01-01' } }, 'no "a" is $gt "2026-02-01" and $lt "2026-01-01" at once: this can never be true'],
  [{ a: { $in: [1, 2, 3, 4, 5, 6], $gt: 6 } }, 'no "a" is $in [1, 2, 3, 4, 5, …] and $gt 6 at once: this can never be true'],
  [{ a: { $in: ['x'], $nin: ['x', 'y'] } }, 'no "a" is $in ["x"] and $nin ["x", "y"] at once: this can never be true'],
  [{ a: { $in: [1, 2], $ne: 1 }, $and: [{ a: { $ne: 2 } }] }, 'no "a" is $in [1, 2] and not 1 and not 2 at once: this can never be true'],
  [{ a: { $exists: false, $eq: 'x' } }, 'no "a" is $exists false and "x" at once: this can never be true'],
  [{ a: { $exists: false, $eq: '$user.id' } }, 'no "a" is $exists false and $user.id at once: this can never be true'],
  [{ a: null, $and: [{ a: { $exists: true } }] }, 'no "a" is null and $exists true at once: this can never be true'],
  [{ a: { $not: { $exists: true }, $ne: null } }, 'no "a" is not $exists true and not null at once: this can never be true'],
  [{ a: { $ne: true }, $and: [{ a: { $ne: false } }] }, 'no "a" is not true and not false at once: this can never be true'],
  [{ a: { $ne: 1, $gt: 'x' } }, 'no "a" is not 1 and $gt "x" at once: this can never be true'],
  [{ a: { $size: 1, $gt: 1 } }, 'no "a" is $size 1 and $gt 1 at once: this can never be true'],
  [{ a: { $size: 1 }, $and: [{ a: { $size: 2 } }] }, 'no "a" is $size 1 and $size 2 at once: this can never be true'],
  [{ a: { $all: [1], $eq: '$user.id' } }, 'no "a" is $all [1] and $user.id at once: this can never be true'],
  [{ a: { $all: ['x'], $not: { $all: ['x'] } } }, 'no "a" is $all ["x"] and not $all ["x"] at once: this can never be true'],
  [{ a: '$user.id', $and: [{ a: { $ne: '$user.id' } }] }, 'no "a" is $user.id and not $user.id at once: this can never be true'],
  [{ a: { $gt: '$user.n', $lte: '$user.n' } }, 'no "a" is $gt $user.n and $lte $user.n at once: this can never be true'],
  [{ a: { $in: '$environment.l', $nin: '$environment.l' } }, 'no "a" is $in $environment.l and $nin $environment.l at once: this can never be true'],
  [{ a: { $gt: 2n ** 60n, $lt: 2 } }, 'no "a" is $gt 1152921504606846976n and $lt 2 at once: this can never be true'],
  [{ a: { $size: 1, $not: { $size: 1 } } }, 'no "a" is $size 1 and not $size 1 at once: this can never be true'],
  [{ b: 1, $or: [{ a: 1 }, { $and: [{ a: 1 }, { a: 2 }] }] }, 'no "a" is 1 and 2 at once: this can never be true'],
  [{ $nor: [{ a: 1 }, { a: { $ne: 1 } }] }, 'no "a" is not 1 and 1 at once: this can never be true'],
  [{ $not: { $or: [{ a: { $lt: 1 } }, { a: { $gte: 1 } }] } }, 'no "a" is $gte 1 and $lt 1 at once: this can never be true'],
  [{ $or: [{ a: { $ne: 1 } }, { a: { $ne: 2 } }] }, 'every "a" is not 1 or not 2: this can never be false'],
  [{ $not: { $and: [{ a: 1 }, { a: 2 }] } }, 'every "a" is not 1 or not 2: this can never be false'],
  [{ b: 1, $or: [{ a: { $exists: true } }, { a: { $exists: false } }] }, 'every "a" is $exists true or $exists false: this can never be false'],
  [{ $or: [{ a: { $gt: 5 } }, { a: { $lte: 7 } }] }, 'every "a" is $gt 5 or $lte 7: this can never be false'],
]

for (const [conditions, message] of MISTAKES) {
  t.test(`a condition that cannot be meant: ${JSON.stringify(conditions, (_key, value) => typeof value === 'bigint' ? `${value}n` : value)}`, async (t) => {
    t.equal(told(conditions), message)
  })
}

const FINE: readonly object[] = [
  { a: 1 },
  { a: 1, b: 2 },
  { a: { $gte: 5, $lte: 5 } },
  { a: { $gt: 5, $lt: 6 } },
  { a: { $in: [1, 2], $ne: 1 } },
  { a: { $ne: 1 }, $and: [{ a: { $ne: 2 } }] },
  { $or: [{ a: 1 }, { a: 2 }] },
  { a: '$user.id', $and: [{ a: '$user.other' }] },
  { a: '$user.id', $or: [{ a: { $ne: '$environment.id' } }] },
  { a: { $gt: '$user.n', $lt: '$user.n' } },
  { a: { $exists: true, $ne: 'x' } },
  { a: { $in: [null, 'x'] }, $and: [{ a: { $exists: false } }] },
  { a: { $size: 1, $all: [1] } },
  { a: { $size: 1 }, $and: [{ a: { $size: 1 } }] },
  { a: { $not: { $size: 1 } }, $and: [{ a: { $not: { $size: 2 } } }] },
  { a: { $exists: true }, 'a.b': { $exists: false } },
  // The same instant, for a date.
  { a: '2026-01-01', $and: [{ a: '2026-01-01T01:00:00+01:00' }] },
  // As texts one is before the other, as dates it is after it.
  { a: { $gt: '2026-01-01T00:00:00+02:00', $lt: '2025-12-31T23:00:00Z' } },
  { a: { $all: ['x'] }, $and: [{ a: { $all: ['y'] } }] },
  { $or: [{ a: { $lt: 5 } }, { a: { $gt: 5 } }] },
]

for (const conditions of FINE) {
  t.test(`a condition that can be true and false: ${JSON.stringify(conditions)}`, async (t) => {
    t.equal(told(conditions), null)
  })
}

function rule (keys: string): Files {
  return { 'subjects.yaml': SUBJECTS, 'a.yaml': `role: a\nrules:\n  - { action: read, ${keys} }\n` }
}

t.test('a condition is told at the last of the comparisons that cannot hold together', async (t) => {
  t.strictSame(problemsOf(() => compiled({ 'a.yaml': 'role: a\nrules:\n  - action: read\n    subject: Post\n    conditions:\n      $and:\n        - { status: draft, by: x }\n        - status: { $eq: published }\n' })), [
    'a.yaml:8:26 no "status" is "draft" and "published" at once: this can never be true',
  ])
  t.strictSame(problemsOf(() => compiled(rule('subject: Post, conditions: { score: { $gt: 5, $lt: 3 } }'))), ['a.yaml:3:72 no "score" is $gt 5 and $lt 3 at once: this can never be true'])
})

t.test('where all values of an attribute are declared, one of them must be left', async (t) => {
  const lines = (keys: string) => problemsOf(() => compiled(rule(keys)))
  t.strictSame(lines('subject: Post, conditions: { status: { $nin: [draft, published] } }'), ['a.yaml:3:66 no declared "status" is $nin ["draft", "published"]: this can never be true'])
  t.strictSame(lines('subject: Post, conditions: { status: { $gt: published } }'), ['a.yaml:3:65 no declared "status" is $gt "published": this can never be true'])
  t.strictSame(lines('subject: Post, conditions: { at: { $lt: 2026-01-01 } }'), ['a.yaml:3:61 no declared "at" is $lt "2026-01-01": this can never be true'])
  t.strictSame(lines('subject: Post, conditions: { at: { $lte: 2026-01-01 } }'), [])
  t.strictSame(lines('subject: Post, conditions: { status: { $in: [draft, published] } }'), [], 'which leaves out records that have none')
  t.strictSame(lines('subject: Post, conditions: { status: { $exists: false } }'), [])
  t.strictSame(lines('subject: Post, conditions: { status: $user.id }'), [])
  t.strictSame(lines('subject: [Post, Note], conditions: { status: { $ne: draft } }'), [])
  t.strictSame(lines('subject: [Post, Note], conditions: { by: { $ne: draft } }'), [])
  t.strictSame(lines('subject: Post, conditions: { meta.a: 1, tags: { $size: 1 } }'), [])
  t.strictSame(lines('subject: all, conditions: { by: { $ne: draft } }'), [])
})

t.test('all conditions are looked at: of users, of pre-checks, of relations, on the environment, and together with a relation', async (t) => {
  const lines = (files: Files) => problemsOf(() => compiled(files))
  t.strictSame(lines({ 'subjects.yaml': SUBJECTS, 'g.yaml': 'when: { plan: { $nin: [free, pro] } }\nrules: []\n' }), ['g.yaml:1:23 no declared "plan" is $nin ["free", "pro"]: this can never be true'])
  t.strictSame(lines({ 'd.yaml': 'deny:\n  - { code: x, when: { a: { $gt: 1, $lt: 1 } } }\n' }), ['d.yaml:2:42 no "a" is $gt 1 and $lt 1 at once: this can never be true'])
  t.strictSame(lines({ 'subjects.yaml': SUBJECTS.replace('{ by: $user.id }', '{ by: x, $and: [{ by: y }] }') }), ['subjects.yaml:4:230 no "by" is "x" and "y" at once: this can never be true'])
  t.strictSame(lines(rule('subject: Post, environment: { now: { $gt: 2026-01-02, $lt: 2026-01-01 } }')), ['a.yaml:3:80 no "now" is $gt "2026-01-02" and $lt "2026-01-01" at once: this can never be true'])
  t.strictSame(lines(rule('subject: Post, environment: { address: { $cidr: 10.0.0.0/8, $not: { $cidr: 10.0.0.0/8 } } }')), ['a.yaml:3:96 no "address" is $cidr 10.0.0.0/8 and not $cidr 10.0.0.0/8 at once: this can never be true'])
  t.strictSame(lines(rule('subject: Post, environment: { now: { $between: { from: "09:00", to: "17:00", zone: UTC }, $not: { $between: { from: "09:00", to: "17:00", zone: UTC } } } }')), ['a.yaml:3:129 no "now" is $between 09:00 to 17:00 in UTC and not $between 09:00 to 17:00 in UTC at once: this can never be true'])
  t.strictSame(lines(rule('subject: Post, environment: { address: { $cidr: 10.0.0.0/8, $ne: 10.0.0.1 } }')), [])
  t.strictSame(lines(rule('subject: Post, relation: owner, conditions: { by: { $ne: $user.id } }')), ['a.yaml:3:46 with the rule\'s conditions, no "by" is $user.id and not $user.id at once: this can never be true'])
  t.strictSame(lines(rule('subject: Post, relation: owner, conditions: { score: 1 }')), [])
})

t.test('the tenants of a membership are named, and a compilation that asks for no such check makes none', async (t) => {
  const member = { from: 'memberships', role: 'editor' } as const
  const condition: Condition = { kind: 'all', of: [{ kind: 'compare', path: ['t'], operator: '$in', operand: member }, { kind: 'compare', path: ['t'], operator: '$exists', operand: { from: 'literal', value: false } }] }
  t.equal(impossible(condition, { kind: 'undeclared' })?.message, 'no "t" is $in a tenant of editor and $exists false at once: this can never be true')
  t.ok(compile({ a: 1, $and: [{ a: 2 }] }))
})

t.test('very many comparisons are left alone', async (t) => {
  const many = Array.from({ length: 200 }, (_, index) => ({ a: { $ne: index } }))
  t.equal(told({ $and: [...many, { a: 1 }] }), null)
  t.equal(told({ a: { $in: Array.from({ length: 20_000 }, (_, index) => index), $exists: false } }), null)
})

const ATTRIBUTES = ['a', 'b']
const SCALARS = [0, 1, 2, 'x', 'y', '2026-01-01', '2026-01-01T01:00:00+01:00', '2025-12-31', true, false]
const scalar = fc.constantFrom<unknown>(...SCALARS)
const template = fc.constantFrom('$user.n', '$user.s')
const operator = fc.oneof(
  fc.tuple(fc.constantFrom('$eq', '$ne'), fc.oneof(scalar, fc.constant(null), template)),
  fc.tuple(fc.constantFrom('$lt', '$lte', '$gt', '$gte'), fc.oneof(scalar.filter((value) => typeof value !== 'boolean'), template)),
  fc.tuple(fc.constantFrom('$in', '$nin'), fc.constantFrom<unknown>([0, 1], ['x'], ['x', null], ['2026-01-01', 'y'], [true], [null], '$user.l')),
  fc.tuple(fc.constant('$all'), fc.constantFrom<unknown>([0], ['x', 'y'], '$user.l')),
  fc.tuple(fc.constant('$size'), fc.nat(2)),
  fc.tuple(fc.constant('$exists'), fc.boolean())
)
const comparison = fc.tuple(fc.constantFrom(...ATTRIBUTES), fc.array(operator, { minLength: 1, maxLength: 2 }), fc.boolean()).map(([name, pairs, negated]) => {
  const map = Object.fromEntries(pairs)
  return { [name]: negated ? { $not: map } : map }
})
const { condition } = fc.letrec<{ condition: object }>((tie) => ({
  condition: fc.oneof(
    { depthSize: 'small' },
    comparison,
    fc.tuple(fc.constantFrom('$and', '$or', '$nor'), fc.array(tie('condition'), { minLength: 1, maxLength: 3 })).map(([name, parts]) => ({ [name]: parts })),
    tie('condition').map((part) => ({ $not: part }))
  ),
}))

const VALUES: readonly unknown[] = [...SCALARS, undefined, null, NaN, 1n, 1.5, new Date('2026-01-01'), new Date('2025-12-31'), new Date(NaN), [], [0], ['x', 'y'], [null], {}]

t.test('property: what is said never to be true is true of no record, whatever the user is, and what is said never to be false is false of none', async (t) => {
  const user = fc.record({ n: fc.constantFrom(0, 1, 2), s: fc.constantFrom('x', '2026-01-01'), l: fc.constantFrom<unknown[]>([], [0], ['x', 'y']) })
  const records = VALUES.flatMap((a) => VALUES.map((b) => ({ a, b })))
  const parts = fc.array(comparison, { minLength: 1, maxLength: 3 })
  // Without alternatives, what cannot be in a part cannot be in the whole.
  const together = fc.oneof(parts.map(($and) => ({ $and })), parts.map(($nor) => ({ $nor })), fc.tuple(parts, parts).map(([$and, $nor]) => ({ $and: [...$and, { $nor }] })))
  const seen = { 'never be true': 0, 'never be false': 0 }
  fc.assert(fc.property(together, fc.boolean(), user, (raw, turned, user) => {
    const condition = compile(turned ? { $not: raw } : raw)
    const mistake = impossible(condition, { kind: 'undeclared' })
    const bound = bind(condition, user)
    if (mistake === null || bound.kind === 'lacking') return
    const what = turned ? 'never be false' : 'never be true'
    if (!mistake.message.endsWith(`can ${what}`)) return
    if (records.some((record) => evaluate(bound.condition, record) === !turned)) throw new Error(mistake.message)
    seen[what]++
  }), { numRuns: 1000 })
  t.ok(seen['never be true'] > 50 && seen['never be false'] > 50, JSON.stringify(seen))
})

t.test('property: any condition is looked at, however it is nested, and the comparison that is named is one of its own', async () => {
  fc.assert(fc.property(condition, (raw) => {
    const written = compile(raw)
    const mistake = impossible(written, { kind: 'undeclared' })
    if (mistake !== null && !comparisonsOf(written).includes(mistake.at)) throw new Error(mistake.message)
  }))
})

t.test('property: two comparisons that can never hold together never do, and what never holds in this world is found nearly always', async (t) => {
  const user = { n: 1, s: 'x', l: ['x', 'y'] }
  const seen = { found: 0, missed: 0 }
  fc.assert(fc.property(operator, operator, ([one, first], [other, second]) => {
    const condition = compile({ $and: [{ a: { [one]: first } }, { a: { [other]: second } }] })
    const found = impossible(condition, { kind: 'undeclared' })?.message.endsWith('never be true') === true
    const bound = bind(condition, user)
    const never = bound.kind === 'bound' && VALUES.every((a) => evaluate(bound.condition, { a }) !== true)
    if (found && !never) throw new Error('it can be true')
    if (never) seen[found ? 'found' : 'missed']++
  }), { numRuns: 2000 })
  t.ok(seen.found > seen.missed, JSON.stringify(seen))
})

function comparisonsOf (condition: Condition): Condition[] {
  switch (condition.kind) {
    case 'compare': return [condition]
    case 'not': return comparisonsOf(condition.of)
    default: return condition.of.flatMap(comparisonsOf)
  }
}
