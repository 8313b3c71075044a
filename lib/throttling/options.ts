/** The options of a throttle, checked once, at the start. */
import { randomBytes } from 'node:crypto'
import { knownOptionsOnly, OptionError, wrongOption } from '../option-error.ts'
import type { ThrottleEvent } from '../reporting/throttle-event.ts'
import type { AttemptStore, Ladder } from '../stores/counters.ts'
import { type MemoryOptions, mustBeBound } from '../stores/memory-options.ts'
import { canonicalAccount } from './account.ts'
import type { OnStoreError } from './counter.ts'
import { type Dimension, type LadderOptions, ladderOf, milliseconds } from './ladder.ts'

/** A cookie by which a device is known from which the account was signed in before. Its wrong secrets are counted apart from those of strangers. */
export interface DeviceOptions {
  /** The beginning of the cookie's name; letters, digits, `-` and `_`; default `gatehouse-device`. */
  readonly cookie?: string
  /** The seconds that a device is known for after a sign-in; default 180 days. */
  readonly maxAge?: number
  /** The ladder of a device, in seconds; default 10 free, then 1 s doubling to 15 min, remembered for 24 h. */
  readonly ladder?: Partial<LadderOptions>
}

export interface ThrottleOptions {
  /** Tells the counters of several throttles on one store apart (`password`, `otp`); letters, digits, `-` and `_`; default `sign-in`. */
  readonly name?: string
  /** Where failures are counted; default the memory of this process, one `memoryAttempts()` for each dimension. */
  readonly store?: AttemptStore
  /** The milliseconds that a store has for each answer, an integer from 1 to 60,000; default 250. */
  readonly deadline?: number
  /** While the store does not answer: a count in memory with half of the free failures (`'memory'`, the default), or a 503 (`'refuse'`). */
  readonly onStoreError?: OnStoreError
  /** The ladder of a client's network, in seconds; default 20 free, then 1 s doubling to 1 h, remembered for 1 h. `false`: not counted. */
  readonly address?: Partial<LadderOptions> | false
  /** The ladder of an account, in seconds; default 5 free, then 1 s doubling to 15 min, remembered for 24 h. `false`: not counted. */
  readonly account?: Partial<LadderOptions> | false
  /** Sets a cookie where somebody signs in, so that strangers cannot lock him out on that device; `{}` for the defaults. Default `false`. Needs `account`. */
  readonly device?: DeviceOptions | false
  /** After so many failures of an account in a row `hard_stop` is reported; an integer from 1 up, default 100 (NIST SP 800-63B-4). `false`: never. */
  readonly hardStop?: number | false
  /** The bits of an IPv6 address that stand for one client, 32 to 128; default 64. */
  readonly ipv6Prefix?: number
  /** Makes all spellings of an account one, as the application's look-up does; default NFKC, trimmed, lower case. */
  readonly canonical?: (account: string) => string
  /** Keys are made with it, and device cookies are signed; at least 16 bytes. Default: random. Required beside `store`, whose processes have to share it. */
  readonly secret?: string | Uint8Array
  /** The most keys that the default store remembers for each dimension, an integer from 4 up; default 100,000 (at most about 25 MB). Not beside `store`. */
  readonly max?: number
  /** The clock of the default store, in milliseconds; default a monotonic one. Not beside `store`. */
  readonly now?: () => number
  /** Told of everything that happens; what it throws is ignored, because reporting must not decide. */
  readonly onEvent?: (event: ThrottleEvent) => unknown
}

export interface DeviceSettings {
  readonly cookie: string
  /** Milliseconds. */
  readonly lifetime: number
}

/** The options with their defaults; `null` for a dimension that is not counted, and for a store that is still to be made. */
export interface ThrottleSettings {
  readonly name: string
  readonly store: AttemptStore | null
  readonly deadline: number
  readonly onStoreError: OnStoreError
  readonly memory: Omit<MemoryOptions, 'overflow'>
  readonly ladders: Readonly<Record<Dimension, Ladder | null>>
  readonly device: DeviceSettings | null
  readonly hardStop: number
  readonly ipv6Prefix: number
  readonly canonical: (account: string) => string
  readonly secret: string | Uint8Array
  readonly onEvent: (event: ThrottleEvent) => unknown
}

/** The names of the options. */
export const THROTTLE_OPTIONS = ['name', 'store', 'deadline', 'onStoreError', 'address', 'account', 'device', 'hardStop', 'ipv6Prefix', 'canonical', 'secret', 'max', 'now', 'onEvent'] satisfies (keyof ThrottleOptions)[]
const DEVICE_NAMES = ['cookie', 'maxAge', 'ladder'] satisfies (keyof DeviceOptions)[]
const STORE_METHODS = ['charge', 'refund', 'reset', 'status'] satisfies (keyof AttemptStore)[]
const SHORTEST_SECRET = 16
const LONGEST_DEADLINE = 60_000
const HALF_A_YEAR = 180 * 24 * 60 * 60

