/** Failed attempts and quotas together, in the memory of one process. */
import { type MemoryAttempts, memoryAttempts } from './memory.ts'
import { memorySettings } from './memory-options.ts'
import { type MemoryQuotas, memoryQuotas } from './memory-quotas.ts'

export interface MemoryCountersOptions {
  /** The most keys that are remembered of failed attempts, and the most of quotas; an integer from 4 up; default 100,000 (at most about 25 MB each). */
  readonly max?: number
  /** A clock in milliseconds; default a monotonic one, which a change of the system's time does not touch. */
  readonly now?: () => number
  /** Called when unknown keys are denied because locked or used up ones fill their share; see `memoryAttempts` and `memoryQuotas`. */
  readonly overflow?: (key: string, retryAfter: number) => void
}

/** A `CounterStore` that answers at once. */
export interface MemoryCounters extends MemoryAttempts, MemoryQuotas {
  /** The keys held now, of attempts and quotas together; never more than twice `max`. */
  readonly size: number
}

/**
 * A store for one process, in which neither pushes the other's keys out.
 * @throws {OptionError} for an option that is unknown or out of bounds
 */
export function memoryCounters (options: MemoryCountersOptions = {}): MemoryCounters {
  const settings = memorySettings('memoryCounters', options)
  const attempts = memoryAttempts(settings)
  const quotas = memoryQuotas(settings)
  return {
    get size () { return attempts.size + quotas.size },
    charge: attempts.charge,
    refund: attempts.refund,
    reset: attempts.reset,
    status: attempts.status,
    spend: quotas.spend,
    giveBack: quotas.giveBack,
  }
}
