import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { connect, type AddressInfo } from 'node:net'
import t from 'tap'
import fc from 'fast-check'
import Fastify, { type FastifyInstance, type FastifyPluginCallback } from 'fastify'
import fastifyCookie from '@fastify/cookie'
import fastifySession, { type FastifySessionOptions } from '@fastify/session'
import fastifySecureSession, { type SecureSessionPluginOptions } from '@fastify/secure-session'
import gatehouse, { authenticated, optional, stepUp } from '../../lib/index.ts'
import { basic } from '../../lib/authentication/schemes/basic.ts'
import { session, type SessionOptions } from '../../lib/authentication/schemes/session.ts'
import type { AnyScheme } from '../../lib/authentication/scheme.ts'
import { gate } from './gate.ts'

type Teardown = Parameters<typeof gate>[0]

/** What both plugins have in common. */
interface Kept {
  readonly get: (key: string) => unknown
  readonly set: (key: string, value: unknown) => void
}

interface Plugin {
  readonly plugin: string
  readonly cookie: string
  readonly open: (t: Teardown, scheme: AnyScheme | readonly AnyScheme[], before?: (app: FastifyInstance) => void) => Promise<FastifyInstance>
}

const SECRET = 'the secret of the sessions, 32 characters or more'
const KEY = Buffer.alloc(32, 7)
const secured = fastifySecureSession as FastifyPluginCallback<SecureSessionPluginOptions | SecureSessionPluginOptions[]>
const ada = { id: 'ada' }

const user = (kept: Kept) => kept.get('userId') === undefined ? null : { id: String(kept.get('userId')) }
const kept = (request: object) => (request as { session: Kept }).session

/** `@fastify/session`, its sessions in `store`. */
async function withSession (t: Teardown, schemes: AnyScheme | readonly AnyScheme[], before?: (app: FastifyInstance) => void, options: Partial<FastifySessionOptions> = {}): Promise<FastifyInstance> {
  const app = Fastify()
  await app.register(fastifyCookie)
  await app.register(fastifySession, { secret: SECRET, cookie: { secure: false }, ...options })
  return finish(t, app, schemes, before)
}

async function withSecureSession (t: Teardown, schemes: AnyScheme | readonly AnyScheme[], before?: (app: FastifyInstance) => void, options: Partial<SecureSessionPluginOptions> = {}): Promise<FastifyInstance> {
  const app = Fastify()
  await app.register(secured, { key: KEY, ...options } as SecureSessionPluginOptions)
  return finish(t, app, schemes, before)
}

async function finish (t: Teardown, app: FastifyInstance, schemes: AnyScheme | readonly AnyScheme[], before: ((app: FastifyInstance) => void) | undefined): Promise<FastifyInstance> {
  t.teardown(() => app.close())
  before?.(app)
  await app.register(gatehouse, { realm: 'newsroom', schemes: [schemes].flat() })
  app.post('/put', { config: { access: 'public' } }, (request) => {
    for (const [key, value] of Object.entries(request.body as object)) kept(request).set(key, value)
    return 'put'
  })
  app.route({ method: ['GET', 'POST', 'OPTIONS', 'DELETE'], url: '/', config: { access: authenticated() }, handler: (request) => ({ user: request.user, auth: request.auth }) })
  app.route({ method: ['GET', 'POST'], url: '/open', config: { access: optional() }, handler: (request) => ({ user: request.user }) })
  return app
}

const PLUGINS: readonly Plugin[] = [
  { plugin: '@fastify/session', cookie: 'sessionId', open: withSession },
  { plugin: '@fastify/secure-session', cookie: 'session', open: withSecureSession },
]

/** The cookie of a session that holds this. */
async function cookieWith (app: FastifyInstance, contents: object): Promise<string> {
  const response = await app.inject({ method: 'POST', url: '/put', payload: contents })
  return String([response.headers['set-cookie']].flat().at(-1)).split(';')[0] as string
}

