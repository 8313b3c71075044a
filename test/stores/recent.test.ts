import t from 'tap'
import fc from 'fast-check'
import { Recent } from '../../lib/stores/recent.ts'

t.test('whatever comes in whatever order: never more than the room, never another value than the last one, and the count is right', (t) => {
  const step = fc.record({ what: fc.constantFrom('put', 'get', 'take'), key: fc.integer({ min: 0, max: 40 }), bytes: fc.integer({ min: 1, max: 200 }) })
  fc.assert(fc.property(fc.array(step, { maxLength: 300 }), fc.integer({ min: 8, max: 60 }), fc.integer({ min: 400, max: 4000 }), (steps, entries, bytes) => {
    const table = new Recent<string, number>({ room: { entries, bytes }, bytesOf: (value) => value })
    const last = new Map<string, number>()
    for (const { what, key, bytes: size } of steps) {
      const name = `${key}`
      if (what === 'get') {
        const found = table.get(name)
        if (found !== undefined && found !== last.get(name)) return false
      } else {
        const taken = table.take(name)
        if (taken !== undefined && taken !== last.get(name)) return false
        last.delete(name)
        if (what === 'put') {
          table.put(name, size)
          last.set(name, size)
        }
      }
      if (table.entries > entries || table.bytes > bytes) return false
    }
    for (const name of last.keys()) table.take(name)
    return table.entries === 0 && table.bytes === 0
  }))
  t.end()
})

t.test('what is asked for stays, and what nobody asks for is gone once as much again as the room has come', (t) => {
  const table = new Recent<string, number>({ room: { entries: 100, bytes: 1000 }, bytesOf: () => 1 })
  table.put('used', 1)
  table.put('unused', 2)
  for (let index = 0; index < 200; index++) {
    table.put(`${index}`, index)
    if (index % 10 === 0) t.equal(table.get('used'), 1)
  }
  t.equal(table.get('unused'), undefined)
  t.end()
})
