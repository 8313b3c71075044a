/** What `app.gatehouse` offers: the policy in force, its reload and its explanations, and the throttle. */
import type { FastifyRequest } from 'fastify'
import type { Throttled } from './authentication/outcome.ts'
import type { Verdict } from './authentication/scheme.ts'
import { Abilities } from './authorization/abilities.ts'
import { packedRulesProblems } from './authorization/packed-rules.ts'
import { policyTestProblems } from './authorization/policy-tests.ts'
import type { AnyResource } from './authorization/resource.ts'
import { explainDecision, type Explained, type ExplainOptions } from './explain.ts'
import { OptionError } from './option-error.ts'
import type { Settings } from './options.ts'
import type { Policy } from './policies/policy.ts'
import { PolicyError } from './policies/problems.ts'
import { supplyOf, type Supply } from './policies/supply.ts'
import { Refusal, refusal } from './refusal.ts'
import { Reload } from './reload.ts'
import { startReloading } from './reload-times.ts'
import { reportPolicy, type PolicyLog } from './reporting/policy-event.ts'
import type { Routes } from './routes.ts'
import { StoreUnavailable } from './stores/unavailable.ts'
import { createThrottle, type Guarded, type Throttle, type Whose } from './throttling/throttle.ts'

/** The policy of an application that gave none: nobody may do anything that needs a rule. */
const NO_POLICY: Policy = {
  version: 'none', roles: new Map([['anonymous', []]]), inherits: new Map(), parents: new Map(), memberships: new Map(), breakGlass: new Map(), groups: [], preChecks: [], tests: [], actions: new Set(), subjects: new Set(), codes: new Set(),
}

/** The throttle, for secrets that a handler checks itself: a password form, a one-time code. */
export interface HandlerThrottle {
  /**
   * Runs `verify` unless the client's network or the account is locked. `null`, `undefined`, `false`, and a thrown refusal `invalid_credentials`
   * are a wrong secret, which stays counted; it resolves to `null`, or rejects with that refusal. Anything else is a right one and is returned.
   * A `verify` that throws another error was no attempt. Rejects with the 429, and with the 503 when the counters cannot be reached.
   */
  guard: <T>(request: FastifyRequest, account: string, verify: () => T | Promise<T>) => Promise<Exclude<T, false | null | undefined> | null>
  unlock: Throttle['unlock']
  status: Throttle['status']
}

export class Gatehouse {
  readonly #settings: Settings
  readonly #routes: Routes
  readonly #log: PolicyLog
  readonly #throttle: Throttle | null
  /** `null` where the application gave no policies. */
  readonly #policies: { readonly supply: Supply, readonly reload: Reload } | null
  #abilities = new Abilities(NO_POLICY)
  #stopReloading: () => Promise<void> = async () => {}
  /** Milliseconds. */
  #openedIn = 0

  private constructor (settings: Settings, routes: Routes, log: PolicyLog) {
    this.#settings = settings
    this.#routes = routes
    this.#log = log
    this.#throttle = settings.throttle === false ? null : createThrottle(settings.throttle)
    this.#policies = settings.policies === null ? null : this.#sourceOf(supplyOf(settings.policies))
  }

