/** Tests in policy files: how they are read, and what they may not say. */
import t from 'tap'
import fc from 'fast-check'
import { compilePolicies } from '../../lib/policies/compile.ts'
import { PolicyError } from '../../lib/policies/problems.ts'
import { compiled, problemsOf, source, sources } from './sources.ts'
import type { Files } from './sources.ts'

const SUBJECTS = `user:
  tenant: tenantId
  attributes:
    id: string
    tenantId: { type: string, optional: true }
    org.plan: { type: string, enum: [free, pro] }
environment:
  attributes:
    region: string
subjects:
  Article:
    tenant: tenantId
    attributes:
      id: integer
      tenantId: string
      status: { type: string, enum: [draft, published] }
      createdAt: date
      tags: array
      meta: object
      done: boolean
  Analytics: {}
`
const AUTHOR = `role: author
rules:
  - action: update
    subject: Article
    fields: [status, tags]
    conditions: { status: draft }
  - inverted: true
    action: update
    subject: Article
    conditions: { done: true }
    code: article_done
`
const MORE: Files = {
  'checks.json': '{ "deny": [{ "code": "account_suspended", "when": { "suspended": true } }] }',
  'pro.yaml': 'when: { id: pro }\ndenied: { code: plan_required }\nrules: [{ action: read, subject: Analytics }]\n',
  'outage.yaml': 'breakGlass: outage\nrules: [{ action: restart, subject: Analytics }]\n',
}
const UNDECLARED = 'role: author\nrules: [{ action: update, subject: Article, conditions: { a: 1 } }]\n'

/** A policy with one test, whose lines are given. */
function test (lines: string, policy = AUTHOR): string {
  return `${policy}tests:\n  - ${lines.trim().replaceAll('\n', '\n    ')}\n`
}

const WHOLE = `name: an author changes a draft
as: { id: abe, tenantId: aurora, org: { plan: pro }, roles: [author], memberships: [{ tenant: aurora, roles: [author] }] }
environment: { region: eu, now: { $date: '2026-01-01T08:00:00Z' } }
breakGlass: outage
given: { Article: { id: 1, createdAt: { $date: '2026-01-01' }, tags: [a, { $date: '2026-01-02' }], meta: { deep: { x: 1 } }, done: null } }
becomes: { status: published }
expect:
  read: deny
  update: { allow: [status, tags] }
  delete: { deny: article_done }
  create: { allow: status }
  restart: allow`

const ALL = { ...MORE, 'subjects.yaml': SUBJECTS.replace('org.plan', 'suspended: boolean\n    org.plan') }

t.test('a test is read as it is written, with the place of every expectation', async (t) => {
  const { tests } = compiled({ ...ALL, 'author.yaml': test(WHOLE) })
  t.strictSame(tests, [{
    name: 'an author changes a draft',
    as: { id: 'abe', tenantId: 'aurora', org: { plan: 'pro' }, roles: ['author'], memberships: [{ tenant: 'aurora', roles: ['author'] }] },
    environment: { region: 'eu', now: new Date('2026-01-01T08:00:00Z') },
    breakGlass: 'outage',
    subject: 'Article',
    record: { id: 1, createdAt: new Date('2026-01-01'), tags: ['a', new Date('2026-01-02')], meta: { deep: { x: 1 } }, done: null },
    becomes: { status: 'published' },
    expect: [
      { action: 'read', kind: 'deny', code: null, place: { file: 'author.yaml', line: 20, column: 13 } },
      { action: 'update', kind: 'allow', fields: ['status', 'tags'], place: { file: 'author.yaml', line: 21, column: 15 } },
      { action: 'delete', kind: 'deny', code: 'article_done', place: { file: 'author.yaml', line: 22, column: 15 } },
      { action: 'create', kind: 'allow', fields: ['status'], place: { file: 'author.yaml', line: 23, column: 15 } },
      { action: 'restart', kind: 'allow', fields: null, place: { file: 'author.yaml', line: 24, column: 16 } },
    ],
    place: { file: 'author.yaml', line: 13, column: 5 },
  }])
  t.ok(Object.isFrozen(tests[0]?.as) && Object.isFrozen(tests[0]?.record?.['tags']), 'a predicate cannot change them')
})

