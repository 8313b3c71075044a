/** Single-use marks in Redis or Valkey, shared by every process that is given the same server. */
import { mustBeLifetime, type MarkStore } from './marks.ts'
import { nonsense } from './redis-commands.ts'
import { type RedisOptions, redisSettings } from './redis-options.ts'
import { Silence } from './silence.ts'
import { StoreUnavailable } from './unavailable.ts'

export type { RedisClient } from './redis-driver.ts'

export interface RedisMarksOptions extends RedisOptions {
  /** What every key begins with; default `gatehouse:marks:`. Braces are not allowed: in a cluster the keys say themselves which of them belong together. */
  readonly prefix?: string
  /** Milliseconds for each answer, an integer from 1 to 60,000; default 500. */
  readonly timeout?: number
}

/** A `MarkStore` whose every answer takes a while. */
export interface RedisMarks extends MarkStore {
  putOnce: (key: string, ttl: number) => Promise<boolean>
  put: (key: string, value: string, ttl: number) => Promise<void>
  get: (key: string) => Promise<string | null>
  getMany: (keys: readonly string[]) => Promise<ReadonlyArray<string | null>>
  delete: (key: string) => Promise<void>
}

/**
 * A `MarkStore` in which each operation is one command. Whatever keeps Redis from answering rightly and in time is `StoreUnavailable`. Once it
 * was silent to everybody for the time of `timeout`, nobody waits for it for a second, and then one asks whether it is there again. A command whose answer came too late may still be carried out: a mark may then be there though
 * nobody was told so, and whoever tries it again is told `false`.
 *
 * Keys are sent as they are, after the prefix, so callers hash what clients choose. The server must not evict (`maxmemory-policy noeviction`):
 * a mark that is evicted is a replay that passes.
 *
 * @throws {OptionError} for an option that is unknown or out of bounds
 */
export function redisMarks (options: RedisMarksOptions): RedisMarks {
  const { commands, prefix, timeout } = redisSettings('redisMarks', options, { prefix: 'gatehouse:marks:', timeout: 500 })
  const silence = new Silence({ deadline: timeout, now: () => performance.now() })

  let answers = 0

  async function asked (question: () => Promise<unknown>): Promise<unknown> {
    silence.mayAsk()
    const before = answers
    try {
      const answer = await question()
      answers += 1
      silence.ended()
      return answer
    } catch (error) {
      // While others are answered only this key is out of reach: of a cluster one node may hang.
      if (error instanceof StoreUnavailable && error.silent && answers === before) silence.began()
      throw error
    }
  }

  return {
    async putOnce (key, ttl) {
      mustBeLifetime(ttl)
      const answer = await asked(() => commands.setNew(prefix + key, '', ttl))
      if (answer !== 'OK' && answer !== null) nonsense('SET')
      return answer === 'OK'
    },

    async put (key, value, ttl) {
      mustBeLifetime(ttl)
      if (await asked(() => commands.set(prefix + key, value, ttl)) !== 'OK') nonsense('SET')
    },

    async get (key) {
      const answer = await asked(() => commands.get(prefix + key))
      return isValue(answer) ? answer : nonsense('GET')
    },

    async getMany (keys) {
      if (keys.length === 0) return []
      const answer = await asked(() => commands.mget(keys.map((key) => prefix + key)))
      return Array.isArray(answer) && answer.length === keys.length && answer.every(isValue) ? answer : nonsense('MGET')
    },

    async delete (key) {
      if (typeof await asked(() => commands.unlink(prefix + key)) !== 'number') nonsense('UNLINK')
    },
  }
}

function isValue (answer: unknown): answer is string | null {
  return answer === null || typeof answer === 'string'
}
