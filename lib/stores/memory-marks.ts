/** Single-use marks in the memory of one process: bounded, without timers, every operation one synchronous step and so atomic. */
import { wrongOption, knownOptionsOnly } from '../option-error.ts'
import { forwardClock } from './clock.ts'
import { mustBeLifetime, type MarkStore } from './marks.ts'
import { sized } from './sized.ts'
import { StoreUnavailable } from './unavailable.ts'

export interface MemoryMarksOptions {
  /** The most marks that are held, an integer from 1 up; default 100,000 (about 30 MB with the keys of `digest()`). */
  readonly max?: number
  /** A clock in milliseconds; default a monotonic one, which a change of the system's time does not touch. */
  readonly now?: () => number
}

/** A `MarkStore` that answers at once. */
export interface MemoryMarks extends MarkStore {
  /** The marks held now, also those whose time is over and that were not yet removed; never more than `max`. */
  readonly size: number
  putOnce: (key: string, ttl: number) => boolean
  put: (key: string, value: string, ttl: number) => void
  get: (key: string) => string | null
  getMany: (keys: readonly string[]) => ReadonlyArray<string | null>
  delete: (key: string) => void
}

interface Mark {
  readonly value: string
  readonly until: number
}

/** How many marks are held before those whose time is over are first looked for. */
const FIRST_SWEEP = 1024

/** The least time between two sweeps, in milliseconds: each looks at every mark. */
const PATIENCE = 1000

/**
 * A store for one process. Marks whose time is over are removed whenever their number has doubled since the last time. When it is full of others
 * a new key is turned away with `StoreUnavailable`, because a mark that makes room for another is a replay that passes.
 * @throws {OptionError} for an option that is unknown or out of bounds
 */
export function memoryMarks (options: MemoryMarksOptions = {}): MemoryMarks {
  knownOptionsOnly('memoryMarks', options, ['max', 'now'])
  const { max = 100_000, now = () => performance.now() } = options
  if (!Number.isSafeInteger(max) || max < 1) throw wrongOption('memoryMarks.max', max, 'an integer from 1 up')
  if (typeof now !== 'function') throw wrongOption('memoryMarks.now', now, 'a function that returns milliseconds')

  const clock = forwardClock(now)
  const marks = new Map<string, Mark>()
  let sweepFrom = Math.min(FIRST_SWEEP, max)
  let sweepAgainAt = 0

  return sized<Omit<MemoryMarks, 'size'>>({
    putOnce (key, ttl) {
      const time = clock()
      if (alive(key, time) !== undefined) return false
      store(key, '', ttl, time)
      return true
    },

    put: (key, value, ttl) => store(key, value, ttl, clock()),

    get: (key) => alive(key, clock())?.value ?? null,

    getMany (keys) {
      const time = clock()
      return keys.map((key) => alive(key, time)?.value ?? null)
    },

    delete: (key) => { marks.delete(key) },
  }, () => marks.size)

  function alive (key: string, time: number): Mark | undefined {
    const mark = marks.get(key)
    return mark !== undefined && mark.until > time ? mark : undefined
  }

  function store (key: string, value: string, ttl: number, time: number): void {
    mustBeLifetime(ttl)
    if (!marks.has(key) && !hasRoom(time)) throw new StoreUnavailable(new Error(`the memory holds ${max} marks, and none of them may be forgotten yet`))
    marks.set(key, { value, until: time + ttl })
  }

  function hasRoom (time: number): boolean {
    if (marks.size >= sweepFrom && time >= sweepAgainAt) sweep(time)
    return marks.size < max
  }

  function sweep (time: number): void {
    for (const [key, { until }] of marks) {
      if (until <= time) marks.delete(key)
    }
    sweepFrom = Math.min(max, Math.max(FIRST_SWEEP, 2 * marks.size))
    sweepAgainAt = time + PATIENCE
  }
}
