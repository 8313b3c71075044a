/** Which records a rule reaches: those of its conditions, of its relation, and (an allowing rule) of the user's own tenant. */
import type { Condition, Operand } from './condition.ts'
import type { CheckedRule } from './rules.ts'
import type { Declarations } from './subjects.ts'
import { hasTemplates } from './templates-in.ts'

/** A rule for subjects whose records it reaches by one condition. */
export interface ReachingRule extends Omit<CheckedRule, 'relation'> {
  readonly condition: Condition | null
  /** Whether values of the moment are to be put in. */
  readonly templates: boolean
}

/**
 * The rule for whoever has it everywhere: an allowing rule that is not marked `crossTenant` is held within the user's own tenant.
 * A rule for subjects that keep their tenant in different attributes (or have none), or that mean something else by a relation, becomes several.
 */
export function reaching (rule: CheckedRule, declared: Declarations): ReachingRule[] {
  const own: Operand = { from: 'user', path: declared.user?.tenant?.split('.') ?? [] }
  const guards = !rule.inverted && !rule.crossTenant
  return bySubjects(rule, declared, (tenant) => tenant === null || !guards ? null : sameTenant(tenant, own))
}

/**
 * The rule for whoever has it by a membership, in some tenants only: it never reaches beyond them, also where it is marked `crossTenant`
 * and where it forbids. An allowing rule for a subject without a tenant is nobody's by a membership.
 */
export function reachingAsMember (rule: CheckedRule, role: string, declared: Declarations): ReachingRule[] {
  const { subjects } = declared
  const within = rule.subject.filter((subject) => rule.inverted || (subjects?.get(subject)?.tenant ?? null) !== null)
  if (within.length === 0) return []
  return bySubjects({ ...rule, subject: within }, declared, (tenant) => tenant === null ? null : sameTenant(tenant, { from: 'memberships', role }))
    .map((reaching) => ({ ...reaching, id: `${rule.policy}@tenant${reaching.id.slice(rule.policy.length)}` }))
}

function bySubjects (rule: CheckedRule, { subjects }: Declarations, guardOf: (tenant: string | null) => Condition | null): ReachingRule[] {
  const { relation, condition, subject: [only, ...others] } = rule
  if (only !== undefined && others.length === 0) {
    const guard = guardOf(subjects?.get(only)?.tenant ?? null)
    return [reachingRule(rule, rule.id, rule.subject, together([guard, relation(only), condition].filter((part) => part !== null)))]
  }
  const reached = new Map<string, { readonly subject: string[], readonly condition: Condition | null }>()
  for (const subject of rule.subject) {
    const tenant = subjects?.get(subject)?.tenant ?? null
    const parts = [guardOf(tenant), rule.relation(subject), rule.condition].filter((part) => part !== null)
    const condition = together(parts)
    const key = JSON.stringify(condition, plain)
    const others = reached.get(key)
    if (others === undefined) reached.set(key, { subject: [subject], condition })
    else others.subject.push(subject)
  }
  return [...reached.values()].map(({ subject, condition }) => {
    return reachingRule(rule, reached.size === 1 ? rule.id : `${rule.id}:${subject.join('+')}`, subject, condition)
  })
}

/** Written out: a policy has thousands, and a spread that leaves one property out is slow. */
function reachingRule (rule: CheckedRule, id: string, subject: readonly string[], condition: Condition | null): ReachingRule {
  const { policy, action, inverted, fields, crossTenant, environment, state, exposed, reason, code, place } = rule
  const templates = hasTemplates(condition) || hasTemplates(environment)
  return { id, policy, action, subject, inverted, fields, condition, crossTenant, environment, state, exposed, reason, code, place, templates }
}

function sameTenant (tenant: string, operand: Operand): Condition {
  return { kind: 'compare', path: tenant.split('.'), operator: operand.from === 'memberships' ? '$in' : '$eq', operand }
}

/** Parts that are lists of parts themselves lie side by side. */
function together (parts: readonly Condition[]): Condition | null {
  const [first] = parts
  if (first === undefined || parts.length === 1) return first ?? null
  return { kind: 'all', of: parts.flatMap((part) => part.kind === 'all' ? part.of : [part]) }
}

/** So that big integers have a text too, and not that of a text. */
function plain (_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? { bigint: String(value) } : value
}
