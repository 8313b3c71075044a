/** A clock in milliseconds that moves when a test moves it. */
export interface HandClock {
  readonly now: () => number
  readonly advance: (milliseconds: number) => void
}

export function handClock (start = 1_000): HandClock {
  let time = start
  return { now: () => time, advance: (milliseconds) => { time += milliseconds } }
}
