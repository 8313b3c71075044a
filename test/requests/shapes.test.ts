import { setFlagsFromString } from 'node:v8'
import t from 'tap'
import { can, quota, resource } from '../../lib/index.ts'
import { generations } from '../../lib/stores/generations.ts'
import { memoryAttempts, memoryCounters, memoryMarks, memoryQuotas } from '../../lib/stores/index.ts'
import { tokenTable } from '../../lib/authentication/tokens/token-table.ts'
import { bearer } from '../../lib/authentication/schemes/index.ts'

setFlagsFromString('--allow-natives-syntax')
// eslint-disable-next-line no-new-func
const hasFastProperties = new Function('object', 'return %HasFastProperties(object)') as (object: object) => boolean

t.test('what every request meets has a shape that V8 knows: none of it is a table that is searched with each use', async (t) => {
  const makers: Readonly<Record<string, (name: string) => object>> = {
    resource: (name) => resource(name, { param: 'id', load: () => ({}) }),
    record: (name) => resource(name).record,
    list: (name) => resource(name).list,
    requirement: (name) => can('read', resource(name)).requirement,
    quota: (name) => quota(name, { limit: 1, window: 1 }),
    scheme: () => bearer({ secret: 'k'.repeat(32), algorithms: ['HS256'], issuer: 'a', audience: 'a' }),
    'token table': () => tokenTable({ entries: 8, bytes: 8000 }),
    generations: () => generations(8),
    memoryAttempts: () => memoryAttempts(),
    memoryQuotas: () => memoryQuotas(),
    memoryCounters: () => memoryCounters(),
    memoryMarks: () => memoryMarks(),
  }
  // The second one of a kind may differ: two getters of one name are two shapes.
  for (const [kind, make] of Object.entries(makers)) t.same(['first', 'second', 'third'].map((name) => hasFastProperties(make(name))), [true, true, true], kind)
  t.equal(hasFastProperties({ get size () { return Number('1') }, a: 1 }), false, 'the question can be answered with no')
})

t.test('a store tells its size, and what is made of it by spreading has its methods', async (t) => {
  const store = memoryCounters()
  const { size } = store
  store.charge('a', { free: 3, base: 1000, cap: 1000, window: 60_000 })
  store.spend('b', { limit: 2, window: 1000 }, 1)
  t.same([size, store.size], [0, 2])
  t.equal({ ...store }.spend('b', { limit: 2, window: 1000 }, 1).remaining, 0)
})
