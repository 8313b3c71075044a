/** The text of a condition tells it from every other one. */
import { isDeepStrictEqual } from 'node:util'
import { quoted } from '../../lib/policies/words.ts'
import t from 'tap'
import fc from 'fast-check'
import { conditionText } from '../../lib/policies/condition-text.ts'
import type { Comparison, Condition, Operand, Path } from '../../lib/policies/condition.ts'
import { hoursOf } from '../../lib/policies/hours.ts'
import type { Hours } from '../../lib/policies/hours.ts'
import { networksOf } from '../../lib/policies/networks.ts'
import type { Networks } from '../../lib/policies/networks.ts'

const networks = (...texts: string[]): Operand => ({ from: 'networks', networks: networksOf(texts) as Networks })
const hours = (to: string): Operand => {
  const read = hoursOf({ from: '09:00', to, zone: 'UTC' })
  return { from: 'hours', hours: (read as { readonly hours: Hours }).hours }
}

const SCALARS = ['5n', 5n, 5, '5', 'a', '"a"', 'a,b', '', null, true, 'true', '\0', '$user.a']
const OPERANDS: readonly Operand[] = [
  ...[...SCALARS, ['a', 'b'], ['a,b'], [5], ['5'], []].map((value): Operand => ({ from: 'literal', value })),
  { from: 'user', path: ['a'] },
  { from: 'user', path: ['a'], item: true },
  { from: 'user', path: ['a', 'b'] },
  { from: 'environment', path: ['a'] },
  { from: 'memberships', role: 'a' },
  { from: 'memberships', role: 'b' },
]

const compare = (operand: Operand, path: Path = ['a'], operator: Comparison | '$cidr' | '$between' = '$eq'): Condition => ({ kind: 'compare', path, operator, operand })

t.test('no two conditions have one text', async (t) => {
  const texts = [
    ...OPERANDS.map((operand) => conditionText(compare(operand))),
    conditionText(compare(networks('10.0.0.0/8'), ['a'], '$cidr')),
    conditionText(compare(networks('10.0.0.0/8', '10.1.0.0/16'), ['a'], '$cidr')),
    conditionText(compare(hours('17:00'), ['a'], '$between')),
    conditionText(compare(hours('18:00'), ['a'], '$between')),
  ]
  t.equal(new Set(texts).size, texts.length)
  t.equal(conditionText(compare(networks('10.0.0.0/8'), ['a'], '$cidr')), conditionText(compare(networks('10.0.0.0/8'), ['a'], '$cidr')))
})

t.test('property: texts are the same exactly where conditions are', async () => {
  const { condition } = fc.letrec<{ condition: Condition }>((tie) => ({
    condition: fc.oneof(
      { depthSize: 'small' },
      fc.tuple(fc.constantFrom(...OPERANDS), fc.constantFrom(['a'], ['a', 'b'], ['a b']), fc.constantFrom<Comparison>('$eq', '$ne')).map(([operand, path, operator]) => compare(operand, path, operator)),
      tie('condition').map((of): Condition => ({ kind: 'not', of })),
      fc.tuple(fc.constantFrom('all', 'any'), fc.array(tie('condition'), { maxLength: 2 })).map(([kind, of]): Condition => ({ kind, of }))
    ),
  }))
  fc.assert(fc.property(condition, condition, (one, other) => (conditionText(one) === conditionText(other)) === isDeepStrictEqual(one, other)), { numRuns: 3000 })
})

t.test('big integers within lists and maps have a text in messages too', async (t) => {
  t.equal(quoted([1n, { a: 2n }]), '["1n",{"a":"2n"}]')
  t.equal(quoted(3n), '3n')
})
