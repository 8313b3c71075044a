/** CASL in a browser, told the rules that are exposed, says what the check says. */
import { createMongoAbility, subject } from '@casl/ability'
import { unpackRules } from '@casl/ability/extra'
import fc from 'fast-check'
import t from 'tap'
import { Abilities, type Around } from '../../lib/authorization/abilities.ts'
import type { Ability, RequestAbility } from '../../lib/authorization/ability.ts'
import { Impersonation } from '../../lib/authorization/impersonation.ts'
import { alternativesFor } from '../../lib/authorization/packed-conditions.ts'
import { packedRulesOf, packedRulesProblems, type PackedRules } from '../../lib/authorization/packed-rules.ts'
import type { Conditions, RuleDefinition } from '../../lib/policies/define.ts'
import { definePolicy, PolicyError } from '../../lib/policies/index.ts'
import { compiled } from '../policies/sources.ts'
import { abilitiesOf, abilityOf, policyOf } from './abilities.ts'
import { anyField, anyFieldRules, type FieldRules } from './leaves.ts'

type Browser = (action: string, record: object | string, field?: string) => boolean | 'throws'

/** What a front end does with an answer. CASL throws where it looks into a list and meets `null`. */
function browser (packed: PackedRules): Browser {
  const ability = createMongoAbility(unpackRules(JSON.parse(JSON.stringify(packed)) as PackedRules) as never)
  return (action, record, field) => {
    try {
      return ability.can(action, typeof record === 'string' ? record : subject('Article', structuredClone(record)) as never, field)
    } catch {
      return 'throws'
    }
  }
}

const exposed = (rule: RuleDefinition): RuleDefinition => ({ ...rule, expose: true })

function packedOf (rules: readonly RuleDefinition[], user: object | null = { id: 'ada' }): PackedRules {
  return packedRulesOf(abilityOf(rules.map(exposed), user))
}

function packedFor (conditions: Conditions, inverted = false, user?: object): unknown[] {
  return packedOf([{ action: 'read', subject: 'Article', conditions, inverted }], user).map(([, , said]) => said)
}

/* What may stand where a rule expects something else, as JSON holds it. */
const SCALARS = ['', 'x', 'y', 'xx', '1', ' 5', '-1', 'é', '\u{1F600}', '\uFFFF', 0, 1, 5, -1, 1.5, true, false, null]
const scalar = fc.constantFrom<unknown>(...SCALARS)
const list = fc.array(fc.oneof({ weight: 5, arbitrary: scalar }, { weight: 1, arbitrary: fc.array(scalar, { maxLength: 2 }) }, { weight: 1, arbitrary: fc.constant({ q: 1 }) }), { maxLength: 3 })
const value = fc.oneof({ weight: 6, arbitrary: scalar }, { weight: 2, arbitrary: list }, { weight: 1, arbitrary: fc.constantFrom<unknown>({}, { a: 'x' }, { z: { a: 1 } }, { length: 1 }, { length: '' }, { length: null }, { length: [] }, { length: { a: 1 } }, { 0: 'x', length: 1 }) })
const map = fc.record({ a: value, b: value }, { requiredKeys: [] })
const anyRecord = fc.record({
  a: value,
  b: value,
  c: value,
  m: fc.oneof({ weight: 4, arbitrary: map }, { weight: 1, arbitrary: value }, { weight: 1, arbitrary: fc.array(map, { maxLength: 2 }) }),
}, { requiredKeys: [] })

