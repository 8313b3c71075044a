import assert from 'node:assert/strict'
import t from 'tap'
import fc from 'fast-check'
import { asDouble, equalDouble } from '../../lib/authorization/filters/nearest-double.ts'

const compare = {
  $lt: (one: number | bigint, other: number | bigint) => one < other,
  $lte: (one: number | bigint, other: number | bigint) => one <= other,
  $gt: (one: number | bigint, other: number | bigint) => one > other,
  $gte: (one: number | bigint, other: number | bigint) => one >= other,
}

const integer = fc.oneof(fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }), fc.bigInt({ min: 2n ** 53n - 2n, max: 2n ** 53n + 5n }), fc.constantFrom(10n ** 310n, -(10n ** 310n)))

t.test('law 12: the nearest double stands in the same place among all doubles', async (t) => {
  fc.assert(fc.property(fc.constantFrom(...Object.keys(compare) as (keyof typeof compare)[]), fc.oneof(integer, fc.double({ noNaN: true })), fc.double({ noNaN: true }), (operator, literal, other) => {
    const standIn = asDouble(operator, literal)
    // The doubles that matter are those around it.
    for (const double of [other, Number(literal), Number(literal) + 2, Number(literal) - 2, Number(literal) * (1 + Number.EPSILON), Infinity, -Infinity]) {
      assert.equal(compare[standIn.operator](double, standIn.value), compare[operator](double, literal), `${double} ${operator} ${literal}`)
    }
  }))
  t.pass()
})

t.test('law 12: a double is equal, or there is none', async (t) => {
  t.equal(equalDouble(2n ** 53n), 2 ** 53)
  t.equal(equalDouble(2n ** 53n + 1n), null)
  t.equal(equalDouble(10n ** 310n), null)
  t.equal(equalDouble(1.5), 1.5)
  t.equal(equalDouble(NaN), null)
})
