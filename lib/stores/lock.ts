/** How long a failure locks its key. */
import type { Ladder } from './counters.ts'

/** No lock is longer than 2^40 times the base, in any store: in a script the power must not become infinite (facts: throttling 1.4, 5). */
const HIGHEST_RUNG = 40

/** The milliseconds that the failure with this number locks its key; 0 for a free one. The lock doubles with each failure, up to the cap. */
export function lockAfter (failures: number, ladder: Ladder): number {
  if (failures < ladder.free) return 0
  return Math.min(ladder.cap, ladder.base * 2 ** Math.min(failures - ladder.free, HIGHEST_RUNG))
}
