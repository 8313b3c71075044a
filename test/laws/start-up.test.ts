/** The mistakes that stop the start, each with a message that names the mend. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import Fastify, { type FastifyInstance } from 'fastify'
import gatehouse, { authenticated, can, type GatehouseOptions } from '../../lib/index.ts'
import { definePolicy } from '../../lib/policies/index.ts'
import { logTo, SECRET, schemesOf, tokenOf } from './matrix.ts'

const OPTIONS: GatehouseOptions = { schemes: schemesOf('bearer') }
const COOKIE_SECRET = 'a cookie secret that is long enough for all'

interface Teardown { teardown: (end: () => unknown) => void }

function newApp (t: Teardown, log: string[] = []): FastifyInstance {
  const app = Fastify({ logger: { stream: logTo(log) } })
  t.teardown(() => app.close())
  return app
}

type Step = (app: FastifyInstance) => unknown

/** The error with which an application fails to start, or `null`. */
async function startError (t: Teardown, ...steps: Step[]): Promise<(Error & { code?: string }) | null> {
  const app = newApp(t)
  try {
    for (const step of steps) await step(app)
    await app.ready()
    return null
  } catch (error) {
    return error as Error
  }
}

const ours: Step = (app) => app.register(gatehouse, OPTIONS)
const cookie: Step = async (app) => app.register((await import('@fastify/cookie')).default, { secret: COOKIE_SECRET })
const session: Step = async (app) => app.register((await import('@fastify/session')).default, { secret: COOKIE_SECRET })
const secureSession: Step = async (app) => app.register((await import('@fastify/secure-session')).default, { key: Buffer.alloc(32, 7) })
const jwt = (more: object = {}): Step => async (app) => app.register((await import('@fastify/jwt')).default, { secret: SECRET, ...more })

t.test('a cookie or session plugin after the gatehouse stops the start; before it, all is well', async (t) => {
  t.match(await startError(t, ours, cookie), { code: 'FST_GATEHOUSE_OPTION', message: /@fastify\/cookie is registered after fastify-gatehouse.*Register @fastify\/cookie first/ })
  t.match(await startError(t, cookie, ours, session), { code: 'FST_GATEHOUSE_OPTION', message: /@fastify\/session is registered after fastify-gatehouse.*Register @fastify\/session first/ })
  t.match(await startError(t, ours, secureSession), { code: 'FST_GATEHOUSE_OPTION', message: /registered after fastify-gatehouse/ })
  t.match(await startError(t, ours, (app) => app.register(async (child: FastifyInstance) => { await cookie(child) })), { message: /@fastify\/cookie is registered after/ }, 'also in a child')
  t.equal(await startError(t, cookie, session, ours), null)
  t.equal(await startError(t, secureSession, ours), null)
})

t.test('the gatehouse within itself stops the start, whichever comes first; siblings are fine', async (t) => {
  const inChild: Step = (app) => app.register(async (child: FastifyInstance) => { await ours(child) })
  const inGrandchild: Step = (app) => app.register(async (child: FastifyInstance) => { await inChild(child) })
  for (const [name, steps] of Object.entries({ twice: [ours, ours], 'child after': [ours, inChild], 'grandchild after': [ours, inGrandchild], 'child before': [inChild, ours], 'grandchild before': [inGrandchild, ours] })) {
    const error = await startError(t, ...steps)
    t.equal(error?.code, 'FST_GATEHOUSE_OPTION', name)
    t.match(error?.message, /fastify-gatehouse is registered (?:twice in one scope|within a scope that has one already|above a scope that has one already).*Register it once, above both, or in sibling scopes/, name)
  }
  t.equal(await startError(t, inChild, inChild), null)
})

t.test('sibling scopes have their own schemes', async (t) => {
  const app = newApp(t)
  for (const scheme of ['bearer', 'basic'] as const) {
    await app.register(async (child: FastifyInstance) => {
      await child.register(gatehouse, { schemes: schemesOf(scheme), realm: scheme })
      child.get('/me', { config: { access: authenticated() } }, () => ({}))
    }, { prefix: `/${scheme}` })
  }
  app.get('/outside', () => 'x')
  t.match((await app.inject('/bearer/me')).headers['www-authenticate'], /^Bearer realm="bearer"/)
  t.match((await app.inject('/basic/me')).headers['www-authenticate'], /^Basic realm="basic"/)
  t.equal((await app.inject('/outside')).statusCode, 200)
})

