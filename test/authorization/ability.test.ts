import assert from 'node:assert/strict'
import t from 'tap'
import fc from 'fast-check'
import { Abilities } from '../../lib/authorization/abilities.ts'
import type { RequestAbility } from '../../lib/authorization/ability.ts'
import { abilitiesOf, abilityOf, policyOf } from './abilities.ts'

const WRONG_POLICY = { code: 'FST_GATEHOUSE_POLICY' }
const anyArticle = { id: 1, title: 'Sums' }

t.test('authz T1: a check on a type says only that it could ever be allowed; a record decides', async (t) => {
  const ability = abilityOf([{ action: 'read', subject: 'Post', conditions: { authorId: '$user.id' } }])
  t.equal(ability.ever('read', 'Post'), true)
  t.equal(ability.allows('read', 'Post', { authorId: 'grace' }), false)
  t.equal(ability.allows('read', 'Post', { authorId: 'ada' }), true)
})

t.test('roles are told apart whose names run together to the same text, in whatever order somebody asks first', (t) => {
  const roles = ['ab', 'c', 'a', 'bc', 'abc']
  for (const sets of [[['ab', 'c'], ['a', 'bc'], ['abc']], [['abc'], ['a', 'bc'], ['ab', 'c']]]) {
    const abilities = abilitiesOf(...roles.map((role) => ({ role, rules: [{ action: 'read', subject: role.toUpperCase() }] })))
    for (const set of sets) {
      const ability = abilities.of({ id: 'ada' }, set)
      t.same(roles.filter((role) => ability.ever('read', role.toUpperCase())).sort(), [...set].sort())
    }
  }
  t.end()
})

t.test('authz T2: an unknown operator stops the start, in an inverted rule most of all', async (t) => {
  for (const conditions of [{ level: { $gtt: 5 } }, { $nand: [{ a: 1 }] }, { level: { $gt: 5, $gtt: 1 } }, { level: { $in: 5 } }]) {
    for (const inverted of [true, false]) {
      t.throws(() => policyOf({ role: 'member', rules: [{ action: 'read', subject: 'Post', inverted, conditions }] }), WRONG_POLICY, JSON.stringify(conditions))
    }
  }
})

t.test('authz T2: a logical operator in an inverted rule forbids', async (t) => {
  const rules = (conditions: object) => [{ action: 'read', subject: 'Post' }, { action: 'read', subject: 'Post', inverted: true, conditions }]
  const or = abilityOf(rules({ $or: [{ secret: true }, { draft: true }] }) as never)
  t.equal(or.allows('read', 'Post', { secret: true, draft: false }), false)
  t.equal(or.allows('read', 'Post', { secret: false, draft: false }), true)
  const not = abilityOf(rules({ $not: { open: true } }) as never)
  t.equal(not.allows('read', 'Post', { open: false }), false)
  t.equal(not.allows('read', 'Post', { open: true }), true)
})

t.test('authz T3: an empty condition, and one whose value is lost, stop the start', async (t) => {
  for (const conditions of [{}, { tenantId: undefined }, { tenantId: {} }]) {
    t.throws(() => policyOf({ role: 'member', rules: [{ action: 'read', subject: 'Post', conditions }] }), WRONG_POLICY)
  }
})

t.test('authz T3: where the user lacks a value, the allowing rule does not apply and the inverted rule does', async (t) => {
  const rules = [
    { action: 'read', subject: 'Post', conditions: { tenantId: '$user.tenantId' } },
    { action: 'read', subject: 'Note' },
    { action: 'read', subject: 'Note', inverted: true, conditions: { tenantId: '$user.tenantId' } },
  ]
  for (const user of [{}, { tenantId: undefined }, { tenantId: null }, { tenantId: {} }, { tenantId: NaN }]) {
    const ability = abilityOf(rules, user)
    t.equal(ability.allows('read', 'Post', {}), false)
    t.equal(ability.allows('read', 'Post', { tenantId: null }), false)
    t.equal(ability.allows('read', 'Note', { tenantId: 't2' }), false)
    t.same(ability.lacking.map(({ rule, of, path }) => [rule.id, of, path?.join('.')]), [['member/1', 'user', 'tenantId'], ['member/3', 'user', 'tenantId']])
  }
})

