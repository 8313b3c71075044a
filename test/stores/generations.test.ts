/** The table of the stores in memory: what it never forgets, what it never exceeds, and how little one put does. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { cellOf, cellsFor } from '../../lib/stores/cell.ts'
import { generations } from '../../lib/stores/generations.ts'

interface Value {
  lockedUntil: number
}

const LONG = 1_000_000
/** What one put looks at while there is room, and what it looks at when there is none. */
const [FEW, SOME] = [8, 400_000]

function steps (locking: number) {
  const key = fc.nat(50)
  const lock = fc.oneof({ weight: 10 - locking, arbitrary: fc.constant(0) }, { weight: locking, arbitrary: fc.integer({ min: 1, max: 4_000 }) })
  return fc.array(fc.oneof(
    { weight: 16, arbitrary: fc.record({ do: fc.constant('put' as const), key, lock }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('lock' as const), key, lock }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('unlock' as const, 'delete' as const), key }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('advance' as const), by: fc.integer({ min: 1, max: 1_500 }) }) }
  ), { minLength: 100, maxLength: 300 })
}

const max = fc.integer({ min: 4, max: 40 })

for (const [locking, much] of [[1, 'few'], [5, 'half'], [9, 'most']] as const) {
  t.test(`throttling 31, 32: no sequence loses a lock, holds a key twice or too many, or forgets the newest quarter, where ${much} of the keys are locked`, async () => {
    fc.assert(fc.property(max, steps(locking), (max, steps) => {
      const [table, model] = [generations<Value>(max), plainModel(max)]
      let time = 1
      let patientUntil = 0
      for (const step of steps) {
        if (step.do === 'advance') time += step.by
        if (step.do === 'delete') {
          table.delete(`${step.key}`)
          model.delete(step.key)
        }
        if (step.do === 'unlock') {
          const value = table.get(`${step.key}`)
          if (value !== undefined) value.lockedUntil = 0
        }
        if (step.do === 'lock') {
          const value = table.young(`${step.key}`)
          if (value === undefined) continue
          value.lockedUntil = time + step.lock
          model.put(step.key, value, time)
        }
        if (step.do === 'put') {
          const value = { lockedUntil: step.lock === 0 ? 0 : time + step.lock }
          const [known, locks] = [table.get(`${step.key}`), model.locks(time)]
          if (locks > model.share) patientUntil = time + 1_000
          const put = table.put(`${step.key}`, value, time)
          if (put.kind === 'stored') model.put(step.key, value, time)
          if (put.kind === 'full') {
            assert.equal(known, undefined, 'only an unknown key is turned away')
            assert.ok(put.until > time, 'until a time to come')
            assert.ok(time < patientUntil, 'and only if the locks do not fit in their share, or did not a second ago')
          } else {
            assert.equal(table.get(`${step.key}`), value)
          }
        }
        model.check(table, time)
      }
    }), { numRuns: 400 })
  })
}

t.test('throttling 32: the wait of a full table is exact, whatever the ends of the locks are', async () => {
  const locks = fc.array(fc.integer({ min: 2, max: 900 }), { minLength: 60, maxLength: 60 })
  fc.assert(fc.property(max, locks, (max, locks) => {
    const table = generations<Value>(max)
    let index = 0
    while (index <= max && table.put(`${index}`, { lockedUntil: 1_000 + Number(locks[index]) }, 1_000).kind === 'stored') index++
    assert.ok(index <= max && index >= max - max % 4, 'all of the table may be locks')
    const full = table.put('unknown', { lockedUntil: 0 }, 1_000)
    assert.ok(full.kind === 'full' && !full.first)
    assert.equal(table.put('unknown', { lockedUntil: 0 }, full.until - 1).kind, 'full')
    assert.equal(table.put('unknown', { lockedUntil: 0 }, full.until).kind, 'stored')
    assert.ok(table.size <= max)
    for (let key = 0; key < index; key++) {
      if (1_000 + Number(locks[key]) > full.until) assert.notEqual(table.get(`${key}`), undefined, 'the other locks are kept')
    }
  }), { numRuns: 300 })
})