t.test('a test may leave out its name, its user and its record', async (t) => {
  const text = test('given: Analytics\nexpect: {}')
  t.match(compiled({ 'author.yaml': `${text}  - { as: null, given: Article, expect: { update: deny } }\n`, ...MORE }).tests, [
    { name: 'author, test 1', as: null, environment: {}, breakGlass: null, subject: 'Analytics', record: null, becomes: null, expect: [] },
    { name: 'author, test 2', as: null, subject: 'Article', record: null, expect: [{ action: 'update', kind: 'deny', code: null }] },
  ])
})

t.test('tests may stand in files of their own, in every format that policies have but code', async (t) => {
  const files: Files = {
    'author.yaml': AUTHOR,
    'author.test.yaml': 'tests: [{ given: Article, expect: {} }]\n',
    'team/more.test.yml': 'tests: [{ given: Article, expect: {} }]\n',
    'more.test.json': '{ "tests": [{ "given": "Article", "expect": {} }] }',
  }
  t.strictSame(compiled(files).tests.map(({ name, place }) => [name, place.file]), [
    ['author, test 1', 'author.test.yaml'],
    ['more, test 1', 'team/more.test.yml'],
    ['more, test 1', 'more.test.json'],
  ])
  const table = { ...source('a.yaml', 'tests: [{ given: Article, expect: {} }]\n'), holds: 'tests' as const }
  t.equal(compilePolicies([...sources({ 'author.yaml': AUTHOR }), table]).tests.length, 1, 'a source can say so without a name that does')
})

t.test('every sort of policy can have tests', async (t) => {
  const tests = 'tests: [{ given: Article, expect: {} }]\n'
  t.equal(compiled({
    'author.yaml': AUTHOR + tests,
    'pro.yaml': MORE['pro.yaml'] + tests,
    'outage.yaml': MORE['outage.yaml'] + tests,
    'checks.yaml': `deny: [{ code: gone, when: { gone: true } }]\n${tests}`,
  }).tests.length, 4)
})

t.test('a change of tests is no new policy', async (t) => {
  const plain = compiled({ 'author.yaml': AUTHOR }).version
  t.equal(compiled({ 'author.yaml': test('given: Article\nexpect: {}') }).version, plain)
  t.equal(compiled({ 'author.yaml': AUTHOR, 'author.test.yaml': 'tests: [{ given: Article, expect: {} }]\n' }).version, plain)
  t.not(compiled({ 'author.yaml': AUTHOR.replace('status: draft', 'status: gone') }).version, plain)
})

const given = (lines: string): string => `given: { Article: { id: 1 } }\nexpect: {}\n${lines}`
const expected = (line: string): string => `given: { Article: { id: 1 } }\nexpect: { ${line} }`

