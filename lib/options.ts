/** The plugin's options, checked when it is registered. */
import type { FastifyRequest } from 'fastify'
import { checkSchemes, type AcceptedScheme } from './authentication/way.ts'
import { checkDisclosure, type Disclosure } from './authorization/disclosure.ts'
import type { Membership } from './authorization/membership.ts'
import { knownOptionsOnly, OptionError, wrongOption } from './option-error.ts'
import { isPolicyStore } from './policies/source.ts'
import type { Policies } from './policies/supply.ts'
import { checkReload, type ReloadOptions } from './reload/options.ts'
import type { ReloadTimes } from './reload/times.ts'
import type { BreakGlass, Tellers } from './requests/circumstances.ts'
import type { Declaration } from './routes/access.ts'
import { declarationProblem } from './routes/declaration.ts'
import { protectedResourcesOf, type ProtectedResource, type PublishedResource } from './routes/protected-resource.ts'
import { CREDENTIALS, credentialsName, SIGN_IN, type SignInThrottleOptions } from './throttling/credentials.ts'
import { isThrottleName, THROTTLE_OPTIONS } from './throttling/options.ts'
import { quotasSettings, type QuotasOptions, type QuotasSettings } from './throttling/quota-options.ts'
import type { ThrottleOptions } from './throttling/throttle.ts'

export interface GatehouseOptions {
  /** The protection space that challenges name (RFC 9110 section 11.5). Default `'api'`. */
  readonly realm?: string
  /** The schemes of every route that names none, in order. A scheme that is not in this list works only on the routes that name it. */
  readonly schemes?: readonly AcceptedScheme[]
  /** A folder of policy files, as a `file:` URL or a path; another store of them; or policies made by `definePolicy`. Needed for `can()`. */
  readonly policies?: Policies
  /** When policies are read again, beside `app.gatehouse.reload()`. */
  readonly reload?: ReloadOptions
  /** Requirements of routes that others register, by URL pattern; the most specific pattern wins, and a route's own declaration beats them all. */
  readonly routes?: Readonly<Record<string, Declaration>>
  /** The roles of a user. Default: its `roles`, a list of strings. */
  readonly roles?: (user: never) => readonly string[]
  /** The roles that a user has in some tenants only: `[{ tenant: 'aurora', roles: ['editor'] }]`. Default: its `memberships`. */
  readonly memberships?: (user: never) => readonly Membership[]
  /** What rules may ask of the environment beside `now` and `address`, asked once for each request. A throw is a 503. */
  readonly environment?: (request: FastifyRequest) => object | Promise<object>
  /** Who really asks, where somebody acts as the user: then only what both may do is allowed. `null`: nobody does. A refusal that it throws is the answer; another throw, and `undefined`, is a 503. */
  readonly actor?: (user: never, request: FastifyRequest) => object | null | Promise<object | null>
  /** The emergency that this user is granted, for its time; `null`: none. Every answer under it is logged. A throw is a 503. */
  readonly breakGlass?: (user: never, request: FastifyRequest) => BreakGlass | null | Promise<BreakGlass | null>
  /**
   * `'refuse'`: credentials over plain HTTP are a 403 `insecure_transport`, right and wrong ones alike, wherever credentials are looked at.
   * Behind a proxy that ends TLS this needs Fastify's `trustProxy`. Default `'allow'`.
   */
  readonly insecureTransport?: 'allow' | 'refuse'
  /**
   * What clients may know of the resources before they have a token (RFC 9728): served at `/.well-known/oauth-protected-resource…`, and named by
   * the challenges of Bearer and DPoP. A route belongs to the resource whose path is the longest beginning of its URL; a single one is that of all.
   */
  readonly protectedResources?: readonly ProtectedResource[]
  readonly refusals?: RefusalOptions
  /** What refusals may disclose, unless a resource or a route says otherwise. Default: nothing. */
  readonly disclose?: Disclosure
  /** The throttle in front of guessable secrets, and the count of wrong tokens and keys. `false` switches both off. */
  readonly throttle?: SignInThrottleOptions | false
  /**
   * Further throttles by their names, each with counters of its own, for `app.gatehouse.throttleOf('otp')`. Where one does not say otherwise, it has the
   * `store`, `secret`, `deadline`, `onStoreError`, `ipv6Prefix`, `canonical` and `onEvent` of `throttle`.
   */
  readonly throttles?: Readonly<Record<string, Omit<ThrottleOptions, 'name'>>>
  /** How requests are counted that spend of quotas, and the quotas of all routes. */
  readonly quotas?: QuotasOptions
}

export interface RefusalOptions {
  /** `'problem'`: RFC 9457 `application/problem+json` (default). `'fastify'`: Fastify's own shape of an error. */
  readonly format?: 'problem' | 'fastify'
  /** An HTML page for clients that prefer HTML. Default `true`. */
  readonly html?: boolean
  /** The public text for each code that the policies define, `{ article_archived: 'Archived articles stay as they are.' }`. */
  readonly details?: Readonly<Record<string, string>>
}

/** The options with their defaults. */
export interface Settings extends Tellers {
  readonly realm: string
  readonly schemes: readonly AcceptedScheme[]
  readonly policies: Policies | null
  readonly reload: ReloadTimes
  readonly routes: Readonly<Record<string, Declaration>>
  readonly roles: (user: object) => unknown
  readonly memberships: (user: object) => unknown
  readonly refusesInsecure: boolean
  readonly protectedResources: readonly PublishedResource[]
  readonly format: 'problem' | 'fastify'
  readonly html: boolean
  readonly details: Readonly<Record<string, string>>
  readonly disclose: Disclosure
  readonly throttle: SignInThrottleOptions | false
  readonly throttles: Readonly<Record<string, ThrottleOptions>>
  readonly quotas: QuotasSettings
}

