import assert from 'node:assert/strict'
import t from 'tap'
import fc from 'fast-check'
import { can, role } from '../../lib/routes/access.ts'
import { Abilities } from '../../lib/authorization/abilities.ts'
import { decide, type Asker, type Evidence } from '../../lib/authorization/decision.ts'
import { keeps, listFilter, recordFilter } from '../../lib/authorization/filter.ts'
import { membershipMistakes, membershipsIn, type Membership } from '../../lib/authorization/membership.ts'
import { resource } from '../../lib/authorization/resource.ts'
import { bind } from '../../lib/policies/bind.ts'
import type { Condition } from '../../lib/policies/condition.ts'
import { compiled, type Files } from '../policies/sources.ts'

const SUBJECTS = `user:
  tenant: tenantId
  attributes: { id: string, tenantId: string }
subjects:
  Doc: { tenant: tenantId, attributes: { tenantId: string, ownerId: string, secret: boolean } }
  Page: { tenant: 'org.id', attributes: { org: object, 'org.id': string, secret: boolean } }
  Setting: { attributes: { name: string } }
`

const POLICIES: Files = {
  'subjects.yaml': SUBJECTS,
  'anonymous.yaml': 'role: anonymous\nrules: [{ action: look, subject: Setting }, { action: look, subject: Doc, crossTenant: true }]\n',
  'reader.yaml': 'role: reader\nrules: [{ action: read, subject: [Doc, Page] }]\n',
  'editor.yaml': `role: editor
inherits: reader
rules:
  - { action: update, subject: Doc, conditions: { ownerId: $user.id } }
  - { action: publish, subject: Doc, crossTenant: true }
  - { action: update, subject: Setting }
  - { action: audit, subject: all, crossTenant: true }
`,
  'guest.yaml': 'role: guest\nrules: [{ action: [read, publish], subject: [Doc, Page], inverted: true, conditions: { secret: true }, code: not_for_guests }]\n',
  'root.yaml': 'role: root\nrules: [{ action: manage, subject: all, crossTenant: true }]\n',
}

const abilities = new Abilities(compiled(POLICIES))

function member (memberships: unknown, roles: readonly string[] = [], user: object = { id: 'ada', tenantId: 'home' }) {
  return abilities.of(user, roles, { memberships: membershipsIn(memberships) })
}

const editorOfA = [{ tenant: 'a', roles: ['editor'] }]

t.test('a role by a membership is held in its tenant, and nowhere else', async (t) => {
  const ability = member(editorOfA)
  t.equal(ability.allows('read', 'Doc', { tenantId: 'a' }), true, 'also what the role inherits')
  t.equal(ability.allows('read', 'Page', { org: { id: 'a' } }), true, 'where the subject keeps its tenant elsewhere too')
  t.equal(ability.allows('update', 'Doc', { tenantId: 'a', ownerId: 'ada' }), true)
  t.equal(ability.allows('update', 'Doc', { tenantId: 'a', ownerId: 'grace' }), false, 'the conditions of its rules still hold')
  for (const tenantId of ['b', 'home', 'A', '', undefined, null, ['a'], { a: 1 }, 7]) t.equal(ability.allows('read', 'Doc', { tenantId }), false, JSON.stringify(tenantId))
  t.equal(ability.allows('read', 'Page', { 'org.id': 'a', org: null }), false)
})

t.test('a rule marked crossTenant does not cross by a membership', async (t) => {
  const ability = member(editorOfA)
  t.equal(ability.allows('publish', 'Doc', { tenantId: 'a' }), true)
  t.equal(ability.allows('publish', 'Doc', { tenantId: 'b' }), false)
  t.equal(ability.allows('publish', 'Doc', {}), false)
  t.equal(member([], ['editor']).allows('publish', 'Doc', { tenantId: 'b' }), true, 'it does for whoever has the role everywhere')
})

