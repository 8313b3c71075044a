/** The compiled policy: roles with all that they inherit, groups, pre-checks, the guard rail between tenants, and the version. */
import t from 'tap'
import fc from 'fast-check'
import { compilePolicies } from '../../lib/policies/compile.ts'
import { definePolicy, deny } from '../../lib/policies/index.ts'
import type { PolicyDefinition } from '../../lib/policies/index.ts'
import type { Condition } from '../../lib/policies/condition.ts'
import type { Rule } from '../../lib/policies/policy.ts'
import { sourcesOf } from '../../lib/policies/read.ts'
import { compiled, problemsOf, sources } from './sources.ts'

const fromUser = (path: string, user: string): Condition => ({ kind: 'compare', path: path.split('.'), operator: '$eq', operand: { from: 'user', path: user.split('.') } })
const is = (path: string, value: string | number | boolean): Condition => ({ kind: 'compare', path: [path], operator: '$eq', operand: { from: 'literal', value } })
const ids = (rules: readonly Rule[] | undefined) => rules?.map((rule) => rule.id)
const define = (...definitions: PolicyDefinition[]) => compilePolicies(sourcesOf(definitions))

const ROLES = {
  'anonymous.yaml': 'role: anonymous\nrules: [{ action: read, subject: Page }]\n',
  'reader.yaml': 'role: reader\nrules: [{ action: read, subject: Article }]\n',
  'author.yaml': 'role: author\ninherits: [reader, anonymous]\nrules:\n  - { action: [create, update], subject: Article, fields: title, conditions: { authorId: $user.id } }\n  - { action: update, subject: Article, inverted: true, conditions: { status: archived }, reason: kept, code: archived }\n',
  'editor.yaml': 'role: editor\ninherits: [author, reader]\n',
}

t.test('a role has its own rules and all that it inherits, each once, and those of anonymous', async (t) => {
  const { roles, inherits } = compiled(ROLES)
  t.strictSame([...roles].map(([role, rules]) => [role, ids(rules)]), [
    ['anonymous', ['anonymous/1']],
    ['reader', ['reader/1', 'anonymous/1']],
    ['author', ['author/1', 'author/2', 'reader/1', 'anonymous/1']],
    ['editor', ['author/1', 'author/2', 'reader/1', 'anonymous/1']],
  ])
  t.strictSame([...inherits.get('editor') ?? []], ['editor', 'author', 'reader', 'anonymous'])
  t.equal(roles.get('author')?.[2], roles.get('editor')?.[2])
})

t.test('the role anonymous is there without a policy', async (t) => {
  t.strictSame([...compiled({ 'a.yaml': 'role: a' }).roles], [['anonymous', []], ['a', []]])
  t.strictSame(problemsOf(() => compiled({ 'a.yaml': 'role: a\ninherits: anonymous' })), [])
  t.match(compilePolicies([]), { roles: new Map([['anonymous', []]]), groups: [], preChecks: [] })
})

t.test('a rule is written out in full', async (t) => {
  t.strictSame(compiled(ROLES).roles.get('author')?.slice(0, 2), [
    {
      id: 'author/1',
      policy: 'author',
      action: ['create', 'update'],
      subject: ['Article'],
      inverted: false,
      fields: ['title'],
      condition: fromUser('authorId', 'id'),
      environment: null,
      templates: true,
      state: null,
      crossTenant: false,
      exposed: false,
      reason: null,
      code: null,
      place: { file: 'author.yaml', line: 4, column: 5 },
    },
    {
      id: 'author/2',
      policy: 'author',
      action: ['update'],
      subject: ['Article'],
      inverted: true,
      fields: null,
      condition: is('status', 'archived'),
      environment: null,
      templates: false,
      state: null,
      crossTenant: false,
      exposed: false,
      reason: 'kept',
      code: 'archived',
      place: { file: 'author.yaml', line: 5, column: 5 },
    },
  ])
})

