/** Mutation of policies: whatever is dropped, some test must notice. */
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { mutatePolicies } from '../../lib/testing/index.ts'
import { sources } from '../policies/sources.ts'
import { mutantsOf } from '../../lib/testing/mutants.ts'
import { folderOf } from './policies.ts'

const SUBJECTS = 'user: { tenant: tenantId, attributes: { id: string, tenantId: string, plan: string, level: integer, suspended: boolean } }\nsubjects:\n  Article: { tenant: tenantId, attributes: { tenantId: string, authorId: string, status: string }, relations: { owner: { authorId: $user.id } } }\n  Report: {}\n'

/** What each mutant of one file lacks, and what is left. */
function mutants (text: string, file = 'policy.yaml'): [dropped: string, content: unknown][] {
  return sources({ [file]: text }).flatMap(mutantsOf).map(({ dropped, content }) => [dropped, JSON.parse(JSON.stringify(content))])
}

t.test('every rule, and every part of it, is dropped once', async (t) => {
  const rule = { action: ['read', 'update'], subject: 'Article' }
  t.strictSame(mutants(`role: author
rules:
  - action: [read, update]
    subject: Article
    fields: [title, body]
    state: old
    conditions: { a: 1, b: { $gt: 2, $not: { $in: [3] } }, $or: [{ c: 4 }, { $not: { d: 5 } }] }
`).map(([dropped, content]) => [dropped, (content as { rules: unknown[] }).rules[0]]), [
    ['the rule', undefined],
    ['action: "read"', { ...rule, action: ['update'], fields: ['title', 'body'], state: 'old', conditions: all() }],
    ['action: "update"', { ...rule, action: ['read'], fields: ['title', 'body'], state: 'old', conditions: all() }],
    ['fields: "title"', { ...rule, fields: ['body'], state: 'old', conditions: all() }],
    ['fields: "body"', { ...rule, fields: ['title'], state: 'old', conditions: all() }],
    ['conditions.a: 1', whole({ b: all().b, $or: all().$or })],
    ['conditions.b.$gt: 2', whole({ ...all(), b: { $not: { $in: [3] } } })],
    ['conditions.b.$not.$in: [3]', whole({ ...all(), b: { $gt: 2 } })],
    ['conditions.$or.0.c: 4', whole({ ...all(), $or: [{ $not: { d: 5 } }] })],
    ['conditions.$or.1.$not.d: 5', whole({ ...all(), $or: [{ c: 4 }] })],
    ['fields', { ...rule, state: 'old', conditions: all() }],
    ['state', { ...rule, fields: ['title', 'body'], conditions: all() }],
    ['the guard between tenants', { ...whole(all()), crossTenant: true }],
  ])

  function all () {
    return { a: 1, b: { $gt: 2, $not: { $in: [3] } }, $or: [{ c: 4 }, { $not: { d: 5 } }] }
  }
  function whole (conditions: object) {
    return { ...rule, fields: ['title', 'body'], state: 'old', conditions }
  }
})

t.test('the last comparison takes the condition with it', async (t) => {
  const rules = 'rules: [{ action: read, subject: Report, crossTenant: true, conditions: { $or: [{ a: { $not: { $in: [1] } } }] }, environment: { now: { $between: { from: "08:00", to: "18:00", timeZone: UTC } } } }]'
  t.strictSame(mutants(`role: a\n${rules}\n`).map(([dropped]) => dropped), [
    'the rule', 'conditions.$or.0.a.$not.$in: [1]', 'environment.now.$between: {"from":"08:00","to":"18:00","timeZone":"UTC"}', 'crossTenant',
  ])
  const [, conditions, environment] = mutants(`role: a\n${rules}\n`)
  t.notOk('conditions' in (conditions?.[1] as any).rules[0])
  t.notOk('environment' in (environment?.[1] as any).rules[0])
})

t.test('what is forbidden is allowed once, and loses its code', async (t) => {
  t.strictSame(mutants('role: a\nrules: [{ inverted: true, action: read, subject: Report, reason: r, code: c }]\n'), [
    ['the rule', { role: 'a', rules: [] }],
    ['inverted', { role: 'a', rules: [{ action: 'read', subject: 'Report' }] }],
    ['code', { role: 'a', rules: [{ inverted: true, action: 'read', subject: 'Report', reason: 'r' }] }],
  ])
  t.strictSame(mutants('role: a\nrules: [{ inverted: true, action: read, subject: Report }]\n').map(([dropped]) => dropped), ['the rule', 'inverted'])
})

