/** What one user may do, for the length of one request. It is never shared. */
import type { MongoAbility } from '@casl/ability'
import { bind, type Bound, type Surroundings } from '../policies/bind.ts'
import type { Condition, Path } from '../policies/condition.ts'
import { evaluate, type Truth } from '../policies/evaluate.ts'
import type { Policy, Rule } from '../policies/policy.ts'
import type { State } from '../policies/schema.ts'
import { valueAt } from '../policies/value-at.ts'
import type { Bundle } from './bundle.ts'
import { Instance, isConditional, rulesOf, sourceOf, type Judge } from './raw-rules.ts'

/** Where a value that a rule needs was absent, and on whose side. */
export interface Lacking {
  readonly rule: Rule
  readonly of: 'user' | 'environment' | 'record'
  readonly path?: Path
}

/** What decisions ask. One user's is a `RequestAbility`; of somebody who acts as another there are two, and both must allow. */
export interface Ability {
  readonly policy: Policy
  /** The abilities that must all allow. */
  readonly each: readonly RequestAbility[]
  /** The values that rules lacked so far, for the log. */
  readonly lacking: readonly Lacking[]
  /** Could the action ever be allowed on a record of this type? It says nothing about any one record (facts: authorization T1). */
  ever: (action: string, type: string) => boolean
  /** May the action be done on this record, or, with a field, on that field of it? Of an update the `new` state is asked about too. */
  allows: (action: string, type: string, record: object, field?: string, state?: State) => boolean
  /** The rule that decides, or `null` where none applies; with a field, on that field of the record. */
  decisive: (action: string, type: string, record?: object, state?: State, field?: string) => Rule | null
  /** Whether any rule for the action on this type is limited to fields. */
  limitsFields: (action: string, type: string) => boolean
}

/** The rules for records of a type as wholes, bound to the user. `null` is a rule for every record. */
export interface BoundRules {
  readonly allowing: readonly (Condition | null)[]
  readonly inverted: readonly (Condition | null)[]
  /** Rules that allow whatever the inverted ones say. */
  readonly emergency: readonly (Condition | null)[]
}

/** A rule that is marked `expose: true`, bound to the user. `null`: a rule for every record. */
export interface ExposedRule {
  readonly rule: Rule
  readonly condition: Condition | null
}

/** CASL takes the field `''` for no field at all; no rule names this one. */
const NAMELESS = '\0'

export class RequestAbility implements Ability, Judge {
  readonly policy: Policy
  readonly user: object | null
  readonly each: readonly RequestAbility[] = [this]
  readonly #casl: MongoAbility
  readonly #surroundings: Surroundings
  readonly #emergency: ReadonlySet<Rule> | null
  readonly #lacking: Lacking[]
  /** Each condition with the user's values, bound when first needed. */
  #bound: Map<Rule, Bound> | null = null
  #active: Map<Rule, Truth> | null = null
  /** The last answer about a type as a whole: a request asks the same thing before its record is loaded and afterwards. */
  #ever: { readonly action: string, readonly type: string, readonly of: OfType, readonly rule: Rule | null } | null = null

  constructor (casl: MongoAbility, user: object | null, surroundings: Surroundings, emergency: ReadonlySet<Rule> | null, policy: Policy, lacking: Lacking[]) {
    this.#casl = casl
    this.user = user
    this.#surroundings = surroundings
    this.#emergency = emergency
    this.policy = policy
    this.#lacking = lacking
  }

  get lacking (): readonly Lacking[] {
    return this.#lacking
  }

  ever (action: string, type: string): boolean {
    const rule = this.#everDecisive(action, type)
    return rule !== null && !rule.inverted
  }

  allows (action: string, type: string, record: object, field?: string, state: State = 'old'): boolean {
    return this.#casl.can(action, new Instance(type, record, state, this) as never, field === '' ? NAMELESS : field)
  }

  decisive (action: string, type: string, record?: object, state: State = 'old', field?: string): Rule | null {
    if (record === undefined) return this.#everDecisive(action, type)
    const found = this.#casl.relevantRuleFor(action, new Instance(type, record, state, this) as never, field === '' ? NAMELESS : field)
    if (found === null) return null
    const source = sourceOf(found)
    return 'rules' in source ? this.appliesOne(source, record, state) : source
  }

  #everDecisive (action: string, type: string): Rule | null {
    if (this.#ever?.action !== action || this.#ever.type !== type) {
      const of = ofType(this.#casl, action, type)
      this.#ever = { action, type, of, rule: this.#decisiveOf(of) }
    }
    return this.#ever.rule
  }

