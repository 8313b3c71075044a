/** Where a bearer token may stand in a request: RFC 6750 section 2, a cookie, and what a browser can set on a WebSocket. */
import type { FastifyRequest } from 'fastify'
import { wrongOption } from '../option-error.ts'
import { TOKEN } from './grammar.ts'
import { mayUseCookies, type TrustedSites } from './request-site.ts'
import type { AuthorizationField, CredentialPlace, Found } from './scheme.ts'
import { checkKeys } from './schemes/options.ts'
import { COOKIE_SITES, trustedSites, type CookieSites } from './trusted-sites.ts'

export interface TokenCookie extends CookieSites {
  /** The cookie's name; `__Host-token` keeps other hosts of the domain from setting it. */
  readonly name: string
}

/** `Authorization` is always looked at. */
export interface TokenPlaces {
  /**
   * A cookie that holds the token, by its name. It counts only where no token was sent otherwise, and with an unsafe method only from the
   * application's own pages. Default none.
   */
  readonly cookie?: string | TokenCookie | undefined
  /**
   * Whether the query may hold it, as `access_token`. Addresses end up in logs, histories and `Referer`s, Fastify's own log among them. Default
   * false.
   */
  readonly query?: boolean | undefined
  /**
   * Whether the upgrade to a WebSocket may name it as a subprotocol, `bearer.<token>`: a browser can set no header there. It must not be the first
   * one, which servers send back. Default false.
   */
  readonly subprotocol?: boolean | undefined
}

export interface TokenFinder {
  readonly varyOn: readonly string[]
  /** Never throws. */
  find: (request: FastifyRequest, fields: readonly AuthorizationField[]) => Found<string>
}

export const TOKEN_PLACES = ['cookie', 'query', 'subprotocol']

const SUBPROTOCOL = 'bearer.'

type Sought = (request: FastifyRequest) => Found<string>

const NOTHING = Object.freeze({ kind: 'nothing' } as const)
const TWO = Object.freeze({ kind: 'two', reason: 'a token in more than one of Authorization, the query and the subprotocols' } as const)
const TWO_IN_QUERY = Object.freeze({ kind: 'two', reason: 'access_token stands more than once in the query' } as const)
const CROSS_SITE = Object.freeze({ kind: 'cross_site', place: 'cookie', reason: 'the token cookie came with a request of another site' } as const)

/** @throws OptionError when an option does not make sense. */
export function tokenFinder (where: string, { cookie, query = false, subprotocol = false }: TokenPlaces, maxLength: number): TokenFinder {
  if (typeof query !== 'boolean') throw wrongOption(`${where} query`, query, 'true or false')
  if (typeof subprotocol !== 'boolean') throw wrongOption(`${where} subprotocol`, subprotocol, 'true or false')
  const inCookie = cookie === undefined ? undefined : cookieSought(where, cookie, maxLength)
  const elsewhere: Sought[] = []
  if (query) elsewhere.push((request) => inQuery(request, maxLength))
  if (subprotocol) elsewhere.push((request) => inSubprotocols(request, maxLength))

  return {
    varyOn: ['Authorization', ...inCookie === undefined ? [] : ['Cookie'], ...subprotocol ? ['Sec-WebSocket-Protocol'] : []],

    find (request, fields) {
      let found = inAuthorization(fields, maxLength)
      for (const look of elsewhere) {
        const other = look(request)
        if (other.kind === 'nothing') continue
        // facts: authentication B6
        if (found.kind !== 'nothing') return TWO
        found = other
      }
      return found.kind === 'nothing' && inCookie !== undefined ? inCookie(request) : found
    },
  }
}

/** RFC 6750 section 2.1: `Bearer` and one token68. */
function inAuthorization (fields: readonly AuthorizationField[], maxLength: number): Found<string> {
  for (const { scheme, rest } of fields) {
    if (scheme === 'bearer') return tokenIn('authorization', rest, maxLength)
  }
  return NOTHING
}

