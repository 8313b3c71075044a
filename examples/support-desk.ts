// A support desk: roles inside a tenant, relations, office hours, an agent who acts as a customer, and an emergency.
//   npx tsx examples/support-desk.ts
//   curl http://127.0.0.1:3000/tickets -u ann:ann                                    ann is an agent of north, and a customer of south
//   curl http://127.0.0.1:3000/tickets -u ann:ann -H 'act-as: bob'                   what both ann and bob may see
//   curl -i -X DELETE http://127.0.0.1:3000/tickets/1 -u ann:ann                     403: nobody deletes a ticket on legal hold
//   curl -i -X DELETE http://127.0.0.1:3000/tickets/1 -u ann:ann -H 'emergency: GDPR-17'   204, and a warning in the log
import { argv } from 'node:process'
import Fastify, { type FastifyInstance } from 'fastify'
import gatehouse, { can, refusal, resource } from 'fastify-gatehouse'
import { memory } from 'fastify-gatehouse/filters'
import { definePolicy, defineSubjects } from 'fastify-gatehouse/policies'
import { basic } from 'fastify-gatehouse/schemes'

interface Person {
  readonly id: string
  readonly roles: readonly string[]
  readonly memberships: readonly { readonly tenant: string, readonly roles: readonly string[] }[]
}

const PEOPLE: readonly Person[] = [
  { id: 'ann', roles: [], memberships: [{ tenant: 'north', roles: ['agent'] }, { tenant: 'south', roles: ['customer'] }] },
  { id: 'bob', roles: [], memberships: [{ tenant: 'north', roles: ['customer'] }] },
]
const tickets = new Map([
  [1, { id: 1, tenantId: 'north', openedBy: 'bob', hold: true }],
  [2, { id: 2, tenantId: 'north', openedBy: 'cleo', hold: false }],
  [3, { id: 3, tenantId: 'south', openedBy: 'ann', hold: false }],
  [4, { id: 4, tenantId: 'south', openedBy: 'bob', hold: false }],
])

const policies = [
  defineSubjects({
    user: { tenant: 'tenantId', attributes: { id: 'string', tenantId: { type: 'string', optional: true } } },
    subjects: {
      Ticket: {
        tenant: 'tenantId',
        attributes: { id: 'integer', tenantId: 'string', openedBy: 'string', hold: 'boolean' },
        relations: { opener: { openedBy: '$user.id' } },
      },
    },
  }),
  definePolicy({ role: 'customer', rules: [{ action: 'read', subject: 'Ticket', relation: 'opener' }] }),
  definePolicy({
    role: 'agent',
    rules: [
      { action: ['read', 'delete'], subject: 'Ticket' },
      { action: 'delete', subject: 'Ticket', conditions: { hold: true }, inverted: true, code: 'legal_hold' },
      { action: 'export', subject: 'Ticket', environment: { now: { $between: { from: '08:00', to: '18:00', zone: 'Europe/Berlin' } } } },
    ],
  }),
  // An emergency knows the user's own tenant, and no memberships. Nobody here has one, so without `crossTenant`
  // it would reach nothing. With it, it reaches every tenant, and of the tickets there, which are hidden, those that the user may read anyway.
  definePolicy({ breakGlass: 'erasure', rules: [{ action: 'delete', subject: 'Ticket', crossTenant: true }] }),
]

const ticket = resource('Ticket', { param: 'id', hidden: true, load: (id) => tickets.get(Number(id)), backend: memory() })

function person (name: unknown): Person {
  const found = PEOPLE.find(({ id }) => id === name)
  if (found === undefined) throw refusal('insufficient_permissions', { reason: 'there is nobody of this name to act as' })
  return found
}

export async function build (): Promise<FastifyInstance> {
  const app = Fastify({ logger: { level: process.env['LOG_LEVEL'] ?? 'info' } })

  await app.register(gatehouse, {
    // The password of each is the name: this is an example.
    schemes: [basic({ verify: (name, password) => PEOPLE.find(({ id }) => id === name && password === name) ?? null })],
    policies,
    // Who really asks is the one who signed in; the gatehouse allows what both may do.
    actor: (_user, { headers }) => headers['act-as'] === undefined ? null : person(headers['act-as']),
    // A real application looks the ticket up, and asks a second person.
    breakGlass: ({ id }: Person, { headers }) => id === 'ann' && typeof headers['emergency'] === 'string'
      ? { policy: 'erasure', reason: headers['emergency'], expiresAt: new Date(Date.now() + 60_000) }
      : null,
  })

  app.get('/tickets', { config: { access: can('read', ticket.list) } }, (request) => ticket.listed(request, (allowed) => [...tickets.values()].filter(allowed)))
  app.get('/tickets/:id', { config: { access: can('read', ticket) } }, (request) => ticket.of(request))
  app.delete('/tickets/:id', { config: { access: can('delete', ticket) } }, (_request, reply) => reply.code(204).send())
  app.get('/tickets/export', { config: { access: can('export', ticket.list) } }, (request) => ticket.listed(request, (allowed) => [...tickets.values()].filter(allowed), 'export'))
  return app
}

if (argv[1] === import.meta.filename) {
  const app = await build()
  await app.listen({ port: 3000 })
}
