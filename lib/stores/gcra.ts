/** The generic cell rate algorithm (ITU-T I.371) as arithmetic: what a spending makes of the time until nothing is spent any more. */
import type { Allowance, Spending } from './counters.ts'

/** How far sums of fractions may miss, as a share of the window. A script does the same arithmetic with the same doubles. */
const TOLERANCE = 1e-12

/** `level`: the milliseconds until nothing is spent any more, 0 for a key that is not known. After a spending that is allowed they are its `resetAfter`. */
export function spent (level: number, { limit, window }: Allowance, cost: number): Spending {
  const unit = window / limit
  const slack = window * TOLERANCE
  const after = level + cost * unit
  const excess = after - window
  if (excess > slack) return { allowed: false, remaining: unitsLeft(window - level + slack, unit), resetAfter: level, retryAfter: excess }
  return { allowed: true, remaining: unitsLeft(window - after + slack, unit), resetAfter: after, retryAfter: 0 }
}

function unitsLeft (milliseconds: number, unit: number): number {
  return Math.max(0, Math.floor(milliseconds / unit))
}

/** What giving back makes of it. */
export function givenBack (level: number, { limit, window }: Allowance, cost: number): number {
  return level - cost * (window / limit)
}