t.test('authz T4: a misspelt key, a rule without a subject and an empty subject stop the start', async (t) => {
  t.throws(() => policyOf({ role: 'member', rules: [{ action: 'read', subject: 'Post', condition: { a: 1 } }] }), { message: /"condition".*Did you mean "conditions"\?/ })
  t.throws(() => policyOf({ role: 'member', rules: [{ action: 'read' }] }), WRONG_POLICY)
  t.throws(() => policyOf({ role: 'member', rules: [{ action: 'read', subject: '' }] }), WRONG_POLICY)
  t.throws(() => policyOf({ role: 'member', rules: [{ action: '', subject: 'Post' }] }), WRONG_POLICY)
})

t.test('authz T5: a missing attribute, and one of another type, is not less than anything', async (t) => {
  for (const level of [undefined, null, 'abc', NaN, '1', {}, [1], true]) {
    const ability = abilityOf([{ action: 'read', subject: 'Post', conditions: { level: { $lt: 5 } } }])
    t.equal(ability.allows('read', 'Post', { level }), false, String(level))
    t.same(ability.lacking.map(({ rule, of }) => [rule.id, of]), [['member/1', 'record']], 'and the log learns of it')
  }
  t.equal(abilityOf([{ action: 'read', subject: 'Post', conditions: { level: { $lt: 5 } } }]).allows('read', 'Post', { level: 4 }), true)
})

t.test('authz T6: an inverted rule about a relation that was not loaded forbids', async (t) => {
  const rules = [{ action: 'read', subject: 'Post' }, { action: 'read', subject: 'Post', inverted: true, conditions: { 'org.locked': true } }]
  for (const post of [{}, { org: null }, { org: {} }, { org: 'x' }, { org: [{ locked: false }] }]) {
    t.equal(abilityOf(rules).allows('read', 'Post', post), false, JSON.stringify(post))
  }
  t.equal(abilityOf(rules).allows('read', 'Post', { org: { locked: false } }), true)
  const notEqual = [{ action: 'read', subject: 'Post', conditions: { status: { $ne: 'locked' } } }]
  t.equal(abilityOf(notEqual).allows('read', 'Post', {}), false)
  t.equal(abilityOf(notEqual).allows('read', 'Post', { status: 'open' }), true)
})

t.test('authz T7: a record never names its own type', async (t) => {
  const ability = abilityOf([{ action: 'read', subject: 'PublicNote' }])
  for (const text of ['{"__caslSubjectType__":"PublicNote"}', '{"constructor":{"name":"PublicNote"}}', '{"constructor":{"modelName":"PublicNote"}}', '{"type":"PublicNote","kind":"PublicNote"}']) {
    t.equal(ability.allows('read', 'SecretNote', JSON.parse(text)), false, text)
  }
  t.equal(ability.allows('read', 'PublicNote', Object.freeze(Object.assign(Object.create(null), { a: 1 }))), true, 'a frozen record without a prototype is as good as any')
})

t.test('authz T7: whatever a record holds, a rule for another type does not apply to it', async (t) => {
  const ability = abilityOf([{ action: 'manage', subject: 'PublicNote' }])
  fc.assert(fc.property(fc.object({ withNullPrototype: true }), fc.string(), (record, action) => {
    assert.equal(ability.allows(action, 'SecretNote', record), false)
    assert.equal(ability.decisive(action, 'SecretNote', record), null)
  }))
  t.pass()
})

t.test('authz T12: any inverted rule beats every allowing one, in whatever order rules, roles and files come', async (t) => {
  const rules = [
    { action: 'read', subject: 'Post' },
    { action: 'manage', subject: 'all' },
    { action: 'update', subject: 'Post', inverted: true, conditions: { status: 'archived' } },
    { action: 'delete', subject: 'Post', inverted: true },
  ]
  fc.assert(fc.property(fc.shuffledSubarray(rules, { minLength: 4 }), fc.array(fc.nat(1), { minLength: 4, maxLength: 4 }), fc.boolean(), (shuffled, sides, swapped) => {
    const files = [0, 1].map((side) => ({ role: `role${side}`, rules: shuffled.filter((_, index) => sides[index] === side) })).filter(({ rules }) => rules.length > 0)
    const roles = files.map(({ role }) => role)
    const ability = abilitiesOf(...(swapped ? files.toReversed() : files)).of({ id: 'ada' }, swapped ? roles : roles.toReversed())
    assert.equal(ability.allows('read', 'Post', {}), true)
    assert.equal(ability.allows('update', 'Post', { status: 'open' }), true)
    assert.equal(ability.allows('update', 'Post', { status: 'archived' }), false)
    assert.equal(ability.allows('update', 'Post', {}), false)
    assert.equal(ability.allows('delete', 'Post', {}), false)
    assert.equal(ability.ever('delete', 'Post'), false)
  }), { numRuns: 60 })
  t.pass()
})

