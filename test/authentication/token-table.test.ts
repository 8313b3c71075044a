import { createHash } from 'node:crypto'
import t from 'tap'
import fc from 'fast-check'
import { tokenTable, type Held, type TokenTable } from '../../lib/authentication/tokens/token-table.ts'

interface Named extends Held {
  readonly name: string
}

const held = (token: string, bytes = 100, name = token): Named => ({ token, name, bytes })

/** As for a token that was verified: what came once is not kept yet. */
function put (table: TokenTable<Named>, value: Named): void {
  if (table.cameBefore(value.token)) table.put(value)
}

function putTwice (table: TokenTable<Named>, token: string, bytes?: number): void {
  put(table, held(token, bytes, `${token} at first`))
  put(table, held(token, bytes))
}

t.test('what was put twice is found, under its own key only, until it is taken away', (t) => {
  const table = tokenTable<Named>({ entries: 80, bytes: 80_000 })
  put(table, held('a'))
  t.equal(table.get('a'), undefined)
  put(table, held('a', 100, 'again a'))
  putTwice(table, 'b')
  t.equal(table.get('a')?.name, 'again a')
  t.equal(table.get('b')?.name, 'b')
  t.strictSame([table.entries(), table.bytes()], [2, 200])
  for (const other of ['aa', '', 'A', 'c']) t.equal(table.get(other), undefined)
  putTwice(table, '')
  t.equal(table.get('')?.name, '')
  table.delete('')
  table.delete('a')
  table.delete('b')
  table.delete('c')
  t.equal(table.get('a'), undefined)
  t.equal(table.get('b'), undefined)
  t.strictSame([table.entries(), table.bytes()], [0, 0])
  t.end()
})

t.test('two tokens that end alike are never taken for each other: the later takes the place of the other', (t) => {
  const table = tokenTable<Named>({ entries: 80, bytes: 80_000 })
  const [one, other] = ['one.the-same-end', 'another.the-same-end']
  put(table, held(one))
  put(table, held(one))
  t.equal(table.get(other), undefined)
  table.delete(other)
  t.equal(table.get(one)?.name, one)
  put(table, held(other))
  t.equal(table.get(other)?.name, other)
  t.equal(table.get(one), undefined)
  t.strictSame([table.entries(), table.bytes()], [1, 100])
  t.end()
})

t.test('a flood of what comes once pushes nothing out, and takes next to no room', (t) => {
  const table = tokenTable<Named>({ entries: 800, bytes: 1_000_000 })
  const good = Array.from({ length: 200 }, (_, index) => `good ${index}`)
  for (const name of good) putTwice(table, name)
  for (let index = 0; index < 100_000; index++) put(table, held(`flood ${index}`))
  t.strictSame(good.filter((name) => table.get(name) === undefined), [])
  t.ok(table.entries() < 400, `${table.entries()} are kept`)
  t.end()
})

t.test('within a flood of what comes once, what comes twice is kept', (t) => {
  const table = tokenTable<Named>({ entries: 8_000, bytes: 100_000_000 })
  const random = (index: number): string => createHash('sha256').update(String(index)).digest('base64url')
  let kept = 0
  for (let index = 0; index < 1000; index++) {
    put(table, held(random(index)))
    for (let other = 0; other < 100; other++) put(table, held(random(10_000 + index * 100 + other)))
    put(table, held(random(index)))
    if (table.get(random(index)) !== undefined) kept++
  }
  t.ok(kept > 950, `${kept} of 1000`)
  t.end()
})

t.test('what comes in turn, always in the same order, is kept from the second time on', (t) => {
  const table = tokenTable<Named>({ entries: 2000, bytes: 1_000_000 })
  const names = Array.from({ length: 900 }, (_, index) => createHash('sha256').update(String(index)).digest('base64url'))
  for (let round = 0; round < 2; round++) for (const name of names) put(table, held(name))
  const lost = names.filter((name) => table.get(name) === undefined)
  t.ok(lost.length < 20, `${lost.length} of ${names.length} are not`)
  t.end()
})

t.test('what is used all the time stays, however many others come twice', (t) => {
  const table = tokenTable<Named>({ entries: 800, bytes: 1_000_000 })
  putTwice(table, 'good')
  for (let index = 0; index < 10_000; index++) {
    putTwice(table, `other ${index}`)
    if (index % 100 === 0 && table.get('good')?.name !== 'good') t.fail(`it is gone after ${index} others`)
  }
  t.ok(table.entries() <= 800 && table.entries() > 100, `${table.entries()} are kept`)
  t.end()
})

t.test('what takes more than an eighth of the room is not kept, and does not leave an older one in its place', (t) => {
  const table = tokenTable<Named>({ entries: 80, bytes: 8000 })
  putTwice(table, 'large', 1000)
  t.equal(table.get('large')?.bytes, 1000)
  putTwice(table, 'large', 1001)
  t.equal(table.get('large'), undefined)
  t.strictSame([table.entries(), table.bytes()], [0, 0])
  t.end()
})

t.test('whatever comes in whatever order: never more than the room, never another value than the last one, and the count is right', (t) => {
  const step = fc.record({ what: fc.constantFrom('put', 'get', 'delete'), key: fc.integer({ min: 0, max: 40 }), bytes: fc.integer({ min: 1, max: 300 }) })
  fc.assert(fc.property(fc.array(step, { maxLength: 300 }), fc.integer({ min: 8, max: 60 }), fc.integer({ min: 400, max: 4000 }), (steps, entries, bytes) => {
    const table = tokenTable<Named>({ entries, bytes })
    const last = new Map<string, Named>()
    for (const [index, { what, key, bytes: size }] of steps.entries()) {
      const name = `token ${key}`
      if (what === 'put') {
        const value = held(name, size, `${name} of step ${index}`)
        if (!table.cameBefore(name)) continue
        table.put(value)
        last.set(name, value)
      } else if (what === 'delete') {
        table.delete(name)
        last.delete(name)
      } else {
        const found = table.get(name)
        if (found !== undefined && found !== last.get(name)) return false
      }
      if (table.entries() > entries || table.bytes() > bytes) return false
    }
    for (const name of last.keys()) table.delete(name)
    return table.entries() === 0 && table.bytes() === 0
  }))
  t.end()
})
