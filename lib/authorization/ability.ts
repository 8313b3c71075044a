/** The CASL ability of one request, built from the compiled policy and the user. */
import { createMongoAbility, type MongoAbility } from '@casl/ability'
import { bind } from '../policies/bind.ts'
import type { Condition, Path } from '../policies/condition.ts'
import { evaluate } from '../policies/evaluate.ts'
import type { Group, Policy, Rule } from '../policies/policy.ts'

/** A record together with its subject type: what CASL is asked about. A record never names its own type (facts: authorization T7). */
class Instance {
  readonly type: string
  readonly record: object
  constructor (type: string, record: object) {
    this.type = type
    this.record = record
  }
}

/** A rule as CASL takes it. `source` rides along and comes back as `rule.origin.source`. */
interface RawRule {
  readonly action: string[]
  readonly subject: string[]
  readonly inverted: boolean
  readonly fields?: string[]
  readonly conditions?: Check
  readonly source: Rule
}

/** A bound condition and what to do where a record lacks a value that it needs. */
class Check {
  readonly condition: Condition
  readonly rule: Rule
  readonly lacking: Lacking[]
  constructor (condition: Condition, rule: Rule, lacking: Lacking[]) {
    this.condition = condition
    this.rule = rule
    this.lacking = lacking
  }

  /** Law 11: without the value an allowing rule does not apply, and an inverted rule does. */
  applies (record: object): boolean {
    const verdict = evaluate(this.condition, record)
    if (verdict !== undefined) return verdict
    this.lacking.push({ rule: this.rule, of: 'record' })
    return this.rule.inverted
  }
}

/** Where a value that a rule needs was absent, and on whose side. */
export interface Lacking {
  readonly rule: Rule
  readonly of: 'user' | 'record'
  readonly path?: Path
}

/** A rule with whatever of it does not depend on the user. */
interface Prepared {
  readonly rule: Rule
  /** The rule for every user alike, where its condition needs nothing of the user. */
  readonly bare: Omit<RawRule, 'conditions'>
}

interface PreparedRules {
  readonly allowing: readonly Prepared[]
  readonly inverted: readonly Prepared[]
}

const ANYBODY = 'anonymous'

/** CASL takes the field `''` for no field at all; no rule names this one. */
const NAMELESS = '\0'

/** A policy in force, prepared for building abilities. */
export class Abilities {
  readonly policy: Policy
  readonly #roles = new Map<string, PreparedRules>()
  readonly #groups: readonly (readonly [Group, PreparedRules])[]

  constructor (policy: Policy) {
    this.policy = policy
    for (const [role, rules] of policy.roles) this.#roles.set(role, prepare(rules))
    this.#groups = policy.groups.map((group) => [group, prepare(group.rules)] as const)
  }

  /** Builds the ability of a user (`null` for the anonymous). Roles that the policy does not know count for nothing. */
  of (user: object | null, roles: readonly string[]): RequestAbility {
    const lacking: Lacking[] = []
    const sets = this.#setsOf(user, roles, lacking)
    const rules: RawRule[] = []
    for (const set of sets) for (const prepared of set.allowing) add(rules, prepared, user, lacking)
    // In CASL the later rule wins: inverted rules come last, so that any of them beats every allowing one.
    for (const set of sets) for (const prepared of set.inverted) add(rules, prepared, user, lacking)
    return new RequestAbility(rules, lacking, this.policy)
  }

  /** These roles and all that they inherit; roles that the policy does not know stay as they are. */
  inherited (roles: readonly string[]): string[] {
    const all = new Set<string>(roles)
    for (const role of roles) for (const other of this.policy.inherits.get(role) ?? []) all.add(other)
    return [...all]
  }

  #setsOf (user: object | null, roles: readonly string[], lacking: Lacking[]): PreparedRules[] {
    const sets: PreparedRules[] = []
    for (const role of roles) {
      const rules = this.#roles.get(role)
      if (rules !== undefined && !sets.includes(rules)) sets.push(rules)
    }
    if (sets.length === 0) sets.push(this.#roles.get(ANYBODY) as PreparedRules)
    for (const [group, rules] of this.#groups) {
      const member = membership(group, user)
      if (member === true) sets.push(rules)
      if (member !== undefined) continue
      sets.push({ allowing: [], inverted: rules.inverted })
      for (const { rule } of rules.inverted) lacking.push({ rule, of: 'user' })
    }
    return sets
  }
}

