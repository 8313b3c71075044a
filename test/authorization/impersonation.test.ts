import assert from 'node:assert/strict'
import t from 'tap'
import fc from 'fast-check'
import { anyOf, can } from '../../lib/routes/access.ts'
import { resource } from '../../lib/authorization/resource.ts'
import { decide, type Asker, type Evidence } from '../../lib/authorization/decision.ts'
import { readable } from '../../lib/authorization/fields.ts'
import { keeps, listFilter, recordFilter } from '../../lib/authorization/filter.ts'
import { Impersonation } from '../../lib/authorization/impersonation.ts'
import { lackingTexts } from '../../lib/authorization/why-not.ts'
import type { RuleDefinition } from '../../lib/policies/define.ts'
import { abilitiesOf } from './abilities.ts'

const abilities = abilitiesOf(
  {
    role: 'author',
    rules: [
      { action: ['read', 'update'], subject: 'Doc', conditions: { authorId: '$user.id' } },
      { action: 'read', subject: 'Bill', fields: ['sum', 'day'] },
      { action: 'read', subject: 'Report' },
    ],
  },
  {
    role: 'support',
    rules: [
      { action: 'read', subject: ['Doc', 'Ticket'] },
      { action: 'read', subject: 'Bill', fields: ['sum', 'card'] },
      { action: 'read', subject: 'Doc', inverted: true, conditions: { private: true }, code: 'private_doc' },
    ],
  },
  { role: 'root', rules: [{ action: 'manage', subject: 'all' }] }
)

const ada = () => abilities.of({ id: 'ada' }, ['author'])
const ida = () => abilities.of({ id: 'ida' }, ['support'])
const root = () => abilities.of({ id: 'root' }, ['root'])
const idaAsAda = () => new Impersonation(ada(), ida())
const rootAsAda = () => new Impersonation(ada(), root())

const adas = { authorId: 'ada', private: false }

t.test('whoever acts as another may do what both may, and nothing else', async (t) => {
  t.equal(idaAsAda().allows('read', 'Doc', adas), true)
  t.equal(idaAsAda().allows('read', 'Doc', { authorId: 'ida', private: false }), false, 'what the actor alone may read')
  t.equal(idaAsAda().allows('read', 'Doc', { authorId: 'grace', private: false }), false)
  t.equal(idaAsAda().allows('read', 'Doc', { authorId: 'ada', private: true }), false, 'what is forbidden to the actor')
  t.equal(idaAsAda().allows('update', 'Doc', adas), false, 'what the user alone may do')
  t.equal(idaAsAda().ever('read', 'Ticket'), false)
  t.equal(idaAsAda().ever('read', 'Report'), false)
  t.equal(rootAsAda().allows('update', 'Doc', { authorId: 'grace', private: false }), false, 'nobody is too mighty for it')
  t.equal(rootAsAda().ever('delete', 'Doc'), false)
  t.equal(rootAsAda().allows('update', 'Doc', adas), true)
})

t.test('fields are those of both', async (t) => {
  const bill = { sum: 1, day: 2, card: 3, other: 4 }
  t.same(readable(idaAsAda(), 'Bill', bill), { sum: 1 })
  t.same(readable(rootAsAda(), 'Bill', bill), { sum: 1, day: 2 })
  t.equal(rootAsAda().limitsFields('read', 'Bill'), true)
  t.equal(rootAsAda().limitsFields('read', 'Doc'), false)
})

t.test('the rule that decides is that of whoever is refused', async (t) => {
  const rule = (ability: Impersonation, action: string, type: string, record?: object) => ability.decisive(action, type, record)?.id ?? null
  t.equal(rule(idaAsAda(), 'read', 'Doc', adas), 'author/1', 'of a yes, the user\'s')
  t.equal(rule(idaAsAda(), 'read', 'Doc', { authorId: 'ada', private: true }), 'support/3')
  t.equal(rule(idaAsAda(), 'read', 'Doc', { authorId: 'grace', private: false }), null, 'the user lacks a rule, whatever the actor has')
  t.equal(rule(idaAsAda(), 'update', 'Doc', adas), null, 'the actor lacks one')
  t.equal(rule(idaAsAda(), 'read', 'Ticket'), null)
  t.equal(rule(idaAsAda(), 'read', 'Report'), null)
  t.equal(idaAsAda().decisive('read', 'Bill', {}, 'old', 'day'), null)
  t.equal(idaAsAda().decisive('read', 'Bill', {}, 'old', 'sum')?.id, 'author/2')
})

