/** Failed attempts in memory: the answers of every store, a bound that holds, and time that behaves. */
import assert from 'node:assert/strict'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import t from 'tap'
import type { AttemptState, Charge, Ladder } from '../../lib/stores/counters.ts'
import { lockAfter } from '../../lib/stores/lock.ts'
import { type MemoryAttempts, memoryAttempts } from '../../lib/stores/memory.ts'
import { attemptsTranscript } from './attempts-transcript.ts'
import { handClock } from './hand-clock.ts'

const HOUR = 3_600_000
const MILLION = 1_000_000
const FREE: Ladder = { free: 5, base: 1_000, cap: HOUR, window: HOUR }
const LOCKING: Ladder = { free: 1, base: HOUR, cap: HOUR, window: HOUR }

t.test('the transcript', async (t) => {
  await attemptsTranscript(t, () => {
    const { now, advance } = handClock()
    return { store: memoryAttempts({ now }), wait: advance, slack: 0 }
  })
})

t.test('throttling 3: a lock holds to its last millisecond and not one longer', async (t) => {
  const { now, advance } = handClock()
  const store = memoryAttempts({ now })
  store.charge('k', LOCKING)
  advance(HOUR - 1)
  t.same(store.charge('k', LOCKING), { admitted: false, failures: 1, retryAfter: 1 })
  advance(1)
  t.equal(store.charge('k', LOCKING).admitted, true)
})

t.test('throttling 5: 10,000 failures keep the lock at the cap', async (t) => {
  const { now, advance } = handClock()
  const store = memoryAttempts({ now })
  const ladder = { ...FREE, window: 24 * HOUR }
  for (let failures = 1; failures <= 10_000; failures++) {
    const charge = store.charge('k', ladder)
    const lockedFor = store.status('k')?.lockedFor
    if (!charge.admitted || charge.failures !== failures) t.fail('one attempt is admitted when the lock has ended', { failures, charge })
    if (failures >= 17 && lockedFor !== HOUR) t.fail('the lock is the cap', { failures, lockedFor })
    advance(HOUR)
  }
  t.match(store.status('k'), { failures: 10_000, lockedFor: 0 })
})

t.test('throttling 5: the rungs end at 2^40 times the base, however far the cap is', async (t) => {
  const ladder = { free: 3, base: 7, cap: Number.MAX_SAFE_INTEGER, window: 1 }
  t.same([2, 3, 4, 43, 44, 5_000, 1e15].map((failures) => lockAfter(failures, ladder)), [0, 7, 14, 7 * 2 ** 40, 7 * 2 ** 40, 7 * 2 ** 40, 7 * 2 ** 40])
})

t.test('any sequence of operations answers as a naive model does', async () => {
  const ladder = fc.record({ free: fc.integer({ min: 1, max: 6 }), base: fc.integer({ min: 1, max: 3_000 }), extra: fc.integer({ min: 0, max: 9_000 }), window: fc.integer({ min: 1, max: 9_000 }) })
    .map(({ free, base, extra, window }): Ladder => ({ free, base, cap: base + extra, window }))
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant('charge' as const), key: fc.constantFrom('a', 'b', 'c') }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('advance' as const), by: fc.integer({ min: 0, max: 5_000 }) }) },
    fc.record({ do: fc.constantFrom('refund' as const, 'reset' as const, 'status' as const), key: fc.constantFrom('a', 'b', 'c') })
  )
  fc.assert(fc.property(ladder, fc.array(step, { maxLength: 60 }), (ladder, sequence) => {
    const { now, advance } = handClock()
    const store = memoryAttempts({ now })
    const model = naiveModel(now)
    for (const one of sequence) {
      if (one.do === 'advance') advance(one.by)
      if (one.do === 'charge') assert.deepStrictEqual(store.charge(one.key, ladder), model.charge(one.key, ladder))
      if (one.do === 'refund') assert.equal(store.refund(one.key), model.refund(one.key))
      if (one.do === 'reset') assert.equal(store.reset(one.key), model.reset(one.key))
      if (one.do === 'status') assert.deepStrictEqual(store.status(one.key), model.status(one.key))
    }
  }), { numRuns: 1_000 })
})

