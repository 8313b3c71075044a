import assert from 'node:assert/strict'
import t from 'tap'
import fc from 'fast-check'
import { inMemory, memory } from '../../lib/authorization/filters/index.ts'
import { keeps, listFilter, recordFilter } from '../../lib/authorization/filter.ts'
import type { RuleDefinition } from '../../lib/policies/define.ts'
import { abilityOf } from './abilities.ts'

const mine = { action: 'read', subject: 'Post', conditions: { authorId: '$user.id' } }
const every = { action: 'read', subject: 'Post' }
const notArchived = { action: 'read', subject: 'Post', inverted: true, conditions: { status: 'archived' } }

function filterOf (...rules: RuleDefinition[]) {
  return recordFilter(abilityOf(rules), 'read', 'Post')
}

t.test('nothing allowed is none, and none keeps no record', async (t) => {
  for (const filter of [filterOf(), filterOf(notArchived), filterOf(every, { action: 'read', subject: 'Post', inverted: true }), filterOf({ ...mine, conditions: { authorId: '$user.nothing' } })]) {
    t.same(filter, { kind: 'none' })
    t.equal(keeps(filter, { authorId: 'ada' }), false)
  }
})

t.test('an inverted rule whose value the user lacks leaves nothing of the list', async (t) => {
  t.same(filterOf(every, { ...notArchived, conditions: { tenantId: '$user.tenantId' } }), { kind: 'none' })
})

t.test('an unconditional rule is every record, less the inverted ones', async (t) => {
  t.same(filterOf(every, mine), { kind: 'every' })
  t.equal(inMemory(filterOf(every), {}), true)
  const filter = filterOf(every, mine, notArchived)
  t.match(filter, { kind: 'where', clauses: [{ allowing: 'every', inverted: [{ path: ['status'] }] }] })
  t.equal(keeps(filter, { status: 'open' }), true)
  t.equal(keeps(filter, { status: 'archived' }), false)
  t.equal(keeps(filter, {}), false)
})

t.test('conditions of several rules are alternatives', async (t) => {
  const filter = filterOf(mine, { ...mine, conditions: { status: 'open' } }, notArchived)
  t.match(filter, { kind: 'where', clauses: [{ allowing: { length: 2 }, inverted: { length: 1 } }] })
  t.equal(keeps(filter, { authorId: 'ada', status: 'draft' }), true)
  t.equal(keeps(filter, { authorId: 'grace', status: 'open' }), true)
  t.equal(keeps(filter, { authorId: 'grace', status: 'draft' }), false)
})

t.test('a rule limited to fields keeps the record; an inverted one limited to fields does not drop it', async (t) => {
  t.same(filterOf({ ...every, fields: 'title' }, { ...notArchived, fields: 'body' }), { kind: 'every' })
})

t.test('the list of a hidden subject holds only what may be read too', async (t) => {
  const update = { ...every, action: 'update' }
  const kinds = (...rules: RuleDefinition[]) => {
    const filter = listFilter(abilityOf(rules), 'update', 'Post', true)
    return filter.kind === 'where' ? filter.clauses.length : filter.kind
  }
  t.equal(kinds(update), 'none')
  t.equal(kinds(every), 'none')
  t.equal(kinds(every, update), 'every')
  t.equal(kinds(mine, update), 1)
  t.equal(kinds(every, { ...mine, action: 'update' }), 1)
  t.equal(kinds(mine, { ...mine, action: 'update' }), 2)
  t.same(listFilter(abilityOf([update]), 'update', 'Post', false), { kind: 'every' })
  t.match(listFilter(abilityOf([mine]), 'read', 'Post', true), { clauses: { length: 1 } })
})

t.test('in memory a filter is a function, and nothing is a problem', async (t) => {
  const backend = memory()
  const where = backend.translate(filterOf(mine))
  t.same([{ authorId: 'ada' }, { authorId: 'grace' }, {}].map(where), [true, false, false])
  t.same(([{ kind: 'none' }, { kind: 'every' }] as const).map((filter) => backend.translate(filter)({})), [false, true])
  t.equal(backend.problem({ kind: 'compare', path: ['a'], operator: '$size', operand: { from: 'literal', value: 1 } }), null)
})

const value = fc.constantFrom<unknown>(1, 2, 3, '1', 'a', 'b', true, false, null, undefined, NaN, new Date(0), [1], {})
const literal = fc.constantFrom(1, 2, 'a', 'b', '$user.n', '$user.s', '$user.gone')
const operator = fc.oneof(
  literal,
  fc.record({ $eq: literal }),
  fc.record({ $ne: literal }),
  fc.record({ $lt: fc.constantFrom(2, 'b', '$user.n') }),
  fc.record({ $gte: fc.constantFrom(2, 'b', '$user.n') }),
  fc.record({ $in: fc.constantFrom([1, 2], ['a'], [null], [1, null], '$user.list') }),
  fc.record({ $nin: fc.constantFrom([1, 2], ['a'], [null], '$user.list') }),
  fc.record({ $exists: fc.boolean() }),
  fc.record({ $not: fc.record({ $eq: literal }) })
)
const attributes = fc.dictionary(fc.constantFrom('a', 'b', 'c'), operator, { minKeys: 1 })
const conditions = fc.oneof(attributes, fc.record({ $or: fc.array(attributes, { minLength: 1, maxLength: 2 }) }), fc.record({ $nor: fc.array(attributes, { minLength: 1, maxLength: 2 }) }), fc.record({ $not: attributes }))
const rule = fc.record({
  action: fc.constantFrom('read', 'manage', 'update'),
  subject: fc.constantFrom('Post', 'all', 'Note'),
  inverted: fc.boolean(),
  fields: fc.constantFrom('a', ['b', 'c']),
  conditions,
}, { requiredKeys: ['action', 'subject'] })

t.test('law 12: a check on one record and the filter for a list always agree', async (t) => {
  fc.assert(fc.property(fc.array(rule, { minLength: 1, maxLength: 4 }), fc.array(fc.record({ a: value, b: value, c: value }, { requiredKeys: [] }), { maxLength: 6 }), (rules, records) => {
    const ability = abilityOf(rules as RuleDefinition[], { n: 2, s: 'a', list: [1, 2] })
    const filter = recordFilter(ability, 'read', 'Post')
    const hidden = listFilter(ability, 'update', 'Post', true)
    for (const record of records) {
      assert.equal(keeps(filter, record), ability.allows('read', 'Post', record))
      assert.equal(keeps(hidden, record), ability.allows('read', 'Post', record) && ability.allows('update', 'Post', record))
    }
  }), { numRuns: 400 })
  t.pass()
})
