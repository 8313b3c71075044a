/** From what was found or decided to the refusal that says so. */
import type { Outcome } from './authentication/outcome.ts'
import type { SchemeHeaders } from './authentication/scheme.ts'
import type { No } from './authorization/decision.ts'
import { subjectOf } from './authorization/requirement.ts'
import type { Tried } from './passage.ts'
import { refusal, type Details, type Refusal, type RefusalInit, type RefusalKind } from './refusal.ts'
import type { RoutePlan } from './route-plan.ts'

export interface Refused {
  readonly refusal: Refusal
  /** What the challenges say of the scheme that was tried. */
  readonly tried: Tried | null
}

export type FailedOutcome = Exclude<Outcome, { kind: 'user' } | { kind: 'nothing' }>

/** The refusal for credentials that do not let anybody in, and what the protocol of the scheme puts on its answer. */
export function refusedOutcome (outcome: FailedOutcome, plan: RoutePlan): Refused & { readonly headers: SchemeHeaders | null } {
  return { ...refused(outcome, plan), headers: outcome.kind === 'invalid' ? outcome.headers ?? null : null }
}

function refused (outcome: FailedOutcome, plan: RoutePlan): Refused {
  const make = (kind: RefusalKind, init: RefusalInit): Refusal => refusal(kind, { ...init, help: helpFor(plan, kind) })
  switch (outcome.kind) {
    case 'invalid':
      if (outcome.error === 'invalid_request') return { refusal: make('invalid_request', { reason: outcome.reason }), tried: { schemes: [outcome.scheme], error: outcome.error } }
      return { refusal: make('invalid_credentials', { reason: outcome.reason }), tried: { schemes: [outcome.scheme], error: outcome.error } }
    case 'two': {
      // RFC 6750 section 3.1 defines a challenge for this 400: all OAuth schemes of the route carry the error.
      const tried = { schemes: plan.schemes.filter((scheme) => scheme.oauth), error: 'invalid_request' }
      return { refusal: make('invalid_request', { reason: outcome.reason }), tried }
    }
    case 'incomplete':
      return { refusal: make('unauthenticated', { reason: outcome.reason }), tried: null }
    case 'cross_site':
      return { refusal: make('cross_site', { reason: outcome.reason }), tried: null }
    case 'throttled':
      return {
        refusal: make('too_many_attempts', { reason: `too many failed attempts by ${outcome.dimension}`, retryAfter: outcome.retryAfter }),
        tried: null,
      }
    case 'unavailable':
      return { refusal: make('temporarily_unavailable', { reason: outcome.reason, cause: outcome.cause }), tried: null }
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
