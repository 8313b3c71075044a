/** A clock for measuring waits. */

/**
 * The whole milliseconds that have passed by `now`, starting at 0. A step of `now` backwards counts as no time passed, so that no lock
 * grows by it; a step forwards counts in full, so locks end.
 */
export function forwardClock (now: () => number): () => number {
  // Fields, no variables of the closure: to change one of those allocates a number.
  const clock = { passed: 0, last: now() }
  return () => {
    const reading = now()
    if (reading > clock.last) clock.passed += reading - clock.last
    clock.last = reading
    return Math.floor(clock.passed)
  }
}
