import t from 'tap'
import { allOf, anyOf, authenticated, can, optional, resource, role, scope } from '../../lib/index.ts'
import type { Declaration } from '../../lib/routes/access.ts'
import { settingsOf } from '../../lib/options.ts'
import { closedPlan, planOf } from '../../lib/routes/plan.ts'
import { planProblems } from '../../lib/routes/problems.ts'
import { memory, postgresql } from '../../lib/authorization/filters/index.ts'
import { policyOf } from '../authorization/abilities.ts'
import { compiled } from '../policies/sources.ts'
import { keys } from '../core/porch.ts'

const load = () => null
const post = resource('Post', { param: 'id', load, disclose: { details: true } })
const note = resource('Note', { param: 'note', load })
const cookie = keys({ name: 'Cookie', varyOn: ['Cookie'] })
const settings = settingsOf({ schemes: [keys()], disclose: { details: false, help: 'https://h.example/' } })

const policy = policyOf(
  {
    role: 'author',
    rules: [
      { action: 'read', subject: 'Post', conditions: { open: true } },
      { action: 'update', subject: 'Post', fields: 'title' },
      { action: 'read', subject: 'Report' },
      { action: 'update', subject: 'Settings', fields: 'title' },
      { action: 'create', subject: 'Secret', inverted: true },
    ]
  },
  { name: 'pro', when: { plan: 'pro' }, rules: [{ action: 'manage', subject: 'Lab', conditions: { a: 1 } }, { action: 'read', subject: 'Note' }] },
  { name: 'state', deny: [{ code: 'suspended', when: { suspended: true } }] }
)

function planFor (declaration: Declaration) {
  return planOf({ method: 'GET', url: '/posts/:id', declaration, ownErrorHandler: false }, settings)
}

function problemsOf (declaration: Declaration, url = '/posts/:id', given: typeof policy | null = policy) {
  return planProblems({ method: 'GET', url, declaration, ownErrorHandler: false }, settings, given)
}

t.test('the mode is that of the declaration', async (t) => {
  t.same([planFor('public'), planFor(optional()), planFor(authenticated()), planFor(role('a', { optional: true })), closedPlan('GET', '/', settings, 'closed')].map(({ mode }) => mode), ['public', 'optional', 'required', 'optional', 'closed'])
})

t.test('a plan knows the records to load, the lists to filter and what its answers depend on', async (t) => {
  const plan = planFor(allOf(can('read', post), can('update', post), can('read', note.list), can('create', note.proposed(() => ({}))), can('read', 'Report'), { schemes: [keys(), cookie], despite: ['suspended'] }))
  t.same(plan.targets.map(({ kind }) => kind), ['record', 'record', 'proposed'])
  t.same(plan.lists, [note])
  t.same(plan.varyOn, ['Authorization', 'Cookie'])
  t.equal(plan.private, true)
  t.equal(planFor(authenticated()).private, false)
  t.same([...plan.despite], ['suspended'])
  t.match(plan.can, { action: 'read', target: post.record })
  t.equal(planFor(authenticated()).can, null)
})

t.test('with alternatives the plan knows every part that a record must meet', async (t) => {
  const parts = (declaration: Declaration) => planFor(declaration).alternatives.map(({ action }) => action)
  t.same(parts(anyOf(can('read', post), can('update', post), can('read', note.list), role('author'))), ['read', 'update'])
  t.same(parts(allOf(can('read', post), role('author'))), [])
})

t.test('the route discloses before the resource, and the resource before the plugin', async (t) => {
  t.same(planFor(authenticated()).disclose, { details: false, help: 'https://h.example/' })
  t.same(planFor(can('read', post)).disclose, { details: true, help: 'https://h.example/' })
  t.same(planFor(can('read', post, { disclose: { details: false } })).disclose, { details: false, help: 'https://h.example/' })
})