t.test('a policy for users by their attributes', async (t) => {
  const policy = compiled({
    'plan-pro.yaml': 'when: { plan: pro, org: $user.home }\ndenied: { code: plan_required }\nrules: [{ action: read, subject: Analytics }]\n',
    'x/named.json': '{ "name": "beta", "when": { "beta": true }, "rules": [] }',
  })
  t.match(policy.groups, [
    {
      name: 'plan-pro',
      when: { kind: 'all', of: [is('plan', 'pro'), fromUser('org', 'home')] },
      rules: [{ id: 'plan-pro/1', place: { line: 3, column: 9 } }],
      denied: { code: 'plan_required' },
      place: { file: 'plan-pro.yaml', line: 1, column: 1 },
    },
    { name: 'beta', when: is('beta', true), rules: [], denied: null },
  ])
})

t.test('the policy names its actions, subjects and codes; authz T18: as they are written', async (t) => {
  const policy = compiled({
    ...ROLES,
    'pro.yaml': 'when: { plan: pro }\ndenied: { code: plan_required }\nrules: [{ action: manage, subject: all }]\n',
    'state.yaml': 'deny: [{ code: suspended, when: { suspended: true } }]\n',
  })
  t.strictSame([...policy.actions].sort(), ['create', 'manage', 'read', 'update'])
  t.strictSame([...policy.subjects].sort(), ['Article', 'Page', 'all'])
  t.strictSame([...policy.codes].sort(), ['archived', 'plan_required', 'suspended'])
})

t.test('a pre-check with a condition refuses who fulfils it, and in doubt', async (t) => {
  const [suspended, elsewhere] = compiled({ 'state.yaml': 'deny:\n  - { code: suspended, when: { suspended: true } }\n  - { code: elsewhere, when: { region: { $ne: $user.home } } }\n' }).preChecks
  t.match(suspended, { name: 'state', code: 'suspended', place: { file: 'state.yaml', line: 2, column: 5 } })
  t.equal(suspended?.refuses({ suspended: true }), true)
  t.equal(suspended?.refuses({ suspended: false }), false)
  for (const user of [{}, { suspended: null }, { suspended: 'no' }, null]) t.equal(suspended?.refuses(user), true)
  t.equal(elsewhere?.refuses({ region: 'eu', home: 'eu' }), false)
  t.equal(elsewhere?.refuses({ region: 'us', home: 'eu' }), true)
  t.equal(elsewhere?.refuses({ region: 'us' }), true)
})

t.test('law 10: a pre-check that is a function answers true or false, and nothing else', async (t) => {
  const check = (when: (user: { answer: unknown }) => unknown) => define(definePolicy('state', [deny({ code: 'suspended', when: when as () => boolean })])).preChecks[0]
  const asked = check((user) => user.answer)
  t.equal(asked?.refuses({ answer: true }), true)
  t.equal(asked?.refuses({ answer: false }), false)
  t.throws(() => asked?.refuses({ answer: undefined }), { message: 'The pre-check of the policy "state" answered with the type undefined; it must answer true or false, and not later.' })
  t.throws(() => asked?.refuses({ answer: null }), /policy "state" answered null;/)
  t.throws(() => asked?.refuses({ answer: Promise.resolve(false) }), /answered with the type object;/)
  t.throws(() => asked?.refuses(null), TypeError)
})

const TENANTS = `user:
  tenant: org.id
  attributes: { org.id: string, id: integer }
subjects:
  Article: { tenant: tenantId, attributes: { id: integer, tenantId: string, authorId: integer, title: string, address: object } }
  Comment: { tenant: tenantId, attributes: { id: integer, tenantId: string, text: string } }
  Settings: { tenant: id, attributes: { id: string } }
  Page: {}
`

function ruled (rule: string): readonly Rule[] {
  const admin = 'role: admin\nrules: [{ action: manage, subject: all, crossTenant: true }]\n'
  return compiled({ 'author.yaml': `role: author\nrules: [${rule}]\n`, 'admin.yaml': admin, 'subjects.yaml': TENANTS }).roles.get('author') ?? []
}