for (const { plugin, cookie: cookieName, open } of PLUGINS) {
  t.test(`authn C1: whoever signed in with ${plugin} is known by the cookie, also if the user must be looked up`, async (t) => {
    for (const find of [user, async (kept: Kept) => user(kept)]) {
      const app = await open(t, session({ user: find }))
      const cookie = await cookieWith(app, { userId: 'ada' })
      const response = await app.inject({ url: '/', headers: { cookie } })
      t.equal(response.statusCode, 200)
      t.strictSame(response.json(), { user: ada, auth: { scheme: 'Session', scopes: [], authTime: null, acr: null, expiresAt: null } })
      t.match(response.headers, { vary: /Cookie/, 'cache-control': /private/ })
    }
  })

  t.test(`authn C1, H1: without a session of ${plugin} it is a 401 with a challenge, or nobody on an optional route`, async (t) => {
    const app = await open(t, session({ user }))
    const strangers = [undefined, 'theme=dark', `${cookieName}=`, await cookieWith(app, {}), await cookieWith(app, { _csrf: 'x', flash: { info: ['hello'] } })]
    for (const cookie of strangers) {
      const headers = cookie === undefined ? {} : { cookie }
      const response = await app.inject({ url: '/', headers })
      t.equal(response.statusCode, 401)
      t.equal(response.json().code, 'unauthenticated')
      t.equal(String(response.headers['www-authenticate']), 'Session realm="newsroom"')
      t.strictSame((await app.inject({ url: '/open', headers })).json(), { user: null })
    }
  })

  t.test(`authn C1: a stranger may have a session of ${plugin} too, told by the key that a sign-in sets`, async (t) => {
    const app = await open(t, session({ user, key: 'userId' }))
    for (const contents of [{ basket: ['newspaper'] }, { basket: [], userId: null }]) {
      const cookie = await cookieWith(app, contents)
      t.strictSame((await app.inject({ url: '/open', headers: { cookie } })).json(), { user: null })
      t.equal((await app.inject({ url: '/', headers: { cookie } })).json().code, 'unauthenticated')
    }
    const cookie = await cookieWith(app, { basket: [], userId: 'ada' })
    t.strictSame((await app.inject({ url: '/open', headers: { cookie } })).json(), { user: ada })
  })

  t.test(`authn C1: a user of ${plugin} who is not known any more is a 401; if that cannot be told it is a 503`, async (t) => {
    for (const gone of [() => null, () => undefined, async () => null]) {
      const app = await open(t, session({ user: gone }))
      const cookie = await cookieWith(app, { userId: 'ada' })
      const response = await app.inject({ url: '/open', headers: { cookie } })
      t.equal(response.statusCode, 401)
      t.equal(response.json().code, 'invalid_credentials')
      t.equal(String(response.headers['www-authenticate']), 'Session realm="newsroom"')
    }
    const down = [() => { throw new Error('down') }, async () => { throw new Error('down') }, () => 'ada' as never]
    for (const find of down) {
      const app = await open(t, session({ user: find }))
      t.equal((await app.inject({ url: '/', headers: { cookie: await cookieWith(app, { userId: 'ada' }) } })).statusCode, 503)
    }
  })

  t.test(`authn C1: a cookie of ${plugin} that was tampered with is a 401, also on an optional route`, async (t) => {
    const app = await open(t, session({ user, ...(plugin === '@fastify/session' && { cookie: { secret: SECRET } }) }))
    const [name, value] = (await cookieWith(app, { userId: 'ada' })).split('=') as [string, string]
    const first = value[0] === 'A' ? 'B' : 'A'
    for (const tampered of [`${first}${value.slice(1)}`, value.slice(1), value.slice(0, -6), `${value}xxxx`, 'x', '.', 'x.', '.x', 'a%3Bb', `${'A'.repeat(80)}%3B${'A'.repeat(32)}`]) {
      for (const url of ['/', '/open']) {
        const response = await app.inject({ url, headers: { cookie: `${name}=${tampered}` } })
        t.equal(response.statusCode, 401, tampered)
        t.equal(response.json().code, 'invalid_credentials', tampered)
        t.equal(String(response.headers['www-authenticate']), 'Session realm="newsroom"')
      }
    }
  })

  t.test(`authn C2: a session of ${plugin} does not count for an unsafe request from a foreign page`, async (t) => {
    const app = await open(t, session({ user }))
    const cookie = await cookieWith(app, { userId: 'ada' })
    const cases: ReadonlyArray<[headers: Record<string, string>, passes: boolean]> = [
      [{ 'sec-fetch-site': 'same-origin' }, true],
      [{ 'sec-fetch-site': 'none' }, true],
      [{ 'sec-fetch-site': 'same-site' }, false],
      [{ 'sec-fetch-site': 'cross-site' }, false],
      [{ 'sec-fetch-site': 'same-origin, cross-site' }, false],
      [{ 'sec-fetch-site': '' }, false],
      [{ 'sec-fetch-site': 'cross-site', origin: 'http://localhost:80' }, false],
      [{ 'sec-fetch-site': 'same-origin', origin: 'https://evil.example' }, true],
      [{ origin: 'http://news.example', host: 'news.example' }, true],
      [{ origin: 'https://news.example', host: 'News.Example' }, true],
      [{ origin: 'http://news.example:8080', host: 'news.example:8080' }, true],
      [{ origin: 'http://news.example:8080', host: 'news.example' }, false],
      [{ origin: 'https://evil.example', host: 'news.example' }, false],
      [{ origin: 'https://news.example.evil.example', host: 'news.example' }, false],
      [{ origin: 'https://news.example/', host: 'news.example' }, false],
      [{ origin: 'https://evil@news.example', host: 'news.example' }, false],
      [{ origin: 'ftp://news.example', host: 'news.example' }, false],
      [{ origin: 'null', host: 'null' }, false],
      [{ origin: '', host: '' }, false],
      [{ origin: 'http://', host: '' }, false],
      [{ origin: 'http://a b', host: 'a b' }, false],
      [{}, false],
    ]
    for (const [headers, passes] of cases) {
      for (const method of ['POST', 'DELETE'] as const) {
        const response = await app.inject({ method, url: '/', headers: { cookie, ...headers } })
        t.equal(response.statusCode, passes ? 200 : 403, `${method} ${JSON.stringify(headers)}`)
      }
      const open = await app.inject({ method: 'POST', url: '/open', headers: { cookie, ...headers } })
      t.match(open.json(), passes ? { user: ada } : { status: 403, code: 'cross_site' }, 'also where credentials are optional')
      t.equal(open.headers['www-authenticate'], undefined)
      for (const method of ['GET', 'HEAD', 'OPTIONS'] as const) t.equal((await app.inject({ method, url: '/', headers: { cookie, ...headers } })).statusCode, 200, `${method} ${JSON.stringify(headers)}`)
    }
  })

  t.test(`authn C2: who else may use a session of ${plugin} is the application's choice`, async (t) => {
    const foreign = { 'sec-fetch-site': 'cross-site', origin: 'https://app.example' }
    const other = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }
    const sibling = { 'sec-fetch-site': 'same-site', origin: 'https://app.news.example' }
    const cases: ReadonlyArray<[options: Partial<SessionOptions<{ id: string }, Kept>>, statuses: readonly number[]]> = [
      [{}, [403, 403, 403, 403]],
      [{ origins: [] }, [403, 403, 403, 403]],
      [{ origins: ['https://app.example'] }, [200, 403, 403, 403]],
      [{ sameSite: true }, [403, 403, 200, 403]],
      [{ nonBrowsers: true }, [403, 403, 403, 200]],
      [{ csrf: false }, [200, 200, 200, 200]],
    ]
    for (const [options, statuses] of cases) {
      const app = await open(t, session({ user, ...options }))
      const cookie = await cookieWith(app, { userId: 'ada' })
      const answers = await Promise.all([foreign, other, sibling, {}].map((headers) => app.inject({ method: 'POST', url: '/', headers: { cookie, ...headers } })))
      t.strictSame(answers.map(({ statusCode }) => statusCode), statuses, JSON.stringify(options))
    }
  })

  t.test(`authn C2: credentials in a header beside a session of ${plugin} come before it, and need no proof of where they come from`, async (t) => {
    const app = await open(t, [session({ user }), basic({ verify: (name) => ({ id: name }) })])
    const cookie = await cookieWith(app, { userId: 'ada' })
    const response = await app.inject({ method: 'POST', url: '/', headers: { cookie, authorization: `Basic ${btoa('bob:pw')}`, 'sec-fetch-site': 'cross-site' } })
    t.strictSame(response.json().user, { id: 'bob' })
    t.strictSame((await app.inject({ url: '/', headers: { cookie } })).json().user, ada)
  })

  t.test(`authn C2: a foreign page cannot open a WebSocket with a session of ${plugin}`, async (t) => {
    const app = await open(t, session({ user }))
    const cookie = await cookieWith(app, { userId: 'ada' })
    await app.listen({ port: 0, host: '127.0.0.1' })
    const { port } = app.server.address() as AddressInfo
    const host = `127.0.0.1:${port}`
    const upgrade = async (origin: string) => {
      const socket = connect(port, '127.0.0.1')
      const chunks: Buffer[] = []
      socket.on('data', (chunk) => chunks.push(chunk))
      socket.end(['GET / HTTP/1.1', `Host: ${host}`, 'Connection: Upgrade', 'Upgrade: websocket', `Cookie: ${cookie}`, `Origin: ${origin}`, '', ''].join('\r\n'))
      await once(socket, 'close')
      return Buffer.concat(chunks).toString().slice(9, 12)
    }
    t.equal(await upgrade('https://evil.example'), '403')
    t.equal(await upgrade(`http://${host}`), '200')
  })

  t.test(`authn C1: what is known of the sign-in with ${plugin} serves for step-up`, async (t) => {
    const now = Math.floor(Date.now() / 1000)
    const scheme = session({ user, auth: (kept: Kept) => ({ authTime: Number(kept.get('at')), acr: 'gold', scopes: ['a'], expiresAt: now + 60 }) })
    const app = await open(t, scheme)
    app.get('/recent', { config: { access: stepUp({ maxAge: 300 }) } }, (request) => request.auth)
    const fresh = await app.inject({ url: '/recent', headers: { cookie: await cookieWith(app, { userId: 'ada', at: now }) } })
    t.strictSame(fresh.json(), { scheme: 'Session', scopes: ['a'], authTime: now, acr: 'gold', expiresAt: now + 60 })
    const stale = await app.inject({ url: '/recent', headers: { cookie: await cookieWith(app, { userId: 'ada', at: now - 301 }) } })
    t.equal(stale.statusCode, 401)
    t.equal(stale.json().code, 'insufficient_user_authentication')
  })

  t.test(`authn C1: a session of ${plugin} that a hook before the gatehouse filled is no credential without a cookie`, async (t) => {
    const app = await open(t, session({ user: () => ada }), (app) => {
      app.addHook('onRequest', async (request) => kept(request).set('visits', 1))
    })
    t.equal((await app.inject('/')).statusCode, 401)
  })

  t.test(`law 2: whatever cookie comes, with ${plugin} the answer is a 401 and never a 500`, async (t) => {
    const app = await open(t, session({ user, ...(plugin === '@fastify/session' && { cookie: { secret: SECRET } }) }))
    const soup = fc.string({ unit: fc.constantFrom('s', 'e', 'i', 'o', 'n', '=', '%', '3', 'B', '.', ' ', '"', ',', ';', '\xff', '\t') })
    await fc.assert(fc.asyncProperty(soup, fc.boolean(), async (text, named) => {
      const response = await app.inject({ url: '/', headers: { cookie: named ? `${cookieName}=${text}` : text } })
      return response.statusCode === 401 && String(response.headers['www-authenticate']) === 'Session realm="newsroom"'
    }), { numRuns: 150 })
    t.pass()
  })
}

