/** Whether a condition has to be bound before it can be asked. */
import type { Condition } from './condition.ts'

export function hasTemplates (condition: Condition | null): boolean {
  if (condition === null) return false
  switch (condition.kind) {
    case 'all':
    case 'any':
      return condition.of.some(hasTemplates)
    case 'not':
      return hasTemplates(condition.of)
    case 'compare':
      return ['user', 'environment', 'memberships'].includes(condition.operand.from)
  }
}
