/** Puts policies in force while the application runs: one reload at a time, each whole or not at all. */
import { OptionError } from '../option-error.ts'
import { samePlaces } from '../policies/places.ts'
import type { Policy } from '../policies/policy.ts'
import { PolicyError } from '../policies/problems.ts'
import type { Fetched, Loaded, Supply } from '../policies/supply.ts'
import { reportPolicy, type PolicyEvent, type PolicyLog, type PolicyTrigger } from '../reporting/policy-event.ts'
import { StoreUnavailable } from '../stores/unavailable.ts'
import { waits, type Waits } from './waits.ts'
import { within } from './within.ts'

/** What a reload needs of the application. */
export interface InForce {
  readonly policy: () => Policy
  /** Puts it in force for all requests that come from then on. */
  readonly put: (policy: Policy) => void
  /** Throws where the policy fails its own tests, or does not fit the routes. */
  readonly check: (policy: Policy) => void
}

/** How a reload ended: `kept` means that the policy before stays in force. */
export type Reloaded = { readonly kind: 'loaded' | 'unchanged' } | Kept

interface Kept {
  readonly kind: 'kept'
  /** `wrong`: what was read makes no sense. `down`: nothing could be read. `late`: the application is closed. */
  readonly why: 'wrong' | 'down' | 'late'
  readonly error: Error
}

export interface ReloadOptions {
  /** Milliseconds in which the policies must have been read. */
  readonly limit?: number
  /** The waits between two tries to read what could not be read. */
  readonly retries?: Waits
}

/** A reload that waits for its turn. */
interface Job {
  trigger: PolicyTrigger
  readonly done: Promise<Reloaded>
  readonly settle: (reloaded: Reloaded) => void
}

const LIMIT = 5000

export class Reload {
  readonly #supply: Supply
  readonly #inForce: InForce
  readonly #log: PolicyLog
  readonly #limit: number
  readonly #retries: Waits
  #retry: NodeJS.Timeout | undefined
  #next: Job | null = null
  #busy = false
  #stopped = false
  /** Of the files that were looked into last. */
  #digest: string | null = null
  /** How the last attempt failed; `null` where it did not. */
  #failure: Kept | null = null

  constructor (supply: Supply, inForce: InForce, log: PolicyLog, { limit = LIMIT, retries = waits() }: ReloadOptions = {}) {
    this.#supply = supply
    this.#inForce = inForce
    this.#log = log
    this.#limit = limit
    this.#retries = retries
  }

  /** The policies of the start. They are not put in force, and checked by whoever asks. @throws {PolicyError} */
  async first (): Promise<Policy> {
    const fetched = await this.#fetch().catch((error: unknown) => { throw asPolicyError(this.#supply.name, error) })
    const loaded = await fetched.compile()
    this.#digest = fetched.digest
    return this.#noted(loaded)
  }

  /**
   * Reads the policies again and puts them in force where they make sense. A reload that is asked for while another one is under way follows it, and
   * all that are asked for meanwhile are one. Never rejects.
   */
  run (trigger: PolicyTrigger): Promise<Reloaded> {
    return this.#enqueue(trigger).done
  }

