import { createHash, createPublicKey } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import t, { type Test } from 'tap'
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import gatehouse, { authenticated } from '../../lib/index.ts'
import type { Claims } from '../../lib/authentication/claims.ts'
import type { Verdict } from '../../lib/authentication/scheme.ts'
import { accessTokens, bearer, dpop, revocationList, type AccessTokenOptions, type AccessTokens, type CheckedToken, type Possession } from '../../lib/authentication/schemes/index.ts'
import { memoryMarks, StoreUnavailable } from '../../lib/stores/index.ts'
import { handClock } from '../stores/hand-clock.ts'
import { json, jsonServer } from '../stores/json-server.ts'
import { gate } from './gate.ts'
import { issuerKey, keyServer, signed } from './issuer.ts'
import { CLIENT, openIdProvider, RESOURCE } from './open-id-provider.ts'
import { authority, selfSigned, tlsClient, tlsServer } from './tls.ts'
import { AUDIENCE, goodClaims, ISSUER, now, SECRET, token, tokenWith } from './tokens.ts'

const common = { issuer: ISSUER, audience: AUDIENCE }
const local = { ...common, secret: SECRET }
const BEARER: Possession = { kind: 'bearer' }
const INVALID_TOKEN = 'Bearer realm="newsroom", error="invalid_token", error_description="The access token is malformed, expired, revoked or not meant for this service"'

const profiled = { typ: 'at+jwt' }
const profileClaims = () => ({ ...goodClaims(), client_id: 'web', jti: 'one' })
const without = (name: string) => Object.fromEntries(Object.entries(profileClaims()).filter(([other]) => other !== name))

function send (app: FastifyInstance, credentials: string, url = '/') {
  return app.inject({ url, headers: { authorization: `Bearer ${credentials}` } })
}

/** Ready to be asked without a scheme. */
async function prepared<U extends object> (options: AccessTokenOptions<U>): Promise<AccessTokens<U>> {
  const tokens = accessTokens(options)
  await tokens.prepare()
  return tokens
}

/** Both steps, as a scheme takes them. */
async function judged<U extends object> (tokens: AccessTokens<U>, credentials: string, shown = BEARER): Promise<Verdict<U>> {
  const request = { raw: {} } as FastifyRequest
  const checked = await tokens.check(credentials, request, shown)
  return checked.kind === 'token' ? tokens.conclude(checked, request) : checked
}

t.test('several schemes may share the tokens of one issuer: one key set, and prepared once', async (t) => {
  const key = issuerKey('ES256', 'one')
  const server = await keyServer(t, key)
  const tokens = accessTokens({ ...common, jwks: server.url, maxLength: 1000 })
  t.equal(tokens.maxLength, 1000)
  const [one, other] = [await gate(t, [bearer({ tokens })]), await gate(t, [bearer({ tokens, cookie: 'token' })])]
  const good = signed(key, goodClaims())
  t.match((await send(one, good)).json(), { kind: 'user', user: { id: 'ada' } })
  t.match((await other.inject({ url: '/', headers: { cookie: `token=${good}` } })).json(), { kind: 'user' })
  t.equal(server.asked.length, 1)
  t.equal(accessTokens(local).maxLength, 8192)
  t.match((await send(one, 'x'.repeat(1001))).json(), { reason: 'the token is longer than 1000 characters' })
})

t.test('preparing is done once, by whoever needs it first', async (t) => {
  const tokens = accessTokens(local)
  t.throws(() => tokens.check(token(goodClaims()), {} as FastifyRequest, BEARER), { message: 'accessTokens() was asked before it was prepared.' })
  t.equal(tokens.prepare(), tokens.prepare())
  await tokens.prepare()
  t.match(tokens.check(token(goodClaims()), {} as FastifyRequest, BEARER), { kind: 'token' })
})

t.test('with a local secret both steps are synchronous, and so is the scheme', async (t) => {
  const tokens = await prepared({ ...local, identify: ({ sub }) => ({ name: sub }) })
  const checked = tokens.check(token(goodClaims()), {} as FastifyRequest, BEARER) as Extract<CheckedToken, { kind: 'token' }>
  t.equal(checked.kind, 'token')
  t.equal(checked.token, token(goodClaims()))
  t.strictSame(tokens.conclude(checked, {} as FastifyRequest), { kind: 'user', user: { name: 'ada' }, auth: { scopes: [], authTime: null, acr: null, expiresAt: checked.claims.exp } })
  t.match(tokens.check('x', {} as FastifyRequest, BEARER), { kind: 'invalid', reason: 'the token is not three segments of base64url' })
  const scheme = bearer({ ...local, revocations: undefined, identifyFor: undefined, clientCertificate: undefined })
  await scheme.prepare?.()
  t.match(scheme.verify(token(goodClaims()), {} as FastifyRequest), { kind: 'user' })
})

