/** The plugin's option `quotas`, checked once, at the start. */
import { randomBytes } from 'node:crypto'
import { knownOptionsOnly, OptionError, wrongOption } from '../option-error.ts'
import type { QuotaStore } from '../stores/counters.ts'
import { memoryQuotas } from '../stores/memory-quotas.ts'
import { mustBeDeadline, mustBePrefix, mustBeSecret, mustBeStore } from './options.ts'
import { isQuota, type Quota } from './quota.ts'

export interface QuotasOptions {
  /** Quotas of every route that is not `'public'`, and of URLs that there is nothing at. Default: none. */
  readonly every?: readonly Quota[]
  /** Where it is counted; default the memory of this process. */
  readonly store?: QuotaStore
  /** The milliseconds that a store has for each answer, an integer from 1 to 60,000; default 250. */
  readonly deadline?: number
  /** While the store does not answer: half of the limit, counted in memory (`'memory'`, the default), a 503 (`'refuse'`), or no limit (`'allow'`). */
  readonly onStoreError?: 'memory' | 'refuse' | 'allow'
  /** What tells users apart; default their `id`, else their `sub`. A user without is a 503. */
  readonly identity?: (user: never) => string | number
  /** The bits of an IPv6 address that stand for one network, 32 to 128; default 64. */
  readonly ipv6Prefix?: number
  /** Keys are made with it; at least 16 bytes. Default: random, so processes that share a store have to share a secret too. */
  readonly secret?: string | Uint8Array
  /** Whether answers have the fields `RateLimit-Policy` and `RateLimit`. Default `true`. */
  readonly fields?: boolean
}

export interface QuotasSettings {
  readonly every: readonly Quota[]
  readonly store: QuotaStore
  /** Whether that is one of the application's, which others may look into. */
  readonly shared: boolean
  readonly deadline: number
  readonly onStoreError: 'memory' | 'refuse' | 'allow'
  readonly identity: (user: object) => unknown
  readonly ipv6Prefix: number
  readonly secret: string | Uint8Array
  readonly fields: boolean
}

const NAMES = ['every', 'store', 'deadline', 'onStoreError', 'identity', 'ipv6Prefix', 'secret', 'fields'] satisfies (keyof QuotasOptions)[]
const STORE_METHODS = ['spend', 'giveBack'] satisfies (keyof QuotaStore)[]
const MODES: readonly unknown[] = ['memory', 'refuse', 'allow']

/** @throws {OptionError} for an option that is unknown or does not make sense */
export function quotasSettings (options: QuotasOptions): QuotasSettings {
  knownOptionsOnly('quotas', options, NAMES)
  const { every = [], store, deadline = 250, onStoreError = 'memory', identity = ownIdentity, ipv6Prefix = 64, secret, fields = true } = options
  if (store !== undefined) mustBeStore('quotas.store', store, STORE_METHODS)
  if (store !== undefined && secret === undefined) throw new OptionError('quotas.store: was given without quotas.secret, so processes that share the store would not share the counters; give all of them the same secret.')
  mustBeDeadline('quotas.deadline', deadline)
  if (!MODES.includes(onStoreError)) throw wrongOption('quotas.onStoreError', onStoreError, "'memory', 'refuse' or 'allow'")
  if (typeof identity !== 'function') throw wrongOption('quotas.identity', identity, 'a function from the user to a text or a number')
  mustBePrefix('quotas.ipv6Prefix', ipv6Prefix)
  if (secret !== undefined) mustBeSecret('quotas.secret', secret)
  if (typeof fields !== 'boolean') throw wrongOption('quotas.fields', fields, 'true or false')
  return {
    every: quotaList('quotas.every', every),
    store: store ?? memoryQuotas(),
    shared: store !== undefined,
    deadline,
    onStoreError,
    identity: identity as (user: object) => unknown,
    ipv6Prefix,
    secret: secret ?? randomBytes(32),
    fields,
  }
}

/** One or several quotas, of a route or of all. @throws {OptionError} */
export function quotaList (where: string, given: unknown): readonly Quota[] {
  const list: unknown[] = Array.isArray(given) ? given : [given]
  for (const [index, one] of list.entries()) {
    if (!isQuota(one)) throw new OptionError(`${where}: expected what quota(name, { limit, window }) returns, or a list of such`)
    if (list.indexOf(one) !== index) throw new OptionError(`${where}: the quota "${one.name}" stands in the list twice`)
  }
  return list as Quota[]
}

function ownIdentity ({ id, sub }: { readonly id?: unknown, readonly sub?: unknown }): unknown {
  return id ?? sub
}
