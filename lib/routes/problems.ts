/** What is wrong with a route's declaration under a policy, in words that name the mend. */
import type { Backend } from '../authorization/backend.ts'
import { comparisonsOf } from '../authorization/filters/two-valued.ts'
import { MANAGE_IS_FOR_RULES, parts, subjectOf, type Can, type Target } from '../authorization/requirement.ts'
import type { AnyResource } from '../authorization/resource.ts'
import { placeText } from '../authorization/why-not.ts'
import { didYouMean } from '../nearest.ts'
import type { Settings } from '../options.ts'
import type { Condition } from '../policies/condition.ts'
import type { Policy, Rule } from '../policies/policy.ts'
import { checkRouteOptions } from './declaration.ts'
import { declaredProblems } from './declared-problems.ts'
import type { DeclaredRoute } from './plan.ts'
import { rulesOf, type RulesAboutAction } from './policy-rules.ts'
import { representationProblem } from './representation.ts'

/** Given the policy in force (`null` when the application has none). Empty when nothing is wrong. */
export function planProblems (route: DeclaredRoute, settings: Settings, policy: Policy | null): string[] {
  if (route.declaration === 'public') return []
  const { requirement, options } = route.declaration
  const where = `${route.method} ${route.url}`
  const problems: string[] = []
  try {
    checkRouteOptions(where, options)
  } catch (error) {
    return [(error as Error).message]
  }
  if (requirement.kind !== 'public' && (options.schemes ?? settings.schemes).length === 0) {
    problems.push('nobody could sign in: the plugin has no "schemes", and the route names none')
  }
  const codes = new Set(policy?.preChecks.map(({ code }) => code))
  for (const code of options.despite ?? []) {
    if (!codes.has(code)) problems.push(`despite: no pre-check has the code "${code}".${didYouMean(code, codes)}`)
  }
  for (const part of parts(requirement)) {
    if (part.kind === 'can') problems.push(...canProblems(part, route, policy, options.fields === false))
    if (part.kind === 'role') problems.push(...roleProblems(part.roles, policy))
  }
  return problems.map((problem) => `${where}: ${problem}`)
}

const CRUD = ['create', 'read', 'update', 'delete']

/** The actions that a rule names, and the four that everybody knows. */
export function knownActions (policy: Policy): Set<string> {
  return new Set([...policy.actions, ...CRUD])
}

function canProblems ({ action, target }: Can, route: DeclaredRoute, policy: Policy | null, handlerSeesToFields: boolean): string[] {
  if (policy === null) return [`can("${action}", …) needs the plugin's option "policies"`]
  const subject = subjectOf(target)
  if (action === 'manage') return [`can("manage", ${subject}): ${MANAGE_IS_FOR_RULES}`]
  if (!policy.actions.has(action) && !CRUD.includes(action)) return [`no rule mentions the action "${action}".${didYouMean(action, knownActions(policy))}`]
  if (!policy.subjects.has(subject) && !policy.subjects.has('all')) return [`no rule mentions the subject "${subject}".${didYouMean(subject, policy.subjects)}`]
  const rules = rulesOf(policy).allowingOrForbidding(action, subject)
  if (!rules.allow) return [`no rule allows anybody to "${action}" a ${subject}: the route would be closed to everyone`]
  return [
    ...targetProblems(action, target, route.url, rules),
    ...resourceProblems(target, policy),
    ...handlerSeesToFields ? [] : fieldProblems(action, target, rules),
    ...replacementProblems(action, target, route, rules),
  ]
}

function targetProblems (action: string, target: Target, url: string, { firstConditional: conditional }: RulesAboutAction): string[] {
  if (target.kind === 'type') {
    // facts: authorization T1. A check on a type ignores conditions.
    if (conditional === null) return []
    return [`can("${action}", "${target.subject}") would ignore the conditions of rule ${conditional.id}: give a resource, its .list, or .proposed(…)`]
  }
  if (target.kind !== 'record') return []
  const { param, load, subject } = target.resource
  const params = [...url.matchAll(/:([A-Za-z0-9_]+)/g)].map((match) => match[1] as string)
  if (action === 'create' && (load === null || params.length === 0)) {
    return [`can("create", ${subject}): there is no record yet that could be loaded. Say what it will be: can("create", resource.proposed((request) => ({ … })))`]
  }
  if (load === null || param === null) return [`can("${action}", ${subject}): the resource has no "load"; give it one, or use its .list or .proposed(…)`]
  if (params.includes(param)) return []
  const mend = params.length === 0 ? ' Use the resource\'s .list' : ` It has :${params.join(', :')}; name that in the resource's "param", or use its .list`
  return [`can("${action}", ${subject}): the URL has no parameter ":${param}".${didYouMean(param, params)}${mend}${action === 'read' ? '' : ', or .proposed(…) for a record that comes into being'}`]
}