t.test('authn C1: an expired or unknown session of @fastify/session counts as missing', async (t) => {
  const sessions = new Map<string, any>()
  const { MemoryStore } = fastifySession as unknown as { MemoryStore: new (map: Map<string, any>) => NonNullable<FastifySessionOptions['store']> }
  const app = await withSession(t, session({ user, cookie: { secret: SECRET } }), undefined, { store: new MemoryStore(sessions) })
  const anonymous = async (cookie: string) => {
    t.strictSame((await app.inject({ url: '/open', headers: { cookie } })).json(), { user: null })
    t.equal((await app.inject({ url: '/', headers: { cookie } })).json().code, 'unauthenticated')
  }
  const expired = await cookieWith(app, { userId: 'ada' })
  for (const [id, { userId }] of sessions) sessions.set(id, { userId, cookie: { path: '/', expires: new Date(Date.now() - 1000), originalMaxAge: null } })
  await anonymous(expired)
  const unknown = await cookieWith(app, { userId: 'ada' })
  sessions.clear()
  await anonymous(unknown)
})

t.test('authn C1: after a 401 for its cookie a browser has a cookie of @fastify/session that is good', async (t) => {
  const app = await withSession(t, session({ user, cookie: { secret: SECRET } }))
  const refused = await app.inject({ url: '/open', headers: { cookie: 'sessionId=tampered.with' } })
  t.equal(refused.statusCode, 401)
  const cookie = String(refused.headers['set-cookie']).split(';')[0] as string
  t.strictSame((await app.inject({ url: '/open', headers: { cookie } })).json(), { user: null })
})

