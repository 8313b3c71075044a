/** Every no: its kind, status, code, headers and public text. */

interface Kind {
  readonly status: number
  readonly title: string
  /** A registered problem type, in place of `about:blank`. */
  readonly type?: string
  /** The fixed text for the client. It never depends on the request. */
  readonly detail: string
}

/** The closed list of refusals. A kind is also the `code` that the client learns, unless a policy gives a forbidden answer a code of its own. */
export const KINDS = {
  invalid_request: { status: 400, title: 'Bad Request', detail: 'Send one kind of credentials, once.' },
  unauthenticated: { status: 401, title: 'Unauthorized', detail: 'Sign in to continue.' },
  invalid_credentials: { status: 401, title: 'Unauthorized', detail: 'The credentials are not valid.' },
  insufficient_user_authentication: { status: 401, title: 'Unauthorized', detail: 'Sign in again to continue.' },
  insufficient_permissions: { status: 403, title: 'Forbidden', detail: 'You may not do this.' },
  insufficient_scope: { status: 403, title: 'Forbidden', detail: 'The credentials do not cover this.' },
  forbidden_fields: { status: 403, title: 'Forbidden', detail: 'You may not write these fields.' },
  cross_site: { status: 403, title: 'Forbidden', detail: 'This request came from another site.' },
  insecure_transport: { status: 403, title: 'Forbidden', detail: 'Send credentials over HTTPS only.' },
  not_found: { status: 404, title: 'Not Found', detail: 'There is nothing here.' },
  too_many_attempts: { status: 429, title: 'Too Many Requests', detail: 'Too many failed attempts. Try again later.' },
  quota_exceeded: { status: 429, title: 'Too Many Requests', type: 'https://iana.org/assignments/http-problem-types#quota-exceeded', detail: 'Too many requests. Try again later.' },
  temporarily_unavailable: { status: 503, title: 'Service Unavailable', detail: 'This cannot be decided right now. Try again later.' },
} as const satisfies Readonly<Record<string, Kind>>

export type RefusalKind = keyof typeof KINDS

const KIND: Readonly<Record<RefusalKind, Kind>> = KINDS

/** Seconds a client should wait when nothing better is known, and the longest that is ever said. */
const RETRY_AFTER = 5
const LONGEST_RETRY_AFTER = 2 ** 31 - 1

/** What a refusal may tell the client beyond its kind, because the application disclosed it. */
export interface Details {
  readonly action?: string
  readonly subject?: string
  readonly requiredRoles?: readonly string[]
  readonly currentRoles?: readonly string[]
  readonly requiredScopes?: readonly string[]
}

export interface RefusalInit {
  /** For the log; never sent, unless the application discloses reasons in a header. */
  readonly reason: string
  /** A public code from a policy, in place of the kind's. */
  readonly code?: string | undefined
  /** The public text that belongs to that code. */
  readonly detail?: string | undefined
  /** Extra headers, with lower-case names. */
  readonly headers?: Readonly<Record<string, string | string[]>> | undefined
  /** Whole seconds, at least 1. */
  readonly retryAfter?: number | undefined
  /** The forbidden fields among those that the client itself sent. */
  readonly fields?: readonly string[] | undefined
  readonly details?: Details | undefined
  /** The names of the quotas that are used up. */
  readonly violated?: readonly string[] | undefined
  /** A help page, sent as the problem's `type`. */
  readonly help?: string | undefined
  readonly cause?: unknown
}

/**
 * One no, thrown once. It is what an application's own error handler receives: `statusCode`, `code`, `headers` and `message` are
 * public; the reason and the cause are for the log and are not enumerable, so that no serializer passes them on.
 */
export class Refusal extends Error {
  readonly kind: RefusalKind
  readonly statusCode: number
  readonly code: string
  readonly headers: Readonly<Record<string, string | string[]>>
  readonly fields?: readonly string[]
  readonly details?: Details
  readonly violated?: readonly string[]
  readonly help?: string
  declare readonly cause: unknown
  readonly #reason: string

