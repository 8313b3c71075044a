/** The roles of a user: those that he has everywhere, and those in one tenant only. */

export interface Membership {
  /** The tenant, as records hold it. */
  readonly tenant: string | number
  readonly roles: readonly string[]
}

/** What of a list are names of roles. Whatever is none counts for nothing. */
export function rolesIn (given: unknown): string[] {
  return Array.isArray(given) ? given.filter((role): role is string => typeof role === 'string') : []
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

function isTenant (given: unknown): given is string | number {
  return (typeof given === 'string' && given !== '') || (typeof given === 'number' && Number.isFinite(given))
}