  /** Of a type as a whole: an inverted rule for every record, else the first rule that allows some. CASL leaves inverted rules about fields out. */
  #decisiveOf ({ rules }: OfType): Rule | null {
    for (const rule of rules) {
      const active = this.isActive(rule)
      if (active === false) continue
      const bound = active === undefined ? 'lacking' : this.#conditionOf(rule)
      if (rule.inverted ? bound === null || bound === 'lacking' : bound !== 'lacking') return rule
    }
    return null
  }

  /** Bound to the user; of the record as it is. CASL leaves inverted rules about fields out. */
  rules (action: string, type: string): BoundRules {
    const allowing: (Condition | null)[] = []
    const inverted: (Condition | null)[] = []
    const emergency: (Condition | null)[] = []
    for (const rule of ofType(this.#casl, action, type).rules) {
      const active = this.isActive(rule)
      if (active === false) continue
      const condition = active === undefined ? 'lacking' : this.#conditionOf(rule)
      // Law 11: without a value that it needs an allowing rule is for no record, and an inverted one for every record.
      if (rule.inverted) inverted.push(condition === 'lacking' ? null : condition)
      else if (condition !== 'lacking') (this.#emergency?.has(rule) === true ? emergency : allowing).push(condition)
    }
    return { allowing, inverted, emergency }
  }

  /** The rules that the front end may know, of the record as it is; of an emergency none. Without a value that it needs an inverted one is for every record. */
  exposed (): readonly ExposedRule[] {
    const exposed: ExposedRule[] = []
    for (const rule of this.#casl.rules.flatMap((origin) => rulesOf(sourceOf({ origin })))) {
      if (!rule.exposed || rule.state === 'new' || this.#emergency?.has(rule) === true) continue
      const active = this.isActive(rule)
      if (active === false) continue
      const condition = active === undefined ? 'lacking' : this.#conditionOf(rule)
      if (condition !== 'lacking') exposed.push({ rule, condition })
      else if (rule.inverted) exposed.push({ rule, condition: null })
    }
    return exposed
  }

  /** Every rule about the action on this type, also those about fields. */
  candidates (action: string, type: string): readonly Rule[] {
    return this.#casl.possibleRulesFor(action, type).flatMap((rule) => rulesOf(sourceOf(rule)))
  }

  limitsFields (action: string, type: string): boolean {
    return (this.#ever?.action === action && this.#ever.type === type ? this.#ever.of : ofType(this.#casl, action, type)).limitsFields
  }

  /** For explanations. */
  bind (condition: Condition): Bound {
    return bind(condition, this.user, this.#surroundings)
  }

  get environment (): object {
    return this.#surroundings.environment
  }

  /** Law 11: where a value is absent, an allowing rule does not apply, and an inverted rule does. */
  applies (rule: Rule, record: object, state: State): boolean {
    const verdict = this.judge(rule, record, state)
    if (verdict !== undefined) return verdict
    return rule.inverted
  }

  /** The first rule of a bundle that applies. */
  appliesOne (bundle: Bundle, record: object, state: State): Rule | null {
    const value = valueAt(record, bundle.path)
    const tried = bundle.compares(value) ? bundle.byValue.get(value) ?? NO_RULES : bundle.rules
    return tried.find((rule) => this.applies(rule, record, state)) ?? null
  }

  /** Whether a rule applies, or that it cannot be known, which is noted. */
  judge (rule: Rule, record: object, state: State): Truth {
    if (!isConditional(rule)) return true
    if (rule.state !== null && rule.state !== state) return false
    const active = this.isActive(rule)
    if (active !== true) return active
    const condition = this.#conditionOf(rule)
    if (condition === 'lacking') return undefined
    if (condition === null) return true
    const verdict = evaluate(condition, record)
    if (verdict === undefined) this.#lacking.push({ rule, of: 'record' })
    return verdict
  }

  /** What the rule's condition on the environment says; one that cannot be known is noted. */
  isActive (rule: Rule): Truth {
    if (rule.environment === null) return true
    this.#active ??= new Map()
    if (this.#active.has(rule)) return this.#active.get(rule)
    const bound = bind(rule.environment, this.user, this.#surroundings)
    const verdict = bound.kind === 'lacking' ? undefined : evaluate(bound.condition, this.#surroundings.environment)
    if (verdict === undefined) this.#lacking.push(bound.kind === 'lacking' ? { rule, of: bound.of, path: bound.path } : { rule, of: 'environment' })
    this.#active.set(rule, verdict)
    return verdict
  }

  /** A rule's condition with the user's values; `null` where it has none. */
  #conditionOf (rule: Rule): Condition | 'lacking' | null {
    if (rule.condition === null || !rule.templates) return rule.condition
    const bound = this.#bound?.get(rule) ?? this.#bind(rule, rule.condition)
    return bound.kind === 'lacking' ? 'lacking' : bound.condition
  }

  #bind (rule: Rule, condition: Condition): Bound {
    const bound = bind(condition, this.user, this.#surroundings)
    this.#bound ??= new Map()
    this.#bound.set(rule, bound)
    if (bound.kind === 'lacking') this.#lacking.push({ rule, of: bound.of, path: bound.path })
    return bound
  }
}

const NO_RULES: readonly Rule[] = []

/** What is asked of an action on a type with every request. */
interface OfType {
  /** The rules about the type as a whole, not those about the state to come. */
  readonly rules: readonly Rule[]
  readonly limitsFields: boolean
}

const OF_NOTHING: OfType = { rules: NO_RULES, limitsFields: false }

/** By CASL's own list, which it makes once for an action on a type. */
const KNOWN = new WeakMap<object, OfType>()

function ofType (casl: MongoAbility, action: string, type: string): OfType {
  const possible = casl.possibleRulesFor(action, type)
  // Of nothing it makes a new list each time.
  if (possible.length === 0) return OF_NOTHING
  let known = KNOWN.get(possible)
  if (known === undefined) {
    known = {
      rules: casl.rulesFor(action, type).flatMap((rule) => rulesOf(sourceOf(rule))).filter(({ state }) => state !== 'new'),
      limitsFields: possible.some((rule) => rule.fields !== undefined),
    }
    KNOWN.set(possible, known)
  }
  return known
}
