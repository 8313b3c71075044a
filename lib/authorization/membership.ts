/** Roles that a user has in one tenant only. */

export interface Membership {
  /** The tenant, as records hold it. */
  readonly tenant: string | number
  readonly roles: readonly string[]
}

/** What of a list are memberships. Whatever is none counts for nothing: a role without a tenant is not a role everywhere. */
export function membershipsIn (given: unknown): Membership[] {
  if (!Array.isArray(given)) return []
  return given.flatMap((one: unknown) => {
    const { tenant, roles } = (one ?? {}) as { readonly tenant?: unknown, readonly roles?: unknown }
    if (!isTenant(tenant) || !Array.isArray(roles)) return []
    return [{ tenant, roles: roles.filter((role): role is string => typeof role === 'string') }]
  })
}

function isTenant (given: unknown): given is string | number {
  return (typeof given === 'string' && given !== '') || (typeof given === 'number' && Number.isFinite(given))
}
