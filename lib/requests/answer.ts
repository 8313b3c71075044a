/** How a refusal becomes an answer: its headers, which the law sets, and its body, in the shape that the client prefers. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import Negotiator from 'negotiator'
import { parseChallenges } from '../authentication/challenge-parser.ts'
import { formatChallenge, orderChallenges } from '../authentication/challenge.ts'
import type { AnyScheme, Challenge, ChallengeContext } from '../authentication/scheme.ts'
import type { Settings } from '../options.ts'
import { fastifyShape, KINDS, problemText, type Refusal } from '../refusal.ts'
import type { Tried } from './passage.ts'
import { refusalPage } from './refusal-page.ts'

export interface Body {
  readonly type: string
  readonly text: string
}

const PROBLEM = 'application/problem+json'
const JSON_TYPE = 'application/json'
const HTML = 'text/html'

/** A browser's has less than 200 characters; to take a long one apart costs milliseconds. */
const LONGEST_ACCEPT = 1024

/** The refusal's body, for the client's `Accept` (RFC 9110 section 12.5.1). */
export function bodyOf (no: Refusal, request: FastifyRequest, settings: Settings): Body {
  const detail = detailOf(no, settings)
  if (settings.html && prefersHtml(request)) return { type: `${HTML}; charset=utf-8`, text: refusalPage(no, detail) }
  if (settings.format === 'fastify') return { type: `${JSON_TYPE}; charset=utf-8`, text: JSON.stringify(fastifyShape(no, detail)) }
  return { type: `${PROBLEM}; charset=utf-8`, text: problemText(no, pathOf(request), detail) }
}

/** The text that the application has for the code, unless the refusal was made with one of its own. */
function detailOf (no: Refusal, { details }: Settings): string {
  return no.message === KINDS[no.kind].detail && Object.hasOwn(details, no.code) ? details[no.code] as string : no.message
}

function prefersHtml (request: FastifyRequest): boolean {
  const { accept } = request.headers
  if (accept === undefined || accept.length > LONGEST_ACCEPT || !accept.includes(HTML)) return false
  return new Negotiator(request.raw).mediaType([PROBLEM, JSON_TYPE, HTML]) === HTML
}

/** The path without its query: a query may hold what must not be repeated. */
function pathOf (request: FastifyRequest): string {
  // RFC 9112 section 3.2.2: a target may have a scheme and an authority, and in that a password.
  const { originalUrl } = request
  const url = originalUrl.startsWith('/') ? originalUrl : originalUrl.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '')
  const end = url.search(/[?#;]/)
  return end === -1 ? url : url.slice(0, end)
}

/** The challenges of a 401, one a header line, token schemes first. Only the scheme that was tried carries its error. */
export function challenges (schemes: readonly AnyScheme[], tried: Tried | null, context: ChallengeContext): string[] {
  return orderChallenges(schemes, tried?.schemes[0]).flatMap((scheme) => challengesOf(scheme, tried?.schemes.includes(scheme) === true ? tried : null, context))
}

/** A scheme that cannot make its own challenge gets the plainest one: a 401 needs it. */
function challengesOf (scheme: AnyScheme, tried: Tried | null, context: ChallengeContext): string[] {
  try {
    const challenge = scheme.challenge(tried === null ? { kind: 'nothing_sent' } : { kind: 'error', ...tried }, context)
    return Array.isArray(challenge) ? challenge.map(formatChallenge) : [formatChallenge(challenge as Challenge)]
  } catch {
    return [formatChallenge({ scheme: scheme.name, params: [['realm', context.realm]] })]
  }
}

/** Whether a `WWW-Authenticate` header that the application has set can stay. */
export function wellFormed (header: unknown): boolean {
  const lines = [header].flat()
  return lines.length > 0 && lines.every((line) => typeof line === 'string' && (parseChallenges(line)?.length ?? 0) > 0)
}

/** Adds names to a list-valued header, keeping what is there; `*` says it all already. */
export function mergeHeader (reply: FastifyReply, name: string, names: readonly string[]): void {
  const present = String(reply.getHeader(name) ?? '').split(',').map((part) => part.trim()).filter((part) => part !== '')
  if (present.includes('*')) return
  const known = new Set(present.map((part) => part.toLowerCase()))
  const added = names.filter((part) => !known.has(part.toLowerCase()))
  if (added.length > 0) reply.header(name, [...present, ...added].join(', '))
}

/** Keeps the answer out of shared caches (RFC 9111 section 5.2.2.7), whatever else the application says of caching. */
export function makePrivate (reply: FastifyReply): void {
  const said = reply.getHeader('cache-control')
  if (said === undefined) {
    reply.header('cache-control', 'private')
    return
  }
  const present = String(said)
  if (/\b(?:private\b(?!\s*=)|no-store\b)/i.test(present)) return
  const others = present.split(',').map((part) => part.trim()).filter((part) => part !== '' && !/^(?:public|s-maxage)\b/i.test(part))
  reply.header('cache-control', ['private', ...others].join(', '))
}
