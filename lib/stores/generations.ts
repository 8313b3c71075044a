/** A bounded table that forgets the oldest keys first, and a locked one never. */

/** What the table has to know of a value: it is not forgotten before `lockedUntil`. */
export interface Lockable {
  readonly lockedUntil: number
}

/** The value was put; or its key is unknown and there is no room before `until`. `first`: no key was turned away since there last was room. */
export type Put = { readonly kind: 'stored' } | { readonly kind: 'full', readonly until: number, readonly first: boolean }

export interface Generations<V> {
  readonly size: number
  get: (key: string) => V | undefined
  /** Replaces the value of a known key in any case; adds an unknown key if there is room. */
  put: (key: string, value: V, time: number) => Put
  delete: (key: string) => void
}

/** How long a full table is not searched again for room that came early, in milliseconds: a search looks at every lock. */
const PATIENCE = 1000
const STORED: Put = { kind: 'stored' }

/**
 * A table of at most `max` keys (an integer, at least 4). A quarter is the young generation, a quarter the old one, the rest is the share
 * of the locked. When the young one is full it becomes the old one, and of the old one only the locked are kept. One map in order of
 * age would cost up to 100 times as much an insert (facts: throttling 3, "In-memory bound").
 */
export function generations<V extends Lockable> (max: number): Generations<V> {
  const generation = Math.floor(max / 4)
  const share = max - 2 * generation
  const locked = new Map<string, V>()
  let young = new Map<string, V>()
  let old = new Map<string, V>()
  let searchAgainAt = 0
  let roomAt = 0
  let turnedAway = 0

  return {
    get size () { return young.size + old.size + locked.size },

    get: (key) => young.get(key) ?? old.get(key) ?? locked.get(key),

    put (key, value, time) {
      if (!young.has(key) && young.size >= generation && !rotate(time)) return replace(key, value)
      old.delete(key)
      locked.delete(key)
      young.set(key, value)
      return STORED
    },

    delete (key) {
      young.delete(key)
      old.delete(key)
      locked.delete(key)
    },
  }

  function replace (key: string, value: V): Put {
    const home = old.has(key) ? old : locked
    if (home.has(key)) {
      home.set(key, value)
      return STORED
    }
    turnedAway += 1
    return { kind: 'full', until: roomAt, first: turnedAway === 1 }
  }

  function rotate (time: number): boolean {
    if (time < searchAgainAt) return false
    const kept = [...old].filter(([, value]) => value.lockedUntil > time)
    if (!makeRoom(kept, time)) return false
    for (const [key, value] of kept) locked.set(key, value)
    old = young
    young = new Map()
    turnedAway = 0
    return true
  }

  /** Forgets those of the share whose lock has ended, but only when the share is needed, and only when it helps. */
  function makeRoom (kept: readonly (readonly [string, V])[], time: number): boolean {
    if (locked.size + kept.length <= share) return true
    const locks = [...kept, ...locked].map(([, value]) => value.lockedUntil).filter((end) => end > time)
    const excess = locks.length - share
    if (excess > 0) {
      roomAt = endOf(excess, locks)
      searchAgainAt = Math.min(roomAt, time + PATIENCE)
      return false
    }
    for (const [key, value] of locked) {
      if (value.lockedUntil <= time) locked.delete(key)
    }
    return true
  }
}

/** When that many of the locks have ended. */
function endOf (count: number, locks: readonly number[]): number {
  return Number(Float64Array.from(locks).sort()[count - 1])
}
