/** Protected resource metadata (RFC 9728): where each resource publishes what about itself, and to which resource a route belongs. */
import { endpointUrl } from '../authentication/tokens/endpoint-url.ts'
import { knownOptionsOnly, OptionError, wrongOption } from '../option-error.ts'

/** What a client may know of a resource before it has a token, RFC 9728 section 2. */
export interface ProtectedResource {
  /**
   * The identifier that clients use for it, which is the `resource` and the `aud` of their tokens: an absolute https URL (http for loopback)
   * without query and fragment. It is what clients see; behind a proxy, its URL.
   */
  readonly resource: string
  /** The issuers whose tokens are taken, as they write themselves. https, or http for loopback. */
  readonly authorizationServers?: readonly string[] | undefined
  /** The scopes that a client may know of. None is told that is not in this list (facts: authentication R6). */
  readonly scopesSupported?: readonly string[] | undefined
  /** Where a bearer token may be sent. Default `['header']`. */
  readonly bearerMethodsSupported?: ReadonlyArray<'header' | 'query'> | undefined
  /** The resource's own public keys, with which it signs what it answers. */
  readonly jwksUri?: string | undefined
  /** For people. */
  readonly resourceName?: string | undefined
  /** Pages for people: for developers, on what a client may do with the data, the terms of service. */
  readonly resourceDocumentation?: string | undefined
  readonly resourcePolicyUri?: string | undefined
  readonly resourceTosUri?: string | undefined
  /** RFC 8705. Default `false`. */
  readonly tlsClientCertificateBoundAccessTokens?: boolean | undefined
  /** RFC 9449: no token is taken without a proof. Default `false`. */
  readonly dpopBoundAccessTokensRequired?: boolean | undefined
  readonly authorizationDetailsTypesSupported?: readonly string[] | undefined
  readonly dpopSigningAlgValuesSupported?: readonly string[] | undefined
  readonly resourceSigningAlgValuesSupported?: readonly string[] | undefined
}

export interface PublishedResource {
  /** The identifier, as it was given. */
  readonly resource: string
  /** The path of its metadata, which is also the URL of the route that serves them: it has nothing that a router would read as a parameter. */
  readonly path: string
  /** The absolute URL of its metadata, made of the identifier and of nothing that a client sends (facts: authentication R4). */
  readonly url: string
  /** The metadata, as JSON. */
  readonly document: string
  /** The segments of the identifier's path. */
  readonly segments: readonly string[]
}

const WELL_KNOWN = '/.well-known/oauth-protected-resource'