t.test('law 8: the header in which a proxy forwards the certificate is one that the answers depend on', (t) => {
  const clientCertificate = { header: 'X-Client-Cert', format: 'pem', trustedProxies: '127.0.0.1' } as const
  t.same(bearer({ ...local, clientCertificate }).varyOn, ['Authorization', 'X-Client-Cert'])
  t.same(dpop({ ...local, publicUrl: 'request', clientCertificate }).varyOn, ['Authorization', 'DPoP', 'X-Client-Cert'])
  t.same(bearer(local).varyOn, ['Authorization'])
  t.end()
})

t.test('authn K1, J1: what says of itself that it is something else is no access token, with and without the profile', async (t) => {
  const tokens = await prepared(local)
  for (const typ of ['logout+jwt', 'dpop+jwt', 'secevent+jwt', 'id_token', '', 7, null]) {
    t.match(tokens.check(token(goodClaims(), { typ }), {} as FastifyRequest, BEARER), { kind: 'invalid', reason: /typ says that it is something else/ }, String(typ))
  }
  for (const typ of ['JWT', 'jwt', 'at+jwt', 'AT+JWT', 'application/at+jwt', undefined]) {
    t.match(tokens.check(token(goodClaims(), { typ }), {} as FastifyRequest, BEARER), { kind: 'token' }, String(typ))
  }
})

t.test('authn P8, P10: a token that is bound to a key is for the holder of that key only, whoever verified it', async (t) => {
  const key = issuerKey('ES256', 'one')
  const published = await keyServer(t, key)
  const holder: Possession = { kind: 'dpop', thumbprint: 'the thumbprint' }
  const bound = { ...goodClaims(), cnf: { jkt: 'the thumbprint' } }
  const server = await jsonServer(t, json({}))
  const opaque = await prepared({ ...common, introspection: { endpoint: server.url, ...CLIENT, cacheFor: 0 } })
  const answers = (more: object) => { server.answer = json({ active: true, ...goodClaims(), ...more }) }

  const byKey = async (options: AccessTokenOptions<object>, sign: (claims: object) => string) => {
    const tokens = await prepared(options)
    t.match(await judged(tokens, sign(bound), holder), { kind: 'user' })
    t.match(await judged(tokens, sign(bound)), { kind: 'invalid', reason: 'the token is bound to a key, which a bearer does not show' })
    t.match(await judged(tokens, sign(bound), { kind: 'dpop', thumbprint: 'another' }), { kind: 'invalid', reason: 'the token is bound to another key' })
    t.match(await judged(tokens, sign(goodClaims()), holder), { kind: 'invalid', reason: 'the token is not bound to the key of a proof' })
  }
  await byKey(local, token)
  await byKey({ ...common, jwks: published.url }, (claims) => signed(key, claims))
  await byKey({ ...common, publicKey: createPublicKey({ key: key.jwk, format: 'jwk' }) }, (claims) => tokenWith(key.privateKey, 'ES256', claims))

  answers({ token_type: 'DPoP', cnf: bound.cnf })
  t.match(await judged(opaque, 'opaque', holder), { kind: 'user' })
  t.match(await judged(opaque, 'opaque'), { reason: 'the token is for DPoP, not for a bearer' })
  answers({ token_type: 'DPoP' })
  t.match(await judged(opaque, 'opaque', holder), { reason: 'the token is not bound to the key of a proof' })
  answers({ cnf: bound.cnf })
  t.match(await judged(opaque, 'opaque', holder), { kind: 'user' })
})

