/** Abilities of policies that a test writes down as values. */
import { Abilities } from '../../lib/authorization/abilities.ts'
import type { RequestAbility } from '../../lib/authorization/ability.ts'
import { compileChecked } from '../../lib/policies/compile.ts'
import type { Policy } from '../../lib/policies/policy.ts'
import type { PolicyDefinition, RuleDefinition } from '../../lib/policies/define.ts'
import { sourcesOf } from '../../lib/policies/read.ts'
import { validate } from '../../lib/policies/validate.ts'

/** As the plugin compiles them, also rules that can never matter, which it refuses; `unknown`, because a test also writes policies that make no sense. */
export function policyOf (...definitions: readonly unknown[]): Policy {
  return compileChecked(validate(sourcesOf(definitions as PolicyDefinition[])))
}

export function abilitiesOf (...definitions: readonly unknown[]): Abilities {
  return new Abilities(policyOf(...definitions))
}

/** The ability of a user whose only role has these rules. */
export function abilityOf (rules: readonly RuleDefinition[], user: object | null = { id: 'ada' }): RequestAbility {
  return abilitiesOf({ role: 'member', rules }).of(user, ['member'])
}
