/** Slows down the guessing of secrets: every attempt is counted as a failure before it is checked, and taken back if it was none. */
// The global one is a getter, which would be called with each reading.
import { performance } from 'node:perf_hooks'
import { knownOptionsOnly, OptionError } from '../option-error.ts'
import type { AttemptEvent, ThrottleEvent } from '../reporting/throttle-event.ts'
import type { AttemptState, AttemptStore } from '../stores/counters.ts'
import { lockAfter } from '../stores/lock.ts'
import { memoryAttempts } from '../stores/memory.ts'
import { StoreUnavailable } from '../stores/unavailable.ts'
import { networkOf } from './address.ts'
import { type Admission, chargeAll, type Charged, Counter, settleAll, takeBack } from './counter.ts'
import { DeviceCookies } from './device.ts'
import { keyMaker } from './key.ts'
import type { Dimension } from './ladder.ts'
import { type ThrottleOptions, throttleSettings } from './options.ts'
import { Outage } from './outage.ts'
import { secondsOf } from './seconds.ts'

export type { ThrottleEvent, ThrottleOptions }

/** Where an attempt comes from: the client's address, and the socket's for when the first is not one; its cookies, and whether it came over TLS. */
export interface Client {
  readonly ip: string | undefined
  readonly socketAddress?: string | undefined
  readonly cookies?: string | undefined
  readonly secure?: boolean
}

/**
 * An attempt was checked, with what the check found; or it was denied and never checked. `dimension` is for the log, not for the client.
 * `cookie`: a value of `Set-Cookie`, by which the device will be known for which the secret was right.
 */
export type Guarded<T> = { readonly kind: 'admitted', readonly value: T, readonly cookie?: string } | Denied

export interface Denied {
  readonly kind: 'denied'
  /** Whole seconds, at least 1, never too early: the value of `Retry-After` (RFC 9110 section 10.2.3). */
  readonly retryAfter: number
  readonly dimension: Dimension
}

/** Whose counters are meant: an account, the network of an address, or both. */
export type Whose = { readonly account: string, readonly ip?: string } | { readonly account?: string, readonly ip: string }

/** What is counted for a key; `retryAfter` is whole seconds, 0 when it is not locked. */
export interface Standing {
  readonly failures: number
  readonly retryAfter: number
}

export interface Throttle {
  /**
   * Lets `verify` check a guessable secret, unless the client's network or the account is locked. A wrong secret (`failed` does not return
   * `false`) stays counted, as does an attempt that never ends. A right one clears the account and takes its own charge off the network.
   * If `verify` throws, nothing was tried: nothing stays counted, and the error is rethrown.
   * Without an account (`null`) only the network counts.
   * @throws {StoreUnavailable} when the store cannot answer; then `verify` did not run, or what it found is withheld
   */
  guard: <T>(client: Client, account: string | null, verify: () => T | Promise<T>, failed: (value: T) => boolean) => Promise<Guarded<T>>
  /** Forgets the failures of an account, of a network, or of both. @throws {OptionError} for neither, {StoreUnavailable} */
  unlock: (whose: Whose) => Promise<void>
  /** What is counted; `null` for a key without failures and for one that was not asked for. @throws {OptionError} for neither, {StoreUnavailable} */
  status: (whose: Whose) => Promise<Record<'address' | 'account', Standing | null>>
}

/** The network is charged first, so that a spray of names costs its sender and not the accounts (facts: throttling 1.4). */
const ORDER: readonly Dimension[] = ['address', 'account', 'device']

