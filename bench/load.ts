/** The load: requests over kept connections for some time, and what became of them. */
import { createHistogram } from 'node:perf_hooks'
import { converse } from './connection.ts'

export interface Load {
  readonly connections: number
  /** It ends after so many seconds or so many requests, whichever is first. */
  readonly seconds: number
  readonly most: number
}

export interface Target {
  readonly port: number
  readonly next: () => string
  /** Any other status stops it. */
  readonly status: number
}

export interface Loaded {
  readonly answers: number
  readonly seconds: number
  /** Milliseconds. */
  readonly p99: number
}

export async function load ({ connections, seconds, most }: Load, { port, next, status: expected }: Target): Promise<Loaded> {
  const times = createHistogram()
  const began = performance.now()
  const end = began + seconds * 1000
  let sent = 0
  const exchange = {
    port,
    next: () => performance.now() >= end || sent++ >= most ? null : next(),
    answered (status: number, microseconds: number) {
      if (status !== expected) throw new Error(`answered ${status} and not ${expected} under load`)
      times.record(Math.ceil(microseconds))
    },
  }
  await awake(Promise.all(Array.from({ length: connections }, () => converse(exchange))))
  if (times.count === 0) throw new Error('nothing was answered')
  return { answers: times.count, seconds: (performance.now() - began) / 1000, p99: times.percentile(99) / 1000 }
}

/** Waits without sleeping: to wake a process on this machine costs the server some microseconds with each answer, and most where it is slow. */
async function awake (work: Promise<unknown>): Promise<void> {
  let isOver = false
  const turn = (): void => { if (!isOver) setImmediate(turn) }
  turn()
  try {
    await work
  } finally {
    isOver = true
  }
}