t.test('authn M1, M2: over TLS a token that is bound to a certificate is good on connections with that one only, enabled or not', async (t) => {
  const ca = await authority('the authority')
  const [ada, bob, own] = [await ca.issue('ada'), await ca.issue('bob'), await selfSigned('own')]
  const thumbprint = (der: Buffer) => createHash('sha256').update(der).digest('base64url')
  const boundTo = (der: Buffer) => token({ ...goodClaims(), cnf: { 'x5t#S256': thumbprint(der) } })
  const [open, strict] = [await tlsServer(t, await gate(t, [bearer(local)]), ca), await tlsServer(t, await gate(t, [bearer({ ...local, certificateBound: true })]), ca)]
  const ask = async (port: number, identity: object, credentials: string) => tlsClient(t, port, ca, identity)('/', { authorization: `Bearer ${credentials}` })

  for (const port of [open, strict]) {
    t.match(await ask(port, ada, boundTo(ada.der)), { status: 200, body: { user: { id: 'ada', roles: ['editor'] } } })
    t.match(await ask(port, own, boundTo(own.der)), { status: 200 }, 'RFC 8705 section 2.2: it shows the key, which is what the token is bound to')
    for (const [identity, reason] of [[bob, 'the token is bound to another certificate'], [{}, 'the token is bound to a certificate, and none was shown']] as const) {
      const answer = await ask(port, identity, boundTo(ada.der))
      t.equal(answer.status, 401)
      t.equal(answer.headers['www-authenticate'], INVALID_TOKEN)
      t.match(answer.body, { kind: 'invalid', reason })
    }
  }
  t.match(await ask(open, ada, token(goodClaims())), { status: 200 }, 'a token that is bound to nothing needs nothing')
  t.match(await ask(strict, ada, token(goodClaims())), { status: 401, body: { reason: 'the token is not bound to a certificate' } })
  t.notOk('cnf' in (await ask(open, ada, boundTo(ada.der))).body.user, 'what a token is bound to says nothing of the user')
})

t.test('authn M1, M3: behind a proxy that is trusted the certificate is the forwarded one, and is that of the token too', async (t) => {
  const ada = await selfSigned('ada')
  const bound = token({ ...goodClaims(), cnf: { 'x5t#S256': createHash('sha256').update(ada.der).digest('base64url') } })
  const forwarded = { 'client-cert': `:${ada.der.toString('base64')}:` }
  const ask = async (trustedProxies: string, headers: object) => {
    const app = await gate(t, [bearer({ ...local, clientCertificate: { header: 'Client-Cert', format: 'rfc9440', trustedProxies } })])
    return app.inject({ url: '/', headers: { authorization: `Bearer ${bound}`, ...headers } })
  }
  t.equal((await ask('127.0.0.1', forwarded)).statusCode, 200)
  t.match((await ask('127.0.0.1', {})).json(), { reason: 'the token is bound to a certificate, and none was shown' })
  t.match((await ask('127.0.0.1', { 'client-cert': 'x' })).json(), { reason: /^the token is bound to a certificate, and the one shown cannot be read: / })
  t.match((await ask('10.0.0.0/8', forwarded)).json(), { reason: 'the token is bound to a certificate, and none was shown' })
})

t.test('authn M2: what an issuer says of an opaque token binds it too', async (t) => {
  const server = await jsonServer(t, json({ active: true, ...goodClaims(), cnf: { 'x5t#S256': 'x' } }))
  const app = await gate(t, [bearer({ ...common, introspection: { endpoint: server.url, ...CLIENT } })])
  t.match((await send(app, 'opaque')).json(), { kind: 'invalid', reason: 'the token is bound to a certificate, and none was shown' })
})

t.test('authn J1: with the profile only access tokens are accepted, by their typ in any case', async (t) => {
  const [strict, plain] = [await gate(t, [bearer({ ...local, profile: 'at+jwt' })]), await gate(t, [bearer(local)])]
  for (const typ of ['at+jwt', 'AT+JWT', 'application/at+jwt', 'Application/At+Jwt']) {
    t.equal((await send(strict, token(profileClaims(), { typ }))).statusCode, 200, typ)
  }
  for (const typ of ['JWT', 'application/jwt', 'id_token', 'dpop+jwt', 'at+jwt ', 'x/at+jwt', 'application/application/at+jwt', '', undefined, null, 7, ['at+jwt'], { at: 'jwt' }]) {
    const response = await send(strict, token(profileClaims(), { typ }))
    t.equal(response.statusCode, 401, String(typ))
    t.equal(response.headers['www-authenticate'], INVALID_TOKEN)
    t.equal(response.json().reason, 'the token is not an access token: typ is not at+jwt')
    const isPlain = ['JWT', 'application/jwt', undefined].includes(typ as string)
    t.equal((await send(plain, token(profileClaims(), { typ }))).statusCode, isPlain ? 200 : 401, 'without it a token need not say what it is, but must not be something else')
  }
})

