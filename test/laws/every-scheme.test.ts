/** Laws 1, 2, 3, 7, 8 and 10 for each scheme of the package by itself: every route, every kind of credentials, nothing drawn. */
import t from 'tap'
import * as schemes from '../../lib/authentication/schemes/index.ts'
import { requireAll } from '../../lib/authentication/way.ts'
import { anonymous, CELLS, dueFor, faultsAt, faultsOfThrown, NOTHING, occasionOf, openYard, type Cell, type Yard } from './scheme-yard.ts'
import { ALIKE, ENTRIES, layGround, together, type Sent } from './schemes.ts'

const ground = await layGround(t)

for (const entry of [...ENTRIES, ...ALIKE]) {
  t.test(`laws 1, 2, 3, 7, 8, 10: ${entry.name}`, async (t) => {
    const yard = await openYard(ground, [entry])
    t.teardown(() => yard.app.close())
    const [fixture] = yard.fixtures as [Yard['fixtures'][number]]
    const sender = { entry, fixture, means: fixture.means[0] }
    const faults: string[] = []
    let answers = 0
    const check = async (cell: Cell, what: string, sent: Sent, due: Parameters<typeof faultsAt>[3], way?: 'wire') => {
      answers++
      const { mode, style, method, path } = cell
      for (const fault of await faultsAt(yard, cell, sent, due, way)) faults.push(`${method} /${mode}/${style}/${path}, ${what}: ${fault}`)
    }

    faults.push(...await faultsOfThrown(yard))
    for (const cell of CELLS) {
      const onTheWire = cell.style === 'sync' ? 'wire' : undefined
      await check(cell, 'nothing', NOTHING, anonymous(cell), onTheWire)
      await check(cell, 'credentials of a scheme that nobody knows', { lines: [['authorization', 'Negotiate YII=']], secrets: [] }, anonymous(cell))
      for (const means of fixture.means) {
        await check(cell, means.name, await means.present(occasionOf(yard, cell)), dueFor(cell, { ...sender, means }), onTheWire)
      }
      await twice(cell, onTheWire)
    }
    for (const cell of CELLS) {
      fixture.breakDown()
      await check(cell, 'while what it depends on is down', await fixture.means[0].present(occasionOf(yard, cell)), dueFor(cell, sender, 'unavailable'))
      await check(cell, 'nothing, while that is down', NOTHING, anonymous(cell))
      fixture.mend()
      await check(cell, 'once that is back', await fixture.means[0].present(occasionOf(yard, cell)), dueFor(cell, sender, 'user'))
    }
    t.strictSame(faults.slice(0, 10), [], `${faults.length} faults in ${answers} answers`)

    /** The same line of `Authorization` twice is two credentials. */
    async function twice (cell: Cell, way?: 'wire'): Promise<void> {
      const sent = await fixture.means[0].present(occasionOf(yard, cell))
      const lines = sent.lines.filter(([name]) => name === 'authorization')
      if (lines.length === 0) return
      await check(cell, 'the same twice', together([sent, { lines, secrets: [] }]), dueFor(cell, sender, 'unreadable'), way)
    }
  })
}

t.test('the table has an entry for every scheme of the package', async (t) => {
  const names = ENTRIES.map(({ name }) => name.toLowerCase().replaceAll(' ', ''))
  for (const scheme of [schemes.apiKey, schemes.basic, schemes.bearer, schemes.certificate, schemes.digest, schemes.dpop, schemes.session, requireAll]) {
    t.ok(names.some((name) => name.includes(scheme.name.toLowerCase())), scheme.name)
  }
})
