import t from 'tap'
import fc from 'fast-check'
import { mongodb } from '../../lib/authorization/filters/mongodb.ts'
import { recordFilter, type RecordFilter } from '../../lib/authorization/filter.ts'
import type { RuleDefinition } from '../../lib/policies/define.ts'
import { abilityOf, policyOf } from './abilities.ts'

const USER = { id: 'ada', nul: 'a\0', half: '\ud800', halves: ['\ud800'], big: 2n ** 53n + 1n, huge: 2n ** 64n, vast: 2n ** 64n + 1n, none: [] }
const ALL: RuleDefinition = { action: 'read', subject: 'Post' }

function filterOf (...rules: readonly RuleDefinition[]): RecordFilter {
  return recordFilter(abilityOf(rules, USER), 'read', 'Post')
}

function read (conditions: object, inverted = false): RuleDefinition {
  return { action: 'read', subject: 'Post', conditions: conditions as NonNullable<RuleDefinition['conditions']>, inverted }
}

const list = { $type: 'array' }

t.test('none is a query that finds nothing, and every one that finds all', async (t) => {
  const { translate, name } = mongodb()
  t.equal(name, 'MongoDB')
  t.strictSame(translate({ kind: 'none' }), { _id: { $in: [] } })
  t.strictSame(translate({ kind: 'every' }), {})
  t.strictSame(translate(filterOf(read({ status: '$user.missing' }))), { _id: { $in: [] } })
})

t.test('a value is compared as itself, never as an item of a list on the way to it', async (t) => {
  const { translate } = mongodb()
  t.strictSame(translate(filterOf(read({ status: 'open' }))), { status: { $eq: 'open', $not: list } })
  t.strictSame(translate(filterOf(read({ 'org.owner.id': 'ada' }))), { org: { $not: list }, 'org.owner': { $not: list }, 'org.owner.id': { $eq: 'ada', $not: list } })
  t.strictSame(translate(filterOf(ALL, read({ status: 'open' }, true))), { status: { $type: ['string'], $nin: ['open'], $not: list } })
  t.strictSame(translate(filterOf(read({ status: 'open' }), read({ size: { $lt: 3 } }))), {
    $or: [{ size: { $lt: 3, $type: ['double', 'int', 'long'], $ne: NaN, $not: list } }, { status: { $eq: 'open', $not: list } }],
  })
})

t.test('a decimal and NaN compare with no number', async (t) => {
  const { translate } = mongodb()
  const numbers = ['double', 'int', 'long']
  t.strictSame(translate(filterOf(read({ size: 3 }))), { size: { $eq: 3, $type: numbers, $not: list } })
  t.strictSame(translate(filterOf(read({ size: { $ne: 3 } }))), { size: { $type: numbers, $nin: [3, NaN], $not: list } })
})

t.test('a text that is an instant is compared with texts and with dates', async (t) => {
  const { translate } = mongodb()
  const date = new Date('2026-01-01')
  t.strictSame(translate(filterOf(read({ at: '2026-01-01' }))), { at: { $in: ['2026-01-01', date], $not: list } })
  t.strictSame(translate(filterOf(read({ at: { $gt: '2026-01-01' } }))), { $or: [{ at: { $gt: '2026-01-01', $type: ['string'], $not: list } }, { at: { $gt: date, $type: ['date'], $not: list } }] })
  t.strictSame(translate(filterOf(read({ at: { $nin: ['2026-01-01', 'soon'] } }))), { at: { $type: ['string'], $nin: ['2026-01-01', 'soon'], $not: list } })
})

t.test('declared attributes make narrower queries', async (t) => {
  const { translate } = mongodb({ attributes: { at: 'date', title: 'string', tags: 'array' } })
  t.strictSame(translate(filterOf(read({ at: { $gt: '2026-01-01' } }))), { at: { $gt: new Date('2026-01-01'), $type: ['date'], $not: list } })
  t.strictSame(translate(filterOf(read({ title: '2026-01-01' }))), { title: { $eq: '2026-01-01', $not: list } })
  t.strictSame(translate(filterOf(read({ tags: { $size: 2 } }))), { tags: { $size: 2 } })
  for (const impossible of [{ at: 'soon' }, { at: { $ne: 'soon' } }, { at: true }, { title: 3 }, { title: { $lt: 3 } }, { title: { $size: 1 } }, { title: { $all: ['a'] } }, { tags: 'a' }]) {
    t.strictSame(translate(filterOf(read(impossible))), { _id: { $in: [] } }, JSON.stringify(impossible))
    t.strictSame(translate(filterOf(ALL, read(impossible, true))), { _id: { $in: [] } }, `not ${JSON.stringify(impossible)}`)
  }
})

