/** A clock that is asked a hundred thousand times a second, and read a hundred times: reading it would cost as much as what it is asked for. */
import { AsyncResource } from 'node:async_hooks'
// The global ones are getters, or may be another's.
import { performance } from 'node:perf_hooks'
import { setTimeout } from 'node:timers'
import { forwardClock } from './clock.ts'

/** Whole milliseconds that never go back, by either hand. */
export interface Clock {
  readonly exact: () => number
  /** Late by `LATENESS` and as much more as the event loop stood still; never earlier than what `exact` said last. */
  readonly lately: () => number
}

/** Milliseconds. */
export const LATENESS = 10

/** Nobody's: a timer that a request sets would keep alive all that is kept for that request (`AsyncLocalStorage`). */
const NOBODYS = new AsyncResource('fastify-gatehouse.clock')

/** Both hands are `now`, a clock of the application's in milliseconds. */
export function exactClock (now: () => number): Clock {
  const exact = forwardClock(now)
  return { exact, lately: exact }
}

/** A timer turns the late hand for as long as it is asked, and holds no process up. */
export function lateClock (now = () => performance.now()): Clock {
  const hand = { reading: 0, asked: false, turning: false }
  const read = forwardClock(now)
  const exact = () => (hand.reading = read())
  return {
    exact,
    lately: () => {
      hand.asked = true
      return hand.turning ? hand.reading : begin()
    },
  }

  function begin (): number {
    hand.turning = true
    NOBODYS.runInAsyncScope(() => {
      const timer = setTimeout(() => turn(timer), LATENESS).unref()
    })
    return exact()
  }

  function turn (timer: NodeJS.Timeout): void {
    hand.turning = hand.asked
    if (!hand.asked) return
    hand.asked = false
    exact()
    timer.refresh()
  }
}
