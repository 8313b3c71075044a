/** Where one request stands: its user's ability and the records loaded for it. */
import type { Asker, Next } from './decision.ts'
import type { Target } from './requirement.ts'
import type { AnyResource } from './resource.ts'

export interface Standing {
  /** Built when first needed. */
  readonly asker: () => Asker
  readonly records: ReadonlyMap<Target, object | null>
  /** The records as they will be, of a request that changes them. */
  readonly nexts: ReadonlyMap<Target, Next | null>
  /** The records that this user may not have, though an alternative allows the request; and the no for each. */
  readonly withheld: ReadonlyMap<Target, () => Error>
  /** The resources whose list filter, or a decision on a record of theirs, was asked for by the handler; `null` where the route has no list. */
  readonly asked: Set<AnyResource> | null
}

/** Where the plugin keeps a request's standing. */
export const STANDING = Symbol('fastify-gatehouse.standing')

/** The standing of a request that the gatehouse has seen. */
export function standingOf (request: object): Standing {
  const standing = (request as { readonly [STANDING]?: () => Standing | null })[STANDING]?.()
  if (standing === undefined || standing === null) {
    throw new TypeError('this request never passed the gatehouse: register fastify-gatehouse in this scope or above it')
  }
  return standing
}
