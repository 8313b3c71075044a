import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import Fastify from 'fastify'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import gatehouse, { authenticated, can, DECISIONS, optional, refusal, resource, role, scope, stepUp, type DecisionEvent, type GatehouseOptions } from '../../lib/index.ts'
import { basic } from '../../lib/authentication/schemes/index.ts'
import type { PolicyDefinition } from '../../lib/policies/define.ts'
import { as, porch } from '../core/porch.ts'

const POLICIES: readonly PolicyDefinition[] = [
  { role: 'anonymous', rules: [{ action: 'read', subject: 'Page', environment: { address: { $cidr: ['127.0.0.0/8', '203.0.113.0/24'] } } }] },
  {
    role: 'author',
    rules: [
      { action: ['read', 'update'], subject: 'Doc', conditions: { authorId: '$user.id' } },
      { action: 'read', subject: 'Doc', inverted: true, conditions: { sealed: true }, code: 'sealed' },
      { action: 'read', subject: 'Bill', fields: ['sum', 'day'] },
      { action: 'read', subject: 'Region', conditions: { name: '$environment.region' } },
      { action: 'read', subject: 'Plan' },
    ],
  },
  { role: 'support', rules: [{ action: 'read', subject: ['Doc', 'Ticket', 'Plan'] }, { action: 'read', subject: 'Bill', fields: ['sum', 'card'] }] },
  { role: 'root', rules: [{ action: 'manage', subject: 'all' }] },
  { breakGlass: 'fire', rules: [{ action: 'read', subject: 'Doc' }] },
  { name: 'account-state', deny: [{ code: 'account_suspended', when: (user: { suspended?: boolean }) => user.suspended === true }] },
]

const docs: Readonly<Record<string, object>> = { adas: { id: 'adas', authorId: 'ada', sealed: false }, sealed: { id: 'sealed', authorId: 'ada', sealed: true }, graces: { id: 'graces', authorId: 'grace', sealed: false } }
const doc = resource('Doc', { param: 'id', load: (id) => docs[id] ?? null })
const secretDoc = resource('Doc', { param: 'id', load: (id) => docs[id] ?? null, hidden: true })
const bill = resource('Bill', { param: 'id', load: () => ({ sum: 1, day: 2, card: 3 }) })
const region = resource('Region', { param: 'id', load: (id) => ({ name: id }) })
const page = resource('Page', { param: 'id', load: () => ({ page: 1 }) })
const ticket = resource('Ticket', { param: 'id', load: () => ({ ticket: 1 }) })

function routes (app: FastifyInstance): void {
  app.get('/docs/:id', { config: { access: can('read', doc) } }, (request) => doc.of(request))
  app.get('/hidden/:id', { config: { access: can('read', secretDoc, { optional: true }) } }, (request) => secretDoc.of(request))
  app.get('/docs', { config: { access: can('read', doc.list) } }, (request) => {
    const filter = doc.filter(request)
    return Object.values(docs).filter((one) => filter.kind === 'every' || request.can('read', doc, one))
  })
  app.patch('/docs/:id', { config: { access: can('update', doc) } }, () => 'written')
  app.get('/bills/:id', { config: { access: can('read', bill) } }, (request) => bill.of(request))
  app.get('/regions/:id', { config: { access: can('read', region) } }, (request) => region.of(request))
  app.get('/tickets/:id', { config: { access: can('read', ticket) } }, (request) => ticket.of(request))
  app.get('/pages/:id', { config: { access: can('read', page, { optional: true }) } }, (request) => page.of(request))
  app.get('/plan', { config: { access: can('read', 'Plan') } }, () => 'plan')
  app.get('/me', { config: { access: authenticated() } }, () => 'me')
  app.get('/open', { config: { access: optional() } }, () => 'open')
  app.get('/public', { config: { access: 'public' } }, () => 'public')
  app.get('/support', { config: { access: role('support') } }, () => 'support')
  app.get('/root', { config: { access: role('root') } }, () => 'root')
  app.get('/scoped', { config: { access: scope('billing') } }, () => 'scoped')
  app.get('/fresh', { config: { access: stepUp({ maxAge: 60 }) } }, () => 'fresh')
}

