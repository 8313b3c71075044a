/** What a resource says of attributes must be what subjects.yaml declares: told at the start and at each reload. */
import t from 'tap'
import { can, resource, type AnyResource } from '../../lib/index.ts'
import { kysely, memory, mongodb, postgresql, prisma, sqlite, type KyselySql } from '../../lib/authorization/filters/index.ts'
import { declaredProblems } from '../../lib/routes/declared-problems.ts'
import { compiled } from '../policies/sources.ts'
import { porch } from '../core/porch.ts'

const SUBJECTS = `user: { tenant: org, attributes: { id: string, org: string } }
subjects:
  Ticket:
    tenant: tenantId
    attributes: { id: integer, tenantId: string, size: number, open: boolean, at: date, from: address, tags: array, meta: object, contactMail: string, customer.city: string }
`
const RULES = 'role: agent\nrules: [{ action: read, subject: Ticket, conditions: { open: true } }]\n'
const policy = compiled({ 'subjects.yaml': SUBJECTS, 'agent.yaml': RULES })

const problemsOf = (ticket: AnyResource) => declaredProblems(ticket, policy)

t.test('a mask for what is no attribute is told, with the nearest one that has none', async (t) => {
  const mask = () => '***'
  t.strictSame(problemsOf(resource('Ticket', { masks: { contctMail: mask, contactMai: mask, size: mask, customer: mask, 'customer.city': mask, 'meta.deep.down': mask } })), [
    'resource(\'Ticket\'): masks: "contctMail" is no attribute of Ticket. Did you mean "contactMail"?',
    'resource(\'Ticket\'): masks: "contactMai" is no attribute of Ticket. Did you mean "contactMail"?',
  ])
  t.match(problemsOf(resource('Ticket', { masks: { contactMail: mask, contactMaill: mask } })), [/"contactMaill" is no attribute of Ticket\. Allowed: id, tenantId, /])
})

t.test('so is a column for what is no attribute, and one of another type, whatever the store', async (t) => {
  const sql = (() => ({ toOperationNode: () => ({}) })) as unknown as KyselySql
  const names = [/"tennantId" is no attribute of Ticket\. Did you mean "tenantId"\?$/]
  t.strictSame(problemsOf(resource('Ticket', { backend: postgresql({ columns: { tennantId: 'text' } }) })), ['PostgreSQL: columns: "tennantId" is no attribute of Ticket. Did you mean "tenantId"?'])
  t.match(problemsOf(resource('Ticket', { backend: sqlite({ columns: { tennantId: 'text' } }) })), names)
  t.match(problemsOf(resource('Ticket', { backend: kysely({ sql, dialect: 'sqlite', columns: { tennantId: 'text' } }) })), names)
  t.match(problemsOf(resource('Ticket', { backend: prisma({ provider: 'postgresql', fields: { tennantId: 'string' } }) })), [/^Prisma: fields: "tennantId"/])
  t.match(problemsOf(resource('Ticket', { backend: mongodb({ attributes: { tennantId: 'string' } }) })), [/^MongoDB: attributes: "tennantId"/])

  const wrong = { id: 'text', tenantId: 'integer', open: 'integer', at: 'boolean', tags: 'text', size: 'number[]' } as const
  t.strictSame(problemsOf(resource('Ticket', { backend: postgresql({ columns: wrong }) })), [
    'PostgreSQL: columns: "id" of Ticket is integer, and is kept as text: they are never equal',
    'PostgreSQL: columns: "tenantId" of Ticket is string, and is kept as integer: they are never equal',
    'PostgreSQL: columns: "open" of Ticket is boolean, and is kept as integer: they are never equal',
    'PostgreSQL: columns: "at" of Ticket is date, and is kept as boolean: they are never equal',
    'PostgreSQL: columns: "tags" of Ticket is array, and is kept as text: they are never equal',
    'PostgreSQL: columns: "size" of Ticket is number, and is kept as number[]: they are never equal',
  ])
  t.equal(problemsOf(resource('Ticket', { backend: prisma({ provider: 'postgresql', fields: { id: 'string?', open: 'integer', at: 'float?', tags: 'string', size: { enum: ['s'] }, 'customer.city': { enum: ['c'], type: 'enum[]' } } }) })).length, 6)
  t.equal(problemsOf(resource('Ticket', { backend: mongodb({ attributes: { id: 'string', open: 'number', at: 'boolean', tags: 'date', size: 'array' } }) })).length, 5)
})

t.test('what fits is no problem', async (t) => {
  const fits = [
    postgresql({ columns: { id: 'integer', tenantId: 'uuid', size: 'number', open: 'boolean', at: 'timestamp', from: 'text', tags: 'text[]', meta: 'json', contactMail: { column: 'mail', type: 'enum' }, 'customer.city': 'text' } }),
    postgresql({ columns: { tags: 'json', customer: 'json', meta: 'text', 'meta.deep': 'integer' } }),
    sqlite({ columns: { at: 'milliseconds', tags: 'json', size: 'integer' } }),
    prisma({ provider: 'postgresql', fields: { id: 'bigint', size: 'float?', at: 'datetime?', tags: 'integer[]', tenantId: { type: 'string?', collation: 'C' } } }),
    mongodb({ attributes: { id: 'number', at: 'date', tags: 'array', open: 'boolean', tenantId: 'string' } }),
    mongodb(),
    memory(),
  ]
  for (const backend of fits) t.strictSame(problemsOf(resource<object, string, unknown>('Ticket', { backend })), [])
  t.strictSame(problemsOf(resource('Note', { masks: { any: () => 1 } })), [], 'of what is not declared nothing is known')
  t.strictSame(declaredProblems(resource('Ticket', { masks: { any: () => 1 } }), compiled({ 'agent.yaml': RULES })), [])
})

t.test('such a resource stops the start and a reload, and says on which route', async (t) => {
  const ticket = resource('Ticket', { masks: { contctMail: () => '***' } })
  const files = [{ name: 'agent.yaml', text: RULES }, { name: 'subjects.yaml', text: SUBJECTS }]
  const store = { name: 'shelf', read: async () => files }
  const open = (given: AnyResource) => porch(t, { policies: store }, (app) => { app.get('/tickets', { config: { access: can('read', given.list) } }, (request) => given.filter(request)) })
  await t.rejects(Promise.resolve(open(ticket)).then((app) => app.ready()), { message: /GET \/tickets: resource\('Ticket'\): masks: "contctMail" is no attribute of Ticket\. Did you mean "contactMail"\?/ })
  const app = await open(resource('Ticket', { masks: { contactMail: () => '***' } }))
  await app.ready()
  files[1] = { name: 'subjects.yaml', text: SUBJECTS.replace('contactMail', 'mail') }
  await t.rejects(app.gatehouse.reload(), { message: /the new policy does not fit the routes:\n {2}GET \/tickets: .*"contactMail" is no attribute/ })
})
