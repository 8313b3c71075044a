/** Quotas in memory: the answers of every store, the promises of the algorithm, a bound that holds, and time that behaves. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import type { Allowance } from '../../lib/stores/counters.ts'
import { memoryCounters } from '../../lib/stores/memory-counters.ts'
import { type MemoryQuotas, memoryQuotas } from '../../lib/stores/memory-quotas.ts'
import { attemptsTranscript } from './attempts-transcript.ts'
import { handClock } from './hand-clock.ts'
import { quotasTranscript } from './quotas-transcript.ts'

const HOUR = 3_600_000
const PLENTY: Allowance = { limit: 100, window: HOUR }
const ONCE: Allowance = { limit: 1, window: HOUR }

/** A system that has been up for a year, and one whose clock counts from 1970. */
const STARTS = [0, 365 * 24 * HOUR, 1.8e12]

t.test('throttling 26: the transcript', async (t) => {
  for (const start of STARTS) {
    await t.test(`from ${start} on`, async (t) => quotasTranscript(t, () => {
      const { now, advance } = handClock(start)
      return { store: memoryQuotas({ now }), wait: advance, slack: 0 }
    }))
  }
})

t.test('throttling 26: both transcripts, of a store for attempts and quotas', async (t) => {
  const make = () => {
    const { now, advance } = handClock()
    return { store: memoryCounters({ now }), wait: advance, slack: 0 }
  }
  await t.test('attempts', async (t) => attemptsTranscript(t, make))
  await t.test('quotas', async (t) => quotasTranscript(t, make))
})

t.test('throttling 14: a window below a millisecond lets one a millisecond pass, and more of a smaller unit', async (t) => {
  const { now, advance } = handClock()
  const store = memoryQuotas({ now })
  t.same(store.spend('k', { limit: 1, window: 0.5 }, 1), { allowed: true, remaining: 0, resetAfter: 1, retryAfter: 0 })
  t.same(store.spend('k', { limit: 1, window: 0.5 }, 1), { allowed: false, remaining: 0, resetAfter: 1, retryAfter: 1 })
  advance(1)
  t.equal(store.spend('k', { limit: 1, window: 0.5 }, 1).allowed, true)
  const fine = { limit: 1e7, window: 1_000 }
  t.match(store.spend('fine', fine, 1), { allowed: true, remaining: 1e7 - 1, resetAfter: 1 })
  t.match(store.spend('fine', fine, 1e7 - 1), { allowed: true, remaining: 0, resetAfter: 1_000 })
  t.match(store.spend('fine', fine, 1), { allowed: false, remaining: 0, retryAfter: 1 })
})

const allowance = fc.record({
  limit: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 1_000 })),
  window: fc.oneof(fc.integer({ min: 1, max: 10_000 }), fc.double({ min: 0.01, max: 10_000, noNaN: true })),
})
const request = fc.record({ by: fc.oneof(fc.constant(0), fc.nat(20), fc.nat(5_000)), share: fc.double({ min: 0, max: 1, noNaN: true }) })
const requests = fc.array(request, { minLength: 1, maxLength: 80 })

function costOf (share: number, { limit }: Allowance): number {
  return Math.max(1, Math.ceil(share ** 3 * limit))
}

t.test('in no interval is more allowed than the limit and what comes back in it', async () => {
  fc.assert(fc.property(fc.constantFrom(...STARTS), allowance, requests, (start, allowance, requests) => {
    const { now, advance } = handClock(start)
    const store = memoryQuotas({ now })
    const spent: { readonly at: number, readonly cost: number }[] = []
    for (const { by, share } of requests) {
      advance(by)
      const cost = costOf(share, allowance)
      if (store.spend('k', allowance, cost).allowed) spent.push({ at: now(), cost })
    }
    for (const [index, from] of spent.entries()) {
      let sum = 0
      for (const { at, cost } of spent.slice(index)) {
        sum += cost
        const most = allowance.limit * (1 + (at - from.at) / allowance.window)
        assert.ok(sum <= most * (1 + 1e-7), `${sum} in ${at - from.at} ms`)
      }
    }
  }), { numRuns: 500 })
})

t.test('throttling 21: after the wait that was told the same is allowed, a millisecond earlier it is not', async () => {
  fc.assert(fc.property(fc.constantFrom(...STARTS), allowance, requests, (start, allowance, requests) => {
    const { now, advance } = handClock(start)
    const store = memoryQuotas({ now })
    for (const { by, share } of requests) {
      advance(by)
      const cost = costOf(share, allowance)
      const { allowed, retryAfter } = store.spend('k', allowance, cost)
      assert.equal(retryAfter > 0, !allowed)
      assert.ok(Number.isInteger(retryAfter))
      if (allowed) continue
      advance(retryAfter - 1)
      assert.equal(store.spend('k', allowance, cost).allowed, false, 'too early')
      advance(1)
      assert.equal(store.spend('k', allowance, cost).allowed, true, 'too late')
    }
  }), { numRuns: 500 })
})

