import assert from 'node:assert/strict'
import t from 'tap'
import fc from 'fast-check'
import { Abilities, type Around } from '../../lib/authorization/abilities.ts'
import { explain, type Question } from '../../lib/authorization/explanation.ts'
import { Impersonation } from '../../lib/authorization/impersonation.ts'
import type { RuleDefinition } from '../../lib/policies/define.ts'
import type { Candidate, Explanation } from '../../lib/reporting/explanation.ts'
import { compiled } from '../policies/sources.ts'
import { abilitiesOf } from './abilities.ts'

const abilities = new Abilities(compiled({
  'subjects.yaml': 'user: { tenant: tenantId, attributes: { id: string, tenantId: string, plan: string } }\nsubjects: { Doc: { tenant: tenantId, attributes: { tenantId: string, authorId: string, status: string, level: integer, tags: array, title: string, body: string } }, Note: {} }\n',
  'anonymous.yaml': 'role: anonymous\nrules:\n  - { action: read, subject: Doc, conditions: { status: published }, crossTenant: true }\n',
  'reader.yaml': 'role: reader\nrules:\n  - { action: read, subject: Doc, conditions: { level: { $lte: 3 } } }\n',
  'author.yaml': `role: author
inherits: reader
rules:
  - { action: [read, update], subject: Doc, conditions: { authorId: $user.id } }
  - action: update
    subject: Doc
    inverted: true
    conditions: { $nor: [{ status: draft }, { status: review }] }
  - { action: update, subject: Doc, inverted: true, fields: [status] }
  - { action: update, subject: Doc, inverted: true, state: new, conditions: { level: 9 } }
`,
  'editor.yaml': 'role: editor\ninherits: author\nrules: []\n',
  'plan.yaml': 'name: pro\nwhen: { plan: pro }\nrules:\n  - { action: read, subject: Doc, environment: { address: { $cidr: 10.0.0.0/8 }, now: { $between: { from: "09:00", to: "17:00", zone: UTC } } } }\n',
}))

const ada = { id: 'ada', tenantId: 'a', plan: 'pro' }
const around: Around = { environment: { address: '10.0.0.1', now: new Date('2026-01-05T12:00:00Z') } }
const draft = { tenantId: 'a', authorId: 'ada', status: 'draft', level: 5 }

function explained (question: Partial<Question>, { roles = ['editor'], user = ada as object | null, env = around } = {}): Explanation {
  return explain(abilities.of(user, roles, env), roles, { action: 'read', subject: 'Doc', ...question })
}

function candidate (explanation: Explanation, rule: string): Candidate | undefined {
  return explanation.candidates.find((candidate) => candidate.rule === rule)
}

t.test('the winner is told with its place, and the way from the user\'s role to it', async (t) => {
  const told = explained({ record: draft, action: 'update' })
  t.match(told, { allowed: true, action: 'update', subject: 'Doc', field: null, rule: 'author/1', place: 'author.yaml:4', via: 'editor > author', more: 0, policy: abilities.policy.version })
  t.match(explained({ record: { ...draft, authorId: 'grace', level: 1 } }, { env: { environment: { address: '::1', now: new Date(0) } } }), { allowed: true, rule: 'reader/1', via: 'editor > author > reader' })
  t.match(explained({ record: { status: 'published' } }, { user: null, roles: [] }), { allowed: true, rule: 'anonymous/1', via: 'anonymous' })
  t.match(explained({ record: { ...draft, authorId: 'grace' } }), { allowed: true, rule: 'pro/1', via: 'pro' })
})

t.test('of a no every rule that was asked is told, and on which path each failed', async (t) => {
  const told = explained({ record: { ...draft, authorId: 'grace' } }, { user: { ...ada, plan: 'free' } })
  t.match(told, { allowed: false, rule: null, place: null, via: null, candidates: { length: 3 } })
  t.same(candidate(told, 'author/1'), { rule: 'author/1', place: 'author.yaml:4', inverted: false, via: 'editor > author', applies: 'no', failed: [{ path: 'record.authorId', operator: '$eq', lacking: false }] })
  t.match(candidate(told, 'reader/1'), { applies: 'no', failed: [{ path: 'record.level', operator: '$lte', lacking: false }] })
  t.match(candidate(told, 'anonymous/1'), { via: 'editor > anonymous', applies: 'no', failed: [{ path: 'record.status', operator: '$eq' }] })
})

t.test('what is forbidden tells the rule that forbids it', async (t) => {
  const told = explained({ record: { ...draft, status: 'published' }, action: 'update' })
  t.match(told, { allowed: false, rule: 'author/2', place: 'author.yaml:5', via: 'editor > author' })
  t.match(candidate(told, 'author/2'), { inverted: true, applies: 'yes', failed: [] })
  t.match(candidate(explained({ record: draft, action: 'update' }), 'author/2'), { applies: 'no', failed: [{ path: 'record.status', operator: 'not $eq' }] })
})

