/** What the gatehouse does on one route, decided before the first request. */
import { PUBLIC, type Access, type Declaration, type RouteOptions } from './access.ts'
import type { AnyScheme } from './authentication/scheme.ts'
import { schemesOf, waysOf, type Way } from './authentication/way.ts'
import { parts, subjectOf, type Can, type Requirement, type Target } from './authorization/requirement.ts'
import type { Disclosure } from './authorization/disclosure.ts'
import type { AnyResource } from './authorization/resource.ts'
import { placeText } from './authorization/why-not.ts'
import { didYouMean } from './nearest.ts'
import { checkRouteOptions, type Settings } from './options.ts'
import type { Policy, Rule } from './policies/policy.ts'
import { resourceFor } from './protected-resource.ts'

export interface RoutePlan {
  /** For messages and events: the methods and URL that the route was registered with. */
  readonly method: string
  readonly url: string
  /**
   * `public`: credentials are not looked at. `optional`: nothing sent is anonymous. `required`: nothing sent is a 401.
   * `preflight`: the `OPTIONS *` route of `@fastify/cors`. `closed`: it declares nothing, and nobody gets through.
   */
  readonly mode: 'public' | 'optional' | 'required' | 'preflight' | 'closed'
  readonly requirement: Requirement
  /** The ways of signing in that it accepts, and all their schemes. */
  readonly ways: readonly Way[]
  readonly schemes: readonly AnyScheme[]
  readonly despite: ReadonlySet<string>
  readonly disclose: Disclosure
  readonly fields: RouteOptions['fields']
  /** The records to load, in the order in which the requirement names them. */
  readonly targets: readonly Target[]
  /** The parts with a record of a requirement that can be met without them. */
  readonly alternatives: readonly Can[]
  /** The resources of lists: the handler must ask for their filters. */
  readonly lists: readonly AnyResource[]
  /** Where the metadata of its protected resource are, for challenges. */
  readonly resourceMetadata: string | undefined
  /** The request headers on which the answers depend. */
  readonly varyOn: readonly string[]
  /** The same as the value of `Vary`. */
  readonly vary: string
  /** Whether one of those is a cookie or a key, or the answers depend on the connection itself, so that no shared cache may keep them. */
  readonly private: boolean
  /** The action, subject and parameter for decision events. */
  readonly can: Can | null
  /** Whether the route has an error handler of its own. */
  readonly ownErrorHandler: boolean
}

export interface DeclaredRoute {
  readonly method: string
  readonly url: string
  readonly declaration: Declaration
  readonly ownErrorHandler: boolean
}

export function planOf (route: DeclaredRoute, settings: Settings): RoutePlan {
  const { requirement, options }: Access = route.declaration === 'public' ? PUBLIC : route.declaration
  const mode = requirement.kind === 'public' ? 'public' : requirement.kind === 'optional' || options.optional === true ? 'optional' : 'required'
  return plan(route, settings, mode, requirement, options)
}

/** The plan of a route that declares nothing: after authentication, a no. */
export function closedPlan (method: string, url: string, settings: Settings, mode: 'closed' | 'preflight'): RoutePlan {
  return plan({ method, url, ownErrorHandler: false }, settings, mode, { kind: 'authenticated' }, {})
}

function plan (route: Omit<DeclaredRoute, 'declaration'>, settings: Settings, mode: RoutePlan['mode'], requirement: Requirement, options: RouteOptions): RoutePlan {
  const accepted = options.schemes ?? settings.schemes
  const schemes = schemesOf(accepted)
  const varyOn = [...new Set(schemes.flatMap((scheme) => scheme.varyOn))]
  const cans = [...parts(requirement)].filter((part): part is Can => part.kind === 'can')
  const targets = cans.map((can) => can.target).filter(({ kind }) => kind === 'record' || kind === 'proposed')
  const disclosed = cans.map((can) => can.target.kind === 'type' ? null : can.target.resource.disclose)
  return {
    method: route.method,
    url: route.url,
    mode,
    requirement,
    ways: waysOf(accepted),
    schemes,
    despite: new Set(options.despite ?? []),
    disclose: Object.assign({}, settings.disclose, ...disclosed, options.disclose) as Disclosure,
    fields: options.fields,
    targets,
    alternatives: [...parts(requirement)].some(({ kind }) => kind === 'any_of') ? cans.filter(({ target }) => targets.includes(target)) : [],
    lists: cans.flatMap(({ target }) => target.kind === 'list' ? [target.resource] : []),
    resourceMetadata: resourceFor(route.url, settings.protectedResources)?.url,
    varyOn,
    vary: varyOn.join(', '),
    private: schemes.some(({ varyOn }) => varyOn.length === 0 || varyOn.some((header) => header.toLowerCase() !== 'authorization')),
    can: cans[0] ?? null,
    ownErrorHandler: route.ownErrorHandler,
  }
}

