/** The life of one request in the gatehouse: what is known of it so far. */
import type { FastifyRequest } from 'fastify'
import type { AnyScheme, SchemeHeaders } from './authentication/scheme.ts'
import type { Abilities, Lacking, RequestAbility } from './authorization/ability.ts'
import type { Asker, No } from './authorization/decision.ts'
import type { Target } from './authorization/requirement.ts'
import type { AnyResource } from './authorization/resource.ts'
import type { Standing } from './authorization/standing.ts'
import type { Settings } from './options.ts'
import type { Rule } from './policies/policy.ts'
import type { Refusal } from './refusal.ts'
import type { RoutePlan } from './route-plan.ts'

/** Why a 401 or 403 is challenged as it is: the scheme that was tried, and its error. */
export interface Tried {
  readonly schemes: readonly AnyScheme[]
  readonly error: string
  readonly scope?: string
  readonly extra?: Readonly<Record<string, string>>
}

/** What most requests have none of, and so share. */
const NO_RECORDS: Passage['records'] = new Map()
const NO_WITHHELD: Passage['withheld'] = new Map()

export class Passage implements Standing {
  readonly plan: RoutePlan
  /** Milliseconds of a monotonic clock. */
  readonly startedAt = performance.now()
  /** The policy in force when the request came; it keeps it to its end. */
  readonly abilities: Abilities
  readonly records: Map<Target, object | null>
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
  readonly #request: FastifyRequest
  readonly #settings: Settings
  #asker: RequestAsker | null = null

  constructor (request: FastifyRequest, plan: RoutePlan, abilities: Abilities, settings: Settings) {
    this.plan = plan
    this.abilities = abilities
    this.records = plan.targets.length === 0 ? NO_RECORDS : new Map()
    this.withheld = plan.alternatives.length === 0 ? NO_WITHHELD : new Map()
    this.asked = plan.lists.length === 0 ? null : new Set()
    this.#request = request
    this.#settings = settings
  }

  /** Put together when first needed. */
  asker (): Asker {
    return (this.#asker ??= new RequestAsker(this.#request, this.abilities, this.#settings))
  }

  /** The values that rules lacked so far; none where no rule was asked. */
  get lacking (): readonly Lacking[] {
    return this.#asker?.lacking ?? []
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
  #roles: readonly string[] | null = null
  #ability: RequestAbility | null = null

  constructor (request: FastifyRequest, abilities: Abilities, settings: Settings) {
    // Before our own hook has run, a request of an older scope lacks our decorators.
    this.signIn = request.auth ?? null
    this.user = this.signIn === null ? null : request.user as object
    this.#abilities = abilities
    this.#settings = settings
  }

  get roles (): readonly string[] {
    return (this.#roles ??= this.#abilities.inherited(this.#ownRoles()))
  }

  /** The roles as far as they have been asked for. */
  get knownRoles (): readonly string[] {
    return this.#roles ?? []
  }

  get ability (): RequestAbility {
    return (this.#ability ??= this.#abilities.of(this.user, this.#ownRoles()))
  }

  /** The values that rules lacked so far; none where no rule was asked. */
  get lacking (): readonly Lacking[] {
    return this.#ability?.lacking ?? []
  }

  get now (): number {
    return Date.now() / 1000
  }

  /** Whatever is not a list of names counts for nothing; a promise of one is a mistake of the application's. */
  #ownRoles (): string[] {
    if (this.user === null) return []
    const roles = this.#settings.roles(this.user)
    if (roles instanceof Promise) throw new TypeError('the option "roles" gave a promise; roles that must be looked up belong into the user')
    return Array.isArray(roles) ? roles.filter((role): role is string => typeof role === 'string') : []
  }
}
