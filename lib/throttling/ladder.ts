/** The ladders of locks: their defaults, and the check of those that an application sets. */
import { knownOptionsOnly, OptionError, wrongOption } from '../option-error.ts'
import type { Ladder } from '../stores/counters.ts'

/** What failures are counted by: the network of the client, the account that was tried, or in its place a device from which it was signed in before. */
export type Dimension = 'address' | 'account' | 'device'

/** How failures turn into locks. Durations are seconds, fractions allowed, from 0.001 (one millisecond) to 100 years. */
export interface LadderOptions {
  /** The failures that are free of a lock; the last of them sets the first lock. An integer from 1 up. */
  readonly free: number
  /** The first lock; each further failure doubles it. */
  readonly base: number
  /** The longest lock; not below `base`. */
  readonly cap: number
  /** How long failures are remembered without a new one, from the end of the lock on. */
  readonly window: number
}

/** Facts: throttling 3. An address can be many people's, so it is free for longer; an account's cap keeps its owner from being shut out. */
export const DEFAULT_LADDERS: Readonly<Record<Dimension | 'credentials', LadderOptions>> = {
  address: { free: 20, base: 1, cap: 60 * 60, window: 60 * 60 },
  account: { free: 5, base: 1, cap: 15 * 60, window: 24 * 60 * 60 },
  device: { free: 10, base: 1, cap: 15 * 60, window: 24 * 60 * 60 },
  // Nobody guesses a token: what is slowed down is noise, and a network may be many people's.
  credentials: { free: 100, base: 1, cap: 60, window: 60 },
}

/** Below a millisecond Redis would forget at once (facts: throttling R4); 100 years are far from what a double or Redis can no longer count. */
const SHORTEST = 0.001
const LONGEST = 100 * 366 * 24 * 60 * 60

/**
 * A ladder in milliseconds: what was given, the defaults for the rest.
 * @throws {OptionError} for an unknown name, or a value that is out of bounds
 */
export function ladderOf (of: Dimension | 'credentials', given: Partial<LadderOptions>, where: string): Ladder {
  const defaults = DEFAULT_LADDERS[of]
  knownOptionsOnly(where, given, Object.keys(defaults))
  const { free = defaults.free, base = defaults.base, cap = defaults.cap, window = defaults.window } = given
  const ladder = {
    free: count(free, `${where}.free`),
    base: milliseconds(base, `${where}.base`),
    cap: milliseconds(cap, `${where}.cap`),
    window: milliseconds(window, `${where}.window`),
  }
  if (ladder.base > ladder.cap) {
    throw new OptionError(`${where}: a base of ${base} s and a cap of ${cap} s were given (or are the default); allowed is a base that is not above the cap.`)
  }
  return ladder
}

function count (value: unknown, where: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 1) return value
  throw wrongOption(where, value, 'an integer from 1 up')
}

/** @throws {OptionError} for what is no duration */
export function milliseconds (seconds: unknown, where: string): number {
  if (typeof seconds === 'number' && seconds >= SHORTEST && seconds <= LONGEST) return Math.round(seconds * 1000)
  throw wrongOption(where, seconds, `a number of seconds from ${SHORTEST} to ${LONGEST}`)
}
