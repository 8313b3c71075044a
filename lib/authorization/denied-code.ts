/** The public code of a policy for a set of users: told to who is not in the set, and would have been allowed by it. */
import type { Condition } from '../policies/condition.ts'
import { evaluate, type Truth } from '../policies/evaluate.ts'
import type { Group, Rule } from '../policies/policy.ts'
import { isMember } from './abilities.ts'
import type { Ability, RequestAbility } from './ability.ts'

/** What was asked, and refused by no inverted rule. */
export interface Refused {
  readonly action: string
  readonly subject: string
  /** `'any'`: whether it could be allowed on any record; `'all'`: on all of them, the subject as a whole. */
  readonly record: object | 'any' | 'all'
}

/** `null` where being in a set would not have helped. */
export function deniedCode (ability: Ability, user: object | null, refused: Refused): string | null {
  for (const group of ability.policy.groups) {
    if (group.denied === null || isMember(group, user, ability.each[0]?.environment) === true) continue
    if (ability.each.every((one) => (ability.each.length > 1 && allows(one, refused)) || wouldAllow(group, one, refused))) return group.denied.code
  }
  return null
}

/** Of two who act together one may be allowed already. */
function allows (ability: RequestAbility, { action, subject, record }: Refused): boolean {
  if (record === 'all') return false
  return record === 'any' ? ability.ever(action, subject) : ability.allows(action, subject, record)
}

/** Rules about fields that forbid leave the rest of a record as it is. */
function wouldAllow ({ rules }: Group, ability: RequestAbility, refused: Refused): boolean {
  const meant = rules.filter((rule) => rule.state !== 'new' && covers(rule, refused))
  return meant.some((rule) => !rule.inverted && applies(rule, ability, refused.record) === true) &&
    !meant.some((rule) => rule.inverted && rule.fields === null && applies(rule, ability, refused.record) !== false)
}

function covers (rule: Rule, { action, subject }: Refused): boolean {
  return (rule.action.includes(action) || rule.action.includes('manage')) &&
    (rule.subject.includes(subject) || rule.subject.includes('all'))
}

/** As in a decision, but nothing that is lacking is noted: these are not the user's rules. */
function applies (rule: Rule, ability: RequestAbility, record: Refused['record']): Truth {
  const active = holds(rule.environment, ability, ability.environment)
  if (active !== true || rule.condition === null) return active
  if (typeof record === 'object') return holds(rule.condition, ability, record)
  if (ability.bind(rule.condition).kind === 'lacking') return undefined
  // On some records a condition is true: enough to allow something on any, and not to forbid it.
  return !rule.inverted && record === 'any'
}

function holds (condition: Condition | null, ability: RequestAbility, on: object): Truth {
  if (condition === null) return true
  const bound = ability.bind(condition)
  return bound.kind === 'lacking' ? undefined : evaluate(bound.condition, on)
}
