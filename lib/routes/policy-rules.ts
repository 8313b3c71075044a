/** Which rules of a policy are about an action on a subject, found once for all routes that ask: an application may have ten thousand of both. */
import type { Policy, Rule } from '../policies/policy.ts'

/** In the order of the policy. `inTenants`: the same rules once more, held within some tenants, of those whom a membership gives them. */
export interface RulesAbout {
  readonly everywhere: readonly Rule[]
  readonly inTenants: readonly Rule[]
}

/** About one action on one subject; of those that hold everywhere, what each route that asks wants to know. */
export interface RulesAboutAction extends RulesAbout {
  /** Whether any of them allows it. */
  readonly allow: boolean
  readonly firstConditional: Rule | null
  readonly firstWithFields: Rule | null
}

const known = new WeakMap<Policy, PolicyRules>()

export function rulesOf (policy: Policy): PolicyRules {
  let rules = known.get(policy)
  if (rules === undefined) known.set(policy, rules = new PolicyRules(policy))
  return rules
}

export class PolicyRules {
  readonly #all: RulesAbout
  readonly #bySubject = new Map<string, RulesAbout>()
  readonly #byAction = new Map<string, RulesAboutAction>()

  constructor ({ roles, groups, breakGlass, memberships }: Policy) {
    this.#all = {
      everywhere: distinct([...roles.values(), ...groups.map(({ rules }) => rules), ...breakGlass.values()]),
      inTenants: distinct([...memberships.values()]),
    }
  }

  /** Whatever the action. */
  about (subject: string): RulesAbout {
    return found(this.#bySubject, subject, () => filtered(this.#all, (rule) => rule.subject.includes(subject) || rule.subject.includes('all')))
  }

  allowingOrForbidding (action: string, subject: string): RulesAboutAction {
    return found(this.#byAction, `${action}\n${subject}`, () => {
      const rules = filtered(this.about(subject), (rule) => rule.action.includes(action) || rule.action.includes('manage'))
      return {
        ...rules,
        allow: rules.everywhere.some(({ inverted }) => !inverted),
        firstConditional: rules.everywhere.find(({ condition }) => condition !== null) ?? null,
        firstWithFields: rules.everywhere.find(({ fields }) => fields !== null) ?? null,
      }
    })
  }
}

function distinct (lists: ReadonlyArray<readonly Rule[]>): readonly Rule[] {
  const all = new Set<Rule>()
  for (const list of lists) for (const rule of list) all.add(rule)
  return [...all]
}

function filtered ({ everywhere, inTenants }: RulesAbout, isMeant: (rule: Rule) => boolean): RulesAbout {
  return { everywhere: everywhere.filter(isMeant), inTenants: inTenants.filter(isMeant) }
}

function found<R extends RulesAbout> (kept: Map<string, R>, key: string, find: () => R): R {
  let rules = kept.get(key)
  if (rules === undefined) kept.set(key, rules = find())
  return rules
}
