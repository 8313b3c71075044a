/** The contracts of a store for counters: one atomic operation a call, one key a call. They know nothing of HTTP. */

/** How failed attempts turn into locks. Durations are milliseconds. */
export interface Ladder {
  /** The failures that are free of a lock; the last of them sets the first lock. */
  readonly free: number
  /** The first lock; each further failure doubles it. */
  readonly base: number
  /** The longest lock. */
  readonly cap: number
  /** How long failures are remembered without a new one, from the end of the lock on. */
  readonly window: number
}

/** The answer to a charge: admitted and already counted as a failure, or denied and nothing changed. */
export interface Charge {
  readonly admitted: boolean
  readonly failures: number
  /** Milliseconds until the lock ends; 0 when admitted. */
  readonly retryAfter: number
}

/** What is known of a key; `null` in place of this for a key without failures. */
export interface AttemptState {
  readonly failures: number
  readonly lockedFor: number
}

/** Failed attempts by key. Every operation is atomic; whichever cannot answer rejects. */
export interface AttemptStore {
  charge: (key: string, ladder: Ladder) => Charge | Promise<Charge>
  /** Takes one failure of an admitted attempt back, also the lock that it set: who signs in right leaves no lock behind. Never creates a key. */
  refund: (key: string) => void | Promise<void>
  /** Forgets the key. */
  reset: (key: string) => void | Promise<void>
  status: (key: string) => AttemptState | null | Promise<AttemptState | null>
  close?: () => void | Promise<void>
}

/** What may be spent of a quota: `limit` units in any `window` milliseconds, coming back one by one and not all at once. */
export interface Allowance {
  readonly limit: number
  readonly window: number
}

/** The answer to a spending: allowed and already counted, or denied and nothing changed. */
export interface Spending {
  readonly allowed: boolean
  /** Whole units that could be spent right after it; 0 when denied for a cost of 1. */
  readonly remaining: number
  /** Milliseconds until nothing is spent any more. */
  readonly resetAfter: number
  /** Milliseconds until the same cost would be allowed; 0 when it was. */
  readonly retryAfter: number
}

/**
 * Quotas by key, after the generic cell rate algorithm (ITU-T I.371): what is kept for a key is the moment at which nothing will be spent any more,
 * so that an allowance may change between two calls. Every operation is atomic; whichever cannot answer rejects.
 */
export interface QuotaStore {
  /** `cost`: a whole number of units from 1 to the limit. */
  spend: (key: string, allowance: Allowance, cost: number) => Spending | Promise<Spending>
  /** Takes back what was spent by a request that another quota denied. Never makes more than the allowance of it, never creates a key. */
  giveBack: (key: string, allowance: Allowance, cost: number) => void | Promise<void>
  close?: () => void | Promise<void>
}

/** Both, as one store. */
export interface CounterStore extends AttemptStore, QuotaStore {
  close?: () => void | Promise<void>
}

/** A `CounterStore` whose every answer takes a while. */
export interface RemoteCounters extends CounterStore {
  charge: (key: string, ladder: Ladder) => Promise<Charge>
  refund: (key: string) => Promise<void>
  reset: (key: string) => Promise<void>
  status: (key: string) => Promise<AttemptState | null>
  spend: (key: string, allowance: Allowance, cost: number) => Promise<Spending>
  giveBack: (key: string, allowance: Allowance, cost: number) => Promise<void>
}
