/** All routes of the application, as the gatehouse sees them: what each declares, and what is wrong with that. */
import type { FastifyInstance, FastifyRequest, RouteOptions as FastifyRoute } from 'fastify'
import type { AnyScheme } from '../authentication/scheme.ts'
import { schemesOf } from '../authentication/way.ts'
import { nearest } from '../nearest.ts'
import { OptionError } from '../option-error.ts'
import type { Settings } from '../options.ts'
import type { Policy } from '../policies/policy.ts'
import { isAccess, type Declaration } from './access.ts'
import { declarationProblem } from './declaration.ts'
import { closedPlan, planOf, type DeclaredRoute, type RoutePlan } from './plan.ts'
import { planProblems } from './problems.ts'
import { quotaNameProblems, strayQuotaProblem, unknownQuotas, type NamedQuota } from './quotas.ts'
import { routesIn } from './tree.ts'
import { bySpecificity, covers, urlPattern, type UrlPattern } from './url-pattern.ts'

/** Where a route's config keeps its plan; the plan is there once the application is ready. */
const PLAN = Symbol('fastify-gatehouse.plan')

const CORS = '@fastify/cors'

interface Slot {
  plan: RoutePlan | null
}

interface SeenRoute {
  readonly method: string
  readonly url: string
  /** The route's config, read when the plans are made: another plugin's `onRoute` may still declare something. */
  readonly config: { readonly access?: unknown }
  /** Whether it is the route by which `@fastify/cors` answers preflights. */
  readonly preflight: () => boolean
  readonly ownErrorHandler: boolean
  /** The schema of its body, once Fastify has made it what it is. */
  readonly body: () => unknown
  readonly slot: Slot
}

export class Routes {
  #settings: Settings
  readonly #patterns: readonly (readonly [UrlPattern, Declaration])[]
  readonly #seen: SeenRoute[] = []
  /** Routes registered before the gatehouse: `onRoute` does not tell of them. */
  readonly #early: readonly { readonly method: string, readonly url: string }[]
  /** Whether `@fastify/cors` was there before. */
  readonly #cors: boolean
  readonly #earlyPlans = new Map<string, RoutePlan>()

  constructor (app: FastifyInstance, settings: Settings) {
    this.#settings = settings
    this.#patterns = Object.entries(settings.routes)
      .map(([text, declaration]) => [urlPattern(text), declaration] as const)
      .sort(([a], [b]) => bySpecificity(a, b))
    this.#cors = app.hasPlugin(CORS)
    this.#early = earlyRoutes(app).filter(({ method, url }) => !this.#isPreflight(method, url))
  }