/** What is wrong with a route's declaration, given the policy in force (`null` when the application has none). Empty when nothing is. */
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
    if (part.kind === 'can') problems.push(...canProblems(part, route.url, policy, options.fields === false))
    if (part.kind === 'role') problems.push(...roleProblems(part.roles, policy))
  }
  return problems.map((problem) => `${where}: ${problem}`)
}

const CRUD = ['create', 'read', 'update', 'delete']

/** The actions that a rule names, and the four that everybody knows. */
export function knownActions (policy: Policy): Set<string> {
  return new Set([...policy.actions, ...CRUD])
}

function canProblems ({ action, target }: Can, url: string, policy: Policy | null, handlerSeesToFields: boolean): string[] {
  if (policy === null) return [`can("${action}", …) needs the plugin's option "policies"`]
  const subject = subjectOf(target)
  const actions = knownActions(policy)
  if (!actions.has(action)) return [`no rule mentions the action "${action}".${didYouMean(action, actions)}`]
  if (!policy.subjects.has(subject) && !policy.subjects.has('all')) return [`no rule mentions the subject "${subject}".${didYouMean(subject, policy.subjects)}`]
  const rules = allRules(policy).filter((rule) => appliesTo(rule, action, subject))
  if (!rules.some((rule) => !rule.inverted)) return [`no rule allows anybody to "${action}" a ${subject}: the route would be closed to everyone`]
  return [...targetProblems(action, target, url, rules), ...backendProblems(target, policy), ...handlerSeesToFields ? [] : fieldProblems(action, target, rules)]
}

function targetProblems (action: string, target: Target, url: string, rules: readonly Rule[]): string[] {
  if (target.kind === 'type') {
    // facts: authorization T1. A check on a type ignores conditions.
    const conditional = rules.find((rule) => rule.condition !== null)
    if (conditional === undefined) return []
    return [`can("${action}", "${target.subject}") would ignore the conditions of rule ${conditional.id}: give a resource, its .list, or .proposed(…)`]
  }
  if (target.kind !== 'record') return []
  const { param, load, subject } = target.resource
  if (load === null || param === null) return [`can("${action}", ${subject}): the resource has no "load"; give it one, or use its .list or .proposed(…)`]
  const params = [...url.matchAll(/:([A-Za-z0-9_]+)/g)].map((match) => match[1] as string)
  if (params.includes(param)) return []
  return [`can("${action}", ${subject}): the URL has no parameter ":${param}".${didYouMean(param, params)}${params.length === 0 ? ' Use the resource\'s .list' : ` It has :${params.join(', :')}; name that in the resource's "param", or use its .list`}`]
}

/** facts: authorization T10. Without a record no field is ever checked; of a list the handler gives out what `readable` leaves. */
function fieldProblems (action: string, target: Target, rules: readonly Rule[]): string[] {
  const limited = rules.find((rule) => rule.fields !== null)
  if (limited === undefined || target.kind === 'record' || target.kind === 'proposed' || (target.kind === 'list' && action === 'read')) return []
  return [`can("${action}", ${subjectOf(target)}) would ignore the fields of rule ${limited.id}: give a resource or .proposed(…), or say { fields: false } if the handler sees to it`]
}

/** A rule that the store of the records cannot express, whatever its action: a handler may ask for the filter of any. */
function backendProblems (target: Target, policy: Policy): string[] {
  if (target.kind === 'type' || target.resource.backend === null) return []
  const { backend, subject } = target.resource
  return [...allRules(policy), ...membershipRules(policy)].filter((rule) => isAbout(rule, subject) && asksForRecords(rule)).flatMap((rule) => {
    const problem = rule.condition === null ? null : backend.problem(rule.condition)
    return problem === null ? [] : [`${backend.name} cannot express rule ${rule.id} (${placeText(rule.place)}): ${problem}`]
  })
}

/** An inverted rule about fields, or one about the state after an update, takes no record out of a list. */
function asksForRecords ({ inverted, fields, state }: Rule): boolean {
  return state !== 'new' && !(inverted && fields !== null)
}

function roleProblems (roles: readonly string[], policy: Policy | null): string[] {
  if (policy === null) return []
  return roles.filter((role) => !policy.roles.has(role)).map((role) => `no policy defines the role "${role}".${didYouMean(role, policy.roles.keys())}`)
}

function allRules (policy: Policy): Rule[] {
  return [...new Set([...[...policy.roles.values()].flat(), ...policy.groups.flatMap((group) => group.rules), ...[...policy.breakGlass.values()].flat()])]
}

/** The same rules once more, held within some tenants. */
function membershipRules (policy: Policy): Rule[] {
  return [...new Set([...policy.memberships.values()].flat())]
}

function appliesTo (rule: Rule, action: string, subject: string): boolean {
  return (rule.action.includes(action) || rule.action.includes('manage')) && isAbout(rule, subject)
}

function isAbout (rule: Rule, subject: string): boolean {
  return rule.subject.includes(subject) || rule.subject.includes('all')
}
