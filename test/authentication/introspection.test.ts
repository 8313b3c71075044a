import t, { type Test } from 'tap'
import fc from 'fast-check'
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import gatehouse, { authenticated } from '../../lib/index.ts'
import { bearer, type BearerOptions, type IntrospectionOptions } from '../../lib/authentication/schemes/index.ts'
import { handClock } from '../stores/hand-clock.ts'
import { json, jsonServer, plain, troubles, type Answer, type JsonServer, type Trouble } from '../stores/json-server.ts'
import { gate } from './gate.ts'
import { issuerKey, signed } from './issuer.ts'
import { CLIENT, openIdProvider, RESOURCE } from './open-id-provider.ts'
import { AUDIENCE, goodClaims, ISSUER, now, SECRET, token } from './tokens.ts'

const common = { issuer: ISSUER, audience: AUDIENCE }
const INVALID_TOKEN = 'Bearer realm="newsroom", error="invalid_token", error_description="The access token is malformed, expired, revoked or not meant for this service"'

function active (more: Record<string, unknown> = {}): Record<string, unknown> {
  return { active: true, ...goodClaims(), ...more }
}

function send (app: FastifyInstance, credentials: string, url = '/') {
  return app.inject({ url, headers: { authorization: `Bearer ${credentials}` } })
}

function introspected (server: JsonServer, more: Partial<IntrospectionOptions> = {}, options: Partial<BearerOptions<object>> = {}) {
  return bearer({ ...common, introspection: { endpoint: server.url, ...CLIENT, ...more }, ...options } as BearerOptions<object>)
}

/** An application that asks a server about tokens. */
async function gated (t: Test, answer: Answer, more: Partial<IntrospectionOptions> = {}, options: Partial<BearerOptions<object>> = {}) {
  const server = await jsonServer(t, answer)
  const clock = handClock(Date.now())
  const app = await gate(t, [introspected(server, { now: clock.now, ...more }, options)])
  return { server, clock, app }
}

t.test('authn I1: the token is asked about by a POST form with the credentials of the application; I5: and is never in the URL', async (t) => {
  const exp = now() + 600
  const { server, app } = await gated(t, json(active({ exp, scope: 'a:read b:read', token_type: 'bearer', client_id: 'web', acr: 'gold' })))
  const response = await send(app, 'opaque+/~token==')
  t.equal(response.statusCode, 200)
  t.strictSame(response.json().user, { id: 'ada', sub: 'ada', roles: ['editor'], scope: 'a:read b:read', client_id: 'web', acr: 'gold' })
  t.strictSame(response.json().auth, { scheme: 'Bearer', scopes: ['a:read', 'b:read'], authTime: null, acr: 'gold', expiresAt: exp })
  t.match(server.asked, [{
    method: 'POST',
    url: '/',
    headers: {
      'content-type': /^application\/x-www-form-urlencoded/,
      accept: 'application/json',
      authorization: `Basic ${Buffer.from('client:of+the%3A+client+%25').toString('base64')}`,
    },
  }])
  t.strictSame(Object.fromEntries(new URLSearchParams(server.asked[0]?.body)), { token: 'opaque+/~token==', token_type_hint: 'access_token' })
})

t.test('authn I2: a token that is not active is a 401', async (t) => {
  const { app } = await gated(t, json({ active: false, sub: 'ada' }))
  const response = await send(app, 'gone')
  t.equal(response.statusCode, 401)
  t.equal(response.headers['www-authenticate'], INVALID_TOKEN)
  t.match(response.json(), { kind: 'invalid', reason: 'the token is not active' })
})

