/** Laws 1, 2, 3, 7, 8 and 10 for every ordered pair of schemes: each by itself beside the other, and both at once. */
import t from 'tap'
import { anonymous, CELLS, dueFor, faultsAt, faultsOfThrown, NOTHING, occasionOf, openYard, outcomeOf, UNDETERMINED, type Cell, type Due, type Sender, type Yard } from './scheme-yard.ts'
import { ENTRIES, layGround, together, type Entry, type Fixture, type Means, type Sent } from './schemes.ts'

/**
 * `LAWS_OF_ALL_PAIRS=yes node --import tsx test/laws/scheme-pairs.test.ts` makes each request in every cell, which takes minutes; otherwise each is
 * made in one cell, the next one each time.
 */
const WHOLE = process.env['LAWS_OF_ALL_PAIRS'] === 'yes'

// On a busy machine it takes minutes even so; the runner's own time-out is for what hangs.
t.setTimeout(WHOLE ? 0 : 1_200_000)
const ground = await layGround(t)

/** A scheme in the application of a pair. */
interface Half {
  readonly entry: Entry
  readonly fixture: Fixture
}

/** What is sent to a pair in one cell, and what is due. `null`: it cannot be told, or not in this cell. */
interface Trial {
  readonly name: string
  readonly sent: (yard: Yard, cell: Cell) => Sent | Promise<Sent>
  readonly due: (cell: Cell) => Due | null
  readonly before?: () => void
  readonly after?: () => void
}

let turn = 0

for (const one of ENTRIES) {
  t.test(`laws 1, 2, 3, 7, 8, 10: ${one.name} before and after every other scheme`, async (t) => {
    if (WHOLE) t.setTimeout(0)
    const faults: string[] = []
    let answers = 0
    for (const other of ENTRIES) {
      if (other === one) continue
      const yard = await openYard(ground, [one, other])
      const halves = yard.entries.map((entry, index): Half => ({ entry, fixture: yard.fixtures[index] as Fixture }))
      for (const fault of await faultsOfThrown(yard)) faults.push(`${one.name}, ${other.name}: ${fault}`)
      for (const trial of trialsOf(halves as [Half, Half])) {
        for (const cell of cellsFor(trial)) {
          const due = trial.due(cell) as Due
          trial.before?.()
          const found = await faultsAt(yard, cell, await trial.sent(yard, cell), due, turn % 23 === 0 ? 'wire' : 'injected')
          trial.after?.()
          answers++
          const { mode, style, method, path } = cell
          for (const fault of found) faults.push(`${one.name}, ${other.name}: ${method} /${mode}/${style}/${path}, ${trial.name}: ${fault}`)
        }
      }
      await yard.app.close()
    }
    t.strictSame(faults.slice(0, 10), [], `${faults.length} faults in ${answers} answers`)
  })
}

function cellsFor ({ due }: Trial): Cell[] {
  const able = CELLS.filter((cell) => due(cell) !== null)
  turn++
  return WHOLE ? able : [able[turn % able.length] as Cell]
}

/** What is sent to the pair: nothing, either one's means, both of whatever kind, and either one's while it is down. */
function trialsOf (pair: readonly [Half, Half]): Trial[] {
  const [first, second] = pair
  return [
    { name: 'nothing', sent: () => NOTHING, due: anonymous },
    ...pair.flatMap((half) => half.fixture.means.map((means) => byItself(half, means, half === first ? second : first))),
    ...pair.flatMap((half) => downAndUp(half, half === first ? second : first)),
    ...first.fixture.means.map((means) => atOnce({ ...first, means }, { ...second, means: second.fixture.means[0] })),
    ...second.fixture.means.slice(1).map((means) => atOnce({ ...first, means: first.fixture.means[0] }, { ...second, means })),
  ]
}

function present (means: Means): Trial['sent'] {
  return (yard, cell) => means.present(occasionOf(yard, cell))
}

function byItself (half: Half, means: Means, other: Half): Trial {
  return { name: `${half.entry.name}: ${means.name}`, sent: present(means), due: (cell) => dueBeside(other.entry, cell, { ...half, means }) }
}

/** What is due by itself, unless it cannot be told which of two ways refuses. */
function dueBeside (other: Entry, cell: Cell, sender: Sender): Due {
  const due = dueFor(cell, sender)
  if (due.status !== 401 || !mayBeTakenFor(sender.entry, other)) return due
  return { ...due, code: UNDETERMINED, tried: sender.entry.challenges[0] }
}

/** A token alone, where one way takes it and another demands more beside it: wrong for the one, incomplete for the other. */
function mayBeTakenFor (one: Entry, other: Entry): boolean {
  const names = ({ challenges }: Entry) => challenges.map(({ scheme }) => scheme)
  return names(one).some((name) => names(other).includes(name)) && new Set(names(one)).size !== new Set(names(other)).size
}

/** Whoever signs in by the other one does not notice. */
function downAndUp (half: Half, other: Half): Trial[] {
  const { breakDown: before, mend: after } = half.fixture
  const { name } = half.entry
  const one = { ...half, means: half.fixture.means[0] }
  const another = { ...other, means: other.fixture.means[0] }
  return [
    { name: `${name} is down: ${one.means.name}`, sent: present(one.means), due: (cell) => dueFor(cell, one, 'unavailable'), before, after },
    { name: `${name} is down: ${other.entry.name}, ${another.means.name}`, sent: present(another.means), due: (cell) => dueFor(cell, another), before, after },
    { name: `${name} was down: ${one.means.name}`, sent: present(one.means), due: (cell) => dueFor(cell, one) },
  ]
}

/** Two that the client chose are a 400, right or wrong. What comes along by itself counts only where nothing was chosen, and then the first one does. */
function atOnce (one: Sender, other: Sender): Trial {
  const name = [one, other].map(({ entry, means }) => `${entry.name}: ${means.name}`).join(' and ')
  const sent = async (yard: Yard, cell: Cell) => together([await present(one.means)(yard, cell), await present(other.means)(yard, cell)])

  const due = (cell: Cell): Due | null => {
    const found = [one, other].filter(({ means }) => outcomeOf(means, cell) !== 'nothing')
    const chosen = found.filter(({ entry, means }) => (means.place ?? entry.place) === 'chosen')
    if (chosen.length === 2) return { status: 400, code: 'invalid_request', ...tokenAmong(chosen) }
    // the site that a request comes from is that of both its cookies
    if (chosen.length === 0 && found.some(({ means }) => outcomeOf(means, cell) === 'cross_site')) return null
    const counts = (chosen[0] ?? found[0]) as Sender
    return dueBeside(counts.entry === one.entry ? other.entry : one.entry, cell, counts)
  }
  return { name, sent, due }
}

/** The challenge of RFC 6750 for a 400 is due where one of the two is a token of that kind. */
function tokenAmong (chosen: readonly Sender[]): Pick<Due, 'tried'> {
  const tried = chosen.flatMap(({ entry }) => entry.challenges).find(({ oauth }) => oauth)
  return tried === undefined ? {} : { tried }
}
