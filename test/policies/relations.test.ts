import t from 'tap'
import { Abilities } from '../../lib/authorization/abilities.ts'
import { compilePolicies } from '../../lib/policies/compile.ts'
import { REPORTED } from '../../lib/policies/condition-compiler.ts'
import { definePolicy } from '../../lib/policies/define.ts'
import { sourcesOf } from '../../lib/policies/read.ts'
import { NO_RELATIONS, relationOf } from '../../lib/policies/relations.ts'
import { compiled, problemsOf, type Files } from './sources.ts'

const SUBJECTS = `user:
  tenant: tenantId
  attributes: { id: string, tenantId: string, teams: array }
subjects:
  Doc:
    tenant: tenantId
    attributes: { tenantId: string, ownerId: string, memberIds: array, team: string, archived: boolean }
    relations:
      owner: { ownerId: $user.id }
      member: { memberIds: { $all: [$user.id] } }
      colleague: { team: { $in: $user.teams } }
  Task:
    attributes: { by: string }
    relations:
      owner: { by: $user.id }
`

function policies (rules: string): Files {
  return { 'subjects.yaml': SUBJECTS, 'clerk.yaml': `role: clerk\nrules:\n${rules.replace(/^/gm, '  ')}\n` }
}

function clerk (rules: string, user: object = { id: 'ada', tenantId: 'a', teams: ['x'] }) {
  return new Abilities(compiled(policies(rules))).of(user, ['clerk'])
}

t.test('a relation is the condition that subjects.yaml gives to its name, beside the rule\'s own and the tenant', async (t) => {
  const ability = clerk('- { action: read, subject: Doc, relation: owner, conditions: { archived: false } }')
  const mine = { tenantId: 'a', ownerId: 'ada', archived: false }
  t.equal(ability.allows('read', 'Doc', mine), true)
  for (const differing of [{ ownerId: 'grace' }, { archived: true }, { tenantId: 'b' }, { ownerId: undefined }, { tenantId: null }]) t.equal(ability.allows('read', 'Doc', { ...mine, ...differing }), false, JSON.stringify(differing))
})

t.test('of several relations one is enough', async (t) => {
  const ability = clerk('- { action: read, subject: Doc, relation: [owner, member, colleague], crossTenant: true }')
  for (const record of [{ ownerId: 'ada' }, { memberIds: ['grace', 'ada'] }, { team: 'x' }]) t.equal(ability.allows('read', 'Doc', record), true, JSON.stringify(record))
  for (const record of [{}, { ownerId: 'grace', memberIds: ['grace'], team: 'y' }, { memberIds: 'ada' }, { memberIds: [] }, { memberIds: [['ada']] }]) t.equal(ability.allows('read', 'Doc', record), false, JSON.stringify(record))
})

t.test('a relation may mean something else for each subject of a rule', async (t) => {
  const files = policies('- { action: read, subject: [Doc, Task], relation: owner }')
  const ability = new Abilities(compiled(files)).of({ id: 'ada', tenantId: 'a' }, ['clerk'])
  t.equal(ability.allows('read', 'Task', { by: 'ada' }), true)
  t.equal(ability.allows('read', 'Task', { by: 'grace', ownerId: 'ada', tenantId: 'a' }), false)
  t.equal(ability.allows('read', 'Doc', { by: 'ada', ownerId: 'grace', tenantId: 'a' }), false)
  t.same(compiled(files).roles.get('clerk')?.map(({ id }) => id), ['clerk/1:Doc', 'clerk/1:Task'])
})

t.test('a rule for several subjects with one condition stays one rule, also with a number that only a bigint holds', async (t) => {
  const rules = compilePolicies(sourcesOf([definePolicy({ role: 'a', rules: [{ action: 'read', subject: ['Doc', 'Task'], conditions: { n: 12345678901234567890n } }] })])).roles.get('a')
  t.same(rules?.map(({ id, subject }) => [id, subject]), [['a/1', ['Doc', 'Task']]])
})

t.test('law 11: where the user or the record lacks a value, an allowing relation does not hold and a forbidding one does', async (t) => {
  const allowing = '- { action: read, subject: Doc, relation: member, crossTenant: true }'
  const forbidding = '- { action: read, subject: Doc, crossTenant: true }\n- { action: read, subject: Doc, inverted: true, relation: member }'
  for (const [user, record] of [[{}, { memberIds: ['ada'] }], [{ id: ['ada'] }, { memberIds: ['ada'] }], [{ id: null }, { memberIds: [null] }], [{ id: 'ada' }, {}], [{ id: 'ada' }, { memberIds: null }], [{ id: 'ada' }, { memberIds: [7] }]] as const) {
    t.equal(clerk(allowing, user).allows('read', 'Doc', record), false, JSON.stringify([user, record]))
    t.equal(clerk(forbidding, user).allows('read', 'Doc', record), false, JSON.stringify([user, record]))
  }
  t.equal(clerk(forbidding, { id: 'ada' }).allows('read', 'Doc', { memberIds: ['grace'] }), true)
})

