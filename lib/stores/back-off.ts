/** How long a server that fails is left alone. */

/** The first wait in milliseconds; each further failure doubles it, up to the longest. */
const FIRST_WAIT = 1000
const LONGEST_WAIT = 60_000
const HIGHEST_RUNG = 6

export interface BackOffOptions {
  /** Failures in a row after which the server is left alone. */
  readonly threshold: number
  /** Milliseconds that only go forward. */
  readonly clock: () => number
}

/** Whoever was admitted says how it ended. */
export interface BackOff {
  /** The last answer was a failure. */
  readonly failing: boolean
  /** Whether the server may be asked now. When a wait is over one caller is admitted, to find out, and no other until that has ended. */
  admit: () => boolean
  succeeded: () => void
  failed: () => void
}

export function backOff ({ threshold, clock }: BackOffOptions): BackOff {
  let failures = 0
  let rung = 0
  let until = 0
  let probing = false

  return {
    get failing () { return failures > 0 },

    admit () {
      if (failures < threshold) return true
      if (probing || clock() < until) return false
      probing = true
      return true
    },

    succeeded () {
      failures = 0
      rung = 0
      probing = false
    },

    failed () {
      failures += 1
      if (failures < threshold) return
      const time = clock()
      // of many that were under way when the server went down, the first one counts
      if (!probing && time < until) return
      until = time + Math.min(FIRST_WAIT * 2 ** Math.min(rung, HIGHEST_RUNG), LONGEST_WAIT)
      rung += 1
      probing = false
    },
  }
}
