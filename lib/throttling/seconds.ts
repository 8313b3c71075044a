/** Durations as clients are told them. */

/** Whole seconds, at least 1. Rounded up, because an attempt at the announced second must not be too early. */
export function secondsOf (milliseconds: number): number {
  return Math.max(1, Math.ceil(milliseconds / 1000))
}
