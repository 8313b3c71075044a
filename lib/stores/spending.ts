/** What every store of quotas has in common: whole units are asked for, whole milliseconds are answered. */
import type { Allowance, Spending } from './counters.ts'
import { StoreUnavailable } from './unavailable.ts'

/** How far fractions of a window may have erred, as a share of it; far less than what the arithmetic forgives (gcra.ts). For that nobody waits a millisecond. */
const ROUNDING_ERROR = 1e-13

/** @throws {StoreUnavailable} for an allowance or a cost with which nothing could be counted: a cost that is no number would be free */
export function mustBeSpendable ({ limit, window }: Allowance, cost: number): void {
  const isAllowance = Number.isSafeInteger(limit) && limit >= 1 && Number.isFinite(window) && window > 0
  if (isAllowance && Number.isSafeInteger(cost) && cost >= 1 && cost <= limit) return
  throw new StoreUnavailable(new RangeError(`a cost of ${cost} cannot be counted where the limit is ${limit} in ${window} ms`))
}

/** Rounded up, because who waits for a part of a millisecond is too early by a clock that knows none. */
export function inWholeMilliseconds ({ allowed, remaining, resetAfter, retryAfter }: Spending, { window }: Allowance): Spending {
  return { allowed, remaining, resetAfter: roundedUp(resetAfter, window), retryAfter: allowed ? 0 : roundedUp(retryAfter, window) }
}

function roundedUp (milliseconds: number, window: number): number {
  return Math.max(0, Math.ceil(milliseconds - window * ROUNDING_ERROR))
}
