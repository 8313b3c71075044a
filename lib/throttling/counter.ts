/** One dimension at work: its ladder and its store, and every question that a throttle asks of them. */
import type { AttemptState, AttemptStore, Charge, Ladder } from '../stores/counters.ts'
import { StoreUnavailable } from '../stores/unavailable.ts'
import type { Dimension } from './ladder.ts'

export interface Counter {
  readonly dimension: Dimension
  readonly ladder: Ladder
  readonly store: AttemptStore
}

/** A key that was charged, and the failures counted with that charge. */
export interface Charged {
  readonly counter: Counter
  readonly key: string
  readonly failures: number
}

/** All keys are charged; or one is locked, and those before it have their charge back. */
export type Admission =
  | { readonly kind: 'charged', readonly charged: readonly Charged[] }
  | { readonly kind: 'locked', readonly counter: Counter, readonly key: string, readonly charge: Charge }

/** A right secret proves whose account it is, but says nothing of what else its network tries (facts: throttling 8). */
const AFTER_SUCCESS: Readonly<Record<Dimension, 'refund' | 'reset'>> = { address: 'refund', account: 'reset' }

/** Charges one counter after the other, except where there is no key for it; a later one never hears of an attempt that an earlier one denies (facts: throttling 13). */
export async function chargeAll (counters: readonly Counter[], keys: Readonly<Record<Dimension, string | null>>): Promise<Admission> {
  const charged: Charged[] = []
  for (const counter of counters) {
    const key = keys[counter.dimension]
    if (key === null) continue
    const charge = await chargeOr(() => takeBack(charged), counter, key)
    if (!charge.admitted) {
      await refundAll(charged)
      return { kind: 'locked', counter, key, charge }
    }
    charged.push({ counter, key, failures: charge.failures })
  }
  return { kind: 'charged', charged }
}

/** After a right secret. */
export async function settleAll (charged: readonly Charged[]): Promise<void> {
  await Promise.all(charged.map((one) => AFTER_SUCCESS[one.counter.dimension] === 'reset' ? reset(one.counter, one.key) : refund(one)))
}

/** Refunds what can be refunded, for when another error is on its way already and must not be replaced. */
export async function takeBack (charged: readonly Charged[]): Promise<void> {
  await Promise.allSettled(charged.map(refund))
}

export function reset ({ store }: Counter, key: string): Promise<void> {
  return ask(() => store.reset(key))
}

export function status ({ store }: Counter, key: string): Promise<AttemptState | null> {
  return ask(async () => await store.status(key) ?? null)
}

async function refundAll (charged: readonly Charged[]): Promise<void> {
  await Promise.all(charged.map(refund))
}

function refund ({ counter: { store }, key }: Charged): Promise<void> {
  return ask(() => store.refund(key))
}

async function chargeOr (otherwise: () => Promise<void>, { store, ladder }: Counter, key: string): Promise<Charge> {
  try {
    return await ask(async () => checked(await store.charge(key, ladder)))
  } catch (error) {
    await otherwise()
    throw error
  }
}

/** A store can be anybody's: an answer that is none must not admit. */
function checked (charge: Charge): Charge {
  const { admitted, failures, retryAfter } = charge
  if (typeof admitted === 'boolean' && Number.isFinite(failures) && Number.isFinite(retryAfter)) return charge
  throw new TypeError('The store answered a charge with something that is not { admitted, failures, retryAfter }')
}

async function ask<T> (question: () => T | Promise<T>): Promise<T> {
  try {
    return await question()
  } catch (cause) {
    throw new StoreUnavailable(cause)
  }
}