type Server = Parameters<typeof porch>[3]

function application (t: Parameters<typeof porch>[0], options: GatehouseOptions, server: Server = {}) {
  return porch(t, { policies: POLICIES, ...options }, routes, server)
}

type App = Awaited<ReturnType<typeof application>>

async function get (app: App, url: string, headers: Record<string, string> = {}): Promise<{ status: number, code?: string, body: unknown }> {
  const answer = await app.inject({ url, headers })
  const body: unknown = String(answer.headers['content-type']).includes('json') ? answer.json() : answer.body
  return { status: answer.statusCode, ...((body as { code?: string }).code !== undefined && { code: (body as { code: string }).code }), body }
}

const heard: DecisionEvent[] = []
const hear = (event: unknown) => { heard.push(event as DecisionEvent) }

async function eventAfter (app: App, url: string, headers: Record<string, string> = {}): Promise<DecisionEvent> {
  heard.length = 0
  subscribe(DECISIONS, hear)
  await app.inject({ url, headers })
  unsubscribe(DECISIONS, hear)
  t.equal(heard.length, 1, 'one event for an answer')
  return heard[0] as DecisionEvent
}

const ada = { id: 'ada', roles: ['author'] }

t.test('rules know the address of every request and its time', async (t) => {
  const app = await application(t, {})
  t.match(await get(app, '/pages/1'), { status: 200 })
  t.match((await app.inject({ url: '/pages/1', remoteAddress: '::ffff:203.0.113.9' })).statusCode, 200)
  t.match((await app.inject({ url: '/pages/1', remoteAddress: '198.51.100.1' })).statusCode, 401, 'law 3: an anonymous client is asked to sign in')
  t.match((await app.inject({ url: '/pages/1', remoteAddress: '198.51.100.1', headers: as({ id: 'x' }) })).statusCode, 403)
  t.match((await app.inject({ url: '/pages/1', remoteAddress: '198.51.100.1', headers: { 'x-forwarded-for': '203.0.113.9' } })).statusCode, 401, 'nobody chooses his address')
  const behind = await application(t, {}, { trustProxy: ['10.0.0.0/8'] })
  const forwarded = async (remoteAddress: string, value: string) => (await behind.inject({ url: '/pages/1', remoteAddress, headers: { 'x-forwarded-for': value } })).statusCode
  t.equal(await forwarded('10.0.0.1', '203.0.113.9'), 200)
  t.equal(await forwarded('10.0.0.1', '203.0.113.9, 198.51.100.1'), 401)
  t.equal(await forwarded('198.51.100.1', '203.0.113.9'), 401)
  for (const garbage of ['unknown', '0177.0.0.1', '203.0.113.9:80', '_hidden', '127.1']) t.equal(await forwarded('10.0.0.1', garbage), 401, garbage)
})

t.test('the application tells the rest of the environment, once for each request', async (t) => {
  let asked = 0
  const app = await application(t, { environment: async (request) => { asked++; return { region: request.headers['x-region'] } } })
  t.match(await get(app, '/regions/eu', { ...as(ada), 'x-region': 'eu' }), { status: 200 })
  t.match(await get(app, '/regions/eu', { ...as(ada), 'x-region': 'us' }), { status: 403 })
  t.match(await get(app, '/regions/eu', as(ada)), { status: 403 })
  t.equal(asked, 3)
  await get(app, '/public')
  await get(app, '/regions/eu')
  t.equal(asked, 3, 'but not where nobody is asked who he is, nor for a request that already has its no')
  t.match(await get(app, '/pages/1'), { status: 200 }, 'the address and the time stay')
})

