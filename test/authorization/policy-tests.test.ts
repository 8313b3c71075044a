/** Tests of policies: each is decided as a request would be, and a failure says all that mends it. */
import t from 'tap'
import { policyTestProblems, runPolicyTests, type FailedTest, type Reading } from '../../lib/authorization/policy-tests.ts'
import type { PolicyTestDefinition } from '../../lib/policies/define.ts'
import { compiled } from '../policies/sources.ts'
import { policyOf } from './abilities.ts'

const POLICIES = [
  { role: 'anonymous', rules: [{ action: 'read', subject: 'Article', conditions: { status: 'published' } }] },
  {
    role: 'author',
    rules: [
      { action: ['create', 'update'], subject: 'Article', conditions: { authorId: '$user.id' }, fields: ['title', 'body', 'meta.*'] },
      { action: 'update', subject: 'Article', inverted: true, conditions: { status: 'archived' }, code: 'article_archived', reason: 'archived articles stay as they are' },
      { action: 'publish', subject: 'Article', inverted: true },
      { action: 'read', subject: 'Report' },
    ],
  },
  { role: 'night', rules: [{ action: 'read', subject: 'Report', environment: { region: 'eu' } }] },
  { role: 'admin', rules: [{ action: 'manage', subject: 'all' }] },
  { name: 'pro', when: { plan: 'pro' }, denied: { code: 'plan_required' }, rules: [{ action: 'export', subject: 'Report' }] },
  { breakGlass: 'outage', rules: [{ action: 'update', subject: 'Article' }] },
  { name: 'state', deny: [{ code: 'account_suspended', when: (user: { suspended?: boolean }) => user.suspended === true }] },
]

const ABE = { id: 'abe', roles: ['author'] }
const OWN = { Article: { id: 1, authorId: 'abe', status: 'draft', title: 't' } }

/** What fails, in the words of the failure. */
function failing (test: PolicyTestDefinition, reading?: Reading): string[] {
  return failures(test, reading).map(({ action, expected, got }) => `${action}: expected ${expected}, got ${got}`)
}

function failures (test: PolicyTestDefinition, reading?: Reading): readonly FailedTest[] {
  return runPolicyTests(policyOf(...POLICIES, { role: 'tested', tests: [test] }), reading)
}

t.test('what holds is no failure', async (t) => {
  const tests: readonly PolicyTestDefinition[] = [
    { given: { Article: { status: 'published' } }, expect: { read: 'allow' } },
    { as: ABE, given: OWN, expect: { create: { allow: ['title', 'body'] }, update: 'allow', publish: { deny: 'insufficient_permissions' } } },
    { as: ABE, given: { Article: { authorId: 'abe', status: 'archived' } }, expect: { create: 'allow', update: { deny: 'article_archived' } } },
    { as: ABE, given: 'Report', expect: { read: 'allow', export: { deny: 'plan_required' } } },
    { as: { id: 1, plan: 'pro' }, given: 'Report', expect: { export: 'allow' } },
    { as: { roles: ['night'] }, environment: { region: 'eu' }, given: 'Report', expect: { read: 'allow' } },
    { as: { roles: ['night'] }, given: 'Report', expect: {} },
    { as: { roles: ['admin'] }, given: { Other: {} }, expect: { create: 'allow', read: 'allow', update: 'allow', delete: 'allow' } },
    { as: ABE, given: { Article: { authorId: 'abe', status: 'archived' } }, breakGlass: 'outage', expect: { create: 'allow', update: 'allow' } },
    { as: { id: 'sam', roles: ['admin'], suspended: true }, given: OWN, expect: { read: { deny: 'account_suspended' } } },
    { given: { Article: { status: 'archived' } }, expect: { update: { deny: 'unauthenticated' } } },
  ]
  for (const test of tests) t.strictSame(failing(test), [], JSON.stringify(test))
})

