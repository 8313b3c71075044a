/** The generic cell rate algorithm (ITU-T I.371) as arithmetic: what a spending makes of the moment at which nothing will be spent any more. */
import type { Allowance, Spending } from './counters.ts'

/** How far sums of fractions may miss, as a share of the window. A script does the same arithmetic with the same doubles. */
const TOLERANCE = 1e-12

export interface Spent {
  readonly spending: Spending
  /** The moment at which nothing is spent any more, in milliseconds; as before where the spending is denied. */
  readonly fullAt: number
}

/** `fullAt` of a key that is not known is any moment that has passed. */
export function spent (fullAt: number, now: number, { limit, window }: Allowance, cost: number): Spent {
  const unit = window / limit
  const slack = window * TOLERANCE
  const before = Math.max(fullAt, now)
  const after = before + cost * unit
  const excess = after - now - window
  if (excess > slack) return { spending: { allowed: false, remaining: unitsLeft(before), resetAfter: before - now, retryAfter: excess }, fullAt: before }
  return { spending: { allowed: true, remaining: unitsLeft(after), resetAfter: after - now, retryAfter: 0 }, fullAt: after }

  function unitsLeft (at: number): number {
    return Math.max(0, Math.floor((window - (at - now) + slack) / unit))
  }
}

/** What giving back makes of it. */
export function givenBack (fullAt: number, { limit, window }: Allowance, cost: number): number {
  return fullAt - cost * (window / limit)
}
