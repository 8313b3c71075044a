/** Contestants that take turns, and the CPU time of one call of each. */
import { rotated, shown, spreadOf } from './spread.ts'

/** Does its work once. Whoever answers later is waited for. */
export type Call = () => unknown

/** Microseconds of CPU time a call, round by round. */
export type Times = Readonly<Record<string, readonly number[]>>

export const ROUNDS = 7

/** Microseconds of CPU time; a slice holds as many calls as fill it, at least one. */
const SLICE = 60_000
const WARM_UP = 150_000

/** Interleaved, and each round begins with another one; all of them are warm by then. */
export async function inTurns (contestants: Readonly<Record<string, Call>>, rounds = ROUNDS): Promise<Times> {
  const calls: Record<string, number> = {}
  for (const [name, call] of Object.entries(contestants)) calls[name] = await callsOfSlice(call)
  const times: Record<string, number[]> = {}
  for (let round = 0; round < rounds; round++) {
    for (const [name, call] of rotated(Object.entries(contestants), round)) (times[name] ??= []).push(await timeOf(call, calls[name] as number))
  }
  return times
}

async function callsOfSlice (call: Call): Promise<number> {
  let calls = 1
  let spent = 0
  // Ever more at a time, so that what is measured at the end is warm.
  for (;;) {
    const time = await timeOf(call, calls)
    spent += time * calls
    if (spent >= WARM_UP) return Math.max(1, Math.round(SLICE / time))
    calls *= 2
  }
}

/** CPU time of the process, also of its garbage collector's threads: it bears a busy machine better than the clock. */
export async function timeOf (call: Call, calls = 1): Promise<number> {
  const before = process.cpuUsage()
  for (let index = 0; index < calls; index++) {
    const result = call()
    if (result instanceof Promise) await result
  }
  const { user, system } = process.cpuUsage(before)
  return (user + system) / calls
}

/** The first contestant's time, and how many times that the others take; above 1 they are slower than it. */
export function compared (times: Times, digits = 1): Record<string, string> {
  const [[first, own], ...others] = Object.entries(times) as [[string, readonly number[]], ...[string, readonly number[]][]]
  return {
    [`${first}, us`]: spreadOf(own).median.toFixed(2),
    ...Object.fromEntries(others.map(([name, theirs]) => [`${name} / ${first}`, shown(ratios(theirs, own), digits)])),
  }
}

export function ratios (theirs: readonly number[], own: readonly number[]) {
  return spreadOf(theirs.map((time, round) => time / (own[round] as number)))
}