t.test('authn J2: with the profile the claims that it requires are there, and of the right type', async (t) => {
  const app = await gate(t, [bearer({ ...local, profile: 'at+jwt' })])
  const ask = async (claims: unknown) => send(app, token(claims, profiled))
  t.equal((await ask(profileClaims())).statusCode, 200)
  for (const name of ['iss', 'exp', 'aud', 'sub', 'client_id', 'iat', 'jti']) {
    const response = await ask(without(name))
    t.equal(response.statusCode, 401, name)
    t.equal(response.headers['www-authenticate'], INVALID_TOKEN, name)
    t.match(response.json().reason, new RegExp(`\\b${name}\\b.*missing`), name)
    for (const wrong of [null, '', {}, [], true, 1.5]) t.equal((await ask({ ...profileClaims(), [name]: wrong })).statusCode, 401, `${name} ${JSON.stringify(wrong)}`)
  }
  for (const name of ['client_id', 'jti', 'sub']) t.equal((await ask({ ...profileClaims(), [name]: 7 })).statusCode, 401, name)
})

t.test('authn J1, J2: the profile holds for keys that the issuer publishes, and for a real issuer (oidc-provider)', async (t) => {
  const key = issuerKey('ES256', 'one')
  const { url } = await keyServer(t, key)
  const app = await gate(t, [bearer({ ...common, jwks: url, profile: 'at+jwt' })])
  t.equal((await send(app, signed(key, profileClaims(), { typ: 'application/at+jwt' }))).statusCode, 200)
  t.match((await send(app, signed(key, profileClaims(), { typ: 'JWT' }))).json(), { reason: /typ is not at\+jwt/ })
  t.match((await send(app, signed(key, goodClaims(), profiled))).json(), { reason: 'client_id is missing or not a text' })
  t.match((await send(app, signed(issuerKey('ES256', 'one'), profileClaims(), profiled))).json(), { reason: 'the signature is wrong' })

  const provider = await openIdProvider(t, 'jwt')
  const real = await gate(t, [bearer({ issuer: provider.issuer, audience: RESOURCE, jwks: `${provider.issuer}/jwks`, profile: 'at+jwt' })])
  t.match((await send(real, await provider.token())).json(), { kind: 'user', user: { id: 'client:client', client_id: 'client' } })
  t.match((await send(real, await provider.tokenOf('ada'))).json(), { kind: 'user', user: { id: 'ada', client_id: 'client' } })
})

t.test('authn J3: scope is split, and lists of roles, groups and entitlements are the user\'s', async (t) => {
  const app = await gate(t, [bearer({ ...local, profile: 'at+jwt' })])
  const lists = { roles: ['editor'], groups: ['sport', 'news'], entitlements: ['archive'] }
  const { user, auth } = (await send(app, token({ ...profileClaims(), ...lists, scope: 'a:read b:read' }, profiled))).json()
  t.match(user, { id: 'ada', ...lists })
  t.strictSame(auth.scopes, ['a:read', 'b:read'])
})

t.test('authn J4: a client that acts for itself has an id that no person has, with the profile and without', async (t) => {
  for (const more of [{}, { profile: 'at+jwt' }] as const) {
    const app = await gate(t, [bearer({ ...local, ...more })])
    const ask = async (sub: string, client: string) => (await send(app, token({ ...profileClaims(), sub, client_id: client }, profiled))).json()
    t.match(await ask('web', 'web'), { kind: 'user', user: { id: 'client:web', sub: 'web' } })
    t.match(await ask('web', 'app'), { kind: 'user', user: { id: 'web' } }, 'a person of the same name')
    t.match(await ask('client:web', 'app'), { kind: 'invalid', reason: 'sub begins with client: and is not the client_id' })
    t.match(await ask('client:web', 'client:web'), { kind: 'user', user: { id: 'client:client:web' } })
    t.match(await ask('Client:web', 'app'), { kind: 'user', user: { id: 'Client:web' } })
  }
  const identified = await gate(t, [bearer({ ...local, identify: ({ sub }) => ({ id: sub }) })])
  t.equal((await send(identified, token({ ...goodClaims(), sub: 'client:web' }))).statusCode, 401, 'whoever makes the user')
})

