/** A clock that is seldom read: late by a bound, exact where it must be, at rest when nobody asks. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { performance } from 'node:perf_hooks'
import { setTimeout } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { exactClock, LATENESS, lateClock } from '../../lib/stores/late-clock.ts'
import { memoryAttempts, type MemoryAttempts } from '../../lib/stores/memory.ts'
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
  clock.reads = 0
  return { clock, exact, lately }
}

t.test('it is read once for all who ask within ten milliseconds', async (t) => {
  const { clock, lately } = counted()
  t.equal(lately(), 0, 'the first who asks is told exactly')
  clock.reading = 1_009.7
  for (let times = 0; times < 1_000; times++) t.equal(lately(), 0)
  t.equal(clock.reads, 1)
  await turn()
  t.equal(lately(), 9, 'whole milliseconds, never more than have passed')
  t.equal(clock.reads, 2)
})

t.test('who asks exactly is told exactly, and nobody is told less afterwards', async (t) => {
  const { clock, exact, lately } = counted()
  lately()
  clock.reading = 1_005
  t.equal(exact(), 5)
  t.equal(lately(), 5)
})

t.test('nobody asks: it is not read, and the next who asks is told exactly', async (t) => {
  const { clock, lately } = counted()
  lately()
  await turn()
  const { reads } = clock
  await turn()
  await turn()
  t.equal(clock.reads, reads)
  clock.reading = 3_601_000
  t.equal(lately(), 3_600_000)
  clock.reading = 3_601_010
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

t.test('the timer is nobody\'s: what is kept for the request that was the first to ask does not live on with it', async (t) => {
  const requests = new AsyncLocalStorage<string>()
  const seen: unknown[] = []
  const { lately } = lateClock(() => {
    seen.push(requests.getStore())
    return 0
  })
  t.strictSame(seen.splice(0), [undefined], 'when it was made')
  requests.run('the first', lately)
  t.strictSame(seen, ['the first'])
  await turn()
  t.strictSame(seen, ['the first', undefined])
  await turn()
  await turn()
  requests.run('the next one after a rest', lately)
  await turn()
  t.strictSame(seen, ['the first', undefined, 'the next one after a rest', undefined])
})

/** Asked lately, so that a timer would have to turn its hand. */
function turned (store: MemoryAttempts): void {
  const ladder = { free: 9, base: 1_000, cap: 1_000, window: 3_600_000 }
  store.charge('another', ladder)
  store.charge('another', ladder)
}

t.test('throttling 3: the loop stands still, and a lock is neither shorter nor longer for it', async (t) => {
  const advance = standstill(t)
  const store = memoryAttempts()
  const ladder = { free: 3, base: 1_000, cap: 60_000, window: 3_600_000 }
  turned(store)
  t.equal(store.charge('k', ladder).admitted, true)
  t.equal(store.charge('k', ladder).admitted, true)
  advance(5_000)
  t.equal(store.charge('k', ladder).admitted, true)
  t.match(store.status('k'), { failures: 3, lockedFor: 1_000 }, 'of its whole length, from when it is set')
  advance(999)
  t.same(store.charge('k', ladder), { admitted: false, failures: 3, retryAfter: 1 })
  advance(1)
  t.equal(store.charge('k', ladder).admitted, true, 'its end is not seen late')
  advance(5_000)
  t.equal(store.charge('one guess only', { ...ladder, free: 1 }).admitted, true)
  t.match(store.status('one guess only'), { failures: 1, lockedFor: 1_000 })
})

t.test('throttling 3: a lock that another ladder sees is seen exactly too', async (t) => {
  const advance = standstill(t)
  const store = memoryAttempts()
  const ladder = { free: 1, base: 1_000, cap: 60_000, window: 3_600_000 }
  turned(store)
  store.charge('k', ladder)
  advance(1_000)
  t.equal(store.charge('k', { ...ladder, free: 100 }).admitted, true)
})

t.test('throttling 34: the process\'s own clock goes back, as under the fake timers of a test: no lock grows by it', async (t) => {
  const advance = standstill(t)
  const store = memoryAttempts()
  const ladder = { free: 2, base: 1_000, cap: 60_000, window: 3_600_000 }
  store.charge('k', ladder)
  store.charge('k', ladder)
  advance(-3_600_000)
  t.match(store.charge('k', ladder), { admitted: false, retryAfter: 1_000 })
  advance(1_000)
  t.equal(store.charge('k', ladder).admitted, true)
})

t.test('throttling 1: the loop stands still, and there are no more guesses at once for it', async (t) => {
  for (const window of [1_000, 19_999, 59_999, 60_000, 3_600_000]) {
    const advance = standstill(t)
    const store = memoryAttempts()
    const ladder = { free: 20, base: 30_000, cap: 30_000, window }
    turned(store)
    store.charge('k', ladder)
    // A handler works for as long as a handler ever does.
    advance(20_000)
    let guesses = 0
    for (let tries = 0; tries < 100; tries++) if (store.charge('k', ladder).admitted) guesses += 1
    t.equal(guesses, window < 20_000 ? 20 : 19, `window ${window}`)
  }
})

t.test('throttling 32: a full table lets in as soon as there is room, also after the loop stood still', async (t) => {
  const advance = standstill(t)
  const store = memoryAttempts({ max: 8 })
  const locking = { free: 1, base: 1_000, cap: 1_000, window: 3_600_000 }
  for (let index = 0; index < 8; index++) store.charge(`locked ${index}`, locking)
  t.equal(store.charge('new', { ...locking, free: 3 }).admitted, false)
  advance(5_000)
  t.equal(store.charge('new', { ...locking, free: 3 }).admitted, true)
})

t.test('the loop stands still, and of a quota comes back what comes back in that time, and no more', async (t) => {
  const advance = standstill(t)
  const store = memoryQuotas()
  const hundred = { limit: 100, window: 1_000 }
  t.equal(store.spend('another', hundred, 1).allowed, true)
  advance(5_000)
  let allowed = 0
  for (let tries = 0; tries < 300; tries++) if (store.spend('k', hundred, 1).allowed) allowed += 1
  t.equal(allowed, 100)
  advance(100)
  for (let tries = 0; tries < 300; tries++) if (store.spend('k', hundred, 1).allowed) allowed += 1
  t.equal(allowed, 110)
})
