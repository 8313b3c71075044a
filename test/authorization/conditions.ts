/** Policies and filters that tests of the backends share. */
import { recordFilter, type RecordFilter } from '../../lib/authorization/filter.ts'
import type { Condition } from '../../lib/policies/condition.ts'
import type { RuleDefinition } from '../../lib/policies/define.ts'
import { abilityOf, policyOf } from './abilities.ts'

export const ALL: RuleDefinition = { action: 'read', subject: 'Post' }

export function read (conditions: object, inverted = false): RuleDefinition {
  return { action: 'read', subject: 'Post', conditions: conditions as NonNullable<RuleDefinition['conditions']>, inverted }
}

/** What a user whose only role has these rules may read. */
export function filterOf (rules: readonly RuleDefinition[], user: object = { id: 'ada' }): RecordFilter {
  return recordFilter(abilityOf(rules, user), 'read', 'Post')
}

/** The filters of the records for which a condition is true, and of those for which it is false. */
export function bothWays (conditions: object, user?: object): readonly RecordFilter[] {
  return [filterOf([read(conditions)], user), filterOf([ALL, read(conditions, true)], user)]
}

/** The condition as a backend is asked about it when the application starts. */
export function conditionOf (conditions: object): Condition {
  const [rule] = policyOf({ role: 'member', rules: [read(conditions)] }).roles.get('member') ?? []
  return rule?.condition as Condition
}

/** For messages. */
export function shown (value: unknown): string {
  return JSON.stringify(value, (_key, part) => typeof part === 'bigint' ? `${part}n` : part)
}