  /** Takes note of a route; for Fastify's `onRoute`. The route's config keeps the place of its plan. `scope` is where it was registered. */
  see (route: FastifyRoute & { readonly routePath?: string }, scope: FastifyInstance): void {
    const slot: Slot = { plan: null }
    const config = { ...route.config, [PLAN]: slot } as { access?: unknown }
    route.config = config as FastifyRoute['config'] & object
    const methods = [route.method].flat()
    this.#seen.push({
      method: methods.join(','),
      url: route.url,
      config,
      preflight: () => methods.every((method) => method === 'OPTIONS') && route.routePath === '*' && scope.hasPlugin(CORS),
      ownErrorHandler: route.errorHandler !== undefined,
      body: () => route.schema?.body,
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
    this.#settings = this.#withChallenges()
    for (const route of this.#seen) {
      const declared = this.#declaration(route)
      const { method, url } = route
      route.slot.plan = declared === null ? closedPlan(method, url, this.#settings, 'preflight') : planOf(declared, this.#settings)
    }
  }

  /** What is wrong under this policy; asked at the start, and of a new policy before it is put in force. */
  problems (policy: Policy | null): string[] {
    const problems = this.#declarationProblems(policy)
    // RFC 9110 section 15.5.2: a 401 must be challenged, also one that a handler of a public route throws.
    if (problems.length === 0 && this.schemes().size === 0) problems.push('there is no scheme at all, so a 401 could not be challenged: give the plugin "schemes"')
    return [...problems, ...this.#strayQuotas(), ...this.#undeclared(), ...this.#unseen(), ...this.#idlePatterns(), ...this.#sharedNames(policy)]
  }

  /** Where only routes name schemes, a 401 of a public route or an unknown URL is challenged with all of them. */
  #withChallenges (): Settings {
    return this.#settings.schemes.length > 0 ? this.#settings : { ...this.#settings, schemes: [...this.schemes()] }
  }

  /** What an unknown URL is to the gatehouse: public, and challenged with the default schemes. */
  unknown (): RoutePlan {
    return { ...closedPlan('*', '*', this.#withChallenges(), 'closed'), mode: 'public', quotas: unknownQuotas(this.#settings.quotas.every) }
  }

  /** Every scheme that any route accepts or the plugin lists. */
  schemes (): ReadonlySet<AnyScheme> {
    const ofRoutes = this.#declared().flatMap(({ declaration }) => declaration === 'public' ? [] : declaration.options.schemes ?? [])
    return new Set(schemesOf([...this.#settings.schemes, ...ofRoutes]))
  }

  /** Every route that declares something, or that a pattern covers. */
  #declared (): DeclaredRoute[] {
    const early = this.#early.flatMap((route) => {
      const declaration = this.#byPattern(route)
      return declaration === undefined ? [] : [{ ...route, declaration, ownErrorHandler: false }]
    })
    return [...this.#seen.flatMap((route) => this.#declaration(route) ?? []), ...early]
  }

  #declaration (route: SeenRoute): DeclaredRoute | null {
    const { method, url, config, ownErrorHandler, body } = route
    const declaration = (config.access ?? this.#byPattern(route)) as Declaration | undefined
    return declaration === undefined ? null : { method, url, declaration, ownErrorHandler, body }
  }

  #byPattern ({ method, url }: { readonly method: string, readonly url: string }): Declaration | undefined {
    return this.#patterns.find(([pattern]) => method.split(',').every((one) => covers(pattern, one, url)))?.[1]
  }

  #declarationProblems (policy: Policy | null): string[] {
    const problems = new Set<string>()
    const settings = this.#settings
    const gotten = new Set(this.#seen.filter(({ method }) => method.split(',').includes('GET')).map(({ url }) => url))
    for (const { method, url, declaration, ownErrorHandler, body } of this.#declared()) {
      // The HEAD that Fastify adds to a GET has the same declaration and the same problems.
      if (method === 'HEAD' && gotten.has(url)) continue
      const malformed = declarationProblem(declaration)
      if (malformed !== null) problems.add(`${method} ${url}: ${malformed}`)
      else for (const problem of planProblems({ method, url, declaration, ownErrorHandler, body }, settings, policy)) problems.add(problem)
    }
    return [...problems]
  }

  #strayQuotas (): string[] {
    return this.#seen.flatMap(({ method, url, config }) => {
      const problem = strayQuotaProblem(config)
      return problem === null || method === 'HEAD' ? [] : [`${method} ${url}: ${problem}`]
    })
  }

  #undeclared (): string[] {
    return this.#seen
      .filter((route) => this.#declaration(route) === null && !route.preflight())
      .filter((route, _index, undeclared) => route.method !== 'HEAD' || !undeclared.some(({ method, url }) => url === route.url && method.includes('GET')))
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

  #sharedNames (policy: Policy | null): string[] {
    const every = this.#settings.quotas.every.map((quota): NamedQuota => ['quotas.every', quota])
    const ofRoutes = this.#declared().flatMap(({ method, url, declaration }) => {
      if (declaration === 'public' || !isAccess(declaration)) return []
      return [declaration.options.quota ?? []].flat().map((quota): NamedQuota => [`${method} ${url}`, quota])
    })
    return quotaNameProblems([...every, ...ofRoutes], policy)
  }

  #isPreflight (method: string, url: string): boolean {
    return this.#cors && method === 'OPTIONS' && url.endsWith('*') && !url.endsWith('/*')
  }

  #earlyPlan (method: string, url: string): RoutePlan {
    const key = `${method} ${url}`
    const known = this.#earlyPlans.get(key)
    if (known !== undefined) return known
    const declaration = this.#byPattern({ method, url })
    const plan = declaration === undefined
      ? closedPlan(method, url, this.#settings, this.#isPreflight(method, url) ? 'preflight' : 'closed')
      : planOf({ method, url, declaration, ownErrorHandler: false }, this.#settings)
    this.#earlyPlans.set(key, plan)
    return plan
  }
}

/** The routes that exist already. Below the root it cannot be told whose they are, except by the prefix. */
function earlyRoutes (app: FastifyInstance): { method: string, url: string }[] {
  const root = Object.hasOwn(app, 'printRoutes')
  const known = routesIn(app.printRoutes())
  if (root) return known
  return app.prefix === '' ? [] : known.filter(({ url }) => url === app.prefix || url.startsWith(`${app.prefix}/`))
}
