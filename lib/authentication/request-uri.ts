/** The URI that a request is for, in the one form that all its spellings share (RFC 9449 section 4.3, facts: authentication P5). */
import type { FastifyRequest } from 'fastify'
import { OptionError, wrongOption } from '../option-error.ts'

/** Where clients see the application. */
export interface PublicAddress {
  /** `https://api.example` */
  readonly origin: string
  /** What a proxy takes off each path before it passes a request on: `/v1`, or nothing. */
  readonly prefix: string
}

/** Printable ASCII. A backslash is no slash, though URL parsers say so, and a `%` that begins no escape could become part of one. */
const URI = /^https?:\/\/[!-.0-[\]-~][!-[\]-~]*$/i
const STRAY_PERCENT = /%(?![\da-f]{2})/i

/** A `Host` with a slash in it would move the border between the host and the path. */
const ORIGIN = /^https?:\/\/(?:[\w.~-]+|\[[\da-f:.]+\])(?::\d*)?$/i

/** The absolute form of a request target (RFC 9112 section 3.2.2) up to its path. */
const ABSOLUTE = /^https?:\/\/[^/?#]*/i

const QUERY = /[?#]/

/** Characters of a URI that the log is told at most. */
const LONGEST_TOLD = 300

const DOT_SEGMENT = /(?:^|\/)(?:\.|%2e){1,2}(?:\/|$)/i

/** Each spelling of each escape, and its normal form: a path may be made of nothing else, and then a look-up is several times as fast as arithmetic. */
const ESCAPES = new Map(spellings().map((escape) => [escape, normalEscape(escape)]))

/**
 * Without query and fragment; scheme and host in lower case, without a default port; no dot segments; an escape of an unreserved character is
 * that character, all others are in upper case (RFC 3986 sections 6.2.2 and 6.2.3), so an escaped slash stays different from a slash.
 * `null` for what is no http or https URI, or holds credentials.
 */
export function normalUri (text: string): string | null {
  const uri = withoutQuery(text)
  if (!URI.test(uri) || STRAY_PERCENT.test(uri) || !URL.canParse(uri)) return null
  const { origin, pathname, username, password } = new URL(uri)
  if (username !== '' || password !== '') return null
  return origin + pathname.replace(/%../g, (escape) => ESCAPES.get(escape) as string)
}

/**
 * Whether a URI in normal form is that of the request, whose path is taken as it was sent, before any rewriting. It is expected below one of
 * `addresses`; without any, below the request's own protocol and host, which are the proxy's word where Fastify trusts it.
 */
export function isRequested (uri: string, request: FastifyRequest, addresses: readonly PublicAddress[]): boolean {
  const path = pathOf(request.originalUrl)
  if (path === null) return false
  if (addresses.length > 0) return addresses.some(({ origin, prefix }) => uri === origin + prefix + path)
  const root = `${request.protocol}://${request.host}`
  return ORIGIN.test(root) && uri === normalUri(root + path)
}

/** For the log: what a proof for this request would have to say. */
export function expectedUri (request: FastifyRequest, addresses: readonly PublicAddress[]): string {
  const path = pathOf(request.originalUrl)
  if (path === null) return 'for a target without a URI, as that of the request is'
  const roots = addresses.length > 0 ? addresses.map(({ origin, prefix }) => origin + prefix) : [`${request.protocol}://${request.host}`]
  return roots.map((root) => `${root}${path}`.slice(0, LONGEST_TOLD)).join(' or ')
}

/** @throws OptionError unless `given` is an absolute http or https URL without a query. */
export function publicAddress (where: string, given: unknown): PublicAddress {
  const uri = typeof given === 'string' && !QUERY.test(given) ? normalUri(given) : null
  if (uri !== null) {
    const { origin, pathname } = new URL(uri)
    return { origin, prefix: pathname.replace(/\/+$/, '') }
  }
  // not shown: it holds a secret
  if (/^[^/]*\/\/[^/]*@/.test(String(given))) throw new OptionError(`${where}: the URL holds credentials, which do not belong there.`)
  throw wrongOption(where, given, "an absolute URL without a query, 'https://api.example.com'")
}

/** In normal form. `null` for a target without a path, such as `*`, and for one with dot segments, which no client sends. */
function pathOf (target: string): string | null {
  const path = withoutQuery(target).replace(ABSOLUTE, '')
  if (path !== '' && !path.startsWith('/')) return null
  // a router does not resolve them, so the proof would be for one route and the request for another
  if (DOT_SEGMENT.test(path)) return null
  return normalUri(`http://host${path}`)?.slice('http://host'.length) ?? null
}

function withoutQuery (text: string): string {
  const end = text.search(QUERY)
  return end === -1 ? text : text.slice(0, end)
}

function spellings (): string[] {
  const digits = [...'0123456789abcdefABCDEF']
  return digits.flatMap((high) => digits.map((low) => `%${high}${low}`))
}

function normalEscape (escape: string): string {
  const character = String.fromCharCode(Number.parseInt(escape.slice(1), 16))
  return /[\w.~-]/.test(character) ? character : escape.toUpperCase()
}