t.test('law 11: an IPv4 client of an IPv6 socket has his IPv4 address, for rules that allow and for rules that forbid', async (t) => {
  const app = await porch(t, { policies: [{ role: 'anonymous', rules: [{ action: 'read', subject: 'Page' }, { action: 'read', subject: 'Page', inverted: true, environment: { address: '203.0.113.9' } }] }] }, (app) => {
    app.get('/pages/:id', { config: { access: can('read', page, { optional: true }) } }, (request) => page.of(request))
  })
  const from = async (remoteAddress: string) => (await app.inject({ url: '/pages/1', remoteAddress })).statusCode
  t.same([await from('203.0.113.8'), await from('::ffff:203.0.113.8'), await from('2001:db8::9')], [200, 200, 200])
  t.same([await from('203.0.113.9'), await from('::ffff:203.0.113.9')], [401, 401])
})

t.test('the application may tell the time and the address in its own way', async (t) => {
  const app = await application(t, { environment: () => ({ address: '198.51.100.1' }) })
  t.match(await get(app, '/pages/1', as(ada)), { status: 403 })
  for (const nothing of [undefined, null, {}]) t.match(await get(await application(t, { environment: (() => nothing) as never }), '/pages/1'), { status: 200 })
})

t.test('law 10: what is around a request and cannot be found out is a 503, and the handler does not run', async (t) => {
  const odd: [GatehouseOptions, RegExp][] = [
    [{ environment: () => { throw new Error('no region') } }, /no region/],
    [{ environment: () => Promise.reject(new Error('no region')) }, /no region/],
    [{ environment: (() => 'eu') as never }, /"environment" gave a string/],
    [{ environment: (() => ['eu']) as never }, /"environment" gave a list where an object is due/],
    [{ actor: () => { throw new Error('no actor') } }, /no actor/],
    [{ actor: (() => 'ida') as never }, /"actor" gave a string/],
    [{ actor: (() => true) as never }, /"actor" gave a boolean/],
    [{ actor: (() => [ada]) as never }, /"actor" gave/],
    [{ breakGlass: () => Promise.reject(new Error('no vault')) }, /no vault/],
  ]
  for (const [options, cause] of odd) {
    const app = await application(t, options)
    const answer = await get(app, '/me', as({ ...ada, roles: ['root'] }))
    t.match(answer, { status: 503, code: 'temporarily_unavailable' }, String(cause))
    t.notMatch(JSON.stringify(answer.body), /region|actor|vault|gave/, 'law 7')
    const [line] = app.lines.filter(({ access }) => access !== undefined)
    t.match(line, { level: 50, access: { reason: 'what is around the request could not be found out' }, err: { message: cause } })
  }
})

const later = () => new Date(Date.now() + 60_000)
const fire = (differences: object = {}): GatehouseOptions => ({ breakGlass: () => ({ policy: 'fire', reason: 'ticket 7', expiresAt: later(), ...differences }) as never })

t.test('an emergency that the application grants lifts what the policy forbids', async (t) => {
  t.match(await get(await application(t, {}), '/docs/sealed', as(ada)), { status: 403, code: 'sealed' })
  const app = await application(t, fire())
  t.match(await get(app, '/docs/sealed', as(ada)), { status: 200, body: docs['sealed'] as object })
  t.match(await get(app, '/docs/graces', as(ada)), { status: 200 })
  t.match((await get(app, '/docs', as(ada))).body, Object.values(docs), 'law 12: and in lists')
  t.match(await get(app, '/tickets/1', as(ada)), { status: 403 }, 'but nothing else')
  t.match(await get(app, '/docs/sealed'), { status: 401 }, 'and not for the anonymous')
  t.match(await get(app, '/hidden/sealed'), { status: 404 })
})