const path = fc.constantFrom('a', 'b', 'c', 'm.a', 'm.b')
const text = fc.constantFrom('', 'x', 'y', 'xx', '1', ' 5')
const number = fc.constantFrom(0, 1, 5, -1, 1.5)
const literal = fc.oneof(text, number, fc.boolean())
const template = fc.constantFrom('$user.text', '$user.number', '$user.yes', '$user.nothing')
const operand = fc.oneof({ weight: 6, arbitrary: literal }, { weight: 1, arbitrary: fc.constant(null) }, { weight: 2, arbitrary: template })
const some = (one: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> => fc.array(fc.oneof({ weight: 4, arbitrary: one }, { weight: 1, arbitrary: fc.constant(null) }), { minLength: 1, maxLength: 3 })
const listOf = fc.oneof(some(text), some(number), some(fc.boolean()))
const listOperand: fc.Arbitrary<unknown> = fc.oneof({ weight: 4, arbitrary: listOf }, { weight: 1, arbitrary: fc.constantFrom('$user.texts', '$user.numbers', '$user.none') })

const comparison: fc.Arbitrary<Conditions> = path.chain((path) => fc.oneof(
  operand,
  fc.tuple(fc.constantFrom('$eq', '$ne'), operand).map((pair) => Object.fromEntries([pair])),
  fc.tuple(fc.constantFrom('$in', '$nin'), listOperand).map((pair) => Object.fromEntries([pair])),
  fc.tuple(fc.constantFrom('$lt', '$lte', '$gt', '$gte'), fc.oneof(text, number, fc.constantFrom('$user.text', '$user.number'))).map((pair) => Object.fromEntries([pair])),
  fc.boolean().map((is) => ({ $exists: is }))
).map((right) => ({ [path]: right }) as Conditions))

/** Without `$all` and `$size`, which cannot be said of inverted rules. */
const { condition } = fc.letrec<{ condition: Conditions }>((tie) => ({
  condition: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    { weight: 5, arbitrary: comparison },
    { weight: 2, arbitrary: fc.tuple(fc.constantFrom('$and', '$or', '$nor'), fc.array(tie('condition'), { minLength: 1, maxLength: 2 })).map((pair) => Object.fromEntries([pair])) },
    { weight: 1, arbitrary: tie('condition').map((part) => ({ $not: part })) }
  ),
}))

const anyRule = fc.record({ conditions: condition, inverted: fc.boolean(), action: fc.constantFrom('read', 'update', 'manage') }).map((rule): RuleDefinition => ({ ...rule, subject: 'Article' }))
const user = { id: 'ada', text: 'x', number: 1, yes: true, texts: ['x', 'y'], numbers: [1, 5], none: [] }

/** `null` for rules that no policy may hold together: one says the same as another, or is always beaten. */
function sensible (rules: readonly RuleDefinition[], user?: object): RequestAbility | null {
  try {
    return abilityOf(rules.map(exposed), user)
  } catch (error) {
    if (error instanceof PolicyError) return null
    throw error
  }
}

/** Those whose exposed conditions can be said. */
const sayable = fc.tuple(fc.record({ conditions: condition }).map((rule): RuleDefinition => ({ action: 'manage', subject: 'Article', ...rule })), fc.array(anyRule, { maxLength: 2 }))
  .map(([first, others]) => [first, ...others])
  .filter((rules) => {
    const ability = sensible(rules)
    return ability !== null && packedRulesProblems(ability.policy).length === 0
  })

/** A list that holds `null`. */
function holdsNull (record: unknown): boolean {
  if (Array.isArray(record)) return record.some((item) => item === null || holdsNull(item))
  return typeof record === 'object' && record !== null && Object.values(record).some(holdsNull)
}

function agree (ability: Ability, records: readonly object[]): number {
  const packed = packedRulesOf(ability)
  const can = browser(packed)
  let yes = 0
  for (const record of records) {
    for (const action of ['read', 'update']) {
      const allowed = ability.allows(action, 'Article', record)
      const said = can(action, record)
      if (said !== allowed && !(said === 'throws' && holdsNull(record))) {
        throw new Error(`the check says ${allowed} and the browser ${said} to "${action}" of ${JSON.stringify(record)}: ${JSON.stringify(packed)}`)
      }
      if (allowed) yes++
    }
  }
  return yes
}

const records = fc.array(anyRecord, { minLength: 20, maxLength: 20 })

t.test('law 12: whatever the record, a browser says of it what the check says', async (t) => {
  let yes = 0
  fc.assert(fc.property(sayable, records, (rules, records) => { yes += agree(abilityOf(rules.map(exposed), user), records) }), { numRuns: 1_500 })
  t.ok(yes > 1_000, 'and often it is yes')
})

t.test('law 12: of somebody who acts as another a browser says yes where both may', async (t) => {
  let yes = 0
  fc.assert(fc.property(sayable, sayable, records, (users, actors, records) => {
    yes += agree(new Impersonation(abilityOf(users.map(exposed), user), abilityOf(actors.map(exposed), { ...user, text: 'y', number: 5 })), records)
  }), { numRuns: 300 })
  t.ok(yes > 100, 'and often it is yes')
})