t.test('sets of users, pre-checks, emergencies and inheritance are dropped too', async (t) => {
  t.strictSame(mutants('name: pro\nwhen: { plan: pro, level: { $gt: 1 } }\ndenied: { code: c }\nrules: []\n').map(([dropped]) => dropped), ['when.plan: "pro"', 'when.level.$gt: 1', 'when', 'denied'])
  t.strictSame(mutants('when: { plan: pro }\nrules: []\n'), [['when', { when: { plan: 'pro' }, rules: [] }]])
  t.strictSame(mutants('deny: [{ code: a, when: { x: 1, y: 2 } }, { code: b, when: { z: 1 } }]\n').map(([dropped]) => dropped), ['the pre-check 1', 'deny.0.when.x: 1', 'deny.0.when.y: 2', 'the pre-check 2'])
  t.strictSame(mutants('deny: [{ code: a, when: { x: 1 } }]\n'), [['the pre-check 1', null]])
  t.strictSame(mutants('breakGlass: out\nrules: [{ action: read, subject: Report, crossTenant: true }]\n'), [['the rule', null], ['crossTenant', { breakGlass: 'out', rules: [{ action: 'read', subject: 'Report' }] }]])
  t.strictSame(mutants('role: a\ninherits: b\n'), [['inherits: "b"', { role: 'a' }]])
  t.strictSame(mutants('role: a\ninherits: [b, c]\n'), [['inherits: "b"', { role: 'a', inherits: ['c'] }], ['inherits: "c"', { role: 'a', inherits: ['b'] }]])
  t.strictSame(mutants('role: a\ninherits: [b]\n'), [['inherits: "b"', { role: 'a' }]])
  t.strictSame(mutants('tests: []\n', 'a.test.yaml'), [])
  t.strictSame(mutants(SUBJECTS, 'subjects.yaml'), [])
})

const WATCHED = `role: author
rules:
  - { action: update, subject: Article, conditions: { authorId: $user.id } }
tests:
  - { name: own, as: { id: abe, tenantId: aurora, roles: [author], suspended: false, plan: free }, given: { Article: { tenantId: aurora, authorId: abe } }, expect: { update: allow } }
  - { name: another's, as: { id: abe, tenantId: aurora, roles: [author], suspended: false, plan: free }, given: { Article: { tenantId: aurora, authorId: ada } }, expect: {} }
  - { name: elsewhere, as: { id: abe, tenantId: aurora, roles: [author], suspended: false, plan: free }, given: { Article: { tenantId: borealis, authorId: abe } }, expect: {} }
`

t.test('each comparison of a relation is dropped, unless it is the only one', async (t) => {
  const subjects = `user: { attributes: { id: string, teams: array } }
subjects:
  Article:
    attributes: { by: string, team: string, open: boolean }
    relations:
      owner: { by: $user.id }
      mate: { team: { $in: $user.teams }, $or: [{ open: true }, { by: { $ne: $user.id } }] }
      unused: { by: $user.id, open: true }
  Report: {}
`
  const relations = (content: unknown): unknown => (content as { subjects: { Article: { relations: { mate: unknown } } } }).subjects.Article.relations.mate
  t.strictSame(mutants(subjects, 'subjects.yaml').map(([dropped, content]) => [dropped, relations(content)]).slice(0, 3), [
    ['subjects.Article.relations.mate.team.$in: "$user.teams"', { $or: [{ open: true }, { by: { $ne: '$user.id' } }] }],
    ['subjects.Article.relations.mate.$or.0.open: true', { team: { $in: '$user.teams' }, $or: [{ by: { $ne: '$user.id' } }] }],
    ['subjects.Article.relations.mate.$or.1.by.$ne: "$user.id"', { team: { $in: '$user.teams' }, $or: [{ open: true }] }],
  ])
  const policy = `role: author
rules: [{ action: read, subject: Article, relation: mate }]
tests:
  - { as: { id: ada, teams: [a], roles: [author] }, given: { Article: { by: bob, team: a, open: false } }, expect: { read: allow } }
  - { as: { id: ada, teams: [a], roles: [author] }, given: { Article: { by: ada, team: a, open: false } }, expect: {} }
  - { as: { id: ada, teams: [a], roles: [author] }, given: { Article: { by: ada, team: a, open: true } }, expect: { read: allow } }
`
  const { survivors } = await mutatePolicies(folderOf(t, { 'subjects.yaml': subjects, 'author.yaml': policy }))
  t.strictSame(survivors.map(({ dropped, place: { line } }) => [dropped, line]), [['subjects.Article.relations.mate.team.$in: "$user.teams"', 7]])
})

t.test('no mutant survives tests that say everything', async (t) => {
  const report = await mutatePolicies(folderOf(t, { 'subjects.yaml': SUBJECTS, 'author.yaml': WATCHED }))
  t.match(report, { tests: 3, mutants: 3, noticed: 3, refused: 0, survivors: [], uncovered: [], text: '3 tests notice 3 of 3 mutants; 0 more could not come in force.' })
})

