import t from 'tap'
import type { FastifyInstance } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import cookie from '@fastify/cookie'
import cors from '@fastify/cors'
import jwt from '@fastify/jwt'
import gatehouse, { authenticated } from '../../lib/index.ts'
import { proxyTrustProblem } from '../../lib/proxy-trust.ts'
import { unknownProxies } from '../../lib/unknown-proxy.ts'
import { bare, keys, porch } from './porch.ts'

const options = { schemes: [keys()] }

t.test('a plugin that must come first and came later stops the start', async (t) => {
  const late = await porch(t, {}, (app) => app.register(cookie))
  await t.rejects(async () => await late.ready(), { code: 'FST_GATEHOUSE_OPTION', message: /@fastify\/cookie is registered after fastify-gatehouse.*Register @fastify\/cookie first/ })
  const inChild = await porch(t, {}, (app) => { app.register(async (child) => { await child.register(cookie) }) })
  await t.rejects(async () => await inChild.ready(), { message: /@fastify\/cookie/ })
  for (const name of ['@fastify/session', '@fastify/secure-session']) {
    const app = await porch(t, {}, (app) => app.register(fastifyPlugin(async () => {}, { name })))
    await t.rejects(async () => await app.ready(), { message: `${name} is registered after fastify-gatehouse: there would be no session yet when the user is to be known. Register ${name} first` })
  }
})

t.test('one that came first is welcome', async (t) => {
  const app = bare(t)
  await app.register(cookie)
  await app.register(cors)
  await app.register(gatehouse, options)
  await app.ready()
  t.same(app.lines, [])
})

t.test('@fastify/cors after the gatehouse is a warning', async (t) => {
  const app = await porch(t, {}, (app) => app.register(cors))
  await app.ready()
  t.match(app.lines, [{ level: 40, msg: /@fastify\/cors is registered after fastify-gatehouse/ }])
})

t.test('nobody else may decorate the user later; everything else may be decorated', async (t) => {
  const app = await porch(t, {}, (app) => app.register(jwt, { secret: 'x'.repeat(32) }))
  await t.rejects(async () => await app.ready(), { code: 'FST_GATEHOUSE_OPTION', message: /register it before fastify-gatehouse, or give it another decoratorName/ })
  const other = await porch(t, {}, async (app) => {
    await app.register(jwt, { secret: 'x'.repeat(32), decoratorName: 'claims' })
    app.decorateRequest('colour', null)
    app.register(async (child) => { child.decorateRequest('size', null) })
    app.get('/', { config: { access: 'public' } }, (request) => ['claims', 'colour'].map((name) => name in request))
  })
  t.same((await other.inject('/')).json(), [true, true])
})

t.test('a gatehouse within another stops the start, whichever came first', async (t) => {
  const attempt = async (...registrations: ((app: FastifyInstance) => unknown)[]) => {
    const app = bare(t)
    for (const register of registrations) await register(app)
    await app.ready()
  }
  const inChild = (app: FastifyInstance) => app.register(async (child) => { await child.register(gatehouse, options) })
  const here = (app: FastifyInstance) => app.register(gatehouse, options)
  await t.rejects(attempt(here, here), { message: /twice in one scope/ })
  await t.rejects(attempt(here, inChild), { message: /within a scope that has one already/ })
  await t.rejects(attempt(inChild, here), { message: /above a scope that has one already/ })
})

t.test('two scopes beside each other may each have a gatehouse', async (t) => {
  const app = bare(t)
  for (const prefix of ['/a', '/b']) {
    app.register(async (child) => {
      await child.register(gatehouse, { schemes: [keys()], realm: prefix })
      child.get('/x', { config: { access: authenticated() } }, () => 'x')
    }, { prefix })
  }
  t.equal((await app.inject('/a/x')).statusCode, 401)
  t.equal((await app.inject('/b/x')).statusCode, 401)
})

