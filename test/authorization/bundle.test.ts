import assert from 'node:assert/strict'
import t from 'tap'
import fc from 'fast-check'
import type { Around } from '../../lib/authorization/abilities.ts'
import { bundled, type Bundle } from '../../lib/authorization/bundle.ts'
import { keeps, recordFilter } from '../../lib/authorization/filter.ts'
import type { RuleDefinition } from '../../lib/policies/define.ts'
import type { Rule } from '../../lib/policies/policy.ts'
import { abilitiesOf, policyOf } from './abilities.ts'

const doc = { action: 'read', subject: 'Doc' }

function rulesOf (rules: readonly RuleDefinition[]): readonly Rule[] {
  return policyOf({ role: 'member', rules }).roles.get('member') as readonly Rule[]
}

/** How many rules each of the bundles has, and how many rules are in none. */
function shape (rules: readonly RuleDefinition[]): { bundles: number[], others: number } {
  const all = bundled(rulesOf(rules))
  const bundles = all.filter((source): source is Bundle => 'rules' in source)
  return { bundles: bundles.map(({ rules }) => rules.length), others: all.length - bundles.length }
}

function many<T> (count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index))
}

t.test('many rules that differ in what one attribute must equal are one for CASL; few are not', async (t) => {
  t.same(shape(many(7, (id) => ({ ...doc, conditions: { id } }))), { bundles: [], others: 7 })
  t.same(shape(many(8, (id) => ({ ...doc, conditions: { id } }))), { bundles: [8], others: 0 })
  t.same(shape(many(20, (id) => ({ ...doc, conditions: { id: { $in: [id, id + 1] }, open: true } }))), { bundles: [20], others: 0 })
  t.same(shape([...many(8, (id) => ({ ...doc, conditions: { id } })), ...many(9, (id) => ({ ...doc, conditions: { id: `d${id}` } })), ...many(8, (id) => ({ ...doc, action: 'update', conditions: { id } })), doc]), { bundles: [8, 9, 8], others: 1 })
})

t.test('rules that do not ask for one value each stay by themselves', async (t) => {
  const alone: readonly object[] = [
    { conditions: { $or: [{ id: 1 }, { id: 2 }] } }, { conditions: { id: { $ne: 1 } } }, { conditions: { id: { $gt: 1 } } }, { conditions: { id: '$user.id' } }, { conditions: { id: null } }, { conditions: { id: true } }, { conditions: { id: { $in: [1, null] } } },
    { conditions: { id: 5n } }, { conditions: { id: { $not: { $eq: 1 } } } }, { conditions: { $nor: [{ id: 1 }, { other: 2 }], $or: [{ a: 1 }, { b: 2 }] } }, { conditions: { id: 1 }, fields: ['title'] }, {},
    { conditions: { id: 1, tenant: '$user.tenant' }, inverted: true }, { conditions: { id: 1 }, environment: { region: 'eu' }, inverted: true },
  ]
  for (const rule of alone) t.same(shape(many(9, () => ({ ...doc, ...rule }))), { bundles: [], others: 9 }, Object.keys(rule).join())
})

t.test('law 11: an inverted rule that lacks a value of the user still forbids every record, however many like it there are', async (t) => {
  for (const count of [3, 30]) {
    for (const lacking of [{ conditions: { tenant: '$user.tenant' } }, { environment: { region: 'eu' } }, { environment: { region: '$user.region' } }] as const) {
      const inverted = many(count, (id) => ({ ...doc, inverted: true, ...lacking, conditions: { id, ...('conditions' in lacking && lacking.conditions) } }))
      const ability = abilitiesOf({ role: 'member', rules: [doc, ...inverted] }).of({}, ['member'])
      t.equal(ability.allows('read', 'Doc', { id: 1000, tenant: 'a' }), false)
      t.same(recordFilter(ability, 'read', 'Doc'), { kind: 'none' })
    }
  }
})

t.test('one of many rules that allow is told as the one that decided', async (t) => {
  const ability = abilitiesOf({ role: 'member', rules: many(50, (id) => ({ ...doc, conditions: { id } })) }).of({}, ['member'])
  t.equal(ability.decisive('read', 'Doc', { id: 30 })?.id, 'member/31')
  t.equal(ability.decisive('read', 'Doc', { id: 50 }), null)
  t.equal(ability.candidates('read', 'Doc').length, 50)
  t.equal(ability.allows('read', 'Doc', { id: '30' }), false)
  t.equal(ability.lacking.length, 50, 'of a text nothing is known, by none of them')
})

