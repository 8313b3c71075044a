/** The options of a throttle, checked once, at the start. */
import { randomBytes } from 'node:crypto'
import { knownOptionsOnly, OptionError, wrongOption } from '../option-error.ts'
import type { AttemptStore, Ladder } from '../stores/counters.ts'
import { type MemoryAttemptsOptions, mustBeBound } from '../stores/memory.ts'
import { canonicalAccount } from './account.ts'
import type { ThrottleEvent } from './event.ts'
import { type Dimension, type LadderOptions, ladderOf } from './ladder.ts'

export interface ThrottleOptions {
  /** Tells the counters of several throttles on one store apart (`password`, `otp`); letters, digits, `-` and `_`; default `sign-in`. */
  readonly name?: string
  /** Where failures are counted; default the memory of this process, one `memoryAttempts()` for each dimension. */
  readonly store?: AttemptStore
  /** The ladder of a client's network, in seconds; default 20 free, then 1 s doubling to 1 h, remembered for 1 h. `false`: not counted. */
  readonly address?: Partial<LadderOptions> | false
  /** The ladder of an account, in seconds; default 5 free, then 1 s doubling to 15 min, remembered for 24 h. `false`: not counted. */
  readonly account?: Partial<LadderOptions> | false
  /** The bits of an IPv6 address that stand for one client, 32 to 128; default 64. */
  readonly ipv6Prefix?: number
  /** Makes all spellings of an account one, as the application's look-up does; default NFKC, trimmed, lower case. */
  readonly canonical?: (account: string) => string
  /** Keys are made with it; at least 16 bytes. Default: random, so processes that share a store have to share a secret too. */
  readonly secret?: string | Uint8Array
  /** The most keys that the default store remembers for each dimension, an integer from 4 up; default 100,000 (at most about 25 MB). Not beside `store`. */
  readonly max?: number
  /** The clock of the default store, in milliseconds; default a monotonic one. Not beside `store`. */
  readonly now?: () => number
  /** Told of everything that happens; what it throws is ignored, because reporting must not decide. */
  readonly onEvent?: (event: ThrottleEvent) => unknown
}

/** The options with their defaults; `null` for a dimension that is not counted, and for a store that is still to be made. */
export interface ThrottleSettings {
  readonly name: string
  readonly store: AttemptStore | null
  readonly memory: Omit<MemoryAttemptsOptions, 'overflow'>
  readonly ladders: Readonly<Record<Dimension, Ladder | null>>
  readonly ipv6Prefix: number
  readonly canonical: (account: string) => string
  readonly secret: string | Uint8Array
  readonly onEvent: (event: ThrottleEvent) => unknown
}

const NAMES = ['name', 'store', 'address', 'account', 'ipv6Prefix', 'canonical', 'secret', 'max', 'now', 'onEvent'] satisfies (keyof ThrottleOptions)[]
const STORE_METHODS = ['charge', 'refund', 'reset', 'status'] satisfies (keyof AttemptStore)[]
const SHORTEST_SECRET = 16

/** @throws {OptionError} for an option that is unknown or does not make sense */
export function throttleSettings (options: ThrottleOptions, where = 'throttle'): ThrottleSettings {
  knownOptionsOnly(where, options, NAMES)
  const { name = 'sign-in', store, address = {}, account = {}, ipv6Prefix = 64, canonical = canonicalAccount, secret, max, now, onEvent = () => {} } = options

  if (typeof name !== 'string' || !/^[\w-]{1,64}$/.test(name)) throw wrongOption(`${where}.name`, name, '1 to 64 letters, digits, "-" and "_"')
  if (!Number.isInteger(ipv6Prefix) || ipv6Prefix < 32 || ipv6Prefix > 128) throw wrongOption(`${where}.ipv6Prefix`, ipv6Prefix, 'an integer from 32 to 128')
  if (address === false && account === false) throw new OptionError(`${where}: address and account are both false, so nothing would be throttled; allowed is one of them.`)
  if (store !== undefined && (max !== undefined || now !== undefined)) throw new OptionError(`${where}: store was given beside max or now, which are for the default store; allowed is the one or the others.`)
  mustBeFunction(`${where}.canonical`, canonical)
  mustBeFunction(`${where}.onEvent`, onEvent)
  if (max !== undefined) mustBeBound(`${where}.max`, max)
  if (now !== undefined) mustBeFunction(`${where}.now`, now)
  if (store !== undefined) mustBeStore(`${where}.store`, store)
  if (secret !== undefined) mustBeSecret(`${where}.secret`, secret)

  return {
    name,
    store: store ?? null,
    memory: { ...(max === undefined ? {} : { max }), ...(now === undefined ? {} : { now }) },
    ladders: {
      address: address === false ? null : ladderOf('address', address, `${where}.address`),
      account: account === false ? null : ladderOf('account', account, `${where}.account`),
    },
    ipv6Prefix,
    canonical,
    secret: secret ?? randomBytes(32),
    onEvent,
  }
}

function mustBeFunction (where: string, given: unknown): void {
  if (typeof given !== 'function') throw wrongOption(where, given, 'a function')
}

function mustBeStore (where: string, given: unknown): void {
  const missing = STORE_METHODS.filter((method) => typeof (given as Record<string, unknown> | null)?.[method] !== 'function')
  if (missing.length > 0) throw wrongOption(where, given, `a store with ${STORE_METHODS.join(', ')} (without: ${missing.join(', ')})`)
}

/** The value stays out of the message. */
function mustBeSecret (where: string, given: unknown): void {
  const isText = typeof given === 'string' || given instanceof Uint8Array
  if (isText && Buffer.byteLength(given) >= SHORTEST_SECRET) return
  const found = isText ? `${Buffer.byteLength(given)} bytes were` : `a value of type ${typeof given} was`
  throw new OptionError(`${where}: ${found} given; allowed is a string or Uint8Array of at least ${SHORTEST_SECRET} bytes.`)
}
