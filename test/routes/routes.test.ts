import t from 'tap'
import type { FastifyInstance } from 'fastify'
import cors from '@fastify/cors'
import gatehouse, { authenticated, can, resource, type GatehouseOptions } from '../../lib/index.ts'
import { as, bare, keys, POLICIES, porch } from '../core/porch.ts'

const post = resource('Post', { param: 'id', load: () => ({ authorId: 'ada' }) })
const ok = () => 'ok'

/** What stops the start, line by line. */
async function problems (t: Parameters<typeof porch>[0], options: GatehouseOptions, routes: (app: FastifyInstance) => unknown, early: (app: FastifyInstance) => unknown = () => {}): Promise<string[]> {
  const app = bare(t)
  await early(app)
  await app.register(gatehouse, { schemes: [keys()], policies: POLICIES, ...options })
  await routes(app)
  try {
    await app.ready()
    return []
  } catch (error) {
    return (error as Error).message.split('\n').slice(1).map((line) => line.trim())
  }
}

t.test('a route\'s own declaration beats every pattern, and the most specific pattern beats the others', async (t) => {
  const app = await porch(t, { routes: { '*': authenticated(), '/open/*': 'public', 'GET /open/closed': authenticated(), '/open/:id/x': authenticated() } }, (app) => {
    app.get('/open/a', ok)
    app.get('/open/closed', ok)
    app.get('/open/:id/x', ok)
    app.get('/a', ok)
    app.get('/b', { config: { access: 'public' } }, ok)
  })
  const status = async (url: string) => (await app.inject(url)).statusCode
  t.same(await Promise.all(['/open/a', '/open/closed', '/open/1/x', '/a', '/b', '/unknown'].map(status)), [200, 401, 401, 401, 200, 404])
})

t.test('a route for several methods takes a pattern that covers all of them', async (t) => {
  const both = (app: FastifyInstance) => app.route({ method: ['GET', 'POST'], url: '/a', handler: ok })
  t.same(await problems(t, { routes: { '/a': 'public' } }, both), [])
  t.match(await problems(t, { routes: { 'GET /a': 'public' } }, both), [/\/a declares nothing/])
})

t.test('a pattern that covers nothing stops the start, with the nearest URL', async (t) => {
  const found = await problems(t, { routes: { '/documentatoin': 'public', '/elsewhere/far/away': 'public' } }, (app) => app.get('/documentation', { config: { access: 'public' } }, ok))
  t.equal(found.length, 2)
  t.ok(found.includes('routes["/elsewhere/far/away"] covers no route'))
  t.ok(found.includes('routes["/documentatoin"] covers no route. Did you mean "/documentation"?'))
})

t.test('law 5: everything that is wrong is told at once, HEAD with its GET', async (t) => {
  const found = await problems(t, {}, (app) => {
    app.get('/a', ok)
    app.post('/b', ok)
    app.head('/c', ok)
    app.get('/d', { config: { access: 'pubic' as 'public' } }, ok)
    app.get('/e', { config: { access: can('reed', 'Report') } }, ok)
  })
  t.equal(found.length, 5, found.join('\n'))
  for (const part of ['GET /a declares nothing', 'POST /b declares nothing', 'HEAD /c declares nothing', 'Did you mean "public"?', 'Did you mean "read"?']) t.ok(found.some((line) => line.includes(part)), part)
  const app = await porch(t, {}, (app) => app.get('/a', ok))
  await t.rejects(async () => await app.ready(), { message: /^one route must be mended/ })
})

t.test('law 5: a route for OPTIONS and more, on everything, is no preflight route', async (t) => {
  t.match(await problems(t, {}, (app) => app.all('*', ok)), [/declares nothing/])
  t.match(await problems(t, {}, (app) => app.route({ method: ['GET', 'OPTIONS'], url: '*', handler: ok })), [/declares nothing/])
})

