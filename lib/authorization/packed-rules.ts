/** What a front end may know of the rules of its user, in CASL's packed form. */
import type { MongoAbility, RawRule, RawRuleOf } from '@casl/ability'
import { packRules, type PackRule } from '@casl/ability/extra'
import type { Policy } from '../policies/policy.ts'
import type { Problem } from '../policies/problems.ts'
import type { Ability, ExposedRule } from './ability.ts'
import type { Alternatives } from './packed-comparison.ts'
import { alternativesFor, both, packedConditions, packingProblem } from './packed-conditions.ts'
import { forbiddenFields, sharedFields } from './packed-fields.ts'

/** What `unpackRules` of `@casl/ability/extra` takes, for `createMongoAbility`. It is JSON. */
export type PackedRules = PackRule<RawRuleOf<MongoAbility>>[]

/** A rule, or what two rules have in common. */
interface Part {
  readonly action: readonly string[]
  readonly subject: readonly string[]
  readonly fields: readonly string[] | null
  readonly alternatives: Alternatives
}

/**
 * With these CASL allows in a browser what the exposed rules allow, and nothing else. In CASL the later rule wins: the inverted ones come last.
 * Where somebody acts as another, what both may: the rules that allow are joined in pairs, and the inverted ones of both stay. What cannot be said is
 * left out where it allows, and forbids for every record where it forbids.
 */
export function packedRulesOf (ability: Ability): PackedRules {
  const exposed = ability.each.map((one) => one.exposed())
  const allowing = exposed.map((rules) => rules.filter(({ rule }) => !rule.inverted).flatMap(allowingPart)).reduce(shared)
  const inverted = exposed.flatMap((rules) => rules.filter(({ rule }) => rule.inverted).map(invertedPart))
  return [...packed(allowing, false), ...packed(inverted, true)]
}

/** The exposed rules whose conditions have no form in CASL, whoever the user is. */
export function packedRulesProblems (policy: Policy): Problem[] {
  const { roles, memberships, groups } = policy
  const rules = new Set([...roles.values(), ...memberships.values(), ...groups.map((group) => group.rules)].flat())
  const problems = new Map<string, Problem>()
  for (const { exposed, condition, inverted, place, id } of rules) {
    const why = exposed ? packingProblem(condition, inverted) : null
    if (why === null) continue
    // A policy in TypeScript has no lines. A rule that comes by a membership too is the same rule.
    const which = place.line === undefined ? `${id.replace('@tenant/', '/')}: ` : ''
    const message = `${which}"expose: true" cannot be kept, because CASL in a browser cannot be told this condition: ${why}`
    problems.set(JSON.stringify([place, message]), { place, message })
  }
  return [...problems.values()]
}

function allowingPart ({ rule, condition }: ExposedRule): Part[] {
  const { action, subject, fields } = rule
  const alternatives = alternativesFor(condition, false)
  return typeof alternatives === 'string' ? [] : [{ action, subject, fields, alternatives }]
}

function invertedPart ({ rule, condition }: ExposedRule): Part {
  const { action, subject, fields } = rule
  const alternatives = alternativesFor(condition, true)
  return { action, subject, fields: fields === null ? null : forbiddenFields(fields), alternatives: typeof alternatives === 'string' ? [[]] : alternatives }
}

function shared (ones: readonly Part[], others: readonly Part[]): Part[] {
  return ones.flatMap((one) => others.flatMap((other) => sharedPart(one, other)))
}

function sharedPart (one: Part, other: Part): Part[] {
  const action = sharedNames(one.action, other.action, 'manage')
  const subject = sharedNames(one.subject, other.subject, 'all')
  const fields = sharedFields(one.fields, other.fields)
  if (action.length === 0 || subject.length === 0 || fields?.length === 0) return []
  const alternatives = both(one.alternatives, other.alternatives)
  return typeof alternatives === 'string' ? [] : [{ action, subject, fields, alternatives }]
}

/** `any` is the name that stands for all. */
function sharedNames (ones: readonly string[], others: readonly string[], any: string): readonly string[] {
  if (ones.includes(any)) return others
  return others.includes(any) ? ones : ones.filter((name) => others.includes(name))
}

/** Each once, and in one order whatever the order of roles and files, so that the same rules are the same text. */
function packed (parts: readonly Part[], inverted: boolean): PackedRules {
  const texts = new Set(packRules(parts.flatMap((part) => rawRules(part, inverted))).map((rule) => JSON.stringify(rule)))
  return [...texts].sort().map((text) => JSON.parse(text) as PackedRules[number])
}

function rawRules ({ action, subject, fields, alternatives }: Part, inverted: boolean): RawRule[] {
  return packedConditions(alternatives).map((conditions) => ({
    action: [...action],
    subject: [...subject],
    inverted,
    ...(fields !== null && { fields: [...fields] }),
    ...(conditions !== null && { conditions }),
  }))
}