t.test('authn I1, I2, I5: whatever is wrong with the endpoint, also our own credentials, it is a 503 without a challenge, and no log has the token', async (t) => {
  const elsewhere = await jsonServer(t, json(active()))
  const unanswered: readonly Trouble[] = [{}, [], [true], null, true, 'active', { active: 'true' }, { active: 1 }, { active: null }]
    .map((value) => [JSON.stringify(value), json(value), /did not say whether the token is active$/] as const)
  const all: readonly Trouble[] = [
    ...troubles(elsewhere.url), ...unanswered,
    ['our credentials', json({ error: 'invalid_client' }, 401), /answered 401$/],
    ['our rights', json({}, 403), /answered 403$/],
    ['too many', json({}, 429), /answered 429$/],
    ['active, as an error', json(active(), 500), /answered 500$/],
    ['active, as created', json(active(), 201), /answered 201$/],
    ['an echo', (response, { body }) => plain(body)(response, {} as never), /is not JSON$/],
  ]
  for (const [name, answer, reason, timeout = 5000] of all) {
    const { app } = await gated(t, answer, { timeout: timeout / 1000 })
    const response = await send(app, 'the-token-itself')
    t.equal(response.statusCode, 503, name)
    t.equal(response.headers['www-authenticate'], undefined, name)
    t.match(response.json(), { kind: 'unavailable', reason }, name)
    t.notMatch(response.body, /the-token-itself/, name)
  }
  t.equal(elsewhere.asked.length, 0, 'no redirect is followed, and nobody else gets the token')
})

t.test('authn I3: what the server says is checked as the claims of a JWT are', async (t) => {
  const cases: Array<[Record<string, unknown>, string | null]> = [
    [{}, null],
    [{ iss: undefined }, null],
    [{ token_type: 'Bearer' }, null],
    [{ aud: ['other', AUDIENCE] }, null],
    [{ iat: undefined, nbf: now() - 5 }, null],
    [{ iss: 'https://evil.example' }, 'the issuer is not accepted'],
    [{ iss: null }, 'the issuer is not accepted'],
    [{ aud: undefined }, 'the audience is not accepted'],
    [{ aud: 'other' }, 'the audience is not accepted'],
    [{ exp: undefined }, 'exp is not a date'],
    [{ exp: `${now() + 60}` }, 'exp is not a date'],
    [{ exp: now() - 60 }, 'the token has expired'],
    [{ nbf: now() + 60 }, 'the token is not valid yet'],
    [{ nbf: 'now' }, 'nbf is not a date'],
    [{ sub: undefined }, 'sub is missing or not a text'],
    [{ sub: undefined, client_id: 7 }, 'sub is missing or not a text'],
    [{ sub: undefined, client_id: '' }, 'sub is missing or not a text'],
    [{ sub: undefined, client_id: 'web', username: 'ada' }, 'sub is missing or not a text'],
    [{ sub: null, client_id: 'web' }, 'sub is missing or not a text'],
    [{ sub: '' }, 'sub is missing or not a text'],
    [{ token_type: 'DPoP' }, 'the token is for DPoP, not for a bearer'],
    [{ token_type: 'dpop', cnf: { jkt: 'x' } }, 'the token is for DPoP, not for a bearer'],
    [{ token_type: null }, 'the type of the token is not known'],
    [{ token_type: 7 }, 'the type of the token is not known'],
    [{ token_type: 'mac' }, 'the type of the token is not known'],
    [{ cnf: { jkt: 'x' } }, 'the token is bound to a key, which a bearer does not show'],
    [{ cnf: null }, 'the token is bound to something that cannot be checked'],
    [{ cnf: { 'x5t#S256': 'x' } }, 'the token is bound to a certificate, and none was shown'],
  ]
  for (const [more, reason] of cases) {
    const { app } = await gated(t, json(active(more)))
    const response = await send(app, 'opaque')
    t.equal(response.statusCode, reason === null ? 200 : 401, JSON.stringify(more))
    if (reason !== null) t.equal(response.json().reason, reason)
  }
})

t.test('authn J4: what a client has for itself may have no subject, and is its own', async (t) => {
  for (const more of [{ sub: undefined, client_id: 'ada' }, { client_id: 'ada' }]) {
    const { app } = await gated(t, json(active(more)))
    t.strictSame((await send(app, 'opaque')).json().user, { id: 'client:ada', sub: 'ada', roles: ['editor'], client_id: 'ada' })
  }
})

t.test('authn I3: an answer without an issuer is that of the issuer whose endpoint it is', async (t) => {
  const seen: unknown[] = []
  const { app } = await gated(t, json(active({ iss: undefined })), {}, { issuer: ['one', 'two'], identify: ({ iss }) => { seen.push(iss); return {} } })
  t.equal((await send(app, 'opaque')).statusCode, 200)
  t.strictSame(seen, ['one'])
})

