/** One dimension at work: its ladder, its store, and what is done when the store cannot answer. */
import type { AttemptState, AttemptStore, Charge, Ladder } from '../stores/counters.ts'
import { memoryAttempts, type MemoryAttempts } from '../stores/memory.ts'
import type { Dimension } from './ladder.ts'
import type { Outage } from './outage.ts'

/** Without the store: a stricter count in the memory of this process, or nobody is let through. */
export type OnStoreError = 'memory' | 'refuse'

/** A key that was charged, the failures counted with that charge, and the store that counted. */
export interface Charged {
  readonly counter: Counter
  readonly key: string
  readonly failures: number
  readonly by: AttemptStore
}

/** All keys are charged; or one is locked, and those before it have their charge back. */
export type Admission =
  | { readonly kind: 'charged', readonly charged: readonly Charged[] }
  | { readonly kind: 'locked', readonly counter: Counter, readonly key: string, readonly charge: Charge }

/** A right secret proves whose account and whose device it is, but says nothing of what else its network tries (facts: throttling 8). */
const AFTER_SUCCESS: Readonly<Record<Dimension, 'refund' | 'reset'>> = { address: 'refund', account: 'reset', device: 'reset' }

export interface CounterParts {
  readonly dimension: Dimension
  readonly ladder: Ladder
  readonly store: AttemptStore
  readonly outage: Outage
  readonly onStoreError: OnStoreError
}

export class Counter {
  readonly dimension: Dimension
  readonly ladder: Ladder
  readonly #store: AttemptStore
  readonly #outage: Outage
  readonly #onStoreError: OnStoreError
  /** What was counted while the store could not; there once it was needed. */
  #local: MemoryAttempts | null = null

  constructor ({ dimension, ladder, store, outage, onStoreError }: CounterParts) {
    this.dimension = dimension
    this.ladder = ladder
    this.#store = store
    this.#outage = outage
    this.#onStoreError = onStoreError
  }

  /** @throws {StoreUnavailable} */
  async charge (key: string): Promise<{ readonly charge: Charge, readonly by: AttemptStore }> {
    const local = this.#local?.status(key) ?? null
    // A lock of an outage holds to its end, also when the store is back.
    if (local !== null && local.lockedFor > 0) return { charge: { admitted: false, failures: local.failures, retryAfter: local.lockedFor }, by: this.#store }
    try {
      return { charge: await this.#outage.ask(() => this.#store.charge(key, this.ladder), checkedCharge), by: this.#store }
    } catch (error) {
      if (this.#onStoreError === 'refuse') throw error
      const own = (this.#local ??= memoryAttempts())
      return { charge: own.charge(key, stricter(this.ladder)), by: own }
    }
  }

  /** @throws {StoreUnavailable} */
  async refund ({ key, by }: Charged): Promise<void> {
    if (by === this.#local) return this.#local.refund(key)
    await this.#settle(() => this.#store.refund(key))
  }

  /** @throws {StoreUnavailable} */
  async reset (key: string): Promise<void> {
    this.#local?.reset(key)
    await this.#settle(() => this.#store.reset(key))
  }

  /** @throws {StoreUnavailable} */
  async status (key: string): Promise<AttemptState | null> {
    const local = this.#local?.status(key) ?? null
    try {
      const known = await this.#outage.ask(() => this.#store.status(key), (state) => state ?? null)
      return worse(known, local)
    } catch (error) {
      if (this.#onStoreError === 'refuse') throw error
      return local
    }
  }

  /** What cannot be taken back stays counted, which is the safe side. */
  async #settle (question: () => void | Promise<void>): Promise<void> {
    try {
      await this.#outage.ask(question, (answer) => answer)
    } catch (error) {
      if (this.#onStoreError === 'refuse') throw error
    }
  }
}

/** Charges one counter after the other, except where there is no key for it; a later one never hears of an attempt that an earlier one denies (facts: throttling 13). */
export async function chargeAll (counters: readonly Counter[], keys: Readonly<Record<Dimension, string | null>>): Promise<Admission> {
  const charged: Charged[] = []
  for (const counter of counters) {
    const key = keys[counter.dimension]
    if (key === null) continue
    const { charge, by } = await counter.charge(key).catch(async (error: unknown) => {
      await takeBack(charged)
      throw error
    })
    if (!charge.admitted) {
      await Promise.all(charged.map((one) => one.counter.refund(one)))
      return { kind: 'locked', counter, key, charge }
    }
    charged.push({ counter, key, failures: charge.failures, by })
  }
  return { kind: 'charged', charged }
}

/** After a right secret. */
export async function settleAll (charged: readonly Charged[]): Promise<void> {
  await Promise.all(charged.map((one) => AFTER_SUCCESS[one.counter.dimension] === 'reset' ? one.counter.reset(one.key) : one.counter.refund(one)))
}

/** Refunds what can be refunded, for when another error is on its way already and must not be replaced. */
export async function takeBack (charged: readonly Charged[]): Promise<void> {
  await Promise.allSettled(charged.map((one) => one.counter.refund(one)))
}

/** Each of several processes counts by itself then, so each allows half. */
function stricter (ladder: Ladder): Ladder {
  return { ...ladder, free: Math.max(1, Math.floor(ladder.free / 2)) }
}

function worse (one: AttemptState | null, other: AttemptState | null): AttemptState | null {
  if (one === null || other === null) return one ?? other
  return { failures: Math.max(one.failures, other.failures), lockedFor: Math.max(one.lockedFor, other.lockedFor) }
}

/** A store can be anybody's: an answer that is none must not admit. */
function checkedCharge (charge: Charge): Charge {
  const { admitted, failures, retryAfter } = charge
  if (typeof admitted === 'boolean' && Number.isFinite(failures) && Number.isFinite(retryAfter)) return charge
  throw new TypeError('The store answered a charge with something that is not { admitted, failures, retryAfter }')
}
