import assert from 'node:assert/strict'
import t from 'tap'
import fc from 'fast-check'
import { can } from '../../lib/routes/access.ts'
import { Abilities } from '../../lib/authorization/abilities.ts'
import { decide } from '../../lib/authorization/decision.ts'
import { keeps, listFilter, recordFilter } from '../../lib/authorization/filter.ts'
import type { RuleDefinition } from '../../lib/policies/define.ts'
import { compiled, problemsOf, type Files } from '../policies/sources.ts'
import { abilitiesOf } from './abilities.ts'

const POLICIES: Files = {
  'subjects.yaml': `user:
  tenant: tenantId
  attributes: { id: string, tenantId: string }
subjects:
  Chart: { tenant: tenantId, attributes: { tenantId: string, sealed: boolean, ward: integer, medication: string } }
  Note: { attributes: { by: string } }
environment: { attributes: { shift: string } }
`,
  'nurse.yaml': `role: nurse
rules:
  - { action: read, subject: Chart, conditions: { ward: 1 } }
  - { action: [read, update], subject: Chart, inverted: true, conditions: { sealed: true }, code: sealed_chart }
  - { action: delete, subject: [Chart, Note], inverted: true }
  - { action: read, subject: Note }
`,
  'flood.yaml': 'breakGlass: flood\nrules: [{ action: [read, delete], subject: Note, conditions: { by: $user.id } }]\n',
  'cardiac.yaml': `breakGlass: cardiac
rules:
  - { action: read, subject: Chart, conditions: { ward: { $lte: 3 } } }
  - { action: update, subject: Chart, fields: [medication] }
`,
  'disaster.yaml': 'breakGlass: disaster\nrules: [{ action: read, subject: Chart, crossTenant: true }]\n',
  'night.yaml': 'breakGlass: night\nrules: [{ action: read, subject: Chart, environment: { shift: night } }]\n',
}

const abilities = new Abilities(compiled(POLICIES))
const user = { id: 'ann', tenantId: 'a' }

function nurse (breakGlass: string | null = null, environment: object = {}) {
  return abilities.of(user, ['nurse'], { breakGlass, environment })
}

const sealed = { tenantId: 'a', sealed: true, ward: 1 }

t.test('an emergency lifts what other rules forbid, and gives what its own rules give', async (t) => {
  t.equal(nurse().allows('read', 'Chart', sealed), false)
  t.equal(nurse('cardiac').allows('read', 'Chart', sealed), true)
  t.match(nurse('cardiac').decisive('read', 'Chart', sealed), { id: 'cardiac/1', policy: 'cardiac' })
  t.equal(nurse('cardiac').allows('read', 'Chart', { ...sealed, ward: 3 }), true)
  t.equal(nurse('cardiac').allows('read', 'Chart', { ...sealed, ward: 4 }), false, 'and nothing else')
  t.equal(nurse('cardiac').allows('delete', 'Chart', sealed), false)
  t.equal(nurse('cardiac').allows('delete', 'Note', {}), false)
  t.equal(nurse('disaster').allows('update', 'Chart', sealed), false, 'each has rules of its own')
  t.equal(nurse().allows('read', 'Chart', sealed), false, 'and nothing of it stays')
})

t.test('an emergency stays within the user\'s own tenant, unless its rule says crossTenant', async (t) => {
  for (const tenantId of ['b', undefined, null, ['a'], 'A']) {
    t.equal(nurse('cardiac').allows('read', 'Chart', { ...sealed, tenantId }), false, String(tenantId))
    t.equal(nurse('disaster').allows('read', 'Chart', { ...sealed, tenantId }), true, String(tenantId))
  }
  t.equal(abilities.of({ id: 'x' }, ['nurse'], { breakGlass: 'cardiac' }).allows('read', 'Chart', { ...sealed, tenantId: undefined }), false, 'nor does it reach what is nobody\'s, for a user of no tenant')
})