t.test('authn K3: the audience may be left to the server, if one says so', async (t) => {
  for (const aud of [undefined, 'other', AUDIENCE]) {
    const { app } = await gated(t, json(active({ aud })), {}, { audience: false })
    t.equal((await send(app, 'opaque')).statusCode, 200)
  }
})

t.test('authn I4: one request for a token at a time, and none again for half a minute', async (t) => {
  const { server, app, clock } = await gated(t, json(active()))
  const responses = await Promise.all(Array.from({ length: 20 }, () => send(app, 'opaque')))
  t.ok(responses.every(({ statusCode }) => statusCode === 200))
  t.equal(server.asked.length, 1)
  clock.advance(29_999)
  t.equal((await send(app, 'opaque')).statusCode, 200)
  t.equal(server.asked.length, 1)
  server.answer = json({ active: false })
  clock.advance(1)
  t.equal((await send(app, 'opaque')).statusCode, 401, 'a revoked token lives as long as it is remembered')
  t.equal(server.asked.length, 2)
})

t.test('authn I4: a token is not remembered beyond its expiry, whatever it is told to be', async (t) => {
  const { server, app, clock } = await gated(t, json(active({ exp: now() + 20 })), { cacheFor: 600 })
  t.equal((await send(app, 'opaque')).statusCode, 200)
  clock.advance(19_000)
  t.equal((await send(app, 'opaque')).statusCode, 200)
  t.equal(server.asked.length, 1)
  clock.advance(2_000)
  t.equal((await send(app, 'opaque')).statusCode, 200, 'the five seconds by which clocks may differ')
  t.equal(server.asked.length, 2, 'but it is asked about each time')
  clock.advance(5_000)
  t.equal((await send(app, 'opaque')).statusCode, 401)
})

t.test('authn I4: cacheFor 0 asks each time', async (t) => {
  const { server, app } = await gated(t, json(active()), { cacheFor: 0, inactiveFor: 0 })
  for (let i = 0; i < 3; i++) await send(app, 'opaque')
  server.answer = json({ active: false })
  for (let i = 0; i < 3; i++) await send(app, 'opaque')
  t.equal(server.asked.length, 6)
})

t.test('authn I4: a token that is not active is remembered for a short time', async (t) => {
  const { server, app, clock } = await gated(t, json({ active: false }))
  for (let i = 0; i < 10; i++) await send(app, 'opaque')
  t.equal(server.asked.length, 1)
  clock.advance(10_000)
  await send(app, 'opaque')
  t.equal(server.asked.length, 2)
})

t.test('authn I4: as many are remembered as the option says, and invented tokens push no good one out', async (t) => {
  const { server, app } = await gated(t, (response, asked) => json(/good/.test(asked.body) ? active() : { active: false })(response, asked), { cacheSize: 2 })
  await send(app, 'good1')
  for (let i = 0; i < 10; i++) await send(app, `invented${i}`)
  await send(app, 'good1')
  t.equal(server.asked.length, 11)
  await send(app, 'good2')
  await send(app, 'good3')
  await send(app, 'good1')
  t.equal(server.asked.length, 14, 'the first of three was forgotten')
})

t.test('what one request does to its claims is not true for the next', async (t) => {
  const { app } = await gated(t, json(active()), {}, {
    identify (claims) {
      const roles = claims['roles'] as string[]
      const before = [...roles]
      t.throws(() => roles.push('admin'), TypeError)
      return { before }
    },
  })
  const responses = [...await Promise.all([send(app, 'opaque'), send(app, 'opaque')]), await send(app, 'opaque')]
  for (const response of responses) t.strictSame(response.json().user.before, ['editor'])
})