/** RFC 6750 section 2.3, in the address that the client has sent: `+` is a space there. */
function inQuery ({ originalUrl }: FastifyRequest, maxLength: number): Found<string> {
  const start = originalUrl.indexOf('?')
  if (start === -1) return NOTHING
  // a name can be written with escapes; without any there is nothing to take apart
  if (!/access_token|%/.test(originalUrl)) return NOTHING
  const [token, more] = new URLSearchParams(originalUrl.slice(start)).getAll('access_token')
  if (token === undefined) return NOTHING
  return more === undefined ? tokenIn('query', token, maxLength) : TWO_IN_QUERY
}

/** RFC 6455 section 4.1: a list of tokens, the preferred first; empty elements do not count (RFC 9110 section 5.6.1). */
function inSubprotocols ({ headers }: FastifyRequest, maxLength: number): Found<string> {
  const { upgrade, 'sec-websocket-protocol': protocols } = headers
  if (protocols === undefined || upgrade?.toLowerCase() !== 'websocket') return NOTHING
  const [token, more] = itemsAfter(SUBPROTOCOL, protocols, ',')
  if (token === undefined) return NOTHING
  if (/^[ \t,]*$/.test(protocols.slice(0, token.at))) return malformed('header', 'the token is the first subprotocol, which servers send back')
  return more === undefined ? tokenIn('header', token.rest, maxLength) : malformed('header', 'several subprotocols are tokens')
}

function cookieSought (where: string, given: string | TokenCookie, maxLength: number): Sought {
  const cookie = typeof given === 'string' ? { name: given } : given
  checkKeys(`${where} cookie`, cookie, ['name', ...COOKIE_SITES])
  const { name } = cookie
  if (typeof name !== 'string' || !TOKEN.test(name)) throw wrongOption(`${where} cookie name`, name, 'the name of a cookie')
  const trusted = trustedSites(`${where} cookie`, cookie)
  return (request) => inCookie(request, name, trusted, maxLength)
}

/** An empty cookie is one that was taken back. */
function inCookie (request: FastifyRequest, name: string, trusted: TrustedSites | null, maxLength: number): Found<string> {
  const { cookie } = request.headers
  if (cookie === undefined) return NOTHING
  const [token, more] = itemsAfter(`${name}=`, cookie, ';')
  if (token === undefined || (token.rest === '' && more === undefined)) return NOTHING
  if (trusted !== null && !mayUseCookies(request, trusted)) return CROSS_SITE
  // one of them may be of another host or path (RFC 6265 section 4.2.2), and nobody can tell which
  return more === undefined ? tokenIn('cookie', token.rest, maxLength) : malformed('cookie', 'there are several cookies of that name')
}

interface Item {
  readonly at: number
  readonly rest: string
}

/**
 * Where items of a list begin with `prefix`, and the rest of them: the first two. Only blanks are taken off (RFC 9110 section 5.6.3): with other
 * white space in front, a cookie that any page of the domain may set would pass for `__Host-token`.
 */
function itemsAfter (prefix: string, list: string, separator: string): Item[] {
  const items: Item[] = []
  for (let at = list.indexOf(prefix); at !== -1 && items.length < 2; at = list.indexOf(prefix, at + 1)) {
    const start = withoutBlanks(list, 0, at)
    if (start !== 0 && list[start - 1] !== separator) continue
    const end = list.indexOf(separator, at)
    items.push({ at, rest: list.slice(at + prefix.length, withoutBlanks(list, at + prefix.length, end === -1 ? list.length : end)) })
  }
  return items
}

/** The end of the text from `start` to `end` without the blanks at its end. */
function withoutBlanks (text: string, start: number, end: number): number {
  let last = end
  while (last > start && isBlank(text.charCodeAt(last - 1))) last--
  return last
}

function isBlank (code: number): boolean {
  return code === 0x20 || code === 0x09
}

/** Whether it is a token68 at all, `tokenReader` says. */
function tokenIn (place: CredentialPlace, token: string, maxLength: number): Found<string> {
  if (token.length > maxLength) return malformed(place, `the token is longer than ${maxLength} characters`)
  return { kind: 'credentials', place, credentials: token }
}

function malformed (place: CredentialPlace, reason: string): Found<never> {
  return { kind: 'malformed', place, reason }
}