t.test('throttling 31: a key that a full table locks is kept, also where its turn to be looked at was over', async (t) => {
  const table = generations<Value>(16)
  for (let key = 0; key < 8; key++) table.put(`lock ${key}`, { lockedUntil: 100 }, 1)
  table.put('passed', { lockedUntil: 0 }, 1)
  for (let key = 8; key < 15; key++) table.put(`lock ${key}`, { lockedUntil: key < 11 ? LONG : 100 }, 1)
  t.match(table.put('unknown', { lockedUntil: 0 }, 1), { kind: 'full', until: 100 })
  table.put('passed', { lockedUntil: LONG }, 2)
  for (let key = 0; key < 100; key++) table.put(`spray ${key}`, { lockedUntil: 0 }, 2_000)
  t.same(table.get('passed'), { lockedUntil: LONG })
  for (let key = 8; key < 11; key++) t.same(table.get(`lock ${key}`), { lockedUntil: LONG })
})

t.test('throttling 33: with each key that comes, only a few of those that are there are looked at', async (t) => {
  const size = 40_000
  for (const [name, every, lasts] of [['none is locked', Infinity, 0], ['some are locked for good', 40, LONG], ['as many as fit are locked for a time', 2, size * 0.9]] as const) {
    const looks = countedLooks()
    const table = generations<Value>(size)
    let [most, sum, full] = [0, 0, 0]
    for (let time = 1; time <= 5 * size; time++) {
      const put = table.put(`${time}`, looks.value(time % every === 0 ? time + lasts : 0), time)
      if (put.kind === 'full') full++
      const seen = looks.taken()
      most = Math.max(most, seen)
      sum += seen
      if (table.size > size) t.fail('the bound holds', { time })
    }
    t.ok(most <= FEW, `${name}: no put looks at more than a few`, { most })
    t.ok(sum > 4 * size, `${name}: all of them are looked at`, { sum })
    t.equal(full, 0, `${name}: nobody is turned away`)
  }
})

t.test('throttling 33: what one put does in a large table full of locks is bounded, and so is what it does when all of them end', async (t) => {
  const size = 600_000
  const looks = countedLooks()
  const table = generations<Value>(size)
  const put = (key: string, lockedUntil: number, time: number) => {
    const result = table.put(key, looks.value(lockedUntil), time)
    const seen = looks.taken()
    if (seen > SOME) t.fail('a put looks at no more than that', { key, seen })
    return result
  }
  for (let key = 0; key < size; key++) {
    if (put(`${key}`, 10_000 + key, 1).kind === 'full') t.fail('all of the table may be locks', { key })
  }
  t.same(put('unknown', 0, 1), { kind: 'full', until: 1_001, first: true }, 'the search goes on')
  const waits = Array.from({ length: 12 }, () => put('unknown', 0, 1)).map((one) => one.kind === 'full' && !one.first ? one.until : NaN)
  const excess = size / 4
  const until = Number(waits.at(-1))
  t.ok(Math.abs(until - 10_000 - excess) < size / 1_000, 'the search ends in an estimate', { waits })
  t.equal(table.size, size)

  t.match(put('unknown', 0, LONG / 2), { kind: 'full' }, 'half of the locks have ended: there will be room')
  for (let key = size - 100; key < size; key++) {
    if (table.get(`${key}`)?.lockedUntil !== 10_000 + key) t.fail('a lock that has not ended is kept', { key })
  }
  looks.taken()

  let tries = 1
  while (tries < 30 && put('unknown', 0, 2 * LONG).kind === 'full') tries++
  t.ok(tries < 30, 'room is made within few puts', { tries })
  t.ok(table.size <= size)
  t.not(table.get('unknown'), undefined)
})

t.test('throttling 32: the wait is to come, also where the last slice of a search is taken later than the first', async (t) => {
  const size = 400_000
  const table = generations<Value>(size)
  for (let key = 0; key < size; key++) table.put(`${key}`, { lockedUntil: 100 }, 1)
  t.match(table.put('unknown', { lockedUntil: 0 }, 1), { kind: 'full', until: 1_001 })
  t.match(table.put('unknown', { lockedUntil: 0 }, 2), { kind: 'full', until: 1_002 })
  const last = table.put('unknown', { lockedUntil: 0 }, 99.5)
  t.match(last, { kind: 'full', until: 100.5 })
})