t.test('what belongs to no tenant is nobody\'s by a membership', async (t) => {
  const ability = member([{ tenant: 'a', roles: ['editor', 'root'] }])
  for (const record of [{}, { name: 'x' }, { tenantId: 'a' }]) t.equal(ability.allows('update', 'Setting', record), false)
  t.equal(ability.allows('audit', 'Doc', { tenantId: 'a' }), false, 'nor what a rule for every subject gives: not all of them have a tenant')
  t.equal(ability.ever('manage', 'Doc'), false)
  t.equal(ability.allows('look', 'Setting', {}), true, 'what anybody may stays')
  t.equal(ability.allows('look', 'Doc', { tenantId: 'b' }), true)
})

t.test('what a role forbids is forbidden to its members in their tenant, and not in others', async (t) => {
  const ability = member([{ tenant: 'a', roles: ['guest'] }], ['editor'], { id: 'ada', tenantId: 'b' })
  t.equal(ability.allows('publish', 'Doc', { tenantId: 'a', secret: true }), false)
  t.equal(ability.allows('publish', 'Doc', { tenantId: 'a', secret: false }), true)
  t.equal(ability.allows('publish', 'Doc', { tenantId: 'b', secret: true }), true)
  t.equal(ability.allows('publish', 'Doc', { tenantId: 'a' }), false, 'law 11: whether it is secret is not known')
  t.equal(ability.allows('publish', 'Doc', { secret: true }), false, 'law 11: whose it is is not known')
  t.equal(ability.decisive('publish', 'Doc', { tenantId: 'a', secret: true })?.id, 'guest@tenant/1:Doc')
})

t.test('roles of several tenants stay apart', async (t) => {
  const ability = member([{ tenant: 'a', roles: ['editor'] }, { tenant: 'b', roles: ['reader'] }, { tenant: 'a', roles: ['guest'] }])
  t.equal(ability.allows('read', 'Doc', { tenantId: 'b', secret: true }), true, 'a guest of a is no guest of b')
  t.equal(ability.allows('update', 'Doc', { tenantId: 'b', ownerId: 'ada' }), false)
  t.equal(ability.allows('update', 'Doc', { tenantId: 'a', ownerId: 'ada' }), true)
  t.equal(ability.allows('read', 'Doc', { tenantId: 'a', secret: true }), false)
  const swapped = member([{ tenant: 'b', roles: ['editor', 'guest'] }, { tenant: 'a', roles: ['reader'] }])
  t.equal(swapped.allows('update', 'Doc', { tenantId: 'b', ownerId: 'ada' }), true, 'nothing of a user is kept with the rules of his roles')
  t.equal(swapped.allows('update', 'Doc', { tenantId: 'a', ownerId: 'ada' }), false)
})

t.test('a tenant is the value itself: a number is not its text', async (t) => {
  t.equal(member([{ tenant: 7, roles: ['reader'] }]).allows('read', 'Doc', { tenantId: 7 }), true)
  t.equal(member([{ tenant: 7, roles: ['reader'] }]).allows('read', 'Doc', { tenantId: 7n }), true)
  t.equal(member([{ tenant: 7, roles: ['reader'] }]).allows('read', 'Doc', { tenantId: '7' }), false)
  t.equal(member([{ tenant: '7', roles: ['reader'] }]).allows('read', 'Doc', { tenantId: 7 }), false)
  t.equal(member([{ tenant: '7', roles: ['reader'] }, { tenant: 8, roles: ['reader'] }]).allows('read', 'Doc', { tenantId: '7' }), true)
})

t.test('hostile memberships count for nothing', async (t) => {
  const odd: unknown[] = [undefined, null, 'a', 7, true, {}, { tenant: 'a', roles: ['editor'] }, [null], ['editor'], [['a', ['editor']]], [{ roles: ['editor'] }], [{ tenant: 'a' }],
    [{ tenant: 'a', roles: 'editor' }], [{ tenant: 'a', roles: { 0: 'editor', length: 1 } }], [{ tenant: 'a', roles: [['editor'], { toString: () => 'editor' }, null, 7] }],
    [{ tenant: '', roles: ['editor'] }], [{ tenant: null, roles: ['editor'] }], [{ tenant: undefined, roles: ['editor'] }], [{ tenant: NaN, roles: ['editor'] }], [{ tenant: Infinity, roles: ['editor'] }],
    [{ tenant: ['a'], roles: ['editor'] }], [{ tenant: { $ne: 'x' }, roles: ['editor'] }], [{ tenant: true, roles: ['editor'] }], [{ tenant: 'a', roles: ['nobody', '__proto__', 'constructor', 'anonymous'] }]]
  for (const memberships of odd) {
    const ability = member(memberships)
    for (const tenantId of ['a', '', null, undefined, true, NaN, 'x']) t.equal(ability.allows('read', 'Doc', { tenantId }), false, JSON.stringify([memberships, tenantId]))
    t.equal(ability.allows('look', 'Setting', {}), true, 'and harm nobody')
  }
  t.same(membershipsIn([{ tenant: 'a', roles: ['x', 7] }, { tenant: 0, roles: [], extra: 1 }, null]), [{ tenant: 'a', roles: ['x'] }, { tenant: 0, roles: [] }])
})