t.test('law 12: whatever the field, a browser says yes only where the check does', async (t) => {
  const path = fc.oneof(anyField.filter((field) => !field.includes('*')), fc.constantFrom('a.b.c.d', 'b', 'c.c', 'x', 'xa', 'a_at', 'b_at.x', 'ab', 'ab.c'))
  const rulesOf = ({ allowing, inverted }: FieldRules): RuleDefinition[] => [[allowing, false] as const, [inverted, true] as const]
    .filter(([fields]) => fields.length > 0)
    .map(([fields, inverted]) => ({ action: 'update', subject: 'Article', fields: [...new Set(fields)].filter(isAllowed), inverted }))
    .filter(({ fields }) => fields.length > 0)
  let yes = 0
  fc.assert(fc.property(fc.array(anyFieldRules, { minLength: 1, maxLength: 2 }), fc.array(path, { minLength: 10, maxLength: 10 }), (parts, paths) => {
    const abilities = parts.map((part) => sensible(rulesOf(part)))
    fc.pre(!abilities.includes(null))
    const [first, second] = abilities as [RequestAbility, RequestAbility?]
    const ability: Ability = second === undefined ? first : new Impersonation(first, second)
    const can = browser(packedRulesOf(ability))
    for (const field of paths) {
      if (can('update', {}, field) === false) continue
      yes++
      if (!ability.allows('update', 'Article', {}, field)) throw new Error(`${field}: ${JSON.stringify(packedRulesOf(ability))}`)
    }
  }), { numRuns: 2_000 })
  t.ok(yes > 1_000, 'and often it does')
})

/** What no policy may name (see path.ts). */
function isAllowed (field: string): boolean {
  return !/__proto__|constructor/.test(field)
}

t.test('a field that a rule names is one in the browser too, where nothing forbids it', async (t) => {
  const can = browser(packedOf([
    { action: 'update', subject: 'Article', fields: ['title', 'body', 'address.*', 'x', 'xa', 'xa.b'] },
    { action: 'update', subject: 'Article', fields: ['address.zip', 'secret_*', 'x**y'], inverted: true },
  ]))
  for (const field of ['title', 'body', 'address.street']) t.equal(can('update', {}, field), true, field)
  for (const field of ['notes', 'address', 'address.zip', 'address.zip.code', 'secret_a', 'x', 'xa', 'xa.b']) t.equal(can('update', {}, field), false, field)
})

t.test('the rules that are exposed are packed, and no others', async (t) => {
  const packed = packedRulesOf(abilityOf([
    { action: 'read', subject: 'Article', expose: true },
    { action: 'read', subject: 'Report' },
    { action: 'read', subject: 'Salary', expose: false },
    { action: 'read', subject: 'Article', conditions: { status: 'secret' }, inverted: true },
  ]))
  t.strictSame(packed, [['read', 'Article']])
  t.strictSame(packedRulesOf(abilityOf([{ action: 'read', subject: 'Report' }])), [])
})

t.test('law 7: neither reasons nor codes, ids or places are packed', async (t) => {
  const packed = packedOf([
    { action: 'read', subject: 'Article' },
    { action: 'read', subject: 'Article', conditions: { locked: true }, inverted: true, reason: 'the lawyers said so', code: 'locked_by_lawyers' },
  ])
  t.notMatch(JSON.stringify(packed), /lawyers|member|policies/)
  for (const rule of unpackRules(packed)) t.strictSame(Object.keys(rule).filter((key) => !['action', 'subject', 'conditions', 'inverted'].includes(key)), [])
})

t.test('authz R8: the values of the user stand where the templates were', async (t) => {
  const rules: RuleDefinition[] = [{ action: 'read', subject: 'Article', conditions: { authorId: '$user.id' } }]
  const can = browser(packedOf(rules, { id: 'ada', password: 'hunter2' }))
  t.equal(can('read', { authorId: 'ada' }), true)
  t.equal(can('read', { authorId: 'abe' }), false)
  t.notMatch(JSON.stringify(packedOf(rules, { id: 'ada', password: 'hunter2' })), /hunter2|\$user/)
})

