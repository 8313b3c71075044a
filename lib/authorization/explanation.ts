/** Why a decision came out as it did, for the people who run the application: every rule that was asked, and what each lacked. */
import type { Condition, Operand } from '../policies/condition.ts'
import type { Bound } from '../policies/bind.ts'
import { evaluate, type Truth } from '../policies/evaluate.ts'
import type { Rule } from '../policies/policy.ts'
import type { State } from '../policies/schema.ts'
import { valueAt } from '../policies/value-at.ts'
import type { Candidate, Explanation, FailedComparison } from '../reporting/explanation.ts'
import type { Ability, RequestAbility } from './ability.ts'
import { fieldsOf, matchFields } from './field-matcher.ts'
import { hasFields } from './raw-rules.ts'
import { placeText } from './why-not.ts'

export interface Question {
  readonly action: string
  readonly subject: string
  readonly record?: object | undefined
  readonly field?: string | undefined
  readonly state?: State | undefined
  /** Whether the explanation may hold values of the record, the user and the environment. Default `false`. */
  readonly values?: boolean | undefined
}

/** The roles that the user holds, from which a rule came to him. */
export type Held = readonly string[]

/** Of many candidates the first `most` are told. */
export function explain (ability: Ability, held: Held, question: Question, most = Infinity): Explanation {
  const { action, subject, record, field = null, state = 'old' } = question
  const candidates = ability.each.flatMap((one) => one.candidates(action, subject).map((rule) => ({ rule, one })))
  const rule = ability.decisive(action, subject, record, state, field ?? undefined)
  return {
    allowed: record === undefined ? ability.ever(action, subject) : ability.allows(action, subject, record, field ?? undefined, state),
    action,
    subject,
    field,
    rule: rule?.id ?? null,
    place: rule === null ? null : placeText(rule.place),
    via: rule === null ? null : via(rule, ability, held),
    candidates: candidates.slice(0, most).map(({ rule, one }) => explained(rule, one, held, question)),
    more: Math.max(0, candidates.length - most),
    policy: ability.policy.version,
  }
}

function explained (rule: Rule, ability: RequestAbility, held: Held, question: Question): Candidate {
  const { record, state = 'old', values = false } = question
  const besides = besidesOf(rule, question)
  const failed = [...besides, ...failuresOf(rule, ability, record, values)]
  const truth = besides.length > 0 ? false : record === undefined ? possible(rule, ability) : ability.judge(rule, record, state)
  return {
    rule: rule.id,
    place: placeText(rule.place),
    inverted: rule.inverted,
    via: via(rule, ability, held),
    applies: truth === undefined ? 'unknown' : truth ? 'yes' : 'no',
    failed: truth === true ? [] : failed,
  }
}

/** Whether the rule could apply to some record. */
function possible (rule: Rule, ability: RequestAbility): Truth {
  const active = ability.isActive(rule)
  if (active !== true || rule.condition === null) return active
  return ability.bind(rule.condition).kind === 'lacking' ? undefined : true
}

/** Why a rule is about something else than the question: another field, or the other state. An inverted rule about fields says nothing of the record as a whole. */
function besidesOf (rule: Rule, { field, state = 'old', values = false }: Question): FailedComparison[] {
  return [
    ...covers(rule, field) ? [] : [{ path: 'field', operator: '$in', lacking: false, ...(values && { expected: rule.fields, actual: field ?? null }) }],
    ...rule.state === null || rule.state === state ? [] : [{ path: 'state', operator: '$eq', lacking: false, ...(values && { expected: rule.state, actual: state }) }],
  ]
}

function covers (rule: Rule, field: string | undefined): boolean {
  if (!hasFields(rule)) return true
  return field === undefined ? !rule.inverted : matchFields(fieldsOf(rule))(field)
}

function failuresOf (rule: Rule, ability: RequestAbility, record: object | undefined, values: boolean): FailedComparison[] {
  return [
    ...rule.environment === null ? [] : failures('environment', ability.bind(rule.environment), rule.environment, ability.environment, values),
    ...rule.condition === null ? [] : failures('record', ability.bind(rule.condition), rule.condition, record, values),
  ]
}

function failures (of: 'record' | 'environment', bound: Bound, condition: Condition, from: object | undefined, values: boolean): FailedComparison[] {
  if (bound.kind === 'lacking') return [{ path: `${bound.of}.${bound.path.join('.')}`, operator: operatorOf(condition, bound.path), lacking: true }]
  return from === undefined ? [] : leaves(bound.condition, true).flatMap((leaf) => failure(of, leaf, from, values))
}

interface Leaf {
  readonly comparison: Extract<Condition, { kind: 'compare' }>
  /** What the rule wants it to be. */
  readonly wanted: boolean
}

function leaves (condition: Condition, wanted: boolean): Leaf[] {
  switch (condition.kind) {
    case 'all':
    case 'any':
      return condition.of.flatMap((part) => leaves(part, wanted))
    case 'not':
      return leaves(condition.of, !wanted)
    case 'compare':
      return [{ comparison: condition, wanted }]
  }
}

function failure (of: 'record' | 'environment', { comparison, wanted }: Leaf, from: object, values: boolean): FailedComparison[] {
  const truth = evaluate(comparison, from)
  if (truth === wanted) return []
  const { path, operator, operand } = comparison
  return [{
    path: `${of}.${path.join('.')}`,
    operator: wanted ? operator : `not ${operator}`,
    lacking: truth === undefined,
    ...(values && { expected: shown(operand), actual: valueAt(from, path) }),
  }]
}

/** A bound condition has no templates left. */
function shown (operand: Operand): unknown {
  switch (operand.from) {
    case 'networks': return operand.networks.texts
    case 'hours': return operand.hours.text
    default: return (operand as Extract<Operand, { from: 'literal' }>).value
  }
}

/** The operator of the comparison that needs the value at this path. */
function operatorOf (condition: Condition, path: readonly string[]): string {
  const leaf = leaves(condition, true).find(({ comparison: { operand } }) => 'path' in operand && operand.path.join('.') === path.join('.')) as Leaf
  return leaf.comparison.operator
}

function via (rule: Rule, { policy }: Pick<Ability, 'policy'>, held: Held): string {
  const of = rule.policy
  if (!policy.roles.has(of)) return of
  return lineTo(of, held, policy.parents) ?? of
}

/** The shortest way from one of the roles up to the one that has the rule. */
function lineTo (wanted: string, held: Held, parents: ReadonlyMap<string, readonly string[]>): string | null {
  const ways = held.map((role) => [role])
  const seen = new Set<string>()
  for (const way of ways) {
    const role = way.at(-1) as string
    if (role === wanted) return way.join(' > ')
    if (seen.has(role)) continue
    seen.add(role)
    for (const parent of parents.get(role) ?? []) ways.push([...way, parent])
  }
  return null
}
