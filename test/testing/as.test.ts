/** Requests as a user, without a token: everything else is as always, and it is impossible over a network. */
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import type { FastifyInstance } from 'fastify'
import { allOf, authenticated, can, optional, resource, scope, stepUp } from '../../lib/index.ts'
import { definePolicy, deny } from '../../lib/policies/define.ts'
import { letStandIn, standIn } from '../../lib/requests/stand-in.ts'
import { as } from '../../lib/testing/index.ts'
import { as as withKey, bare, porch, POLICIES } from '../core/porch.ts'

interface Teardown { teardown: (end: () => unknown) => void }

const ADA = { id: 'ada', roles: ['author'] }
const SUSPENDED = definePolicy('state', [deny({ code: 'account_suspended', when: (user) => user.suspended === true })])

/** An application with a bit of everything. */
function application (t: Teardown): Promise<FastifyInstance> {
  return porch(t, { policies: [...POLICIES, SUSPENDED] }, (app) => {
    const post = resource<{ id: string, authorId: string }>('Post', { param: 'id', load: (id) => ({ id, authorId: id === '1' ? 'ada' : 'bob', archived: false, open: false }) })
    app.get('/public', { config: { access: 'public' } }, (request) => ({ user: request.user }))
    app.get('/me', { config: { access: authenticated() } }, (request) => ({ user: request.user, auth: request.auth }))
    app.get('/maybe', { config: { access: optional() } }, (request) => ({ user: request.user }))
    app.patch('/posts/:id', { config: { access: can('update', post) } }, () => 'changed')
    app.get('/sensitive', { config: { access: allOf(scope('feed:read'), stepUp({ maxAge: 300 })) } }, () => 'ok')
    app.get('/relay', { config: { access: authenticated() } }, async () => (await app.inject('/me')).statusCode)
    app.get('/open-relay', { config: { access: 'public' } }, async () => (await app.inject('/me')).statusCode)
  })
}

t.test('a request is the user\'s, in the application\'s own words', async (t) => {
  const app = await application(t)
  const { user, auth } = (await as(app, { ...ADA, plan: { name: 'pro' } } as never).inject('/me')).json()
  t.strictSame(user, { ...ADA, plan: { name: 'pro' } })
  t.match(auth, { scheme: 'test', scopes: [], acr: null, expiresAt: null })
  t.ok(Math.abs(auth.authTime - Date.now() / 1000) < 60, 'signed in just now')
  t.equal((await app.inject('/me')).statusCode, 401, 'without it nobody is signed in')
  t.equal((await app.inject({ url: '/me', headers: withKey(ADA) })).statusCode, 200, 'credentials work as ever')
})

t.test('null is the anonymous', async (t) => {
  const nobody = as(await application(t), null)
  t.strictSame((await nobody.inject('/maybe')).json(), { user: null })
  const refused = await nobody.inject('/me')
  t.equal(refused.statusCode, 401)
  t.match(refused.headers['www-authenticate'], ['Key realm="porch"'])
})

t.test('everything but the credentials is as always', async (t) => {
  const app = await application(t)
  const ada = as(app, ADA as never)
  t.equal((await ada.inject({ method: 'PATCH', url: '/posts/1' })).statusCode, 200)
  t.match((await ada.inject({ method: 'PATCH', url: '/posts/2' })).json(), { status: 403, code: 'insufficient_permissions' })
  t.match((await as(app, { ...ADA, suspended: true } as never).inject('/me')).json(), { status: 403, code: 'account_suspended' })
  t.strictSame((await ada.inject('/public')).json(), { user: null }, 'nobody is asked for on a public route')
  t.equal((await ada.inject('/nowhere')).statusCode, 404)
})

t.test('how the user signed in can be said', async (t) => {
  const app = await application(t)
  const answer = async (auth: object) => (await as(app, ADA as never, { auth }).inject('/sensitive')).json()
  t.match(await answer({}), { status: 403, code: 'insufficient_scope' })
  t.equal((await as(app, ADA as never, { auth: { scopes: ['feed:read'] } }).inject('/sensitive')).body, 'ok')
  t.match(await answer({ scopes: ['feed:read'], authTime: 0 }), { status: 401, code: 'insufficient_user_authentication' })
})

t.test('credentials that come along are not looked at', async (t) => {
  const app = await application(t)
  t.equal((await as(app, ADA as never).inject({ url: '/me', headers: withKey({ id: 'bob' }) })).json().user.id, 'ada')
  t.equal((await as(app, null).inject({ url: '/me', headers: withKey({ id: 'bob' }) })).statusCode, 401)
})