t.test('authn C1: the signature of @fastify/session may be of any secret that rotates, or of a signer', async (t) => {
  const secrets = ['the newest secret, which is long enough', SECRET]
  const signed = `unknown.${createHmac('sha256', SECRET).update('unknown').digest('base64').replace(/=+$/, '')}`
  const signer = { unsign: (value: string) => ({ valid: value === `s:${signed}` }) }
  for (const [secret, good] of [[secrets, signed], [SECRET, signed], [signer, `s:${signed}`]] as const) {
    const app = await withSession(t, session({ user, cookie: { name: 'sid', secret } }), undefined, { cookieName: 'sid', cookiePrefix: typeof secret === 'object' && 'unsign' in secret ? 's:' : '' })
    t.strictSame((await app.inject({ url: '/open', headers: { cookie: `sid=${encodeURIComponent(good)}` } })).json(), { user: null })
    t.equal((await app.inject({ url: '/open', headers: { cookie: `sid=${encodeURIComponent(good)}x` } })).statusCode, 401)
    t.strictSame((await app.inject({ url: '/open', headers: { cookie: 'sessionId=other' } })).json(), { user: null })
  }
  const app = await withSession(t, session({ user, cookie: { secret: secrets } }))
  secrets.pop()
  t.equal((await app.inject({ url: '/open', headers: { cookie: `sessionId=${encodeURIComponent(signed)}` } })).statusCode, 401, 'a secret that is gone')
})