t.test('authz T1: a check on a type whose rules have conditions stops the start', async (t) => {
  t.match(problemsOf(can('read', 'Post')), [/^GET \/posts\/:id: can\("read", "Post"\) would ignore the conditions of rule author\/1/])
  t.match(problemsOf(can('dance', 'Lab')), [/no rule mentions the action "dance"/])
  t.match(problemsOf(can('delete', 'Lab')), [/would ignore the conditions of rule pro\/1/])
  t.same(problemsOf(can('read', 'Report')), [])
})

t.test('an action that only an emergency allows is no closed route, and on a type its conditions are told like any', async (t) => {
  const fire = policyOf({ role: 'author', rules: [{ action: 'read', subject: 'Report', inverted: true }] }, { breakGlass: 'fire', rules: [{ action: 'read', subject: 'Report' }, { action: 'read', subject: 'Post', conditions: { open: true } }] })
  t.same(problemsOf(can('read', 'Report'), '/', fire), [])
  t.same(problemsOf(can('read', post), '/posts/:id', fire), [])
  t.match(problemsOf(can('read', 'Post'), '/', fire), [/would ignore the conditions of rule fire\/2/])
})

t.test('a store that cannot express a rule of an emergency or of a membership stops the start', async (t) => {
  const tenants = compiled({
    'subjects.yaml': 'user: { tenant: org, attributes: { org: string } }\nsubjects: { Post: { tenant: org, attributes: { org: string, open: boolean, ward: integer } } }\n',
    'editor.yaml': 'role: editor\nrules: [{ action: read, subject: Post, crossTenant: true, conditions: { open: true } }]\n',
    'fire.yaml': 'breakGlass: fire\nrules: [{ action: read, subject: Post, crossTenant: true, conditions: { ward: 1 } }]\n',
  })
  const stored = (columns: Parameters<typeof postgresql>[0]['columns']) => problemsOf(can('read', resource('Post', { param: 'id', load, backend: postgresql({ columns }) })), '/posts/:id', tenants)
  t.match(stored({ open: 'boolean', org: 'text' }), [/cannot express rule fire\/1 \(fire\.yaml:2\): .*"ward"/])
  t.match(stored({ open: 'boolean', ward: 'integer' }), [/cannot express rule editor@tenant\/1 \(editor\.yaml:2\): .*"org"/])
  t.same(stored({ open: 'boolean', ward: 'integer', org: 'text' }), [])
  t.same(problemsOf(can('read', resource('Post', { param: 'id', load, backend: memory() })), '/posts/:id', tenants), [])
})

t.test('what a store cannot express is told once, with the first of the rules that need it', async (t) => {
  const tenants = compiled({
    'subjects.yaml': 'user: { tenant: org, attributes: { org: string } }\nsubjects:\n  Post: { tenant: org, attributes: { org: string, open: boolean, ward: integer } }\n  Page: { tenant: ward, attributes: { org: string, open: boolean, ward: string } }\n',
    'editor.yaml': 'role: editor\nrules:\n  - { action: read, subject: [Post, Page], conditions: { open: true } }\n  - { action: update, subject: Post, conditions: { open: true } }\n  - { action: delete, subject: Post, conditions: { open: true, ward: 1 } }\n',
    'chief.yaml': 'role: chief\ninherits: editor\nrules: [{ action: close, subject: Post, conditions: { ward: 2 } }]\n',
  })
  const stored = (columns: Parameters<typeof postgresql>[0]['columns']) => problemsOf(can('read', resource('Post', { backend: postgresql({ columns }) }).list), '/posts', tenants)
  t.strictSame(stored({ ward: 'integer' }), [
    'GET /posts: PostgreSQL cannot express rule editor/1:Post (editor.yaml:3) and 3 others: there is no column for the attribute "org". Add it to "columns"',
    'GET /posts: PostgreSQL cannot express rule editor/1:Post (editor.yaml:3) and 2 others: there is no column for the attribute "open". Add it to "columns"',
  ])
  t.strictSame(stored({ org: 'text', open: 'boolean' }), ['GET /posts: PostgreSQL cannot express rule editor/3 (editor.yaml:5) and 1 other: there is no column for the attribute "ward". Add it to "columns"'])
})

