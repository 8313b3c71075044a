/** What the gatehouse does on one route, decided before the first request. */
import type { AnyScheme } from '../authentication/scheme.ts'
import { schemesOf, waysOf, type Way } from '../authentication/way.ts'
import type { Disclosure } from '../authorization/disclosure.ts'
import { parts, type Can, type Requirement, type Target } from '../authorization/requirement.ts'
import type { AnyResource } from '../authorization/resource.ts'
import type { Settings } from '../options.ts'
import { PUBLIC, type Access, type Declaration, type RouteOptions } from './access.ts'
import { resourceFor } from './protected-resource.ts'
import { routeQuotas, type RouteQuotas } from './quotas.ts'

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
  /** The same as the value of `Vary`, and that of a refusal, whose body may depend on `Accept` too. */
  readonly vary: string
  readonly varyOfRefusal: string
  /** Whether one of those is a cookie or a key, or the answers depend on the connection itself, so that no shared cache may keep them. */
  readonly private: boolean
  /** The action, subject and parameter for decision events. */
  readonly can: Can | null
  /** Whether the route has an error handler of its own. */
  readonly ownErrorHandler: boolean
  /** What requests spend: before it is known who asks, afterwards, and whether the policies have a say. */
  readonly quotas: RouteQuotas
}

export interface DeclaredRoute {
  readonly method: string
  readonly url: string
  readonly declaration: Declaration
  readonly ownErrorHandler: boolean
  /** The schema of its body, once Fastify has made it what it is. Left out: it cannot be seen. */
  readonly body?: (() => unknown) | undefined
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
    varyOfRefusal: (settings.html ? [...varyOn.filter((name) => name.toLowerCase() !== 'accept'), 'Accept'] : varyOn).join(', '),
    private: schemes.some(({ varyOn }) => varyOn.length === 0 || varyOn.some((header) => header.toLowerCase() !== 'authorization')),
    can: cans[0] ?? null,
    ownErrorHandler: route.ownErrorHandler,
    quotas: routeQuotas(mode, options.quota, settings.quotas.every),
  }
}
