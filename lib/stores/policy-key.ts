/** Policies in a hash of Redis or Valkey, and a word to every process when they change. */
import { knownOptionsOnly, OptionError, wrongOption } from '../option-error.ts'
import { publishedTexts, type PolicyText, type PublishedPolicy, type Stop } from './policy-texts.ts'
import type { RedisClient } from './redis-marks.ts'

/** A connection that does nothing but listen. Instances of `ioredis` and `iovalkey` have it. */
export interface RedisSubscriber {
  subscribe: (channel: string) => Promise<unknown>
  unsubscribe: (channel: string) => Promise<unknown>
  on: (event: 'message' | 'close', listener: (...args: any[]) => void) => unknown
  off: (event: 'message' | 'close', listener: (...args: any[]) => void) => unknown
}

export interface PolicyKeyOptions {
  /** An open connection. It stays the application's, which closes it. */
  readonly client: RedisClient
  /** A second one, which does nothing else. Left out: changes are noticed by a reload only. */
  readonly subscriber?: RedisSubscriber
  /** The hash: a field for each file, `author.yaml`, with its text. Default `gatehouse:policies`. */
  readonly key?: string
  /** Where changes are told. Default: the key with `:changed` behind it. */
  readonly channel?: string
}

/** A store of policies, for the plugin's option `policies`. */
export interface PolicyKey {
  readonly name: string
  read: () => Promise<PolicyText[]>
  watch?: (changed: () => void, ended: (error: unknown) => void) => Promise<Stop>
  /** Puts these files in place of all others, in one step, and tells every process that watches. */
  publish: (files: readonly PublishedPolicy[]) => Promise<void>
}

const KNOWN: readonly (keyof PolicyKeyOptions)[] = ['client', 'subscriber', 'key', 'channel']

/** In one script nobody reads half of it. */
const PUBLISH = `
redis.call('DEL', KEYS[1])
for i = 2, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
return redis.call('PUBLISH', ARGV[1], '')
`

/**
 * Policies that all processes share. What stands in the hash is not trusted: it is checked as files are, and a policy that makes no sense is not put in force.
 * Whoever may write the hash decides who may do what.
 *
 * @throws {OptionError} for an option that is unknown or wrong
 */
export function policyKey (options: PolicyKeyOptions): PolicyKey {
  const { client, subscriber, key, channel } = checked(options)
  return {
    name: `redis ${key}`,

    async read () {
      return entriesOf(await client.call('HGETALL', key)).map(([name, text]) => ({ name: name as string, text: text as string }))
    },

    ...subscriber === null ? {} : { watch: (changed, ended) => watch(subscriber, channel, changed, ended) },

    async publish (files) {
      const texts = publishedTexts('policyKey.publish', files)
      await client.call('EVAL', PUBLISH, 1, key, channel, ...texts.flatMap(({ name, text }) => [name, text]))
    },
  }
}

/** A connection that is lost misses what is published meanwhile: the watch is over, and the next one begins when the connection is back. */
async function watch (subscriber: RedisSubscriber, channel: string, changed: () => void, ended: (error: unknown) => void): Promise<Stop> {
  const heard = (from: unknown): void => { if (from === channel) changed() }
  const lost = (): void => {
    leave()
    ended(new Error('the connection that listens was lost'))
  }
  subscriber.on('message', heard)
  subscriber.on('close', lost)
  try {
    await subscriber.subscribe(channel)
  } catch (error) {
    leave()
    throw error
  }
  return () => {
    leave()
    // What a connection that is down would do later need not be waited for.
    subscriber.unsubscribe(channel).catch(() => {})
  }

  function leave (): void {
    subscriber.off('message', heard)
    subscriber.off('close', lost)
  }
}

/** RESP2 answers with fields and values in turn, RESP3 with a map. */
function entriesOf (answer: unknown): (readonly [unknown, unknown])[] {
  if (Array.isArray(answer)) return Array.from({ length: answer.length / 2 }, (_nothing, index) => [answer[2 * index], answer[2 * index + 1]])
  if (answer instanceof Map) return [...answer]
  if (typeof answer === 'object' && answer !== null) return Object.entries(answer)
  throw new TypeError('Redis answered HGETALL with something else than a hash')
}

function checked (options: PolicyKeyOptions): { client: RedisClient, subscriber: RedisSubscriber | null, key: string, channel: string } {
  // What is no object may be a URL with a password, so it is not shown, and neither are connections.
  if (typeof options !== 'object' || options === null || Array.isArray(options)) throw new OptionError('policyKey: the options must be an object with client, subscriber, key, channel.')
  knownOptionsOnly('policyKey', options, KNOWN)
  const { client, subscriber = null, key = 'gatehouse:policies', channel = `${key}:changed` } = options
  if (typeof (client as Partial<RedisClient> | null | undefined)?.call !== 'function') {
    throw new OptionError('policyKey.client: it has no method `call`; give it a connection of ioredis or iovalkey, as in `policyKey({ client: new Redis(url) })`.')
  }
  if (subscriber !== null && [subscriber.subscribe, subscriber.unsubscribe, subscriber.on, subscriber.off].some((method) => typeof method !== 'function')) {
    throw new OptionError('policyKey.subscriber: it cannot listen; give it a connection of ioredis or iovalkey of its own, as in `subscriber: client.duplicate()`.')
  }
  if (subscriber as unknown === client) throw new OptionError('policyKey.subscriber: a connection that listens can do nothing else; give it one of its own, as in `subscriber: client.duplicate()`.')
  if (typeof key !== 'string' || key === '') throw wrongOption('policyKey.key', key, 'a text')
  if (typeof channel !== 'string' || channel === '') throw wrongOption('policyKey.channel', channel, 'a text')
  return { client, subscriber, key, channel }
}