t.test('authz T13: names with commas are names, and what JSON cannot hold stops the start', async (t) => {
  const named = () => abilityOf([{ action: 'read,write', subject: 'Post,Note' }])
  let ability
  try {
    ability = named()
  } catch (error) {
    t.match(error, WRONG_POLICY)
  }
  t.notOk(ability?.allows('read', 'Post', {}))
  t.notOk(ability?.allows('write', 'Note', {}))
  for (const value of [/x/, new Date(), () => 1, Symbol('x')]) {
    t.throws(() => policyOf({ role: 'member', rules: [{ action: 'read', subject: 'Post', conditions: { a: value } }] }), WRONG_POLICY)
  }
})

t.test('authz T14: a pattern in a condition stops the start', async (t) => {
  t.throws(() => policyOf({ role: 'member', rules: [{ action: 'read', subject: 'Post', conditions: { a: { $regex: '^(a+)+$' } } }] }), { message: /\$regex.*refused/ })
})

t.test('authz T16: nothing is converted, and a number is a number in either form', async (t) => {
  const ability = abilityOf([{ action: 'read', subject: 'Post', conditions: { ownerId: '$user.id' } }], { id: 1 })
  t.equal(ability.allows('read', 'Post', { ownerId: '1' }), false)
  t.equal(ability.allows('read', 'Post', { ownerId: 1n }), true)
  t.equal(ability.allows('read', 'Post', { ownerId: true }), false)
})

t.test('roles that the policy does not know count for nothing; without any the user is as anyone', async (t) => {
  const abilities = abilitiesOf({ role: 'anonymous', rules: [{ action: 'read', subject: 'Post' }] }, { role: 'editor', rules: [{ action: 'update', subject: 'Post' }] })
  for (const roles of [[], ['constructor'], ['Editor'], ['__proto__']]) {
    t.equal(abilities.of({}, roles).ever('read', 'Post'), true)
    t.equal(abilities.of({}, roles).ever('update', 'Post'), false)
  }
  t.equal(abilities.of(null, []).ever('read', 'Post'), true)
  t.equal(abilities.of({}, ['editor', 'editor', 'nobody']).ever('update', 'Post'), true)
  t.equal(abilities.of({}, ['editor']).ever('read', 'Post'), true, 'every role inherits anonymous')
})

t.test('the roles of a user are his own and all that they inherit, each once', async (t) => {
  const abilities = abilitiesOf({ role: 'reader' }, { role: 'author', inherits: 'reader' }, { role: 'editor', inherits: ['author', 'reader'] })
  t.same(abilities.inherited(['editor', 'stranger']).toSorted(), ['anonymous', 'author', 'editor', 'reader', 'stranger'])
  t.same(abilities.inherited([]), [])
})

t.test('a policy for a set of users applies to those in it, by whatever role', async (t) => {
  const abilities = abilitiesOf({
    name: 'pro',
    when: { plan: 'pro' },
    rules: [{ action: 'read', subject: 'Analytics' }, { action: 'export', subject: 'Analytics', conditions: { ownerId: '$user.id' } }],
  })
  t.equal(abilities.of({ plan: 'pro', id: 1 }, []).allows('export', 'Analytics', { ownerId: 1 }), true)
  t.equal(abilities.of({ plan: 'free' }, []).ever('read', 'Analytics'), false)
  t.equal(abilities.of(null, []).ever('read', 'Analytics'), false)
})

t.test('law 11: of a user who lacks what a policy asks about, only the inverted rules apply, and the log says so', async (t) => {
  const abilities = abilitiesOf(
    { role: 'member', rules: [{ action: 'read', subject: 'Post' }] },
    { name: 'trial', when: { plan: '$user.offer' }, rules: [{ action: 'update', subject: 'Post' }, { action: 'read', subject: 'Post', inverted: true }] },
    { name: 'minor', when: { age: { $lt: 18 } }, rules: [{ action: 'read', subject: 'Post', inverted: true, conditions: { adult: true } }] }
  )
  const ability = abilities.of({ plan: 'pro' }, ['member'])
  t.equal(ability.ever('update', 'Post'), false)
  t.equal(ability.allows('read', 'Post', { adult: false }), false)
  t.same(ability.lacking.map(({ rule, of }) => [rule.id, of]), [['trial/2', 'user'], ['minor/1', 'user']])
})