  constructor (kind: RefusalKind, init: RefusalInit) {
    const { status, detail } = KINDS[kind]
    super(init.detail ?? detail)
    this.#reason = init.reason
    if (init.cause !== undefined) Object.defineProperty(this, 'cause', { value: init.cause })
    this.kind = kind
    this.statusCode = status
    this.code = init.code ?? kind
    this.headers = headersOf(status, init)
    if (init.fields !== undefined) this.fields = init.fields
    if (init.details !== undefined) this.details = init.details
    if (init.violated !== undefined) this.violated = init.violated
    if (init.help !== undefined) this.help = init.help
  }

  get reason (): string {
    return this.#reason
  }
}

// Not enumerable, as that of every error.
Object.defineProperty(Refusal.prototype, 'name', { value: 'Refusal', configurable: true, writable: true })

/**
 * A refusal to throw. It is an expected outcome and carries no stack, whose capture would cost more than the decision.
 * @throws {TypeError} for a kind that there is none of, and without a reason
 */
export function refusal (kind: RefusalKind, init: RefusalInit): Refusal {
  if (!Object.hasOwn(KINDS, kind)) throw new TypeError(`refusal: there is no kind ${JSON.stringify(kind)}; allowed are ${Object.keys(KINDS).join(', ')}`)
  if (typeof init?.reason !== 'string') throw new TypeError(`refusal("${kind}", { reason }): the reason, for the log, is needed`)
  return withoutTrace(() => new Refusal(kind, init))
}

/** Makes an error that is an expected outcome, or does what may throw one: to note where it was made would take longer than all the rest. */
export function withoutTrace<T> (make: () => T): T {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  try {
    return make()
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

const NO_STORE = Object.freeze({ 'cache-control': 'no-store' })

function headersOf (status: number, init: RefusalInit): Readonly<Record<string, string | string[]>> {
  if (init.headers === undefined && init.retryAfter === undefined && status !== 429 && status !== 503) return NO_STORE
  const headers: Record<string, string | string[]> = { 'cache-control': 'no-store', ...init.headers }
  if (init.retryAfter !== undefined || status === 429 || status === 503) headers['retry-after'] = String(wholeSeconds(init.retryAfter))
  return headers
}

function wholeSeconds (retryAfter = RETRY_AFTER): number {
  const seconds = Number.isNaN(retryAfter) ? RETRY_AFTER : Math.ceil(retryAfter)
  return Math.min(Math.max(1, seconds), LONGEST_RETRY_AFTER)
}

/** RFC 9457 problem details. `instance` is the request's path without its query. */
export function problem (no: Refusal, instance: string, detail = no.message): Record<string, unknown> {
  return {
    type: no.help ?? KIND[no.kind].type ?? 'about:blank',
    title: KINDS[no.kind].title,
    status: no.statusCode,
    code: no.code,
    detail,
    instance,
    ...(no.fields !== undefined && { fields: no.fields }),
    ...(no.details !== undefined && { details: no.details }),
    ...(no.violated !== undefined && { 'violated-policies': no.violated }),
  }
}

/** The problem of each kind up to its `instance`, as text: that of most refusals has little else in it. */
const WRITTEN = new Map(Object.keys(KINDS).map((kind) => {
  const { type = 'about:blank', title, status, detail } = KIND[kind as RefusalKind]
  return [kind, JSON.stringify({ type, title, status, code: kind, detail }).slice(0, -1)]
}))

/** The same as JSON. */
export function problemText (no: Refusal, instance: string, detail = no.message): string {
  const isPlain = no.code === no.kind && detail === KINDS[no.kind].detail && no.fields === undefined && no.details === undefined && no.help === undefined
  if (!isPlain) return JSON.stringify(problem(no, instance, detail))
  const violated = no.violated === undefined ? '' : `,"violated-policies":${JSON.stringify(no.violated)}`
  return `${WRITTEN.get(no.kind)},"instance":${JSON.stringify(instance)}${violated}}`
}

/** Fastify's own shape of an error, for applications that keep it. */
export function fastifyShape (no: Refusal, detail = no.message): Record<string, unknown> {
  return {
    statusCode: no.statusCode,
    code: no.code,
    error: KINDS[no.kind].title,
    message: detail,
    ...(no.fields !== undefined && { fields: no.fields }),
    ...(no.details !== undefined && { details: no.details }),
    ...(no.violated !== undefined && { 'violated-policies': no.violated }),
  }
}