t.test('authn C1: without its secret a cookie of @fastify/session that was tampered with counts as missing', async (t) => {
  for (const cookie of [undefined, {}, { name: 'sessionId' }]) {
    const app = await withSession(t, session({ user, cookie }))
    t.strictSame((await app.inject({ url: '/open', headers: { cookie: 'sessionId=tampered.with' } })).json(), { user: null })
  }
})

t.test('authn C1: an expired session of @fastify/secure-session counts as missing, also if its cookie is signed besides', async (t) => {
  const plain = await withSecureSession(t, session({ user }))
  const old = (app: FastifyInstance) => app.encodeSecureSession(app.createSecureSession({ userId: 'ada', __ts: 1 }))
  t.strictSame((await plain.inject({ url: '/open', headers: { cookie: `session=${encodeURIComponent(old(plain))}` } })).json(), { user: null })

  const app = Fastify()
  await app.register(fastifyCookie, { secret: SECRET })
  await app.register(secured, { key: KEY, cookieName: 'sealed', cookie: { signed: true } })
  await finish(t, app, session({ user, cookie: { name: 'sealed' } }), undefined)
  const at = async (value: string) => app.inject({ url: '/open', headers: { cookie: `sealed=${encodeURIComponent(value)}` } })
  t.strictSame((await at(app.signCookie(old(app)))).json(), { user: null })
  t.strictSame((await at(app.signCookie(app.encodeSecureSession(app.createSecureSession({ userId: 'ada' }))))).json(), { user: ada })
  t.equal((await at(`${app.signCookie(old(app))}x`)).statusCode, 401)
})

