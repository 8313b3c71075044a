/** The generic cell rate algorithm (ITU-T I.371) as arithmetic: what a spending makes of the time until nothing is spent any more. */
import type { Allowance, Spending } from './counters.ts'
import { roundedUp } from './spending.ts'

/** How far sums of fractions may miss, as a share of the window. A script does the same arithmetic with the same doubles. */
const TOLERANCE = 1e-12

/** The milliseconds until nothing is spent any more, once the cost is spent too. `level`: what they are now, 0 for a key that is not known. */
export function raised (level: number, { limit, window }: Allowance, cost: number): number {
  return level + cost * (window / limit)
}

/** What a spending is answered with. It is allowed as long as the level that it raises stays within the window. */
export function spent (level: number, allowance: Allowance, cost: number): Spending {
  const { window } = allowance
  const after = raised(level, allowance, cost)
  const excess = after - window
  if (excess > window * TOLERANCE) return { allowed: false, remaining: unitsLeft(level, allowance), resetAfter: roundedUp(level, window), retryAfter: roundedUp(excess, window) }
  return { allowed: true, remaining: unitsLeft(after, allowance), resetAfter: roundedUp(after, window), retryAfter: 0 }
}

function unitsLeft (level: number, { limit, window }: Allowance): number {
  return Math.max(0, Math.floor((window - level + window * TOLERANCE) / (window / limit)))
}

/** What giving back makes of it. */
export function givenBack (level: number, { limit, window }: Allowance, cost: number): number {
  return level - cost * (window / limit)
}
