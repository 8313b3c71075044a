/** The CASL abilities of a policy, one for each set of roles; a request asks one of them with its own user. */
import type { MongoAbility } from '@casl/ability'
import { bind, NO_SURROUNDINGS, type Surroundings } from '../policies/bind.ts'
import type { Scalar } from '../policies/condition.ts'
import { evaluate } from '../policies/evaluate.ts'
import type { Group, Policy, Rule } from '../policies/policy.ts'
import { Recent } from '../stores/recent.ts'
import { RequestAbility, type Lacking } from './ability.ts'
import type { Membership } from './membership.ts'
import { caslAbility } from './raw-rules.ts'

/** What is around a user; each may be left out. */
export interface Around {
  /** The roles that he has in some tenants only. */
  readonly memberships?: readonly Membership[]
  /** The time, the client's address, and what the application tells of the request. */
  readonly environment?: object | undefined
  /** The emergency that the application grants. */
  readonly breakGlass?: string | null
}

const ANYBODY = 'anonymous'
const NOTHING_AROUND: Around = {}

/** The most sets of roles whose abilities are kept; there are far fewer, unless somebody invents them. Then those that nobody asked for lately are forgotten: never one of the last 1,000. */
const ROOM = { entries: 2_000, bytes: Infinity }

/** A policy in force, prepared for deciding. No ability holds anything of a user. */
export class Abilities {
  readonly policy: Policy
  readonly #bySet = new Recent<string, MongoAbility>({ room: ROOM, bytesOf: () => 0 })
  readonly #emergencies: ReadonlyMap<string, ReadonlySet<Rule>>

  constructor (policy: Policy) {
    this.policy = policy
    this.#emergencies = new Map([...policy.breakGlass].map(([name, rules]) => [name, new Set(rules)]))
  }

  /** The ability of a user (`null` for the anonymous). Roles that the policy does not know count for nothing. Throws a TypeError for an emergency that it does not know. */
  of (user: object | null, roles: readonly string[], around: Around = NOTHING_AROUND): RequestAbility {
    const { policy } = this
    const { memberships = NO_MEMBERSHIPS, breakGlass = null } = around
    const lacking: Lacking[] = []
    const held = memberships.length === 0 ? NO_ROLES : this.#heldByMembership(memberships)
    let rest = ''
    if (held.length > 0) rest += `\n@${held.join()}`
    const members = policy.groups.length === 0 ? NO_GROUPS : policy.groups.map((group) => groupMember(group, user, around, lacking))
    if (members.length > 0) rest += `\n;${members.join('')}`
    if (breakGlass !== null) rest += `\n!${breakGlass}`
    const emergency = breakGlass === null ? null : this.#emergency(breakGlass)
    const casl = this.#bySet.get(this.#named(roles) + rest) ?? this.#withEachOnce([...new Set(roles)], rest, held, members, emergency)
    return new RequestAbility(casl, user, around === NOTHING_AROUND ? NO_SURROUNDINGS : new AroundUser(around, memberships, policy), emergency, policy, lacking)
  }

  /** These roles and all that they inherit; roles that the policy does not know stay as they are. */
  inherited (roles: readonly string[]): string[] {
    const all = new Set<string>(roles)
    for (const role of roles) for (const other of this.policy.inherits.get(role) ?? []) all.add(other)
    return [...all]
  }

  /** The roles that the policy knows, as a text. No name has a comma or a control character in it. */
  #named (roles: readonly string[]): string {
    let text = ''
    for (let index = 0; index < roles.length; index++) {
      const role = roles[index] as string
      if (this.policy.roles.has(role)) text = text === '' ? role : `${text},${role}`
    }
    return text
  }

  /**
   * A role that is named again adds nothing, so such a list has no entry of its own. One in another order has: where rules of several roles
   * decide alike, the order says which of them is told, with its reason and its code.
   */
  #withEachOnce (roles: readonly string[], rest: string, held: readonly string[], members: readonly Member[], emergency: ReadonlySet<Rule> | null): MongoAbility {
    const key = this.#named(roles) + rest
    return this.#bySet.get(key) ?? this.#build(key, this.#rulesOf(roles, held, members), emergency)
  }

  #build (key: string, rules: readonly Rule[], emergency: ReadonlySet<Rule> | null): MongoAbility {
    const ability = caslAbility(rules, [...emergency ?? []])
    this.#bySet.put(key, ability)
    return ability
  }

  #emergency (name: string): ReadonlySet<Rule> {
    const rules = this.#emergencies.get(name)
    if (rules === undefined) throw new TypeError(`no policy is for the emergency "${name}": one with "breakGlass: ${name}" is needed`)
    return rules
  }

  /** The roles that the policy knows, each once, in one order for every user. */
  #heldByMembership (memberships: readonly Membership[]): readonly string[] {
    return [...new Set(memberships.flatMap(({ roles }) => roles))].filter((role) => this.policy.memberships.has(role)).sort()
  }

  #rulesOf (roles: readonly string[], held: readonly string[], members: readonly Member[]): Rule[] {
    const { policy } = this
    const known = roles.filter((role) => policy.roles.has(role))
    const rules = new Set((known.length === 0 ? [ANYBODY] : known).flatMap((role) => policy.roles.get(role) as readonly Rule[]))
    for (const role of held) for (const rule of policy.memberships.get(role) as readonly Rule[]) rules.add(rule)
    for (const [index, group] of policy.groups.entries()) {
      const member = members[index]
      if (member === 'no') continue
      for (const rule of group.rules) if (member === 'yes' || rule.inverted) rules.add(rule)
    }
    return [...rules]
  }
}

/** Asked only by rules that need it. */
class AroundUser implements Surroundings {
  readonly #around: Around
  readonly #memberships: readonly Membership[]
  readonly #policy: Policy

  constructor (around: Around, memberships: readonly Membership[], policy: Policy) {
    this.#around = around
    this.#memberships = memberships
    this.#policy = policy
  }

  get environment (): object {
    return this.#around.environment ?? NO_SURROUNDINGS.environment
  }

  tenantsOf (role: string): Scalar[] {
    return this.#memberships
      .filter(({ roles }) => roles.some((held) => this.#policy.inherits.get(held)?.has(role) === true))
      .map(({ tenant }) => tenant)
  }
}

/** `unknown`: the user lacks a value that the set's description needs; then its inverted rules apply, and no other. */
type Member = 'yes' | 'no' | 'unknown'

const NO_GROUPS: readonly Member[] = []
const NO_MEMBERSHIPS: readonly Membership[] = []
const NO_ROLES: readonly string[] = []

function groupMember (group: Group, user: object | null, around: Around, lacking: Lacking[]): Member {
  const member = isMember(group, user, around.environment)
  if (member !== undefined) return member ? 'yes' : 'no'
  for (const rule of group.rules) if (rule.inverted) lacking.push({ rule, of: 'user' })
  return 'unknown'
}

/** Whether the user is in the set that a policy's `when` describes; `undefined` where he lacks a value that it needs. */
export function isMember (group: Group, user: object | null, environment: object = NO_SURROUNDINGS.environment): boolean | undefined {
  if (user === null) return false
  const bound = bind(group.when, user, { ...NO_SURROUNDINGS, environment })
  return bound.kind === 'lacking' ? undefined : evaluate(bound.condition, user)
}