t.test('throttling 31: in a spray of 100,000 keys the locked stay locked and the bound holds', async (t) => {
  const store = memoryAttempts({ max: 1_000, now: handClock().now })
  for (let victim = 0; victim < 100; victim++) store.charge(`victim ${victim}`, LOCKING)
  let most = 0
  for (let key = 0; key < 100_000; key++) {
    if (!store.charge(`spray ${key}`, FREE).admitted) t.fail('a new key is admitted', { key })
    most = Math.max(most, store.size)
  }
  t.ok(most <= 1_000, 'never more keys than the bound', { most })
  t.ok(most > 500, 'the bound is made use of', { most })
  for (let victim = 0; victim < 100; victim++) {
    if (store.charge(`victim ${victim}`, LOCKING).admitted) t.fail('a victim is still locked', { victim })
  }
  t.equal(store.status('spray 0'), null, 'the oldest of the spray is forgotten')
  t.match(store.status('spray 99999'), { failures: 1 }, 'the newest is not')
})

t.test('throttling 31: a million keys take no more than the 25 MB that the default bound promises, and the locked stay locked', async (t) => {
  const { now } = handClock()
  const before = heapUsed()
  const store = memoryAttempts({ now })
  for (let victim = 0; victim < 100; victim++) store.charge(`victim ${victim}`, LOCKING)
  let denied = 0
  for (let key = 0; key < MILLION; key++) if (!store.charge(`spray ${key}, as long as a key really is`, FREE).admitted) denied++
  const megabytes = (heapUsed() - before) / 2 ** 20
  t.equal(denied, 0)
  t.ok(megabytes > 1 && megabytes < 25, 'bounded', { megabytes })
  for (let victim = 0; victim < 100; victim++) {
    if (store.charge(`victim ${victim}`, LOCKING).admitted) t.fail('a victim is still locked', { victim })
  }
})

t.test('throttling 31: a key that is tried again and again outlives a spray', async (t) => {
  const store = memoryAttempts({ max: 40, now: handClock().now })
  const ladder = { ...FREE, free: 1_000_000 }
  for (let round = 1; round <= 200; round++) {
    t.equal(store.charge('tried', ladder).failures, round)
    for (let key = 0; key < 9; key++) store.charge(`spray ${round} ${key}`, ladder)
  }
})

t.test('throttling 31: a key is held once, wherever it was when it was tried again', async (t) => {
  const { now, advance } = handClock()
  const store = memoryAttempts({ max: 8, now })
  const spray = (name: string) => store.charge(name, FREE)
  store.charge('tried', { ...LOCKING, base: 1_000 })
  spray('a')
  spray('b')
  t.equal(store.size, 3, 'now it is of the old generation')
  advance(1_000)
  store.charge('tried', LOCKING)
  t.equal(store.size, 3)
  spray('c')
  spray('d')
  spray('e')
  spray('f')
  spray('g')
  t.equal(store.size, 4, 'now it is in the share of the locked')
  advance(HOUR)
  store.charge('tried', LOCKING)
  t.equal(store.size, 4)
})

t.test('throttling 31: no sequence of keys frees a locked one or breaks the bound', async () => {
  const step = fc.record({ key: fc.integer({ min: 0, max: 60 }), locking: fc.boolean(), by: fc.integer({ min: 0, max: HOUR / 20 }) })
  fc.assert(fc.property(fc.integer({ min: 4, max: 24 }), fc.array(step, { minLength: 40, maxLength: 200 }), (max, sequence) => {
    const { now, advance } = handClock()
    const store = memoryAttempts({ max, now })
    const lockedUntil = new Map<string, number>()
    for (const { key: number, locking, by } of sequence) {
      advance(by)
      const key = `${number}`
      const charge = store.charge(key, locking ? LOCKING : FREE)
      if (charge.admitted && now() < (lockedUntil.get(key) ?? 0)) return false
      if (charge.admitted && locking) lockedUntil.set(key, now() + HOUR)
      if (!charge.admitted && charge.retryAfter <= 0) return false
      if (store.size > max) return false
    }
    return true
  }), { numRuns: 500 })
})

