/** How long to wait before the next try, of what fails again and again. */

const FIRST_WAIT = 1000
const LONGEST_WAIT = 60_000

export interface Waits {
  /** Milliseconds: a second at first, then twice the last wait, up to a minute. */
  next: () => number
  /** It succeeded. */
  reset: () => void
}

export function waits (first: number = FIRST_WAIT): Waits {
  let wait = first
  return {
    next () {
      const now = wait
      wait = Math.min(wait * 2, LONGEST_WAIT)
      return now
    },
    reset () { wait = first },
  }
}