t.test('@fastify/jwt after the gatehouse stops the start under the same name; before it, or under another name, it works', async (t) => {
  t.match(await startError(t, ours, jwt()), { code: 'FST_GATEHOUSE_OPTION', message: /@fastify\/jwt.*register it before fastify-gatehouse, or give it another decoratorName/ })
  t.match(await startError(t, ours, (app) => app.register(async (child: FastifyInstance) => { await jwt()(child) })), { message: /decoratorName/ }, 'also in a child')

  for (const [name, before, after] of [['before', jwt(), null], ['another name', null, jwt({ decoratorName: 'ticket' })]] as const) {
    const app = newApp(t)
    await before?.(app)
    await ours(app)
    await after?.(app)
    app.post('/login', { config: { access: 'public' } }, () => ({ token: app.jwt.sign({ sub: 'rita' }) }))
    app.get('/me', { config: { access: authenticated() } }, (request) => request.user)
    app.get('/theirs', { config: { access: 'public' } }, async (request) => await request.jwtVerify())
    const { token } = (await app.inject({ method: 'POST', url: '/login' })).json()
    t.equal((await app.inject({ url: '/theirs', headers: { authorization: `Bearer ${token}` } })).json().sub, 'rita', name)
    t.equal((await app.inject({ url: '/me', headers: { authorization: `Bearer ${token}` } })).statusCode, 401, `${name}: it has no issuer`)
    t.equal((await app.inject({ url: '/me', headers: { authorization: `Bearer ${tokenOf('rita')}` } })).json().id, 'rita', name)
  }
})

t.test('a policy folder that is missing or holds no policy stops the start', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'start-'))
  t.teardown(() => rmSync(root, { recursive: true }))
  const start = (policies: GatehouseOptions['policies']) => startError(t, (app) => app.register(gatehouse, { ...OPTIONS, ...(policies !== undefined && { policies }) }))

  const missing = await start(join(root, 'nowhere'))
  t.equal(missing?.code, 'FST_GATEHOUSE_POLICY')
  t.match(missing?.message, /nowhere/)

  mkdirSync(join(root, 'empty'))
  for (const [name, text] of Object.entries({ 'notes.txt': 'x', 'types.d.ts': 'export {}', '.hidden.yaml': 'role: a', 'reader.yaml.bak': 'role: a' })) writeFileSync(join(root, 'empty', name), text)
  const empty = await start(pathToFileURL(join(root, 'empty/')))
  t.equal(empty?.code, 'FST_GATEHOUSE_POLICY')
  t.match(empty?.message, /holds no policy.*\.yaml, \.yml, \.json, \.js, \.mjs, \.ts \(not \.d\.ts\)/)

  writeFileSync(join(root, 'file.yaml'), 'role: a')
  t.equal((await start(join(root, 'file.yaml')))?.code, 'FST_GATEHOUSE_POLICY', 'a file is no folder')
  t.equal((await start([]))?.code, 'FST_GATEHOUSE_POLICY', 'an empty list')
  t.match((await start(new URL('https://example.com/policies/')))?.message, /import\.meta\.url/)
})

t.test('a role that is defined twice stops the start, and both places are told', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'start-'))
  t.teardown(() => rmSync(root, { recursive: true }))
  writeFileSync(join(root, 'one.yaml'), 'role: reader\nrules: []\n')
  writeFileSync(join(root, 'two.yaml'), '\nrole: reader\nrules: []\n')
  const error = await startError(t, (app) => app.register(gatehouse, { ...OPTIONS, policies: root }))
  t.equal(error?.code, 'FST_GATEHOUSE_POLICY')
  t.match(error?.message, /two\.yaml:2.*the role "reader" is defined twice; the other is at .*one\.yaml:1/)
  const values = await startError(t, (app) => app.register(gatehouse, { ...OPTIONS, policies: [definePolicy({ role: 'a' }), definePolicy({ role: 'a' })] }))
  t.match(values?.message, /the role "a" is defined twice/)
})

t.test('@fastify/cors after the gatehouse is a warning in the log; before it, none', async (t) => {
  const { default: cors } = await import('@fastify/cors')
  for (const late of [true, false]) {
    const log: string[] = []
    const app = newApp(t, log)
    if (!late) await app.register(cors)
    await ours(app)
    if (late) await app.register(cors)
    await app.ready()
    const warnings = log.map((line) => JSON.parse(line) as { level: number, msg: string }).filter(({ level }) => level === 40)
    t.equal(warnings.length, late ? 1 : 0)
    if (late) t.match(warnings[0]?.msg, /@fastify\/cors is registered after fastify-gatehouse.*Register @fastify\/cors first/)
  }
})