/** facts: authorization T10. Without a record no field is ever checked; of a list the handler gives out what `readable` leaves. */
function fieldProblems (action: string, target: Target, { firstWithFields: limited }: RulesAboutAction): string[] {
  if (limited === null || target.kind === 'record' || target.kind === 'proposed' || (target.kind === 'list' && action === 'read')) return []
  return [`can("${action}", ${subjectOf(target)}) would ignore the fields of rule ${limited.id}: give a resource or .proposed(…), or say { fields: false } if the handler sees to it`]
}

/** Of a PUT that leaves out a field it must be known whether that is part of what clients are given, where rules look at the record that it makes. */
function replacementProblems (action: string, target: Target, { method, body }: DeclaredRoute, { everywhere, inTenants }: RulesAboutAction): string[] {
  if (target.kind !== 'record' || target.change !== undefined || action === 'read' || !method.split(',').includes('PUT')) return []
  if (![...everywhere, ...inTenants].some(({ condition, state, fields }) => fields !== null || (condition !== null && state !== 'old'))) return []
  const word = representationProblem(body?.())
  if (word === null) return []
  return [`can("${action}", ${target.resource.subject}): what the body of a PUT leaves out is removed, but its schema may name more elsewhere (${word}): give it "properties", or say what becomes of the record by .changing(…)`]
}

function resourceProblems (target: Target, policy: Policy): string[] {
  return target.kind === 'type' ? [] : [...declaredProblems(target.resource, policy), ...backendProblems(target.resource, policy)]
}

/** Rules that the store of the records cannot express, whatever their action: a handler may ask for the filter of any. Each problem once, with the first rule that has it. */
function backendProblems ({ backend, subject }: AnyResource, policy: Policy): string[] {
  if (backend === null) return []
  const rules = new Map<string, Rule[]>()
  const { everywhere, inTenants } = rulesOf(policy).about(subject)
  for (const rule of [...everywhere, ...inTenants].filter(asksForRecords)) {
    for (const problem of rule.condition === null ? [] : problemsWith(rule.condition, backend)) rules.set(problem, [...rules.get(problem) ?? [], rule])
  }
  return [...rules].map(([problem, [first, ...others]]) => `${backend.name} cannot express ${ruleNames(first as Rule, others)}: ${problem}`)
}

/** Of each comparison, so that all is told at once; or of how they stand together. */
function problemsWith (condition: Condition, backend: Backend): Set<string> {
  const problems = [...comparisonsOf(condition), condition].map((part) => backend.problem(part)).filter((problem) => problem !== null)
  return new Set(problems)
}

/** A rule that comes by a membership too, or that is another one for other subjects, is the same rule. */
function ruleNames (first: Rule, others: readonly Rule[]): string {
  const written = ({ id, policy }: Rule): string => `${policy}${/\/\d+/.exec(id.slice(policy.length))?.[0]}`
  const more = new Set(others.map(written))
  more.delete(written(first))
  const rest = more.size === 0 ? '' : ` and ${more.size} other${more.size === 1 ? '' : 's'}`
  return `rule ${first.id} (${placeText(first.place)})${rest}`
}

/** An inverted rule about fields, or one about the state after an update, takes no record out of a list. */
function asksForRecords ({ inverted, fields, state }: Rule): boolean {
  return state !== 'new' && !(inverted && fields !== null)
}

function roleProblems (roles: readonly string[], policy: Policy | null): string[] {
  if (policy === null) return []
  return roles.filter((role) => !policy.roles.has(role)).map((role) => `no policy defines the role "${role}".${didYouMean(role, policy.roles.keys())}`)
}