t.test('throttling 32: when locks fill the memory, unknown keys are denied until a lock ends', async (t) => {
  const { now, advance } = handClock()
  const overflows: [key: string, retryAfter: number][] = []
  const store = memoryAttempts({ max: 100, now, overflow: (key, retryAfter) => overflows.push([key, retryAfter]) })
  const locked = fill(store)
  t.equal(locked, 100, 'all of the memory is locks')

  t.same(overflows, [['lock 100', HOUR]], 'reported with the first key that was turned away')
  t.same(store.charge('unknown', FREE), { admitted: false, failures: 0, retryAfter: HOUR }, 'an unknown key is denied')
  t.equal(store.status('unknown'), null, 'and not remembered')
  t.equal(store.charge('lock 0', LOCKING).admitted, false, 'a locked key is still locked')
  t.equal(store.size, 100)
  t.equal(overflows.length, 1, 'reported once')

  advance(HOUR - 1)
  t.same(store.charge('unknown', FREE), { admitted: false, failures: 0, retryAfter: 1 })
  advance(1)
  t.equal(store.charge('unknown', FREE).admitted, true, 'there is room once the locks have ended')
  fill(store)
  t.equal(overflows.length, 2, 'a second episode is reported again')
})

t.test('throttling 32: the wait that an unknown key is told is neither too early nor too late', async (t) => {
  const { now, advance } = handClock()
  const store = memoryAttempts({ max: 8, now })
  for (let key = 1; key <= 8; key++) store.charge(`lock ${key}`, { ...LOCKING, base: key * 10_000 })
  const { retryAfter } = store.charge('unknown', FREE)
  advance(retryAfter - 1)
  t.equal(store.charge('unknown', FREE).admitted, false)
  advance(1)
  t.equal(store.charge('unknown', FREE).admitted, true)
})

t.test('throttling 32: in a full memory a known key still counts, and a reset makes room', async (t) => {
  const { now, advance } = handClock()
  const store = memoryAttempts({ max: 8, now })
  store.charge('known', { ...LOCKING, base: 2_000 })
  for (let key = 0; key < 7; key++) store.charge(`lock ${key}`, LOCKING)
  advance(2_000)
  t.equal(store.charge('unknown', FREE).admitted, false, 'full: one lock has ended, two would have to')
  t.same(store.charge('known', LOCKING), { admitted: true, failures: 2, retryAfter: 0 }, 'the known key goes on where it was')
  t.same(store.charge('known', LOCKING), { admitted: false, failures: 2, retryAfter: HOUR })

  for (let key = 0; key < 2; key++) store.reset(`lock ${key}`)
  advance(999)
  t.equal(store.charge('unknown', FREE).admitted, false, 'a full memory is not searched at every try')
  advance(1)
  t.equal(store.charge('unknown', FREE).admitted, true, 'but within a second')
})

t.test('throttling 33: no timers, whatever is counted', async (t) => {
  const timers = () => process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length
  const before = timers()
  const store = memoryAttempts({ overflow: undefined as never })
  for (let key = 0; key < 1_000; key++) store.charge(`${key}`, LOCKING)
  t.equal(timers(), before)
})

t.test('throttling 34: no step of the clock makes a lock longer than it was', async (t) => {
  const { now, advance } = handClock(10 * HOUR)
  const store = memoryAttempts({ now })
  store.charge('k', LOCKING)
  advance(HOUR / 2)
  t.match(store.status('k'), { lockedFor: HOUR / 2 })
  advance(-5 * HOUR)
  t.match(store.status('k'), { lockedFor: HOUR / 2 }, 'a step back leaves the lock as it is')
  advance(HOUR / 2)
  t.equal(store.charge('k', LOCKING).admitted, true, 'and it ends when it has lasted')
})

