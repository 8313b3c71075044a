/** One scheme's judgement of the credentials that it found, whatever the scheme does: an outcome, never an error. */
import type { FastifyRequest } from 'fastify'
import { awaited, isThenable } from '../thenable.ts'
import type { Guard, Outcome, Throttled, Unavailable } from './outcome.ts'
import type { AnyScheme, AuthInfo, CredentialPlace, Found, Verdict } from './scheme.ts'
import type { Credentials } from './survey.ts'

const NO_SCOPES: readonly string[] = Object.freeze([])

/** What else must hold of a right secret, before the guard takes it for one: its verdict, or another. Never rejects. */
export type Confirm = (verdict: Extract<Verdict, { kind: 'user' }>) => Promise<Verdict>

/** Synchronous when the scheme is. `confirm` is asked for a guessable one. */
export function attempt (scheme: AnyScheme, found: Credentials, request: FastifyRequest, guard: Guard | undefined, confirm?: Confirm): Outcome | Promise<Outcome> {
  if (found.kind === 'cross_site') return { kind: 'cross_site', scheme, reason: found.reason }
  if (found.kind === 'malformed') return toOutcome(scheme, found.place, { ...found, kind: 'invalid' })
  if (scheme.guessable) return verifyGuessable(scheme, found, request, guard, confirm)
  const verdict = verify(scheme, found.credentials, request)
  if (verdict instanceof Promise) return verdict.then((settled) => toOutcome(scheme, found.place, settled))
  return toOutcome(scheme, found.place, verdict)
}

/** Sharing stands outside the guard, so that who shares a success is neither charged nor verified. */
async function verifyGuessable (scheme: AnyScheme, found: Extract<Found, { kind: 'credentials' }>, request: FastifyRequest, guard: Guard | undefined, confirm?: Confirm): Promise<Outcome> {
  const check = async () => {
    const verdict = await verify(scheme, found.credentials, request)
    return confirm === undefined || verdict.kind !== 'user' ? verdict : confirm(verdict)
  }
  const guarded = async () => guard === undefined ? check() : guard(request, scheme, found.account, check)
  try {
    return toOutcome(scheme, found.place, await (scheme.share === undefined ? guarded() : scheme.share(found.credentials, guarded, request)))
  } catch (cause) {
    return unavailable(scheme, `the guard in front of ${scheme.name} failed`, cause)
  }
}

/** A scheme's answer, whatever it does: a verdict, or `unavailable`. */
function verify (scheme: AnyScheme, credentials: unknown, request: FastifyRequest): Verdict | Promise<Verdict> {
  try {
    const verdict: unknown = scheme.verify(credentials, request)
    if (!isThenable(verdict)) return judge(scheme, verdict)
    return awaited(verdict).then((settled) => judge(scheme, settled), (cause) => failure(scheme, cause))
  } catch (cause) {
    return failure(scheme, cause)
  }
}

function judge (scheme: AnyScheme, verdict: unknown): Verdict {
  switch ((verdict as Verdict | null | undefined)?.kind) {
    case 'user': {
      const { user, auth } = verdict as { user: unknown, auth?: { scopes?: unknown } }
      if (auth?.scopes !== undefined && !Array.isArray(auth.scopes)) return { kind: 'unavailable', reason: `${scheme.name} returned scopes that are no list` }
      if (isUser(user)) return verdict as Verdict
      return { kind: 'unavailable', reason: `${scheme.name} returned ${nameOf(user)} where a user object is due` }
    }
    case 'invalid':
    case 'unavailable':
      return verdict as Verdict
    default:
      return { kind: 'unavailable', reason: `${scheme.name} returned no verdict` }
  }
}

export function isUser (user: unknown): user is object {
  return typeof user === 'object' && user !== null && !Array.isArray(user)
}

export function toOutcome (scheme: AnyScheme, place: CredentialPlace, verdict: Verdict | Throttled): Outcome {
  switch (verdict.kind) {
    case 'user':
      return { kind: 'user', user: verdict.user as object, auth: authOf(scheme.name, verdict.auth), scheme, place, headers: verdict.headers }
    case 'invalid':
      // facts: authentication 6: what cannot be read is as wrong as what is wrong
      return { kind: 'invalid', scheme, error: verdict.error ?? (scheme.oauth ? 'invalid_token' : 'invalid_credentials'), reason: verdict.reason, guessed: verdict.guessed !== false, headers: verdict.headers }
    case 'throttled':
      return { kind: 'throttled', retryAfter: verdict.retryAfter, scheme, dimension: verdict.dimension }
    case 'unavailable':
      return unavailable(scheme, verdict.reason, verdict.cause)
  }
}

function authOf (scheme: string, auth: Partial<Omit<AuthInfo, 'scheme'>> | undefined): AuthInfo {
  return {
    scheme,
    scopes: auth?.scopes ?? NO_SCOPES,
    authTime: auth?.authTime ?? null,
    acr: auth?.acr ?? null,
    expiresAt: auth?.expiresAt ?? null,
  }
}

function failure (scheme: AnyScheme, cause: unknown): Verdict {
  return { kind: 'unavailable', reason: `${scheme.name} could not verify the credentials`, cause }
}

function unavailable (scheme: AnyScheme, reason: string, cause?: unknown): Unavailable {
  return { kind: 'unavailable', scheme, reason, cause }
}

function nameOf (value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'an array' : typeof value
}