t.test('what is not named is expected to be denied: every action that a rule mentions for the subject, and the four of a rule for all', async (t) => {
  t.strictSame(failing({ as: ABE, given: OWN, expect: {} }), [
    'create: expected deny, got allow by rule author/1 (author)',
    'update: expected deny, got allow by rule author/1 (author)',
  ])
  t.strictSame(failing({ as: { roles: ['admin'] }, given: { Other: {} }, expect: { update: 'allow' } }).map((line) => line.split(':')[0]), ['create', 'read', 'delete'])
})

t.test('a failure says what was decided, by which rule, and what was missing', async (t) => {
  t.strictSame(failing({ as: ABE, given: { Article: { status: 'draft' } }, expect: { update: 'allow' } }), [
    'update: expected allow, got deny with insufficient_permissions: no rule allows "update" on this Article; author/1 needs a value of the record',
  ])
  t.strictSame(failing({ as: ABE, given: { Article: { authorId: 'abe', status: 'archived' } }, expect: { create: 'allow', update: { deny: 'insufficient_permissions' } } }), [
    'update: expected deny with insufficient_permissions, got deny with article_archived: rule author/2 forbids it: archived articles stay as they are (author)',
  ])
  t.strictSame(failing({ given: 'Report', expect: { read: 'allow' } }), [
    'read: expected allow, got deny with unauthenticated: no rule allows "read" on any Report',
  ])
  t.strictSame(failing({ as: { id: 'sam', suspended: true }, given: OWN, expect: { read: 'deny', update: { deny: 'article_archived' } } }), [
    'update: expected deny with article_archived, got deny with account_suspended: the pre-check state refuses this user (state)',
  ])
})

t.test('fields: exactly those that are named, of all that rules and the record name', async (t) => {
  t.strictSame(failing({ as: ABE, given: OWN, expect: { create: { allow: ['title'] }, update: { allow: ['title', 'body', 'status'] } } }), [
    'create: expected allow of exactly title, got allow, and also of body',
    'update: expected allow of exactly title, body, status, got allow, but not of status',
  ])
  t.strictSame(failing({ as: ABE, given: OWN, expect: { create: { allow: ['titel', 'body'] }, update: 'allow' } }), [
    'create: expected allow of exactly titel, body, got allow, but not of titel, and also of title',
  ])
  t.strictSame(failing({ as: ABE, given: OWN, expect: { create: { allow: ['title', 'body', 'meta.a'] }, update: 'allow' } }), [], 'a pattern reaches what is named')
  t.strictSame(failing({ as: { roles: ['admin'] }, given: { Other: { a: 1, b: 2 } }, expect: { create: 'allow', read: 'allow', update: { allow: 'a' }, delete: 'allow' } }), [
    'update: expected allow of exactly a, got allow, and also of b',
  ], 'a rule without fields is for those of the record too')
  t.strictSame(failing({ as: { roles: ['admin'] }, given: { Article: { meta: { a: 1 } } }, expect: { create: 'allow', read: 'allow', update: { allow: ['meta', 'title', 'body'] }, delete: 'allow', publish: 'allow' } }), [], 'what is in a field goes with it')
})

t.test('an update is asked about what the record becomes', async (t) => {
  const test = { as: ABE, given: OWN, becomes: { authorId: 'ada' } }
  t.strictSame(failing({ ...test, expect: { create: 'allow', update: 'allow' } }), [
    'update: expected allow, got deny with insufficient_permissions: no rule allows "update" on what this Article would become',
  ])
  t.strictSame(failing({ ...test, becomes: { title: 'new' }, expect: { create: 'allow', update: 'allow' } }), [])
})

t.test('authz T1: without a record no rule with conditions can be asked', async (t) => {
  t.strictSame(failing({ as: ABE, given: 'Article', expect: {} }).sort(), [
    'create: expected deny, got no answer: rule author/1 has conditions, so the test must be given a record',
    'read: expected deny, got no answer: rule anonymous/1 has conditions, so the test must be given a record',
    'update: expected deny, got no answer: rule author/1 has conditions, so the test must be given a record',
  ])
})

