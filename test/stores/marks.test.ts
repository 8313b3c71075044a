/** Marks in memory: the answers of every store, a bound that holds, and nothing forgotten before its time. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { memoryMarks } from '../../lib/stores/memory-marks.ts'
import { handClock } from './hand-clock.ts'
import { marksTranscript } from './marks-transcript.ts'

const FULL = { code: 'FST_GATEHOUSE_STORE_UNAVAILABLE', cause: { message: /holds 3 marks, and none of them may be forgotten yet/ } }

t.test('the transcript', async (t) => {
  await marksTranscript(t, () => {
    const { now, advance } = handClock()
    return { store: memoryMarks({ now }), wait: advance, short: 200 }
  })
})

t.test('a mark holds to its last millisecond and not one longer', async (t) => {
  const { now, advance } = handClock()
  const store = memoryMarks({ now })
  store.putOnce('a', 100)
  advance(99)
  t.equal(store.putOnce('a', 100), false)
  advance(1)
  t.equal(store.putOnce('a', 100), true)
})

t.test('law 10: when it is full, a new mark is turned away and no other is forgotten', async (t) => {
  const { now, advance } = handClock()
  const store = memoryMarks({ max: 3, now })
  store.putOnce('a', 5_000)
  store.putOnce('b', 9_000)
  store.put('c', 'one', 9_000)
  t.throws(() => store.putOnce('d', 1), FULL)
  t.throws(() => store.put('d', 'one', 1), FULL)
  t.equal(store.get('d'), null)
  t.same(['a', 'b', 'c'].map((key) => store.putOnce(key, 1)), [false, false, false])
  store.put('c', 'two', 9_000)
  t.equal(store.get('c'), 'two', 'a known key can still be put')
  advance(4_999)
  t.throws(() => store.putOnce('d', 1), FULL)
  advance(1)
  t.throws(() => store.putOnce('d', 1), FULL, 'a full memory is not searched at every try')
  advance(999)
  t.equal(store.putOnce('d', 1_000), true, 'but within a second')
  t.equal(store.size, 3)
  store.delete('b')
  t.equal(store.putOnce('e', 1_000), true, 'what is deleted makes room at once')
})

t.test('a key whose time is over can be put again in a full memory', async (t) => {
  const { now, advance } = handClock()
  const store = memoryMarks({ max: 3, now })
  for (const key of ['a', 'b', 'c']) store.putOnce(key, 10)
  t.throws(() => store.putOnce('d', 10), FULL)
  advance(10)
  t.equal(store.putOnce('a', 10), true)
})

t.test('what is over is removed by itself, long before the bound', async (t) => {
  const { now, advance } = handClock()
  const store = memoryMarks({ now })
  let most = 0
  for (let key = 0; key < 50_000; key++) {
    advance(1)
    store.putOnce(`${key}`, 2_000)
    most = Math.max(most, store.size)
  }
  t.ok(most < 5_001, 'at most twice what is alive and what a second brings', { most })
})

t.test('no step of the clock lets a mark end early', async (t) => {
  const { now, advance } = handClock()
  const store = memoryMarks({ now })
  store.putOnce('a', 1_000)
  advance(-500_000)
  t.equal(store.putOnce('a', 1_000), false)
  advance(999)
  t.equal(store.putOnce('a', 1_000), false)
  advance(1)
  t.equal(store.putOnce('a', 1_000), true)
})

t.test('no sequence of operations forgets a mark, breaks the bound, or answers otherwise than a naive model', async () => {
  const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', '__proto__')
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant('putOnce' as const), key, ttl: fc.integer({ min: 1, max: 4_000 }) }) },
    fc.record({ do: fc.constant('put' as const), key, ttl: fc.integer({ min: 1, max: 4_000 }) }),
    fc.record({ do: fc.constantFrom('get' as const, 'delete' as const), key, ttl: fc.constant(0) }),
    { weight: 2, arbitrary: fc.record({ do: fc.constant('advance' as const), key, ttl: fc.integer({ min: 0, max: 2_000 }) }) }
  )
  fc.assert(fc.property(fc.integer({ min: 1, max: 6 }), fc.array(step, { maxLength: 80 }), (max, sequence) => {
    const { now, advance } = handClock()
    const store = memoryMarks({ max, now })
    const model = new Map<string, { value: string, until: number }>()
    for (const { do: what, key, ttl } of sequence) {
      for (const [known, { until }] of model) if (until <= now()) model.delete(known)
      if (what === 'advance') advance(ttl)
      if (what === 'get') assert.equal(store.get(key), model.get(key)?.value ?? null)
      if (what === 'delete') {
        store.delete(key)
        model.delete(key)
      }
      if (what === 'put' || what === 'putOnce') {
        const before = model.get(key)
        try {
          const first = what === 'put' ? store.put(key, 'v', ttl) : store.putOnce(key, ttl)
          if (what === 'putOnce') assert.equal(first, before === undefined)
          if (what === 'put' || first === true) model.set(key, { value: what === 'put' ? 'v' : '', until: now() + ttl })
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'FST_GATEHOUSE_STORE_UNAVAILABLE')
          assert.equal(before, undefined)
          assert.equal(store.size, max)
        }
      }
      assert.ok(store.size <= max)
    }
  }), { numRuns: 1_000 })
})

t.test('no timers, whatever is put, and the clock of the machine when none is given', async (t) => {
  const timers = () => process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length
  const before = timers()
  const store = memoryMarks()
  for (let key = 0; key < 1_000; key++) store.putOnce(`${key}`, 60_000)
  t.equal(timers(), before)
  t.equal(store.putOnce('0', 60_000), false)
})

t.test('options that make no sense stop the start', async (t) => {
  const wrong = (options: object, says: RegExp) => t.throws(() => memoryMarks(options), { code: 'FST_GATEHOUSE_OPTION', message: says })
  for (const max of [0, -1, 4.5, NaN, Infinity, '100']) wrong({ max }, /memoryMarks\.max: .* was given; allowed is an integer from 1 up/)
  wrong({ now: 5 }, /memoryMarks\.now: 5 was given; allowed is a function/)
  wrong({ mx: 5 }, /there is no option 'mx'.* Did you mean "max"\?/)
})