t.test('a store of one\'s own may find a problem in how comparisons stand together', async (t) => {
  const plain = { ...memory(), name: 'Shelf', problem: ({ kind }: { readonly kind: string }) => kind === 'compare' ? null : `there is no "${kind}"` }
  const both = policyOf({ role: 'author', rules: [{ action: 'read', subject: 'Post', conditions: { $or: [{ open: true }, { authorId: 'ada' }] } }] })
  t.match(problemsOf(can('read', resource('Post', { backend: plain }).list), '/posts', both), [/Shelf cannot express rule author\/1 \(author\): there is no "any"$/])
})

t.test('authz T1: so does a resource without a way to load its record', async (t) => {
  t.match(problemsOf(can('read', resource('Post'))), [/the resource has no "load"/])
  t.same(problemsOf(can('read', resource('Post').list)), [])
})

t.test('authz T10: a check without a record whose rules have fields stops the start, unless the handler sees to them', async (t) => {
  t.match(problemsOf(can('update', 'Settings')), [/would ignore the fields of rule author\/4/])
  t.match(problemsOf(can('update', post.list)), [/would ignore the fields of rule author\/2/])
  t.same(problemsOf(can('update', 'Settings', { fields: false })), [])
  t.same(problemsOf(can('update', post)), [])
  t.same(problemsOf(can('update', post.proposed(() => ({})))), [])
})

t.test('a list to be read may have rules about fields: the handler gives out what may be read', async (t) => {
  const fields = policyOf({ role: 'author', rules: [{ action: 'read', subject: 'Post', fields: 'title' }] })
  t.same(problemsOf(can('read', post.list), '/posts', fields), [])
})