t.test('every answer under an emergency is in the log, whether anybody listens or not', async (t) => {
  const app = await application(t, fire())
  const linesAfter = async (url: string, headers = as(ada)) => {
    const before = app.lines.length
    await get(app, url, headers)
    return app.lines.slice(before).filter(({ access }) => access !== undefined)
  }
  for (const url of ['/docs/sealed', '/docs', '/me', '/plan', '/open']) {
    t.match(await linesAfter(url), [{ level: 40, msg: 'allowed under the emergency fire: ticket 7', access: { outcome: 'allow', status: 200, user: 'ada', breakGlass: { policy: 'fire', reason: 'ticket 7', expiresAt: /Z$/ } } }], url)
  }
  t.match(await linesAfter('/tickets/1'), [{ level: 30, access: { outcome: 'deny', status: 403, breakGlass: { policy: 'fire' } } }])
  t.match(await linesAfter('/docs/none'), [{ access: { status: 404, breakGlass: { policy: 'fire' } } }])
  t.same(await linesAfter('/public'), [])
  t.same(await linesAfter('/open', {} as never), [])
  t.match(await eventAfter(app, '/docs/sealed', as(ada)), { rule: 'fire/1', place: 'policies[4]', breakGlass: { policy: 'fire', reason: 'ticket 7', expiresAt: Date } })
})

t.test('an emergency ends at its time', async (t) => {
  for (const expiresAt of [new Date(Date.now() - 1), new Date(0), new Date()]) {
    const app = await application(t, fire({ expiresAt }))
    t.match(await get(app, '/docs/sealed', as(ada)), { status: 403, code: 'sealed' })
    t.equal((await eventAfter(app, '/docs/sealed', as(ada))).breakGlass, null)
  }
  for (const none of [null, undefined]) t.match(await get(await application(t, { breakGlass: () => none as null }), '/docs/sealed', as(ada)), { status: 403, code: 'sealed' })
})

t.test('law 10: a grant that makes no sense, or of an emergency that no policy is for, is a 503', async (t) => {
  const odd: unknown[] = [true, false, 'fire', 7, {}, [], { policy: 'fire' }]
  const grants = [...odd, ...[{ policy: 7 }, { policy: undefined }, { reason: '' }, { reason: '   ' }, { reason: undefined }, { reason: 7 }, { expiresAt: undefined }, { expiresAt: new Date(NaN) }, { expiresAt: Date.now() + 60_000 }, { expiresAt: '2999-01-01' }].map((differences) => ({ policy: 'fire', reason: 'x', expiresAt: later(), ...differences }))]
  for (const grant of grants) {
    const app = await application(t, { breakGlass: () => grant as never })
    t.match(await get(app, '/docs/adas', as(ada)), { status: 503, code: 'temporarily_unavailable' }, JSON.stringify(grant))
  }
  const app = await application(t, fire({ policy: 'flood' }))
  t.match(await get(app, '/docs/adas', as(ada)), { status: 503 })
  t.match(app.lines.find(({ access }) => access !== undefined), { err: { message: 'no policy is for the emergency "flood": one with "breakGlass: flood" is needed' } })
})

t.test('a grant is for whom it was given: the application is asked with the user and the request', async (t) => {
  const asked: unknown[] = []
  const app = await application(t, { breakGlass: (user: { id: string }, request: FastifyRequest) => { asked.push([user.id, request.url]); return null } })
  await get(app, '/docs/adas', as(ada))
  await get(app, '/open')
  t.same(asked, [['ada', '/docs/adas']])
})

/** `x-actor` holds who really asks. */
const acting: GatehouseOptions = { actor: (_user: object, request: FastifyRequest) => request.headers['x-actor'] === undefined ? null : JSON.parse(request.headers['x-actor'] as string) }

function actingAs (user: object, actor: object, auth = {}): Record<string, string> {
  return { ...as(user, auth), 'x-actor': JSON.stringify(actor) }
}

const ida = { id: 'ida', roles: ['support'] }
const root = { id: 'root', roles: ['root'] }

