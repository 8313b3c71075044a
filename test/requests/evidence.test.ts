import t from 'tap'
import type { FastifyRequest } from 'fastify'
import { can, quota, resource, type LoadContext, type RouteOptions } from '../../lib/index.ts'
import { findRecord } from '../../lib/requests/evidence.ts'
import { as, porch } from '../core/porch.ts'
import { oddPromises } from '../support/odd-promises.ts'

const ada = as({ id: 'ada', roles: ['author'] })
const admin = as({ id: 'root', roles: ['admin'] })

/** The answer, and the reason in the log, of one GET of a post that is loaded like this. */
async function loading (t: Parameters<typeof porch>[0], load: (id: string, context: LoadContext) => unknown, headers = ada) {
  let handled = 0
  const post = resource('Post', { param: 'id', load: load as () => object })
  const app = await porch(t, {}, (app) => {
    app.get('/posts/:id', { config: { access: can('read', post) } }, (request) => {
      handled++
      return post.of(request)
    })
  })
  const answer = await app.inject({ url: '/posts/7', headers })
  return { status: answer.statusCode, body: answer.body, handled, line: app.lines.find(({ access }) => access !== undefined) }
}

t.test('authz T8: what is no record is a 503, never a subject type', async (t) => {
  for (const [given, name] of [['Post', 'a string'], [7, 'a number'], [true, 'a boolean'], [() => {}, 'a function'], [[{ authorId: 'ada' }], 'a list'], [Symbol('x'), 'a symbol']] as const) {
    const { status, handled, line } = await loading(t, () => given, admin)
    t.match({ status, handled, reason: line?.access?.reason }, { status: 503, handled: 0, reason: `load of Post gave ${name} where one record is due` })
  }
})

t.test('authz T9: what is not there is a 404, also for who may do everything, and the handler does not run', async (t) => {
  for (const given of [null, undefined]) t.match(await loading(t, async () => given, admin), { status: 404, handled: 0 })
})

t.test('law 10: a loader that throws is a 503 with its cause in the log alone; a 4xx of its own stays', async (t) => {
  const thrown = await loading(t, () => { throw new Error('database down') })
  t.match(thrown, { status: 503, handled: 0, line: { level: 50, err: { message: 'database down' }, access: { reason: 'load of Post failed' } } })
  t.notMatch(thrown.body, /database/)
  t.match(await loading(t, () => Promise.reject(Object.assign(new Error('no such shelf'), { statusCode: 410 }))), { status: 410, handled: 0, body: /no such shelf/ })
  for (const odd of [Object.assign(new Error('x'), { statusCode: 500 }), Object.assign(new Error('x'), { statusCode: 302 }), { statusCode: 404 }, null, undefined, 'x', Object.assign(new Error('x'), { statusCode: '404' })]) {
    t.match(await loading(t, () => Promise.reject(odd)), { status: 503, handled: 0 })
  }
})

t.test('law 10: a loader may answer with promises of any make, and none of them is a yes by itself', async (t) => {
  for (const [name, promise] of oddPromises({ authorId: 'ada' })) t.match(await loading(t, () => promise), { status: 200, handled: 1 }, name)
  for (const [name, promise] of oddPromises({ authorId: 'grace', published: false })) t.match(await loading(t, () => promise), { status: 403, handled: 0 }, name)
  for (const [name, promise] of oddPromises(null)) t.match(await loading(t, () => promise), { status: 404, handled: 0 }, name)
  for (const [name, promise] of oddPromises('Post')) t.match(await loading(t, () => promise), { status: 503, handled: 0 }, name)
})

t.test('law 9: a refusal that a loader meets is the answer as it is, at once or later', async (t) => {
  const forbidden = await loading(t, (_id, { request }) => request.authorize('delete', resource('Post'), { authorId: 'grace' }))
  t.match(forbidden, { status: 403, handled: 0, line: { access: { code: 'insufficient_permissions' } } })
  t.match(JSON.parse(forbidden.body), { status: 403, code: 'insufficient_permissions' })
  const once = quota('loads', { limit: 1, window: 60 })
  const spent = await loading(t, async (_id, { request }) => {
    await request.spend(once)
    await request.spend(once)
  })
  t.match(spent, { status: 429, handled: 0, line: { access: { code: 'quota_exceeded' } } })
  t.match(JSON.parse(spent.body), { status: 429, 'violated-policies': ['loads'] })
})

t.test('a loader gets the id as it stands in the URL, and what the user may read', async (t) => {
  const { status } = await loading(t, (id, { where, request }) => ({ authorId: 'ada', ok: [id, where.kind, request.method] }))
  t.equal(status, 200)
  t.match(JSON.parse((await loading(t, (id, { where }) => ({ authorId: 'ada', id, kind: where.kind }))).body), { id: '7', kind: 'where' })
})

/** The answer to a POST of this body where the record is proposed like this. */
async function proposing (t: Parameters<typeof porch>[0], make: (request: FastifyRequest) => unknown, payload: object = {}, headers = ada) {
  const post = resource('Post')
  const app = await porch(t, {}, (app) => {
    app.post('/posts', { config: { access: can('create', post.proposed(make as () => object)) } }, (request) => post.of(request))
  })
  const answer = await app.inject({ method: 'POST', url: '/posts', payload, headers })
  return { status: answer.statusCode, body: answer.json(), line: app.lines.find(({ access }) => access !== undefined) }
}

