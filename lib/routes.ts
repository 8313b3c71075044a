/** All routes of the application, as the gatehouse sees them: what each declares, and what is wrong with that. */
import type { FastifyInstance, FastifyRequest, RouteOptions as FastifyRoute } from 'fastify'
import type { Declaration } from './access.ts'
import { nearest } from './nearest.ts'
import { OptionError } from './option-error.ts'
import { declarationProblem, type Settings } from './options.ts'
import type { Policy } from './policies/policy.ts'
import { closedPlan, planOf, planProblems, type DeclaredRoute, type RoutePlan } from './route-plan.ts'
import { routesIn } from './route-tree.ts'
import { bySpecificity, covers, urlPattern, type UrlPattern } from './url-pattern.ts'

/** Where a route's config keeps its plan; the plan is there once the application is ready. */
const PLAN = Symbol('fastify-gatehouse.plan')

interface Slot {
  plan: RoutePlan | null
}

interface SeenRoute {
  readonly method: string
  readonly url: string
  /** The route's config, read when the plans are made: another plugin's `onRoute` may still declare something. */
  readonly config: { readonly access?: unknown }
  readonly preflight: boolean
  readonly ownErrorHandler: boolean
  readonly slot: Slot
}

export class Routes {
  readonly #settings: Settings
  readonly #patterns: readonly (readonly [UrlPattern, Declaration])[]
  readonly #seen: SeenRoute[] = []
  /** Routes registered before the gatehouse: `onRoute` does not tell of them. */
  readonly #early: readonly { readonly method: string, readonly url: string }[]
  readonly #earlyPlans = new Map<string, RoutePlan>()

  constructor (app: FastifyInstance, settings: Settings) {
    this.#settings = settings
    this.#patterns = Object.entries(settings.routes)
      .map(([text, declaration]) => [urlPattern(text), declaration] as const)
      .sort(([a], [b]) => bySpecificity(a, b))
    this.#early = earlyRoutes(app)
  }

