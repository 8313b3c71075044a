/** A store that may fail: it is asked with a deadline, left alone while it is silent, and asked again by itself. */
import { Silence, type SilenceOptions } from '../stores/silence.ts'
import { StoreUnavailable } from '../stores/unavailable.ts'
import { isThenable } from '../thenable.ts'

export interface OutageOptions extends SilenceOptions {
  /** Told once when the store fails for the first time, with why, and once when it has answered again and not failed for a second. */
  readonly tell: (kind: 'store_down' | 'store_up', cause: unknown) => void
}

/** How long a store must not have failed to be well, in milliseconds. */
const WELL_AFTER = 1000

export class Outage {
  readonly #options: OutageOptions
  /** A store that says no at once is asked each time. */
  readonly #silence: Silence
  /** When it last failed, since it last was well. */
  #failedAt: number | null = null

  constructor (options: OutageOptions) {
    this.#options = options
    this.#silence = new Silence(options)
  }

  /**
   * The answer, at once where the store gives it at once. `check` throws for an answer that is none.
   * @throws {StoreUnavailable} and nothing else, at once or later
   */
  ask<T> (question: () => T | PromiseLike<T>, check: (answer: T) => T): T | Promise<T> {
    this.#silence.mayAsk()
    try {
      const answer = question()
      if (!isThenable(answer)) return this.#answered(check(answer))
      return this.#inTime(answer).then((settled) => this.#answered(check(settled))).catch((cause: unknown) => this.#failed(cause))
    } catch (cause) {
      return this.#failed(cause)
    }
  }

  #inTime<T> (answer: PromiseLike<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const giveUp = (): void => {
        this.#silence.began()
        reject(new Error(`the store did not answer within ${this.#options.deadline} ms`))
      }
      let waiting: NodeJS.Immediate | undefined
      // An answer that lies unread because the process was busy is not late: it is read before the immediate.
      const late = setTimeout(() => { waiting = setImmediate(giveUp) }, this.#options.deadline)
      const settled = (): void => {
        clearTimeout(late)
        clearImmediate(waiting)
      }
      answer.then((value) => { settled(); resolve(value) }, (error: unknown) => { settled(); reject(error) })
    })
  }

  #answered<T> (answer: T): T {
    if (this.#failedAt === null) return answer
    this.#silence.ended()
    // What fails every other time is not well: it would be told for each request.
    if (this.#options.now() - this.#failedAt >= WELL_AFTER) {
      this.#failedAt = null
      this.#options.tell('store_up', null)
    }
    return answer
  }

  #failed (cause: unknown): never {
    const isNew = this.#failedAt === null
    this.#failedAt = this.#options.now()
    if (cause instanceof StoreUnavailable && cause.silent) this.#silence.began()
    if (isNew) this.#options.tell('store_down', cause)
    throw cause instanceof StoreUnavailable ? cause : new StoreUnavailable(cause)
  }
}
