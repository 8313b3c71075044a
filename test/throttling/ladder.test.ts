/** The ladders that an application may set, and those that it gets. */
import fc from 'fast-check'
import t from 'tap'
import { DEFAULT_LADDERS, ladderOf } from '../../lib/throttling/ladder.ts'

const HOUR = 3_600_000

t.test('the defaults: 20 free and up to an hour for an address, 5 free and up to a quarter of an hour for an account', async (t) => {
  t.same(ladderOf('address', {}, 'here'), { free: 20, base: 1_000, cap: HOUR, window: HOUR })
  t.same(ladderOf('account', {}, 'here'), { free: 5, base: 1_000, cap: HOUR / 4, window: 24 * HOUR })
})

t.test('throttling 14: seconds become milliseconds, fractions and years too', async (t) => {
  t.same(ladderOf('account', { free: 1, base: 0.001, cap: 1.1, window: 10 * 365 * 24 * 3600 }, 'here'), { free: 1, base: 1, cap: 1_100, window: 10 * 365 * 24 * HOUR })
})

t.test('throttling 14: durations that make no sense stop the start and say what is allowed', async (t) => {
  for (const name of ['base', 'cap', 'window']) {
    for (const value of [NaN, 0, -1, Infinity, -Infinity, 1e-9, 1e300, '5', null, 5n, [5], {}]) {
      const given = { [name]: value } as object
      t.throws(() => ladderOf('account', given, 'throttle.account'), { code: 'FST_GATEHOUSE_OPTION', message: new RegExp(`^throttle\\.account\\.${name}: .* was given; allowed is a number of seconds from 0.001 to`) }, `${name} ${String(value)}`)
    }
  }
})

t.test('throttling 14: a number of free failures that makes no sense stops the start', async (t) => {
  for (const free of [NaN, 0, -1, 1.5, Infinity, '5', null, true]) {
    const given = { free } as object
    t.throws(() => ladderOf('address', given, 'throttle.address'), { code: 'FST_GATEHOUSE_OPTION', message: /^throttle\.address\.free: .* was given; allowed is an integer from 1 up\./ }, String(free))
  }
})

t.test('throttling 14: a base above the cap stops the start, also when one of them is the default', async (t) => {
  t.throws(() => ladderOf('account', { base: 10, cap: 5 }, 'here'), { code: 'FST_GATEHOUSE_OPTION', message: /a base of 10 s and a cap of 5 s/ })
  t.throws(() => ladderOf('account', { cap: 0.5 }, 'here'), { code: 'FST_GATEHOUSE_OPTION', message: /a base of 1 s and a cap of 0.5 s .*default/ })
  t.same(ladderOf('account', { base: 5, cap: 5 }, 'here').cap, 5_000)
})

t.test('a wrong name stops the start and is told the right one', async (t) => {
  t.throws(() => ladderOf('account', { windw: 5 } as object, 'throttle.account'), { code: 'FST_GATEHOUSE_OPTION', message: "throttle.account: there is no option 'windw'; allowed are free, base, cap, window. Did you mean \"window\"?" })
  for (const given of [null, true, 5, 'strict', []]) {
    t.throws(() => ladderOf('account', given as object, 'throttle.account'), { code: 'FST_GATEHOUSE_OPTION', message: /^throttle\.account: .* was given; allowed is an object with free, base, cap, window\./ })
  }
})

t.test('throttling 14: whatever is given, the ladder makes sense or there is none', async () => {
  const value = fc.option(fc.oneof(fc.double(), fc.integer({ min: 0, max: 100 }), fc.anything()), { nil: undefined })
  fc.assert(fc.property(fc.record({ free: value, base: value, cap: value, window: value }), (given) => {
    try {
      const { free, base, cap, window } = ladderOf('account', given as object, 'here')
      return [free, base, cap, window].every((number) => Number.isSafeInteger(number) && number >= 1) && base <= cap
    } catch (error) {
      return (error as { code?: string }).code === 'FST_GATEHOUSE_OPTION'
    }
  }), { numRuns: 2_000 })
})

t.test('the table of defaults passes its own checks', async (t) => {
  for (const dimension of ['address', 'account', 'device', 'credentials'] as const) t.doesNotThrow(() => ladderOf(dimension, DEFAULT_LADDERS[dimension], 'here'))
})