const CASES: readonly { promise: string, tests: string, problems: readonly string[] }[] = [
  { promise: 'an unknown key', tests: given('when: now'), problems: ['author.yaml:15:5 unknown key "when" in a test. Allowed: name, as, environment, given, becomes, breakGlass, expect'] },
  { promise: 'a test without what it needs', tests: 'name: a', problems: ['author.yaml:13:5 a test needs "given"', 'author.yaml:13:5 a test needs "expect"'] },
  { promise: 'an empty name', tests: given('name: ""'), problems: ['author.yaml:15:11 "name" is empty'] },
  { promise: 'a user that is a name', tests: given('as: abe'), problems: ['author.yaml:15:9 "as" must be a map or nothing; it is a text'] },
  { promise: 'what is given without a subject', tests: 'given: {}\nexpect: {}', problems: ['author.yaml:13:12 "given" is empty'] },
  { promise: 'a record that is a number', tests: 'given: { Article: 1 }\nexpect: {}', problems: ['author.yaml:13:23 "Article" must be a map; it is a number'] },
  { promise: 'an outcome that is none', tests: expected('update: allowed'), problems: ['author.yaml:14:23 "allowed" is not an expectation. Did you mean "allow"?'] },
  { promise: 'an empty outcome', tests: expected('update: {}'), problems: ['author.yaml:14:23 "update" is empty'] },
  { promise: 'an outcome of an unknown kind', tests: expected('update: { permit: a }'), problems: ['author.yaml:14:25 unknown key "permit" in an expectation. Allowed: allow, deny'] },
  { promise: 'a public code that is none', tests: expected('update: { deny: Article Done }'), problems: ['author.yaml:14:31 "Article Done" is not a code: lower-case letters, digits and "_", beginning with a letter'] },
  { promise: 'a field that is named twice', tests: expected('update: { allow: [status, status] }'), problems: ['author.yaml:14:33 "status" is listed twice in "allow"'] },
  { promise: 'two outcomes', tests: expected('update: { allow: status, deny: article_done }'), problems: ['author.yaml:14:40 "allow" and "deny" in one expectation: it is one of them'] },

  { promise: 'an unknown subject', tests: 'given: { Artcle: { id: 1 } }\nexpect: {}', problems: ['author.yaml:13:14 unknown subject "Artcle". Did you mean "Article"?'] },
  { promise: 'an unknown subject without a record', tests: 'given: Artcle\nexpect: {}', problems: ['author.yaml:13:12 unknown subject "Artcle". Did you mean "Article"?'] },
  { promise: 'every subject at once', tests: 'given: all\nexpect: {}', problems: ['author.yaml:13:12 unknown subject "all". Allowed: Article, Analytics'] },
  { promise: 'two records', tests: 'given: { Article: { id: 1 }, Analytics: {} }\nexpect: {}', problems: ['author.yaml:13:34 a test is given one record; write another test for the other'] },
  { promise: 'an unknown action', tests: expected('updat: allow'), problems: ['author.yaml:14:15 no rule mentions the action "updat". Did you mean "update"?'] },
  { promise: 'an unknown role', tests: given('as: { roles: [auther, 1] }'), problems: ['author.yaml:15:19 no policy defines the role "auther". Did you mean "author"?', 'author.yaml:15:27 no policy defines the role 1. Allowed: anonymous, author'] },
  { promise: 'roles that are no list', tests: given('as: { roles: author }'), problems: ['author.yaml:15:18 "roles" must be a list; it is "author"'] },
  { promise: 'an unknown role of a membership', tests: given('as: { memberships: [{ tenant: aurora, roles: [auther] }] }'), problems: ['author.yaml:15:51 no policy defines the role "auther". Did you mean "author"?'] },
  { promise: 'a membership in other words', tests: given('as: { memberships: [{ tenantId: aurora, role: author }] }'), problems: ['author.yaml:15:27 unknown key "tenantId" in a membership. Did you mean "tenant"?', 'author.yaml:15:45 unknown key "role" in a membership. Did you mean "roles"?'] },
  { promise: 'a membership without its parts', tests: given('as: { memberships: [{ since: 2026 }] }'), problems: ['author.yaml:15:25 a membership needs "tenant"', 'author.yaml:15:25 a membership needs "roles"'] },
  { promise: 'a membership of other types', tests: given('as: { memberships: [{ tenant: [aurora], roles: author }, aurora, { tenant: "", roles: [author] }] }'), problems: ['author.yaml:15:35 "tenant" must be a text or a number; it is ["aurora"]', 'author.yaml:15:52 "roles" must be a list; it is "author"', 'author.yaml:15:62 a membership must be a map, { tenant: …, roles: […] }; it is "aurora"', 'author.yaml:15:80 "tenant" must be a text or a number; it is ""'] },
  { promise: 'memberships that are a map', tests: given('as: { memberships: { aurora: [author] } }'), problems: ['author.yaml:15:24 "memberships" must be a list, [{ tenant: …, roles: […] }]; it is {"aurora":["author"]}'] },
  { promise: 'a time that is a text', tests: given('environment: { now: "2026-11-23T10:00:00Z" }'), problems: ['author.yaml:15:25 "now" is a date, and "2026-11-23T10:00:00Z" is none: write { $date: "2026-11-23T10:00:00Z" }'] },
  { promise: 'a time of the day', tests: given('environment: { now: "22:00" }'), problems: ['author.yaml:15:25 "now" is a date, and "22:00" is none: write { $date: "2026-01-01T22:00:00Z" }'] },
  { promise: 'a time that is another text', tests: given('environment: { now: soon }'), problems: ['author.yaml:15:25 "now" is a date, and "soon" is none: write { $date: "2026-01-01T00:00:00Z" }'] },
  { promise: 'a time that is a number', tests: given('environment: { now: 5 }'), problems: ['author.yaml:15:25 "now" is a date, and 5 is none: write { $date: "2026-01-01T00:00:00Z" }'] },
  { promise: 'an expectation that is true', tests: expected('update: true'), problems: ['author.yaml:14:23 "update" is true, and must be one of allow, deny, { allow: […] }, { deny: code }'] },
  { promise: 'an expectation in another word', tests: expected('update: yes'), problems: ['author.yaml:14:23 "yes" is not an expectation. Allowed: allow, deny, { allow: […] }, { deny: code }'] },
  { promise: 'an unknown public code', tests: expected('update: { deny: article_dun }'), problems: ['author.yaml:14:31 no policy has the code "article_dun". Did you mean "article_done"?'] },
  { promise: 'an unknown emergency', tests: given('breakGlass: outtage'), problems: ['author.yaml:15:17 no policy is for the emergency "outtage". Did you mean "outage"?'] },
  { promise: 'an unknown attribute of a record', tests: 'given: { Article: { sttus: draft } }\nexpect: {}', problems: ['author.yaml:13:25 unknown attribute "sttus" of Article. Did you mean "status"?'] },
  { promise: 'an unknown attribute of what it becomes', tests: given('becomes: { sttus: draft }'), problems: ['author.yaml:15:16 unknown attribute "sttus" of Article. Did you mean "status"?'] },
  { promise: 'an unknown attribute of the user, nested', tests: given('as: { idd: abe, org: { paln: pro, plan: gold } }'), problems: ['author.yaml:15:11 unknown attribute "idd" of the user. Did you mean "id"?', 'author.yaml:15:28 unknown attribute "org.paln" of the user. Did you mean "org.plan"?', 'author.yaml:15:45 "gold" is no value of "org.plan" of the user. Allowed: free, pro'] },
  { promise: 'a nested attribute of the user that is no map', tests: given('as: { org: pro }'), problems: ['author.yaml:15:11 unknown attribute "org" of the user. Allowed: id, tenantId, suspended, org.plan'] },
  { promise: 'an unknown value of the environment', tests: given('environment: { regoin: eu }'), problems: ['author.yaml:15:20 unknown attribute "regoin" of the environment. Did you mean "region"?'] },
  { promise: 'values of other types', tests: 'given: { Article: { id: "1", tags: a, meta: [], createdAt: now, status: 1 } }\nexpect: {}', problems: ['author.yaml:13:29 "id" of Article is integer: "1" does not fit', 'author.yaml:13:40 "tags" of Article is array: "a" does not fit', 'author.yaml:13:49 "meta" of Article is object: [] does not fit', 'author.yaml:13:64 "createdAt" of Article is date: "now" does not fit', 'author.yaml:13:77 "status" of Article is string: 1 does not fit'] },
  { promise: 'a date that is none', tests: 'given: { Article: { createdAt: { $date: soon } } }\nexpect: {}', problems: ['author.yaml:13:45 "soon" is no date: write it as in "2026-01-01T00:00:00Z"'] },
  { promise: 'a date that is a number', tests: 'given: { Article: { createdAt: { $date: 1 } } }\nexpect: {}', problems: ['author.yaml:13:45 1 is no date: write it as in "2026-01-01T00:00:00Z"'] },
  { promise: 'a date beside something else', tests: 'given: { Article: { createdAt: { $date: "2026-01-01", zone: utc } } }\nexpect: {}', problems: ['author.yaml:13:59 "$date" stands alone in its map'] },
  { promise: 'an unknown field', tests: expected('update: { allow: [sttus] }'), problems: ['author.yaml:14:33 unknown field "sttus" of Article. Did you mean "status"?'] },
  { promise: 'a pattern of fields', tests: expected('update: { allow: meta.* }'), problems: ['author.yaml:14:32 "meta.*" is a pattern: name each field'] },
  { promise: 'fields without a record', tests: 'given: Article\nexpect: { update: { allow: status } }', problems: ['author.yaml:14:32 fields are those of a record, and "given" has none: write { Article: { … } }'] },
  { promise: 'a change without a record', tests: 'given: Article\nbecomes: { id: 1 }\nexpect: {}', problems: ['author.yaml:14:5 "becomes" is about a record, and "given" has none: write { Article: { … } }'] },
]

