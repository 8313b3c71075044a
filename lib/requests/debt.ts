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
  #late: Failure | null = null
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

  /** For an answer, which is there: all that nobody waited for before it, until it is known what comes of that; `null` if it is. Who waits after it comes too late. */
  get open (): Promise<unknown> | null {
    if (this.#open.size === 0) return null
    const accounts = [...this.#open]
    return Promise.all(accounts.map(({ settled }) => settled)).then(() => {
      for (const { failure } of accounts) this.#late ??= failure
    })
  }

  /** What failed, and nobody has heard of it in time. */
  get unheard (): Failure | null {
    const [first] = this.#failed
    return first?.failure ?? this.#late
  }

  paid (account: Account): void {
    this.#open.delete(account)
  }

  failed (account: Account, error: unknown): void {
    this.#open.delete(account)
    if (account.failure !== null && this.#failed.size < MOST_FAILURES) this.#failed.add(account)
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
  /** Of the spending, and not of what was done after it. */
  failure: Failure | null = null
  #isPaid = false
  /** Resolves when it is known what comes of the spending itself. */
  settled!: Promise<void>

  constructor (debts: Debts) {
    this.#debts = debts
  }

  paid (): void {
    this.#isPaid = true
    this.#debts.paid(this)
  }

  fail (error: unknown): void {
    if (this.failure !== null) return
    if (!this.#isPaid) this.failure = { error }
    if (!this.isHeard) this.#debts.failed(this, error)
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
