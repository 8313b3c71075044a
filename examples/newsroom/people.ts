/** The people of newsroom: who there is, and how they sign in. */
import type { Query } from './database.ts'
import { passwords } from './passwords.ts'
import type { User } from './user.ts'

export interface Person extends Omit<User, 'id' | 'tenantId'> {
  readonly name: string
  readonly tenantId: string | null
}

export const PEOPLE: readonly Person[] = [
  { name: 'rex', tenantId: 'aurora', roles: ['reader'], plan: 'free', suspended: false },
  { name: 'abe', tenantId: 'aurora', roles: ['author'], plan: 'pro', suspended: false },
  { name: 'ada', tenantId: 'aurora', roles: ['editor'], plan: 'pro', suspended: false },
  { name: 'sam', tenantId: 'aurora', roles: ['author'], plan: 'pro', suspended: true },
  { name: 'bea', tenantId: 'borealis', roles: ['editor'], plan: 'free', suspended: false },
  { name: 'ida', tenantId: null, roles: ['admin'], plan: 'pro', suspended: false },
]

/** The password of a demo user. */
export function passwordOf (name: string): string {
  return `correct horse ${name}`
}

/** The columns of a person, for whoever reads `users`. */
export const PERSON = 'users.name, users.tenant_id AS "tenantId", users.roles, users.plan, users.suspended'

export interface People {
  /** The person, or `null` where name or password is wrong; both take the same time. */
  readonly find: (name: string, password: string) => Promise<Person | null>
}

export async function peopleIn (query: Query): Promise<People> {
  const { match } = await passwords()
  return {
    async find (name, password) {
      const [row] = await query<Person & { passwordHash: string }>(
        `SELECT ${PERSON}, password_hash AS "passwordHash" FROM users WHERE name = $1`, [name]
      )
      if (!await match(row?.passwordHash ?? null, password) || row === undefined) return null
      const { passwordHash, ...person } = row
      return person
    },
  }
}
