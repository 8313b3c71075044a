/** What a handler spends, and whether it waits for what comes of that. */

/** A rejection, whatever with. */
export interface Failure {
  readonly error: unknown
}

/** How many failures that nobody waits for are kept of a request: a WebSocket may bring more of them for days. */
const MOST_FAILURES = 100

/** What one request spends in its handler, as long as nobody waits for it. */
export class Debts {
  readonly #forgotten: (error: unknown) => void
  readonly #open = new Set<Account>()
  readonly #failed = new Set<Account>()
  #isTold = false

  /** `forgotten` is called once, for the first failure that nobody waits for when it comes. */
  constructor (forgotten: (error: unknown) => void) {
    this.#forgotten = forgotten
  }

  /**
   * The same promise, of which is known whether anybody waits for it. Where nobody does, its rejection does not end the process, which any client who
   * spends too much could bring about.
   */
  owe<T> (answer: Promise<T>): Promise<T> {
    const account = new Account(this)
    this.#open.add(account)
    const debt = Debt.of(answer, account)
    account.settled = debt.settled
    return debt
  }

  /** All that nobody waits for so far, until it is known what comes of it; `null` if it is. */
  get open (): Promise<unknown> | null {
    return this.#open.size === 0 ? null : Promise.all([...this.#open].map(({ settled }) => settled))
  }

  /** What failed, and nobody has heard of it. */
  get unheard (): Failure | null {
    const [first] = this.#failed
    return first?.failure ?? null
  }

  paid (account: Account): void {
    this.#open.delete(account)
  }

  failed (account: Account, error: unknown): void {
    this.#open.delete(account)
    if (this.#failed.size < MOST_FAILURES) this.#failed.add(account)
    // Many ask first, and wait a little later.
    setImmediate(() => {
      if (this.#isTold || account.isHeard) return
      this.#isTold = true
      this.#forgotten(error)
    })
  }

  heard (account: Account): void {
    this.#open.delete(account)
    this.#failed.delete(account)
  }
}

/** One spending, with all promises that came of it and that nobody would tell of a rejection. */
class Account {
  readonly #debts: Debts
  isHeard = false
  failure: Failure | null = null
  /** Resolves when it is known what comes of the spending itself. */
  settled!: Promise<void>

  constructor (debts: Debts) {
    this.#debts = debts
  }

  paid (): void {
    this.#debts.paid(this)
  }

  fail (error: unknown): void {
    if (this.isHeard || this.failure !== null) return
    this.failure = { error }
    this.#debts.failed(this, error)
  }

  hear (): void {
    this.isHeard = true
    this.#debts.heard(this)
  }
}

/** A promise that takes note when somebody is to be told of its rejection. */
class Debt<T> extends Promise<T> {
  /** What somebody waits for is a promise like any other. */
  static override get [Symbol.species] (): PromiseConstructor {
    return Promise
  }

  static of<T> (answer: Promise<T>, account: Account): Debt<T> {
    const debt = new Debt<T>((resolve) => { resolve(answer) })
    debt.#account = account
    debt.settled = debt.#watched()
    return debt
  }

  settled!: Promise<void>
  #account!: Account

  #watched (): Promise<void> {
    return super.then(() => { this.#account.paid() }, (error: unknown) => { this.#account.fail(error) })
  }

  override then<Y = T, N = never> (yes?: ((value: T) => Y | PromiseLike<Y>) | null, no?: ((error: unknown) => N | PromiseLike<N>) | null): Promise<Y | N> {
    const next = super.then(yes, no)
    if (typeof no !== 'function') return Debt.of(next, this.#account)
    this.#account.hear()
    return next
  }

  override finally (last?: (() => void) | null): Promise<T> {
    return Debt.of(super.then((value) => value).finally(last), this.#account)
  }
}
