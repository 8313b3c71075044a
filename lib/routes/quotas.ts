/** The quotas of a route, sorted by when they are spent. */
import type { Policy } from '../policies/policy.ts'
import { isQuota, type Quota } from '../throttling/quota.ts'
import type { RouteOptions } from './access.ts'

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

/** A quota, and who names it: `GET /articles`, or the plugin's option. */
export type NamedQuota = readonly [where: string, quota: unknown]

/** Two quotas of one name would be told as one, and a policy's would be mistaken for a route's. Each name is told once. */
export function quotaNameProblems (quotas: readonly NamedQuota[], policy: Policy | null): string[] {
  const byName = new Map<string, NamedQuota>()
  const problems = new Map<string, string>()
  for (const named of quotas) {
    const [where, quota] = named
    // What is none has been told.
    if (!isQuota(quota)) continue
    const { name } = quota
    const [first, other] = byName.get(name) ?? named
    byName.set(name, [first, other])
    if (problems.has(name)) continue
    if (other !== quota) problems.set(name, `two quotas have the name "${name}", that of ${first} and that of ${where}: make one, and give it to all routes that share it`)
    else if (policy?.quotas.names.has(name) === true) problems.set(name, `a quota of the routes (${where}) and one of the policies have the name "${name}": give one of them another`)
  }
  return [...problems.values()]
}

/** What stands beside `config.access` counts nothing. */
export function strayQuotaProblem (config: object): string | null {
  const given = (config as { readonly quota?: unknown }).quota
  return [given].flat().some(isQuota) ? 'config.quota counts nothing: give it to config.access, as in authenticated({ quota })' : null
}

function isEarly ({ by }: Quota): boolean {
  return by === 'network' || by === 'everybody'
}