t.test('a proposed record is decided as if it existed', async (t) => {
  t.match(await proposing(t, (request) => ({ authorId: 'ada', ...request.body as object }), { title: 'x' }), { status: 200, body: { authorId: 'ada', title: 'x' } })
  t.match(await proposing(t, () => ({ authorId: 'grace' })), { status: 403 })
  t.match(await proposing(t, async () => ({ authorId: 'grace' })), { status: 403 }, 'also one that comes later')
  t.match(await proposing(t, async () => ({ authorId: 'ada' })), { status: 200, body: { authorId: 'ada' } })
})

t.test('authz T8: a proposal of nothing, or of no record, is a 503', async (t) => {
  for (const [given, name] of [[null, 'null'], [undefined, 'undefined'], ['Post', 'a string'], [[], 'a list']] as const) {
    t.match(await proposing(t, () => given, {}, admin), { status: 503, line: { access: { reason: `propose of Post gave ${name} where one record is due` } } })
  }
  t.match(await proposing(t, () => { throw new Error('x') }, {}, admin), { status: 503, line: { access: { reason: 'propose of Post failed' } } })
})

t.test('authz T1: a type has no record to find', async (t) => {
  t.throws(() => findRecord({ kind: 'type', subject: 'Post' }, {} as never, {} as never), TypeError)
})

/** What writing this body to a post gives, where only its title may be written. */
async function writing (t: Parameters<typeof porch>[0], payload: unknown, options: RouteOptions = {}, method: 'PATCH' | 'DELETE' = 'PATCH') {
  const post = resource('Post', { param: 'id', load: () => ({ authorId: 'ada' }) })
  const app = await porch(t, { policies: [{ role: 'author', rules: [{ action: 'update', subject: 'Post', fields: ['title'] }] }] }, (app) => {
    app.route({ method, url: '/posts/:id', config: { access: can('update', post, options) }, handler: () => 'written' })
  })
  const answer = await app.inject({ method, url: '/posts/7', headers: { ...ada, ...(typeof payload === 'string' && { 'content-type': 'text/plain' }) }, ...(payload !== undefined && { payload: payload as object }) })
  return answer.statusCode === 200 ? answer.body : { status: answer.statusCode, fields: answer.json().fields }
}

t.test('authz T10: the members of a body are written fields, by default', async (t) => {
  t.equal(await writing(t, { title: 'x' }), 'written')
  t.equal(await writing(t, undefined), 'written')
  t.same(await writing(t, { title: 'x', authorId: 'grace' }), { status: 403, fields: ['authorId'] })
  t.same(await writing(t, [{ title: 'x' }, { role: 'admin' }]), { status: 403, fields: ['role'] })
  t.same(await writing(t, 'title=x'), { status: 403, fields: [] })
  t.equal(await writing(t, undefined, {}, 'DELETE'), 'written')
})

t.test('authz T10: a route may say itself what is written, and what it says must be names', async (t) => {
  t.equal(await writing(t, { anything: 1 }, { fields: false }), 'written')
  t.equal(await writing(t, { wrapped: { title: 1 } }, { fields: (request) => Object.keys((request.body as { wrapped: object }).wrapped) }), 'written')
  t.same(await writing(t, {}, { fields: () => ['secret'] }), { status: 403, fields: ['secret'] })
  for (const fields of [() => undefined, () => 'title', async () => ['title'], () => [7], (request: FastifyRequest) => (request.body as { none: { a: string[] } }).none.a]) {
    t.match(await writing(t, {}, { fields: fields as () => string[] }), { status: 503 }, 'law 10')
  }
})

t.test('law 10: an application that cannot tell a user\'s roles, or whose record throws, is a 503', async (t) => {
  const post = resource('Post', { param: 'id', load: () => ({ get authorId (): string { throw new Error('lazy relation') } }) })
  for (const roles of [() => { throw new Error('roles down') }, async () => ['author']]) {
    const app = await porch(t, { roles: roles as never }, (app) => app.get('/posts/:id', { config: { access: can('read', post) } }, () => 'x'))
    t.equal((await app.inject({ url: '/posts/7', headers: ada })).statusCode, 503)
  }
  const app = await porch(t, {}, (app) => app.get('/posts/:id', { config: { access: can('read', post) } }, () => 'x'))
  t.equal((await app.inject({ url: '/posts/7', headers: ada })).statusCode, 503)
})

t.test('roles that are no list of names count for nothing', async (t) => {
  const post = resource('Post', { param: 'id', load: () => ({ authorId: 'ada', open: false }) })
  const app = await porch(t, {}, (app) => app.get('/posts/:id', { config: { access: can('read', post) } }, () => 'x'))
  for (const roles of ['admin', { admin: true }, 7, null, [['admin']], [{ toString: 'admin' }]]) {
    t.equal((await app.inject({ url: '/posts/7', headers: as({ id: 'ada', roles }) })).statusCode, 403, JSON.stringify(roles))
  }
  t.equal((await app.inject({ url: '/posts/7', headers: as({ id: 'ada', roles: [7, 'admin'] }) })).statusCode, 200)
})