t.test('authz T3: a template without a value packs no rule that allows, and an inverted one for every record', async (t) => {
  const packed = packedOf([
    { action: 'read', subject: 'Article', conditions: { tenantId: '$user.tenantId' } },
    { action: 'read', subject: 'Article', conditions: { authorId: '$user.id' } },
    { action: 'update', subject: 'Article' },
    { action: 'update', subject: 'Article', conditions: { lockedBy: '$user.tenantId' }, inverted: true },
  ])
  t.strictSame(packed.map(([action, , said]) => [action, said]), [['read', { authorId: 'ada', 'authorId.length': { $nin: [3] } }], ['update', undefined], ['update', 0]])
  t.equal(browser(packed)('update', { lockedBy: 'nobody' }), false)
})

t.test('authz T3: no condition is lost when rules become JSON', async () => {
  fc.assert(fc.property(sayable, (rules) => {
    const packed = packedRulesOf(abilityOf(rules.map(exposed), user))
    if (JSON.stringify(JSON.parse(JSON.stringify(packed))) !== JSON.stringify(packed)) throw new Error('JSON changed it')
    for (const { conditions } of unpackRules(packed)) {
      if (conditions !== undefined && Object.keys(conditions as object).length === 0) throw new Error(JSON.stringify(packed))
    }
  }), { numRuns: 300 })
})

t.test('authz T5: what is missing, or of another type, is not less than a number in the browser either', async (t) => {
  const can = browser(packedOf([{ action: 'read', subject: 'Article', conditions: { level: { $lt: 5 } } }]))
  t.equal(can('read', { level: 4 }), true)
  for (const level of [5, null, '', '4', 'abc', true, [], [4], {}]) t.equal(can('read', { level }), false, JSON.stringify(level))
  t.equal(can('read', {}), false)
})

t.test('authz T6: what an inverted rule needs and the record lacks forbids in the browser too', async (t) => {
  const can = browser(packedOf([{ action: 'read', subject: 'Article' }, { action: 'read', subject: 'Article', conditions: { 'org.locked': true }, inverted: true }]))
  t.equal(can('read', { org: { locked: false } }), true)
  for (const record of [{}, { org: null }, { org: {} }, { org: { locked: null } }, { org: { locked: 'no' } }, { org: { locked: true } }, { org: [] }, { org: [{ locked: false }] }]) {
    t.equal(can('read', record), false, JSON.stringify(record))
  }
})

t.test('authz T12: inverted rules come last, wherever they stand', async (t) => {
  const packed = packedOf([
    { action: 'manage', subject: 'all', inverted: true, conditions: { archived: { $exists: true } } },
    { action: 'manage', subject: 'all' },
  ])
  t.equal(packed[0]?.[3], undefined)
  t.ok(packed.slice(1).every((rule) => rule[3] === 1))
  t.equal(browser(packed)('read', {}), true)
  t.equal(browser(packed)('read', { archived: 1 }), false)
})

t.test('authz T13: names with a comma never come as far, and JSON holds every value', async (t) => {
  t.throws(() => packedOf([{ action: 'read,write', subject: 'Article' }]), { code: 'FST_GATEHOUSE_POLICY' })
  t.throws(() => packedOf([{ action: 'read', subject: 'Article', fields: 'a,b' }]), { code: 'FST_GATEHOUSE_POLICY' })
  for (const odd of [new Date(0), /x/]) t.throws(() => packedOf([{ action: 'read', subject: 'Article', conditions: { at: odd as never } }]), { code: 'FST_GATEHOUSE_POLICY' })
})

t.test('authz T16: a number is not its text in the browser either', async (t) => {
  const can = browser(packedOf([{ action: 'read', subject: 'Article', conditions: { id: 1 } }, { action: 'update', subject: 'Article', conditions: { id: '1' } }]))
  t.strictSame([can('read', { id: 1 }), can('read', { id: '1' }), can('update', { id: 1 }), can('update', { id: '1' })], [true, false, false, true])
})

