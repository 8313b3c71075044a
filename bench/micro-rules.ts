/** The steps of a decision: the ability of a request, checks, and the fields that may be read. */
import { deepEqual, equal } from 'node:assert/strict'
import type { Abilities as AbilitiesType, Around } from '../lib/authorization/abilities.ts'
import type { Call } from './ability-rounds.ts'
import { candidates, conditionOf, type Sort } from './ability-work.ts'
import { Abilities, compilePolicies, readable, sourcesOf } from './built.ts'
import { CLAIMS, ROLE, rulesOf } from './work.ts'

const USER = { id: CLAIMS.sub, tenantId: CLAIMS.tenantId, roles: CLAIMS.roles }
const AROUND: Around = { memberships: [], breakGlass: null }
const ARTICLE = { id: '1', tenantId: 'aurora', title: 'Northern lights tonight', draft: 'not yet' }
const TENANT = { tenantId: '$user.tenantId' }

/** Ten rules, each with a condition on the tenant. */
export function tenRules (): AbilitiesType {
  return abilitiesOf(rulesOf(10).map(([action, subject]) => ({ action, subject, conditions: TENANT })))
}

export function ruleSteps (): Record<string, Call> {
  const abilities = tenRules()
  const asked = abilities.of(USER, USER.roles, AROUND)
  return {
    'the ability of a request': answering(() => abilities.of(USER, USER.roles, AROUND), (ability) => equal(ability.user, USER)),
    'check: a type': typeCheck(abilities),
    'check: one condition, the first of a request (with its ability)': answering(() => abilities.of(USER, USER.roles, AROUND).allows('read', 'Article', ARTICLE), yes),
    'check: one condition, again in the same request': answering(() => asked.allows('read', 'Article', ARTICLE), yes),
    'check: a miss over 100 rules that want equality': miss('id'),
    'check: a miss over 100 rules that compare': miss('size'),
    'fields: readable, of a rule limited to fields': fields(),
  }
}

/** Two types in turn: the last answer about a type is kept. */
function typeCheck (abilities: AbilitiesType): Call {
  const ability = abilities.of(USER, USER.roles, AROUND)
  let isArticle = false
  const call = (): boolean => {
    isArticle = !isArticle
    return ability.ever('read', isArticle ? 'Article' : 'Comment')
  }
  yes(call())
  yes(call())
  equal(ability.ever('publish', 'Article'), false)
  return call
}

function miss (sort: Sort & ('id' | 'size')): Call {
  const { rules, question: { action, subject, record } } = candidates(100, sort)
  const ability = abilitiesOf(rules.map((rule) => {
    const conditions = rule.subject === subject ? conditionOf(rule, sort, CLAIMS.tenantId) : null
    return { action: rule.action, subject: rule.subject, ...conditions !== null && { conditions } }
  })).of(USER, USER.roles, AROUND)
  equal(ability.allows(action, subject, { ...record, id: 'doc-50', size: 50 }), true)
  return answering(() => ability.allows(action, subject, record), (allowed) => equal(allowed, false))
}

function fields (): Call {
  const ability = abilitiesOf([{ action: 'read', subject: 'Article', fields: ['id', 'title'], conditions: TENANT }]).of(USER, USER.roles, AROUND)
  return answering(() => readable(ability, 'Article', ARTICLE), (shown) => deepEqual(shown, { id: ARTICLE.id, title: ARTICLE.title }))
}

function answering<T> (call: () => T, check: (answer: T) => void): Call {
  check(call())
  return call
}

function yes (allowed: boolean): void {
  equal(allowed, true)
}

function abilitiesOf (rules: readonly object[]): AbilitiesType {
  return new Abilities(compilePolicies(sourcesOf([{ role: ROLE, rules } as never])))
}
