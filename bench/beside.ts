/**
 * A slice of a scenario beside one of another, mostly of bare Fastify: both in short pieces that take turns, so that a machine whose speed changes from second to second is as fast for one as for the other.
 *
 * Each slice has new processes, for they are not alike: on Node.js 20 a server that had a pause may be left with a `process.nextTick` that costs 2.5 us more a request, for as long as it lives.
 * So nobody may wait for his turn longer than a piece, and the luck of a process must be in the spread.
 */
import { Contestant, type Piece } from './contestant.ts'
import type { Scenario } from './scenarios.ts'
import { spreadOf } from './spread.ts'

export interface Slice {
  /** CPU time of the server process, user and system, in microseconds per request. */
  readonly cpu: number
  /** The same of the other one, in the pieces between. */
  readonly other: number
  /** Requests a second. */
  readonly rate: number
  /** Milliseconds; the median of the pieces. */
  readonly p99: number
  /** Resident memory after the load, in bytes. */
  readonly rss: number
}

/** Of each side. The other one's are the first and the last: what drifts meets both alike. */
const PIECES = 4

/** `seconds`: of each side. Bare Fastify beside itself tells how far to trust the others. */
export async function sliceBeside (other: Scenario, scenario: Scenario, connections: number, seconds: number): Promise<Slice> {
  const [beside, contestant] = [await Contestant.start(other), await Contestant.start(scenario)]
  try {
    for (const side of [beside, contestant]) {
      await side.check()
      await side.warmUp(connections)
    }
    const [theirs, own]: [Piece[], Piece[]] = [[], []]
    for (let turn = 0; turn < PIECES; turn++) {
      const order = turn % 2 === 0 ? [beside, contestant] : [contestant, beside]
      for (const side of order) (side === beside ? theirs : own).push(await side.piece(connections, seconds / PIECES))
    }
    return { cpu: cpuOf(own), other: cpuOf(theirs), rate: sum(own, 'answers') / sum(own, 'seconds'), p99: spreadOf(own.map(({ p99 }) => p99)).median, rss: Math.max(...own.map(({ rss }) => rss)) }
  } finally {
    beside.stop()
    contestant.stop()
  }
}

function cpuOf (pieces: readonly Piece[]): number {
  return sum(pieces, 'cpu') / sum(pieces, 'answers')
}

function sum (pieces: readonly Piece[], what: 'cpu' | 'answers' | 'seconds'): number {
  return pieces.reduce((total, piece) => total + piece[what], 0)
}