t.test('an allowing rule stays within the tenant of the user', async (t) => {
  const guard = fromUser('tenantId', 'org.id')
  t.match(ruled('{ action: read, subject: Article }'), [{ condition: guard, templates: true, crossTenant: false }])
  t.match(ruled('{ action: read, subject: Article, conditions: { authorId: $user.id } }'), [{
    condition: { kind: 'all', of: [guard, fromUser('authorId', 'id')] },
    templates: true,
  }])
  t.match(ruled('{ action: read, subject: Article, conditions: { authorId: 1, title: x } }'), [{
    condition: { kind: 'all', of: [guard, is('authorId', 1), is('title', 'x')] },
  }])
  t.match(ruled('{ action: read, subject: Article, conditions: { $or: [{ authorId: 1 }, { title: x }] } }'), [{
    condition: { kind: 'all', of: [guard, { kind: 'any', of: [is('authorId', 1), is('title', 'x')] }] },
  }])
})

t.test('the rules of a group stay within the tenant too', async (t) => {
  const { groups } = compiled({ 'pro.yaml': 'when: { id: 1 }\nrules: [{ action: read, subject: Article }]\n', 'subjects.yaml': TENANTS })
  t.match(groups, [{ rules: [{ condition: fromUser('tenantId', 'org.id'), templates: true }] }])
})

t.test('a rule crosses tenants only where it says so, and an inverted rule forbids in every tenant', async (t) => {
  t.match(ruled('{ action: read, subject: [Article, Settings], crossTenant: true }'), [{ id: 'author/1', condition: null, templates: false, crossTenant: true }])
  t.match(ruled('{ action: manage, subject: all, crossTenant: true }'), [{ id: 'author/1', condition: null }])
  t.match(ruled('{ action: read, subject: all, inverted: true }'), [{ id: 'author/1', condition: null, templates: false }])
  t.match(ruled('{ action: read, subject: Article, inverted: true }'), [{ id: 'author/1', condition: null, templates: false }])
  t.match(ruled('{ action: read, subject: Page }'), [{ id: 'author/1', condition: null, templates: false }])
})

t.test('a rule for subjects that keep their tenant differently is split, and loses none of them', async (t) => {
  t.match(ruled('{ action: read, subject: [Article, Settings, Comment, Page] }'), [
    { id: 'author/1:Article+Comment', subject: ['Article', 'Comment'], condition: fromUser('tenantId', 'org.id') },
    { id: 'author/1:Settings', subject: ['Settings'], condition: fromUser('id', 'org.id') },
    { id: 'author/1:Page', subject: ['Page'], condition: null },
  ])
  t.match(ruled('{ action: read, subject: [Article, Comment] }'), [{ id: 'author/1', subject: ['Article', 'Comment'] }])
})

t.test('where no subject has a tenant, all is all', async (t) => {
  const { roles } = compiled({ 'admin.yaml': 'role: admin\nrules: [{ action: manage, subject: all }]\n', 'subjects.yaml': 'subjects: { Page: {} }' })
  t.match(roles.get('admin'), [{ subject: ['all'], condition: null }])
})

t.test('authz T11: patterns of fields expand to the declared attributes', async (t) => {
  const fields = (rule: string) => ruled(`{ action: read, subject: Article, ${rule} }`)[0]?.fields
  t.strictSame(fields('fields: ["*Id", title]'), ['tenantId', 'authorId', 'title'])
  t.strictSame(fields('fields: "*"'), ['id', 'tenantId', 'authorId', 'title', 'address'])
  t.strictSame(fields('fields: [address.*, address.street]'), ['address.*', 'address.street'], 'a declared object keeps its pattern, and its name would be all of it')
  t.strictSame(fields('fields: "t*", inverted: true'), ['tenantId', 'title', 't*'], 'what is not declared stays forbidden')
  t.strictSame(compiled({ 'a.yaml': 'role: a\nrules: [{ action: read, subject: A, fields: ["t*", x] }]' }).roles.get('a')?.[0]?.fields, ['t*', 'x'])
})

