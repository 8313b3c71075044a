/** Failed attempts and quotas together, in the memory of one process. */
import { type MemoryAttempts, memoryAttempts } from './memory.ts'
import { type MemoryOptions, memorySettings } from './memory-options.ts'
import { type MemoryQuotas, memoryQuotas } from './memory-quotas.ts'
import { sized } from './sized.ts'

/** A `CounterStore` that answers at once. */
export interface MemoryCounters extends MemoryAttempts, MemoryQuotas {
  /** The keys held now, of attempts and quotas together; never more than twice `max`. */
  readonly size: number
}

/**
 * A store for one process, in which neither pushes the other's keys out.
 * @throws {OptionError} for an option that is unknown or out of bounds
 */
export function memoryCounters (options: MemoryOptions = {}): MemoryCounters {
  memorySettings('memoryCounters', options)
  const attempts = memoryAttempts(options)
  const quotas = memoryQuotas(options)
  return sized<Omit<MemoryCounters, 'size'>>({
    charge: attempts.charge,
    refund: attempts.refund,
    reset: attempts.reset,
    status: attempts.status,
    spend: quotas.spend,
    giveBack: quotas.giveBack,
  }, () => attempts.size + quotas.size)
}