t.test('law 11: what cannot be known is told as lacking, on the side where it is', async (t) => {
  const record = explained({ record: { tenantId: 'a', authorId: 'ada' }, action: 'update' })
  t.match(candidate(record, 'author/2'), { applies: 'unknown', failed: [{ path: 'record.status', operator: 'not $eq', lacking: true }, { path: 'record.status', lacking: true }] })
  t.match(record, { allowed: false, rule: 'author/2' })
  t.match(candidate(explained({ record: draft }, { user: { id: 'ada' } }), 'author/1'), { applies: 'unknown', failed: [{ path: 'user.tenantId', operator: '$eq', lacking: true }] })
  t.match(candidate(explained({ record: draft }, { user: { tenantId: 'a' } }), 'author/1'), { applies: 'unknown', failed: [{ path: 'user.id', operator: '$eq', lacking: true }] })
  t.match(candidate(explained({ record: draft }, { env: {} }), 'pro/1'), { applies: 'unknown', failed: [{ path: 'environment.address', operator: '$cidr', lacking: true }, { path: 'environment.now', operator: '$between', lacking: true }] })
})

t.test('values are told only where they are asked for', async (t) => {
  const secret = { ...draft, authorId: 's3cret-author', status: 's3cret-status', level: 77 }
  const question = { record: secret, action: 'read' }
  for (const values of [undefined, false]) t.notMatch(JSON.stringify(explained({ ...question, values }, { user: { ...ada, plan: 'pro', id: 's3cret-user' }, env: { environment: { address: '192.0.2.77', now: new Date(0) } } })), /s3cret|77|1970/)
  const told = explained({ ...question, values: true }, { env: { environment: { address: '192.0.2.7', now: new Date('2026-01-05T18:00:00Z') } } })
  t.match(candidate(told, 'author/1'), { failed: [{ path: 'record.authorId', expected: 'ada', actual: 's3cret-author' }] })
  t.match(candidate(told, 'pro/1'), {
    failed: [
      { path: 'environment.address', operator: '$cidr', expected: ['10.0.0.0/8'], actual: '192.0.2.7' },
      { path: 'environment.now', operator: '$between', expected: '09:00 to 17:00 in UTC', actual: new Date('2026-01-05T18:00:00Z') },
    ]
  })
})

t.test('without a record it tells what could be allowed on any', async (t) => {
  t.match(explained({}), { allowed: true, rule: /./ })
  t.match(candidate(explained({}), 'author/1'), { applies: 'yes', failed: [] })
  t.match(explained({ action: 'delete' }), { allowed: false, rule: null, candidates: [] })
  t.match(candidate(explained({}, { user: {} }), 'author/1'), { applies: 'unknown', failed: [{ path: 'user.tenantId', lacking: true }] })
  t.match(candidate(explained({}, { env: { environment: { address: '::1', now: new Date() } } }), 'pro/1'), { applies: 'no' }, 'that the environment is another is known')
  t.match(candidate(explained({}, { env: {} }), 'pro/1'), { applies: 'unknown' })
})

t.test('a field and a state are part of the question', async (t) => {
  t.match(explained({ action: 'update', record: draft, field: 'status' }), { allowed: false, field: 'status', rule: 'author/3' })
  t.match(candidate(explained({ action: 'update', record: draft, field: 'status' }), 'author/3'), { applies: 'yes', failed: [] })
  const title = explained({ action: 'update', record: draft, field: 'title', values: true })
  t.match(title, { allowed: true, rule: 'author/1' })
  t.match(candidate(title, 'author/3'), { applies: 'no', failed: [{ path: 'field', operator: '$in', lacking: false, expected: ['status'], actual: 'title' }] })
  t.match(candidate(explained({ action: 'update', record: draft, values: true }), 'author/3'), { applies: 'no', failed: [{ path: 'field', expected: ['status'], actual: null }] }, 'it says nothing of the record as a whole')
  t.same(candidate(explained({ action: 'update', record: draft }), 'author/3')?.failed, [{ path: 'field', operator: '$in', lacking: false }])

  const future = explained({ action: 'update', record: { ...draft, level: 9 }, state: 'new' })
  t.match(future, { allowed: false, rule: 'author/4' })
  t.match(candidate(explained({ action: 'update', record: { ...draft, level: 9 }, values: true }), 'author/4'), { applies: 'no', failed: [{ path: 'state', operator: '$eq', expected: 'new', actual: 'old' }] })
  t.same(candidate(explained({ action: 'update', record: { ...draft, level: 9 } }), 'author/4')?.failed, [{ path: 'state', operator: '$eq', lacking: false }])
})

