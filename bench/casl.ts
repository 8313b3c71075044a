/** CASL as its documentation shows it: the ability of a user is made of rules with his values in them. */
import { createMongoAbility, type MongoAbility, type RawRuleOf } from '@casl/ability'
import type { Setting } from './stacks.ts'
import { ROLE, rulesOf, type User } from './work.ts'

/** Builds one each time it is asked, or one for each tenant and set of roles where abilities are kept. */
export function abilitiesOf ({ rules, keeps }: Pick<Setting, 'rules' | 'keeps'>): (user: User) => MongoAbility {
  const editor = rulesOf(rules)
  const kept = new Map<string, MongoAbility>()
  return keeps ? remember : build

  function build (user: User): MongoAbility {
    const own: RawRuleOf<MongoAbility>[] = []
    if (user.roles.includes(ROLE)) {
      for (const [action, subject] of editor) own.push({ action, subject, conditions: { tenantId: user.tenantId } })
    }
    return createMongoAbility(own)
  }

  function remember (user: User): MongoAbility {
    const key = JSON.stringify([user.tenantId, user.roles])
    let ability = kept.get(key)
    if (ability === undefined) kept.set(key, ability = build(user))
    return ability
  }
}