/** @throws {OptionError} for an option that is unknown or does not make sense */
export function createThrottle (options: ThrottleOptions = {}, where = 'throttle'): Throttle {
  const settings = throttleSettings(options, where)
  const { name, store, device } = settings
  const keyOf = keyMaker(name, settings.secret)
  const cookies = device === null ? null : new DeviceCookies({ name: device.cookie, lifetime: device.lifetime, secret: settings.secret })
  const outage = new Outage({
    deadline: settings.deadline,
    now: () => performance.now(),
    tell: (kind, cause) => emit({ kind, throttle: name, meanwhile: settings.onStoreError, cause }),
  })
  const counters = ORDER.flatMap((dimension): Counter[] => {
    const ladder = settings.ladders[dimension]
    return ladder === null ? [] : [new Counter({ dimension, ladder, store: store ?? ownStore(dimension), outage, onStoreError: settings.onStoreError })]
  })

  return {
    async guard (client, account, verify, failed) {
      // All keys before the first charge: `canonical` is the application's and may throw.
      const address = addressKey(client)
      const whole = account === null ? null : accountKey(account)
      const known = cookies === null || whole === null ? null : cookies.known(client.cookies, whole, Date.now())
      const admission = await chargeAll(counters, known === null ? { address, account: whole, device: null } : { address, account: null, device: keyOf('device', `${whole}\n${known}`) })
      if (admission.kind === 'locked') return denied(admission)

      const { value, right } = await outcome(verify, failed, () => takeBack(admission.charged))
      if (!right) {
        admission.charged.forEach(reportFailure)
        return { kind: 'admitted', value }
      }
      await settleAll(admission.charged)
      if (cookies === null || whole === null || known !== null) return { kind: 'admitted', value }
      return { kind: 'admitted', value, cookie: cookies.issued(whole, Date.now(), client.secure === true) }
    },

    async unlock (whose) {
      await Promise.all(meant(whose).map(({ counter, key }) => counter.reset(key)))
    },

    async status (whose) {
      const standings: Record<string, Standing | null> = {}
      await Promise.all(meant(whose).map(async ({ counter, key }) => {
        standings[counter.dimension] = standingOf(await counter.status(key))
      }))
      return { address: null, account: null, ...standings }
    },
  }

  function ownStore (dimension: Dimension): AttemptStore {
    return memoryAttempts({
      ...settings.memory,
      overflow: (key, retryAfter) => report('overflow', dimension, key, 0, secondsOf(retryAfter)),
    })
  }

  function addressKey ({ ip, socketAddress }: Client): string {
    return keyOf('address', networkOf(ip, { ipv6Prefix: settings.ipv6Prefix, fallback: socketAddress }))
  }

  /** What is no text, from a body that nobody validated, is nobody's name: all of it shares one key. */
  function accountKey (account: unknown): string {
    return keyOf('account', typeof account === 'string' ? canonicalOf(account) : '')
  }

  /** Law 10: without it nobody knows whose guess it is. */
  function canonicalOf (account: string): string {
    try {
      const name: unknown = settings.canonical(account)
      if (typeof name === 'string') return name
      throw new TypeError('canonical must give a text, at once')
    } catch (cause) {
      throw new StoreUnavailable(cause)
    }
  }

  function meant (whose: Whose): { counter: Counter, key: string }[] {
    knownOptionsOnly('the throttle', whose, ['account', 'ip'])
    const { account, ip } = whose
    if (account === undefined && ip === undefined) throw new OptionError('the throttle: neither account nor ip was given; allowed is one of them or both.')
    const keys: Partial<Record<Dimension, string>> = {
      ...ip === undefined ? {} : { address: addressKey({ ip }) },
      ...account === undefined ? {} : { account: accountKey(account) },
    }
    return counters.flatMap((counter) => {
      const key = keys[counter.dimension]
      return key === undefined ? [] : [{ counter, key }]
    })
  }

  function denied ({ counter: { dimension }, key, charge }: Admission & { kind: 'locked' }): Denied {
    const retryAfter = secondsOf(charge.retryAfter)
    report('denied', dimension, key, charge.failures, retryAfter)
    return { kind: 'denied', retryAfter, dimension }
  }

  function reportFailure ({ counter: { dimension, ladder }, key, failures }: Charged): void {
    report('failure', dimension, key, failures, 0)
    const lock = lockAfter(failures, ladder)
    if (lock > 0) report('locked', dimension, key, failures, secondsOf(lock))
    if (failures === settings.hardStop && dimension !== 'address') report('hard_stop', dimension, key, failures, lock > 0 ? secondsOf(lock) : 0)
  }

  function report (kind: AttemptEvent['kind'], dimension: Dimension, key: string, failures: number, retryAfter: number): void {
    emit({ kind, throttle: name, dimension, key, failures, retryAfter })
  }

  /** Whoever listens has no part in the decision: an error of theirs, thrown or rejected, must not turn a 429 into a 500. */
  function emit (event: ThrottleEvent): void {
    new Promise((resolve) => resolve(settings.onEvent(event))).catch(() => {})
  }
}

/** Runs the check. `right` only when `failed` says `false`: anything else, also a forgotten return, counts as a failure. */
async function outcome<T> (verify: () => T | Promise<T>, failed: (value: T) => boolean, undo: () => Promise<void>): Promise<{ value: T, right: boolean }> {
  try {
    const value = await verify()
    return { value, right: failed(value) === false }
  } catch (error) {
    await undo()
    throw error
  }
}

function standingOf (state: AttemptState | null): Standing | null {
  return state === null ? null : { failures: state.failures, retryAfter: Math.ceil(state.lockedFor / 1000) }
}
