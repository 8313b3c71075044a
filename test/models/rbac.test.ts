/** Hierarchical RBAC, RBAC1 (ANSI INCITS 359-2004, section 5.2): a user may do what a role permits that one of his is senior to, or the same as. */
import { readFileSync } from 'node:fs'
import { combinations, subsets, truthTable } from './truth-table.ts'

/** The permission assignment, and the immediate seniors of each role. */
const PERMITS = { employee: 'read', engineer: 'build', tester: 'test', lead: 'release', director: 'close' } as const
const SENIOR_TO = [['engineer', 'employee'], ['tester', 'employee'], ['lead', 'engineer'], ['lead', 'tester'], ['director', 'lead']] as const
const ROLES = Object.keys(PERMITS) as (keyof typeof PERMITS)[]

/** The least relation that is reflexive, transitive and has the immediate seniors in it. */
function dominates (senior: string, junior: string): boolean {
  return senior === junior || SENIOR_TO.some(([above, below]) => above === senior && dominates(below, junior))
}

/** Every user assignment; a user with no role is one of them. In a session only some of a user's roles may be active, which is a smaller assignment. */
const users = subsets(ROLES).map((roles) => ({ id: `user of ${roles.join('+')}`, roles }))

truthTable({
  name: 'RBAC with hierarchy',
  folder: 'hierarchy',
  subject: 'Project',
  questions: combinations({ user: users, action: Object.values(PERMITS), record: [{ name: 'one' }] }),
  oracle: ({ user, action }) => user.roles.some((role) => ROLES.some((junior) => dominates(role, junior) && PERMITS[junior] === action)),
  casbin: {
    model: readFileSync(new URL('../../node_modules/casbin/examples/rbac_model.conf', import.meta.url), 'utf8'),
    policies: ROLES.map((role) => [role, 'Project', PERMITS[role]]),
    groupings: [...SENIOR_TO, ...users.flatMap(({ id, roles }) => roles.map((role) => [id, role]))],
    request: ({ user, action }) => [user.id, 'Project', action],
  },
}, { allowed: 31 + 28 + 28 + 24 + 16, denied: 160 - 127, askedOfCasbin: 160 })
