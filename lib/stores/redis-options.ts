/** The options of every store in Redis or Valkey, checked once, at the start. */
import { knownOptionsOnly, OptionError, wrongOption } from '../option-error.ts'
import { redisCommands, type RedisCommands } from './redis-commands.ts'
import { redisDriver, type RedisConnection, type RedisDriver } from './redis-driver.ts'

export interface RedisOptions {
  /** An open connection of `ioredis`, `iovalkey` or `redis` (node-redis), also to a cluster. It stays the application's, which closes it. */
  readonly client: RedisConnection
  /** What every key begins with. Braces are not allowed: in a cluster they would say which keys belong together. */
  readonly prefix?: string
  /** Milliseconds for each answer, an integer from 1 to 60,000. */
  readonly timeout?: number
}

export interface RedisSettings {
  readonly commands: RedisCommands
  readonly prefix: string
  readonly timeout: number
}

const KNOWN = ['client', 'prefix', 'timeout'] satisfies (keyof RedisOptions)[]
const LONGEST_TIMEOUT = 60_000

/** `where`: the function that was called. @throws {OptionError} for an option that is unknown or out of bounds */
export function redisSettings (where: string, options: RedisOptions, defaults: Required<Omit<RedisOptions, 'client'>>): RedisSettings {
  // what is no object may be a URL with a password, so it is not shown, and neither is the connection
  if (typeof options !== 'object' || options === null || Array.isArray(options)) throw new OptionError(`${where}: the options must be an object with ${KNOWN.join(', ')}.`)
  if (redisDriver(options) !== null) throw new OptionError(`${where}: a connection was given; allowed is an object with it, as in \`${where}({ client })\`.`)
  knownOptionsOnly(where, options, KNOWN)
  const { client, prefix = defaults.prefix, timeout = defaults.timeout } = options
  const driver = redisDriver(client) ?? noConnection(where)
  if (typeof prefix !== 'string' || /[{}]/.test(prefix)) throw wrongOption(`${where}.prefix`, prefix, 'a text without braces')
  if (!Number.isInteger(timeout) || timeout < 1 || timeout > LONGEST_TIMEOUT) {
    throw wrongOption(`${where}.timeout`, timeout, `an integer of milliseconds from 1 to ${LONGEST_TIMEOUT}`)
  }
  return { commands: redisCommands(driver, timeout), prefix, timeout }
}

function noConnection (where: string): RedisDriver {
  throw new OptionError(`${where}.client: it is no connection of ioredis, iovalkey or redis (node-redis); give it an open one, as in \`${where}({ client: new Redis(url) })\`.`)
}
