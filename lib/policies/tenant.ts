/** The guard rail between tenants: what an allowing rule reaches, it reaches only in the user's own tenant. */
import type { Condition } from './condition.ts'
import type { CheckedRule } from './rules.ts'
import type { Declarations } from './subjects.ts'

/**
 * The rule with the comparison of tenants ANDed in, unless it is inverted or marked `crossTenant`. A rule for subjects that keep their
 * tenant in different attributes (or have none) becomes several.
 */
export function withinTenant (rule: CheckedRule, { user, subjects }: Declarations): CheckedRule[] {
  if (rule.inverted || rule.crossTenant || subjects === null) return [rule]
  const byTenant = new Map<string | null, string[]>()
  for (const subject of rule.subject) {
    const tenant = subjects.get(subject)?.tenant ?? null
    const others = byTenant.get(tenant)
    if (others === undefined) byTenant.set(tenant, [subject])
    else others.push(subject)
  }
  return [...byTenant].map(([tenant, subject]) => ({
    ...rule,
    id: byTenant.size === 1 ? rule.id : `${rule.id}:${subject.join('+')}`,
    subject,
    condition: tenant === null ? rule.condition : guarded(rule.condition, sameTenant(tenant, user?.tenant as string)),
  }))
}

function sameTenant (tenant: string, usersTenant: string): Condition {
  return { kind: 'compare', path: tenant.split('.'), operator: '$eq', operand: { from: 'user', path: usersTenant.split('.') } }
}

function guarded (condition: Condition | null, guard: Condition): Condition {
  if (condition === null) return guard
  return { kind: 'all', of: condition.kind === 'all' ? [guard, ...condition.of] : [guard, condition] }
}