t.test('many users at once stay apart', async (t) => {
  const app = await application(t)
  const names = Array.from({ length: 20 }, (_, index) => `user ${index}`)
  const seen = await Promise.all(names.map(async (id) => (await as(app, { id } as never).inject('/me')).json().user.id))
  t.strictSame(seen, names)
})

t.test('it holds for one request, and for none that the application makes meanwhile or later', async (t) => {
  const app = await application(t)
  t.equal((await as(app, ADA as never).inject('/relay')).json(), 401)
  t.equal((await as(app, ADA as never).inject('/open-relay')).json(), 401, 'not even where the request itself needed no user')
  const late = await porch(t, {}, (app) => {
    app.get('/me', { config: { access: authenticated() } }, () => 'ok')
    app.get('/later', { onRequest: (_request, reply) => { reply.send('early') }, config: { access: 'public' } }, () => 'never')
  })
  let after: Promise<number> | undefined
  late.addHook('onRequest', (request, _reply, done) => {
    if (request.url === '/later') after ??= setImmediate().then(() => setImmediate()).then(async () => (await late.inject('/me')).statusCode)
    done()
  })
  await as(late, ADA as never).inject('/later')
  t.equal(await after, 401)
})

t.test('law 2: nobody can be stood in for over a network, even where the server was begun by such a request', async (t) => {
  const app = await application(t)
  const seen: number[] = []
  const host = await porch(t, {}, (inner) => {
    inner.get('/begin', { config: { access: authenticated() } }, async () => {
      // The socket of the server, and all that comes from it, is of this request's context.
      const address = await app.listen({ host: '127.0.0.1', port: 0 })
      for (const headers of [{}, { islightmyrequest: 'true', _lightmyrequest: '{}' }]) seen.push((await fetch(`${address}/me`, { headers: headers as Record<string, string> })).status)
    })
  })
  await as(host, ADA as never).inject('/begin')
  t.strictSame(seen, [401, 401])
  const address = `http://127.0.0.1:${(app.server.address() as { port: number }).port}`
  const [injected, direct] = await Promise.all([as(app, ADA as never).inject('/me'), fetch(`${address}/me`)])
  t.equal(injected.statusCode, 200)
  t.equal(direct.status, 401)
})

t.test('only what light-my-request made is ever asked about, and nothing where no test stands in', async (t) => {
  const key = { scheme: 'test', scopes: [], authTime: null, acr: null, expiresAt: null }
  letStandIn(() => ({ user: ADA, auth: key }))
  t.equal(standIn({} as never, []), null)
  t.equal(standIn({ isLightMyRequest: 'true' } as never, []), null)
  t.match(standIn({ isLightMyRequest: true } as never, []), { kind: 'user', user: ADA })
  t.match(standIn({ _lightMyRequest: {} } as never, []), { kind: 'user' }, 'releases before 6.8 say it like this')
  letStandIn(() => ({ user: null, auth: key }))
  t.strictSame(standIn({ isLightMyRequest: true } as never, []), { kind: 'nothing' })
  letStandIn(() => null)
  t.equal(standIn({ isLightMyRequest: true } as never, []), null)
})

t.test('mistakes are told', async (t) => {
  const app = await application(t)
  t.throws(() => as(app, undefined as never), { code: 'FST_GATEHOUSE_OPTION', message: /as\(app, user\): undefined was given/ })
  t.throws(() => as(app, 'ada' as never), { code: 'FST_GATEHOUSE_OPTION' })
  t.throws(() => as(app, ADA as never, { scopes: [] } as never), { message: /there is no option 'scopes'/ })
  t.throws(() => as(app, ADA as never, { auth: { scope: [] } as never }), { message: /Did you mean "scopes"\?/ })
  await t.rejects(as(app, ADA as never).inject({ url: '/me', method: 'NONSENSE' as never }))
  const broken = await porch(t, {}, (app) => { app.get('/', () => 'declares nothing') })
  await t.rejects(as(broken, ADA as never).inject('/'), { code: 'FST_GATEHOUSE_OPTION' })
})

t.test('a 401 that no gatehouse gave is told apart', async (t) => {
  const app = bare(t)
  app.get('/', (_request, reply) => reply.code(401).send(''))
  app.get('/fine', () => 'ok')
  await t.rejects(as(app, ADA as never).inject('/'), { message: /no gatehouse saw this request/ })
  t.equal((await as(app, ADA as never).inject('/fine')).body, 'ok')
})