t.test('a route that was there before the gatehouse takes a pattern, and obeys it', async (t) => {
  const scheme = keys()
  const own = keys({ name: 'Own', find: (_request, fields) => fields.some(({ scheme }) => scheme === 'own') ? { kind: 'credentials', place: 'authorization', credentials: '' } : { kind: 'nothing' }, verify: () => ({ kind: 'user', user: { id: 'own' } }) })
  const app = bare(t)
  app.get('/early', ok)
  app.get('/own/*', ok)
  app.route({ method: ['PUT', 'POST'], url: '/two', handler: ok })
  await app.register(gatehouse, { schemes: [scheme], routes: { '/early': authenticated(), '/own/*': authenticated({ schemes: [own] }), '/two': 'public' } })
  const status = async (url: string, headers = {}) => (await app.inject({ url, headers })).statusCode
  t.same([await status('/early'), await status('/early'), await status('/early', as({}))], [401, 401, 200])
  t.same([await status('/own/a'), await status('/own/a', { authorization: 'Own x' })], [401, 200], 'a scheme that only its pattern names works')
  t.equal((await app.inject({ method: 'PUT', url: '/two' })).statusCode, 200)
})

t.test('authz T1: what is wrong with the pattern of an early route stops the start too', async (t) => {
  const found = await problems(t, { routes: { '/early': can('read', 'Post'), '/other': authenticated({ optonal: true } as object) } }, () => {}, (app) => {
    app.get('/early', ok)
    app.get('/other', ok)
  })
  t.equal(found.length, 2, found.join('\n'))
  t.ok(found.some((line) => line.includes('would ignore the conditions')))
})

t.test('an early route that no pattern covers stops the start; below a prefix only those under it count', async (t) => {
  t.match(await problems(t, {}, () => {}, (app) => { app.get('/early', ok); app.options('*', ok) }), [/^GET \/early was registered before fastify-gatehouse/])
  const scoped = async (prefix: string | undefined) => {
    const app = bare(t)
    app.get('/early', ok)
    app.get('/v1/early', ok)
    app.get('/v1', ok)
    app.get('/v10', ok)
    app.register(async (child) => {
      await child.register(gatehouse, { schemes: [keys()] })
      child.get('/late', { config: { access: 'public' } }, ok)
    }, prefix === undefined ? {} : { prefix })
    return await app.ready().then(() => '', (error: Error) => error.message)
  }
  t.equal(await scoped(undefined), '', 'whose they are cannot be told, and they stay closed if they are below the gatehouse')
  const message = await scoped('/v1')
  t.match(message, /GET \/v1 was registered/)
  t.match(message, /GET \/v1\/early was registered/)
  t.notMatch(message, /GET \/early|v10/)
})

t.test('law 5: an early route of which nothing could be told stays closed', async (t) => {
  const app = bare(t)
  app.register(async (child) => {
    child.get('/early', ok)
    await child.register(gatehouse, { schemes: [keys()] })
    child.get('/late', { config: { access: 'public' } }, ok)
  })
  t.equal((await app.inject('/late')).statusCode, 200)
  t.equal((await app.inject('/early')).statusCode, 401)
  t.equal((await app.inject({ url: '/early', headers: as({ roles: ['admin'] }) })).statusCode, 403)
})

t.test('a scope without a scheme stops the start, as its 401s could not be challenged', async (t) => {
  t.match(await problems(t, { schemes: [] }, (app) => app.get('/', { config: { access: 'public' } }, ok)), [/no scheme/])
  t.match(await problems(t, { schemes: [] }, (app) => app.get('/', { config: { access: authenticated() } }, ok)), [/nobody could sign in/])
})

t.test('the preflight route of @fastify/cors passes for preflights alone, registered before the gatehouse too', async (t) => {
  const app = bare(t)
  await app.register(cors, { origin: 'https://a.example', preflightContinue: true, strictPreflight: false })
  await app.register(gatehouse, { schemes: [keys()] })
  const status = async (headers: Record<string, string>) => (await app.inject({ method: 'OPTIONS', url: '/x', headers })).statusCode
  t.not(await status({ origin: 'https://a.example', 'access-control-request-method': 'GET' }), 401)
  t.equal(await status({ origin: 'https://a.example' }), 401)
  t.equal(await status(as({})), 403)
})

t.test('a route with an error handler of its own gets the refusal', async (t) => {
  const app = await porch(t, {}, (app) => {
    app.get('/', { config: { access: authenticated() }, errorHandler: (error, _request, reply) => reply.code(401).send({ mine: (error as unknown as { code: string }).code }) }, ok)
    app.get('/posts/:id', { config: { access: can('read', post) } }, ok)
  })
  const answer = await app.inject('/')
  t.equal(answer.statusCode, 401)
  t.same(answer.json(), { mine: 'unauthenticated' })
})
