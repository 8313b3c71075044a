/** The commands of the stores in Redis and Valkey: each has a deadline, and fails in one way only. */
import { createHash } from 'node:crypto'
import type { RedisDriver } from './redis-driver.ts'
import { StoreUnavailable } from './unavailable.ts'

/** A Lua script that is sent by its digest; only a server that does not know it is sent the text. */
export interface Script {
  readonly text: string
  readonly sha1: string
}

export function script (text: string): Script {
  return { text, sha1: createHash('sha1').update(text).digest('hex') }
}

/** Every answer is as it came. Rejects with `StoreUnavailable` and nothing else, also if the connection keeps the command for later. */
export interface RedisCommands {
  /** `ttl`: milliseconds. */
  set: (key: string, value: string, ttl: number) => Promise<unknown>
  /** As `set`, unless the key is there: then the answer is `null`. */
  setNew: (key: string, value: string, ttl: number) => Promise<unknown>
  get: (key: string) => Promise<unknown>
  mget: (keys: readonly string[]) => Promise<unknown>
  unlink: (key: string) => Promise<unknown>
  /** Runs a script that touches this one key. */
  run: (script: Script, key: string, args: readonly string[]) => Promise<unknown>
}

/** Commands that wait for an answer, at most: a connection that is down keeps each of them in memory until it is up again. */
const MOST_WAITING = 10_000

/** `timeout`: milliseconds for each answer. */
export function redisCommands (driver: RedisDriver, timeout: number): RedisCommands {
  let waiting = 0

  return {
    set: (key, value, ttl) => ask('SET', () => driver.set(key, value, ttl)),
    setNew: (key, value, ttl) => ask('SET', () => driver.setNew(key, value, ttl)),
    get: (key) => ask('GET', () => driver.get(key)),
    mget: (keys) => ask('MGET', () => driver.mget(keys)),
    unlink: (key) => ask('UNLINK', () => driver.unlink(key)),
    run: ({ text, sha1 }, key, args) => ask('EVALSHA', async () => {
      try {
        return await driver.evalsha(sha1, key, args)
      } catch (error) {
        if (!isUnknownScript(error)) throw error
        return driver.eval(text, key, args)
      }
    }),
  }

  function ask (command: string, send: () => unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (waiting >= MOST_WAITING) return reject(new StoreUnavailable(new Error(`${waiting} commands wait for Redis already`)))
      const giveUp = (): void => reject(new StoreUnavailable(new Error(`Redis did not answer ${command} within ${timeout} ms`), true))
      // an answer that lies unread because the process was busy is not late: it is read before the immediate
      const late = setTimeout(() => setImmediate(giveUp), timeout).unref()
      const settled = (): void => {
        waiting -= 1
        clearTimeout(late)
      }
      waiting += 1
      sent(send).then((answer) => {
        settled()
        resolve(answer)
      }, (error: unknown) => {
        settled()
        reject(new StoreUnavailable(error))
      })
    })
  }
}

/** What throws at once rejects too. */
async function sent (send: () => unknown): Promise<unknown> {
  return send()
}

function isUnknownScript (error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT')
}

/** @throws {StoreUnavailable} always */
export function nonsense (command: string): never {
  throw new StoreUnavailable(new TypeError(`Redis answered ${command} with something else than it should`))
}