function asker (ability: Asker['ability']): Asker {
  return { user: { id: 'ada' }, roles: [], signIn: { scopes: [], acr: null, authTime: null }, ability, now: 0 }
}

t.test('decisions: the code is that of the rule that refuses, and a type needs both', async (t) => {
  const doc = resource('Doc', { param: 'id', load: () => null })
  const having = (record: object): Evidence => ({ records: new Map([[doc.record, record]]), written: [], nexts: new Map([[doc.record, null]]) })
  t.match(decide(can('read', doc).requirement, asker(idaAsAda()), having({ authorId: 'ada', private: true })), { as: 'forbidden', code: 'private_doc', rule: { id: 'support/3' } })
  t.match(decide(can('read', doc).requirement, asker(idaAsAda()), having({ authorId: 'grace', private: false })), { as: 'forbidden', code: null, rule: null })
  t.match(decide(can('update', doc).requirement, asker(idaAsAda()), having(adas)), { as: 'forbidden', rule: null })
  t.match(decide(can('read', 'Report').requirement, asker(idaAsAda()), having(adas)), { as: 'forbidden' })
  t.match(decide(can('read', 'Report').requirement, asker(rootAsAda()), having(adas)), { kind: 'yes' })
  t.match(decide(anyOf(can('read', 'Ticket'), can('read', 'Report')).requirement, asker(idaAsAda()), having(adas)), { as: 'forbidden' }, 'not one half by the one and one by the other')
})

t.test('what either lacked is told', async (t) => {
  const ability = idaAsAda()
  ability.allows('read', 'Doc', { authorId: 'ada' })
  t.same(lackingTexts(ability.lacking), ['support/3 needs a value of the record'])
  t.equal(ability.policy, abilities.policy)
})

const value = fc.constantFrom<unknown>(1, 2, 'a', null, undefined, NaN)
const literal = fc.constantFrom<unknown>(1, 2, 'a', '$user.n', '$user.gone')
const conditions = fc.dictionary(fc.constantFrom('a', 'b'), fc.oneof(literal, fc.record({ $ne: literal }), fc.record({ $exists: fc.boolean() })), { minKeys: 1 })
const rule = fc.record({
  action: fc.constantFrom('read', 'manage', 'update'),
  subject: fc.constantFrom('Doc', 'all'),
  inverted: fc.constantFrom(true, false, false),
  conditions,
  fields: fc.constantFrom('a', ['b', 'c.*']),
  state: fc.constantFrom('old', 'new'),
}, { requiredKeys: ['action', 'subject'] })
const rules = fc.array(fc.oneof(rule, fc.constant<RuleDefinition>({ action: 'manage', subject: 'Doc' })), { maxLength: 4 })

t.test('law 12: list and check agree for whoever acts as another, and acting never gains anything', async (t) => {
  let allowedTimes = 0
  fc.assert(fc.property(rules, rules, fc.array(fc.record({ a: value, b: value }, { requiredKeys: [] }), { maxLength: 5 }), fc.constantFrom('read', 'update'), (his, hers, records, action) => {
    const abilities = abilitiesOf({ role: 'his', rules: his as RuleDefinition[] }, { role: 'hers', rules: hers as RuleDefinition[] })
    const [user, actor] = [abilities.of({ n: 1 }, ['his']), abilities.of({ n: 2 }, ['hers'])]
    const both = new Impersonation(user, actor)
    const filter = recordFilter(both, action, 'Doc')
    const hidden = listFilter(both, action, 'Doc', true)
    for (const record of records) {
      const allowed = both.allows(action, 'Doc', record)
      if (allowed) allowedTimes++
      assert.equal(keeps(filter, record), allowed)
      assert.equal(keeps(hidden, record), allowed && both.allows('read', 'Doc', record))
      assert.equal(both.decisive(action, 'Doc', record)?.inverted === false, allowed, 'the rule that is told is one that says so')
      for (const one of [user, actor]) {
        for (const state of ['old', 'new'] as const) for (const field of [undefined, 'a', 'c.d']) assert.ok(!both.allows(action, 'Doc', record, field, state) || one.allows(action, 'Doc', record, field, state))
        for (const [field] of Object.entries(readable(both, 'Doc', { ...record, c: { d: 1 } }))) assert.ok(Object.hasOwn(readable(one, 'Doc', { ...record, c: { d: 1 } }), field))
      }
    }
    assert.equal(both.ever(action, 'Doc'), user.ever(action, 'Doc') && actor.ever(action, 'Doc'))
  }), { numRuns: 400 })
  t.ok(allowedTimes > 20, `${allowedTimes} times`)
})
