/** The tenants of newsroom, and their settings. */
import type { Query } from './database.ts'

export interface TenantSettings {
  readonly id: string
  readonly name: string
  readonly locale: string
}

export const TENANTS: readonly TenantSettings[] = [
  { id: 'aurora', name: 'Aurora Daily', locale: 'en-GB' },
  { id: 'borealis', name: 'Borealis Post', locale: 'nb-NO' },
]

export interface Tenants {
  readonly settings: (id: string) => Promise<TenantSettings | undefined>
}

export function tenantsIn (query: Query): Tenants {
  return {
    async settings (id) {
      const [row] = await query<TenantSettings>('SELECT id, name, locale FROM tenants WHERE id = $1', [id])
      return row
    },
  }
}
