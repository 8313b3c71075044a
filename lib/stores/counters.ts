/** The contract of a store for counters: one atomic operation a call, one key a call. It knows nothing of HTTP. */

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
