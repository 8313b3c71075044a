/** What a handler spends, and whether it waits for what comes of that. */

interface Log {
  warn: (entry: object, message: string) => void
}

/** A rejection, or that something was thrown. */
interface Failure {
  readonly error: unknown
}

/**
 * A promise that knows whether anybody waits for it. Where nobody does, its rejection is told to the log and does not end the process, which
 * any client who spends too much could bring about.
 */
export class Debt<T> extends Promise<T> {
  /** What `then`, `catch` and `await` make of it is a promise like any other. */
  static override get [Symbol.species] (): PromiseConstructor {
    return Promise
  }

  #isAwaited = false
  #failure: Failure | null = null

  override then<Y = T, N = never> (yes?: ((value: T) => Y | PromiseLike<Y>) | null, no?: ((error: unknown) => N | PromiseLike<N>) | null): Promise<Y | N> {
    this.#isAwaited = true
    return super.then(yes, no)
  }

  /** What nobody has waited for so far; `null` where all is well, or somebody hears of it. */
  get unheard (): Failure | null {
    return this.#isAwaited ? null : this.#failure
  }

  /** It is or will be rejected, with this. */
  fail (error: unknown, log: Log): void {
    this.#failure = { error }
    super.then(undefined, () => {})
    // Who waits for it does so in this turn, or hears of it besides.
    setImmediate(() => {
      if (!this.#isAwaited) log.warn({ err: error }, 'a handler does not await request.spend(…): whatever it did next, it did although nothing could be spent')
    })
  }
}

/** Asks at once; `failed` is told of a failure as soon as it is known, which may be at once too. */
export function debtOf<T> (spend: () => T | Promise<T>, failed: (debt: Debt<T>) => void, log: Log): Debt<T> {
  try {
    const answer = spend()
    const debt = new Debt<T>((resolve) => { resolve(answer) })
    if (answer instanceof Promise) answer.catch((error: unknown) => { fail(debt, error) })
    return debt
  } catch (error) {
    const debt = new Debt<T>((_resolve, reject) => { reject(error as Error) })
    fail(debt, error)
    return debt
  }

  function fail (debt: Debt<T>, error: unknown): void {
    debt.fail(error, log)
    failed(debt)
  }
}
