/** A bounded table that forgets the oldest keys first, and a locked one never; what has to be looked through is looked through a little with each put. */
import { cellOf, cellsFor } from './cell.ts'
import { sized } from './sized.ts'

/** What the table has to know of a value: it is not forgotten before `lockedUntil`. Its holder may lower that; raising it takes a put, unless the value is young. */
export interface Lockable {
  readonly lockedUntil: number
}

/** The value was put; or its key is unknown and there is no room before `until`. `first`: no key was turned away since there last was room. */
export type Put = { readonly kind: 'stored' } | { readonly kind: 'full', readonly until: number, readonly first: boolean }

export interface Generations<V> {
  readonly size: number
  get: (key: string) => V | undefined
  /** The value of a key of the young generation. It is not looked at before it is old, so to change it in place is as good as to put another. */
  young: (key: string) => V | undefined
  /** Replaces the value of a known key in any case; adds an unknown key if there is room. */
  put: (key: string, value: V, time: number) => Put
  delete: (key: string) => void
}

/** A key is in one of the three, or in none. */
interface Cell<V> {
  young: Map<string, V>
  old: Map<string, V>
  readonly locked: Map<string, V>
}

/** How long a full table is not searched again for room that came early, in milliseconds: a search looks at every lock. */
const PATIENCE = 1000
/** The entries that a key which is added has looked at: so many that the old generation and the share are seen while the young one fills. */
const LOOKS = 4
/** The entries that a key which finds no room has looked at, some milliseconds of work. What is more is left to the next such key. */
const SLICE = 131_072
const STORED: Put = { kind: 'stored' }

/**
 * A table of at most `max` keys (an integer, at least 4). A quarter is the young generation, a quarter the old one, the rest is the share
 * of the locked. While the young one fills, the locked of the old one move to the share; when it is full it becomes the old one, and what
 * is left of that is forgotten. One map in order of age would cost up to 100 times as much an insert (facts: throttling 3, "In-memory bound").
 *
 * If locks fill the share, unknown keys are turned away. `until` is to the millisecond when the table can be searched in one slice, as the
 * default one can; for a larger one it is estimated, and while a search goes on it is the time of its patience.
 */
export function generations<V extends Lockable> (max: number): Generations<V> {
  const generation = Math.floor(max / 4)
  const share = max - 2 * generation
  const stride = Math.ceil((max - generation) / SLICE)
  const cells = Array.from({ length: cellsFor(generation) }, (): Cell<V> => ({ young: new Map(), old: new Map(), locked: new Map() }))
  let [young, old, locked] = [0, 0, 0]
  // Iterators end with their generation: each keeps alive all tables that its maps have outgrown since.
  let walk: Iterator<string>
  let sweep: Iterator<[string, V]> | undefined
  let search: Iterator<V> | undefined
  let late: Set<string>
  let waiting: string | undefined
  let walked: boolean
  let live = 0
  let ends: number[] = []
  let granted: number
  let searchAgainAt = 0
  let roomAt = 0
  let turnedAway: number
  begin()

  return sized<Omit<Generations<V>, 'size'>>({
    get (key) {
      const cell = cellOf(key, cells)
      return cell.young.get(key) ?? cell.old.get(key) ?? cell.locked.get(key)
    },

    young: (key) => cellOf(key, cells).young.get(key),

    put (key, value, time) {
      const cell = cellOf(key, cells)
      if (young >= generation && !cell.young.has(key) && !turn(time)) return replace(cell, key, value)
      const { size } = cell.young
      cell.young.set(key, value)
      if (cell.young.size > size) {
        forget(cell, key)
        young += 1
        look(LOOKS, time)
      }
      return STORED
    },

    delete (key) {
      const cell = cellOf(key, cells)
      if (cell.young.delete(key)) young -= 1
      else forget(cell, key)
    },
  }, () => young + old + locked)

  function forget (cell: Cell<V>, key: string): void {
    if (cell.old.delete(key)) old -= 1
    else if (cell.locked.delete(key)) locked -= 1
  }

  function replace (cell: Cell<V>, key: string, value: V): Put {
    if (cell.locked.has(key)) {
      cell.locked.set(key, value)
      return STORED
    }
    if (cell.old.has(key)) {
      cell.old.set(key, value)
      // It may be locked now, and the walk may have passed it.
      late.add(key)
      return STORED
    }
    turnedAway += 1
    return { kind: 'full', until: roomAt, first: turnedAway === 1 }
  }

  function turn (time: number): boolean {
    if (!walked && !finished(time)) return false
    for (const cell of cells) {
      cell.old = cell.young
      cell.young = new Map()
    }
    old = young
    young = 0
    begin()
    return true
  }

  function begin (): void {
    late = new Set()
    walk = walking()
    sweep = undefined
    search = undefined
    waiting = undefined
    walked = false
    granted = 0
    turnedAway = 0
  }

  /** Moves locked ones of the old generation to the share; if that is full, forgets those of it whose lock has ended. */
  function look (looks: number, time: number): void {
    for (let left = looks; left > 0 && !walked; left--) {
      waiting ??= next(walk)
      if (waiting === undefined) walked = true
      else if (settled(waiting, time)) waiting = undefined
      else sweepOne(time)
    }
  }

  /** Whether the key need not be in the share, or now is. */
  function settled (key: string, time: number): boolean {
    const cell = cellOf(key, cells)
    const value = cell.old.get(key)
    if (value === undefined || value.lockedUntil <= time) return true
    if (locked >= share) return false
    cell.old.delete(key)
    cell.locked.set(key, value)
    old -= 1
    locked += 1
    return true
  }

  function sweepOne (time: number): void {
    const found = next(sweep ??= sweeping())
    if (found === undefined) sweep = undefined
    else if (found[1].lockedUntil <= time) forget(cellOf(found[0], cells), found[0])
  }

  /** Whether all locks that there are have found room in the share. */
  function finished (time: number): boolean {
    if (time < searchAgainAt) return false
    roomAt = time + PATIENCE
    if (granted <= 0 && !fits(time)) return false
    granted -= SLICE
    look(SLICE, time)
    return walked
  }

  /** Whether the share has room for all locks; if not, or if it is not known yet, `roomAt` is set. */
  function fits (time: number): boolean {
    if (search === undefined) {
      search = searching()
      live = 0
      ends = []
    }
    for (let left = SLICE; left > 0; left--) {
      const value = next(search)
      if (value === undefined) return concluded(time)
      if (value.lockedUntil <= time) continue
      if (live % stride === 0) ends.push(value.lockedUntil)
      live += 1
    }
    return false
  }

  function concluded (time: number): boolean {
    search = undefined
    const excess = live - share
    if (excess > 0) {
      const end = Float64Array.from(ends).sort()[Math.floor((excess - 1) / stride)]
      roomAt = Math.max(Number(end), time + 1)
      searchAgainAt = Math.min(roomAt, time + PATIENCE)
      return false
    }
    // The rest of the walk, and of the share what is left of this round and one more.
    granted = old + 2 * (locked + 1) + late.size + 1
    return true
  }

  function * walking (): Generator<string> {
    for (const cell of cells) yield * cell.old.keys()
    yield * late
  }

  function * sweeping (): Generator<[string, V]> {
    for (const cell of cells) yield * cell.locked
  }

  function * searching (): Generator<V> {
    for (const cell of cells) yield * cell.old.values()
    for (const cell of cells) yield * cell.locked.values()
  }
}

function next<T> (iterator: Iterator<T>): T | undefined {
  const { done, value } = iterator.next()
  return done === true ? undefined : value
}
