/** The life of one request in the gatehouse: what is known of it so far. */
import type { FastifyRequest } from 'fastify'
import type { AnyScheme } from './authentication/scheme.ts'
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

export interface Passage extends Standing {
  readonly plan: RoutePlan
  /** Milliseconds of a monotonic clock. */
  readonly startedAt: number
  /** The policy in force when the request came; it keeps it to its end. */
  readonly abilities: Abilities
  readonly records: Map<Target, object | null>
  readonly withheld: Map<Target, () => Error>
  readonly asked: Set<AnyResource>
  scheme: AnyScheme | null
  tried: Tried | null
  /** The rule that allowed the request. */
  rule: Rule | null
  /** The no, with what is behind it, once there is one. */
  refusal: Refusal | null
  no: No | null
  cachedAsker: Asker & { readonly lacking: readonly Lacking[] } | null
}

/** A request that comes in. Its asker is put together when first needed. */
export function enter (request: FastifyRequest, plan: RoutePlan, abilities: Abilities, settings: Settings): Passage {
  const passage: Passage = {
    plan,
    startedAt: performance.now(),
    abilities,
    records: new Map(),
    withheld: new Map(),
    asked: new Set(),
    scheme: null,
    tried: null,
    rule: null,
    refusal: null,
    no: null,
    cachedAsker: null,
    asker: () => (passage.cachedAsker ??= new RequestAsker(request, abilities, settings)),
  }
  return passage
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