t.test('what no test notices is told with its place', async (t) => {
  const folder = folderOf(t, {
    'subjects.yaml': SUBJECTS,
    'author.yaml': WATCHED.replace(/ {2}- \{ name: (?:another|elsewhere).*\n/g, ''),
    'idle.yaml': 'role: idle\nrules:\n  - { action: read, subject: Report }\n  - { action: read, subject: Article }\n',
    'checks.yaml': 'deny: [{ code: gone, when: { suspended: true, plan: none } }]\n',
  })
  const report = await mutatePolicies(folder)
  const near = (place: { file: string }): string => place.file.slice(folder.length + 1)
  t.strictSame(report.survivors.map(({ place, dropped }) => `${near(place)}:${place.line}:${place.column} ${dropped}`), [
    'author.yaml:3:55 conditions.authorId: "$user.id"',
    'author.yaml:3:5 the guard between tenants',
    'checks.yaml:1:8 the pre-check 1',
    'checks.yaml:1:30 deny.0.when.suspended: true',
    'checks.yaml:1:47 deny.0.when.plan: "none"',
    'idle.yaml:3:5 the rule',
    'idle.yaml:4:5 the rule',
    'idle.yaml:4:5 the guard between tenants',
  ])
  t.strictSame(report.uncovered.map(({ place, rule }) => [near(place), place.line, rule]), [['idle.yaml', 3, 1], ['idle.yaml', 4, 2]])
  t.match(report, { mutants: 9, noticed: 1 })
  t.strictSame(report.text.split('\n').length, 1 + 8 + 2)
  t.match(report.text, /idle\.yaml:3:5 rule 1 is covered by no test\n/)
  t.match(report.text, /author\.yaml:3:55 no test fails without conditions\.authorId: "\$user\.id"\n/)
})

t.test('a set of users is opened to everybody', async (t) => {
  const pro = 'when: { plan: pro }\nrules: [{ action: read, subject: Report }]\n'
  const test = (plan: string, outcome: string): string => `  - { as: { plan: ${plan} }, given: Report, expect: { read: ${outcome} } }\n`
  const survivors = async (tests: string): Promise<string[]> => (await mutatePolicies(folderOf(t, { 'pro.yaml': `${pro}tests:\n${tests}`, 'more.yaml': 'name: other\nwhen: { level: 1 }\nrules: []\n' }))).survivors.map(({ dropped }) => dropped)
  t.strictSame(await survivors(test('pro', 'allow')), ['when', 'when'])
  t.strictSame(await survivors(test('pro', 'allow') + test('free', 'deny')), ['when'], 'only that of the other set, which has no rules')
})

t.test('a mutant that could not come in force is no survivor, and what changes nothing is no mutant', async (t) => {
  const report = await mutatePolicies(folderOf(t, {
    'subjects.yaml': SUBJECTS,
    'a.yaml': 'role: a\ninherits: b\nrules: [{ action: read, subject: all, crossTenant: true }]\ntests: [{ as: { roles: [a] }, given: Report, expect: { read: allow } }]\n',
    'b.yaml': 'role: b\n',
    'c.yaml': 'role: c\nrules: [{ action: read, subject: Report }]\n',
  }))
  t.match(report, { mutants: 3, noticed: 1, refused: 1 })
  t.strictSame(report.survivors.map(({ dropped }) => dropped), ['the rule'])
  t.match(report.text, /^1 tests notice 1 of 2 mutants; 1 more could not come in force\./)
})

t.test('numbers of any size are compared', async (t) => {
  const policies = [
    { role: 'b', rules: [{ action: 'read', subject: 'Report', conditions: { size: 12345678901234567890n } }], tests: [{ as: { roles: ['b'] }, given: { Report: { size: 12345678901234567890n } }, expect: { read: 'allow' } }] },
    { role: 'a', inherits: 'b' },
  ] as const
  const { survivors } = await mutatePolicies(policies)
  t.strictSame(survivors.map(({ dropped }) => dropped), ['conditions.size: 12345678901234567890n', 'inherits: "b"'])
})

t.test('policies whose tests fail, or that have none, cannot be mutated', async (t) => {
  await t.rejects(mutatePolicies(folderOf(t, { 'author.yaml': 'role: author\n' })), { message: /the policies have no tests/ })
  await t.rejects(mutatePolicies(folderOf(t, { 'a.yaml': 'role: a\nrules: [{ action: read, subject: Report }]\ntests: [{ given: Report, expect: { read: allow } }]\n' })), { message: /1 of 1 tests of the policies fails:\n.+expected allow, got deny/ })
  await t.rejects(mutatePolicies([]), { code: 'FST_GATEHOUSE_POLICY' })
})

t.test('authz R20: whatever is dropped from newsroom\'s policies, one of their tests notices', async (t) => {
  const report = await mutatePolicies(fileURLToPath(new URL('../../policies/', import.meta.url)))
  t.equal(report.survivors.length, 0, report.text)
  t.equal(report.uncovered.length, 0)
  t.equal(report.refused, 0)
  t.ok(report.noticed >= 60 && report.noticed === report.mutants, report.text)
})
