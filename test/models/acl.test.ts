/** Access control lists, and the access matrix whose rows they are (Lampson, "Protection", 1971): an access is allowed when the object's list has the user for it. */
import { readFileSync } from 'node:fs'
import { combinations, subsets, truthTable } from './truth-table.ts'

const USERS = ['ada', 'ben', 'cy']
const lists = combinations({ readers: subsets(USERS), writers: subsets(USERS) })
  .map(({ readers, writers }) => ({ name: `for ${readers.join('+')} by ${writers.join('+')}`, readers, writers }))
const users = [...USERS, 'dora'].map((id) => ({ id, roles: ['user'] }))
const LIST_OF = { read: 'readers', write: 'writers' } as const

/** As casbin ships it. */
const model = (name: string): string => readFileSync(new URL(`../../node_modules/casbin/examples/${name}`, import.meta.url), 'utf8')

truthTable({
  name: 'ACL',
  folder: 'acl',
  subject: 'File',
  questions: combinations({ user: users, action: ['read', 'write'] as const, record: lists }),
  oracle: ({ user, action, record }) => record[LIST_OF[action]].includes(user.id),
  casbin: {
    model: model('basic_model.conf'),
    policies: lists.flatMap(({ name, readers, writers }) => [...readers.map((id) => [id, name, 'read']), ...writers.map((id) => [id, name, 'write'])]),
    request: ({ user, action, record }) => [user.id, record.name, action],
  },
}, { allowed: 192, denied: 320, askedOfCasbin: 512 })

const entries = model('basic_policy.csv').trim().split('\n').map((line) => line.split(', ').slice(1))

truthTable({
  name: 'access matrix',
  folder: 'matrix',
  subject: 'Data',
  questions: combinations({ user: ['alice', 'bob', 'carol'].map((id) => ({ id })), action: ['read', 'write'], record: ['data1', 'data2', 'data3'].map((name) => ({ name })) }),
  oracle: ({ user, action, record }) => entries.some(([id, name, allowed]) => id === user.id && name === record.name && allowed === action),
  casbin: {
    model: model('basic_model.conf'),
    policies: entries,
    request: ({ user, action, record }) => [user.id, record.name, action],
  },
}, { allowed: 2, denied: 16, askedOfCasbin: 18 })