t.test('rules that allow may ask for lists', async (t) => {
  const can = browser(packedOf([
    { action: 'read', subject: 'Article', conditions: { members: { $all: ['$user.id'] } } },
    { action: 'update', subject: 'Article', conditions: { $and: [{ 'team.members': { $all: ['ada'] } }, { 'team.members': { $all: ['abe'] } }, { 'team.members': { $size: 2 } }] } },
  ]))
  t.strictSame([['ada'], ['abe', 'ada'], [], 'ada', null].map((members) => can('read', { members })), [true, true, false, false, false])
  t.strictSame([['ada', 'abe'], ['ada'], ['abe', 'ada', 'ida']].map((members) => can('update', { team: { members } })), [true, false, false])
  t.equal(can('update', { team: [{ members: ['ada', 'abe'] }] }), false)
})

t.test('two comparisons with one attribute are one in CASL', async (t) => {
  const [said] = packedFor({ $and: [{ n: { $gt: 1, $lte: 9 } }, { n: { $gt: 3, $lte: 7, $ne: 5 } }] })
  t.match(said, { n: { $gt: 3, $lte: 7 } })
  t.strictSame(packedFor({ $and: [{ a: 'x' }, { a: 'y' }] }), [], 'nothing is both')
  t.strictSame(packedFor({ a: { $lt: 5, $lte: 3 }, $and: [{ a: { $lt: 'x' } }] }), [], 'nothing is a number and a text')
  t.strictSame(packedFor({ $and: [{ a: { $size: 1 } }, { a: { $size: 2 } }] }), [])
  const can = browser(packedOf([{ action: 'read', subject: 'Article' }, { action: 'read', subject: 'Article', conditions: { $and: [{ a: { $lt: 5 } }, { a: { $lt: 'x' } }] }, inverted: true }]))
  t.strictSame([3, 7, 'a', 'y', '', null].map((a) => can('read', { a })), [false, true, false, true, false, false], 'of an inverted rule one of them may not be known')
})

t.test('a list of teams that is empty is in nobody\'s', async (t) => {
  const user = { id: 'ada', teams: [] }
  t.strictSame(packedFor({ team: { $in: '$user.teams' } }, false, user), [])
  const outside = browser(packedOf([{ action: 'read', subject: 'Article', conditions: { team: { $nin: '$user.teams' } } }], user))
  t.strictSame(['x', 1, true, null, [], {}].map((team) => outside('read', { team })), [true, true, true, false, false, false])
  const forbidden = browser(packedOf([{ action: 'read', subject: 'Article' }, { action: 'read', subject: 'Article', conditions: { team: { $in: '$user.teams' } }, inverted: true }], user))
  t.strictSame(['x', 1, true, null, [], {}].map((team) => forbidden('read', { team })), [true, true, true, false, false, false])
})

t.test('what only the value of the user makes impossible to say is left out where it allows, and forbids where it forbids', async (t) => {
  const conditions = { day: '$user.day', id: { $lt: '$user.big' }, name: { $lt: '$user.name' } }
  for (const [name, operand] of Object.entries(conditions)) {
    for (const user of [{ day: '2026-01-01', big: 2n ** 70n, name: '\uFFFF' }, { day: new Date(0), big: NaN, name: null }]) {
      t.strictSame(packedFor({ [name]: operand }, false, user), [], `${name}`)
      const inverted = packedOf([{ action: 'read', subject: 'Article', conditions: { [name]: operand }, inverted: true }], user)
      t.strictSame(inverted, [['read', 'Article', 0, 1]])
    }
  }
  t.strictSame(packedFor({ name: { $lt: '$user.name' } }, false, { name: '\0' }), [], 'a text that no store can hold stands in no order')
  t.strictSame(packedFor({ name: { $lt: '$user.name' } }, true, { name: '\0' }), [0])
})

