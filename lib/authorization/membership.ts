/** The roles of a user: those that he has everywhere, and those in one tenant only. */
import type { Policy } from '../policies/policy.ts'
import { quoted } from '../policies/words.ts'

export interface Membership {
  /** The tenant, as records hold it. */
  readonly tenant: string | number
  readonly roles: readonly string[]
}

/** What of a list are names of roles. Whatever is none counts for nothing. */
export function rolesIn (given: unknown): readonly string[] {
  if (!Array.isArray(given)) return NO_ROLES
  // Not for-of, here and where abilities are found: over a frozen list, as that of a token is, it makes an object for each role.
  for (let index = 0; index < given.length; index++) if (typeof given[index] !== 'string') return given.filter(isName)
  return given
}

const NO_ROLES: readonly string[] = []

function isName (role: unknown): role is string {
  return typeof role === 'string'
}

/** What of a list are memberships. Whatever is none counts for nothing: a role without a tenant is not a role everywhere. */
export function membershipsIn (given: unknown): Membership[] {
  if (!Array.isArray(given)) return []
  return given.flatMap((one: unknown) => {
    const { tenant, roles } = (one ?? {}) as { readonly tenant?: unknown, readonly roles?: unknown }
    if (!isTenant(tenant) || !Array.isArray(roles)) return []
    return [{ tenant, roles: rolesIn(roles) }]
  })
}

/** In a log line. */
const MOST_MISTAKES = 5

/** What of memberships counts for nothing, for the log: `memberships[0] has no tenant`. Tenants are never told, and of many mistakes the first ones. */
export function membershipMistakes (given: unknown, { memberships: known }: Pick<Policy, 'memberships'>): string[] {
  if (given === undefined || given === null) return []
  if (!Array.isArray(given)) return ['memberships are no list']
  const mistakes: string[] = []
  for (let index = 0; index < given.length && mistakes.length < MOST_MISTAKES; index++) mistakes.push(...mistakesOf(given[index], `memberships[${index}]`, known))
  return mistakes.slice(0, MOST_MISTAKES)
}

function mistakesOf (membership: unknown, name: string, known: Policy['memberships']): string[] {
  const { tenant, roles } = (membership ?? {}) as { readonly tenant?: unknown, readonly roles?: unknown }
  const mistakes = isTenant(tenant) ? [] : [`${name} has no tenant`]
  if (!Array.isArray(roles)) return [...mistakes, `${name} has no list of roles`]
  const unknown = roles.find((role) => typeof role !== 'string' || !known.has(role))
  if (unknown === undefined) return mistakes
  return [...mistakes, typeof unknown === 'string' ? `${name} has the role ${quoted(unknown)}, which no policy defines` : `${name} has a role that is no name`]
}

function isTenant (given: unknown): given is string | number {
  return (typeof given === 'string' && given !== '') || (typeof given === 'number' && Number.isFinite(given))
}
