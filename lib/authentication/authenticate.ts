/** Who is asking: the composition of a route's schemes into one outcome. It reads the request and changes nothing. */
import type { FastifyRequest } from 'fastify'
import type { AnyScheme, AuthInfo, AuthorizationField, Found, Verdict } from './scheme.ts'
import { authorizationFields } from './authorization-field.ts'
import { isThenable } from './thenable.ts'

export interface Schemes {
  /** The schemes that the route accepts, in its order; each is one of `known`. */
  readonly schemes: readonly AnyScheme[]
  /** All schemes of the application: a credential of any of them counts when two were sent. */
  readonly known: readonly AnyScheme[]
}

/** A guess that was not let through to the verifier; `retryAfter` is in the guard's unit, `dimension` what was counted. */
export interface Throttled {
  readonly kind: 'throttled'
  readonly retryAfter: number
  readonly dimension: string
}

/**
 * Stands before the verification of a guessable secret. `verify` never rejects: what went wrong in the scheme is a verdict `unavailable`.
 * `account` is whose secret is tried, as sent, if the scheme knows.
 */
export type Guard = (
  request: FastifyRequest,
  scheme: AnyScheme,
  account: string | undefined,
  verify: () => Promise<Verdict>
) => Promise<Verdict | Throttled>

export interface Unavailable {
  readonly kind: 'unavailable'
  readonly scheme: AnyScheme
  readonly reason: string
  readonly cause: unknown
}

/** What is known of the client. A `reason` is for the log and never holds credentials. */
export type Outcome =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'user', readonly user: object, readonly auth: AuthInfo, readonly scheme: AnyScheme }
  | { readonly kind: 'invalid', readonly scheme: AnyScheme, readonly error: string, readonly reason: string }
  | { readonly kind: 'two', readonly schemes: readonly AnyScheme[] }
  | { readonly kind: 'cross_site', readonly scheme: AnyScheme, readonly reason: string }
  | { readonly kind: 'throttled', readonly retryAfter: number, readonly scheme: AnyScheme, readonly dimension: string }
  | Unavailable

type Credentials = Exclude<Found, { kind: 'nothing' }>

type Survey =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'two', readonly schemes: readonly AnyScheme[] }
  | { readonly kind: 'found', readonly index: number, readonly found: Credentials }
  | Unavailable

/** All that an attempt needs besides the scheme that it tries. */
interface Attempt {
  readonly request: FastifyRequest
  readonly fields: readonly AuthorizationField[]
  readonly schemes: readonly AnyScheme[]
  readonly guard: Guard | undefined
}

const NOTHING = Object.freeze({ kind: 'nothing' } as const)
const NO_SCOPES: readonly string[] = Object.freeze([])

/**
 * Asks the schemes of a route, in order, who sent the request. The first that finds credentials decides, and invalid ones never fall
 * through to another method; only schemes that share a name (two issuers of bearer tokens) are tried in turn, as long as their secrets
 * cannot be guessed. Two credentials that the client chose to send, of whatever schemes the application knows, are `two`; a cookie or
 * certificate beside one is ignored. Synchronous when the scheme is. Never throws and never rejects.
 */
export function authenticate (request: FastifyRequest, { schemes, known }: Schemes, guard?: Guard): Outcome | Promise<Outcome> {
  const fields = authorizationFields(request.raw.rawHeaders)
  const survey = surveyCredentials(request, fields, schemes, known)
  if (survey.kind !== 'found') return survey
  return attempt({ request, fields, schemes, guard }, survey.index, survey.found)
}

/** Whether the request carries anything that a scheme of the application would look at, right or wrong. Never throws. */
export function carriesCredentials (request: FastifyRequest, known: readonly AnyScheme[]): boolean {
  const fields = authorizationFields(request.raw.rawHeaders)
  return known.some((scheme) => look(scheme, request, fields).kind !== 'nothing')
}

/** What was sent, and which scheme of the route is to judge it. */
function surveyCredentials (
  request: FastifyRequest, fields: readonly AuthorizationField[], schemes: readonly AnyScheme[], known: readonly AnyScheme[]
): Survey {
  let best: Credentials | undefined
  let rank = Number.POSITIVE_INFINITY
  let sent: AnyScheme | undefined
  let place: string | undefined

  for (const scheme of known) {
    const found = look(scheme, request, fields)
    if (found.kind === 'nothing') continue
    if (found.kind === 'unavailable') return found
    const ambient = found.place === 'cookie' || found.place === 'certificate'
    if (!ambient && found.place !== 'authorization') {
      if (sent !== undefined && (sent.name !== scheme.name || place !== found.place)) return { kind: 'two', schemes: [sent, scheme] }
      sent = scheme
      place = found.place
    }
    const index = schemes.indexOf(scheme)
    if (index === -1) continue
    const foundRank = ambient ? index + schemes.length : index
    if (foundRank < rank) {
      rank = foundRank
      best = found
    }
  }

  for (const field of fields) {
    const claimant = claimantOf(field, known, request)
    if (claimant === undefined) continue
    if (sent !== undefined) return { kind: 'two', schemes: sent === claimant ? [sent] : [sent, claimant] }
    sent = claimant
  }

  return best === undefined ? NOTHING : { kind: 'found', index: rank % schemes.length, found: best }
}