t.test('whoever acts as another may do what both may', async (t) => {
  const app = await application(t, acting)
  t.match(await get(app, '/docs/adas', actingAs(ada, ida)), { status: 200 })
  t.match(await get(app, '/docs/graces', actingAs(ada, ida)), { status: 403 }, 'support reads it, ada does not')
  t.match(await get(app, '/docs/sealed', actingAs(ada, root)), { status: 403, code: 'sealed' }, 'root would, ada does not')
  t.match(await get(app, '/tickets/1', actingAs(ada, ida)), { status: 403 })
  t.match(await get(app, '/docs/graces', actingAs(root, ada)), { status: 403 }, 'acting as the mightiest gains nothing')
  t.match((await get(app, '/bills/1', actingAs(ada, ida))).body, { sum: 1 }, 'fields')
  t.same((await get(app, '/bills/1', actingAs(ada, ida))).body, { sum: 1 })
  t.same((await get(app, '/docs', actingAs(root, ada))).body, [docs['adas']], 'lists')
  t.match((await app.inject({ method: 'PATCH', url: '/docs/adas', headers: actingAs(ada, ida), payload: { title: 'x' } })).statusCode, 403)
  t.match((await app.inject({ method: 'PATCH', url: '/docs/adas', headers: actingAs(ada, root), payload: { authorId: 'root' } })).statusCode, 403, 'nor the new state')
  t.match(await get(app, '/plan', actingAs(ada, ida)), { status: 200 })
  t.match(await get(app, '/plan', actingAs(ada, { id: 'nobody', roles: [] })), { status: 403 })
})

t.test('roles, scopes and the age of the sign-in gain nothing by acting', async (t) => {
  const app = await application(t, acting)
  t.match(await get(app, '/root', actingAs(root, ada)), { status: 403 })
  t.match(await get(app, '/root', actingAs(ada, root)), { status: 403 })
  t.match(await get(app, '/support', actingAs({ id: 'u', roles: ['support', 'author'] }, ida)), { status: 200 }, 'a role that both have')
  t.match(await get(app, '/scoped', actingAs(ada, { ...root, scopes: ['billing'] })), { status: 403 })
  t.match(await get(app, '/fresh', actingAs(ada, { ...root, authTime: Date.now() / 1000 }, { authTime: 0 })), { status: 401, code: 'insufficient_user_authentication' })
})

t.test('pre-checks are asked of both', async (t) => {
  const app = await application(t, acting)
  t.match(await get(app, '/me', actingAs({ ...ada, suspended: true }, ida)), { status: 403, code: 'account_suspended' })
  t.match(await get(app, '/me', actingAs(ada, { ...ida, suspended: true })), { status: 403, code: 'account_suspended' })
  t.match(await get(app, '/me', actingAs(ada, ida)), { status: 200 })
})

t.test('nobody acts as the anonymous, and whoever acts has no emergency of another\'s', async (t) => {
  const app = await application(t, { ...acting, ...fire() })
  t.match(await get(app, '/docs/sealed', as(ada)), { status: 200 })
  t.match(await get(app, '/docs/sealed', actingAs(ada, root)), { status: 403, code: 'sealed' })
  t.equal((await eventAfter(app, '/docs/sealed', actingAs(ada, root))).breakGlass, null)
  t.match(await get(app, '/pages/1', { 'x-actor': JSON.stringify({ id: 'ida', suspended: true }) }), { status: 200 })
})

t.test('the event tells who really asked', async (t) => {
  const app = await application(t, acting)
  t.match(await eventAfter(app, '/docs/adas', actingAs(ada, ida)), { user: 'ada', actor: 'ida', outcome: 'allow', rule: 'author/1' })
  t.match(await eventAfter(app, '/docs/graces', actingAs(ada, ida)), { user: 'ada', actor: 'ida', outcome: 'deny', rule: null, explanation: { allowed: false, candidates: { length: 3 } } })
  t.match(await eventAfter(app, '/docs/adas', as(ada)), { user: 'ada', actor: null })
  t.match(await eventAfter(app, '/support', actingAs({ id: 'u', roles: ['support', 'author'] }, ida)), { roles: ['support', 'anonymous'] })
})

