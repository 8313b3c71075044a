/** The quotas of a route, sorted by when they are spent. */
import type { RouteOptions } from './access.ts'
import type { Policy } from './policies/policy.ts'
import { isQuota, type Quota } from './throttling/quota.ts'

export interface RouteQuotas {
  /** Spent before it is known who asks. */
  readonly before: readonly Quota[]
  readonly after: readonly Quota[]
  /** Whether those of the policies are spent too. */
  readonly ofPolicies: boolean
}

const NONE: RouteQuotas = { before: [], after: [], ofPolicies: false }

export function routeQuotas (mode: 'public' | 'optional' | 'required' | 'preflight' | 'closed', own: RouteOptions['quota'], every: readonly Quota[]): RouteQuotas {
  if (own === false) return NONE
  const named = [own ?? []].flat() as readonly Quota[]
  // Nobody is asked there, so all are counted by network.
  if (mode === 'public') return { ...NONE, before: named }
  const all = [...new Set([...every, ...named])]
  return { before: all.filter(isEarly), after: all.filter((quota) => !isEarly(quota)), ofPolicies: true }
}

/** Of URLs that there is nothing at. */
export function unknownQuotas (every: readonly Quota[]): RouteQuotas {
  return { ...NONE, before: every }
}

/** Two quotas of one name would be told as one, and a policy's would be mistaken for a route's. */
export function quotaNameProblems (quotas: readonly unknown[], policy: Policy | null): string[] {
  const byName = new Map<string, Quota>()
  const problems = new Set<string>()
  for (const quota of quotas) {
    // What is none has been told.
    if (!isQuota(quota)) continue
    const other = byName.get(quota.name) ?? quota
    byName.set(quota.name, other)
    if (other !== quota) problems.add(`two quotas have the name "${quota.name}": make one, and give it to all routes that share it`)
    if (policy?.quotas.names.has(quota.name) === true) problems.add(`a quota of the routes and one of the policies have the name "${quota.name}": give one of them another`)
  }
  return [...problems]
}

function isEarly ({ by }: Quota): boolean {
  return by === 'network' || by === 'everybody'
}
