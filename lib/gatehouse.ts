/** What `app.gatehouse` offers: the policy in force, its reload, and the throttle. */
import type { FastifyRequest } from 'fastify'
import type { Throttled } from './authentication/outcome.ts'
import type { Verdict } from './authentication/scheme.ts'
import { Abilities } from './authorization/ability.ts'
import { OptionError } from './option-error.ts'
import type { Settings } from './options.ts'
import { compilePolicies } from './policies/compile.ts'
import type { Policy } from './policies/policy.ts'
import { readPolicies, sourcesOf } from './policies/read.ts'
import { Refusal, refusal } from './refusal.ts'
import type { Routes } from './routes.ts'
import { StoreUnavailable } from './stores/unavailable.ts'
import { createThrottle, type Guarded, type Throttle, type Whose } from './throttling/throttle.ts'

/** The policy of an application that gave none: nobody may do anything that needs a rule. */
const NO_POLICY: Policy = {
  version: 'none', roles: new Map([['anonymous', []]]), inherits: new Map(), groups: [], preChecks: [], actions: new Set(), subjects: new Set(), codes: new Set(),
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
  readonly #throttle: Throttle | null
  #abilities: Abilities

  private constructor (settings: Settings, routes: Routes, policy: Policy, throttle: Throttle | null) {
    this.#settings = settings
    this.#routes = routes
    this.#abilities = new Abilities(policy)
    this.#throttle = throttle
  }

  static async open (settings: Settings, routes: Routes): Promise<Gatehouse> {
    const throttle = settings.throttle === false ? null : createThrottle(settings.throttle)
    return new Gatehouse(settings, routes, await read(settings) ?? NO_POLICY, throttle)
  }

  /** The abilities of the policy in force. */
  get abilities (): Abilities {
    return this.#abilities
  }

  /** The policy in force, or `null` when the application has none. */
  get policy (): Policy | null {
    return this.#abilities.policy === NO_POLICY ? null : this.#abilities.policy
  }

  /**
   * Reads the policies again and puts them in force, for the requests that come from then on. A policy that does not make sense is not
   * put in force. @throws {PolicyError} {OptionError} with everything that is wrong
   */
  async reload (): Promise<{ readonly version: string }> {
    const policy = await read(this.#settings)
    if (policy === null) throw new OptionError('there is nothing to reload: the plugin was registered without the option "policies"')
    const problems = this.#routes.problems(policy)
    if (problems.length > 0) throw new OptionError(`the new policy does not fit the routes:\n  ${problems.join('\n  ')}`)
    this.#abilities = new Abilities(policy)
    return { version: policy.version }
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

async function read ({ policies }: Settings): Promise<Policy | null> {
  if (policies === null) return null
  return compilePolicies(typeof policies === 'string' || policies instanceof URL ? await readPolicies(policies) : sourcesOf(policies))
}