t.test('what the application asks while it finds out who is behind a request does not stay as the answer', async (t) => {
  const seen: boolean[] = []
  const ask: GatehouseOptions = {
    actor: async (_user, request) => {
      seen.push((request as FastifyRequest).can('read', doc, docs['sealed'] as object))
      return ida
    },
  }
  const app = await application(t, ask)
  t.match(await get(app, '/docs/graces', as(root)), { status: 200 })
  t.match(await get(app, '/tickets/1', as(ada)), { status: 403 })
  t.match(await get(app, '/root', as(root)), { status: 403 }, 'the actor counts, although the user was asked about before he was known')
  t.same(seen, [true, false, true])
})

t.test('law 10: an error handler cannot ask what a request may whose circumstances are unknown', async (t) => {
  const app = await porch(t, { policies: POLICIES, actor: () => { throw new Error('down') } }, (app) => {
    app.setErrorHandler((error, request, reply) => reply.code((error as { statusCode: number }).statusCode).send({ may: request.can('read', doc, docs['graces'] as object) }))
    app.get('/me', { config: { access: authenticated() } }, () => 'me')
  })
  const answer = await get(app, '/me', as(root))
  t.equal(answer.status, 503)
  t.notMatch(JSON.stringify(answer.body), /may/)
})

t.test('a refusal that the application throws while it finds out is the answer', async (t) => {
  const app = await porch(t, { policies: POLICIES, actor: () => { throw refusal('insufficient_permissions', { reason: 'nobody may act here' }) } }, (app) => app.get('/me', { config: { access: authenticated() } }, () => 'me'))
  t.match(await get(app, '/me', as(root)), { status: 403, body: { code: 'insufficient_permissions' } })
})

t.test('memberships come from the user, or from where the option says', async (t) => {
  const policies: readonly PolicyDefinition[] = [{ role: 'editor', rules: [{ action: 'read', subject: 'Doc', conditions: { sealed: false } }] }]
  const app = await porch(t, { policies }, (app) => app.get('/docs/:id', { config: { access: can('read', doc) } }, () => 'doc'))
  t.match(await get(app, '/docs/adas', as({ id: 'x', memberships: [{ tenant: 'a', roles: ['editor'] }] })), { status: 403 }, 'without a declared tenant there is none to be a member of')
  for (const memberships of ['editor', { tenant: 'a' }, [null], 7]) t.match(await get(app, '/docs/adas', as({ id: 'x', memberships })), { status: 403 })
  const failing = await porch(t, { policies, memberships: () => { throw new Error('down') } }, (app) => app.get('/docs/:id', { config: { access: can('read', doc) } }, () => 'doc'))
  t.match(await get(failing, '/docs/adas', as({ id: 'x' })), { status: 503 }, 'law 10')
})

t.test('law 11: on a Unix socket there is no address: rules that need one do not apply, and others do', async (t) => {
  const rules = [{ action: 'read', subject: 'Clock', environment: { now: { $gte: '2000-01-01T00:00:00Z' } } }, { action: 'read', subject: 'Page', environment: { address: { $cidr: ['127.0.0.0/8'] } } }]
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(gatehouse, { realm: 'newsroom', schemes: [basic({ verify: async (id) => ({ id, roles: ['clerk'] }) })], policies: [{ role: 'clerk', rules }] })
  app.get('/page', { config: { access: can('read', resource('Page').proposed(() => ({}))) } }, () => 'page')
  app.get('/time', { config: { access: can('read', resource('Clock').proposed(() => ({}))) } }, () => 'tock')
  // The name of a socket has room for a hundred characters; a longer one is cut off, or refused from Node.js 24 on.
  const folder = await mkdtemp(join(tmpdir(), 'socket-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const socketPath = join(folder, 'socket')
  await app.listen({ path: socketPath })
  const statusOf = async (path: string) => {
    const asked = request({ socketPath, path, headers: { authorization: `Basic ${Buffer.from('ada:x').toString('base64')}` } }).end()
    const [answer] = await once(asked, 'response') as [IncomingMessage]
    answer.resume()
    return answer.statusCode
  }
  t.equal(await statusOf('/time'), 200)
  t.equal(await statusOf('/page'), 403)
})