t.test('throttling 31: keys that end alike are held as well as others', async (t) => {
  const size = 160_000
  const table = generations<Value>(size)
  for (let key = 0; key < 3 * size; key++) {
    table.put(`${key}:the same`, { lockedUntil: 0 }, 1)
    if (table.size > size) t.fail('the bound holds', { key })
  }
  for (let key = 3 * size - size / 4; key < 3 * size; key++) if (table.get(`${key}:the same`) === undefined) t.fail('the newest quarter is there', { key })
})

t.test('a cell for 32,768 keys each, and a thousand at most', async (t) => {
  t.same([0, 1, 32_768, 32_769, 65_536, 65_537, 1_000_000, 1e9, Number.MAX_SAFE_INTEGER].map(cellsFor), [1, 1, 1, 2, 2, 4, 32, 1024, 1024])
})

t.test('keys have a cell each time the same, and those that end in numbers, addresses or digests are spread', async (t) => {
  fc.assert(fc.property(fc.string(), fc.integer({ min: 0, max: 10 }), (key, power) => {
    const cells = Array.from({ length: 2 ** power }, (_, index) => index)
    const cell = cellOf(key, cells)
    return Number.isInteger(cell) && cell === cellOf(`${key}.`.slice(0, -1), cells)
  }))
  const names = { numbers: (index: number) => `${index}`, addresses: (index: number) => `rule:198.51.${index >> 8}.${index & 255}`, digests: (index: number) => `account:${Buffer.from(`${index * 7919}`).toString('base64url')}` }
  for (const [name, keyOf] of Object.entries(names)) {
    const cells = Array.from({ length: 16 }, () => ({ keys: 0 }))
    for (let index = 0; index < 65_536; index++) cellOf(keyOf(index), cells).keys += 1
    const most = Math.max(...cells.map(({ keys }) => keys))
    t.ok(most < 3 * 4_096, name, { most })
  }
})

/** Values that count how often somebody looks whether they are locked. */
function countedLooks () {
  let count = 0
  class Counted implements Value {
    readonly #end: number
    constructor (end: number) { this.#end = end }
    get lockedUntil () {
      count += 1
      return this.#end
    }
  }
  return {
    value: (lockedUntil: number): Value => new Counted(lockedUntil),
    taken () {
      const taken = count
      count = 0
      return taken
    },
  }
}

/** What the table promises, as plainly as it can be written. `recent`: keys in order of their last put; one that was deleted leaves its place empty. */
function plainModel (max: number) {
  const keys = new Map<number, Value>()
  const quarter = Math.floor(max / 4)
  const share = max - 2 * quarter
  let recent: (number | undefined)[] = []
  let crowded = false
  const locks = (time: number) => [...keys.values()].filter(({ lockedUntil }) => lockedUntil > time).length
  return {
    share,
    locks,
    delete (key: number): void {
      keys.delete(key)
      recent = recent.map((one) => one === key ? undefined : one)
    },
    put (key: number, value: Value, time: number): void {
      keys.set(key, value)
      recent = [...recent.filter((one) => one !== key), key]
      // From then on a known key may have been replaced where it was, and so be older than its last put.
      if (locks(time) > share) crowded = true
    },
    check (table: ReturnType<typeof generations<Value>>, time: number): void {
      assert.ok(table.size <= max, `${table.size} of ${max}`)
      let held = 0
      for (const [key, value] of keys) {
        const found = table.get(`${key}`)
        if (found !== undefined) held++
        if (found !== undefined) assert.equal(found, value, 'what was put last is found')
        if (value.lockedUntil > time) assert.notEqual(found, undefined, `${key} is locked`)
      }
      assert.equal(held, table.size, 'each key is held once')
      if (crowded) return
      for (const key of recent.slice(-quarter)) if (key !== undefined) assert.notEqual(table.get(`${key}`), undefined, `${key} is of the newest ${quarter}`)
    },
  }
}