t.test('authn I4: after five failures the endpoint is left alone for a second, which doubles; then one asks for all', async (t) => {
  const { server, app, clock } = await gated(t, json({}, 500))
  for (let i = 0; i < 20; i++) t.equal((await send(app, `opaque${i}`)).statusCode, 503)
  t.equal(server.asked.length, 5)
  t.match((await send(app, 'opaque')).json().reason, /is left alone for a while/)
  clock.advance(999)
  await send(app, 'opaque')
  t.equal(server.asked.length, 5)
  clock.advance(1)
  await Promise.all(Array.from({ length: 20 }, (_, i) => send(app, `opaque${i}`)))
  t.equal(server.asked.length, 6)
  clock.advance(1_999)
  await send(app, 'opaque')
  t.equal(server.asked.length, 6)
  clock.advance(1)
  server.answer = json(active())
  t.equal((await send(app, 'opaque')).statusCode, 200, 'it recovers by itself')
  const responses = await Promise.all(Array.from({ length: 20 }, (_, i) => send(app, `opaque${i}`)))
  t.ok(responses.every(({ statusCode }) => statusCode === 200))
})

t.test('authn I3: what the server calls a refresh token is no access token, however active', async (t) => {
  const { server, app } = await gated(t, json({ ...active(), token_use: 'refresh_token' }))
  t.match((await send(app, 'refresh')).json(), { kind: 'invalid', reason: /token_use/ })
  server.answer = json({ ...active(), token_use: 'access_token' })
  t.equal((await send(app, 'access')).statusCode, 200)
})

t.test('law 10: a token of which the server can make nothing, or says too much, is a 503 by itself and stops nobody else', async (t) => {
  for (const answer of [...[400, 413, 414, 422, 431].map((status) => json({}, status)), json({ ...active(), groups: 'x'.repeat(20_000) })]) {
    const { server, app, clock } = await gated(t, answer)
    for (let i = 0; i < 10; i++) t.equal((await send(app, `strange${i}`)).statusCode, 503)
    await send(app, 'strange0')
    t.equal(server.asked.length, 10, 'and it is not asked about again for a while')
    server.answer = json(active())
    t.equal((await send(app, 'good')).statusCode, 200)
    clock.advance(10_000)
    t.equal((await send(app, 'strange0')).statusCode, 200)
  }
})

t.test('authn I4: many that fail together are one failure of the endpoint', async (t) => {
  const { server, app, clock } = await gated(t, json({}, 500))
  await Promise.all(Array.from({ length: 60 }, (_, i) => send(app, `opaque${i}`)))
  t.equal(server.asked.length, 60)
  clock.advance(1_000)
  await send(app, 'opaque')
  t.equal(server.asked.length, 61, 'a second later it is asked again')
})

t.test('authn I4: a token that remains in the cache is good while the endpoint is down', async (t) => {
  const { server, app } = await gated(t, json(active()))
  await send(app, 'opaque')
  server.answer = json({}, 500)
  t.equal((await send(app, 'other')).statusCode, 503)
  t.equal((await send(app, 'opaque')).statusCode, 200)
})

t.test('whatever clients send, no more than 64 requests are under way', async (t) => {
  const held: Array<() => void> = []
  const { server, app } = await gated(t, (response, asked) => {
    held.push(() => json(active())(response, asked))
    if (held.length === 64) for (const end of held) end()
  })
  const responses = await Promise.all(Array.from({ length: 100 }, (_, i) => send(app, `opaque${i}`)))
  t.equal(server.asked.length, 64)
  t.equal(responses.filter(({ statusCode }) => statusCode === 200).length, 64)
  t.equal(responses.filter((response) => response.statusCode === 503 && /^64 introspection requests/.test(response.json().reason)).length, 36)
})

t.test('a claim __proto__ reaches neither the user nor identify', async (t) => {
  const text = JSON.stringify(active()).replace('{', '{"__proto__":{"admin":true},')
  const { app } = await gated(t, plain(text))
  t.strictSame((await send(app, 'opaque')).json().user, { id: 'ada', sub: 'ada', roles: ['editor'] })
  const identified = await gated(t, plain(text), {}, { identify: (claims) => ({ names: Object.keys(claims), admin: claims['admin'] }) })
  t.strictSame((await send(identified.app, 'opaque')).json().user, { names: ['iss', 'aud', 'exp', 'iat', 'sub', 'roles'] })
})