t.test('authn C1: a session that was ended before the gatehouse looks is none', async (t) => {
  const scheme = session({ user })
  const ended = await withSecureSession(t, scheme, (app) => {
    app.addHook('onRequest', async (request) => {
      if (request.url !== '/put') (request as unknown as { session: { delete: () => void } }).session.delete()
    })
  })
  t.equal((await ended.inject({ url: '/', headers: { cookie: await cookieWith(ended, { userId: 'ada' }) } })).json().code, 'unauthenticated')
  const destroyed = await withSession(t, scheme, (app) => {
    app.addHook('onRequest', async (request) => {
      if (request.url !== '/put') await (request as unknown as { session: { destroy: () => Promise<void> } }).session.destroy()
    })
  })
  t.equal((await destroyed.inject({ url: '/', headers: { cookie: await cookieWith(destroyed, { userId: 'ada' }) } })).json().code, 'unauthenticated')
})

t.test('authn C1: outside the path of the cookie, and without a session plugin, there is no session', async (t) => {
  const elsewhere = await withSession(t, session({ user }), undefined, { cookie: { secure: false, path: '/admin' } })
  t.equal((await elsewhere.inject({ url: '/', headers: { cookie: 'sessionId=x' } })).json().code, 'unauthenticated')
  const bare = await gate(t, [session({ user, cookie: { secret: SECRET } })])
  t.match((await bare.inject({ url: '/', headers: { cookie: 'sessionId=x' } })).json(), { kind: 'nothing' })
})

t.test('authn C1: one of several sessions of @fastify/secure-session is named', async (t) => {
  const app = Fastify()
  await app.register(secured, [{ key: KEY, sessionName: 'visit' }, { key: Buffer.alloc(32, 8), sessionName: 'desk', cookieName: 'd' }])
  t.teardown(() => app.close())
  await app.register(gatehouse, { schemes: [session({ user, sessionName: 'desk', cookie: { name: 'd' }, name: 'Desk', realm: 'the "desk"' })] })
  app.get('/', { config: { access: authenticated() } }, (request) => request.user)
  const cookie = (name: string, sessionName: string, contents: object) => `${name}=${encodeURIComponent(app.encodeSecureSession(app.createSecureSession({ ...contents }), sessionName))}`
  t.strictSame((await app.inject({ url: '/', headers: { cookie: cookie('d', 'desk', { userId: 'ada' }) } })).json(), ada)
  const other = await app.inject({ url: '/', headers: { cookie: cookie('visit', 'visit', { userId: 'ada' }) } })
  t.equal(other.json().code, 'unauthenticated')
  t.equal(String(other.headers['www-authenticate']), 'Desk realm="the \\"desk\\""')
  t.equal((await app.inject({ url: '/', headers: { cookie: cookie('d', 'visit', { userId: 'ada' }) } })).json().code, 'invalid_credentials', 'sealed with the key of the other')
})