t.test('a rule that is exposed and cannot be said stops the start, with its place', async (t) => {
  const policy = compiled({
    'author.yaml': `role: author
rules:
  - action: read
    subject: Article
    expose: true
    conditions: { at: { $gt: '2026-01-01' } }
  - action: update
    subject: Article
    inverted: true
    expose: true
    conditions: { members: { $all: [$user.id] } }
  - action: delete
    subject: Article
    conditions: { at: { $gt: '2026-01-01' } }
  - action: [read, update]
    subject: Article
    expose: true
    conditions: { status: draft }
`,
  })
  t.strictSame(packedRulesProblems(policy).map(({ place, message }) => [place, message]), [
    [{ file: 'author.yaml', line: 3, column: 5 }, '"expose: true" cannot be kept, because CASL in a browser cannot be told this condition: "at" is compared with a date, and in JSON a date is a text like any other'],
    [{ file: 'author.yaml', line: 7, column: 5 }, '"expose: true" cannot be kept, because CASL in a browser cannot be told this condition: "$all" of "members" can be said there only by a rule that allows, and not below "$not" or "$nor"'],
  ])
})

t.test('what CASL cannot be told is said in words', async (t) => {
  const many = Object.fromEntries(['a', 'b', 'c', 'd'].map((name) => [name, 'x']))
  const each: ReadonlyArray<readonly [Conditions, RegExp, boolean?]> = [
    [{ big: 2n ** 70n }, /"big" is compared with a number that JSON cannot hold/],
    [{ 'a.0': 'x' }, /CASL takes "0" in "a\.0" for something else than an attribute/],
    [{ 'a.length': 1 }, /"length"/],
    [{ toString: 'x' }, /"toString"/],
    [{ name: { $gte: '\u{1F600}' } }, /the order of texts beside "😀", with which "name" is compared, is another one there/u],
    [{ $nor: [{ tags: { $size: 1 } }] }, /"\$size" of "tags"/],
    [{ $or: [{ tags: { $size: 1 } }, { at: '2026-01-01' }] }, /"at" is compared with a date/],
    [many, /more than 128 rules of CASL/, true],
    [{ $and: [many, { $or: [many, { e: 'x' }] }] }, /more than 128/, true],
    [{ $or: Array.from({ length: 129 }, (_each, index) => ({ n: index })) }, /more than 128/],
  ]
  for (const [conditions, message, inverted = false] of each) {
    const [problem, ...others] = packedRulesProblems(policyOf({ role: 'member', rules: [exposed({ action: 'read', subject: 'Article', conditions, inverted })] }))
    t.match(problem?.message, message)
    t.match(problem?.message, /^member\/1: /, 'a policy written in TypeScript has no lines')
    t.strictSame(others, [])
  }
  t.strictSame(packedRulesProblems(policyOf({ role: 'member', rules: [exposed({ action: 'read', subject: 'Article' })] })), [])
})

const TENANTS = `
user: { tenant: tenantId, attributes: { tenantId: string } }
subjects:
  Article: { tenant: tenantId, attributes: { tenantId: string, at: string } }
`

t.test('one rule is told once, though it comes by roles, memberships and sets of users', async (t) => {
  const rules = 'rules:\n  - { action: read, subject: Article, expose: true, conditions: { at: 2026-01-01 } }\n'
  const policy = compiled({ 'subjects.yaml': TENANTS, 'member.yaml': `role: member\n${rules}`, 'editor.yaml': 'role: editor\ninherits: member\nrules: []\n', 'pro.yaml': `when: { tenantId: x }\n${rules}` })
  t.strictSame(packedRulesProblems(policy).map(({ place }) => place.file), ['member.yaml', 'pro.yaml'])
})

const ANY = [
  { role: 'member', rules: [exposed({ action: 'read', subject: 'Article', environment: { region: 'eu' } }), exposed({ action: 'update', subject: 'Article', environment: { region: 'us' }, inverted: true })] },
  { role: 'editor', rules: [exposed({ action: 'update', subject: 'Article', state: 'old' }), exposed({ action: 'delete', subject: 'Article', state: 'new' })] },
  { name: 'pro', when: { plan: 'pro' }, rules: [exposed({ action: 'export', subject: 'Article' }), exposed({ action: 'print', subject: 'Article', inverted: true })] },
  { breakGlass: 'fire', rules: [exposed({ action: 'evacuate', subject: 'all' })] },
]

function actionsOf (abilities: Abilities, user: object | null, roles: readonly string[], around: Around = {}): string[] {
  return packedRulesOf(abilities.of(user, roles, around)).map((rule) => `${rule[3] === 1 ? '!' : ''}${rule[0]}`)
}

