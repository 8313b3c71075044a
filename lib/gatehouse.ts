/** What `app.gatehouse` offers: the policy in force, its reload and its explanations, the throttle and the quotas. */
import { Abilities } from './authorization/abilities.ts'
import { packedRulesProblems } from './authorization/packed-rules.ts'
import { policyTestProblems } from './authorization/policy-tests.ts'
import type { AnyResource } from './authorization/resource.ts'
import { explainDecision, type Explained, type ExplainOptions } from './explain.ts'
import { OptionError } from './option-error.ts'
import type { Settings } from './options.ts'
import type { Policy } from './policies/policy.ts'
import { PolicyError } from './policies/problems.ts'
import { NO_POLICY_QUOTAS } from './policies/quotas.ts'
import { supplyOf, type Supply } from './policies/supply.ts'
import { Reload } from './reload/reload.ts'
import { startReloading } from './reload/times.ts'
import { reportPolicy, type PolicyLog } from './reporting/policy-event.ts'
import { ApplicationThrottles } from './requests/application-throttles.ts'
import { QuotaKeeper } from './requests/quota-keeper.ts'
import type { HandlerThrottle, RequestThrottle } from './requests/throttle.ts'
import type { Routes } from './routes/routes.ts'

/** The policy of an application that gave none: nobody may do anything that needs a rule. */
const NO_POLICY: Policy = {
  version: 'none', roles: new Map([['anonymous', []]]), inherits: new Map(), parents: new Map(), memberships: new Map(), breakGlass: new Map(), groups: [], preChecks: [], quotas: NO_POLICY_QUOTAS, tests: [], actions: new Set(), subjects: new Set(), codes: new Set(),
}

export class Gatehouse {
  readonly #settings: Settings
  readonly #routes: Routes
  readonly #log: PolicyLog
  /** The throttle in front of guessable secrets. */
  readonly throttle: RequestThrottle
  readonly throttles: ApplicationThrottles
  /** What requests spend. */
  readonly quotas: QuotaKeeper
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
    this.throttles = new ApplicationThrottles(settings, log)
    this.throttle = this.throttles.signIn
    this.quotas = new QuotaKeeper(settings.quotas, log)
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

  /**
   * The throttle of the option `throttles` with this name, for a secret that is counted apart from sign-ins: a one-time code, a recovery code;
   * or `credentials`, which counts wrong tokens and keys.
   *
   * @throws {OptionError} for a name that there is none of
   */
  throttleOf (name: string): HandlerThrottle {
    return this.throttles.named(name)
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