t.test('what identify said is remembered for a time, and at most until the token expires', async (t) => {
  const clock = handClock(Date.now())
  const asked: string[] = []
  const app = await gate(t, [bearer({ ...local, now: clock.now, identifyFor: 60, identify: ({ sub }) => { asked.push(sub); return { sub } } })])
  const [ada, bob] = [token(goodClaims()), token({ ...goodClaims(), sub: 'bob' })]
  for (const credentials of [ada, ada, bob, ada, bob]) t.equal((await send(app, credentials)).statusCode, 200)
  t.strictSame(asked, ['ada', 'bob'])
  t.strictSame((await send(app, bob)).json().user, { sub: 'bob' })
  clock.advance(59_999)
  await send(app, ada)
  t.equal(asked.length, 2)
  clock.advance(1)
  await send(app, ada)
  t.equal(asked.length, 3)

  const short = token({ ...goodClaims(), exp: Math.floor(clock.now() / 1000) + 30 })
  await send(app, short)
  clock.advance(28_000)
  await send(app, short)
  t.equal(asked.length, 4)
  clock.advance(3_000)
  await send(app, short)
  t.equal(asked.length, 5, 'by this clock it has expired')
})

t.test('what identify said is remembered by the whole token, and not at all by default', async (t) => {
  let asked = 0
  const identify = ({ sub }: Claims) => { asked++; return { sub } }
  const [remembering, plain] = [await prepared({ ...local, identify, identifyFor: 60 }), await prepared({ ...local, identify, identifyFor: 0 })]
  await judged(remembering, token(goodClaims()))
  await judged(remembering, token({ ...goodClaims(), jti: 'another' }))
  t.equal(asked, 2)
  t.match(await judged(remembering, token({ ...goodClaims(), exp: now() - 600 })), { kind: 'invalid' }, 'a token that has expired is asked about by nobody')
  for (let i = 0; i < 3; i++) await judged(plain, token(goodClaims()))
  t.equal(asked, 5)
})

t.test('that nobody is known is remembered for ten seconds at most, and a failure not at all', async (t) => {
  const clock = handClock(Date.now())
  let asked = 0
  let answer: () => object | null | undefined | Promise<object | null> = () => null
  const tokens = await prepared({ ...local, now: clock.now, identifyFor: 60, identify: () => { asked++; return answer() } })
  const good = token(goodClaims())
  for (const nobody of [() => null, () => undefined, async () => null]) {
    answer = nobody
    const before = asked
    for (let i = 0; i < 3; i++) t.match(await judged(tokens, good), { kind: 'invalid', error: 'invalid_token', reason: 'nobody is known by this token' })
    t.equal(asked, before + 1)
    clock.advance(9_999)
    await judged(tokens, good)
    t.equal(asked, before + 1)
    clock.advance(1)
  }
  for (const broken of [() => { throw new Error('down') }, async () => { throw new Error('down') }]) {
    answer = broken
    const before = asked
    for (let i = 0; i < 3; i++) await t.rejects(judged(tokens, good), { message: 'down' })
    t.equal(asked, before + 3)
  }
  answer = () => 'ada' as never
  const before = asked
  for (let i = 0; i < 2; i++) await judged(tokens, good)
  t.equal(asked, before + 2, 'what is no user is not kept')
  answer = async () => ({ id: 'ada' })
  t.match(await judged(tokens, good), { kind: 'user', user: { id: 'ada' } }, 'and it recovers by itself')
})

t.test('law 10: a question that is never answered is waited for by others for ten seconds only', async (t) => {
  const clock = handClock(Date.now())
  let answer: () => Promise<object>
  const tokens = await prepared({ ...local, now: clock.now, identifyFor: 60, identify: () => answer() })
  const good = token(goodClaims())
  let first: (user: object) => void = () => {}
  answer = () => new Promise((resolve) => { first = resolve })
  const hung = judged(tokens, good)
  await setImmediate()
  clock.advance(10_001)
  let second: (user: object) => void = () => {}
  answer = () => new Promise((resolve) => { second = resolve })
  const asked = judged(tokens, good)
  await setImmediate()
  first({ id: 'first' })
  t.match(await hung, { user: { id: 'first' } })
  second({ id: 'second' })
  t.match(await asked, { user: { id: 'second' } })
  t.match(await judged(tokens, good), { user: { id: 'second' } })
})

t.test('for shorter than ten seconds, nobody is remembered as short as anybody', async (t) => {
  const clock = handClock(Date.now())
  let asked = 0
  const tokens = await prepared({ ...local, now: clock.now, identifyFor: 2, identify: () => { asked++; return null } })
  await judged(tokens, token(goodClaims()))
  clock.advance(2000)
  await judged(tokens, token(goodClaims()))
  t.equal(asked, 2)
})

