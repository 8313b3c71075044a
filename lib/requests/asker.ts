/** Who asks, of one request: the user with his roles and what they may, and whoever acts as him. */
import type { FastifyRequest } from 'fastify'
import type { Abilities, Around } from '../authorization/abilities.ts'
import type { Ability, Lacking, RequestAbility } from '../authorization/ability.ts'
import type { Asker } from '../authorization/decision.ts'
import { Impersonation } from '../authorization/impersonation.ts'
import { membershipsIn, rolesIn, type Membership } from '../authorization/membership.ts'
import type { Settings } from '../options.ts'
import type { Circumstances } from './circumstances.ts'

const NO_MEMBERSHIPS: readonly Membership[] = []
const NO_ROLES: readonly string[] = []

/** Most requests never ask for all of this, so each part is made when first needed. */
export class RequestAsker implements Asker {
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
  #rolesOf (user: object | null): readonly string[] {
    if (user === null) return NO_ROLES
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
    return this.#abilities.of(user, this.#rolesOf(user), new AroundRequest(this.#around, this.#membershipsOf(user)))
  }

  #membershipsOf (user: object | null): readonly Membership[] {
    return user === null ? NO_MEMBERSHIPS : membershipsIn(this.#settings.memberships(user))
  }
}

/** What the abilities of a user are asked with. */
class AroundRequest implements Around {
  readonly memberships: readonly Membership[]
  readonly breakGlass: string | null
  readonly #circumstances: Circumstances

  constructor (circumstances: Circumstances, memberships: readonly Membership[]) {
    this.memberships = memberships
    this.breakGlass = circumstances.breakGlass?.policy ?? null
    this.#circumstances = circumstances
  }

  /** Only some rules ask for it. */
  get environment (): object {
    return this.#circumstances.environment
  }
}