t.test('the rule that decides is known, with the place where it stands', async (t) => {
  const ability = abilityOf([{ action: 'read', subject: 'Post', fields: ['title', 'body'] }, { action: 'read', subject: 'Post', inverted: true, fields: 'body' }])
  t.equal(ability.decisive('read', 'Post')?.id, 'member/1')
  t.equal(ability.decisive('read', 'Post', anyArticle)?.id, 'member/1')
  t.equal(ability.decisive('update', 'Post'), null)
  t.equal(ability.allows('read', 'Post', anyArticle, 'title'), true)
  t.equal(ability.allows('read', 'Post', anyArticle, 'body'), false)
  t.equal(ability.limitsFields('read', 'Post'), true)
  t.equal(ability.limitsFields('update', 'Post'), false)
})

t.test('authz T10: an inverted rule limited to fields limits them, also where the allowing one is not', async (t) => {
  const ability = abilityOf([{ action: 'update', subject: 'Post' }, { action: 'update', subject: 'Post', fields: 'status', inverted: true }])
  t.equal(ability.limitsFields('update', 'Post'), true)
  t.equal(ability.limitsFields('read', 'Post'), false)
})

t.test('of a type the rule decides that allows some record, or forbids every one', async (t) => {
  const rules = [
    { action: 'read', subject: 'Post', conditions: { teamId: '$user.team' } },
    { action: 'update', subject: 'Post' },
    { action: 'update', subject: 'Post', inverted: true, conditions: { locked: true } },
    { action: 'update', subject: 'Post', inverted: true, conditions: { teamId: '$user.team' } },
  ]
  const member = abilityOf(rules, { team: 't1' })
  t.equal(member.decisive('read', 'Post')?.id, 'member/1')
  t.equal(member.decisive('update', 'Post')?.id, 'member/2')
  const lone = abilityOf(rules, {})
  t.equal(lone.decisive('read', 'Post'), null)
  t.equal(lone.ever('read', 'Post'), false)
  t.equal(lone.decisive('update', 'Post')?.id, 'member/4', 'law 11')
  t.equal(lone.ever('update', 'Post'), false)
})

t.test('no names of roles, however they are spelt, are taken for another set of roles', async (t) => {
  const names = ['a', 'b', 'a,b', 'a;', ';yes', ',']
  for (const name of names.slice(2)) {
    let abilities
    try {
      abilities = abilitiesOf({ role: 'a' }, { role: 'b' }, { role: name, rules: [{ action: 'manage', subject: 'all' }] })
    } catch (error) {
      t.match(error, WRONG_POLICY, 'such a name stops the start')
      continue
    }
    t.equal(abilities.of({}, [name]).ever('read', 'Post'), true)
    for (const roles of [['a', 'b'], ['b', 'a'], ['a'], []]) t.equal(abilities.of({}, roles).ever('read', 'Post'), false, `${name} is not ${roles.join(' and ')}`)
  }
})

t.test('however many sets of roles users have, each has its own rules', async (t) => {
  const names = Array.from({ length: 11 }, (_, index) => `role${index}`)
  const abilities = abilitiesOf(...names.map((role) => ({ role, rules: [{ action: role, subject: 'Post' }] })))
  for (let round = 0; round < 2; round++) {
    for (let set = 1; set < 2 ** names.length; set++) {
      const roles = names.filter((_, index) => (set >> index) % 2 === 1)
      const ability = abilities.of({}, roles)
      const may = names.filter((name) => ability.ever(name, 'Post'))
      assert.deepEqual(may, roles)
    }
  }
  t.pass()
})

/** Asked for the rules of a role only where an ability is made. */
class CountedRoles<V> extends Map<string, V> {
  asked = 0
  override get (role: string): V | undefined {
    this.asked++
    return super.get(role)
  }
}

