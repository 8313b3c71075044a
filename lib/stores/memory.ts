/** Failed attempts in the memory of one process: bounded, without a timer for each, every operation one synchronous step and so atomic. */
import type { AttemptState, AttemptStore, Charge, Ladder } from './counters.ts'
import { generations } from './generations.ts'
import { lockAfter } from './lock.ts'
import { type MemoryOptions, memorySettings } from './memory-options.ts'
import { sized } from './sized.ts'

/** An `AttemptStore` that answers at once. */
export interface MemoryAttempts extends AttemptStore {
  /** The keys held now, never more than `max`. */
  readonly size: number
  charge: (key: string, ladder: Ladder) => Charge
  refund: (key: string) => void
  reset: (key: string) => void
  status: (key: string) => AttemptState | null
}

/** Milliseconds: no process stands still for so long. */
const LONG_WINDOW = 60_000

interface Attempts {
  failures: number
  lockedUntil: number
  forgottenAt: number
}

/**
 * A store for one process. Under a spray of keys the oldest unlocked ones are forgotten, a locked one never; if locks fill their share of the
 * table, unknown keys are denied until there is room (facts: throttling 31, 32).
 * @throws {OptionError} for an option that is unknown or out of bounds
 */
export function memoryAttempts (options: MemoryOptions = {}): MemoryAttempts {
  const { max, clock, overflow } = memorySettings('memoryAttempts', options)
  const table = generations<Attempts>(max)

  return sized<Omit<MemoryAttempts, 'size'>>({
    charge (key, ladder) {
      const young = table.young(key)
      const found = young ?? table.get(key)
      const time = timeFor(young, ladder)
      const known = lasting(found, time)
      if (known !== undefined && known.lockedUntil > time) {
        return { admitted: false, failures: known.failures, retryAfter: known.lockedUntil - time }
      }
      const failures = known === undefined ? 1 : known.failures + 1
      const lockedUntil = time + lockAfter(failures, ladder)
      const forgottenAt = lockedUntil + ladder.window
      if (young !== undefined) {
        young.failures = failures
        young.lockedUntil = lockedUntil
        young.forgottenAt = forgottenAt
        return { admitted: true, failures, retryAfter: 0 }
      }
      const put = table.put(key, { failures, lockedUntil, forgottenAt }, time)
      if (put.kind === 'stored') return { admitted: true, failures, retryAfter: 0 }
      const retryAfter = put.until - time
      if (put.first) overflow(key, retryAfter)
      return { admitted: false, failures: 0, retryAfter }
    },

    refund (key) {
      const known = lasting(table.get(key), clock.exact())
      if (known === undefined) return
      known.failures -= 1
      // Whoever was admitted was not locked: the lock that there is, the refunded charge or one admitted beside it has set.
      known.lockedUntil = 0
      if (known.failures === 0) table.delete(key)
    },

    reset: (key) => table.delete(key),

    status (key) {
      const time = clock.exact()
      const known = lasting(table.get(key), time)
      return known === undefined ? null : { failures: known.failures, lockedFor: Math.max(0, known.lockedUntil - time) }
    },
  }, () => table.size)

  /** Exact wherever a lock is found or may be set, of keys that are new or old, and where the window is so short that they would be forgotten while the process stands still. */
  function timeFor (young: Attempts | undefined, { free, window }: Ladder): number {
    if (young === undefined || window < LONG_WINDOW || young.failures + 1 >= free) return clock.exact()
    const late = clock.lately()
    return young.lockedUntil <= late ? late : clock.exact()
  }
}

function lasting (known: Attempts | undefined, time: number): Attempts | undefined {
  return known !== undefined && known.forgottenAt > time ? known : undefined
}