t.test('of an impersonation both people\'s rules are told', async (t) => {
  const both = new Impersonation(abilities.of(ada, ['author'], around), abilities.of({ id: 'ida', tenantId: 'a' }, ['reader']))
  const told = explain(both, ['author'], { action: 'read', subject: 'Doc', record: draft })
  t.match(told, { allowed: false, rule: null })
  t.equal(told.candidates.filter(({ rule }) => rule === 'reader/1').length, 2)
})

t.test('of many candidates the first are told, and how many more there were', async (t) => {
  const many = abilitiesOf({ role: 'member', rules: Array.from({ length: 50 }, (_, id) => ({ action: 'read', subject: 'Doc', conditions: { id } })) }).of({}, ['member'])
  t.match(explain(many, ['member'], { action: 'read', subject: 'Doc', record: { id: 99 } }, 20), { candidates: { length: 20 }, more: 30, allowed: false })
  t.match(explain(many, ['member'], { action: 'read', subject: 'Doc', record: { id: 99 } }), { candidates: { length: 50 }, more: 0 })
})

t.test('a role that the user does not hold is told by its name, and roles that inherit one another in many ways by the shortest', async (t) => {
  const diamond = abilitiesOf({ role: 'top', inherits: ['left', 'middle'] }, { role: 'middle', inherits: ['left', 'right'] }, { role: 'left', inherits: 'base' }, { role: 'right', inherits: 'base' }, { role: 'base', rules: [{ action: 'read', subject: 'Doc' }] })
  t.equal(explain(diamond.of({}, ['top']), ['top'], { action: 'read', subject: 'Doc' }).via, 'top > left > base')
  t.equal(explain(diamond.of({}, ['top']), [], { action: 'read', subject: 'Doc' }).via, 'base')
  t.equal(explain(diamond.of({}, ['top']), ['middle', 'nobody', 'right'], { action: 'read', subject: 'Doc' }).via, 'right > base')
})

const value = fc.constantFrom<unknown>(1, 2, 'a', null, undefined, NaN)
const literal = fc.constantFrom<unknown>(1, 2, 'a', '$user.n', '$user.gone')
const attributes = fc.dictionary(fc.constantFrom('a', 'b'), fc.oneof(literal, fc.record({ $ne: literal }), fc.record({ $in: fc.constantFrom([1, 2]) }), fc.record({ $not: fc.record({ $lt: fc.constantFrom(2) }) })), { minKeys: 1 })
const rule = fc.record({
  action: fc.constantFrom('read', 'manage'),
  subject: fc.constantFrom('Doc', 'all'),
  inverted: fc.boolean(),
  conditions: fc.oneof(attributes, fc.record({ $or: fc.array(attributes, { minLength: 1, maxLength: 2 }) }), fc.record({ $nor: fc.array(attributes, { minLength: 1, maxLength: 2 }) })),
  environment: fc.constantFrom({ e: 1 }, { e: 2 }, { gone: 1 }, { $or: [{ e: 2 }, { e: 1 }] }),
  fields: fc.constantFrom('x', ['y', 'z.*']),
  state: fc.constantFrom('old', 'new'),
}, { requiredKeys: ['action', 'subject'] })

t.test('an explanation says what the decision says: the answer follows from its candidates, and it tells a reason for each that does not apply', async (t) => {
  fc.assert(fc.property(fc.array(rule, { minLength: 1, maxLength: 5 }), fc.record({ a: value, b: value }, { requiredKeys: [] }), fc.constantFrom(undefined, 'x', 'z.q'), fc.constantFrom('old' as const, 'new' as const), (rules, record, field, state) => {
    const ability = abilitiesOf({ role: 'member', rules: rules as RuleDefinition[] }).of({ n: 1 }, ['member'], { environment: { e: 1 } })
    const told = explain(ability, ['member'], { action: 'read', subject: 'Doc', record, field, state, values: true })
    assert.equal(told.allowed, ability.allows('read', 'Doc', record, field, state))
    const counts = ({ inverted, applies }: Candidate) => applies === 'yes' || (inverted && applies === 'unknown')
    assert.equal(told.candidates.some((one) => !one.inverted && counts(one)) && !told.candidates.some((one) => one.inverted && counts(one)), told.allowed)
    const decisive = told.candidates.find((one) => one.rule === told.rule)
    assert.equal(decisive === undefined ? false : !decisive.inverted, told.allowed)
    assert.ok(decisive === undefined || counts(decisive))
    for (const { applies, failed } of told.candidates) assert.equal(failed.length > 0, applies !== 'yes', JSON.stringify(told))
    const ever = explain(ability, ['member'], { action: 'read', subject: 'Doc' })
    assert.equal(ever.allowed, ability.ever('read', 'Doc'))
  }), { numRuns: 500 })
  t.pass()
})
