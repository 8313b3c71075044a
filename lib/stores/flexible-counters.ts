/** Failed attempts and quotas over `rate-limiter-flexible`, for databases that there is no store of ours for. */
import { knownOptionsOnly, wrongOption } from '../option-error.ts'
import type { Ladder, RemoteCounters } from './counters.ts'
import { StoreUnavailable } from './unavailable.ts'

/** What `rate-limiter-flexible` answers with, and also rejects with where it denies. */
export interface LimiterAnswer {
  readonly consumedPoints: number
  readonly remainingPoints: number
  readonly msBeforeNext: number
}

/** What is used of a limiter. */
export interface FlexibleLimiter {
  consume: (key: string, points?: number) => Promise<LimiterAnswer>
  penalty: (key: string, points?: number) => Promise<LimiterAnswer>
  reward: (key: string, points?: number) => Promise<LimiterAnswer>
  block: (key: string, seconds: number) => Promise<LimiterAnswer>
  get: (key: string) => Promise<LimiterAnswer | null>
  delete: (key: string) => Promise<boolean>
}

/** `duration`: whole seconds. */
export interface LimiterOptions {
  readonly keyPrefix: string
  readonly points: number
  readonly duration: number
}

export interface FlexibleCountersOptions {
  /** Makes a limiter that is ready, once for each ladder and allowance: `(options) => new RateLimiterPostgres({ storeClient: pool, tableCreated: true, ...options })`. */
  readonly limiter: (options: LimiterOptions) => FlexibleLimiter | Promise<FlexibleLimiter>
}

/** The counters of attempts, of how often they locked their key, and of quotas. */
const PREFIXES = { attempts: 'attempts', locks: 'locks', quotas: 'quotas' } as const

/** No lock is longer than 2^40 times the base (see lock.ts). */
const HIGHEST_RUNG = 40

/**
 * A `CounterStore` that allows no parallel guess more than the others, and differs from them in this: the free failures are free again after each lock,
 * a lock begins with the first attempt that is denied, durations are whole seconds, and a quota comes back all at once, at the end of its window.
 *
 * @throws {OptionError} for an option that is unknown or wrong
 */
export function flexibleCounters (options: FlexibleCountersOptions): RemoteCounters {
  knownOptionsOnly('flexibleCounters', options, ['limiter'])
  const { limiter: make } = options
  if (typeof make !== 'function') throw wrongOption('flexibleCounters.limiter', make, 'a function from { keyPrefix, points, duration } to a limiter of rate-limiter-flexible')
  const limiters = new Map<string, Promise<FlexibleLimiter>>()
  /** By what a key begins with: whose ladder it is, only a charge says. */
  const ladders = new Map<string, Ladder>()

  return {
    async charge (key, ladder) {
      ladders.set(beginOf(key), ladder)
      const attempts = await attemptsOf(ladder)
      const answer = await consumed(attempts, key, 1)
      if (answer.allowed) return { admitted: true, failures: answer.consumedPoints, retryAfter: 0 }
      // Of all that are denied one sees this number, so that parallel guesses are one rung.
      if (answer.consumedPoints !== ladder.free + 1) return { admitted: false, failures: answer.consumedPoints, retryAfter: answer.msBeforeNext }
      const lock = await locked(key, ladder)
      await asked(() => attempts.block(key, lock / 1000))
      return { admitted: false, failures: answer.consumedPoints, retryAfter: lock }
    },

    async refund (key) {
      const attempts = await attemptsOf(ladderOf(key))
      const known = await asked(() => attempts.get(key))
      // A reward of a key that is not there would be a guess more. And none is deleted: what others were charged meanwhile would be forgotten.
      if (known !== null && known.consumedPoints > 0) await asked(() => attempts.reward(key))
    },

    async reset (key) {
      const [attempts, locks] = await Promise.all([attemptsOf(ladderOf(key)), locksOf(ladderOf(key))])
      await asked(() => Promise.all([attempts.delete(key), locks.delete(key)]))
    },

    async status (key) {
      const ladder = ladderOf(key)
      const attempts = await attemptsOf(ladder)
      const known = await asked(() => attempts.get(key))
      if (known === null || known.consumedPoints <= 0) return null
      return { failures: known.consumedPoints, lockedFor: known.consumedPoints > ladder.free ? known.msBeforeNext : 0 }
    },

    async spend (key, { limit, window }, cost) {
      const { allowed, remainingPoints, msBeforeNext } = await consumed(await limiter(PREFIXES.quotas, limit, window), key, cost)
      return { allowed, remaining: Math.max(0, remainingPoints), resetAfter: msBeforeNext, retryAfter: allowed ? 0 : msBeforeNext }
    },

    async giveBack (key, { limit, window }, cost) {
      const quotas = await limiter(PREFIXES.quotas, limit, window)
      const known = await asked(() => quotas.get(key))
      if (known !== null && known.consumedPoints > 0) await asked(() => quotas.reward(key, Math.min(cost, known.consumedPoints)))
    },
  }

  function limiter (keyPrefix: string, points: number, window: number): Promise<FlexibleLimiter> {
    const duration = Math.max(1, Math.ceil(window / 1000))
    const name = `${keyPrefix} ${points} ${duration}`
    const known = limiters.get(name) ?? asked(async () => make({ keyPrefix, points, duration }))
    limiters.set(name, known)
    // One that could not be made is made again.
    known.catch(() => limiters.delete(name))
    return known
  }

  function attemptsOf ({ free, window }: Ladder): Promise<FlexibleLimiter> {
    return limiter(PREFIXES.attempts, free, window)
  }

  function locksOf ({ cap, window }: Ladder): Promise<FlexibleLimiter> {
    return limiter(PREFIXES.locks, 1, cap + window)
  }

  /** How long the key is locked this time, in milliseconds of whole seconds. */
  async function locked (key: string, ladder: Ladder): Promise<number> {
    const locks = await locksOf(ladder)
    const { consumedPoints } = await asked(() => locks.penalty(key))
    return Math.ceil(Math.min(ladder.cap, ladder.base * 2 ** Math.min(consumedPoints - 1, HIGHEST_RUNG)) / 1000) * 1000
  }

  function ladderOf (key: string): Ladder {
    return ladders.get(beginOf(key)) ?? UNKNOWN
  }
}

/** Of a key of which this process has charged none that begins alike. */
const UNKNOWN: Ladder = { free: 1, base: 1000, cap: 1000, window: 1000 }

function beginOf (key: string): string {
  return key.slice(0, key.lastIndexOf(':') + 1)
}

/** A limiter rejects with an answer where it denies, and with an error where it cannot answer. */
async function consumed (limiter: FlexibleLimiter, key: string, points: number): Promise<LimiterAnswer & { readonly allowed: boolean }> {
  try {
    const { consumedPoints, remainingPoints, msBeforeNext } = await limiter.consume(key, points)
    return { allowed: true, consumedPoints, remainingPoints, msBeforeNext }
  } catch (denied) {
    const { consumedPoints, remainingPoints, msBeforeNext } = (denied ?? {}) as LimiterAnswer
    if (denied instanceof Error || ![consumedPoints, remainingPoints, msBeforeNext].every(Number.isFinite)) throw new StoreUnavailable(denied)
    return { allowed: false, consumedPoints, remainingPoints, msBeforeNext }
  }
}

async function asked<T> (question: () => Promise<T>): Promise<T> {
  try {
    return await question()
  } catch (cause) {
    throw new StoreUnavailable(cause)
  }
}