t.test('law 10: where nobody can decide, the test fails', async (t) => {
  const policies = [...POLICIES.slice(0, 2), { name: 'broken', deny: [{ code: 'gone', when: () => { throw new Error('no such place') } }] }]
  const policy = policyOf(...policies, { role: 'tested', tests: [{ as: ABE, given: 'Report', expect: {} }] })
  t.match(runPolicyTests(policy), [{ expected: 'deny', got: 'no answer: no such place', rule: null }])
})

t.test('the application says how it finds roles and memberships', async (t) => {
  const test = { as: { groups: ['author'], id: 'abe' }, given: OWN, expect: { create: 'allow', update: 'allow' } } as const
  t.equal(failing(test).length, 2)
  t.strictSame(failing(test, { roles: (user) => (user as { groups: string[] }).groups }), [])
  t.equal(failing(test, { roles: () => 'author' }).length, 2, 'what is no list of names counts for nothing')
  t.equal(failing(test, { roles: () => [1, null] }).length, 2)

  const policy = compiled({
    'subjects.yaml': 'user: { tenant: tenantId, attributes: { id: string, tenantId: string } }\nsubjects: { Article: { tenant: tenantId, attributes: { tenantId: string } } }\n',
    'author.yaml': `role: author
rules: [{ action: update, subject: Article }]
tests:
  - as: { id: abe, memberships: [{ tenant: aurora, roles: [author] }] }
    given: { Article: { tenantId: aurora } }
    expect: { update: allow }
  - as: { id: abe, memberships: [{ tenant: aurora, roles: [author] }] }
    given: { Article: { tenantId: borealis } }
    expect: {}
`,
  })
  t.strictSame(policyTestProblems(policy), [])
  t.equal(policyTestProblems(policy, { memberships: () => [] }).length, 1)
})

t.test('every failure is one sentence with its place', async (t) => {
  const policy = compiled({
    'author.yaml': `role: author
rules:
  - action: update
    subject: Article
tests:
  - name: an author changes nothing
    as: { id: abe, roles: [author] }
    given: { Article: {} }
    expect: { update: deny }
  - given: { Article: {} }
    expect: { update: allow }
  - as: { roles: [] }
    given: { Article: {} }
    expect: { update: { deny: unauthenticated } }
  - as: { id: 7, roles: [author] }
    given: { Article: {} }
    expect: {}
`,
  })
  t.strictSame(policyTestProblems(policy), [
    'author.yaml:9:23 test "an author changes nothing": update of Article as abe (author): expected deny, got allow by rule author/1 (author.yaml:3)',
    'author.yaml:11:23 test "author, test 2": update of Article as the anonymous: expected allow, got deny with unauthenticated: no rule allows "update" on any Article',
    'author.yaml:14:23 test "author, test 3": update of Article as a user: expected deny with unauthenticated, got deny with insufficient_permissions: no rule allows "update" on any Article',
    'author.yaml:15:5 test "author, test 4": update of Article as 7 (author): expected deny, got allow by rule author/1 (author.yaml:3)',
  ])
  t.match(runPolicyTests(policy)[0], { test: 'an author changes nothing', as: 'abe (author)', action: 'update', subject: 'Article', rule: { id: 'author/1', place: { line: 3 } } })
})

t.test('a user is told with the roles that he has in a tenant, and a failure with the memberships that count for nothing', async (t) => {
  const lea = { id: 'lea', roles: ['night'], memberships: [{ tenant: 'north', roles: ['author', 'admin'] }] }
  const [failure] = failures({ as: lea, given: OWN, expect: { read: 'allow' } })
  t.match(failure, { as: 'lea (night, author in north, admin in north)', expected: 'allow' })
  const got = failing({ as: { id: 'lea' }, given: OWN, expect: { read: 'allow' } }, { memberships: () => [{ roles: ['author'] }] })
  t.match(got, [/^read: expected allow, got deny with insufficient_permissions: .*; memberships\[0\] has no tenant$/])
})