t.test('wrong relations are told with their place and the nearest word', async (t) => {
  const cases: [string, string[]][] = [
    ['- { action: read, subject: Doc, relation: onwer }', ['clerk.yaml:3:45 unknown relation "onwer" of Doc. Did you mean "owner"?']],
    ['- { action: read, subject: Doc, relation: [owner, chief] }', ['clerk.yaml:3:53 unknown relation "chief" of Doc. Allowed: owner, member, colleague']],
    ['- { action: read, subject: [Doc, Task], relation: [member] }', ['clerk.yaml:3:54 unknown relation "member" of Task. Allowed: owner']],
    ['- { action: read, subject: all, crossTenant: true, relation: owner }', ['clerk.yaml:3:64 "relation" needs subjects by their names, not "all": "owner" may mean something else for each']],
    ['- { action: read, subject: Doc, relation: [] }', ['clerk.yaml:3:45 "relation" is empty']],
    ['- { action: read, subject: Doc, relation: [owner, owner] }', ['clerk.yaml:3:46 "owner" is listed twice in "relation"']],
    ['- { action: read, subject: Doc, relation: { owner: true } }', ['clerk.yaml:3:45 "relation" must be a text or a list; it is a map']],
  ]
  for (const [rules, problems] of cases) t.strictSame(problemsOf(() => compiled(policies(rules))), problems)
  t.strictSame(problemsOf(() => compiled({ 'a.yaml': 'role: a\nrules: [{ action: read, subject: Note, relation: owner }]\n' })), [
    'a.yaml:2:50 Note has no relations: declare "owner" in subjects.yaml, subjects: { Note: { relations: { owner: … } } }',
  ])
})

t.test('the conditions of relations are checked where they are declared', async (t) => {
  const declared = (relations: string, attributes = 'attributes: { ownerId: string, tags: array }') => ({
    'subjects.yaml': `user: { attributes: { id: string, age: integer } }\nsubjects:\n  Doc:\n    ${attributes}\n    relations: ${relations}\n`,
    'a.yaml': 'role: a\nrules: [{ action: read, subject: Doc, relation: owner }]\n',
  })
  const cases: [string, string[]][] = [
    ['{ owner: { onwerId: $user.id } }', ['subjects.yaml:5:27 unknown attribute "onwerId" of Doc. Did you mean "ownerId"?']],
    ['{ owner: { ownerId: $user.surname } }', ['subjects.yaml:5:36 unknown attribute "surname" of the user. Allowed: id, age']],
    ['{ owner: { ownerId: $user.age } }', ['subjects.yaml:5:36 $user.age is integer, "ownerId" of Doc is string: they are never equal']],
    ['{ owner: { ownerId: { $cidr: 10.0.0.0/8 } } }', ['subjects.yaml:5:38 "$cidr" belongs into "environment", which is about the request\'s time and address']],
    ['{ owner: {} }', ['subjects.yaml:5:25 "owner" is empty']],
    ['{ "a,b": { ownerId: x }, owner: { ownerId: x } }', ['subjects.yaml:5:18 "a,b" is not a name: not empty, no commas, no control characters, no white space at its ends']],
    ['{ owner: $user.id }', ['subjects.yaml:5:25 "owner" must be a map; it is a text']],
    ['{ owner: { tags: { $all: [$user.id, x] } } }', ['subjects.yaml:5:41 "$all" has a template among others in its list: write "$and" with one "$all" for each']],
    ['{ owner: { ownerId: { $in: [$user.id] } } }', ['subjects.yaml:5:43 "$in" has a template inside its list: write "$or", or one template in place of the list']],
  ]
  for (const [relations, problems] of cases) t.strictSame(problemsOf(() => compiled(declared(relations))), problems, relations)
  t.strictSame(problemsOf(() => compiled(declared('{ owner: { anything: $user.id } }', ''))), [], 'a subject without declared attributes may have any')
})

t.test('where the declaration is broken relations are not called unknown too, and one that was told allows nothing', async (t) => {
  t.strictSame(problemsOf(() => compiled({ ...policies('- { action: read, subject: Doc, relation: owner }'), 'subjects.yaml': `${SUBJECTS}usr: {}\n` })), [
    'subjects.yaml:16:1 unknown key "usr" in a declaration of subjects. Did you mean "user"?',
  ])
  const told: string[] = []
  for (const relations of [null, NO_RELATIONS]) t.equal(relationOf('owner', ['Doc'], [], relations, (_path, message) => told.push(message))('Doc'), REPORTED)
  t.equal(told.length, 1)
})
