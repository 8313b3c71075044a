/** The life of one request in the gatehouse: what is known of it so far. */
import type { FastifyRequest } from 'fastify'
import type { AnyScheme, SchemeHeaders } from './authentication/scheme.ts'
import type { Abilities } from './authorization/abilities.ts'
import type { Ability, Lacking, RequestAbility } from './authorization/ability.ts'
import type { Asker, Next, No } from './authorization/decision.ts'
import { Impersonation } from './authorization/impersonation.ts'
import { membershipMistakes, membershipsIn, rolesIn, type Membership } from './authorization/membership.ts'
import type { Target } from './authorization/requirement.ts'
import type { AnyResource } from './authorization/resource.ts'
import type { Standing } from './authorization/standing.ts'
import { plainCircumstances, type Circumstances } from './circumstances.ts'
import type { Settings } from './options.ts'
import type { Rule } from './policies/policy.ts'
import { refusal, type Refusal } from './refusal.ts'
import type { RoutePlan } from './route-plan.ts'
import type { PurseSpending } from './throttling/quotas.ts'

/** Why a 401 or 403 is challenged as it is: the scheme that was tried, and its error. */
export interface Tried {
  readonly schemes: readonly AnyScheme[]
  readonly error: string
  readonly scope?: string
  readonly extra?: Readonly<Record<string, string>>
}

/** What most requests have none of, and so share. */
const NO_MEMBERSHIPS: readonly Membership[] = []
const NO_RECORDS: Passage['records'] = new Map()
const NO_NEXTS: Passage['nexts'] = new Map()
const NO_WITHHELD: Passage['withheld'] = new Map()

export class Passage implements Standing {
  readonly plan: RoutePlan
  /** Milliseconds of a monotonic clock. */
  readonly startedAt = performance.now()
  /** The policy in force when the request came; it keeps it to its end. */
  readonly abilities: Abilities
  readonly records: Map<Target, object | null>
  /** The records as they will be, of a request that changes them. */
  readonly nexts: Map<Target, Next | null>
  readonly withheld: Map<Target, () => Error>
  readonly asked: Set<AnyResource> | null
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
  /** What was spent of quotas so far, of each the latest, by its name; `null` where none applies. */
  spendings: Map<string, PurseSpending> | null = null
  /** The seconds to wait, where one of them is used up. */
  quotaWait: number | null = null
  readonly #request: FastifyRequest
  readonly #settings: Settings
  #circumstances: Circumstances | 'unknown' | null = null
  #asker: RequestAsker | null = null

  constructor (request: FastifyRequest, plan: RoutePlan, abilities: Abilities, settings: Settings) {
    this.plan = plan
    this.abilities = abilities
    this.records = plan.targets.length === 0 ? NO_RECORDS : new Map()
    this.nexts = plan.targets.length === 0 ? NO_NEXTS : new Map()
    this.withheld = plan.alternatives.length === 0 ? NO_WITHHELD : new Map()
    this.asked = plan.lists.length === 0 ? null : new Set()
    this.#request = request
    this.#settings = settings
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

/** Who asks. Most requests never ask for all of this, so each part is made when first needed. */
class RequestAsker implements Asker {
  readonly user: object | null
  readonly signIn: Asker['signIn']
  readonly #abilities: Abilities
  readonly #settings: Settings
  readonly #around: Circumstances
  #roles: readonly string[] | null = null
  #ability: Ability | null = null

  constructor (request: FastifyRequest, abilities: Abilities, settings: Settings, around: Circumstances) {
    // Before our own hook has run, a request of an older scope lacks our decorators.
    this.signIn = request.auth ?? null
    this.user = this.signIn === null ? null : request.user as object
    this.#abilities = abilities
    this.#settings = settings
    this.#around = around
  }

  /** Of somebody who acts as another, the roles that both have. */
  get roles (): readonly string[] {
    return (this.#roles ??= this.#sharedRoles())
  }

  /** The user, and whoever acts as him. */
  get people (): readonly object[] {
    return [this.user, this.#around.actor].filter((person) => person !== null)
  }

  /** The roles as far as they have been asked for. */
  get knownRoles (): readonly string[] {
    return this.#roles ?? []
  }

  /** The roles that the user himself has, by memberships too. */
  get held (): readonly string[] {
    return [...this.#rolesOf(this.user), ...this.#membershipsOf(this.user).flatMap(({ roles }) => roles)]
  }

  get ability (): Ability {
    return (this.#ability ??= this.#abilityOfAll())
  }

  /** The values that rules lacked so far; none where no rule was asked. */
  get lacking (): readonly Lacking[] {
    return this.#ability?.lacking ?? []
  }

  get now (): number {
    return Date.now() / 1000
  }

  /** Whatever is not a list of names counts for nothing; a promise of one is a mistake of the application's. */
  #rolesOf (user: object | null): string[] {
    if (user === null) return []
    const roles = this.#settings.roles(user)
    if (roles instanceof Promise) throw new TypeError('the option "roles" gave a promise; roles that must be looked up belong into the user')
    return rolesIn(roles)
  }

  #sharedRoles (): readonly string[] {
    const roles = this.#abilities.inherited(this.#rolesOf(this.user))
    const { actor } = this.#around
    if (actor === null) return roles
    const others = new Set(this.#abilities.inherited(this.#rolesOf(actor)))
    return roles.filter((role) => others.has(role))
  }

  #abilityOfAll (): Ability {
    const { actor } = this.#around
    const ability = this.#abilityOf(this.user)
    return actor === null ? ability : new Impersonation(ability, this.#abilityOf(actor))
  }

  #abilityOf (user: object | null): RequestAbility {
    const { environment, breakGlass } = this.#around
    return this.#abilities.of(user, this.#rolesOf(user), { memberships: this.#membershipsOf(user), environment, breakGlass: breakGlass?.policy ?? null })
  }

  #membershipsOf (user: object | null): readonly Membership[] {
    return user === null ? NO_MEMBERSHIPS : membershipsIn(this.#settings.memberships(user))
  }
}