for (const { promise, tests, problems } of CASES) {
  t.test(`law 11: ${promise} stops the start`, async (t) => {
    t.strictSame(problemsOf(() => compiled({ ...ALL, 'author.yaml': test(tests) })), problems)
  })
}

t.test('the words that everybody knows need no policy', async (t) => {
  const text = test('given: { Article: { id: 1, meta: { any: thing } } }\nexpect: { read: allow, delete: { deny: insufficient_permissions }, create: { deny: unauthenticated } }')
  t.equal(compiled({ ...ALL, 'author.yaml': text }).tests.length, 1)
  t.equal(compiled({ ...ALL, 'author.yaml': test('given: { Article: { createdAt: "2026-01-01" } }\nexpect: { update: { allow: meta.deep } }') }).tests.length, 1)
})

t.test('what a user calls his memberships is his own, where it is declared so; and nothing is missing where there are none', async (t) => {
  const subjects = SUBJECTS.replace('org.plan', 'memberships: object\n    org.plan')
  t.equal(compiled({ ...MORE, 'checks.json': '{ "deny": [{ "code": "x", "when": { "id": "x" } }] }', 'subjects.yaml': subjects, 'author.yaml': test('as: { memberships: { aurora: [author] } }\ngiven: Article\nexpect: {}') }).tests.length, 1)
  t.equal(compiled({ ...ALL, 'author.yaml': test('as: { memberships: null }\nenvironment: { now: null }\ngiven: Article\nexpect: {}') }).tests.length, 1)
  t.equal(compiled({ ...ALL, 'author.yaml': test('as: { memberships: [{ tenant: 7, roles: [author], since: 2026 }] }\ngiven: Article\nexpect: {}') }).tests.length, 1)
})

