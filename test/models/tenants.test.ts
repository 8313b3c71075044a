/** RBAC with domains, as casbin defines it: a role is held in a domain, and counts for the objects of that domain and no other. */
import { readFileSync } from 'node:fs'
import { combinations, subsets, truthTable } from './truth-table.ts'

const DOMAINS = ['north', 'south', 'west']
const ROLES = ['reader', 'editor', 'auditor'] as const
/** An editor has what a reader has. */
const MAY = { reader: ['read'], editor: ['read', 'write'], auditor: ['audit'] } as const satisfies Record<typeof ROLES[number], readonly string[]>

const users = combinations({ north: subsets(ROLES), south: subsets(ROLES) }).map((held) => ({
  id: `north ${held.north.join('+')}, south ${held.south.join('+')}`,
  memberships: Object.entries(held).map(([tenant, roles]) => ({ tenant, roles })),
}))

truthTable({
  name: 'RBAC with tenants',
  folder: 'tenants',
  subject: 'Data',
  questions: combinations({ user: users, action: ['read', 'write', 'audit'], record: [...DOMAINS, undefined].map((domain) => domain === undefined ? {} : { domain }) }),
  oracle: ({ user, action, record }) => user.memberships.some(({ tenant, roles }) => tenant === record.domain && roles.some((role) => (MAY[role] as readonly string[]).includes(action))),
  casbin: {
    model: readFileSync(new URL('../../node_modules/casbin/examples/rbac_with_domains_model.conf', import.meta.url), 'utf8'),
    policies: DOMAINS.flatMap((domain) => [['reader', domain, 'data', 'read'], ['editor', domain, 'data', 'write'], ['auditor', domain, 'data', 'audit']]),
    groupings: [
      ...DOMAINS.map((domain) => ['editor', 'reader', domain]),
      ...users.flatMap(({ id, memberships }) => memberships.flatMap(({ tenant, roles }) => roles.map((role) => [id, role, tenant]))),
    ],
    // An object of no domain is nothing that casbin could be asked about.
    request: ({ user, action, record }) => record.domain === undefined ? null : [user.id, record.domain, 'data', action],
  },
}, { allowed: 2 * 8 * (6 + 4 + 4), denied: 768 - 224, askedOfCasbin: 576 })
