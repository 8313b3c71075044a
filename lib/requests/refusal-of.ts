/** From what was found or decided to the refusal that says so. */
import type { Outcome } from '../authentication/outcome.ts'
import type { SchemeHeaders } from '../authentication/scheme.ts'
import type { No } from '../authorization/decision.ts'
import { subjectOf } from '../authorization/requirement.ts'
import { refusal, type Details, type Refusal, type RefusalInit, type RefusalKind } from '../refusal.ts'
import type { RoutePlan } from '../routes/plan.ts'
import type { Tried } from './passage.ts'

export interface Refused {
  readonly refusal: Refusal
  /** What the challenges say of the scheme that was tried. */
  readonly tried: Tried | null
}

export type FailedOutcome = Exclude<Outcome, { kind: 'user' } | { kind: 'nothing' }>

/** The refusal for credentials that do not let anybody in, and what the protocol of the scheme puts on its answer. */
export function refusedOutcome (outcome: FailedOutcome, plan: RoutePlan): Refused & { readonly headers: SchemeHeaders | null } {
  const { kind, init, tried } = whatFailed(outcome, plan)
  const help = helpFor(plan, kind)
  return { refusal: refusal(kind, help === undefined ? init : { ...init, help }), tried, headers: outcome.kind === 'invalid' ? outcome.headers ?? null : null }
}

interface Failure {
  readonly kind: RefusalKind
  readonly init: RefusalInit
  readonly tried: Tried | null
}

function whatFailed (outcome: FailedOutcome, plan: RoutePlan): Failure {
  switch (outcome.kind) {
    case 'invalid':
      return { kind: outcome.error === 'invalid_request' ? 'invalid_request' : 'invalid_credentials', init: { reason: outcome.reason }, tried: { schemes: [outcome.scheme], error: outcome.error } }
    case 'two':
      // RFC 6750 section 3.1 defines a challenge for this 400: all OAuth schemes of the route carry the error.
      return { kind: 'invalid_request', init: { reason: outcome.reason }, tried: { schemes: plan.schemes.filter((scheme) => scheme.oauth), error: 'invalid_request' } }
    case 'incomplete':
      return { kind: 'unauthenticated', init: { reason: outcome.reason }, tried: null }
    case 'cross_site':
      return { kind: 'cross_site', init: { reason: outcome.reason }, tried: null }
    case 'throttled':
      return { kind: 'too_many_attempts', init: { reason: `too many failed attempts by ${outcome.dimension}`, retryAfter: outcome.retryAfter }, tried: null }
    case 'unavailable':
      return { kind: 'temporarily_unavailable', init: { reason: outcome.reason, cause: outcome.cause }, tried: null }
  }
}

const KIND_OF: Readonly<Record<No['as'], RefusalKind>> = {
  unauthenticated: 'unauthenticated',
  hidden: 'not_found',
  missing: 'not_found',
  forbidden: 'insufficient_permissions',
  fields: 'forbidden_fields',
  scope: 'insufficient_scope',
  step_up: 'insufficient_user_authentication',
}

/** The refusal for a decision's no. What it discloses is what the application allowed; of a hidden record nothing is ever disclosed. */
export function refusedNo (no: No, plan: RoutePlan, roles: readonly string[]): Omit<Refused, 'tried'> & { tried: Omit<Tried, 'schemes'> | null } {
  const kind = KIND_OF[no.as]
  const code = no.code ?? undefined
  const open = kind !== 'not_found' && kind !== 'unauthenticated'
  const { disclose } = plan
  return {
    refusal: refusal(kind, {
      reason: no.reason,
      code,
      fields: no.as === 'fields' ? no.fields : undefined,
      help: helpFor(plan, code ?? kind),
      details: open && disclose.details === true ? detailsOf(no, roles) : undefined,
      headers: open && disclose.reasonHeader !== undefined ? { [disclose.reasonHeader.toLowerCase()]: headerText(no.reason) } : undefined,
    }),
    tried: triedFor(no),
  }
}

/** More than a sentence is for the log: fields that a client has written may be many and long, and clients refuse long headers. */
const LONGEST_REASON = 500

function headerText (reason: string): string {
  const cut = reason.length > LONGEST_REASON ? `${reason.slice(0, LONGEST_REASON - '...'.length)}...` : reason
  return cut.replace(/[^ -~]/g, '?')
}

function triedFor ({ as, part }: No): Omit<Tried, 'schemes'> | null {
  if (as === 'scope' && part.kind === 'scope') return { error: 'insufficient_scope', scope: part.scopes.join(' ') }
  if (as !== 'step_up' || part.kind !== 'step_up') return null
  const extra: Record<string, string> = {}
  if (part.acr.length > 0) extra['acr_values'] = part.acr.join(' ')
  if (part.maxAge !== null) extra['max_age'] = String(part.maxAge)
  return { error: 'insufficient_user_authentication', extra }
}

function detailsOf ({ part }: No, roles: readonly string[]): Details {
  const currentRoles = [...roles]
  if (part.kind === 'role') return { requiredRoles: part.roles, currentRoles }
  if (part.kind === 'scope') return { requiredScopes: part.scopes }
  if (part.kind !== 'can') return { currentRoles }
  return { action: part.action, subject: subjectOf(part.target), currentRoles }
}

function helpFor (plan: RoutePlan, code: string): string | undefined {
  return plan.disclose.help?.replaceAll('{code}', encodeURIComponent(code))
}