t.test('law 11: a route names its action: "manage" is for rules, and would pass by every rule that forbids one action', async (t) => {
  const forbidding = policyOf({ role: 'author', rules: [{ action: 'manage', subject: 'Post' }, { action: 'delete', subject: 'Post', inverted: true, conditions: { archived: true } }] })
  const message = 'GET /posts/:id: can("manage", Post): name the action; "manage" is for rules, and would ignore those that forbid a single action'
  t.same(problemsOf(can('manage', post), '/posts/:id', forbidding), [message])
  t.same(problemsOf(can('manage', post)), [message])
  t.match(problemsOf(allOf(can('manage', post.list), can('manage', post.proposed(() => ({}))), can('manage', 'Report'))), [/"manage", Post/, /"manage", Post/, /"manage", Report/])
  t.match(problemsOf(can('manage', post), '/posts/:id', null), [/needs the plugin's option "policies"/])
})

t.test('a PUT is asked for the properties of its body where a rule looks at what becomes of the record', async (t) => {
  const problems = (rules: Parameters<typeof policyOf>[0] & object, { method = 'PUT', body = { $ref: 'x#' } as unknown, declaration = can('update', post) } = {}) =>
    planProblems({ method, url: '/posts/:id', declaration, ownErrorHandler: false, body: () => body }, settings, policyOf(rules)).length
  const limited = { role: 'a', rules: [{ action: 'update', subject: 'Post', fields: ['title'] }] }
  const plain = { role: 'a', rules: [{ action: 'update', subject: 'Post' }, { action: ['read', 'create'], subject: 'Post', conditions: { open: true } }] }
  t.equal(problems(limited), 1)
  t.equal(problems({ role: 'a', rules: [{ action: 'update', subject: 'Post', conditions: { open: true } }] }), 1)
  t.equal(problems({ role: 'a', rules: [{ action: 'update', subject: 'Post' }, { action: 'update', subject: 'Post', inverted: true, state: 'new', conditions: { open: true } }] }), 1)
  t.equal(problems({ role: 'a', rules: [{ action: 'update', subject: 'Post' }, { action: 'update', subject: 'Post', inverted: true, state: 'old', conditions: { open: true } }] }), 0, 'not of the record as it is')
  t.equal(problems(plain), 0)
  t.equal(problems(limited, { method: 'PATCH,PUT' }), 1)
  t.equal(problems(limited, { method: 'PATCH' }), 0, 'a PATCH removes nothing')
  t.equal(problems(limited, { body: { properties: { title: {} } } }), 0)
  t.same(planProblems({ method: 'PUT', url: '/posts/:id', declaration: can('update', post), ownErrorHandler: false }, settings, policyOf(limited)), [], 'a route of before, whose schema cannot be seen')
  t.equal(problems(limited, { declaration: can('update', post.changing(() => null)) }), 0)
  t.equal(problems(limited, { declaration: can('update', post.proposed(() => ({}))) }), 0)
})

t.test('a parameter that the URL does not have stops the start, with the nearest one', async (t) => {
  t.match(problemsOf(can('read', post), '/posts/:ID'), [/the URL has no parameter ":id"\. Did you mean "ID"\? It has :ID; name that in the resource's "param", or use its \.list$/])
  t.match(problemsOf(can('read', note), '/notes'), [/no parameter ":note"\. Use the resource's \.list$/])
})

t.test('a route that creates has no record to load, and is told how to say what it will be', async (t) => {
  const writer = policyOf({ role: 'author', rules: [{ action: ['create', 'update', 'file'], subject: 'Post', conditions: { open: true } }] })
  const message = /can\("create", Post\): there is no record yet that could be loaded\. Say what it will be: can\("create", resource\.proposed\(\(request\) => \({ … }\)\)\)$/
  for (const [url, one] of [['/posts', post], ['/posts', resource('Post')], ['/posts/:id', resource('Post')]] as const) t.match(problemsOf(can('create', one), url, writer), [message])
  t.match(problemsOf(can('create', post), '/posts/:ID', writer), [/Did you mean "ID"\? It has :ID; .*, or use its \.list, or \.proposed\(…\) for a record that comes into being$/])
  t.match(problemsOf(can('file', post), '/posts', writer), [/Use the resource's \.list, or \.proposed\(…\) for a record that comes into being$/])
  t.same(problemsOf(can('create', post), '/posts/:id', writer), [], 'a copy of one that there is')
})

t.test('words that no policy knows stop the start, with the nearest ones', async (t) => {
  t.match(problemsOf(can('raed', 'Report')), [/the action "raed"\. Did you mean "read"\?/])
  t.match(problemsOf(can('read', 'Reprot')), [/the subject "Reprot"\. Did you mean "Report"\?/])
  t.match(problemsOf(can('delete', 'Report')), [/no rule allows anybody to "delete" a Report/])
  t.match(problemsOf(can('create', 'Secret')), [/no rule allows anybody to "create" a Secret/])
  t.match(problemsOf(role('autor')), [/the role "autor"\. Did you mean "author"\?/])
  t.match(problemsOf(authenticated({ despite: ['suspendet'] })), [/the code "suspendet"\. Did you mean "suspended"\?/])
  t.same(problemsOf(can('read', 'Anything'), '/', policyOf({ role: 'admin', rules: [{ action: 'manage', subject: 'all' }] })), [])
})

t.test('everything that is wrong with a route is told at once', async (t) => {
  t.equal(problemsOf(anyOf(can('raed', 'Report'), role('autor'), { despite: ['x'] })).length, 3)
  t.same(problemsOf('public'), [])
  t.match(problemsOf(authenticated({ optonal: true } as object)), [/GET \/posts\/:id.*Did you mean "optional"\?/])
  t.match(planProblems({ method: 'GET', url: '/', declaration: authenticated(), ownErrorHandler: false }, settingsOf({}), policy), [/nobody could sign in/])
})

t.test('without policies can() has nothing to ask, and a role is what the user says', async (t) => {
  t.match(problemsOf(can('read', 'Report'), '/', null), [/needs the plugin's option "policies"/])
  t.same(problemsOf(role('anything'), '/', null), [])
  t.match(problemsOf(scope('a', { despite: ['x'] }), '/', null), [/no pre-check has the code "x"/])
})
