/** How each client of Redis and Valkey is asked, known by its methods and not by its name. */

/** One command with its arguments. Instances of `ioredis` and `iovalkey`, also their clusters, have it. */
export interface RedisClient {
  call: (command: string, ...args: Array<string | number>) => Promise<unknown>
}

/** What is used of a client of `redis` (node-redis), also of its cluster, its pool and its sentinel. */
export interface NodeRedisClient {
  set: (key: string, value: string, options: { expiration: { type: 'PX', value: number }, condition?: 'NX' }) => Promise<unknown>
  get: (key: string) => Promise<unknown>
  mGet: (keys: string[]) => Promise<unknown>
  unlink: (key: string) => Promise<unknown>
  eval: (script: string, options: ScriptInput) => Promise<unknown>
  evalSha: (sha1: string, options: ScriptInput) => Promise<unknown>
}

/** An open connection of one of the clients that the stores know. */
export type RedisConnection = RedisClient | NodeRedisClient

interface ScriptInput {
  keys: string[]
  arguments: string[]
}

/** The commands that the stores send. What comes back is not trusted. Durations are milliseconds. */
export interface RedisDriver {
  set: (key: string, value: string, ttl: number) => unknown
  setNew: (key: string, value: string, ttl: number) => unknown
  get: (key: string) => unknown
  mget: (keys: readonly string[]) => unknown
  unlink: (key: string) => unknown
  eval: (text: string, key: string, args: readonly string[]) => unknown
  evalsha: (sha1: string, key: string, args: readonly string[]) => unknown
}

const METHODS = ['set', 'get', 'mGet', 'unlink', 'eval', 'evalSha'] satisfies (keyof NodeRedisClient)[]

/** `null` for what is no connection of a client that is known. */
export function redisDriver (client: unknown): RedisDriver | null {
  if (has(client, ['call'])) return callDriver(client as RedisClient)
  return has(client, METHODS) ? methodsDriver(client as NodeRedisClient) : null
}

function has (client: unknown, methods: readonly string[]): boolean {
  return typeof client === 'object' && client !== null && methods.every((method) => typeof (client as Record<string, unknown>)[method] === 'function')
}

function callDriver (client: RedisClient): RedisDriver {
  return {
    set: (key, value, ttl) => client.call('SET', key, value, 'PX', ttl),
    setNew: (key, value, ttl) => client.call('SET', key, value, 'PX', ttl, 'NX'),
    get: (key) => client.call('GET', key),
    mget: (keys) => client.call('MGET', ...keys),
    unlink: (key) => client.call('UNLINK', key),
    eval: (text, key, args) => client.call('EVAL', text, 1, key, ...args),
    evalsha: (sha1, key, args) => client.call('EVALSHA', sha1, 1, key, ...args),
  }
}

/** `sendCommand` is no use here: the cluster's wants to be told the key beside it. */
function methodsDriver (client: NodeRedisClient): RedisDriver {
  return {
    set: (key, value, ttl) => client.set(key, value, { expiration: { type: 'PX', value: ttl } }),
    setNew: (key, value, ttl) => client.set(key, value, { expiration: { type: 'PX', value: ttl }, condition: 'NX' }),
    get: (key) => client.get(key),
    mget: (keys) => client.mGet([...keys]),
    unlink: (key) => client.unlink(key),
    eval: (text, key, args) => client.eval(text, { keys: [key], arguments: [...args] }),
    evalsha: (sha1, key, args) => client.evalSha(sha1, { keys: [key], arguments: [...args] }),
  }
}
