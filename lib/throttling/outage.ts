/** A store that may fail: it is asked with a deadline, left alone while it is silent, and asked again by itself. */
import { StoreUnavailable } from '../stores/unavailable.ts'

export interface OutageOptions {
  /** Milliseconds for each answer. */
  readonly deadline: number
  /** Milliseconds of a clock that does not go back. */
  readonly now: () => number
  /** Told once when the store fails for the first time, with why, and once when it has answered again and not failed for a second. */
  readonly tell: (kind: 'store_down' | 'store_up', cause: unknown) => void
}

/** How long a store that was silent is left alone, in milliseconds: until then nobody waits for it. One that says no at once is asked each time. And how long it must not have failed to be well. */
const PAUSE = 1000

export class Outage {
  readonly #options: OutageOptions
  /** When it last failed, since it last was well. */
  #failedAt: number | null = null
  #askAgainAt = -Infinity

  constructor (options: OutageOptions) {
    this.#options = options
  }

  /**
   * The answer, at once where the store gives it at once. `check` throws for an answer that is none.
   * @throws {StoreUnavailable} and nothing else, at once or later
   */
  ask<T> (question: () => T | PromiseLike<T>, check: (answer: T) => T): T | Promise<T> {
    const { now, deadline } = this.#options
    const time = now()
    if (time < this.#askAgainAt) throw new StoreUnavailable(new Error('the store was silent, and is left alone for a moment'))
    // One asks whether it is there again; the others need not wait for that.
    if (this.#askAgainAt > -Infinity) this.#askAgainAt = time + deadline
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
        this.#askAgainAt = this.#options.now() + PAUSE
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
    this.#askAgainAt = -Infinity
    // What fails every other time is not well: it would be told for each request.
    if (this.#options.now() - this.#failedAt >= PAUSE) {
      this.#failedAt = null
      this.#options.tell('store_up', null)
    }
    return answer
  }

  #failed (cause: unknown): never {
    const isNew = this.#failedAt === null
    this.#failedAt = this.#options.now()
    if (cause instanceof StoreUnavailable && cause.silent) this.#askAgainAt = this.#failedAt + PAUSE
    if (isNew) this.#options.tell('store_down', cause)
    throw cause instanceof StoreUnavailable ? cause : new StoreUnavailable(cause)
  }
}

function isThenable<T> (answer: T | PromiseLike<T>): answer is PromiseLike<T> {
  return typeof (answer as Partial<PromiseLike<T>> | null | undefined)?.then === 'function'
}