t.test('requests that come together with one token ask once, and each fails if that fails', async (t) => {
  let asked = 0
  let answer: () => Promise<object> = async () => ({ id: 'ada' })
  const app = await gate(t, [bearer({ ...local, identifyFor: 60, identify: () => { asked++; return answer() } })])
  const twenty = async (credentials: string) => Promise.all(Array.from({ length: 20 }, () => send(app, credentials)))
  t.ok((await twenty(token(goodClaims()))).every(({ statusCode }) => statusCode === 200))
  t.equal(asked, 1)
  answer = async () => { throw new Error('down') }
  const other = token({ ...goodClaims(), sub: 'bob' })
  t.ok((await twenty(other)).every(({ statusCode }) => statusCode === 503))
  t.ok(asked < 21, 'those that came together shared the failure')
  answer = async () => ({ id: 'bob' })
  t.ok((await twenty(other)).every(({ statusCode }) => statusCode === 200))
})

t.test('as many answers are remembered as the option says', async (t) => {
  const asked: string[] = []
  const tokens = await prepared({ ...local, identifyFor: 60, identifyCacheSize: 2, identify: ({ sub }) => { asked.push(sub); return {} } })
  for (const sub of ['a', 'b', 'a', 'c', 'b', 'a']) await judged(tokens, token({ ...goodClaims(), sub }))
  t.strictSame(asked, ['a', 'b', 'c', 'a'], 'the first of three was forgotten')
})

t.test('a user that requests share is frozen, and identify is given nothing of the request', async (t) => {
  const given: unknown[][] = []
  const tokens = await prepared({ ...local, identifyFor: 60, identify: (...args: unknown[]) => { given.push(args); return { id: 'ada' } } })
  const [one, other] = [await judged(tokens, token(goodClaims())), await judged(tokens, token(goodClaims()))]
  if (one.kind !== 'user' || other.kind !== 'user') throw new Error('no user')
  t.equal(one.user, other.user)
  t.ok(Object.isFrozen(one.user))
  const deep = await prepared({ ...local, identifyFor: 60, identify: () => ({ id: 'ada', roles: ['reader'], address: { lines: ['one'] }, none: Object.create(null), since: new Date(), nothing: null }) })
  const ring: { id: string, self?: object } = { id: 'ada' }
  ring.self = ring
  t.match(await judged(await prepared({ ...local, identifyFor: 60, identify: () => ring }), token(goodClaims())), { kind: 'user' }, 'what holds itself too')
  const whole = await judged(deep, token(goodClaims())) as { user: { roles: string[], address: { lines: string[] }, none: object, since: Date } }
  t.throws(() => whole.user.roles.push('admin'), TypeError)
  t.throws(() => whole.user.address.lines.push('two'), TypeError)
  t.ok(Object.isFrozen(whole.user.none))
  t.notOk(Object.isFrozen(whole.user.since), 'what has a class of its own is left alone')
  t.equal(given[0]?.length, 1)
  const plain = await judged(await prepared({ ...local, identify: () => ({ id: 'ada' }) }), token(goodClaims()))
  t.notOk(plain.kind === 'user' && Object.isFrozen(plain.user))
})

t.test('a user whom identify froze only at the top shares nothing that a request can change', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  const identify = ({ sub }: Claims) => Object.freeze({ id: sub, roles: ['author'] })
  await app.register(gatehouse, { realm: 'newsroom', schemes: [bearer({ ...local, identifyFor: 60, identify })] })
  app.get('/', { config: { access: authenticated() } }, (request) => request.user)
  app.get('/push', { config: { access: authenticated() } }, (request) => {
    try {
      (request.user as unknown as { roles: string[] }).roles.push('admin')
      return 'pushed'
    } catch (error) {
      return (error as Error).name
    }
  })
  const good = token(goodClaims())
  t.equal((await send(app, good, '/push')).body, 'TypeError')
  t.strictSame((await send(app, good)).json(), { id: 'ada', roles: ['author'] })
})