const scalar = fc.constantFrom(0, 1, 2, -0, 1.5, 'a', 'b', '', '1', true, false)
const literal = fc.constantFrom<unknown>(0, 1, 2, 'a', 'b', '1', true, null, 1n)
const equality = fc.oneof({ weight: 3, arbitrary: literal }, fc.record({ $in: fc.constantFrom([0, 1], [1, 1, 2], ['a', 'b'], ['1'], [1, null], [1n, 2]) }), fc.record({ $ne: literal }), fc.record({ $exists: fc.boolean() }))
const others = fc.constantFrom({}, {}, { b: 1 }, { b: '$user.b' }, { b: '$user.gone' }, { $or: [{ b: 1 }, { c: 'a' }] }, { $not: { b: { $gt: 1 } } })
const conditions = fc.tuple(fc.constantFrom('a', 'a', 'a', 'o.a'), equality, others).map(([path, value, rest]) => ({ [path]: value, ...rest }))
const rarely = <T>(...values: T[]) => fc.oneof({ weight: 6, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.constantFrom(...values) })
const rule = fc.record({
  action: fc.constantFrom('read', 'manage'),
  subject: fc.constantFrom('Doc', 'all'),
  inverted: fc.boolean(),
  conditions,
  environment: rarely({ region: 'eu' }, { region: 'us' }, { gone: 1 }, { region: '$user.gone' }),
  state: rarely('old', 'new'),
  fields: rarely(['title'], ['body', 'o.*']),
}).map((rule) => Object.fromEntries(Object.entries(rule).filter(([, value]) => value !== undefined)) as unknown as RuleDefinition)

/** Copies of a rule that differ in a value, so that there is something to bundle. */
const values = fc.constantFrom<unknown[]>([0, 1, 2, 1.5], ['a', 'b', '1', '']).chain((some) => fc.array(fc.constantFrom(...some), { minLength: 8, maxLength: 12 }))
const family = fc.tuple(rule, values).map(([rule, values]) => values.map((a): RuleDefinition => ({ ...rule, conditions: { ...rule.conditions, a } })))
const value = fc.oneof(scalar, fc.constantFrom<unknown>(null, undefined, NaN, 1n, 0n, new Date(0), ['a'], [1], { a: 1 }, () => 1, Symbol('a'), Object('a')))
const record = fc.record({ a: value, b: value, c: value, o: fc.oneof(value, fc.record({ a: value })) }, { requiredKeys: [] })

t.test('law 12: a bundle never changes a decision: with thousands of rules, records and users it is what each rule says by itself', async (t) => {
  const rules = fc.tuple(fc.array(family, { minLength: 1, maxLength: 2 }), fc.array(fc.oneof(fc.constant<RuleDefinition>(doc), rule), { maxLength: 3 })).map(([families, rules]) => [...families.flat(), ...rules])
  let bundles = 0
  let yes = 0
  let no = 0
  fc.assert(fc.property(rules, fc.array(record, { minLength: 1, maxLength: 4 }), fc.constantFrom('old' as const, 'new' as const), fc.constantFrom(undefined, 'title', 'body', 'o.a'), (rules, records, state, field) => {
    const around: Around = { environment: { region: 'eu' } }
    const of = (...rules: RuleDefinition[]) => abilitiesOf({ role: 'member', rules }).of({ b: 1 }, ['member'], around)
    const ability = of(...rules)
    if (shape(rules).bundles.length > 0) bundles++
    // By themselves rules are never bundled.
    const single = rules.map((rule) => ({ inverted: rule.inverted === true, ability: rule.inverted === true ? of({ action: 'manage', subject: 'all' }, rule) : of(rule) }))
    for (const record of records) {
      const expected = single.some(({ inverted, ability }) => !inverted && ability.allows('read', 'Doc', record, field, state)) &&
        single.every(({ inverted, ability }) => !inverted || ability.allows('read', 'Doc', record, field, state))
      assert.equal(ability.allows('read', 'Doc', record, field, state), expected)
      assert.equal(ability.decisive('read', 'Doc', record, state, field)?.inverted === false, expected)
      if (state === 'old' && field === undefined) assert.equal(keeps(recordFilter(ability, 'read', 'Doc'), record), expected)
      if (expected) yes++
      else no++
    }
  }), { numRuns: 250 })
  t.ok(bundles > 100, `${bundles} runs had bundles`)
  t.ok(yes > 40 && no > 40, `${yes} times yes, ${no} times no`)
})