  /** @throws {PolicyError} for policies that make no sense, that fail their own tests, or that cannot be read */
  static async open (settings: Settings, routes: Routes, log: PolicyLog): Promise<Gatehouse> {
    const gatehouse = new Gatehouse(settings, routes, log)
    if (gatehouse.#policies !== null) await gatehouse.#begin(gatehouse.#policies)
    return gatehouse
  }

  /** The application is ready: from now on its policies may change. */
  start (): void {
    const { policy } = this
    if (policy === null || this.#policies === null) return
    const { supply, reload } = this.#policies
    reportPolicy({ outcome: 'loaded', version: policy.version, previous: null, problems: [], source: supply.name, trigger: 'start', duration: this.#openedIn }, this.#log)
    this.#stopReloading = startReloading(supply, this.#settings.reload, (trigger) => reload.run(trigger), this.#log)
  }

  /** No policy is put in force any more. */
  async stop (): Promise<void> {
    this.#policies?.reload.stop()
    await this.#stopReloading()
  }

  /** The abilities of the policy in force. */
  get abilities (): Abilities {
    return this.#abilities
  }

  /** The policy in force, or `null` when the application has none. */
  get policy (): Policy | null {
    return this.#abilities.policy === NO_POLICY ? null : this.#abilities.policy
  }

  /** The version of the policy in force, a digest of what it says, or `null` when the application has none. */
  get version (): string | null {
    return this.policy?.version ?? null
  }

  /**
   * Reads the policies again and puts them in force, for the requests that come from then on. A policy that makes no sense, that fails its own tests or
   * does not fit the routes is not put in force. Calls at the same time are one reload. Resolves to the version in force.
   *
   * @throws {PolicyError} {OptionError} with everything that is wrong
   */
  async reload (): Promise<{ readonly version: string }> {
    if (this.#policies === null) throw new OptionError('there is nothing to reload: the plugin was registered without the option "policies"')
    const reloaded = await this.#policies.reload.run('call')
    if (reloaded.kind === 'kept') throw reloaded.error
    return { version: this.#abilities.policy.version }
  }

  /**
   * What the policy in force says of a user (`null`: the anonymous), an action and a resource with a record, and why: every rule that was asked, through
   * which role it came, and on which path its conditions failed. For the people who run the application, never for clients.
   *
   * @throws {TypeError} for what is no action, resource or subject
   */
  explain (user: object | null, action: string, on: string | AnyResource, options?: ExplainOptions): Explained {
    return explainDecision(this.#abilities, this.#settings, user, action, on, options)
  }

  #sourceOf (supply: Supply): { supply: Supply, reload: Reload } {
    const inForce = { policy: () => this.#abilities.policy, put: (policy: Policy) => this.#put(policy), check: (policy: Policy) => this.#check(supply, policy) }
    return { supply, reload: new Reload(supply, inForce, this.#log) }
  }

  async #begin ({ supply, reload }: { readonly supply: Supply, readonly reload: Reload }): Promise<void> {
    const startedAt = performance.now()
    const policy = await reload.first()
    checkExposed(policy)
    checkTests(supply, policy, this.#settings)
    this.#put(policy)
    this.#openedIn = performance.now() - startedAt
  }

  #put (policy: Policy): void {
    this.#abilities = new Abilities(policy)
  }

  #check (supply: Supply, policy: Policy): void {
    const problems = this.#routes.problems(policy)
    if (problems.length > 0) throw new OptionError(`the new policy does not fit the routes:\n  ${problems.join('\n  ')}`)
    checkExposed(policy)
    checkTests(supply, policy, this.#settings)
  }

  readonly throttle: HandlerThrottle = {
    guard: async (request, account, verify) => {
      // What is no text, from a body that nobody validated, is nobody's name; it must not get around the accounts' counters.
      const name = typeof account === 'string' ? account : ''
      const result = await this.#guarded(request, name, () => attempt(verify), isWrong).catch((cause: unknown) => {
        if (cause instanceof StoreUnavailable) throw refusal('temporarily_unavailable', { reason: 'the failed attempts cannot be counted', cause })
        throw cause
      })
      if (result.kind === 'denied') throw refusal('too_many_attempts', { reason: `too many failed attempts by ${result.dimension}`, retryAfter: result.retryAfter })
      const { value } = result
      if (value instanceof WrongSecret) throw value.refusal
      return isWrong(value) ? null : value as never
    },
    unlock: async (whose: Whose) => await this.#throttle?.unlock(whose),
    status: async (whose: Whose) => await this.#throttle?.status(whose) ?? { address: null, account: null },
  }

  /** A scheme's verification behind the throttle. A verdict `unavailable` was no attempt, nor one that says that nothing was guessed. */
  async throttled (request: FastifyRequest, account: string | null, verify: () => Promise<Verdict>): Promise<Verdict | Throttled> {
    try {
      const result = await this.#guarded(request, account, () => verify().then(unlessNoAttempt), (verdict) => verdict.kind === 'invalid')
      if (result.kind === 'admitted') return result.value
      return { kind: 'throttled', retryAfter: result.retryAfter, dimension: result.dimension }
    } catch (error) {
      if (error instanceof NoAttempt) return error.verdict
      throw error
    }
  }

  #guarded<T> (request: FastifyRequest, account: string | null, verify: () => T | Promise<T>, failed: (value: T) => boolean): Promise<Guarded<T>> {
    if (this.#throttle === null) return Promise.resolve(verify()).then((value) => ({ kind: 'admitted' as const, value }))
    return this.#throttle.guard({ ip: request.ip, socketAddress: request.socket.remoteAddress }, account, verify, failed)
  }
}

function isWrong (value: unknown): boolean {
  return value === null || value === undefined || value === false || value instanceof WrongSecret
}

/** A refusal that says in a verification's place that the secret was wrong: it counts as a failure, and is thrown afterwards. */
class WrongSecret {
  readonly refusal: Refusal
  constructor (refusal: Refusal) {
    this.refusal = refusal
  }
}

async function attempt<T> (verify: () => T | Promise<T>): Promise<T | WrongSecret> {
  try {
    return await verify()
  } catch (error) {
    if (error instanceof Refusal && error.kind === 'invalid_credentials') return new WrongSecret(error)
    throw error
  }
}

/** Carries a verdict `unavailable` past the throttle, which takes the charge back when a verification throws. */
class NoAttempt extends Error {
  readonly verdict: Verdict
  constructor (verdict: Verdict) {
    super('nothing was found out about the secret')
    this.verdict = verdict
  }
}

function unlessNoAttempt (verdict: Verdict): Verdict {
  if (verdict.kind === 'unavailable' || (verdict.kind === 'invalid' && verdict.guessed === false)) throw new NoAttempt(verdict)
  return verdict
}

/** A front end that is told half of a condition would show what is not allowed. */
function checkExposed (policy: Policy): void {
  const problems = packedRulesProblems(policy)
  if (problems.length > 0) throw new PolicyError(problems)
}

function checkTests (supply: Supply, policy: Policy, reading: Pick<Settings, 'roles' | 'memberships'>): void {
  const problems = policyTestProblems(policy, reading)
  if (problems.length > 0) throw new PolicyError([{ place: { file: supply.name }, message: `fails its own tests:\n  ${problems.join('\n  ')}` }])
}