t.test('what counts for nothing is told, without any tenant', async (t) => {
  const told = (given: unknown) => membershipMistakes(given, abilities.policy)
  for (const given of [undefined, null, [], [{ tenant: 'a', roles: [] }], [{ tenant: 7, roles: ['editor', 'anonymous'], since: 2026 }]]) t.strictSame(told(given), [], JSON.stringify(given))
  for (const given of [{ a: ['editor'] }, 'a', 7, Promise.resolve([])]) t.strictSame(told(given), ['memberships are no list'])
  t.strictSame(told([{ tenant: 'a', roles: ['editor'] }, { roles: ['editor'] }, { tenant: { a: 1 }, roles: ['editor'] }]), ['memberships[1] has no tenant', 'memberships[2] has no tenant'])
  t.strictSame(told([{ tenant: 'a', role: 'editor' }, { tenant: 'a', roles: 'editor' }]), ['memberships[0] has no list of roles', 'memberships[1] has no list of roles'])
  t.strictSame(told([{ tenant: 'a', roles: ['editor', 'edtor', 'x'] }, { tenant: 'a', roles: [7] }]), ['memberships[0] has the role "edtor", which no policy defines', 'memberships[1] has a role that is no name'])
  t.strictSame(told(['a', null]), ['memberships[0] has no tenant', 'memberships[0] has no list of roles', 'memberships[1] has no tenant', 'memberships[1] has no list of roles'])
  const many = told(Array(10_000).fill(null))
  t.equal(many.length, 5)
  t.ok(told([{ tenant: 'a', roles: ['x'.repeat(10_000)] }])[0]?.length as number < 150)
})

t.test('a role by a membership is no role of the user\'s own', async (t) => {
  const ability = member(editorOfA)
  const asker: Asker = { user: { id: 'ada' }, roles: abilities.inherited([]), signIn: { scopes: [], acr: null, authTime: null }, ability, now: 0 }
  t.match(decide(role('editor').requirement, asker, NOTHING), { kind: 'no', as: 'forbidden' })
})

const NOTHING: Evidence = { records: new Map(), written: [], nexts: new Map() }

t.test('authz T1: in some tenants is not on the subject as a whole', async (t) => {
  const files = { 'subjects.yaml': SUBJECTS, 'editor.yaml': 'role: editor\nrules: [{ action: export, subject: Doc, crossTenant: true }]\n', 'guest.yaml': 'role: guest\nrules: [{ action: export, subject: Doc, inverted: true }]\n' }
  const abilities = new Abilities(compiled(files))
  const ruling = (roles: readonly string[], memberships: readonly Membership[]) => {
    const ability = abilities.of({ id: 'ada', tenantId: 'a' }, roles, { memberships })
    return decide(can('export', 'Doc').requirement, { user: {}, roles: [], signIn: null, ability, now: 0 }, NOTHING)
  }
  t.match(ruling(['editor'], []), { kind: 'yes', rule: { id: 'editor/1' } })
  t.match(ruling([], editorOfA), { kind: 'no', as: 'forbidden', rule: null, reason: 'rule editor@tenant/1 allows "export" on some Doc only' })
  t.match(ruling(['editor'], [{ tenant: 'a', roles: ['guest'] }]), { kind: 'no', as: 'forbidden' }, 'what is forbidden in one tenant is forbidden on the whole')
  t.match(ruling(['editor'], editorOfA), { kind: 'yes' })
})