function countedAbilities (names: readonly string[]) {
  const policy = policyOf(...names.map((role) => ({ role, rules: [{ action: role, subject: 'Post' }] })))
  const counted = new CountedRoles(policy.roles)
  const abilities = new Abilities({ ...policy, roles: counted })
  return function isBuiltFor (roles: readonly string[]): boolean {
    const before = counted.asked
    abilities.of({}, roles)
    return counted.asked > before
  }
}

t.test('a role that is named again makes no other set, and in another order the same is allowed', async (t) => {
  const names = ['a', 'b', 'c', 'd']
  const rules = (role: string) => [
    { action: ['read', role], subject: 'Post', conditions: { of: role } },
    { action: ['read', 'list'], subject: 'Post', inverted: true, conditions: { not: role }, code: `not_${role}` },
  ]
  const abilities = abilitiesOf(...names.map((role) => ({ role, rules: rules(role) })))
  const value = fc.constantFrom(...names, undefined)
  const list = fc.array(fc.constantFrom(...names, 'unknown'), { maxLength: 8 })
  fc.assert(fc.property(list, fc.record({ of: value, not: value }, { requiredKeys: [] }), fc.constantFrom('read', 'list', ...names), (roles, record, action) => {
    const once = [...new Set(roles)]
    const [given, plain, sorted] = [roles, once, once.toSorted()].map((some) => abilities.of({}, some)) as [RequestAbility, RequestAbility, RequestAbility]
    for (const other of [plain, sorted]) {
      assert.equal(given.allows(action, 'Post', record), other.allows(action, 'Post', record))
      assert.equal(given.ever(action, 'Post'), other.ever(action, 'Post'))
      assert.equal(given.decisive(action, 'Post', record)?.inverted, other.decisive(action, 'Post', record)?.inverted)
    }
    assert.equal(given.decisive(action, 'Post', record), plain.decisive(action, 'Post', record))
    assert.deepEqual(given.candidates(action, 'Post'), plain.candidates(action, 'Post'))
  }))
  const isBuiltFor = countedAbilities(names)
  t.equal(isBuiltFor(['a', 'b']), true)
  for (const roles of [['a', 'b', 'a'], ['a', 'a', 'b', 'b'], ['a', 'unknown', 'b', 'unknown']]) t.equal(isBuiltFor(roles), false, roles.join())
})

t.test('of two rules that forbid alike the one of the role that comes last is told, whatever set was asked before', async (t) => {
  const abilities = abilitiesOf(...['a', 'b'].map((role) => ({ role, rules: [{ action: 'read', subject: 'Post', inverted: true, code: `from_${role}` }] })))
  for (const [roles, code] of [['ab', 'from_b'], ['ba', 'from_a'], ['aba', 'from_b'], ['bab', 'from_a'], ['ab', 'from_b']] as const) {
    t.equal(abilities.of({}, [...roles]).decisive('read', 'Post', {})?.code, code, roles)
  }
})

t.test('however many sets of roles came, one that comes again is kept again, of the last 1,000 none is forgotten, and no more than 2,000 are kept', async (t) => {
  const names = Array.from({ length: 13 }, (_, index) => `role${index}`)
  const sets = Array.from({ length: 5_000 }, (_, set) => names.filter((_, index) => ((set + 1) >> index) % 2 === 1))
  const isBuiltFor = countedAbilities(names)
  for (const roles of sets) isBuiltFor(roles)
  t.equal(isBuiltFor(['role0']), true, 'what came first was forgotten')
  t.equal(isBuiltFor(['role0']), false)
  const kept = sets.toReversed().filter((roles) => !isBuiltFor(roles)).length
  t.ok(kept >= 999 && kept <= 2_000, `${kept} were kept`)
})

t.test('the field without a name is a field, which no rule about fields names', async (t) => {
  const ability = abilityOf([{ action: 'read', subject: 'Post', fields: ['title'] }])
  t.equal(ability.allows('read', 'Post', {}, ''), false)
  t.equal(ability.decisive('read', 'Post', {}, 'old', ''), null)
})

t.test('authz T21: an ability is never shared: what one lacks, another does not', async (t) => {
  const abilities = abilitiesOf({ role: 'member', rules: [{ action: 'read', subject: 'Post', conditions: { a: 1 } }] })
  const [one, other] = [abilities.of({}, ['member']), abilities.of({}, ['member'])]
  t.equal(one.allows('read', 'Post', {}), false)
  t.equal(one.lacking.length, 1)
  t.equal(other.lacking.length, 0)
})
