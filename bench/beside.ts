/** A slice of a scenario beside one of bare Fastify: both in short pieces that take turns, so that a machine whose speed changes from second to second is as fast for one as for the other. */
import type { Contestant, Piece } from './contestant.ts'
import { spreadOf } from './spread.ts'

export interface Slice {
  /** CPU time of the server process, user and system, in microseconds per request. */
  readonly cpu: number
  /** The same of bare Fastify, in the pieces between. */
  readonly bare: number
  /** Requests a second. */
  readonly rate: number
  /** Milliseconds; the median of the pieces. */
  readonly p99: number
  /** Resident memory after the load, in bytes. */
  readonly rss: number
}

/** Of each side. Bare Fastify's are the first and the last: what drifts meets both alike. */
const PIECES = 4

/** `seconds`: of each side. */
export async function sliceBeside (bare: Contestant, contestant: Contestant, connections: number, seconds: number): Promise<Slice> {
  // Bare Fastify's last slice was a moment ago.
  await contestant.runIn(connections)
  const [theirs, own]: [Piece[], Piece[]] = [[], []]
  for (let turn = 0; turn < PIECES; turn++) {
    const order = turn % 2 === 0 ? [bare, contestant] : [contestant, bare]
    for (const side of order) (side === bare ? theirs : own).push(await side.piece(connections, seconds / PIECES))
  }
  return { cpu: cpuOf(own), bare: cpuOf(theirs), rate: sum(own, 'answers') / sum(own, 'seconds'), p99: spreadOf(own.map(({ p99 }) => p99)).median, rss: Math.max(...own.map(({ rss }) => rss)) }
}

/** Bare Fastify beside itself. */
export async function sliceOfBare (bare: Contestant, connections: number, seconds: number): Promise<Slice> {
  await bare.runIn(connections)
  const piece = await bare.piece(connections, seconds)
  const cpu = cpuOf([piece])
  return { cpu, bare: cpu, rate: piece.answers / piece.seconds, p99: piece.p99, rss: piece.rss }
}

function cpuOf (pieces: readonly Piece[]): number {
  return sum(pieces, 'cpu') / sum(pieces, 'answers')
}

function sum (pieces: readonly Piece[], what: 'cpu' | 'answers' | 'seconds'): number {
  return pieces.reduce((total, piece) => total + piece[what], 0)
}