t.test('a time must be a date also where nothing is declared', async (t) => {
  t.strictSame(problemsOf(() => compiled({ 'author.yaml': test('environment: { now: "22:00" }\ngiven: Article\nexpect: {}', UNDECLARED) })), ['author.yaml:4:25 "now" is a date, and "22:00" is none: write { $date: "2026-01-01T22:00:00Z" }'])
})

t.test('where nothing is declared, tests may name what they like of users and records, but only subjects and actions of rules', async (t) => {
  t.equal(compiled({ 'author.yaml': test('as: { x: 1 }\nenvironment: { y: 2 }\ngiven: { Article: { z: 3 } }\nexpect: { update: { allow: w } }', UNDECLARED) }).tests.length, 1)
  t.strictSame(problemsOf(() => compiled({ 'author.yaml': test('given: { Artcle: {} }\nexpect: { updat: allow }', UNDECLARED) })), [
    'author.yaml:4:14 unknown subject "Artcle". Did you mean "Article"?',
    'author.yaml:5:15 no rule mentions the action "updat". Did you mean "update"?',
  ])
  const everything = 'role: admin\nrules: [{ action: manage, subject: all }]\n'
  t.equal(compiled({ 'admin.yaml': test('given: { Whatever: {} }\nexpect: { manage: allow }', everything) }).tests.length, 1, 'a rule for all subjects makes any name one')
  t.strictSame(problemsOf(() => compiled({ 'admin.yaml': test('given: { all: {} }\nexpect: {}', everything) })), ['admin.yaml:4:14 unknown subject "all". Allowed: nothing'])
})

t.test('a file of tests holds tests only, and some', async (t) => {
  t.strictSame(problemsOf(() => compiled({ 'a.test.yaml': 'role: author\n' })), ['a.test.yaml:1:1 a file of tests needs "tests"', 'a.test.yaml:1:1 unknown key "role" in a file of tests. Allowed: tests'])
  t.strictSame(problemsOf(() => compiled({ 'a.test.yaml': 'tests: []\n' })), ['a.test.yaml:1:8 "tests" is empty'])
  t.strictSame(problemsOf(() => compiled({ 'a.test.yaml': '- 1\n' })), ['a.test.yaml:1:1 a file of tests must be a map; it is a list'])
})

t.test('the words of tests are not held against a broken policy', async (t) => {
  t.strictSame(problemsOf(() => compiled({ 'author.yaml': test('given: { Nothing: {} }\nexpect: {}', AUTHOR.replace('conditions:', 'condition:')) })), [
    'author.yaml:6:5 unknown key "condition" in a rule. Did you mean "conditions"?',
  ])
})

t.test('whatever stands under tests is read or refused, never anything else', async () => {
  const words = fc.constantFrom('name', 'as', 'given', 'expect', 'environment', 'becomes', 'breakGlass', 'roles', 'Article', 'update', 'allow', 'deny', '$date', '__proto__', 'outage')
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof({ maxDepth: 5 }, fc.constant(null), words, fc.integer(), fc.array(tie('tree'), { maxLength: 3 }), fc.dictionary(fc.oneof(words, fc.string()), tie('tree'), { maxKeys: 4 })),
  }))
  fc.assert(fc.property(fc.array(fc.oneof(tree, fc.record({ given: tree, expect: tree, as: tree }, { requiredKeys: ['given', 'expect'] })), { maxLength: 3 }), (tests) => {
    try {
      compilePolicies([...sources({ ...ALL, 'author.yaml': AUTHOR }), { file: 'any', holds: 'tests', content: { tests }, locate: () => ({ file: 'any' }) }])
    } catch (error) {
      if (!(error instanceof PolicyError)) throw error
    }
  }), { numRuns: 300 })
})