/** The scheme that an `Authorization` line belongs to: by its name, else because it finds its credentials there. */
function claimantOf (field: AuthorizationField, known: readonly AnyScheme[], request: FastifyRequest): AnyScheme | undefined {
  if (field.scheme === '') return undefined
  for (const scheme of known) {
    if (sameName(scheme.name, field.scheme)) return scheme
  }
  for (const scheme of known) {
    const found = look(scheme, request, [field])
    if (found.kind !== 'nothing' && found.kind !== 'unavailable' && found.place === 'authorization') return scheme
  }
  return undefined
}

/** `find` must not throw; one that does is not allowed to become a 500. */
function look (scheme: AnyScheme, request: FastifyRequest, fields: readonly AuthorizationField[]): Found | Unavailable {
  try {
    const found = scheme.find(request, fields)
    if (found.kind === 'nothing' || found.kind === 'malformed' || found.kind === 'cross_site' || found.kind === 'credentials') return found
    return unavailable(scheme, `${scheme.name} did not say what it found`)
  } catch (cause) {
    return unavailable(scheme, `${scheme.name} could not look for credentials`, cause)
  }
}

function attempt (to: Attempt, index: number, found: Credentials): Outcome | Promise<Outcome> {
  const scheme = to.schemes[index] as AnyScheme
  if (found.kind === 'cross_site') return { kind: 'cross_site', scheme, reason: found.reason }
  if (found.kind === 'malformed') {
    return fallThrough(to, index, found, toOutcome(scheme, { ...found, kind: 'invalid' }))
  }
  if (scheme.guessable) return verifyGuessable(to, scheme, found)
  const verdict = verify(scheme, found.credentials, to.request)
  if (verdict instanceof Promise) {
    return verdict.then((settled) => fallThrough(to, index, found, toOutcome(scheme, settled)))
  }
  return fallThrough(to, index, found, toOutcome(scheme, verdict))
}

/** The next scheme of the same name, reading from the same place, gets its turn; the last error is the one that counts. */
function fallThrough (to: Attempt, index: number, tried: Credentials, outcome: Outcome): Outcome | Promise<Outcome> {
  if (outcome.kind !== 'invalid' || outcome.scheme.guessable) return outcome
  for (let next = index + 1; next < to.schemes.length; next++) {
    const scheme = to.schemes[next] as AnyScheme
    if (!sameName(scheme.name, outcome.scheme.name)) continue
    const found = look(scheme, to.request, to.fields)
    if (found.kind === 'nothing') continue
    if (found.kind === 'unavailable') return found
    if (found.place === tried.place) return attempt(to, next, found)
  }
  return outcome
}

/** Sharing stands outside the guard, so that who shares a success is neither charged nor verified. */
async function verifyGuessable (to: Attempt, scheme: AnyScheme, found: Extract<Found, { kind: 'credentials' }>): Promise<Outcome> {
  const { request, guard } = to
  const check = async () => verify(scheme, found.credentials, request)
  const guarded = async () => guard === undefined ? check() : guard(request, scheme, found.account, check)
  try {
    return toOutcome(scheme, await (scheme.share === undefined ? guarded() : scheme.share(found.credentials, guarded)))
  } catch (cause) {
    return unavailable(scheme, `the guard in front of ${scheme.name} failed`, cause)
  }
}

/** A scheme's answer, whatever it does: a verdict, or `unavailable`. */
function verify (scheme: AnyScheme, credentials: unknown, request: FastifyRequest): Verdict | Promise<Verdict> {
  try {
    const verdict: unknown = scheme.verify(credentials, request)
    if (!isThenable(verdict)) return judge(scheme, verdict)
    return Promise.resolve(verdict).then((settled) => judge(scheme, settled), (cause) => failure(scheme, cause))
  } catch (cause) {
    return failure(scheme, cause)
  }
}

function judge (scheme: AnyScheme, verdict: unknown): Verdict {
  switch ((verdict as Verdict | null | undefined)?.kind) {
    case 'user': {
      const { user, auth } = verdict as { user: unknown, auth?: { scopes?: unknown } }
      if (auth?.scopes !== undefined && !Array.isArray(auth.scopes)) return { kind: 'unavailable', reason: `${scheme.name} returned scopes that are no list` }
      if (typeof user === 'object' && user !== null && !Array.isArray(user)) return verdict as Verdict
      return { kind: 'unavailable', reason: `${scheme.name} returned ${nameOf(user)} where a user object is due` }
    }
    case 'invalid':
    case 'unavailable':
      return verdict as Verdict
    default:
      return { kind: 'unavailable', reason: `${scheme.name} returned no verdict` }
  }
}

function toOutcome (scheme: AnyScheme, verdict: Verdict | Throttled): Outcome {
  switch (verdict.kind) {
    case 'user':
      return { kind: 'user', user: verdict.user as object, auth: authOf(scheme.name, verdict.auth), scheme }
    case 'invalid':
      // facts: authentication 6: what cannot be read is as wrong as what is wrong
      return { kind: 'invalid', scheme, error: verdict.error ?? (scheme.oauth ? 'invalid_token' : 'invalid_credentials'), reason: verdict.reason }
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

function sameName (one: string, other: string): boolean {
  return one.length === other.length && one.toLowerCase() === other.toLowerCase()
}
