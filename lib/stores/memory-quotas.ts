/** Quotas in the memory of one process: bounded, without a timer for each, every operation one synchronous step and so atomic. */
import type { Allowance, QuotaStore, Spending } from './counters.ts'
import { givenBack, spent } from './gcra.ts'
import { generations } from './generations.ts'
import { type MemoryOptions, memorySettings } from './memory-options.ts'
import { sized } from './sized.ts'
import { inWholeMilliseconds, mustBeSpendable } from './spending.ts'

/** A `QuotaStore` that answers at once. */
export interface MemoryQuotas extends QuotaStore {
  /** The keys held now, never more than `max`. */
  readonly size: number
  spend: (key: string, allowance: Allowance, cost: number) => Spending
  giveBack: (key: string, allowance: Allowance, cost: number) => void
}

/** What is spent, as the milliseconds from `at` on until it no longer is: sums of fractions stay as exact in a year as they are on the first day. */
interface Level {
  at: number
  level: number
  /** Until then there is nothing left for a cost of 1. */
  lockedUntil: number
}

/**
 * A store for one process. Under a spray of keys the oldest that are not used up are forgotten, a used up one never; if those fill their share of
 * the table, unknown keys are denied until there is room (facts: throttling 31, 32).
 * @throws {OptionError} for an option that is unknown or out of bounds
 */
export function memoryQuotas (options: MemoryOptions = {}): MemoryQuotas {
  const { max, clock, overflow } = memorySettings('memoryQuotas', options)
  const table = generations<Level>(max)

  return sized<Omit<MemoryQuotas, 'size'>>({
    spend (key, allowance, cost) {
      mustBeSpendable(allowance, cost)
      const time = clock.exact()
      const young = table.young(key)
      const exact = spent(levelAt(time, young ?? table.get(key)), allowance, cost)
      const spending = inWholeMilliseconds(exact, allowance)
      if (!exact.allowed) return spending
      const level = exact.resetAfter
      const lockedUntil = exact.remaining > 0 ? 0 : time + level + unitOf(allowance) - allowance.window
      if (young !== undefined) {
        young.at = time
        young.level = level
        young.lockedUntil = lockedUntil
        return spending
      }
      const put = table.put(key, { at: time, level, lockedUntil }, time)
      if (put.kind === 'stored') return spending
      const wait = Math.ceil(put.until - time)
      if (put.first) overflow(key, wait)
      return { allowed: false, remaining: 0, resetAfter: wait, retryAfter: wait }
    },

    giveBack (key, allowance, cost) {
      mustBeSpendable(allowance, cost)
      const time = clock.exact()
      const known = table.get(key)
      if (known === undefined) return
      known.level = givenBack(levelAt(time, known), allowance, cost)
      known.at = time
      known.lockedUntil = 0
      if (known.level <= 0) table.delete(key)
    },
  }, () => table.size)
}

function levelAt (time: number, known: Level | undefined): number {
  return known === undefined ? 0 : Math.max(0, known.level - (time - known.at))
}

function unitOf ({ limit, window }: Allowance): number {
  return window / limit
}
