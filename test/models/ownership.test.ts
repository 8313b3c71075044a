/** Ownership: an object's owner may do everything with it, its members may read and change it, and everybody may read what is public. */
import { combinations, subsets, truthTable } from './truth-table.ts'

const IDS = ['ada', 'ben', 'cy']
const records = combinations({ ownerId: [...IDS, undefined], memberIds: subsets(IDS), public: [true, false] })
const users = [null, ...IDS.map((id) => ({ id })), { id: 'undefined' }]

const MODEL = `
[request_definition]
r = sub, obj, act

[policy_definition]
p = rule, act

[policy_effect]
e = some(where (p.eft == allow))

[matchers]
m = eval(p.rule) && r.act == p.act
`

truthTable({
  name: 'ownership',
  folder: 'ownership',
  subject: 'Note',
  questions: combinations({ user: users, action: ['read', 'update', 'remove'], record: records }),
  oracle: ({ user, action, record }) => {
    if (action === 'read' && record.public) return true
    if (user === null) return false
    return record.ownerId === user.id || (action !== 'remove' && record.memberIds.includes(user.id))
  },
  casbin: {
    model: MODEL,
    policies: [
      ['r.obj.public', 'read'],
      ...['read', 'update', 'remove'].map((action) => ['r.sub.id == r.obj.ownerId', action]),
      ...['read', 'update'].map((action) => ['among(r.sub.id, r.obj.memberIds)', action]),
    ],
    functions: { among: (id: string, list: readonly string[]) => list.includes(id) },
    // Without a user, or without an owner, casbin would take nobody for nobody.
    request: ({ user, action, record }) => user === null || record.ownerId === undefined ? null : [user, record, action],
  },
// Public notes, to five; of the rest to each of three users 5 of 8 to read, 5 of 8 of all to update, and 1 of 4 to remove.
}, { allowed: 5 * 32 + 3 * (20 + 40 + 16), denied: 960 - 388, askedOfCasbin: 4 * 3 * 48 })