t.test('authn C2: no origin but its own opens a session for an unsafe request', async (t) => {
  const app = await withSession(t, session({ user }))
  const cookie = await cookieWith(app, { userId: 'ada' })
  const part = fc.constantFrom('http://', 'https://', 'news.example', 'evil.example', '.', ':80', ':443', '/', '@', 'null', '#', '\\', '%2e', ' ')
  await fc.assert(fc.asyncProperty(fc.array(part, { maxLength: 5 }), async (parts) => {
    const origin = parts.join('')
    const { statusCode } = await app.inject({ method: 'POST', url: '/', headers: { cookie, origin, host: 'news.example' } })
    const own = origin === 'http://news.example' || origin === 'https://news.example'
    return statusCode === (own ? 200 : 403)
  }), { numRuns: 200, examples: [[['https://', 'news.example']], [['http://', 'news.example']]] })
  t.pass()
})

t.test('the scheme says of itself what its answers depend on', async (t) => {
  t.match(session({ user }), { name: 'Session', family: 'other', guessable: false, oauth: false, varyOn: ['Cookie'] })
})

t.test('options that make no sense stop the start and name the mend', async (t) => {
  const wrong: Array<[unknown, RegExp]> = [
    [undefined, /session\(\): the options must be an object with user, key/],
    [{}, /session\(\) user: undefined was given; allowed is a function/],
    [{ user, orgins: [] }, /there is no option 'orgins'; .* Did you mean "origins"\?/],
    [{ user, auth: {} }, /session\(\) auth: \{\} was given; allowed is a function/],
    [{ user, key: '' }, /session\(\) key: '' was given; allowed is a text that is not empty/],
    [{ user, key: 7 }, /key: 7 was given/],
    [{ user, sessionName: '' }, /session\(\) sessionName: '' was given/],
    [{ user, csrf: 'no' }, /session\(\) csrf: 'no' was given; allowed is true or false/],
    [{ user, sameSite: 'lax' }, /sameSite: 'lax' was given/],
    [{ user, nonBrowsers: 1 }, /nonBrowsers: 1 was given/],
    [{ user, origins: '' }, /`origins` is required: a text, or a list of texts/],
    [{ user, origins: ['https://app.example/'] }, /session\(\) origins: 'https:\/\/app.example\/' was given; allowed is an origin as browsers send it/],
    [{ user, origins: ['https://App.example'] }, /origins: 'https:\/\/App.example' was given/],
    [{ user, origins: ['null'] }, /origins: 'null' was given/],
    [{ user, origins: ['app.example'] }, /origins: 'app.example' was given/],
    [{ user, csrf: false, origins: ['https://app.example'] }, /`origins` means nothing with `csrf: false`/],
    [{ user, csrf: false, nonBrowsers: true }, /`nonBrowsers` means nothing with `csrf: false`/],
    [{ user, name: 'My Session' }, /session\(\) name: 'My Session' was given; allowed is a token/],
    [{ user, realm: '' }, /session\(\) realm: '' was given; allowed is a text of printable ASCII/],
    [{ user, cookie: 'sid' }, /session\(\) cookie: 'sid' was given; allowed is an object with name, secret/],
    [{ user, cookie: { nme: 'sid' } }, /session\(\) cookie: there is no option 'nme'; .* Did you mean "name"\?/],
    [{ user, cookie: { name: 'a b' } }, /session\(\) cookie name: 'a b' was given; allowed is the name of a cookie/],
    [{ user, cookie: { name: 7 } }, /cookie name: 7 was given/],
    [{ user, cookie: { secret: [] } }, /session\(\) cookie secret: give what @fastify\/session was given/],
    [{ user, cookie: { secret: '' } }, /cookie secret: give what/],
    [{ user, cookie: { secret: null } }, /cookie secret: give what/],
    [{ user, cookie: { secret: [SECRET, 7] } }, /cookie secret: give what/],
    [{ user, cookie: { secret: { sign: () => '' } } }, /cookie secret: give what/],
  ]
  for (const [options, message] of wrong) t.throws(() => session(options as never), { code: 'FST_GATEHOUSE_OPTION', message })
  t.throws(() => session({ user, cookie: { secret: [SECRET, ''] } }), { message: /^((?!the secret of the sessions).)*$/ }, 'a secret is not shown')
})