/** Neither `:` nor `*`, which a router reads as a parameter, nor `%`, which it decodes, nor an empty segment. */
const PATH = /^(?:\/[\w.~!$&'()+,;=@-]+)*\/?$/

/** RFC 6749 section 3.3. */
const SCOPE = /^[!#-[\]-~]+$/

type Read = (where: string, given: unknown) => unknown

/** The options and the members of the document that they become, in its order. */
const MEMBERS: Readonly<Record<Exclude<keyof ProtectedResource, 'resource'>, readonly [name: string, read: Read]>> = {
  authorizationServers: ['authorization_servers', listOf(issuer)],
  jwksUri: ['jwks_uri', address],
  scopesSupported: ['scopes_supported', listOf(textLike(SCOPE, 'a scope: printable ASCII without spaces, quotes and backslashes'))],
  bearerMethodsSupported: ['bearer_methods_supported', listOf(textLike(/^(?:header|query)$/, "'header' or 'query'"))],
  resourceSigningAlgValuesSupported: ['resource_signing_alg_values_supported', listOf(algorithm())],
  resourceName: ['resource_name', text()],
  resourceDocumentation: ['resource_documentation', address],
  resourcePolicyUri: ['resource_policy_uri', address],
  resourceTosUri: ['resource_tos_uri', address],
  tlsClientCertificateBoundAccessTokens: ['tls_client_certificate_bound_access_tokens', flag],
  authorizationDetailsTypesSupported: ['authorization_details_types_supported', listOf(text())],
  dpopSigningAlgValuesSupported: ['dpop_signing_alg_values_supported', listOf(algorithm())],
  dpopBoundAccessTokensRequired: ['dpop_bound_access_tokens_required', flag],
}

const KNOWN = ['resource', ...Object.keys(MEMBERS)]
const DEFAULTS: Readonly<Record<string, unknown>> = { bearerMethodsSupported: ['header'] }

/**
 * What is published about each resource, and where (RFC 9728 sections 2 and 3.1).
 *
 * @throws OptionError when something does not make sense, or two resources have one place.
 */
export function protectedResourcesOf (where: string, given: unknown): PublishedResource[] {
  if (!Array.isArray(given)) throw wrongOption(where, given, "a list of resources, [{ resource: 'https://…' }]")
  const published: PublishedResource[] = []
  for (const [index, options] of given.entries()) {
    const here = `${where}[${index}]`
    const resource = publishedResource(here, options)
    const other = published.find(({ segments }) => segments.join('/') === resource.segments.join('/'))
    if (other !== undefined) {
      throw new OptionError(`${here}.resource: the metadata of ${resource.resource} and of ${other.resource} have the same path, ${resource.path}; give each resource a path of its own, or each host a server of its own.`)
    }
    published.push(resource)
  }
  return published
}

/**
 * The resource that a route belongs to, by the URL that the route was registered with: the one whose path is the longest beginning of it, by
 * segments. A single resource is that of all routes, so that a proxy may change the paths.
 */
export function resourceFor (routeUrl: string, resources: readonly PublishedResource[]): PublishedResource | undefined {
  if (resources.length === 1) return resources[0]
  const given = segmentsOf(routeUrl)
  let nearest: PublishedResource | undefined
  for (const resource of resources) {
    const { segments } = resource
    if (!segments.every((segment, index) => segment === given[index])) continue
    if (nearest === undefined || segments.length > nearest.segments.length) nearest = resource
  }
  return nearest
}

function publishedResource (where: string, options: unknown): PublishedResource {
  knownOptionsOnly(where, options, KNOWN)
  const { resource, ...given } = options as ProtectedResource
  const { origin, pathname } = identifier(`${where}.resource`, resource)
  // The slash of a bare host is removed, that of a path is part of it (RFC 9728 section 3.1).
  const path = WELL_KNOWN + (pathname === '/' ? '' : pathname)
  return { resource, path, url: origin + path, document: JSON.stringify({ resource, ...membersOf(where, given) }), segments: segmentsOf(pathname) }
}

/** Without what is empty or `false`, which is how a client reads it when it is absent (RFC 9728 sections 2 and 3.2). */
function membersOf (where: string, given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const members: Record<string, unknown> = {}
  for (const [option, [name, read]] of Object.entries(MEMBERS)) {
    const value = given[option] ?? DEFAULTS[option]
    if (value === undefined) continue
    const member = read(`${where}.${option}`, value)
    if (member !== false && !(Array.isArray(member) && member.length === 0)) members[name] = member
  }
  return members
}

/**
 * RFC 9728 section 1.2. Clients compare it letter by letter, also with the `aud` of their tokens, so it has to be written as a URL parser writes
 * it; only the slash after a bare host may be left out.
 */
function identifier (where: string, given: unknown): URL {
  const url = plainAddress(where, given)
  if (url.href !== given && url.href !== `${given as string}/`) throw wrongOption(where, given, `a URL in its normal form, '${url.href}'`)
  if (!PATH.test(url.pathname)) throw wrongOption(where, given, "a URL whose path has letters, digits and -._~!$&'()+,;=@, and no empty segment")
  return url
}

/** RFC 8414 section 2. Compared letter by letter, so it is published as it was given. */
function issuer (where: string, given: unknown): string {
  plainAddress(where, given)
  return given as string
}

function plainAddress (where: string, given: unknown): URL {
  const url = new URL(address(where, given))
  if (/[?#]/.test(given as string)) throw wrongOption(where, given, 'a URL without query and fragment')
  return url
}

function address (where: string, given: unknown): string {
  if (typeof given !== 'string') throw wrongOption(where, given, "an absolute URL, 'https://…'")
  endpointUrl(where, given)
  return given
}

/** RFC 9728 section 2: never `none`. */
function algorithm (): Read {
  return textLike(/^(?!none$)[\w-]+$/i, "the name of a JWS algorithm, like 'ES256'; 'none' is none")
}

function text (): Read {
  return textLike(/./s, 'a text that is not empty')
}

function textLike (pattern: RegExp, allowed: string): Read {
  return (where, given) => {
    if (typeof given !== 'string' || !pattern.test(given)) throw wrongOption(where, given, allowed)
    return given
  }
}

function flag (where: string, given: unknown): boolean {
  if (typeof given !== 'boolean') throw wrongOption(where, given, 'true or false')
  return given
}

function listOf (read: Read): Read {
  return (where, given) => {
    if (!Array.isArray(given)) throw wrongOption(where, given, 'a list')
    return given.map((item, index) => read(`${where}[${index}]`, item))
  }
}

function segmentsOf (path: string): string[] {
  return path.split('/').filter((segment) => segment !== '')
}