t.test('definePolicy makes frozen copies', async (t) => {
  const rules = [{ action: 'read', subject: 'Article', conditions: { id: { $in: [1, 2] } } }]
  const policy = definePolicy({ role: 'author', inherits: 'reader', rules })
  t.strictSame(policy, { role: 'author', inherits: 'reader', rules })
  rules.pop()
  t.equal(policy.rules.length, 1)
  for (const part of [policy, policy.rules, policy.rules[0], policy.rules[0]?.conditions, policy.rules[0]?.conditions.id.$in]) t.ok(Object.isFrozen(part))

  const when = (user: { ok: boolean }) => !user.ok
  t.strictSame(definePolicy('state', [deny({ code: 'a', when }), deny({ code: 'b', when: { ok: false } })]), {
    name: 'state', deny: [{ code: 'a', when }, { code: 'b', when: { ok: false } }],
  })
})

t.test('definePolicy hides nothing from the validation', async (t) => {
  const circle: Record<string, unknown> = {}
  circle['$not'] = circle
  const problems = (conditions: object) => problemsOf(() => define(definePolicy({ role: 'a', rules: [{ action: 'read', subject: 'A', conditions: conditions as Record<string, unknown> }] })))
  t.match(problems({ tenantId: undefined })[0], /"tenantId" is undefined/)
  t.match(problems({ at: new Date(0) })[0], /a Date is not plain data/)
  t.match(problems(circle)[0], /contains itself/)
  t.match(problems({ [Symbol('a')]: 1 })[0], /unknown key Symbol\(a\)/)
  t.match(problems({ get a () { return 1 } })[0], /is a getter/)
  t.match(problemsOf(() => define((definePolicy as (name: string) => PolicyDefinition)('state')))[0], /^state deny: "deny" is undefined/)
})

t.test('the version tells contents apart', async (t) => {
  const version = (...definitions: PolicyDefinition[]) => define(...definitions).version
  const rule = { action: 'read', subject: 'A', conditions: { id: 1 } }
  const other: PolicyDefinition[] = [
    { role: 'a' },
    { role: 'b' },
    { role: 'a', rules: [rule] },
    { role: 'a', rules: [{ ...rule, conditions: { id: '1' } }] },
    { role: 'a', rules: [{ ...rule, conditions: { id: 1n } }] },
    { role: 'a', rules: [{ ...rule, conditions: { id: null } }] },
    { role: 'a', rules: [{ ...rule, conditions: { id: true } }] },
    { name: 'a', deny: [{ code: 'a', when: () => true }] },
    { name: 'a', deny: [{ code: 'a', when: () => false }] },
  ]
  t.equal(new Set(other.map((definition) => version(definition))).size, other.length)
  for (const definition of other) t.match(version(definition), /^[0-9a-f]{12}$/)
  t.equal(version({ role: 'a', rules: [rule] }), version({ rules: [{ conditions: { id: 1 }, subject: 'A', action: 'read' }], role: 'a' }))
  t.not(compiled({ 'pro.yaml': 'when: { a: 1 }\nrules: []' }).version, compiled({ 'free.yaml': 'when: { a: 1 }\nrules: []' }).version, 'the name of a file is the name of its policy')
  t.equal(compiled({ 'pro.yaml': 'when: { a: 1 }\nrules: []' }).version, compiled({ 'x/pro.json': '{ "rules": [], "when": { "a": 1 } }' }).version)
})

t.test('property: authz T12: the order of the files changes nothing', async () => {
  const read = sources({ ...ROLES, 'pro.yaml': 'when: { plan: pro }\nrules: [{ action: read, subject: Stats }]\n', 'state.yaml': 'deny: [{ code: suspended, when: { suspended: true } }]\n', 'subjects.yaml': 'user: { attributes: { id: integer, plan: string, suspended: boolean } }' })
  const sorted = compilePolicies(read)
  const rulesOf = (policy: typeof sorted) => [...policy.roles].map(([role, rules]) => [role, ids(rules)?.sort()]).sort()
  fc.assert(fc.property(fc.shuffledSubarray(read, { minLength: read.length }), (shuffled) => {
    const policy = compilePolicies(shuffled)
    return policy.version === sorted.version && JSON.stringify(rulesOf(policy)) === JSON.stringify(rulesOf(sorted))
  }))
})