t.test('throttling 12: what is said to remain is allowed, one more is not; no sequence makes it negative or more than the limit', async () => {
  const step = fc.record({ by: fc.oneof(fc.constant(0), fc.nat(3_000)), share: fc.double({ min: 0, max: 1, noNaN: true }), giveBack: fc.boolean() })
  fc.assert(fc.property(fc.constantFrom(...STARTS), allowance, fc.array(step, { minLength: 1, maxLength: 60 }), (start, allowance, steps) => {
    const { now, advance } = handClock(start)
    const store = memoryQuotas({ now })
    for (const { by, share, giveBack } of steps) {
      advance(by)
      const cost = costOf(share, allowance)
      if (giveBack) store.giveBack('k', allowance, cost)
      const { remaining, resetAfter, allowed } = store.spend('k', allowance, cost)
      assert.ok(Number.isInteger(remaining) && remaining >= 0 && remaining <= allowance.limit, `${remaining} of ${allowance.limit}`)
      assert.ok(resetAfter >= 0 && resetAfter <= Math.ceil(allowance.window), `${resetAfter} of ${allowance.window} ms`)
      if (!allowed) assert.ok(remaining < cost)
      if (remaining > 0) {
        assert.equal(store.spend('k', allowance, remaining).allowed, true)
        assert.equal(store.spend('k', allowance, 1).allowed, false)
        store.giveBack('k', allowance, remaining)
      }
    }
  }), { numRuns: 500 })
})

t.test('throttling 12: a spending and its return leave the key as it was, to the fraction of a unit', async () => {
  fc.assert(fc.property(allowance, requests, fc.double({ min: 0, max: 1, noNaN: true }), (allowance, requests, share) => {
    const { now, advance } = handClock()
    const [touched, untouched] = [memoryQuotas({ now }), memoryQuotas({ now })]
    for (const one of requests) {
      advance(one.by)
      for (const store of [touched, untouched]) store.spend('k', allowance, costOf(one.share, allowance))
      if (touched.spend('k', allowance, costOf(share, allowance)).allowed) touched.giveBack('k', allowance, costOf(share, allowance))
    }
    const [first, second] = [touched.spend('k', allowance, 1), untouched.spend('k', allowance, 1)]
    assert.equal(first.allowed, second.allowed)
    assert.equal(first.remaining, second.remaining)
    assert.ok(Math.abs(first.resetAfter - second.resetAfter) <= 1)
  }), { numRuns: 500 })
})

t.test('throttling 31: in a spray of 100,000 keys the used up stay used up and the bound holds', async (t) => {
  const store = memoryQuotas({ max: 1_000, now: handClock().now })
  for (let victim = 0; victim < 100; victim++) store.spend(`used up ${victim}`, ONCE, 1)
  let most = 0
  for (let key = 0; key < 100_000; key++) {
    if (!store.spend(`spray ${key}`, PLENTY, 1).allowed) t.fail('a new key is allowed', { key })
    most = Math.max(most, store.size)
  }
  t.ok(most <= 1_000, 'never more keys than the bound', { most })
  t.ok(most > 500, 'the bound is made use of', { most })
  for (let victim = 0; victim < 100; victim++) {
    if (store.spend(`used up ${victim}`, ONCE, 1).allowed) t.fail('a used up key is still used up', { victim })
  }
})

t.test('throttling 31: a key with a unit left is not kept before others, also where the unit is a fraction', async (t) => {
  const store = memoryQuotas({ max: 40, now: handClock().now })
  for (let key = 0; key < 1_000; key++) {
    if (!store.spend(`${key}`, { limit: 7, window: 20_000 }, 6).allowed) t.fail('there is room', { key })
  }
})

