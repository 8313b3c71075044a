/** A clock that is seldom read: late by a bound, exact where it must be, at rest when nobody asks. */
import assert from 'node:assert/strict'
import { performance } from 'node:perf_hooks'
import { setTimeout } from 'node:timers/promises'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { exactClock, LATENESS, lateClock } from '../../lib/stores/late-clock.ts'
import { memoryAttempts } from '../../lib/stores/memory.ts'
import { memoryQuotas } from '../../lib/stores/memory-quotas.ts'
import { type HandClock, handClock } from './hand-clock.ts'

/** Timers of one duration fire in the order in which they were set: whatever the clock had set before has fired. */
const turn = () => setTimeout(LATENESS)

function counted () {
  const clock = { reading: 1_000, reads: 0 }
  const { exact, lately } = lateClock(() => {
    clock.reads += 1
    return clock.reading
  })
  return { clock, exact, lately }
}

t.test('it is read once for all who ask within ten milliseconds', async (t) => {
  const { clock, lately } = counted()
  t.equal(lately(), 1_000, 'the first who asks is told exactly')
  clock.reading = 1_009.7
  for (let times = 0; times < 1_000; times++) t.equal(lately(), 1_000)
  t.equal(clock.reads, 1)
  await turn()
  t.equal(lately(), 1_009, 'whole milliseconds, never more than have passed')
  t.equal(clock.reads, 2)
})

t.test('who asks exactly is told exactly, and nobody is told less afterwards', async (t) => {
  const { clock, exact, lately } = counted()
  lately()
  clock.reading = 1_005
  t.equal(exact(), 1_005)
  t.equal(lately(), 1_005)
})

t.test('nobody asks: it is not read, and the next who asks is told exactly', async (t) => {
  const { clock, lately } = counted()
  lately()
  await turn()
  const { reads } = clock
  await turn()
  await turn()
  t.equal(clock.reads, reads)
  clock.reading = 3_600_000
  t.equal(lately(), 3_600_000)
  clock.reading = 3_600_010
  lately()
  await turn()
  t.equal(lately(), 3_600_010, 'and it turns again')
})

t.test('a clock of the application\'s is read whenever it is asked', async (t) => {
  const { now, advance } = handClock()
  const clock = exactClock(now)
  for (let times = 0; times < 3; times++) {
    advance(1)
    t.equal(clock.lately(), times + 1)
  }
})

/** The process's own clock, moved by hand. What is tested must not wait: within one turn of the loop no timer turns the late hand. */
function standstill (t: Test): HandClock['advance'] {
  const { now, advance } = handClock()
  performance.now = now
  t.teardown(() => { Reflect.deleteProperty(performance, 'now') })
  return advance
}

t.test('throttling 4: the loop stands still, and a lock is neither shorter nor longer for it', async (t) => {
  const advance = standstill(t)
  const store = memoryAttempts()
  const ladder = { free: 2, base: 1_000, cap: 60_000, window: 3_600_000 }
  t.equal(store.charge('k', ladder).admitted, true)
  advance(5_000)
  t.equal(store.charge('k', ladder).admitted, true)
  t.match(store.status('k'), { failures: 2, lockedFor: 1_000 }, 'of its whole length, from when it is set')
  advance(999)
  t.same(store.charge('k', ladder), { admitted: false, failures: 2, retryAfter: 1 })
  advance(1)
  t.equal(store.charge('k', ladder).admitted, true, 'its end is not seen late')
  advance(5_000)
  t.equal(store.charge('one guess only', { ...ladder, free: 1 }).admitted, true)
  t.match(store.status('one guess only'), { failures: 1, lockedFor: 1_000 })
})

t.test('throttling 4: a lock that another ladder sees is seen exactly too', async (t) => {
  const advance = standstill(t)
  const store = memoryAttempts()
  const ladder = { free: 1, base: 1_000, cap: 60_000, window: 3_600_000 }
  store.charge('k', ladder)
  advance(1_000)
  t.equal(store.charge('k', { ...ladder, free: 100 }).admitted, true)
})

t.test('throttling 14: the loop stands still, and nobody is denied for what came back meanwhile', async (t) => {
  const advance = standstill(t)
  const store = memoryQuotas()
  const two = { limit: 2, window: 1_000 }
  t.equal(store.spend('k', two, 2).allowed, true)
  t.match(store.spend('k', two, 2), { allowed: false, retryAfter: 1_000 })
  advance(400)
  t.match(store.spend('k', two, 2), { allowed: false, retryAfter: 600 })
  advance(600)
  t.match(store.spend('k', two, 2), { allowed: true, remaining: 0 })
})

t.test('in no interval is more allowed than the limit and what comes back in it, and in as long as the clock was late', async (t) => {
  const step = fc.record({ by: fc.nat(200), turned: fc.boolean() })
  fc.assert(fc.property(fc.integer({ min: 1, max: 50 }), fc.array(step, { minLength: 1, maxLength: 80 }), (limit, steps) => {
    const advance = standstill(t)
    const store = memoryQuotas()
    const allowance = { limit, window: 1_000 }
    const spent: number[] = []
    let latest = 0
    let late = 0
    for (const { by, turned } of steps) {
      advance(by)
      late = turned ? 0 : late + by
      latest = Math.max(latest, late)
      if (turned) store.giveBack('another', allowance, 1)
      if (store.spend('k', allowance, 1).allowed) spent.push(performance.now())
    }
    for (const [index, from] of spent.entries()) {
      for (const [further, at] of spent.slice(index).entries()) {
        const most = limit * (1 + (at - from + latest) / allowance.window)
        assert.ok(further + 1 <= most * (1 + 1e-7), `${further + 1} in ${at - from} ms`)
      }
    }
  }))
})
