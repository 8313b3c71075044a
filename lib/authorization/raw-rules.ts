/** From a policy's rules to CASL's: the order that lets any inverted rule win, and many like conditions as one. */
import { createMongoAbility, type MongoAbility } from '@casl/ability'
import type { Rule } from '../policies/policy.ts'
import type { State } from '../policies/schema.ts'
import { bundled, type Bundle } from './bundle.ts'
import { fieldsOf, matchFields } from './field-matcher.ts'

/** Judges the conditions of a rule for the user of the moment. */
export interface Judge {
  applies: (rule: Rule, record: object, state: State) => boolean
  appliesOne: (bundle: Bundle, record: object, state: State) => Rule | null
}

/** What CASL is asked about: a record, its subject type, and who judges. A record never names its own type (facts: authorization T7). */
export class Instance {
  readonly type: string
  readonly record: object
  readonly state: State
  readonly judge: Judge
  constructor (type: string, record: object, state: State, judge: Judge) {
    this.type = type
    this.record = record
    this.state = state
    this.judge = judge
  }
}

/** A rule as CASL takes it. The rule itself stands for its conditions, which are judged with the user of the moment, and comes back as `origin`. */
interface RawRule {
  readonly action: string[]
  readonly subject: string[]
  readonly inverted: boolean
  readonly fields?: string[]
  readonly conditions?: Rule | Bundle
  readonly source: Rule | Bundle
}

const CASL = {
  conditionsMatcher: (source: Rule | Bundle) => (instance: Instance) => 'rules' in source
    ? instance.judge.appliesOne(source, instance.record, instance.state) !== null
    : instance.judge.applies(source, instance.record, instance.state),
  fieldMatcher: matchFields,
  detectSubjectType: (instance: Instance) => instance.type,
}

/** In CASL the later rule wins: inverted rules come after all allowing ones, and those of an emergency after them. */
export function caslAbility (rules: readonly Rule[], emergency: readonly Rule[]): MongoAbility {
  const ordered = [rules.filter(({ inverted }) => !inverted), rules.filter(({ inverted }) => inverted), emergency]
  return createMongoAbility(ordered.flatMap((some) => bundled(some)).map(raw) as never, CASL as never)
}

/** Whether a rule asks for more than an action on a subject. */
export function isConditional (rule: Rule): boolean {
  return rule.condition !== null || rule.environment !== null || rule.state !== null
}

function raw (source: Rule | Bundle): RawRule {
  const rule = 'rules' in source ? source.rules[0] as Rule : source
  return {
    action: [...rule.action],
    subject: [...rule.subject],
    inverted: rule.inverted,
    source,
    ...(hasFields(rule) && { fields: fieldsOf(rule) }),
    ...(isConditional(rule) && { conditions: source }),
  }
}

export function hasFields (rule: Rule): rule is Rule & { readonly fields: readonly string[] } {
  return rule.fields !== null
}

/** The rule, or the rules of a bundle, behind one of CASL's. */
export function sourceOf (rule: { readonly origin: unknown }): Rule | Bundle {
  return (rule.origin as RawRule).source
}

export function rulesOf (source: Rule | Bundle): readonly Rule[] {
  return 'rules' in source ? source.rules : [source]
}