t.test('routes that were there before stop the start unless a URL pattern covers them', async (t) => {
  const early: Step = (app) => {
    app.get('/early/:id', () => 'x')
    app.route({ method: ['PUT', 'PATCH'], url: '/early/both', handler: () => 'x' })
  }
  const inChild: Step = (app) => app.register(async (child: FastifyInstance) => { child.get('/deep', () => 'x') }, { prefix: '/sub' })
  const error = await startError(t, early, inChild, ours)
  t.equal(error?.code, 'FST_GATEHOUSE_OPTION')
  for (const route of ['GET /early/:id', 'PUT /early/both', 'PATCH /early/both', 'GET /sub/deep']) t.ok(error?.message.includes(`${route} was registered before fastify-gatehouse`), route)
  t.match(error?.message, /await app\.register\(gatehouse, …\) before it, or give it a URL pattern/)

  const notAwaited = await startError(t, (app) => {
    app.register(gatehouse, OPTIONS)
    app.get('/too-soon', { config: { access: 'public' } }, () => 'x')
  })
  t.match(notAwaited?.message, /GET \/too-soon was registered before/)

  const app = newApp(t)
  await early(app)
  await app.register(gatehouse, { ...OPTIONS, routes: { '/early/*': authenticated(), 'GET /early/:id': 'public' } })
  t.equal((await app.inject('/early/1')).statusCode, 200)
  t.equal((await app.inject({ method: 'PUT', url: '/early/both' })).statusCode, 401)
  t.equal((await app.inject({ method: 'PUT', url: '/early/both', headers: { authorization: `Bearer ${tokenOf('rita')}` } })).statusCode, 200)
})

t.test('a wrong option says what was given, what is allowed, and the nearest right word', async (t) => {
  const wrong: ReadonlyArray<[options: object, given: RegExp, allowed: RegExp]> = [
    [{ realms: 'x' }, /realms/, /realm, schemes/],
    [{ realm: 'a\nb' }, /realm: /, /printable ASCII/],
    [{ schemes: {} }, /schemes: /, /list/],
    [{ schemes: [{}] }, /schemes\[0\]: /, /bearer\(…\)/],
    [{ refusals: { format: 'problems' } }, /problems/, /"problem"/],
    [{ routes: { nonsense: 'public' } }, /nonsense/, /\/path/],
    [{ routes: { '/x': 'pubic' } }, /pubic/, /'public'/],
    [{ routes: { '/nowhere': 'public' } }, /routes\["\/nowhere"\]/, /covers no route/],
    [{ throttle: { fre: 5 } }, /fre/, /address, account/],
  ]
  for (const [options, given, allowed] of wrong) {
    const error = await startError(t, (app) => app.register(gatehouse, options), (app) => { app.get('/x', { config: { access: 'public' } }, () => 'x') })
    t.equal(error?.code, 'FST_GATEHOUSE_OPTION', JSON.stringify(options))
    t.match(error?.message, given, JSON.stringify(options))
    t.match(error?.message, allowed, JSON.stringify(options))
  }
})

t.test('a declaration that cannot be meant stops the start, and all of them are told at once', async (t) => {
  const policies = [definePolicy({ role: 'reader', rules: [{ action: 'read', subject: 'Article', conditions: { status: 'published' } }] })]
  const error = await startError(t, (app) => app.register(gatehouse, { ...OPTIONS, policies }), (app) => {
    app.get('/a', { config: { access: can('reed', 'Article') } }, () => 'x')
    app.get('/b', { config: { access: can('read', 'Artikel') } }, () => 'x')
    app.get('/c', { config: { access: can('read', 'Article') } }, () => 'x')
    app.get('/d', { config: { access: 'pubic' as never } }, () => 'x')
    app.get('/e', { config: { access: { requirement: { kind: 'public' }, options: {} } as never } }, () => 'x')
    app.get('/f', { config: { access: authenticated({ despite: ['suspended'] }) } }, () => 'x')
    app.get('/g', () => 'x')
  })
  for (const text of ['GET /a: no rule mentions the action "reed"', 'GET /b: no rule mentions the subject "Artikel"', 'GET /c: can("read", "Article") would ignore the conditions', 'GET /d: config.access: ', 'pubic', 'GET /e: config.access: ', 'GET /f: despite: no pre-check', 'GET /g declares nothing']) {
    t.ok(error?.message.includes(text), text)
  }
})
