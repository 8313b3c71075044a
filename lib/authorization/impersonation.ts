/** Somebody who acts as another: what both may do, and nothing else. */
import type { Policy, Rule } from '../policies/policy.ts'
import type { State } from '../policies/schema.ts'
import type { Ability, Lacking, RequestAbility } from './ability.ts'

export class Impersonation implements Ability {
  readonly each: readonly RequestAbility[]
  readonly #user: RequestAbility

  constructor (user: RequestAbility, actor: RequestAbility) {
    this.#user = user
    this.each = [user, actor]
  }

  get policy (): Policy {
    return this.#user.policy
  }

  get lacking (): readonly Lacking[] {
    return this.each.flatMap(({ lacking }) => lacking)
  }

  ever (action: string, type: string): boolean {
    return this.each.every((ability) => ability.ever(action, type))
  }

  allows (action: string, type: string, record: object, field?: string, state?: State): boolean {
    return this.each.every((ability) => ability.allows(action, type, record, field, state))
  }

  /** That of whoever is refused, the user first. */
  decisive (action: string, type: string, record?: object, state?: State, field?: string): Rule | null {
    const rules = this.each.map((ability) => ability.decisive(action, type, record, state, field))
    const refused = rules.findIndex((rule) => rule === null || rule.inverted)
    return rules[Math.max(refused, 0)] ?? null
  }

  limitsFields (action: string, type: string): boolean {
    return this.each.some((ability) => ability.limitsFields(action, type))
  }
}
