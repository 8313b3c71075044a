/** A store that said nothing in time is left alone for a moment: meanwhile nobody waits for it, and then one asks whether it is there again. */
import { StoreUnavailable } from './unavailable.ts'

/** Milliseconds. */
const MOMENT = 1000

export interface SilenceOptions {
  /** Milliseconds for each answer. */
  readonly deadline: number
  /** Milliseconds of a clock that does not go back. Not read while the store is well. */
  readonly now: () => number
}

export class Silence {
  readonly #options: SilenceOptions
  #askAgainAt = -Infinity

  constructor (options: SilenceOptions) {
    this.#options = options
  }

  /** To be called before each question. @throws {StoreUnavailable} while the store is left alone */
  mayAsk (): void {
    if (this.#askAgainAt === -Infinity) return
    const time = this.#options.now()
    if (time < this.#askAgainAt) throw new StoreUnavailable(new Error('the store was silent, and is left alone for a moment'))
    // One asks whether it is there again; the others need not wait for that.
    this.#askAgainAt = time + this.#options.deadline
  }

  began (): void {
    this.#askAgainAt = this.#options.now() + MOMENT
  }

  /** It has said something. */
  ended (): void {
    this.#askAgainAt = -Infinity
  }
}