t.test('throttling 34: a step forward ends the lock', async (t) => {
  const { now, advance } = handClock()
  const store = memoryAttempts({ now })
  store.charge('k', LOCKING)
  advance(48 * HOUR)
  t.equal(store.status('k'), null)
})

t.test('throttling 34: with any clock at all, broken ones too, a lock is never longer than the cap', async () => {
  const reading = fc.oneof(fc.integer({ min: -HOUR, max: HOUR }), fc.double({ min: -1e9, max: 1e9 }), fc.constant(NaN))
  fc.assert(fc.property(fc.array(reading, { minLength: 4, maxLength: 50 }), (readings) => {
    let next = 0
    const store = memoryAttempts({ now: () => Number(readings[next++ % readings.length]) })
    return readings.every(() => {
      const { retryAfter } = store.charge('k', LOCKING)
      return retryAfter >= 0 && retryAfter <= HOUR
    })
  }))
})

t.test('throttling 34: a clock with fractions of milliseconds makes no fractions of waits', async (t) => {
  const { now, advance } = handClock(0.1)
  const store = memoryAttempts({ now })
  advance(0.7)
  store.charge('k', LOCKING)
  advance(0.7)
  t.equal(store.charge('k', LOCKING).retryAfter, HOUR - 1)
})

t.test('the clock of the machine is used when none is given', async (t) => {
  const store = memoryAttempts()
  store.charge('k', LOCKING)
  const { lockedFor } = store.status('k') ?? { lockedFor: NaN }
  t.ok(lockedFor > HOUR / 2 && lockedFor <= HOUR)
})

t.test('options that make no sense stop the start', async (t) => {
  const wrong = (options: object, says: RegExp) => t.throws(() => memoryAttempts(options), { code: 'FST_GATEHOUSE_OPTION', message: says })
  for (const max of [3, 0, -1, 4.5, NaN, Infinity, '100']) wrong({ max }, /memoryAttempts\.max: .* was given; allowed is an integer from 4 up/)
  wrong({ now: 5 }, /memoryAttempts\.now: 5 was given; allowed is a function/)
  wrong({ overflow: true }, /memoryAttempts\.overflow: true was given; allowed is a function/)
  wrong({ maximum: 5 }, /there is no option 'maximum'; allowed are max, now, overflow\. Did you mean "max"\?|there is no option 'maximum'/)
  wrong({ mx: 5 }, /there is no option 'mx'.* Did you mean "max"\?/)
})

/** Bytes, after a whole collection. */
function heapUsed (): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  return process.memoryUsage().heapUsed
}

/** Locks keys until one is denied; how many were admitted. */
function fill (store: MemoryAttempts): number {
  for (let key = 0; ; key++) {
    if (!store.charge(`lock ${key}`, LOCKING).admitted) return key
  }
}

/** The rules of a store as plainly as they can be written. */
function naiveModel (now: () => number) {
  const keys = new Map<string, { f: number, u: number, expires: number }>()
  const live = (key: string) => {
    const found = keys.get(key)
    return found !== undefined && now() < found.expires ? found : undefined
  }
  return {
    charge (key: string, { free, base, cap, window }: Ladder): Charge {
      const found = live(key) ?? { f: 0, u: 0, expires: 0 }
      if (found.u > now()) return { admitted: false, failures: found.f, retryAfter: found.u - now() }
      const f = found.f + 1
      let lock = 0
      if (f >= free) {
        lock = base
        for (let rung = free; rung < f && lock < cap; rung++) lock *= 2
        if (lock > cap) lock = cap
      }
      keys.set(key, { f, u: lock === 0 ? 0 : now() + lock, expires: now() + lock + window })
      return { admitted: true, failures: f, retryAfter: 0 }
    },
    refund (key: string): void {
      const found = live(key)
      if (found === undefined) return
      found.f--
      found.u = 0
      if (found.f === 0) keys.delete(key)
    },
    reset (key: string): void {
      keys.delete(key)
    },
    status (key: string): AttemptState | null {
      const found = live(key)
      return found === undefined ? null : { failures: found.f, lockedFor: found.u > now() ? found.u - now() : 0 }
    },
  }
}