t.test('a user gets the rules of the roles and sets that he has, as the environment is at that moment', async (t) => {
  const abilities = abilitiesOf(...ANY)
  const eu = { environment: { region: 'eu' } }
  t.strictSame(actionsOf(abilities, { plan: 'free' }, ['member'], eu), ['read'])
  t.strictSame(actionsOf(abilities, { plan: 'free' }, ['member'], { environment: { region: 'us' } }), ['!update'])
  t.strictSame(actionsOf(abilities, { plan: 'free' }, ['member']), ['!update'], 'where nobody knows the region, an inverted rule applies')
  t.strictSame(actionsOf(abilities, { plan: 'pro' }, ['member'], eu), ['export', 'read', '!print'])
  t.strictSame(actionsOf(abilities, {}, ['member'], eu), ['read', '!print'], 'nor whether he is in the set')
  t.strictSame(actionsOf(abilities, null, [], eu), [])
})

t.test('rules about what a record becomes, and those of an emergency, are left out', async (t) => {
  const abilities = abilitiesOf(...ANY)
  t.strictSame(actionsOf(abilities, { plan: 'free' }, ['editor']), ['update'])
  t.strictSame(actionsOf(abilities, { plan: 'free' }, ['editor'], { breakGlass: 'fire' }), ['update'])
})

t.test('a membership counts in its tenants', async (t) => {
  const policy = compiled({ 'subjects.yaml': TENANTS, 'member.yaml': 'role: member\nrules:\n  - { action: read, subject: Article, expose: true }\n' })
  const memberships = [{ tenant: 'aurora', roles: ['member'] }, { tenant: 'borealis', roles: ['member'] }]
  const can = browser(packedRulesOf(new Abilities(policy).of({}, [], { memberships })))
  t.strictSame(['aurora', 'borealis', 'atlantis'].map((tenantId) => can('read', { tenantId })), [true, true, false])
})

t.test('the same rules are the same text, whatever the order of roles', async (t) => {
  const policies = [
    { role: 'a', rules: [exposed({ action: 'read', subject: 'Article', conditions: { x: 1 } })] },
    { role: 'b', rules: [exposed({ action: 'read', subject: 'Article' }), exposed({ action: 'read', subject: 'Article', conditions: { x: 1 } })] },
  ]
  const packed = packedRulesOf(abilitiesOf(...policies).of({}, ['a', 'b']))
  t.strictSame(packedRulesOf(abilitiesOf(...policies).of({}, ['b', 'a'])), packed)
  t.equal(packed.length, 2, 'and each rule stands there once')
})

t.test('somebody who acts as another gets what both may', async (t) => {
  const rulesFor = (users: readonly RuleDefinition[], actors: readonly RuleDefinition[]): PackedRules =>
    packedRulesOf(new Impersonation(abilityOf(users.map(exposed)), abilityOf(actors.map(exposed), { id: 'ida' })))
  const article = { subject: 'Article' }
  t.strictSame(rulesFor([{ action: ['read', 'update'], ...article }], [{ action: ['update', 'delete'], subject: ['Article', 'Report'] }]), [['update', 'Article']])
  t.strictSame(rulesFor([{ action: 'manage', subject: 'all' }], [{ action: 'read', ...article }]), [['read', 'Article']])
  t.strictSame(rulesFor([{ action: 'read', ...article }], [{ action: 'manage', subject: 'all' }]), [['read', 'Article']])
  t.strictSame(rulesFor([{ action: 'read', ...article }], [{ action: 'update', ...article }]), [])
  t.strictSame(rulesFor([{ action: 'read', ...article }], [{ action: 'read', subject: 'Report' }]), [])
  t.strictSame(rulesFor([{ action: 'read', ...article }], []), [])
  t.strictSame(rulesFor([{ action: 'update', ...article }], [{ action: 'update', ...article, inverted: true }]), [['update', 'Article', 0, 1]])
  t.strictSame(rulesFor([{ action: 'update', fields: ['title', 'body', 'a*', 'x.*'], ...article }], [{ action: 'update', fields: ['body', 'a*', 'x', 'abc'], ...article }]).map((rule) => rule[4]), ['body,a*,x,abc'])
  t.strictSame(rulesFor([{ action: 'update', fields: ['title'], ...article }], [{ action: 'update', ...article }]).map((rule) => rule[4]), ['title'])
  t.strictSame(rulesFor([{ action: 'update', ...article }], [{ action: 'update', fields: 'title', ...article }]).map((rule) => rule[4]), ['title'])
  t.strictSame(rulesFor([{ action: 'update', fields: ['title'], ...article }], [{ action: 'update', fields: ['body'], ...article }]), [], 'no field in common')
  const many = { $or: Array.from({ length: 20 }, (_each, index) => ({ n: index })) }
  t.strictSame(rulesFor([{ action: 'read', ...article, conditions: many }], [{ action: 'read', ...article, conditions: many }]), [], 'what is too much to say is left out')
})

