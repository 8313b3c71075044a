/** What a route demands, as plain data. */
import type { AnyResource } from './resource.ts'

/** On what an action is to be done. */
export type Target =
  /** The subject as a whole; no rule for it may have conditions. */
  | { readonly kind: 'type', readonly subject: string }
  /** One record, loaded by the route's parameter before the check. `change` makes it as it will be, where the body alone does not say so. */
  | { readonly kind: 'record', readonly resource: AnyResource, readonly change?: (request: never, record: never) => unknown }
  /** Many records: the handler must ask for the filter. */
  | { readonly kind: 'list', readonly resource: AnyResource }
  /** A record that does not exist yet, made from the request. */
  | { readonly kind: 'proposed', readonly resource: AnyResource, readonly make: (request: never) => object }

export type Requirement =
  | { readonly kind: 'public' }
  | { readonly kind: 'optional' }
  | { readonly kind: 'authenticated' }
  | { readonly kind: 'can', readonly action: string, readonly target: Target }
  | { readonly kind: 'role', readonly roles: readonly string[] }
  | { readonly kind: 'scope', readonly scopes: readonly string[] }
  | { readonly kind: 'step_up', readonly acr: readonly string[], readonly maxAge: number | null }
  | { readonly kind: 'all_of', readonly of: readonly Requirement[] }
  | { readonly kind: 'any_of', readonly of: readonly Requirement[] }

export type Can = Extract<Requirement, { kind: 'can' }>

/** The requirement and everything within it, outermost first. */
export function * parts (requirement: Requirement): Generator<Requirement> {
  yield requirement
  if (requirement.kind !== 'all_of' && requirement.kind !== 'any_of') return
  for (const part of requirement.of) yield * parts(part)
}

export function subjectOf (target: Target): string {
  return target.kind === 'type' ? target.subject : target.resource.subject
}

/** Asked for by itself, `manage` is allowed by a rule for `manage` alone, and forbidden by an inverted one for `manage` alone. */
export const MANAGE_IS_FOR_RULES = 'name the action; "manage" is for rules, and would ignore those that forbid a single action'
