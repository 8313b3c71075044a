/** Spends what a request costs from all the quotas that apply to it: all of them, or none. */
import type { Allowance, QuotaStore, Spending } from '../stores/counters.ts'
import { memoryQuotas } from '../stores/memory-quotas.ts'
import type { Outage } from './outage.ts'
import { secondsOf } from './seconds.ts'

/** One quota for one request: whose it is stands in the key. `cost` is from 1 to the limit. */
export interface Purse {
  readonly name: string
  readonly key: string
  readonly allowance: Allowance
  readonly cost: number
  /** Its member of `RateLimit-Policy`. */
  readonly member: string
}

/** What was spent of a purse, or was not. */
export interface PurseSpending {
  readonly purse: Purse
  readonly spending: Spending
}

/** `violated`: the names of the quotas that denied, none where the request is within all. `retryAfter`: whole seconds, 0 where nothing was denied. */
export interface Payment {
  readonly spendings: readonly PurseSpending[]
  readonly violated: readonly string[]
  readonly retryAfter: number
}

export interface QuotasParts {
  readonly store: QuotaStore
  readonly outage: Outage
  readonly onStoreError: 'memory' | 'refuse' | 'allow'
}

export class Quotas {
  readonly #store: QuotaStore
  readonly #outage: Outage
  readonly #onStoreError: QuotasParts['onStoreError']
  /** What is counted while the store cannot; there once it was needed. */
  #local: QuotaStore | null = null

  constructor ({ store, outage, onStoreError }: QuotasParts) {
    this.#store = store
    this.#outage = outage
    this.#onStoreError = onStoreError
  }

  /** At once where the store answers at once. A purse that no limit could be found for is not among the spendings. @throws {StoreUnavailable} later */
  pay (purses: readonly Purse[]): Payment | Promise<Payment> {
    const asked: (Spent | null | Promise<Spent | null>)[] = []
    let isLater = false
    for (const purse of purses) {
      const answer = this.#spend(purse)
      asked.push(answer)
      if (answer instanceof Promise) isLater = true
    }
    return isLater ? this.#allSettled(asked) : this.#settled(asked as (Spent | null)[])
  }

  async #allSettled (asked: readonly (Spent | null | Promise<Spent | null>)[]): Promise<Payment> {
    const settled = await Promise.allSettled(asked.map(async (answer) => answer))
    const failed = settled.find((one) => one.status === 'rejected')
    const spent = settled.map((one) => one.status === 'fulfilled' ? one.value : null)
    if (failed === undefined) return this.#settled(spent)
    this.#giveBack(spent)
    throw failed.reason
  }

  #settled (all: readonly (Spent | null)[]): Payment {
    const spent = all.includes(null) ? all.filter((one) => one !== null) : all as readonly Spent[]
    if (!spent.some(isDenied)) return { spendings: spent, violated: NONE, retryAfter: 0 }
    // Who is denied by one quota has spent nothing of the others.
    this.#giveBack(spent)
    const denied = spent.filter(isDenied)
    return {
      spendings: spent.map((one) => ({ purse: one.purse, spending: unspent(one) })),
      violated: denied.map(({ purse }) => purse.name),
      retryAfter: secondsOf(Math.max(...denied.map(({ spending }) => spending.retryAfter))),
    }
  }

  #spend (purse: Purse): Spent | null | Promise<Spent | null> {
    const { key, allowance, cost } = purse
    try {
      const answer = this.#outage.ask(() => this.#store.spend(key, allowance, cost), checkedSpending)
      if (!(answer instanceof Promise)) return { purse, allowance, cost, spending: answer, by: this.#store }
      return answer.then((spending) => ({ purse, allowance, cost, spending, by: this.#store }), (error: unknown) => this.#without(purse, error))
    } catch (error) {
      return this.#without(purse, error)
    }
  }

  /** Each of several processes counts by itself then, so each allows half. */
  #without (purse: Purse, error: unknown): Spent | null | Promise<never> {
    // Not thrown: what the others have spent is to be given back.
    if (this.#onStoreError === 'refuse') return Promise.reject(error)
    if (this.#onStoreError === 'allow') return null
    const { key, allowance, cost } = purse
    const local = (this.#local ??= memoryQuotas())
    const stricter = { limit: Math.max(1, Math.floor(allowance.limit / 2)), window: allowance.window }
    const less = Math.min(cost, stricter.limit)
    return { purse, allowance: stricter, cost: less, spending: local.spend(key, stricter, less) as Spending, by: local }
  }

  /** What cannot be given back stays spent: nobody waits for it. */
  #giveBack (spent: readonly (Spent | null)[]): void {
    for (const one of spent) {
      if (one?.spending.allowed !== true) continue
      const { purse: { key }, allowance, cost, by } = one
      try {
        const given = by === this.#store ? this.#outage.ask(() => by.giveBack(key, allowance, cost), (answer) => answer) : by.giveBack(key, allowance, cost)
        if (given instanceof Promise) given.catch(() => {})
      } catch {}
    }
  }
}

const NONE: readonly string[] = []

/** What was spent, where, and of what: less is allowed where a process counts by itself. */
interface Spent extends PurseSpending {
  readonly allowance: Allowance
  readonly cost: number
  readonly by: QuotaStore
}

function isDenied ({ spending }: Spent): boolean {
  return !spending.allowed
}

/** What is left once the cost was given back, if it was spent. */
function unspent ({ spending, allowance: { limit, window }, cost }: Spent): Spending {
  const { allowed, remaining, resetAfter, retryAfter } = spending
  return allowed ? { allowed, remaining: Math.min(limit, remaining + cost), resetAfter: Math.max(0, resetAfter - cost * window / limit), retryAfter } : spending
}

/** A store can be anybody's: an answer that is none must not allow. */
function checkedSpending (spending: Spending): Spending {
  const { allowed, remaining, resetAfter, retryAfter } = spending
  if (typeof allowed === 'boolean' && isAmount(remaining) && isAmount(resetAfter) && isAmount(retryAfter)) return spending
  throw new TypeError('The store answered a spending with something that is not { allowed, remaining, resetAfter, retryAfter }')
}

function isAmount (number: unknown): boolean {
  return Number.isFinite(number) && (number as number) >= 0
}
