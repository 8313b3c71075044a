/** Single-use marks in Redis or Valkey, shared by every process that is given the same server. */
import { knownOptionsOnly, OptionError, wrongOption } from '../option-error.ts'
import { mustBeLifetime, type MarkStore } from './marks.ts'
import { StoreUnavailable } from './unavailable.ts'

/** What is used of a connection: one command with its arguments. Instances of `ioredis` and `iovalkey`, also their clusters, have it. */
export interface RedisClient {
  call: (command: string, ...args: Array<string | number>) => Promise<unknown>
}

export interface RedisMarksOptions {
  /** An open connection. It stays the application's, which closes it. */
  readonly client: RedisClient
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

const KNOWN = ['client', 'prefix', 'timeout']
const LONGEST_TIMEOUT = 60_000

/** Commands that wait for an answer, at most: a connection that is down keeps each of them in memory until it is up again. */
const MOST_WAITING = 10_000

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
  checkOptions(options)
  const { client, prefix = 'gatehouse:marks:', timeout = 500 } = options
  let waiting = 0

  return {
    async putOnce (key, ttl) {
      mustBeLifetime(ttl)
      const answer = await ask('SET', prefix + key, '', 'PX', ttl, 'NX')
      if (answer !== 'OK' && answer !== null) nonsense('SET')
      return answer === 'OK'
    },

    async put (key, value, ttl) {
      mustBeLifetime(ttl)
      if (await ask('SET', prefix + key, value, 'PX', ttl) !== 'OK') nonsense('SET')
    },

    async get (key) {
      const answer = await ask('GET', prefix + key)
      return isValue(answer) ? answer : nonsense('GET')
    },

    async getMany (keys) {
      if (keys.length === 0) return []
      const answer = await ask('MGET', ...keys.map((key) => prefix + key))
      return Array.isArray(answer) && answer.length === keys.length && answer.every(isValue) ? answer : nonsense('MGET')
    },

    async delete (key) {
      if (typeof await ask('UNLINK', prefix + key) !== 'number') nonsense('UNLINK')
    },
  }

  /** Rejects with `StoreUnavailable` and nothing else, also if the connection keeps the command for later. */
  function ask (command: string, ...args: Array<string | number>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (waiting >= MOST_WAITING) return reject(new StoreUnavailable(new Error(`${waiting} commands wait for Redis already`)))
      const giveUp = (): void => reject(new StoreUnavailable(new Error(`Redis did not answer ${command} within ${timeout} ms`)))
      // an answer that lies unread because the process was busy is not late: it is read before the immediate
      const late = setTimeout(() => setImmediate(giveUp), timeout).unref()
      waiting += 1
      call(command, args).finally(() => {
        waiting -= 1
        clearTimeout(late)
      }).then(resolve, (error: unknown) => reject(new StoreUnavailable(error)))
    })
  }

  /** What throws at once rejects too. */
  async function call (command: string, args: ReadonlyArray<string | number>): Promise<unknown> {
    return client.call(command, ...args)
  }
}

function checkOptions (options: RedisMarksOptions): void {
  // what is no object may be a URL with a password, so it is not shown, and neither is the connection
  if (typeof options !== 'object' || options === null || Array.isArray(options)) throw new OptionError('redisMarks: the options must be an object with client, prefix, timeout.')
  knownOptionsOnly('redisMarks', options, KNOWN)
  const { client, prefix = '', timeout = 1 } = options
  if (typeof (client as Partial<RedisClient> | null | undefined)?.call !== 'function') {
    throw new OptionError('redisMarks.client: it has no method `call`; give it a connection of ioredis or iovalkey, as in `redisMarks({ client: new Redis(url) })`.')
  }
  if (typeof prefix !== 'string' || /[{}]/.test(prefix)) throw wrongOption('redisMarks.prefix', prefix, 'a text without braces')
  if (!Number.isInteger(timeout) || timeout < 1 || timeout > LONGEST_TIMEOUT) {
    throw wrongOption('redisMarks.timeout', timeout, `an integer of milliseconds from 1 to ${LONGEST_TIMEOUT}`)
  }
}

function isValue (answer: unknown): answer is string | null {
  return answer === null || typeof answer === 'string'
}

function nonsense (command: string): never {
  throw new StoreUnavailable(new TypeError(`Redis answered ${command} with something else than it should`))
}