const OPTIONS: readonly (keyof GatehouseOptions)[] = ['realm', 'schemes', 'policies', 'reload', 'routes', 'roles', 'memberships', 'environment', 'actor', 'breakGlass', 'insecureTransport', 'protectedResources', 'refusals', 'disclose', 'throttle', 'throttles', 'quotas']
const REFUSALS: readonly (keyof RefusalOptions)[] = ['format', 'html', 'details']

/** Checks the options. Throws FST_GATEHOUSE_OPTION for the first that does not make sense. */
export function settingsOf (options: GatehouseOptions): Settings {
  knownOptionsOnly('fastify-gatehouse', options, OPTIONS)
  const { realm = 'api', schemes = [], policies = null, reload = {}, routes = {}, roles = ownRoles, insecureTransport = 'allow', protectedResources = [], refusals = {}, disclose = {}, throttle = {}, throttles = {}, quotas = {} } = options
  if (typeof realm !== 'string' || !/^[\x20-\x7e]+$/.test(realm)) throw wrongOption('realm', realm, 'printable ASCII text')
  checkSchemes('schemes', schemes)
  if (policies !== null && typeof policies !== 'string' && !(policies instanceof URL) && !Array.isArray(policies) && !isPolicyStore(policies)) {
    throw wrongOption('policies', policies, 'a folder (a file: URL or a path), a store as policyFolder(…), policyTable(…) and policyKey(…) make it, or a list of policies made by definePolicy')
  }
  if (typeof roles !== 'function') throw wrongOption('roles', roles, 'a function from the user to a list of role names')
  if (insecureTransport !== 'allow' && insecureTransport !== 'refuse') throw wrongOption('insecureTransport', insecureTransport, "'allow' or 'refuse'")
  return {
    realm,
    schemes: [...schemes],
    policies,
    reload: checkReload('reload', reload, policies),
    routes: checkRoutes(routes),
    roles: roles as (user: object) => unknown,
    memberships: (functionOf('memberships', options.memberships) ?? ownMemberships) as Settings['memberships'],
    environment: functionOf('environment', options.environment) as Settings['environment'],
    actor: functionOf('actor', options.actor) as Settings['actor'],
    breakGlass: functionOf('breakGlass', options.breakGlass) as Settings['breakGlass'],
    refusesInsecure: insecureTransport === 'refuse',
    protectedResources: protectedResourcesOf('protectedResources', protectedResources),
    ...checkRefusals(refusals),
    disclose: checkDisclosure('disclose', disclose),
    throttle,
    throttles: checkThrottles(throttles, throttle),
    quotas: quotasSettings(quotas),
  }
}

/** They share a store, perhaps; so none may have the name of the first. */
function checkThrottles (throttles: unknown, throttle: GatehouseOptions['throttle']): Settings['throttles'] {
  checkObject('throttles', throttles, 'an object from names to options of a throttle')
  const first = typeof throttle === 'object' && typeof throttle?.name === 'string' ? throttle.name : SIGN_IN
  for (const name of [SIGN_IN, CREDENTIALS, first, credentialsName(first)]) {
    if (Object.hasOwn(throttles as object, name)) throw new OptionError(`throttles[${JSON.stringify(name)}]: that name is one of the option "throttle"; allowed is another.`)
  }
  for (const [name, options] of Object.entries(throttles as object)) {
    if (!isThrottleName(name)) throw new OptionError(`throttles[${JSON.stringify(name)}]: that is no name of a throttle; allowed is one of 1 to 64 letters, digits, "-" and "_".`)
    checkObject(`throttles.${name}`, options, 'an object of options of a throttle')
    if (Object.hasOwn(options as object, 'name')) throw new OptionError(`throttles.${name}: there is no option 'name': its name is ${JSON.stringify(name)}.`)
    knownOptionsOnly(`throttles.${name}`, options, THROTTLE_OPTIONS.filter((known) => known !== 'name'))
  }
  return { ...(throttles as Settings['throttles']) }
}

function ownMemberships (user: { readonly memberships?: unknown }): unknown {
  return user.memberships
}

function functionOf (option: string, given: unknown): unknown {
  if (given !== undefined && typeof given !== 'function') throw wrongOption(option, given, 'a function')
  return given ?? null
}

function ownRoles (user: { readonly roles?: unknown }): unknown {
  return user.roles ?? []
}

function checkRefusals (refusals: RefusalOptions): Pick<Settings, 'format' | 'html' | 'details'> {
  knownOptionsOnly('refusals', refusals, REFUSALS)
  const { format = 'problem', html = true, details = {} } = refusals
  if (format !== 'problem' && format !== 'fastify') throw wrongOption('refusals.format', format, '"problem" or "fastify"')
  if (typeof html !== 'boolean') throw wrongOption('refusals.html', html, 'true or false')
  checkObject('refusals.details', details, 'an object from codes to texts')
  for (const [code, text] of Object.entries(details)) {
    if (typeof text !== 'string' || text === '') throw wrongOption(`refusals.details.${code}`, text, 'the text for the client')
  }
  return { format, html, details: { ...details } }
}

function checkRoutes (routes: unknown): Readonly<Record<string, Declaration>> {
  checkObject('routes', routes, 'an object from URL patterns to requirements')
  for (const [pattern, declaration] of Object.entries(routes as object)) {
    const problem = declarationProblem(declaration)
    if (problem !== null) throw new OptionError(`routes["${pattern}"]: ${problem}`)
  }
  return { ...(routes as Record<string, Declaration>) }
}

function checkObject (where: string, given: unknown, allowed: string): void {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw wrongOption(where, given, allowed)
}