t.test('throttling 32: when used up keys fill the memory, unknown keys are denied until there is room', async (t) => {
  const { now, advance } = handClock()
  const overflows: [key: string, retryAfter: number][] = []
  const store = memoryQuotas({ max: 100, now, overflow: (key, retryAfter) => overflows.push([key, retryAfter]) })
  t.equal(fill(store), 100, 'all of the memory is used up keys')
  t.same(overflows, [['key 100', HOUR]], 'reported with the first key that was turned away')
  t.same(store.spend('unknown', PLENTY, 1), { allowed: false, remaining: 0, resetAfter: HOUR, retryAfter: HOUR })
  t.equal(store.size, 100)
  t.equal(overflows.length, 1, 'reported once')
  advance(HOUR - 1)
  t.match(store.spend('unknown', PLENTY, 1), { allowed: false, retryAfter: 1 })
  advance(1)
  t.equal(store.spend('unknown', PLENTY, 1).allowed, true, 'there is room once they have something left')
  fill(store)
  t.equal(overflows.length, 2, 'a second episode is reported again')
})

t.test('throttling 32: without a function for it nobody is told; the wait is whole milliseconds', async (t) => {
  const { now } = handClock()
  const store = memoryQuotas({ max: 4, now })
  for (let key = 0; key < 4; key++) store.spend(`${key}`, { limit: 3, window: 1_000 }, 3)
  t.same(store.spend('unknown', PLENTY, 1), { allowed: false, remaining: 0, resetAfter: 334, retryAfter: 334 })
})

t.test('throttling 32: what is given back makes room, all of it or a part', async (t) => {
  for (const units of [1, 2]) {
    const { now, advance } = handClock()
    const store = memoryQuotas({ max: 8, now })
    for (let key = 0; key < 8; key++) store.spend(`${key}`, { limit: 2, window: HOUR }, 2)
    t.equal(store.spend('unknown', PLENTY, 1).allowed, false)
    for (let key = 0; key < 2; key++) store.giveBack(`${key}`, { limit: 2, window: HOUR }, units)
    t.equal(store.size, units === 2 ? 6 : 8)
    advance(1_000) // a full memory is not searched at every try
    t.equal(store.spend('unknown', PLENTY, 1).allowed, true)
  }
})

t.test('throttling 33: no timers, whatever is counted', async (t) => {
  const timers = () => process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length
  const before = timers()
  const store = memoryQuotas()
  for (let key = 0; key < 1_000; key++) store.spend(`${key}`, ONCE, 1)
  t.equal(timers(), before)
  t.match(store.spend('0', ONCE, 1), { allowed: false }, 'and the clock of the machine when none is given')
})

t.test('throttling 34: no step of the clock makes a wait longer, and one forward ends it', async (t) => {
  const { now, advance } = handClock(10 * HOUR)
  const store = memoryQuotas({ now })
  store.spend('k', ONCE, 1)
  advance(-5 * HOUR)
  t.match(store.spend('k', ONCE, 1), { allowed: false, retryAfter: HOUR })
  advance(HOUR)
  t.equal(store.spend('k', ONCE, 1).allowed, true)
})

t.test('throttling 31: attempts and quotas of one memory share neither keys nor room', async (t) => {
  const overflows: string[] = []
  const store = memoryCounters({ max: 4, now: handClock().now, overflow: (key) => overflows.push(key) })
  const ladder = { free: 1, base: HOUR, cap: HOUR, window: HOUR }
  for (let key = 0; key < 5; key++) store.charge(`${key}`, ladder)
  t.same(overflows, ['4'])
  t.equal(store.spend('0', ONCE, 1).allowed, true)
  store.reset('0')
  t.equal(store.spend('0', ONCE, 1).allowed, false)
  t.equal(store.size, 4)
  for (let key = 0; key < 5; key++) store.spend(`${key}`, ONCE, 1)
  t.same(overflows, ['4', '4'])
  t.match(memoryCounters().spend('k', ONCE, 1), { allowed: true }, 'without options too')
})

t.test('options that make no sense stop the start', async (t) => {
  for (const [where, make] of [['memoryQuotas', memoryQuotas], ['memoryCounters', memoryCounters]] as const) {
    const wrong = (options: object, says: string) => t.throws(() => make(options), { code: 'FST_GATEHOUSE_OPTION', message: new RegExp(`^${where}${says}`) })
    for (const max of [3, 0, -1, 4.5, NaN, Infinity, '100']) wrong({ max }, '\\.max: .* was given; allowed is an integer from 4 up')
    wrong({ now: 5 }, '\\.now: 5 was given; allowed is a function')
    wrong({ overflow: true }, '\\.overflow: true was given; allowed is a function')
    wrong({ mx: 5 }, ': there is no option \'mx\'.* Did you mean "max"\\?')
  }
})

/** Uses keys up until one is denied; how many were allowed. */
function fill (store: MemoryQuotas): number {
  for (let key = 0; ; key++) {
    if (!store.spend(`key ${key}`, ONCE, 1).allowed) return key
  }
}
