/** Whether two policies of one version also stand in the same places, for messages. */
import { isDeepStrictEqual } from 'node:util'
import type { Place, Policy } from './policy.ts'

/** A comment that was added changes no version, but the lines of all that follows. */
export function samePlaces (a: Policy, b: Policy): boolean {
  return isDeepStrictEqual(placesOf(a), placesOf(b))
}

function placesOf ({ roles, memberships, breakGlass, groups, preChecks, quotas, tests }: Policy): Place[] {
  const rules = [...roles.values(), ...memberships.values(), ...breakGlass.values(), ...groups.map((group) => group.rules)].flat()
  const allowances = [...quotas.ofRoles.values(), ...quotas.ofGroups.map((group) => group.quotas)].flat()
  return [...rules, ...groups, ...preChecks, ...allowances, ...tests].map(({ place }) => place)
}
