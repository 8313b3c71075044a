/** What an authorization server says of a token (RFC 7662). */
import { createHash } from 'node:crypto'
import { backOff } from './back-off.ts'
import { fetchJson } from './bounded-json.ts'
import { forwardClock } from './clock.ts'
import { expiring } from './expiring.ts'

/** Durations are milliseconds. */
export interface IntrospectionClientOptions {
  readonly endpoint: URL
  readonly clientId: string
  readonly clientSecret: string
  readonly timeout: number
  /** How long an active token is not asked about again, at most until its `exp`. 0: always ask. */
  readonly cacheFor: number
  /** How long a token that is not active is not asked about again. */
  readonly inactiveFor: number
  /** Tokens that are remembered, active and inactive ones each. */
  readonly cacheSize: number
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** The claims belong to the caller. */
export type Introspected =
  | { readonly kind: 'active', readonly claims: Record<string, unknown> }
  | { readonly kind: 'inactive' }
  | { readonly kind: 'unavailable', readonly reason: string, readonly cause?: unknown }

export interface IntrospectionClient {
  /** Never rejects. */
  ask: (token: string) => Promise<Introspected>
}

/** Active claims as text: an object would be shared by requests, and what one of them changes would be true for the others. */
type Kept = Exclude<Introspected, { kind: 'active' }> | { readonly kind: 'active', readonly text: string }

const MAX_BYTES = 16 * 1024

/** Requests under way at the same time, whatever clients send. */
const MAX_CONCURRENT = 64

/** Failures in a row after which the server is left alone: one of many requests may fail for a reason of its own. */
const FAILURES = 5

const INACTIVE = Object.freeze({ kind: 'inactive' } as const)

/**
 * One request at a time for a token, none for one that is remembered, and none for a while when the server fails (facts: authentication 2.9).
 * Tokens are remembered by their SHA-256; inactive ones in a table of their own, so that inventing tokens pushes no active one out.
 */
export function introspectionClient (options: IntrospectionClientOptions): IntrospectionClient {
  const { endpoint, timeout, cacheFor, inactiveFor, cacheSize, now } = options
  const clock = forwardClock(now)
  const attempts = backOff({ threshold: FAILURES, clock })
  const active = expiring<Kept>(cacheSize, clock)
  const inactive = expiring<Kept>(cacheSize, clock)
  const inFlight = new Map<string, Promise<Kept>>()
  const headers = { authorization: basicCredentials(options.clientId, options.clientSecret) }

  return {
    async ask (token) {
      const key = createHash('sha256').update(token).digest('base64')
      const kept = active.get(key) ?? inactive.get(key) ?? await (inFlight.get(key) ?? start(key, token))
      return kept.kind === 'active' ? { kind: 'active', claims: JSON.parse(kept.text) } : kept
    },
  }

  function start (key: string, token: string): Promise<Kept> | Kept {
    if (inFlight.size >= MAX_CONCURRENT) return { kind: 'unavailable', reason: `${MAX_CONCURRENT} introspection requests are under way` }
    if (!attempts.admit()) return { kind: 'unavailable', reason: 'the introspection endpoint has failed and is left alone for a while' }
    const asked = introspect(key, token)
    inFlight.set(key, asked)
    return asked
  }

  async function introspect (key: string, token: string): Promise<Kept> {
    const answer = await fetchJson({
      url: endpoint,
      timeout,
      maxBytes: MAX_BYTES,
      headers,
      form: new URLSearchParams({ token, token_type_hint: 'access_token' }),
    })
    inFlight.delete(key)
    if (answer.kind === 'failed') return answer.about === 'request' ? failFor(key, answer.reason) : fail(answer.reason, answer.cause)
    const claims = answer.value as Record<string, unknown> | null
    if (claims?.['active'] === true) return keepActive(key, claims)
    if (claims?.['active'] !== false) return fail('did not say whether the token is active')
    attempts.succeeded()
    inactive.put(key, INACTIVE, inactiveFor)
    return INACTIVE
  }

  function keepActive (key: string, claims: Record<string, unknown>): Kept {
    attempts.succeeded()
    const kept: Kept = { kind: 'active', text: JSON.stringify(claims) }
    const { exp } = claims
    active.put(key, kept, typeof exp === 'number' ? Math.min(cacheFor, exp * 1000 - now()) : cacheFor)
    return kept
  }

  /** The server is well, but has no answer for this token: nobody else is to suffer from it. */
  function failFor (key: string, reason: string): Kept {
    attempts.succeeded()
    const kept: Kept = { kind: 'unavailable', reason: `the introspection endpoint ${reason}` }
    inactive.put(key, kept, inactiveFor)
    return kept
  }

  function fail (reason: string, cause?: unknown): Kept {
    attempts.failed()
    return { kind: 'unavailable', reason: `the introspection endpoint ${reason}`, cause }
  }
}

/** RFC 6749 section 2.3.1: both halves are form-encoded first. */
function basicCredentials (clientId: string, clientSecret: string): string {
  const [id, secret] = [clientId, clientSecret].map((text) => new URLSearchParams({ text }).toString().slice('text='.length))
  return `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`
}
