/** The options of counters in memory, checked once, at the start. */
// The global one is a getter, which would be called with each reading.
import { performance } from 'node:perf_hooks'
import { knownOptionsOnly, wrongOption } from '../option-error.ts'

export interface MemoryOptions {
  /** The most keys that are remembered, of attempts and of quotas each; an integer from 4 up; default 100,000 (at most about 25 MB). At least half of them may be locked or used up ones. */
  readonly max?: number
  /** A clock in milliseconds; default a monotonic one, which a change of the system's time does not touch. */
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

/** `where`: the function that was called. @throws {OptionError} for an option that is unknown or out of bounds */
export function memorySettings (where: string, options: MemoryOptions): Required<MemoryOptions> {
  knownOptionsOnly(where, options, KNOWN)
  const { max = 100_000, now = () => performance.now(), overflow = () => {} } = options
  mustBeBound(`${where}.max`, max)
  if (typeof now !== 'function') throw wrongOption(`${where}.now`, now, 'a function that returns milliseconds')
  if (typeof overflow !== 'function') throw wrongOption(`${where}.overflow`, overflow, 'a function')
  return { max, now, overflow }
}
