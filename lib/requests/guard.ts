/** The last look at every answer: whatever happened before it, it leaves as the laws say. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { AnyScheme, SchemeHeaders } from '../authentication/scheme.ts'
import type { Settings } from '../options.ts'
import { Refusal, refusal } from '../refusal.ts'
import { bodyOf, challenges, makePrivate, mergeHeader, wellFormed } from './answer.ts'
import type { Passage } from './passage.ts'
import { withdraw } from './withdrawn.ts'

/** The headers that a browser's script must be allowed to read across origins. */
const EXPOSED = ['WWW-Authenticate', 'Retry-After', 'RateLimit', 'RateLimit-Policy']

/** Puts the answer right and returns its payload. `answersItself`: whether the application has no error handler of its own in this scope. */
export function guardAnswer<R extends FastifyRequest> (request: R, reply: FastifyReply, given: unknown, passage: Passage, settings: Settings, answersItself: (request: R) => boolean): unknown {
  const payload = unwrapped(reply, given)
  // What is found only here no error handler of the application has seen: the answer is the handler's, and must not go out.
  const found = passage.refusal === null ? unspent(passage) ?? neverFiltered(passage, reply.statusCode) : null
  if (found !== null) withdraw(reply)
  passage.refusal ??= found
  const answer = passage.refusal === null ? payload : refused(request, reply, payload, passage.refusal, settings, found !== null || answersItself(request))
  if (passage.schemeHeaders !== null) protocolOf(reply, passage.schemeHeaders)
  lawful(request, reply, passage, settings, reply.statusCode)
  return answer
}

/** The headers that the law puts on an answer with this status; on one that has them it changes nothing. */
export function lawful (request: FastifyRequest, reply: FastifyReply, passage: Passage, settings: Settings, status: number): void {
  challengeOrNot(request, reply, passage, settings, status)
  cachingOf(reply, passage, settings, status)
}

/** A `Response` is taken apart here, because Fastify does so only after this hook (Fastify's documentation, Reply, "Response"). */
function unwrapped (reply: FastifyReply, payload: unknown): unknown {
  if (!isResponse(payload) || payload.bodyUsed) return payload
  reply.code(payload.status)
  for (const [name, value] of payload.headers) reply.header(name, value)
  // Of `null` Fastify's hook for HEAD cannot make anything, and `undefined` would leave the payload as it was.
  return payload.body ?? ''
}

/** Fastify's own test: also the `Response` of another implementation counts. */
function isResponse (payload: unknown): payload is Response {
  return typeof payload === 'object' && Object.prototype.toString.call(payload) === '[object Response]'
}

/** A route for many records whose handler answered without the condition that says which of them. */
function neverFiltered ({ plan, asked }: Passage, status: number): Refusal | null {
  if (plan.lists.length === 0 || status < 200 || status >= 300 || plan.lists.every((resource) => asked?.has(resource))) return null
  return refusal('temporarily_unavailable', { reason: 'the handler of a list never asked for its filter' })
}

/** A handler that forgot its `await` goes on where it should have stopped. */
function unspent ({ unheard }: Passage): Refusal | null {
  if (unheard === null) return null
  return unheard.error instanceof Refusal ? unheard.error : refusal('temporarily_unavailable', { reason: 'the handler did not wait for request.spend(…), and it failed', cause: unheard.error })
}

/** The application's error handler may have changed body, content type, or the answer into a redirect; nothing else of a refusal. */
function refused (request: FastifyRequest, reply: FastifyReply, payload: unknown, no: Refusal, settings: Settings, answersItself: boolean): unknown {
  const status = reply.statusCode
  for (const [name, value] of Object.entries(no.headers)) reply.header(name, value)
  if (!answersItself && isRedirect(reply)) return payload
  if (!answersItself && status === no.statusCode) return payload
  discard(payload)
  const { type, text } = bodyOf(no, request, settings)
  reply.code(no.statusCode).header('content-type', type)
  for (const name of OF_ANOTHER_BODY) without(reply, name)
  if (type.startsWith('text/html')) reply.header('x-robots-tag', 'noindex')
  return text
}

const OF_ANOTHER_BODY = ['content-length', 'content-encoding']

/** To take away what is not there costs as much as what is: the object of the headers is never the same again. */
function without (reply: FastifyReply, name: string): void {
  if (reply.hasHeader(name)) reply.removeHeader(name)
}

function isRedirect (reply: FastifyReply): boolean {
  return reply.statusCode >= 300 && reply.statusCode < 400 && reply.hasHeader('location')
}

/** A stream of Node.js's, or one of the web's, as the body of a `Response` is: whoever feeds it must not wait for ever. */
function discard (payload: unknown): void {
  const { destroy, cancel } = (payload ?? {}) as { readonly destroy?: unknown, readonly cancel?: unknown }
  if (typeof destroy === 'function') destroy.call(payload)
  // Of one that somebody reads already it is rejected.
  else if (typeof cancel === 'function') Promise.resolve(cancel.call(payload)).catch(() => {})
}

/** Law 1. A 401 from anywhere is challenged; nothing else is, except the 400 and the 403 of RFC 6750. */
export function challengeOrNot (request: FastifyRequest, reply: FastifyReply, passage: Passage, settings: Settings, status: number): void {
  const { plan, tried, refusal: no } = passage
  if (status === 401) {
    if (no !== null || !wellFormed(reply.getHeader('www-authenticate'))) challenge(plan.schemes, request, reply, passage, settings)
    return
  }
  const schemes = no !== null && status === no.statusCode && tried !== null ? tried.schemes.filter((scheme) => scheme.oauth) : NO_SCHEMES
  if (schemes.length > 0) challenge(schemes, request, reply, passage, settings)
  else without(reply, 'www-authenticate')
}

function challenge (schemes: readonly AnyScheme[], request: FastifyRequest, reply: FastifyReply, { plan, tried }: Passage, { realm }: Settings): void {
  reply.header('www-authenticate', challenges(schemes, tried, { request, realm, resourceMetadata: plan.resourceMetadata }))
}

const NO_SCHEMES: readonly AnyScheme[] = []

/** What the scheme's own protocol says, also to a script of another origin (facts: authentication P15). */
function protocolOf (reply: FastifyReply, headers: SchemeHeaders): void {
  reply.headers(headers)
  if (reply.hasHeader('access-control-allow-origin')) mergeHeader(reply, 'access-control-expose-headers', Object.keys(headers))
}

/** Law 8. */
function cachingOf (reply: FastifyReply, { plan, refusal: no, schemeHeaders, sentInUrl }: Passage, settings: Settings, status: number): void {
  const looked = plan.mode !== 'public'
  const isNo = no !== null || status === 401
  if (looked && !reply.hasHeader('vary')) {
    const vary = isNo ? plan.varyOfRefusal : plan.vary
    if (vary !== '') reply.header('vary', vary)
  } else {
    if (looked) mergeHeader(reply, 'vary', plan.varyOn)
    if (isNo && settings.html) mergeHeader(reply, 'vary', ['Accept'])
  }
  if (isNo) {
    reply.header('cache-control', 'no-store')
    if (reply.hasHeader('access-control-allow-origin')) mergeHeader(reply, 'access-control-expose-headers', EXPOSED)
    return
  }
  // RFC 6750 section 2.3, RFC 9449 section 8.2
  if (sentInUrl || schemeHeaders !== null) reply.header('cache-control', 'no-store')
  else if (looked && plan.private) makePrivate(reply)
}