t.test('law 11: an emergency that lacks a value lifts nothing', async (t) => {
  t.equal(nurse('cardiac').allows('read', 'Chart', { ...sealed, ward: undefined }), false)
  t.equal(nurse('cardiac').allows('read', 'Chart', { ...sealed, ward: '1' }), false)
  t.equal(nurse('night', { shift: 'night' }).allows('read', 'Chart', sealed), true)
  for (const environment of [{}, { shift: 'day' }, { shift: null }]) t.equal(nurse('night', environment).allows('read', 'Chart', sealed), false)
})

t.test('its rules about fields are about those fields', async (t) => {
  const ability = nurse('cardiac')
  t.equal(ability.allows('update', 'Chart', sealed, 'medication'), true)
  t.equal(ability.allows('update', 'Chart', sealed, 'sealed'), false)
  t.equal(ability.decisive('update', 'Chart', sealed, 'old', 'sealed')?.id, 'nurse/2')
})

t.test('whoever has no role at all has only the emergency', async (t) => {
  const ability = abilities.of(user, [], { breakGlass: 'cardiac' })
  t.equal(ability.allows('read', 'Chart', sealed), true)
  t.equal(ability.allows('read', 'Note', {}), false)
})

t.test('an emergency that no policy is for is a mistake of the application\'s', async (t) => {
  for (const name of ['cardaic', '', 'nurse', '__proto__', 'toString']) t.throws(() => nurse(name), { name: 'TypeError', message: `no policy is for the emergency "${name}": one with "breakGlass: ${name}" is needed` })
})

t.test('authz T1: on the subject as a whole an emergency for some records is not enough', async (t) => {
  const ruling = (breakGlass: string) => {
    const ability = abilities.of(user, [], { breakGlass })
    return decide(can('read', 'Chart').requirement, { user, roles: [], signIn: null, ability, now: 0 }, { records: new Map(), written: [], nexts: new Map() })
  }
  t.match(ruling('cardiac'), { kind: 'no', as: 'forbidden', reason: 'rule cardiac/1 allows "read" on some Chart only' })
  t.match(ruling('disaster'), { kind: 'yes', rule: { id: 'disaster/1' } })
})

t.test('the list of an emergency', async (t) => {
  t.same(recordFilter(nurse('disaster'), 'read', 'Chart'), { kind: 'every' })
  t.match(recordFilter(nurse('cardiac'), 'read', 'Chart'), { kind: 'where', clauses: [{ allowing: { length: 2 }, inverted: [] }, { allowing: { length: 2 }, inverted: [] }] })
  t.same(recordFilter(nurse('night', { shift: 'day' }), 'audit', 'Chart'), { kind: 'none' })
  t.same(recordFilter(nurse('flood'), 'read', 'Note'), { kind: 'where', clauses: [{ allowing: 'every', inverted: [] }] }, 'whoever may read them all still may')
  const shut = recordFilter(nurse('flood'), 'delete', 'Note')
  t.match(shut, { kind: 'where', clauses: [{ allowing: { length: 1 } }, { allowing: { length: 1 } }] })
  t.equal(keeps(shut, { by: 'ann' }), true)
  t.equal(keeps(shut, { by: 'bob' }), false)
  t.equal(keeps(recordFilter(nurse('cardiac'), 'read', 'Chart'), sealed), true)
})

t.test('an emergency has rules, and none that forbid', async (t) => {
  const told = (text: string) => problemsOf(() => compiled({ 'fire.yaml': text }))
  t.strictSame(told('breakGlass: fire\nrules: [{ action: read, subject: Doc, inverted: true }]\n'), ['fire.yaml:2:39 an inverted rule cannot be part of "breakGlass", which only lifts what others forbid'])
  t.strictSame(told('breakGlass: fire\nrules: []\n'), ['fire.yaml:1:1 a policy with "breakGlass" needs "rules"'])
  t.strictSame(told('breakGlass: fire\n'), ['fire.yaml:1:1 a policy with "breakGlass" needs "rules"'])
  t.strictSame(told('breakGlass: fire\ninherits: fire\nrules: [{ action: read, subject: Doc }]\n'), ['fire.yaml:2:1 "inherits" does not go with "breakGlass": a policy with "breakGlass" has breakGlass, rules, tests'])
  t.strictSame(told('breakGlass: "a,b"\nrules: [{ action: read, subject: Doc }]\n'), ['fire.yaml:1:13 "a,b" is not a name: not empty, no commas, no control characters, no white space at its ends'])
  t.strictSame(told('breakGlas: fire\nrules: [{ action: read, subject: Doc }]\n'), ['fire.yaml:1:1 unknown key "breakGlas" in a policy. Did you mean "breakGlass"?', 'fire.yaml:1:1 a policy needs "role", "when", "deny" or "breakGlass"'])
  t.strictSame(problemsOf(() => compiled({ 'a.yaml': 'breakGlass: fire\nrules: [{ action: read, subject: Doc }]\n', 'b.yaml': 'breakGlass: fire\nrules: [{ action: read, subject: Doc }]\n' })), ['b.yaml:1:13 the policy "fire" is defined twice; the other is at a.yaml:1:13'])
})