t.test('the list of a member holds the records of his tenants', async (t) => {
  const doc = resource('Doc')
  const ability = member([{ tenant: 'a', roles: ['editor'] }, { tenant: 7, roles: ['reader'] }], ['reader'])
  t.match(decide(can('read', doc.list).requirement, { user: {}, roles: [], signIn: null, ability, now: 0 }, NOTHING), { kind: 'yes' })
  const filter = listFilter(ability, 'read', 'Doc', false)
  for (const [tenantId, kept] of [['a', true], [7, true], ['home', true], ['7', false], ['b', false], [undefined, false], [null, false]] as const) t.equal(keeps(filter, { tenantId }), kept, String(tenantId))
})

t.test('roles whose names hold signs of punctuation are not taken for one another', async (t) => {
  const names = ['a', '@a', 'a!fire', ';yes', '!fire', 'b@a']
  const files = Object.fromEntries([
    ...names.map((name, index) => [`${index}.yaml`, `role: "${name}"\nrules: [{ action: r${index}, subject: Doc }]\n`]),
    ['subjects.yaml', SUBJECTS],
    ['fire.yaml', 'breakGlass: fire\nrules: [{ action: douse, subject: Doc }]\n'],
  ]) as Files
  const policy = compiled(files)
  // One `Abilities` for all, so that what it keeps for one is asked for another.
  const kept = new Abilities(policy)
  const some = fc.subarray(names)
  fc.assert(fc.property(fc.array(fc.tuple(some, some, fc.boolean()), { minLength: 1, maxLength: 6 }), (users) => {
    for (const [roles, held, emergency] of users) {
      const around = { memberships: [{ tenant: 'a', roles: held }], breakGlass: emergency ? 'fire' : null }
      const ability = kept.of({ tenantId: 'a' }, roles, around)
      for (const [index, name] of names.entries()) assert.equal(ability.allows(`r${index}`, 'Doc', { tenantId: 'a' }), roles.includes(name) || held.includes(name))
      assert.equal(ability.allows('douse', 'Doc', { tenantId: 'a' }), emergency)
    }
  }))
  t.pass()
})

t.test('without memberships the tenants of a role are none', async (t) => {
  const condition: Condition = { kind: 'compare', path: ['tenantId'], operator: '$in', operand: { from: 'memberships', role: 'editor' } }
  t.same(bind(condition, {}), { kind: 'bound', condition: { ...condition, operand: { from: 'literal', value: [] } } })
})

const tenant = fc.constantFrom<unknown>('a', 'b', 'home', 7, '7', null, undefined, true)
const roleName = fc.constantFrom('reader', 'editor', 'guest', 'root', 'anonymous', 'nobody')
const record = fc.record({ tenantId: tenant, org: fc.oneof(tenant, fc.record({ id: tenant })), ownerId: fc.constantFrom('ada', 'grace'), secret: fc.constantFrom<unknown>(true, false, undefined) }, { requiredKeys: [] })

t.test('law 12: with memberships too, list and check agree, and no record of another tenant is reached', async (t) => {
  const given = fc.array(fc.record({ tenant, roles: fc.array(roleName, { maxLength: 2 }) }), { maxLength: 3 })
  fc.assert(fc.property(given, fc.array(roleName, { maxLength: 2 }), fc.array(record, { maxLength: 5 }), fc.constantFrom('read', 'update', 'publish', 'audit'), fc.constantFrom('Doc', 'Page'), (memberships, roles, records, action, subject) => {
    const ability = member(memberships, roles)
    const alone = member([], roles)
    const filter = recordFilter(ability, action, subject)
    const tenants = membershipsIn(memberships).map(({ tenant }) => tenant)
    for (const record of records) {
      const allowed = ability.allows(action, subject, record)
      assert.equal(keeps(filter, record), allowed)
      if (!allowed) continue
      assert.equal(ability.ever(action, subject), true)
      const own = subject === 'Doc' ? record.tenantId : (record.org as { id?: unknown } | null | undefined)?.id
      assert.ok(alone.allows(action, subject, record) || tenants.includes(own as string))
    }
  }), { numRuns: 500 })
  t.pass()
})
