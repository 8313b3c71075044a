/** What a user imports. */
import type { AuthInfo } from './authentication/scheme.ts'
import type { AnyResource } from './authorization/resource.ts'
import type { Gatehouse } from './gatehouse.ts'
import { gatehouse } from './plugin.ts'
import type { Remaining } from './requests/quota-keeper.ts'
import type { Declaration } from './routes/access.ts'
import type { Quota } from './throttling/quota.ts'

// The type of `request.user` is theirs; the name keeps their declaration in ours.
export type { FastifyJWT } from '@fastify/jwt'
export { allOf, anyOf, authenticated, can, everyone, optional, role, scope, stepUp, typed } from './routes/access.ts'
export type { Access, Declaration, RouteOptions, Typed } from './routes/access.ts'
export type { AuthInfo } from './authentication/scheme.ts'
export type { Backend } from './authorization/backend.ts'
export type { RecordFilter } from './authorization/filter.ts'
export type { ProtectedResource } from './routes/protected-resource.ts'
export { resource } from './authorization/resource.ts'
export type { Disclosure } from './authorization/disclosure.ts'
export type { Masks } from './authorization/fields.ts'
export type { Membership } from './authorization/membership.ts'
export type { AnyResource, LoadContext, Resource, ResourceOptions } from './authorization/resource.ts'
export type { BreakGlass } from './requests/circumstances.ts'
export type { Explained, ExplainOptions } from './explain.ts'
export type { Gatehouse } from './gatehouse.ts'
export type { HandlerThrottle } from './requests/throttle.ts'
export { THROTTLE } from './reporting/throttle-event.ts'
export type { AttemptEvent, StoreEvent, ThrottleEvent } from './reporting/throttle-event.ts'
export { OptionError } from './option-error.ts'
export type { GatehouseOptions, RefusalOptions } from './options.ts'
export { packedRules, sendPackedRules } from './requests/packed-rules.ts'
export type { PackedRules } from './requests/packed-rules.ts'
export type { Remaining } from './requests/quota-keeper.ts'
export { refusal, Refusal } from './refusal.ts'
export type { RefusalInit, RefusalKind } from './refusal.ts'
export { DECISIONS } from './reporting/decision-event.ts'
export type { DecisionEvent } from './reporting/decision-event.ts'
export { POLICIES } from './reporting/policy-event.ts'
export type { PolicyEvent } from './reporting/policy-event.ts'
export type { ReloadOptions } from './reload/options.ts'
export type { Candidate, Explanation, FailedComparison } from './reporting/explanation.ts'
export { signedIn } from './requests/signed-in.ts'
export { quota } from './throttling/quota.ts'
export type { Quota, QuotaOptions } from './throttling/quota.ts'
export type { QuotasOptions } from './throttling/quota-options.ts'
export type { DeviceOptions, ThrottleOptions } from './throttling/options.ts'
export { gatehouse }
export default gatehouse

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the route demands: `'public'`, or what `authenticated()`, `can()` and the like return. */
    access?: Declaration
  }

  interface FastifyRequest {
    /** How the user signed in; `null` for the anonymous. */
    auth: AuthInfo | null
    /** Whether the user may do the action on this record of the resource. */
    can: (action: string, resource: AnyResource, record: object) => boolean
    /** The same, but throws the refusal: 403, a hidden 404, or 401 for the anonymous. */
    authorize: (action: string, resource: AnyResource, record: object) => void
    /** Spends of a quota, whatever the route declares: a message of a WebSocket, the fields of a query. Rejects with the 429 where it is used up. `cost`: units, in place of the quota's. */
    spend: (quota: Quota, cost?: number) => Promise<Remaining>
  }

  interface FastifyInstance {
    gatehouse: Gatehouse
  }
}