t.test('a condition that is not bound cannot be packed', async (t) => {
  t.throws(() => alternativesFor({ kind: 'compare', path: ['id'], operator: '$eq', operand: { from: 'user', path: ['id'] } }, false), TypeError)
})

t.test('authz R8: definePolicy knows "expose"', async (t) => {
  t.strictSame(policyOf(definePolicy({ role: 'member', rules: [{ action: 'read', subject: 'Article', expose: true }] })).roles.get('member')?.map((rule) => rule.exposed), [true])
})

/** Maps that are like lists and texts in what they have. */
const ARRAY_LIKE: readonly object[] = [{ length: 1 }, { length: 0 }, { length: -1 }, { length: null }, { length: '' }, { length: 'x' }, { length: true }, { length: [] }, { length: [null] }, { length: {} }, { 0: 'a', length: 1 }, { 0: 'a', 1: 'b', 14: 'c', length: 2 }]

t.test('a map that has a length is no text, and what is not known forbids', async (t) => {
  const conditions: Conditions[] = [{ x: 'a' }, { x: { $in: ['a', null] } }, { x: { $ne: 'a' } }, { x: { $lt: 'b' } }, { x: { $gt: 'zzz' } }, { x: null }, { x: { $in: ['a'], $lt: 5 } }, { x: { $in: ['a'], $gte: 5 } }, { x: { $in: ['a'], $lte: 'A' } }, { x: 5 }, { 'm.x': 'a' }, { x: 'a', y: 'b', z: 'c' }]
  for (const condition of conditions) {
    for (const said of [condition, { $not: condition }]) {
      for (const map of ARRAY_LIKE) {
        const ability = abilityOf([{ action: 'read', subject: 'Article', expose: true }, { action: 'read', subject: 'Article', conditions: said, inverted: true, expose: true }])
        t.strictSame(packedRulesProblems(ability.policy), [])
        const record = { x: map, y: map, z: map, m: { x: map } }
        const isSaid = browser(packedRulesOf(ability))('read', record)
        t.equal(isSaid, ability.allows('read', 'Article', record), JSON.stringify([said, map]))
      }
    }
  }
  for (const text of ['', 'a', '[object Object]', '[object Object', '[object Object!', '[object Object\\', 'b']) {
    const ability = abilityOf([{ action: 'read', subject: 'Article', expose: true }, { action: 'read', subject: 'Article', conditions: { x: 'a' }, inverted: true, expose: true }])
    t.equal(browser(packedRulesOf(ability))('read', { x: text }), text !== 'a', 'a text stays a text')
  }
})

t.test('a list of all of nothing is a list', async (t) => {
  const rules: RuleDefinition[] = [{ action: 'read', subject: 'Article', conditions: { 'x.k': { $all: '$user.v1' } }, expose: true }, { action: 'update', subject: 'Article', conditions: { k: { $all: '$user.v1' } }, expose: true }]
  const ability = abilityOf(rules, { v1: [] })
  const can = browser(packedRulesOf(ability))
  for (const k of [[], [1], ['a', null], 'a', {}, { length: 0 }, 5, null, undefined]) {
    for (const record of [{ k, x: { k } }, { k, x: [] }, { k, x: [{ k }] }, { k, x: 'k' }]) {
      for (const action of ['read', 'update']) t.equal(can(action, record), ability.allows(action, 'Article', record), JSON.stringify([action, record]))
    }
  }
  t.equal(ability.allows('read', 'Article', { x: { k: [] } }), true)
})
