/** The life of one request in the gatehouse: what is known of it so far. */
// The global one is a getter, which would be called with each reading.
import { performance } from 'node:perf_hooks'
import type { FastifyRequest } from 'fastify'
import type { Outcome } from '../authentication/outcome.ts'
import type { AnyScheme, SchemeHeaders } from '../authentication/scheme.ts'
import type { Abilities } from '../authorization/abilities.ts'
import type { Lacking } from '../authorization/ability.ts'
import type { Asker, Next, No } from '../authorization/decision.ts'
import { membershipMistakes } from '../authorization/membership.ts'
import type { Target } from '../authorization/requirement.ts'
import type { AnyResource } from '../authorization/resource.ts'
import type { Standing } from '../authorization/standing.ts'
import type { Settings } from '../options.ts'
import type { Rule } from '../policies/policy.ts'
import { refusal, type Refusal } from '../refusal.ts'
import type { RoutePlan } from '../routes/plan.ts'
import type { PurseSpending } from '../throttling/quotas.ts'
import { RequestAsker } from './asker.ts'
import { plainCircumstances, type Circumstances } from './circumstances.ts'
import { Debts, type Failure } from './debt.ts'

/** Why a 401 or 403 is challenged as it is: the scheme that was tried, and its error. */
export interface Tried {
  readonly schemes: readonly AnyScheme[]
  readonly error: string
  readonly scope?: string
  readonly extra?: Readonly<Record<string, string>>
}

/** What most requests have none of, and so share. */
const NO_SPENDINGS: readonly PurseSpending[] = []
const NO_RECORDS: Passage['records'] = new Map()
const NO_NEXTS: Passage['nexts'] = new Map()
const NO_WITHHELD: Passage['withheld'] = new Map()

export class Passage implements Standing {
  readonly plan: RoutePlan
  /** Milliseconds of a monotonic clock. */
  readonly startedAt = performance.now()
  /** The policy in force when the request came; it keeps it to its end. */
  readonly abilities: Abilities
  #records: Map<Target, object | null> | null = null
  #nexts: Map<Target, Next | null> | null = null
  #withheld: Map<Target, () => Error> | null = null
  #debts: Debts | null = null
  readonly asked: Set<AnyResource> | null
  /** In place of what its credentials come to, in a test of the application's. */
  stoodIn: Outcome | null = null
  scheme: AnyScheme | null = null
  tried: Tried | null = null
  /** What the protocol of that scheme puts on the answer. */
  schemeHeaders: SchemeHeaders | null = null
  /** Whether the credentials were part of the URL, and so of the key under which a cache would store the answer. */
  sentInUrl = false
  /** The rule that allowed the request. */
  rule: Rule | null = null
  /** The no, with what is behind it, once there is one. */
  refusal: Refusal | null = null
  no: No | null = null
  /** What was spent of quotas so far, of each name the latest. */
  spendings: readonly PurseSpending[] = NO_SPENDINGS
  /** How many answers the handler has begun. */
  answers = 0
  /** Whether the no was told to whoever listens. */
  isTold = false
  /** The seconds to wait, where one of them is used up. */
  quotaWait: number | null = null
  readonly #request: FastifyRequest
  readonly #settings: Settings
  #circumstances: Circumstances | 'unknown' | null = null
  #asker: RequestAsker | null = null

  constructor (request: FastifyRequest, plan: RoutePlan, abilities: Abilities, settings: Settings) {
    this.plan = plan
    this.abilities = abilities
    this.asked = plan.lists.length === 0 ? null : new Set()
    this.#request = request
    this.#settings = settings
  }

  get records (): ReadonlyMap<Target, object | null> {
    return this.#records ?? NO_RECORDS
  }

  /** The records as they will be, of a request that changes them. */
  get nexts (): ReadonlyMap<Target, Next | null> {
    return this.#nexts ?? NO_NEXTS
  }

  get withheld (): ReadonlyMap<Target, () => Error> {
    return this.#withheld ?? NO_WITHHELD
  }

  keepRecord (target: Target, record: object | null): void {
    (this.#records ??= new Map()).set(target, record)
  }

  keepNext (target: Target, next: Next | null): void {
    (this.#nexts ??= new Map()).set(target, next)
  }

  withhold (target: Target, no: () => Error): void {
    (this.#withheld ??= new Map()).set(target, no)
  }

  /** What the handler spends, and may forget to wait for. */
  owe<T> (answer: Promise<T>): Promise<T> {
    this.#debts ??= new Debts((err) => {
      this.#request.log.warn({ err, method: this.#request.method, route: this.plan.url }, 'nobody waited for request.spend(…) when it failed: is an "await" missing?')
    })
    return this.#debts.owe(answer)
  }

  /** What the handler does not wait for, until it is known whether it could be spent; `null` if it is. */
  get openDebts (): Promise<unknown> | null {
    return this.#debts?.open ?? null
  }

  /** Why the handler could not spend what it does not wait for. */
  get unheard (): Failure | null {
    return this.#debts?.unheard ?? null
  }

  /** Goes on from an earlier one of the same request: a hook that came before ours may have spent something. */
  follow (earlier: Passage): void {
    this.spendings = earlier.spendings
    this.quotaWait = earlier.quotaWait
    this.#debts = earlier.#debts
  }

  /** What is around the user, once the application has told it. */
  get circumstances (): Circumstances | null {
    return this.#circumstances === 'unknown' ? null : this.#circumstances
  }

  /** `'unknown'`: the application could not tell. Whatever was asked before knew nothing of it, and is not asked again. */
  set circumstances (told: Circumstances | 'unknown') {
    this.#circumstances = told
    this.#asker = null
  }

  asker (): Asker {
    return this.#who()
  }

  /** Put together when first needed. Throws the 503 where it is not known who else is behind the request (law 10). */
  #who (): RequestAsker {
    if (this.#circumstances === 'unknown') throw refusal('temporarily_unavailable', { reason: 'what is around the request could not be found out' })
    return (this.#asker ??= new RequestAsker(this.#request, this.abilities, this.#settings, this.#circumstances ?? plainCircumstances(this.#request)))
  }

  /** The roles that the user himself has, by memberships too. */
  get held (): readonly string[] {
    return this.#who().held
  }

  /** The user, and whoever acts as him; nobody for the anonymous. */
  get people (): readonly object[] {
    return this.#who().people
  }

  /** The values that rules lacked so far; none where no rule was asked. */
  get lacking (): readonly Lacking[] {
    return this.#asker?.lacking ?? []
  }

  /** What of the memberships of the user, and of whoever acts as him, counts for nothing. Throws where the application cannot tell them. */
  get membershipMistakes (): readonly string[] {
    return this.#who().people.flatMap((person) => membershipMistakes(this.#settings.memberships(person), this.abilities.policy))
  }

  /** The user's roles, for the log; none where they cannot be told. */
  get roles (): readonly string[] {
    return this.#asker?.knownRoles ?? []
  }
}