t.test('what a shared user holds is frozen below what is frozen already, in circles and however deep', async (t) => {
  const identified = async <U extends object>(user: U) => {
    await judged(await prepared({ ...local, identifyFor: 60, identify: () => user }), token(goodClaims()))
    return user
  }
  const nested = await identified(Object.freeze({ teams: Object.freeze([Object.freeze({ of: { names: ['one'] } })]), since: new Date() }))
  t.throws(() => nested.teams[0]?.of.names.push('two'), TypeError)
  t.ok(Object.isFrozen(nested.teams[0]?.of))
  t.notOk(Object.isFrozen(nested.since), 'what has a class of its own is left alone')

  const self: { up?: object } = {}
  const ring = Object.freeze({ self, list: ['one'] })
  self.up = ring
  await identified(ring)
  t.ok(Object.isFrozen(self) && Object.isFrozen(ring.list))

  const end: object = {}
  let deep = end
  for (let depth = 0; depth < 50_000; depth++) deep = Object.freeze({ deep })
  await identified(deep)
  t.ok(Object.isFrozen(end))
})

t.test('a token that was ended is a 401 like any other, and identify is not asked about it', async (t) => {
  let asked = 0
  const revocations = revocationList()
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(gatehouse, { realm: 'newsroom', schemes: [bearer({ ...local, revocations, identifyFor: 60, identify: ({ sub }) => { asked++; return { id: sub } } })] })
  app.get('/', { config: { access: authenticated() } }, () => 'in')
  app.get('/logout', { config: { access: authenticated() } }, async (request) => {
    await revocations.revoke(request)
    return 'out'
  })
  const [one, two] = [token({ ...goodClaims(), jti: 'one' }), token({ ...goodClaims(), jti: 'two' })]
  for (const good of [one, two]) t.equal((await send(app, good)).statusCode, 200)
  t.equal((await send(app, one, '/logout')).body, 'out')
  const refused = await send(app, one)
  const garbage = await send(app, 'x')
  t.equal(refused.statusCode, 401)
  t.equal(String(refused.headers['www-authenticate']), INVALID_TOKEN)
  t.equal(refused.body, garbage.body, 'the client learns no more than of any wrong token')
  t.equal((await send(app, two)).statusCode, 200)
  t.equal(asked, 2, 'what was remembered of a token does not outlive it')
  await revocations.revokeUser({ issuer: ISSUER, subject: 'ada' })
  t.equal((await send(app, two)).statusCode, 401)
})

t.test('the reason why a token was ended is for the log, and the list is asked only about a token that is right', async (t) => {
  const asked: unknown[][] = []
  const revocations = { ...revocationList(), checkToken: async (...args: unknown[]) => { asked.push(args); return 'it was stolen' } }
  const tokens = await prepared({ ...local, revocations })
  t.strictSame(await judged(tokens, token(goodClaims())), { kind: 'invalid', error: 'invalid_token', reason: 'it was stolen', guessed: false })
  t.match(asked, [[token(goodClaims()), { sub: 'ada' }, { raw: {} }]])
  await judged(tokens, token({ ...goodClaims(), exp: now() - 60 }))
  await judged(tokens, token({ ...goodClaims(), cnf: { jkt: 'x' } }))
  await judged(tokens, token(goodClaims(), {}, 'another secret of more than 32 bytes.'))
  t.equal(asked.length, 1)
})

t.test('law 10: a list that cannot be asked is a 503, and nobody is let in meanwhile', async (t) => {
  const down = async () => { throw new StoreUnavailable(new Error('down')) }
  const revocations = revocationList({ marks: { ...memoryMarks(), getMany: down } })
  let asked = 0
  const app = await gate(t, [bearer({ ...local, revocations, identify: () => { asked++; return {} } })])
  const response = await send(app, token(goodClaims()))
  t.equal(response.statusCode, 503)
  t.match(response.json(), { kind: 'unavailable', reason: 'the revocation list could not be asked' })
  t.equal(asked, 0)
})

t.test("identify's failures behind a list are failures of identify", async (t) => {
  for (const identify of [() => { throw new Error('down') }, async () => { throw new Error('down') }]) {
    const app = await gate(t, [bearer({ ...local, revocations: revocationList(), identify })])
    t.match((await send(app, token(goodClaims()))).json(), { kind: 'unavailable', reason: 'Bearer could not verify the credentials', cause: 'Error: down' })
  }
})