/** @throws {OptionError} for an option that is unknown or does not make sense */
export function throttleSettings (options: ThrottleOptions, where = 'throttle'): ThrottleSettings {
  knownOptionsOnly(where, options, THROTTLE_OPTIONS)
  const { name = 'sign-in', store, deadline = 250, onStoreError = 'memory', address = {}, account = {}, device = false, hardStop = 100, ipv6Prefix = 64, canonical = canonicalAccount, secret, max, now, onEvent = () => {} } = options

  if (!isThrottleName(name)) throw wrongOption(`${where}.name`, name, '1 to 64 letters, digits, "-" and "_"')
  mustBePrefix(`${where}.ipv6Prefix`, ipv6Prefix)
  mustBeDeadline(`${where}.deadline`, deadline)
  if (onStoreError !== 'memory' && onStoreError !== 'refuse') throw wrongOption(`${where}.onStoreError`, onStoreError, "'memory' or 'refuse'")
  if (address === false && account === false) throw new OptionError(`${where}: address and account are both false, so nothing would be throttled; allowed is one of them.`)
  if (device !== false && account === false) throw new OptionError(`${where}: device was given, and account is false; a device is counted in place of its account, so account must be counted.`)
  if (hardStop !== false && !(Number.isSafeInteger(hardStop) && hardStop >= 1)) throw wrongOption(`${where}.hardStop`, hardStop, 'an integer from 1 up, or false')
  if (store !== undefined && (max !== undefined || now !== undefined)) throw new OptionError(`${where}: store was given beside max or now, which are for the default store; allowed is the one or the others.`)
  mustBeFunction(`${where}.canonical`, canonical)
  mustBeFunction(`${where}.onEvent`, onEvent)
  if (max !== undefined) mustBeBound(`${where}.max`, max)
  if (now !== undefined) mustBeFunction(`${where}.now`, now)
  if (store !== undefined) mustBeStore(`${where}.store`, store, STORE_METHODS)
  if (secret !== undefined) mustBeSecret(`${where}.secret`, secret)
  if (store !== undefined && secret === undefined) throw new OptionError(`${where}.store: was given without ${where}.secret, so processes that share the store would not share the counters; give all of them the same secret.`)

  return {
    name,
    store: store ?? null,
    deadline,
    onStoreError,
    memory: { ...(max === undefined ? {} : { max }), ...(now === undefined ? {} : { now }) },
    ladders: {
      address: address === false ? null : ladderOf('address', address, `${where}.address`),
      account: account === false ? null : ladderOf('account', account, `${where}.account`),
      device: device === false ? null : deviceLadder(device, `${where}.device`),
    },
    device: device === false ? null : deviceSettings(device, `${where}.device`),
    hardStop: hardStop === false ? Infinity : hardStop,
    ipv6Prefix,
    canonical,
    secret: secret ?? randomBytes(32),
    onEvent,
  }
}

export function isThrottleName (name: unknown): name is string {
  return typeof name === 'string' && /^[\w-]{1,64}$/.test(name)
}

function deviceLadder (device: DeviceOptions, where: string): Ladder {
  knownOptionsOnly(where, device, DEVICE_NAMES)
  return ladderOf('device', device.ladder ?? {}, `${where}.ladder`)
}

function deviceSettings ({ cookie = 'gatehouse-device', maxAge = HALF_A_YEAR }: DeviceOptions, where: string): DeviceSettings {
  if (typeof cookie !== 'string' || !/^[\w-]{1,64}$/.test(cookie)) throw wrongOption(`${where}.cookie`, cookie, '1 to 64 letters, digits, "-" and "_"')
  return { cookie, lifetime: milliseconds(maxAge, `${where}.maxAge`) }
}

function mustBeFunction (where: string, given: unknown): void {
  if (typeof given !== 'function') throw wrongOption(where, given, 'a function')
}

/** @throws {OptionError} */
export function mustBePrefix (where: string, given: number): void {
  if (!Number.isInteger(given) || given < 32 || given > 128) throw wrongOption(where, given, 'an integer from 32 to 128')
}

/** @throws {OptionError} */
export function mustBeDeadline (where: string, given: number): void {
  if (!Number.isInteger(given) || given < 1 || given > LONGEST_DEADLINE) throw wrongOption(where, given, `an integer of milliseconds from 1 to ${LONGEST_DEADLINE}`)
}

/** @throws {OptionError} */
export function mustBeStore (where: string, given: unknown, methods: readonly string[]): void {
  const missing = methods.filter((method) => typeof (given as Record<string, unknown> | null)?.[method] !== 'function')
  if (missing.length > 0) throw new OptionError(`${where}: it is no store of this kind, for it lacks ${missing.join(', ')}; allowed is one with ${methods.join(', ')}, as memoryCounters() and redisCounters() make it.`)
}

/** The value stays out of the message. @throws {OptionError} */
export function mustBeSecret (where: string, given: unknown): void {
  const isText = typeof given === 'string' || given instanceof Uint8Array
  if (isText && Buffer.byteLength(given) >= SHORTEST_SECRET) return
  const found = isText ? `${Buffer.byteLength(given)} bytes were` : `a value of type ${typeof given} was`
  throw new OptionError(`${where}: ${found} given; allowed is a string or Uint8Array of at least ${SHORTEST_SECRET} bytes.`)
}