  /** What is under way comes to nothing. */
  stop (): void {
    this.#stopped = true
    clearTimeout(this.#retry)
  }

  #enqueue (trigger: PolicyTrigger): Job {
    const job = (this.#next ??= newJob(trigger))
    // Who asked is told, whoever else waits.
    if (isAsked(trigger)) job.trigger = trigger
    if (!this.#busy) this.#work()
    return job
  }

  #work (): void {
    const job = this.#next
    this.#busy = job !== null
    this.#next = null
    if (job === null) return
    const done = (reloaded: Reloaded): void => {
      job.settle(reloaded)
      this.#work()
    }
    // It rejects where the log does.
    this.#attempt(job.trigger).then(done, (error: Error) => done({ kind: 'kept', why: 'wrong', error }))
  }

  async #attempt (trigger: PolicyTrigger): Promise<Reloaded> {
    const startedAt = performance.now()
    const previous = this.#inForce.policy().version
    const before = this.#failure
    const reloaded = await this.#reload(isAsked(trigger))
    if (this.#stopped) return { kind: 'kept', why: 'late', error: new OptionError('the application is closed, and reads its policies no more') }

    this.#failure = reloaded.kind === 'kept' ? reloaded : null
    this.#tryAgainLater(reloaded.kind === 'kept' && reloaded.why === 'down')
    if (isNews(reloaded, before, trigger)) this.#tell(reloaded, { previous, trigger, duration: performance.now() - startedAt })
    return reloaded
  }

  async #reload (asked: boolean): Promise<Reloaded> {
    const before = this.#digest
    this.#digest = null
    let fetched: Fetched
    try {
      fetched = await this.#fetch()
    } catch (error) {
      return { kind: 'kept', why: error instanceof PolicyError ? 'wrong' : 'down', error: asPolicyError(this.#supply.name, error) }
    }
    this.#digest = fetched.digest
    // Files that were looked into already: only somebody who asks is told again what is wrong with them.
    if (fetched.digest !== null && fetched.digest === before && (this.#failure === null || !asked)) return this.#failure ?? { kind: 'unchanged' }
    try {
      return this.#bring(this.#noted(await fetched.compile()))
    } catch (error) {
      return { kind: 'kept', why: 'wrong', error: error as Error }
    }
  }

  #fetch (): Promise<Fetched> {
    return within(this.#limit, this.#supply.fetch())
  }

  #noted ({ policy, notes }: Loaded): Policy {
    for (const note of notes) this.#log.warn({ policies: this.#supply.name }, note)
    return policy
  }

  #bring (policy: Policy): Reloaded {
    const current = this.#inForce.policy()
    this.#inForce.check(policy)
    const isSame = policy.version === current.version
    if (!this.#stopped && !(isSame && samePlaces(policy, current))) this.#inForce.put(policy)
    return { kind: isSame ? 'unchanged' : 'loaded' }
  }

  #tell (reloaded: Reloaded, rest: Pick<PolicyEvent, 'previous' | 'trigger' | 'duration'>): void {
    const error = reloaded.kind === 'kept' ? reloaded.error : null
    const event: PolicyEvent = {
      outcome: reloaded.kind,
      version: this.#inForce.policy().version,
      problems: error === null ? [] : error.message.split('\n'),
      source: this.#supply.name,
      ...rest,
    }
    reportPolicy(event, this.#log, error?.cause)
  }

  #tryAgainLater (isDown: boolean): void {
    clearTimeout(this.#retry)
    if (isDown) this.#retry = setTimeout(() => { this.#enqueue('retry') }, this.#retries.next()).unref()
    else this.#retries.reset()
  }
}

function newJob (trigger: PolicyTrigger): Job {
  let settle!: Job['settle']
  const done = new Promise<Reloaded>((resolve) => { settle = resolve })
  return { trigger, done, settle }
}

function isAsked (trigger: PolicyTrigger): boolean {
  return trigger === 'call' || trigger === 'signal'
}

/** A store that goes on being down is news once, and so are files that go on being wrong; that all is well again is news too. */
function isNews (reloaded: Reloaded, before: Kept | null, trigger: PolicyTrigger): boolean {
  switch (reloaded.kind) {
    case 'loaded':
      return true
    case 'unchanged':
      return before !== null || trigger === 'signal'
    case 'kept':
      return reloaded !== before && (reloaded.why === 'wrong' || before?.why !== 'down' || isAsked(trigger))
  }
}

/** The error of a store that is down, in the words of one that is wrong. */
function asPolicyError (name: string, error: unknown): PolicyError {
  if (error instanceof PolicyError) return error
  const cause = error instanceof StoreUnavailable ? error.cause : error
  const message = cause instanceof Error ? cause.message : String(cause)
  return new PolicyError([{ place: { file: name }, message: `cannot be read: ${message}`.replaceAll(/\s+/g, ' '), cause }])
}
