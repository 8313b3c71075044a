/** A clock for measuring waits. */

/**
 * The whole milliseconds that have passed by `now`, starting at 0. A step of `now` backwards counts as no time passed, so that no lock
 * grows by it; a step forwards counts in full, so locks end.
 */
export function forwardClock (now: () => number): () => number {
  let passed = 0
  let last = now()
  return () => {
    const reading = now()
    if (reading > last) passed += reading - last
    last = reading
    return Math.floor(passed)
  }
}