t.test('a JWT that names another issuer is refused, and that server does not get to see it', async (t) => {
  const key = issuerKey('ES256')
  const { server, app } = await gated(t, json(active()))
  const response = await send(app, signed(key, { ...goodClaims(), iss: 'https://other.example' }))
  t.equal(response.statusCode, 401)
  t.equal(response.json().reason, 'the issuer is not accepted')
  t.equal(server.asked.length, 0)
  for (const own of [signed(key, goodClaims()), signed(key, { sub: 'no issuer' }), 'a.b.c', 'opaque']) t.equal((await send(app, own)).statusCode, 200)
  t.equal(server.asked.length, 4)
})

t.test('tokens that are malformed or too long are not asked about', async (t) => {
  const { server, app } = await gated(t, json(active()))
  for (const wrong of ['', 'a b', 'a"b', 'x'.repeat(8193)]) t.equal((await send(app, wrong)).statusCode, 401)
  t.equal(server.asked.length, 0)
})

t.test('authn K2: beside an issuer of JWTs each token finds its way, and neither depends on the other', async (t) => {
  const server = await jsonServer(t, json(active({ iss: 'https://opaque.example' })))
  const app = await gate(t, [bearer({ ...common, secret: SECRET }), introspected(server, {}, { issuer: 'https://opaque.example' })])
  t.equal((await send(app, token(goodClaims()))).statusCode, 200)
  t.equal((await send(app, token({ ...goodClaims(), exp: now() - 60 }))).statusCode, 401)
  t.equal(server.asked.length, 0)
  t.equal((await send(app, 'opaque')).statusCode, 200)
  server.answer = json({}, 500)
  t.equal((await send(app, 'another')).statusCode, 503)
  t.equal((await send(app, token(goodClaims()))).statusCode, 200)
})

t.test('law 7, 10: through the plugin the client learns only that it cannot be known, and when to come back', async (t) => {
  const server = await jsonServer(t, json({ error: 'of the server' }, 401))
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(gatehouse, { realm: 'newsroom', schemes: [introspected(server)] })
  app.get('/me', { config: { access: authenticated() } }, (request) => request.user)
  const response = await send(app, 'opaque', '/me')
  t.equal(response.statusCode, 503)
  t.match(response.headers['retry-after'], /^[1-9]\d*$/)
  t.equal(response.headers['www-authenticate'], undefined)
  t.notMatch(response.body, /127\.0\.0\.1|401|introspection|opaque/)
})

t.test('whatever the server answers, only an active token with claims that hold makes a user', async (t) => {
  const server = await jsonServer(t, json({}))
  const junk = fc.oneof(fc.jsonValue({ maxDepth: 1 }), fc.double(), fc.string())
  const either = (good: fc.Arbitrary<unknown>) => fc.oneof({ weight: 12, arbitrary: good }, { weight: 1, arbitrary: junk })
  const claims = fc.record({
    active: either(fc.constantFrom(true, true, true, false)),
    iss: either(fc.constant(ISSUER)),
    aud: either(fc.constantFrom(AUDIENCE, [AUDIENCE])),
    exp: either(fc.constantFrom(now() + 600, now() + 6000, now() - 60)),
    sub: either(fc.constant('ada')),
    token_type: either(fc.constantFrom('Bearer', 'bearer')),
    nbf: either(fc.constant(0)),
  }, { requiredKeys: ['active', 'exp', 'sub'] })
  let users = 0
  await fc.assert(fc.asyncProperty(fc.oneof({ weight: 9, arbitrary: claims }, fc.jsonValue({ maxDepth: 2 })), async (answer) => {
    server.answer = json(answer)
    const scheme = introspected(server)
    await scheme.prepare?.()
    const verdict = await scheme.verify('opaque', {} as FastifyRequest)
    const said = JSON.parse(JSON.stringify(answer)) as Record<string, unknown> | null
    if (verdict.kind === 'user') users++
    if (said?.['active'] === false) return verdict.kind === 'invalid'
    if (said?.['active'] !== true) return verdict.kind === 'unavailable'
    const holds = (said['iss'] === undefined || said['iss'] === ISSUER) && [said['aud']].flat().includes(AUDIENCE) && Number(said['exp']) > Date.now() / 1000 && typeof said['sub'] === 'string'
    return verdict.kind === 'user' ? holds : verdict.kind === 'invalid'
  }), { numRuns: 300 })
  t.ok(users > 20, `${users} of them were users`)
})

