/** Single-use marks in Redis or Valkey, shared by every process that is given the same server. */
import { mustBeLifetime, type MarkStore } from './marks.ts'
import { nonsense } from './redis-commands.ts'
import { type RedisOptions, redisSettings } from './redis-options.ts'

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
 * A `MarkStore` in which each operation is one command. Whatever keeps Redis from answering rightly and in time is `StoreUnavailable`; as soon as
 * it answers again so does the store. A command whose answer came too late may still be carried out: a mark may then be there though
 * nobody was told so, and whoever tries it again is told `false`.
 *
 * Keys are sent as they are, after the prefix, so callers hash what clients choose. The server must not evict (`maxmemory-policy noeviction`):
 * a mark that is evicted is a replay that passes.
 *
 * @throws {OptionError} for an option that is unknown or out of bounds
 */
export function redisMarks (options: RedisMarksOptions): RedisMarks {
  const { commands, prefix } = redisSettings('redisMarks', options, { prefix: 'gatehouse:marks:', timeout: 500 })

  return {
    async putOnce (key, ttl) {
      mustBeLifetime(ttl)
      const answer = await commands.setNew(prefix + key, '', ttl)
      if (answer !== 'OK' && answer !== null) nonsense('SET')
      return answer === 'OK'
    },

    async put (key, value, ttl) {
      mustBeLifetime(ttl)
      if (await commands.set(prefix + key, value, ttl) !== 'OK') nonsense('SET')
    },

    async get (key) {
      const answer = await commands.get(prefix + key)
      return isValue(answer) ? answer : nonsense('GET')
    },

    async getMany (keys) {
      if (keys.length === 0) return []
      const answer = await commands.mget(keys.map((key) => prefix + key))
      return Array.isArray(answer) && answer.length === keys.length && answer.every(isValue) ? answer : nonsense('MGET')
    },

    async delete (key) {
      if (typeof await commands.unlink(prefix + key) !== 'number') nonsense('UNLINK')
    },
  }
}

function isValue (answer: unknown): answer is string | null {
  return answer === null || typeof answer === 'string'
}
