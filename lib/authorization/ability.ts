/** The CASL abilities of a policy, one for each set of roles; a request asks one of them with its own user. */
import { createMongoAbility, type MongoAbility } from '@casl/ability'
import { bind, type Bound } from '../policies/bind.ts'
import type { Condition, Path } from '../policies/condition.ts'
import { evaluate } from '../policies/evaluate.ts'
import type { Group, Policy, Rule } from '../policies/policy.ts'

/** Where a value that a rule needs was absent, and on whose side. */
export interface Lacking {
  readonly rule: Rule
  readonly of: 'user' | 'record'
  readonly path?: Path
}

/** What CASL is asked about: a record, its subject type, and who asks. A record never names its own type (facts: authorization T7). */
class Instance {
  readonly type: string
  readonly record: object
  readonly ability: RequestAbility
  constructor (type: string, record: object, ability: RequestAbility) {
    this.type = type
    this.record = record
    this.ability = ability
  }
}

/** A rule as CASL takes it. The rule itself stands for its conditions, which are judged with the user of the moment, and comes back as `origin`. */
interface RawRule {
  readonly action: string[]
  readonly subject: string[]
  readonly inverted: boolean
  readonly fields?: string[]
  readonly conditions?: Rule
  readonly source: Rule
}

const CASL = {
  conditionsMatcher: (rule: Rule) => (instance: Instance) => instance.ability.applies(rule, instance.record),
  detectSubjectType: (instance: Instance) => instance.type,
}

const ANYBODY = 'anonymous'

/** CASL takes the field `''` for no field at all; no rule names this one. */
const NAMELESS = '\0'

/** The most sets of roles whose abilities are kept; there are far fewer, unless somebody invents them. */
const MOST_SETS = 1_000

/** A policy in force, prepared for deciding. No ability holds anything of a user. */
export class Abilities {
  readonly policy: Policy
  readonly #bySet = new Map<string, MongoAbility>()

  constructor (policy: Policy) {
    this.policy = policy
  }

  /** The ability of a user (`null` for the anonymous). Roles that the policy does not know count for nothing. */
  of (user: object | null, roles: readonly string[]): RequestAbility {
    const { policy } = this
    const lacking: Lacking[] = []
    let key = ''
    for (const role of roles) if (policy.roles.has(role)) key += `${role},`
    const members = policy.groups.length === 0 ? NO_MEMBERSHIPS : policy.groups.map((group) => membershipOf(group, user, lacking))
    if (members.length > 0) key += `;${members.join('')}`
    const known = this.#bySet.get(key)
    return new RequestAbility(known ?? this.#build(key, roles, members), user, policy, lacking)
  }

  /** These roles and all that they inherit; roles that the policy does not know stay as they are. */
  inherited (roles: readonly string[]): string[] {
    const all = new Set<string>(roles)
    for (const role of roles) for (const other of this.policy.inherits.get(role) ?? []) all.add(other)
    return [...all]
  }

  #build (key: string, roles: readonly string[], members: readonly Member[]): MongoAbility {
    const rules = this.#rulesOf(roles, members)
    // In CASL the later rule wins: inverted rules come last, so that any of them beats every allowing one.
    const ordered = [...rules.filter(({ inverted }) => !inverted), ...rules.filter(({ inverted }) => inverted)]
    const ability = createMongoAbility(ordered.map(raw) as never, CASL as never)
    if (this.#bySet.size < MOST_SETS) this.#bySet.set(key, ability)
    return ability
  }

  #rulesOf (roles: readonly string[], members: readonly Member[]): Rule[] {
    const { policy } = this
    const known = roles.filter((role) => policy.roles.has(role))
    const rules = new Set((known.length === 0 ? [ANYBODY] : known).flatMap((role) => policy.roles.get(role) as readonly Rule[]))
    for (const [index, group] of policy.groups.entries()) {
      const member = members[index]
      if (member === 'no') continue
      for (const rule of group.rules) if (member === 'yes' || rule.inverted) rules.add(rule)
    }
    return [...rules]
  }
}

/** `unknown`: the user lacks a value that the set's description needs; then its inverted rules apply, and no other. */
type Member = 'yes' | 'no' | 'unknown'

const NO_MEMBERSHIPS: readonly Member[] = []

function membershipOf (group: Group, user: object | null, lacking: Lacking[]): Member {
  const member = membership(group, user)
  if (member !== undefined) return member ? 'yes' : 'no'
  for (const rule of group.rules) if (rule.inverted) lacking.push({ rule, of: 'user' })
  return 'unknown'
}

/** Whether the user is in the set that a policy's `when` describes; `undefined` where he lacks a value that it needs. */
export function membership (group: Group, user: object | null): boolean | undefined {
  if (user === null) return false
  const bound = bind(group.when, user)
  return bound.kind === 'lacking' ? undefined : evaluate(bound.condition, user)
}