t.test('throttling 20: trusting everybody, in whichever words, and trusting a number are one warning at the start each; a list, and nobody, are none', async (t) => {
  const warnings = async (trustProxy: unknown, inChild = false): Promise<string[]> => {
    const app = bare(t, { trustProxy } as object)
    const register = (scope: FastifyInstance) => scope.register(gatehouse, options)
    if (inChild) app.register(async (child) => { await register(child) }, { prefix: '/api' })
    else await register(app)
    await app.ready()
    return app.lines.filter(({ level }) => level === 40).map(({ msg }) => msg)
  }
  for (const inChild of [false, true]) {
    t.match(await warnings(true, inChild), [/^trustProxy: true believes whatever address a client writes/])
    t.match(await warnings(1, inChild), [/^trustProxy: 1 believes nobody/])
  }
  const everybody: ReadonlyArray<readonly [given: unknown, shown: string]> = [
    ['0.0.0.0/1,128.0.0.0/1', '"0.0.0.0/1,128.0.0.0/1"'],
    ['10.0.0.0/8, ::/1, 0.0.0.0/1 , 128.0.0.0/1', '"10.0.0.0/8, ::/1, 0.0.0.0/1 , 128.0.0.0/1"'],
    [['2000::/3'], '["2000::/3"]'],
    [() => 1, 'a function that says yes to every address'],
    [(address: string) => address.includes('.'), 'a function that says yes to every address']
  ]
  for (const [given, shown] of everybody) {
    const [warning, ...more] = await warnings(given)
    t.ok(warning?.startsWith(`trustProxy: ${shown} believes whatever address a client writes`), shown)
    t.same(more, [])
  }
  const fine = ['10.0.0.0/8', '10.0.0.0/8, 2001:db8::/32, 203.0.113.0/24', ['127.0.0.1'], ['loopback', '10.0.0.0/255.0.0.0'], '0.0.0.0/1', '9.9.9.9', false, undefined,
    () => false, (_address: string, hop: number) => hop < 2, (address: string) => address.startsWith('10.'), () => { throw new Error('not now') }]
  for (const given of fine) t.same(await warnings(given), [], String(given))
})

t.test('throttling 20: behind a trusted proxy the left part of X-Forwarded-For gives no new counters', async (t) => {
  const app = await porch(t, { throttle: { account: false, address: { free: 2 }, now: () => 0 } }, (app) => {
    app.post('/sign-in', { config: { access: 'public' } }, async (request) => ({ got: await app.gatehouse.throttle.guard(request, 'ada', () => false) }))
  }, { trustProxy: '127.0.0.1' })
  const from = async (forwarded: string) => (await app.inject({ method: 'POST', url: '/sign-in', headers: { 'x-forwarded-for': forwarded } })).statusCode
  t.same([await from('192.0.2.1'), await from('evil, 192.0.2.1'), await from('203.0.113.9, 192.0.2.1')], [200, 200, 429])
  t.equal(await from('192.0.2.1, 203.0.113.9'), 200)
})

t.test('throttling 20: a proxy that Fastify was not told of is one warning, with its first request', async (t) => {
  const warnings = async (given: object, requests: ReadonlyArray<readonly [from: string, forwarded: string | undefined]>): Promise<string[]> => {
    const app = bare(t, given)
    await app.register(gatehouse, options)
    app.get('/x', { config: { access: 'public' } }, () => 'x')
    for (const [remoteAddress, forwarded] of requests) {
      const { statusCode } = await app.inject({ url: '/x', remoteAddress, headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded } })
      t.equal(statusCode, 200)
    }
    return app.lines.filter(({ level }) => level === 40).map(({ msg }) => msg)
  }
  const client = '203.0.113.7'
  for (const [proxy, shown] of [['127.0.0.1', '127.0.0.1'], ['10.1.2.3', '10.1.2.3'], ['172.31.0.9', '172.31.0.9'], ['192.168.7.7', '192.168.7.7'], ['100.64.0.1', '100.64.0.1'], ['::ffff:10.0.0.7', '10.0.0.7'], ['::1', '::1'], ['fd00::7', 'fd00::7']] as const) {
    const told = await warnings({}, [['10.0.0.9', undefined], [proxy, client], [proxy, client], ['10.0.0.8', client]])
    t.equal(told.length, 1, proxy)
    t.ok(told[0]?.startsWith(`a request came from ${shown} with X-Forwarded-For: it seems to be a proxy`), proxy)
    t.ok(told[0]?.endsWith(`{ trustProxy: '${shown}' }`), proxy)
  }
  t.same(await warnings({}, [['198.51.100.2', client], ['2001:db8::1', client], ['172.32.0.1', client], ['10.0.0.7', undefined]]), [], 'anybody can write the field, and a client inside may send none')
  t.same(await warnings({ trustProxy: '10.0.0.0/8' }, [['10.0.0.7', client], ['192.168.0.1', client]]), [], 'who says whom to trust knows of proxies')
  t.equal((await warnings({ trustProxy: false }, [['10.0.0.7', client]])).length, 1)
})

t.test('throttling 20: a request over a Unix socket has no address, and is not warned of', async (t) => {
  const see = unknownProxies()
  t.equal(see({ headers: { 'x-forwarded-for': '203.0.113.7' }, raw: { socket: {} } } as never), null)
})

t.test('throttling 20: an application that does not say whom it trusts is not warned', async (t) => {
  t.equal(proxyTrustProblem({} as never), null)
  t.equal(proxyTrustProblem({ [Symbol('fastify.options')]: undefined } as never), null)
})