/** Whether the user is in the set that a policy's `when` describes; `undefined` where he lacks a value that it needs. */
export function membership (group: Group, user: object | null): boolean | undefined {
  if (user === null) return false
  const bound = bind(group.when, user)
  return bound.kind === 'lacking' ? undefined : evaluate(bound.condition, user)
}

function prepare (rules: readonly Rule[]): PreparedRules {
  const prepared = rules.map((rule) => ({
    rule,
    bare: {
      action: [...rule.action],
      subject: [...rule.subject],
      inverted: rule.inverted,
      source: rule,
      ...(rule.fields !== null && { fields: fieldsOf(rule) }),
    },
  }))
  return {
    allowing: prepared.filter(({ rule }) => !rule.inverted),
    inverted: prepared.filter(({ rule }) => rule.inverted),
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

function add (rules: RawRule[], { rule, bare }: Prepared, user: object | null, lacking: Lacking[]): void {
  if (rule.condition === null) {
    rules.push(bare)
    return
  }
  const bound = bind(rule.condition, user)
  if (bound.kind === 'bound') {
    const { action, subject, inverted, source, fields } = bare
    const conditions = new Check(bound.condition, rule, lacking)
    rules.push(fields === undefined ? { action, subject, inverted, source, conditions } : { action, subject, inverted, source, conditions, fields })
    return
  }
  lacking.push({ rule, of: 'user', path: bound.path })
  if (rule.inverted) rules.push(bare)
}

const CASL = {
  conditionsMatcher: (check: Check) => (instance: Instance) => check.applies(instance.record),
  detectSubjectType: (instance: Instance) => instance.type,
}

/** What one user may do, for the length of one request. It is never changed and never shared. */
export class RequestAbility {
  readonly policy: Policy
  /** The values that rules lacked so far, for the log. */
  readonly lacking: readonly Lacking[]
  readonly #casl: MongoAbility

  constructor (rules: RawRule[], lacking: Lacking[], policy: Policy) {
    this.policy = policy
    this.lacking = lacking
    this.#casl = createMongoAbility(rules as never, CASL as never)
  }

  /** Could the action ever be allowed on a record of this type? It says nothing about any one record (facts: authorization T1). */
  ever (action: string, type: string): boolean {
    return this.#casl.can(action, type)
  }

  /** May the action be done on this record, or, with a field, on that field of it? */
  allows (action: string, type: string, record: object, field?: string): boolean {
    return this.#casl.can(action, new Instance(type, record) as never, field === '' ? NAMELESS : field)
  }

  /** The rule that decides, or `null` where none applies. */
  decisive (action: string, type: string, record?: object, field?: string): Rule | null {
    const subject = record === undefined ? type : new Instance(type, record)
    const rule = this.#casl.relevantRuleFor(action, subject as never, field)
    return rule === null ? null : (rule.origin as unknown as RawRule).source
  }

  /** The rules for an action on records of a type as wholes, bound to the user. `null` is a rule for every record. An inverted rule about fields only is none of them. */
  rules (action: string, type: string): { readonly allowing: readonly (Condition | null)[], readonly inverted: readonly (Condition | null)[] } {
    const allowing: (Condition | null)[] = []
    const inverted: (Condition | null)[] = []
    for (const rule of this.#casl.rulesFor(action, type)) {
      const { conditions } = rule.origin as unknown as RawRule
      const list = rule.inverted ? inverted : allowing
      list.push(conditions?.condition ?? null)
    }
    return { allowing, inverted }
  }

  /** Whether any rule for the action on this type is limited to fields. */
  limitsFields (action: string, type: string): boolean {
    return this.#casl.possibleRulesFor(action, type).some((rule) => rule.fields !== undefined)
  }
}
