/** Tables of tests for policies, for any test runner. */
import t from 'tap'
import { definePolicy } from '../../lib/policies/define.ts'
import { assertPolicies, testPolicies } from '../../lib/testing/index.ts'
import { folderOf } from './policies.ts'

const AUTHOR = definePolicy({
  role: 'author',
  rules: [{ action: 'update', subject: 'Article', conditions: { authorId: '$user.id', since: { $lt: '2026-06-01' } } }],
})
const ABE = { id: 'abe', roles: ['author'] }

t.test('authz R20: the tests of a folder and those of a table run alike', async (t) => {
  const folder = folderOf(t, {
    'author.yaml': 'role: author\nrules: [{ action: update, subject: Article, conditions: { authorId: $user.id } }]\ntests:\n  - { name: nobody else, given: { Article: { authorId: ada } }, as: { id: abe, roles: [author] }, expect: {} }\n',
    'more/author.test.json': '{ "tests": [{ "name": "wrong", "given": { "Article": { "authorId": "abe" } }, "expect": { "update": "allow" } }] }',
  })
  const results = await testPolicies(folder, [{ name: 'of the table', as: ABE, given: { Article: { authorId: 'abe' } }, expect: { update: 'allow' } }])
  t.match(results, [
    { name: 'nobody else', ok: true, message: null },
    { name: 'wrong', ok: false, message: /author\.test\.json:1:\d+ test "wrong": update of Article as the anonymous: expected allow, got deny with unauthenticated/ },
    { name: 'of the table', ok: true, message: null, place: { file: 'tables' } },
  ])
})

t.test('a table has the values of its language', async (t) => {
  const shared = { authorId: 'abe', since: new Date('2026-01-01T00:00:00Z') }
  await assertPolicies([AUTHOR], [
    { as: ABE, given: { Article: shared }, expect: { update: 'allow' } },
    { as: Object.assign(Object.create(null), ABE), given: { Article: { ...shared, twice: [shared.since, shared] } }, expect: { update: 'allow' } },
    { as: ABE, given: { Article: { ...shared, since: new Date('2026-07-01T00:00:00Z') } }, expect: {} },
  ])
  t.pass('nothing was thrown')
})

t.test('what a policy file could not say is refused in a table too', async (t) => {
  const ring: Record<string, unknown> = {}
  ring['ring'] = ring
  for (const [value, message] of [
    [new Date(NaN), /tables tests\[0\]\.given\.Article\.since\.\$date: "Invalid Date" is no date/],
    [new Map(), /tables tests\[0\]\.given\.Article\.since: a Map is not plain data/],
    [undefined, /"since" is undefined: its value was lost/],
    [ring, /contains itself/],
  ] as const) await t.rejects(testPolicies([AUTHOR], [{ given: { Article: { since: value } }, expect: {} }]), { code: 'FST_GATEHOUSE_POLICY', message })
})

t.test('a store of policies is as good as a folder', async (t) => {
  const store = { name: 'table', read: async () => [{ name: 'author.yaml', text: 'role: author\nrules: [{ action: read, subject: Report }]\ntests: [{ as: { roles: [author] }, given: Report, expect: { read: allow } }]\n' }] }
  t.match(await testPolicies(store), [{ name: 'author, test 1', ok: true }])
})

t.test('the application says where the roles of its users are', async (t) => {
  const tables = [{ as: { id: 'abe', groups: ['author'] }, given: { Article: { authorId: 'abe', since: new Date(0) } }, expect: { update: 'allow' } }] as const
  await t.rejects(assertPolicies([AUTHOR], tables))
  await t.resolves(assertPolicies([AUTHOR], tables, { roles: (user) => (user as { groups: string[] }).groups }))
})

t.test('one error tells everything that fails', async (t) => {
  const wrong = { as: ABE, given: { Article: {} }, expect: { update: 'allow' } } as const
  const right = { given: { Article: {} }, expect: {} }
  await t.rejects(assertPolicies([AUTHOR], [wrong, right]), { message: /^1 of 2 tests of the policies fails:\ntables test "tables, test 1": update of Article/ })
  await t.rejects(assertPolicies([AUTHOR], [wrong, wrong]), { message: /^2 of 2 tests of the policies fail:\n.+\n.+"tables, test 2".+$/ })
})

t.test('no test at all is a failure, because it could never be one', async (t) => {
  await t.rejects(assertPolicies([AUTHOR]), { message: /the policies have no tests/ })
})