t.test('an attribute that is not declared is a problem at start, and an error', async (t) => {
  const { problem, translate } = mongodb({ attributes: { title: 'string', 'org.id': 'string' } })
  const conditionOf = (conditions: object) => {
    const [rule] = policyOf({ role: 'member', rules: [read(conditions)] }).roles.get('member') ?? []
    if (rule?.condition == null) throw new Error('no condition')
    return rule.condition
  }
  t.equal(problem(conditionOf({ $or: [{ title: '$user.id' }, { 'org.id': { $not: { $eq: 'x' } } }] })), null)
  const message = 'there is no attribute "titel" in "attributes", and a rule mentions it. Did you mean "title"?'
  t.equal(problem(conditionOf({ title: 'x', $nor: [{ titel: 'x' }] })), message)
  t.equal(problem(conditionOf({ constructor2: 1 })), 'there is no attribute "constructor2" in "attributes", and a rule mentions it.')
  t.throws(() => translate(filterOf(read({ titel: 'x' }))), { code: 'FST_GATEHOUSE_OPTION', message: `MongoDB: ${message}` })
  t.equal(mongodb().problem(conditionOf({ anything: 'x' })), null)
})

t.test('options that make no sense are told', async (t) => {
  t.throws(() => mongodb({ attribute: {} } as never), { code: 'FST_GATEHOUSE_OPTION', message: /there is no option 'attribute'.*Did you mean "attributes"/ })
  t.throws(() => mongodb({ attributes: { at: 'datetime' as 'date' } }), { code: 'FST_GATEHOUSE_OPTION', message: /mongodb\(\{ attributes \}\): "at": 'datetime' was given; allowed is one of string, number, boolean, date, array/ })
  for (const attributes of [null, [], 'title']) t.throws(() => mongodb({ attributes: attributes as never }), { message: /mongodb\(\{ attributes \}\): .* was given; allowed is an object/ })
})

t.test('no text that a driver would change is sent', async (t) => {
  const { translate } = mongodb()
  t.strictSame(translate(filterOf(read({ title: '$user.half' }))), { _id: { $in: [] } })
  t.strictSame(translate(filterOf(read({ title: { $ne: '$user.half' } }))), { title: { $type: ['string'], $nin: [], $not: list } })
  t.strictSame(translate(filterOf(read({ title: '$user.nul' }))), { title: { $eq: 'a\0', $not: list } }, 'U+0000 can be stored')
  t.strictSame(translate(filterOf(read({ title: { $lt: '$user.nul' } }))), { _id: { $in: [] } }, 'but has no place in the order that a check knows')
  t.strictSame(translate(filterOf(read({ tags: { $all: '$user.halves' } }))), { _id: { $in: [] } })
})

t.test('an integer is sent exactly: beyond 2^53 as a long, beyond 64 bits as the double that compares alike', async (t) => {
  const { translate } = mongodb()
  const numbers = ['double', 'int', 'long']
  t.strictSame(translate(filterOf(read({ n: 5n }))), { n: { $eq: 5, $type: numbers, $not: list } })
  t.strictSame(translate(filterOf(read({ n: '$user.big' }))), { n: { $eq: 2n ** 53n + 1n, $type: numbers, $not: list } })
  t.strictSame(translate(filterOf(read({ n: { $gte: '$user.big' } }))), { n: { $gte: 2n ** 53n + 1n, $type: numbers, $ne: NaN, $not: list } })
  t.strictSame(translate(filterOf(read({ n: '$user.huge' }))), { n: { $eq: 2 ** 64, $type: numbers, $not: list } })
  t.strictSame(translate(filterOf(read({ n: '$user.vast' }))), { _id: { $in: [] } })
  t.strictSame(translate(filterOf(read({ n: { $gte: '$user.vast' } }))), { n: { $gt: 2 ** 64, $type: numbers, $ne: NaN, $not: list } })
})

t.test('conditions that no policy can write are not known', async (t) => {
  const { translate } = mongodb()
  const only = (operator: '$eq' | '$ne' | '$lt' | '$all', value: unknown): RecordFilter => ({ kind: 'where', clauses: [{ allowing: [{ kind: 'compare', path: ['n'], operator, operand: { from: 'literal', value: value as never } }], inverted: [] }] })
  for (const filter of [only('$eq', NaN), only('$ne', NaN), only('$lt', NaN), only('$lt', null), only('$all', [NaN])]) t.strictSame(translate(filter), { _id: { $in: [] } })
  t.strictSame(translate(only('$lt', true)), { n: { $lt: true, $type: ['bool'], $not: list } })
  t.strictSame(translate({ kind: 'where', clauses: [{ allowing: 'every', inverted: [{ kind: 'compare', path: ['n'], operator: '$all', operand: { from: 'literal', value: [NaN] } }] }] }), { n: { $size: 0 } })
  t.throws(() => translate({ kind: 'where', clauses: [{ allowing: [{ kind: 'compare', path: ['n'], operator: '$eq', operand: { from: 'user', path: ['id'] } }], inverted: [] }] }), { name: 'TypeError', message: 'only a bound condition can become a filter' })
})

t.test('what a user brings is a value, never an operator', async (t) => {
  fc.assert(fc.property(fc.string(), (id) => {
    const query = mongodb().translate(recordFilter(abilityOf([read({ owner: '$user.id' })], { id }), 'read', 'Post')) as { owner: { $eq?: unknown, $in?: unknown[] } }
    const [value] = query.owner.$in ?? [query.owner.$eq]
    if (value !== id) throw new Error(String(value))
  }))
  t.strictSame(mongodb().translate(recordFilter(abilityOf([read({ owner: '$user.id' })], { id: { $ne: 1 } }), 'read', 'Post')), { _id: { $in: [] } })
})