function raw (rule: Rule): RawRule {
  return {
    action: [...rule.action],
    subject: [...rule.subject],
    inverted: rule.inverted,
    source: rule,
    ...(rule.fields !== null && { fields: fieldsOf(rule) }),
    ...(rule.condition !== null && { conditions: rule }),
  }
}

/** What forbids a part of a field forbids the field: `address.street` reaches `address`, which is what a record and a body have. */
function fieldsOf ({ inverted, fields }: Rule): string[] {
  const names = new Set(fields)
  if (!inverted) return [...names]
  for (const name of names) {
    const end = name.lastIndexOf('.')
    if (end > 0) names.add(name.slice(0, end))
  }
  return [...names]
}

/** What one user may do, for the length of one request. It is never shared. */
export class RequestAbility {
  readonly policy: Policy
  readonly #user: object | null
  readonly #casl: MongoAbility
  readonly #lacking: Lacking[]
  /** Each condition with the user's values, bound when first needed. */
  #bound: Map<Rule, Bound> | null = null

  constructor (casl: MongoAbility, user: object | null, policy: Policy, lacking: Lacking[]) {
    this.#casl = casl
    this.#user = user
    this.policy = policy
    this.#lacking = lacking
  }

  /** The values that rules lacked so far, for the log. */
  get lacking (): readonly Lacking[] {
    return this.#lacking
  }

  /** Could the action ever be allowed on a record of this type? It says nothing about any one record (facts: authorization T1). */
  ever (action: string, type: string): boolean {
    const rule = this.#everDecisive(action, type)
    return rule !== null && !rule.inverted
  }

  /** May the action be done on this record, or, with a field, on that field of it? */
  allows (action: string, type: string, record: object, field?: string): boolean {
    return this.#casl.can(action, new Instance(type, record, this) as never, field === '' ? NAMELESS : field)
  }

  /** The rule that decides, or `null` where none applies. */
  decisive (action: string, type: string, record?: object): Rule | null {
    if (record === undefined) return this.#everDecisive(action, type)
    const rule = this.#casl.relevantRuleFor(action, new Instance(type, record, this) as never)
    return rule === null ? null : (rule.origin as unknown as RawRule).source
  }

  /** Of a type as a whole: an inverted rule for every record, else the first rule that allows some. CASL leaves inverted rules about fields out. */
  #everDecisive (action: string, type: string): Rule | null {
    for (const { origin, inverted } of this.#casl.rulesFor(action, type)) {
      const rule = (origin as unknown as RawRule).source
      const bound = this.#conditionOf(rule)
      if (inverted ? bound === null || bound === 'lacking' : bound !== 'lacking') return rule
    }
    return null
  }

  /** The rules for an action on records of a type as wholes, bound to the user. `null` is a rule for every record. CASL leaves inverted rules about fields out. */
  rules (action: string, type: string): { readonly allowing: readonly (Condition | null)[], readonly inverted: readonly (Condition | null)[] } {
    const allowing: (Condition | null)[] = []
    const inverted: (Condition | null)[] = []
    for (const rule of this.#casl.rulesFor(action, type)) {
      const { source } = rule.origin as unknown as RawRule
      const condition = this.#conditionOf(source)
      // Law 11: without the user's value an allowing rule is for no record, and an inverted one for every record.
      if (rule.inverted) inverted.push(condition === 'lacking' ? null : condition)
      else if (condition !== 'lacking') allowing.push(condition)
    }
    return { allowing, inverted }
  }

  /** Whether any rule for the action on this type is limited to fields. */
  limitsFields (action: string, type: string): boolean {
    return this.#casl.possibleRulesFor(action, type).some((rule) => rule.fields !== undefined)
  }

  /** Whether a rule with a condition applies. Law 11: where a value is absent, an allowing rule does not, and an inverted rule does. */
  applies (rule: Rule, record: object): boolean {
    const condition = this.#conditionOf(rule)
    if (condition === 'lacking') return rule.inverted
    const verdict = evaluate(condition as Condition, record)
    if (verdict !== undefined) return verdict
    this.#lacking.push({ rule, of: 'record' })
    return rule.inverted
  }

  /** A rule's condition with the user's values; `null` where it has none. */
  #conditionOf (rule: Rule): Condition | 'lacking' | null {
    if (rule.condition === null || rule.needs.length === 0) return rule.condition
    const known = this.#bound?.get(rule)
    const bound = known ?? this.#bind(rule, rule.condition)
    return bound.kind === 'lacking' ? 'lacking' : bound.condition
  }

  #bind (rule: Rule, condition: Condition): Bound {
    const bound = bind(condition, this.#user)
    this.#bound ??= new Map()
    this.#bound.set(rule, bound)
    if (bound.kind === 'lacking') this.#lacking.push({ rule, of: 'user', path: bound.path })
    return bound
  }
}
