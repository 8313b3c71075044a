/** What the contestants are asked: the same rules and the same question for all of them. */

export const USER = { id: 'ada', tenantId: 'aurora', roles: ['editor'] } as const
export const ROLE = 'editor'
const ACTIONS = ['create', 'read', 'update', 'delete'] as const

export interface Doc {
  readonly id: string
  readonly tenantId: string
  readonly size: number
}

/** One sort of condition for all rules of a work. `id` and `size` compare with the rule's own `value`. */
export type Sort = 'none' | 'tenant' | 'id' | 'size'

/** A rule that allows. */
export interface WorkRule {
  readonly action: string
  readonly subject: string
  readonly value: number
}

export interface Work {
  readonly sort: Sort
  readonly rules: readonly WorkRule[]
  readonly question: { readonly action: string, readonly subject: string, readonly record: Doc }
  /** The right answer; whoever gives another is not measured. */
  readonly allowed: boolean
}

/** Rules that all differ in action or subject; the question is about the one in the middle. */
export function manyRules (count: number, sort: 'none' | 'tenant'): Work {
  const rules = Array.from({ length: count }, (_, index) => ({ action: ACTIONS[index % ACTIONS.length] as string, subject: `Subject${Math.floor(index / ACTIONS.length)}`, value: 0 }))
  const { action, subject } = rules[count >> 1] as WorkRule
  return { sort, rules, question: { action, subject, record: { id: 'doc', tenantId: USER.tenantId, size: 0 } }, allowed: true }
}

/** Rules for one action and subject, of which none allows it; among ten others. */
export function candidates (count: number, sort: 'id' | 'size'): Work {
  const others = manyRules(10, 'none').rules.map((rule) => ({ ...rule, value: 0 }))
  const rules = Array.from({ length: count }, (_, index) => ({ action: 'read', subject: 'Doc', value: index }))
  return { sort, rules: [...others, ...rules], question: { action: 'read', subject: 'Doc', record: { id: 'another', tenantId: USER.tenantId, size: -1 } }, allowed: false }
}

/** The condition in MongoDB's words, with the tenant as it is given. */
export function conditionOf ({ value }: WorkRule, sort: Sort, tenantId: string): Record<string, unknown> | null {
  switch (sort) {
    case 'none': return null
    case 'tenant': return { tenantId }
    case 'id': return { id: `doc-${value}` }
    case 'size': return { size: { $gt: value } }
  }
}