const value = fc.constantFrom<unknown>(1, 2, 'a', 'b', true, null, undefined, NaN, '1', [1])
const literal = fc.constantFrom<unknown>(1, 2, 'a', true, '$user.n', '$user.gone', '$environment.e', '$environment.gone')
const comparison = fc.oneof(literal, fc.record({ $ne: literal }), fc.record({ $lt: fc.constantFrom(2, '$user.n') }), fc.record({ $in: fc.constantFrom([1, 2], '$user.list') }), fc.record({ $exists: fc.boolean() }))
const attributes = fc.dictionary(fc.constantFrom('a', 'b'), comparison, { minKeys: 1 })
const conditions = fc.oneof(attributes, fc.record({ $or: fc.array(attributes, { minLength: 1, maxLength: 2 }) }), fc.record({ $not: attributes }))
const allowing = fc.record({
  action: fc.constantFrom('read', 'manage', 'update'),
  subject: fc.constantFrom('Doc', 'all', 'Note'),
  conditions,
  environment: fc.constantFrom({ e: 1 }, { e: 2 }, { gone: 1 }),
  fields: fc.constantFrom('a', ['b', 'c.*']),
  state: fc.constantFrom('old', 'new'),
}, { requiredKeys: ['action', 'subject'] })
const rule = fc.tuple(allowing, fc.boolean()).map(([rule, inverted]) => ({ ...rule, inverted }))

t.test('law 12: in an emergency too list and check agree, and the emergency only ever gives', async (t) => {
  let lifted = 0
  fc.assert(fc.property(fc.array(rule, { maxLength: 4 }), fc.array(allowing, { minLength: 1, maxLength: 3 }), fc.array(fc.record({ a: value, b: value }, { requiredKeys: [] }), { maxLength: 5 }), fc.constantFrom('read', 'update'), (rules, emergency, records, action) => {
    const abilities = abilitiesOf({ role: 'member', rules: rules as RuleDefinition[] }, { breakGlass: 'fire', rules: emergency as RuleDefinition[] }, { role: 'nobody' })
    const of = (role: string, breakGlass: string | null) => abilities.of({ n: 1, list: [1, 2] }, [role], { environment: { e: 1 }, breakGlass })
    const [usual, granted, only] = [of('member', null), of('member', 'fire'), of('nobody', 'fire')]
    const filter = recordFilter(granted, action, 'Doc')
    const hidden = listFilter(granted, action, 'Doc', true)
    for (const record of records) {
      const allowed = granted.allows(action, 'Doc', record)
      assert.equal(keeps(filter, record), allowed)
      assert.equal(keeps(hidden, record), allowed && granted.allows('read', 'Doc', record))
      assert.equal(allowed, usual.allows(action, 'Doc', record) || only.allows(action, 'Doc', record))
      if (allowed && !usual.allows(action, 'Doc', record)) lifted++
      for (const state of ['old', 'new'] as const) {
        for (const field of ['a', 'c.d', '']) assert.equal(granted.allows(action, 'Doc', record, field, state), usual.allows(action, 'Doc', record, field, state) || only.allows(action, 'Doc', record, field, state))
      }
    }
  }), { numRuns: 300 })
  t.ok(lifted > 5, `${lifted} times`)
})