t.test('options that make no sense stop the start and name the mend', async (t: Test) => {
  const introspection = { endpoint: 'https://issuer.example/introspect', ...CLIENT }
  const identify = () => null
  const revocations = revocationList()
  const tokens = accessTokens(local)
  const wrong: Array<[unknown, RegExp]> = [
    [undefined, /the options must be an object with secret, publicKey/],
    [{ ...local, profil: 'at+jwt' }, /there is no option 'profil'; .* Did you mean "profile"\?/],
    [common, /give `secret` \(at least 32 bytes\) or `publicKey` \(PEM\)/],
    [{ ...local, jwks: 'https://issuer.example' }, /secret and jwks were given\. Several issuers are several (bearer|accessTokens)\(\)\./],
    [{ ...local, profile: true }, /profile: true was given; allowed is 'at\+jwt' \(RFC 9068\)/],
    [{ ...local, profile: 'jwt' }, /profile: 'jwt' was given/],
    [{ ...local, profile: null }, /profile: null was given/],
    [{ ...common, introspection, profile: 'at+jwt' }, /`profile` is for JWTs; with `introspection` the server says/],
    [{ ...local, certificateBound: 'yes' }, /certificateBound: 'yes' was given; allowed is true or false/],
    [{ ...local, clientCertificate: { header: 'Client-Cert' } }, /clientCertificate/],
    [{ ...local, clientCertificate: 'Client-Cert' }, /clientCertificate/],
    [{ ...local, revocations: {} }, /revocations: \{\} was given; allowed is a list as revocationList\(\) makes it/],
    [{ ...local, revocations: null }, /revocations: null was given/],
    [{ ...local, revocations: revocationList }, /revocations: \[Function: revocationList\] was given/],
    [{ ...local, now: 5 }, /now: 5 was given; allowed is a function/],
    [{ ...local, identify: 'ada' }, /identify: 'ada' was given; allowed is a function/],
    [{ ...local, identify, identifyFor: -1 }, /identifyFor: -1 was given; allowed is a number of seconds from 0 to 3600/],
    [{ ...local, identify, identifyFor: 3601 }, /identifyFor: 3601 was given/],
    [{ ...local, identify, identifyFor: '60' }, /identifyFor: '60' was given/],
    [{ ...local, identify, identifyFor: 60, identifyCacheSize: 0 }, /identifyCacheSize: 0 was given; allowed is a whole number of tokens from 1 to 1000000/],
    [{ ...local, identify, identifyFor: 60, identifyCacheSize: 1.5 }, /identifyCacheSize: 1.5 was given/],
    [{ ...local, identify, identifyCacheSize: 5 }, /`identifyCacheSize` means nothing without `identifyFor`/],
    [{ ...local, identifyFor: 60 }, /`identifyFor` means nothing without `identify`/],
    [{ ...local, identifyFor: 60, identify: (claims: unknown, request: unknown) => ({ claims, request }) }, /with `identifyFor` .* declare one parameter, the claims/],
  ]
  for (const [options, message] of wrong) {
    for (const make of [accessTokens, bearer]) {
      t.throws(() => make(options as never), { code: 'FST_GATEHOUSE_OPTION', message }, String(message))
      t.throws(() => make(options as never), { message: new RegExp(`^${make.name}\\(\\)`) }, String(message))
    }
  }
  const shared: Array<[unknown, RegExp]> = [
    [{ tokens, secret: SECRET }, /^bearer\(\): `tokens` was given, so secret must be given to accessTokens\(\), not here\.$/],
    [{ tokens, ...common, now: Date.now }, /so issuer, audience, now must be given to accessTokens\(\)/],
    [{ tokens: {} }, /^bearer\(\): `tokens` must be what accessTokens\(\) makes\.$/],
    [{ tokens: null }, /must be what accessTokens\(\) makes/],
    [{ tokens: local }, /must be what accessTokens\(\) makes/],
    [{ tokens, token: 1 }, /there is no option 'token'/],
  ]
  for (const [options, message] of shared) t.throws(() => bearer(options as never), { code: 'FST_GATEHOUSE_OPTION', message }, String(message))
  t.throws(() => accessTokens({ ...local, cookie: 'token' } as never), { message: /^accessTokens\(\): there is no option 'cookie'/ }, 'where a token was sent is for the scheme')
  t.throws(() => accessTokens({ ...local, tokens } as never), { message: /^accessTokens\(\): there is no option 'tokens'/ })
  t.doesNotThrow(() => bearer({ tokens, secret: undefined, cookie: 'token' }))
  t.doesNotThrow(() => accessTokens({ ...local, profile: undefined, identify, identifyFor: 3600, identifyCacheSize: 1, certificateBound: false, revocations, now: Date.now }))
})