t.test('options that make no sense stop the start and name the mend, and no secret is repeated', (t) => {
  const introspection = { endpoint: 'https://issuer.example/introspect', ...CLIENT }
  const wrong: Array<[unknown, RegExp]> = [
    [{ ...common, introspection, secret: SECRET }, /give one of secret, publicKey, jwks, introspection; secret and introspection were given/],
    [{ ...common, introspection, jwks: 'https://issuer.example' }, /jwks and introspection were given/],
    [{ ...common, introspection, algorithms: ['RS256'] }, /`algorithms` is for tokens that are verified here/],
    [{ ...common, introspection: introspection.endpoint }, /bearer\(\) introspection: the options must be an object with endpoint, clientId/],
    [{ ...common, introspection: { ...introspection, endpoint: undefined } }, /introspection endpoint: undefined was given; allowed is a URL or its text/],
    [{ ...common, introspection: { ...introspection, endpoint: 'http://issuer.example' } }, /allowed is a URL with https:/],
    [{ ...common, introspection: { ...introspection, clientID: 'x' } }, /there is no option 'clientID'; .* Did you mean "clientId"\?/],
    [{ ...common, introspection: { ...introspection, clientId: '' } }, /introspection: `clientId` is required/],
    [{ ...common, introspection: { ...introspection, clientSecret: 7 } }, /`clientSecret` is required/],
    [{ ...common, introspection: { ...introspection, clientSecret: undefined } }, /`clientSecret` is required/],
    [{ ...common, introspection: { ...introspection, cacheFor: 3601 } }, /cacheFor: 3601 was given; allowed is a number of seconds from 0 to 3600/],
    [{ ...common, introspection: { ...introspection, inactiveFor: -1 } }, /inactiveFor: -1 was given/],
    [{ ...common, introspection: { ...introspection, cacheSize: 0 } }, /cacheSize: 0 was given; allowed is a whole number of tokens/],
    [{ ...common, introspection: { ...introspection, timeout: 61 } }, /timeout: 61 was given/],
    [{ ...common, introspection: { ...introspection, now: 'now' } }, /now: 'now' was given; allowed is a function/],
    [{ ...common, introspection, audience: undefined }, /`audience` is required/],
    [{ ...common, introspection, audience: true }, /`audience` is required/],
    [{ ...common, introspection, issuer: undefined }, /`issuer` is required/],
  ]
  for (const [options, message] of wrong) {
    t.throws(() => bearer(options as never), { code: 'FST_GATEHOUSE_OPTION', message }, String(message))
    try {
      bearer(options as never)
    } catch (error) {
      t.notOk((error as Error).message.includes(CLIENT.clientSecret))
    }
  }
  t.doesNotThrow(() => bearer({ ...common, introspection: { ...introspection, endpoint: new URL(introspection.endpoint), cacheFor: undefined, now: undefined } }))
  t.end()
})

t.test('a real server (oidc-provider): its opaque tokens are good until they are revoked', async (t) => {
  const provider = await openIdProvider(t, 'opaque')
  const clock = handClock(Date.now())
  const introspection = { endpoint: `${provider.issuer}/token/introspection`, ...CLIENT, now: clock.now }
  const app = await gate(t, [bearer({ issuer: provider.issuer, audience: RESOURCE, introspection })])
  const opaque = await provider.tokenOf('ada')
  t.match((await send(app, opaque)).json(), { kind: 'user', user: { id: 'ada', client_id: 'client' }, auth: { scopes: ['a:read'] } })
  t.equal((await send(app, 'invented')).statusCode, 401)
  await provider.revoke(opaque)
  clock.advance(30_000)
  t.match((await send(app, opaque)).json(), { kind: 'invalid', reason: 'the token is not active' })
  const strangers = await gate(t, [bearer({ issuer: provider.issuer, audience: RESOURCE, introspection: { ...introspection, clientSecret: 'wrong' } })])
  t.match((await send(strangers, opaque)).json(), { kind: 'unavailable', reason: /answered 401$/ })
})
