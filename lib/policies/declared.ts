/** What subjects.yaml declared when a policy was compiled, for checks of what the application says of its records. */
import { attributeAt } from './attributes.ts'
import type { Policy } from './policy.ts'
import { NOTHING_DECLARED } from './subjects.ts'
import type { Declarations, Entity } from './subjects.ts'

const declarations = new WeakMap<Policy, Declarations>()

/** Remembers what was declared together with the policy, which it gives back. */
export function withDeclared (policy: Policy, declared: Declarations): Policy {
  declarations.set(policy, declared)
  return policy
}

export function declaredOf (policy: Policy): Declarations {
  return declarations.get(policy) ?? NOTHING_DECLARED
}

/** Whether a dotted path leads to an attribute, into one that is an object, or to what holds attributes. */
export function isWithin (entity: Entity, path: string): boolean {
  return attributeAt(entity, path.split('.')) !== null || [...entity.attributes.keys()].some((name) => name.startsWith(`${path}.`))
}
