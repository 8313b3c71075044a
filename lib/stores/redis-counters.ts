/** Failed attempts and quotas in Redis or Valkey, counted together by every process that is given the same server. */
import type { RemoteCounters } from './counters.ts'
import { nonsense, type Script } from './redis-commands.ts'
import { type RedisOptions, redisSettings } from './redis-options.ts'
import { CHARGE, GIVE_BACK, REFUND, SPEND, STATUS } from './redis-scripts.ts'
import { inWholeMilliseconds, mustBeSpendable } from './spending.ts'

export interface RedisCountersOptions extends RedisOptions {
  /** What every key begins with; default `gatehouse:counters:`. Braces are not allowed: in a cluster all keys would be on one server. */
  readonly prefix?: string
  /** Milliseconds for each answer, an integer from 1 to 60,000; default 250. */
  readonly timeout?: number
}

/** What a script answers with: `%.17g` of a number that is neither negative nor without end. */
const NUMBER = /^\d+(?:\.\d+)?(?:e[+-]\d+)?$/

/**
 * A `CounterStore` in which each operation is one script on one key, by the clock of the server. Whatever keeps Redis from answering rightly and in time
 * is `StoreUnavailable`; as soon as it answers again so does the store. What is asked too late may still be carried out: an attempt is then
 * counted, and nobody was told so.
 *
 * Keys are sent as they are, after the prefix, so callers hash what clients choose. None outlives its lock and its window. A server that evicts
 * (`maxmemory-policy` other than `noeviction`) forgets locks.
 *
 * @throws {OptionError} for an option that is unknown or out of bounds
 */
export function redisCounters (options: RedisCountersOptions): RemoteCounters {
  const { commands, prefix } = redisSettings('redisCounters', options, { prefix: 'gatehouse:counters:', timeout: 250 })

  return {
    async charge (key, { free, base, cap, window }) {
      const [admitted, failures, retryAfter] = await run('charge', CHARGE, attempts(key), [free, base, cap, window], 3)
      return { admitted: isYes('charge', admitted), failures, retryAfter }
    },

    async refund (key) {
      await run('refund', REFUND, attempts(key), [], 1)
    },

    async reset (key) {
      if (typeof await commands.unlink(attempts(key)) !== 'number') nonsense('UNLINK')
    },

    async status (key) {
      const [failures, lockedFor] = await run('status', STATUS, attempts(key), [], 2)
      return failures === 0 ? null : { failures, lockedFor }
    },

    async spend (key, allowance, cost) {
      mustBeSpendable(allowance, cost)
      const [allowed, remaining, resetAfter, retryAfter] = await run('spend', SPEND, quota(key), [allowance.limit, allowance.window, cost], 4)
      return inWholeMilliseconds({ allowed: isYes('spend', allowed), remaining, resetAfter, retryAfter }, allowance)
    },

    async giveBack (key, allowance, cost) {
      mustBeSpendable(allowance, cost)
      await run('give back', GIVE_BACK, quota(key), [allowance.limit, allowance.window, cost], 1)
    },
  }

  function attempts (key: string): string {
    return `${prefix}attempts:${key}`
  }

  function quota (key: string): string {
    return `${prefix}quotas:${key}`
  }

  async function run<N extends keyof Numbers> (name: string, script: Script, key: string, args: readonly number[], count: N): Promise<Numbers[N]> {
    const answer = await commands.run(script, key, args.map(String))
    if (!Array.isArray(answer) || answer.length !== count || !answer.every(isNumber)) return nonsense(`the script "${name}"`)
    return answer.map(Number) as Numbers[N]
  }
}

interface Numbers {
  1: [number]
  2: [number, number]
  3: [number, number, number]
  4: [number, number, number, number]
}

function isNumber (text: unknown): boolean {
  return typeof text === 'string' && NUMBER.test(text)
}

function isYes (name: string, answer: number): boolean {
  if (answer !== 0 && answer !== 1) nonsense(`the script "${name}"`)
  return answer === 1
}