  /** Takes note of a route; for Fastify's `onRoute`. The route's config keeps the place of its plan. */
  see (route: FastifyRoute & { readonly routePath?: string }): void {
    const slot: Slot = { plan: null }
    const config = { ...route.config, [PLAN]: slot } as { access?: unknown }
    route.config = config as FastifyRoute['config'] & object
    const methods = [route.method].flat()
    this.#seen.push({
      method: methods.join(','),
      url: route.url,
      config,
      // The route of @fastify/cors that answers preflights.
      preflight: methods.includes('OPTIONS') && route.routePath === '*',
      ownErrorHandler: route.errorHandler !== undefined,
      slot,
    })
  }

  /** The plan of the request's route; of an unknown URL `null`. Whatever was never declared is closed. */
  planFor (request: FastifyRequest): RoutePlan | null {
    if (request.is404) return null
    const { config, method, url = '' } = request.routeOptions
    const slot = (config as { readonly [PLAN]?: Slot })[PLAN]
    return slot?.plan ?? this.#earlyPlan([method].flat().join(','), url)
  }

  /** Makes every plan. Throws FST_GATEHOUSE_OPTION with everything that is wrong. */
  compile (policy: Policy | null): void {
    const problems = this.problems(policy)
    if (problems.length > 0) throw new OptionError(`${problems.length === 1 ? 'one route' : `${problems.length} things about routes`} must be mended:\n  ${problems.join('\n  ')}`)
    for (const route of this.#seen) {
      const declared = this.#declaration(route)
      const { method, url } = route
      route.slot.plan = declared === null ? closedPlan(method, url, this.#settings, 'preflight') : planOf(declared, this.#settings)
    }
  }

  /** What is wrong under this policy; asked at the start, and of a new policy before it is put in force. */
  problems (policy: Policy | null): string[] {
    return [...this.#declarationProblems(policy), ...this.#undeclared(), ...this.#unseen(), ...this.#idlePatterns()]
  }

  /** Every scheme that any route accepts or the plugin lists. */
  schemes (): Set<Settings['schemes'][number]> {
    const schemes = new Set(this.#settings.schemes)
    for (const route of this.#seen) {
      const declared = this.#declaration(route)?.declaration
      if (declared === undefined || declared === 'public') continue
      for (const scheme of declared.options.schemes ?? []) schemes.add(scheme)
    }
    return schemes
  }

  #declaration (route: SeenRoute): DeclaredRoute | null {
    const declaration = (route.config.access ?? this.#byPattern(route)) as Declaration | undefined
    return declaration === undefined ? null : { ...route, declaration }
  }

  #byPattern ({ method, url }: { readonly method: string, readonly url: string }): Declaration | undefined {
    return this.#patterns.find(([pattern]) => method.split(',').every((one) => covers(pattern, one, url)))?.[1]
  }

  #declarationProblems (policy: Policy | null): string[] {
    const problems = new Set<string>()
    for (const route of this.#seen) {
      const malformed = route.config.access === undefined ? null : declarationProblem(route.config.access)
      if (malformed !== null) {
        problems.add(`${route.method} ${route.url}: ${malformed}`)
        continue
      }
      const declared = this.#declaration(route)
      // The HEAD that Fastify adds to a GET has the same declaration and the same problems.
      if (declared === null || (route.method === 'HEAD' && this.#hasGet(route.url))) continue
      for (const problem of planProblems(declared, this.#settings, policy)) problems.add(problem)
    }
    return [...problems]
  }

  #undeclared (): string[] {
    return this.#seen
      .filter((route) => !route.preflight && this.#declaration(route) === null)
      .filter((route) => route.method !== 'HEAD' || !this.#hasGet(route.url))
      .map(({ method, url }) => `${method} ${url} declares nothing and would stay closed: give it config.access, or a URL pattern in the plugin's option "routes"`)
  }

  #unseen (): string[] {
    return this.#early
      .filter((route) => this.#byPattern(route) === undefined)
      .map(({ method, url }) => `${method} ${url} was registered before fastify-gatehouse, where it could not be seen, and stays closed: ` +
        'await app.register(gatehouse, …) before it, or give it a URL pattern in the plugin\'s option "routes"')
  }

  #idlePatterns (): string[] {
    const all = [...this.#seen, ...this.#early]
    return this.#patterns
      .filter(([pattern]) => !all.some(({ method, url }) => method.split(',').some((one) => covers(pattern, one, url))))
      .map(([pattern]) => {
        const close = nearest(pattern.text, all.map(({ url }) => url))
        return `routes["${pattern.text}"] covers no route${close === undefined ? '' : `. Did you mean "${close}"?`}`
      })
  }

  #hasGet (url: string): boolean {
    return this.#seen.some((route) => route.url === url && route.method.split(',').includes('GET'))
  }

  #earlyPlan (method: string, url: string): RoutePlan {
    const key = `${method} ${url}`
    const known = this.#earlyPlans.get(key)
    if (known !== undefined) return known
    const declaration = this.#byPattern({ method, url })
    const plan = declaration === undefined
      ? closedPlan(method, url, this.#settings, isStar(method, url) ? 'preflight' : 'closed')
      : planOf({ method, url, declaration, ownErrorHandler: false }, this.#settings)
    this.#earlyPlans.set(key, plan)
    return plan
  }
}

/** The routes that exist already. Below the root it cannot be told whose they are, except by the prefix. */
function earlyRoutes (app: FastifyInstance): { method: string, url: string }[] {
  const root = Object.hasOwn(app, 'printRoutes')
  const known = routesIn(app.printRoutes({ commonPrefix: false })).filter(({ method, url }) => !isStar(method, url))
  if (root) return known
  return app.prefix === '' ? [] : known.filter(({ url }) => url === app.prefix || url.startsWith(`${app.prefix}/`))
}

function isStar (method: string, url: string): boolean {
  return method === 'OPTIONS' && url.endsWith('*') && !url.endsWith('/*')
}
