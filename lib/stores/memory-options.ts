/** The options of counters in memory, checked once, at the start. */
import { knownOptionsOnly, wrongOption } from '../option-error.ts'
import { type Clock, exactClock, lateClock } from './late-clock.ts'

export interface MemoryOptions {
  /** The most keys that are remembered, of attempts and of quotas each; an integer from 4 up; default 100,000 (at most about 25 MB). At least half of them may be locked or used up ones. */
  readonly max?: number
  /**
   * A clock in milliseconds, read with every call; default a monotonic one, which a change of the system's time does not touch. For further failures of a key
   * that is not locked by them, and is remembered for a minute or more, that one is read every 10 ms: they may be forgotten as much earlier, or as the process stood still.
   */
  readonly now?: () => number
  /**
   * Called when locked or used up keys fill their share, so that unknown keys are denied: once an episode, with the first key that is
   * turned away and the milliseconds until there will be room.
   */
  readonly overflow?: (key: string, retryAfter: number) => void
}

const KNOWN = ['max', 'now', 'overflow'] satisfies (keyof MemoryOptions)[]

/** @throws {OptionError} unless `max` can bound a store */
export function mustBeBound (where: string, max: number): void {
  if (!Number.isSafeInteger(max) || max < 4) throw wrongOption(where, max, 'an integer from 4 up')
}

interface MemorySettings {
  readonly max: number
  readonly clock: Clock
  readonly overflow: (key: string, retryAfter: number) => void
}

/** `where`: the function that was called. @throws {OptionError} for an option that is unknown or out of bounds */
export function memorySettings (where: string, options: MemoryOptions): MemorySettings {
  knownOptionsOnly(where, options, KNOWN)
  const { max = 100_000, now, overflow = () => {} } = options
  mustBeBound(`${where}.max`, max)
  if (now !== undefined && typeof now !== 'function') throw wrongOption(`${where}.now`, now, 'a function that returns milliseconds')
  if (typeof overflow !== 'function') throw wrongOption(`${where}.overflow`, overflow, 'a function')
  return { max, clock: now === undefined ? lateClock() : exactClock(now), overflow }
}
