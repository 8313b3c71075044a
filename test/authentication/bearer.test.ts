import { createHmac, createSecretKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import t from 'tap'
import fc from 'fast-check'
import fastifyJwt, { type JWT } from '@fastify/jwt'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { AnyScheme, Challenge } from '../../lib/authentication/scheme.ts'
import { parseChallenges } from '../../lib/authentication/challenge-parser.ts'
import { basic, bearer, type BearerOptions } from '../../lib/authentication/schemes/index.ts'
import { gate, rawGet } from './gate.ts'
import { AUDIENCE, goodClaims, ISSUER, now, SECRET, signingInput, token, tokenWith } from './tokens.ts'

const common = { issuer: ISSUER, audience: AUDIENCE }
const local = { ...common, secret: SECRET }
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const pem = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }) as string
const without = (...names: string[]) => Object.fromEntries(Object.entries(goodClaims()).filter(([name]) => !names.includes(name)))

const INVALID_TOKEN = 'Bearer realm="newsroom", error="invalid_token", error_description="The access token is malformed, expired, revoked or not meant for this service"'

function send (app: FastifyInstance, credentials: string) {
  return app.inject({ url: '/', headers: { authorization: `Bearer ${credentials}` } })
}

t.test('authn B1: a stranger gets a realm and no error', async (t) => {
  const app = await gate(t, [bearer(local)])
  const response = await app.inject('/')
  t.equal(response.statusCode, 401)
  t.equal(response.headers['www-authenticate'], 'Bearer realm="newsroom"')
})

t.test('a good token is its user: the claims about the user, and the subject as id', async (t) => {
  const app = await gate(t, [bearer(local)])
  const claims = { ...goodClaims(), jti: 'x', nbf: now() - 10, scope: 'a:read b:read', auth_time: 1_700_000_000, acr: 'gold' }
  const response = await send(app, token(claims))
  t.equal(response.statusCode, 200)
  t.strictSame(response.json().user, { id: 'ada', sub: 'ada', roles: ['editor'], scope: 'a:read b:read', auth_time: 1_700_000_000, acr: 'gold' })
  t.strictSame(response.json().auth, { scheme: 'Bearer', scopes: ['a:read', 'b:read'], authTime: 1_700_000_000, acr: 'gold', expiresAt: claims['exp' as keyof typeof claims] })
})

t.test("a token signed by the application's own @fastify/jwt is good, in the same process", async (t) => {
  const app = await gate(t, [bearer(local)])
  await app.register(fastifyJwt, { secret: SECRET, sign: { iss: ISSUER, aud: AUDIENCE, expiresIn: '10m' } })
  await app.ready()
  t.match((await send(app, (app.jwt as JWT).sign({ sub: 'ada' }))).json(), { kind: 'user', user: { id: 'ada' } })
})

t.test('authn H2: the scheme is read in any case; authn H3: with any number of spaces behind it', async (t) => {
  const app = await gate(t, [bearer(local)])
  for (const line of [`bearer ${token(goodClaims())}`, `bEaReR     ${token(goodClaims())}`]) {
    t.equal((await rawGet(app, [`aUTHORIZATION: ${line}`])).status, 200)
  }
})

t.test('authn H3, B8: a token that is missing, too long or not token68 is a 401 invalid_token, and nothing is verified', async (t) => {
  const app = await gate(t, [bearer(local)])
  const good = token(goodClaims())
  for (const line of ['Bearer', 'Bearer ', 'Bearer   ', `Bearer ${good} x`, `Bearer ${good},`, 'Bearer "abc"', 'Bearer \tabc', 'Bearer a\xff', 'Bearer a=b', `Bearer ${'x'.repeat(8193)}`, `Bearer ${good}, realm="x"`]) {
    const response = await rawGet(app, [`Authorization: ${line}`])
    t.equal(response.status, 401, line.slice(0, 40))
    t.ok(response.head.includes(`www-authenticate: ${INVALID_TOKEN}`), line.slice(0, 40))
    t.match(JSON.parse(response.body), { kind: 'invalid', reason: /^(there is no token, or|the token is longer than 8192)/ })
  }
})

t.test('authn B8: the longest token is an option', async (t) => {
  const good = token(goodClaims())
  const app = await gate(t, [bearer({ ...local, maxLength: good.length })])
  t.equal((await send(app, good)).statusCode, 200)
  t.equal((await send(app, token({ ...goodClaims(), more: 'x' }))).statusCode, 401)
})

t.test('authn K4: a token is three segments of base64url', async (t) => {
  const app = await gate(t, [bearer(local)])
  const good = token(goodClaims())
  const [head, body, signature] = good.split('.') as [string, string, string]
  for (const wrong of ['x', 'a.b', '...', '..', `${head}.${body}.`, `${head}..${signature}`, `.${body}.${signature}`, `${good}.`, `${good}.x.y`, `${head}.${body}.${signature}=`, `${head}.${body}.${signature}+`, `${head}~.${body}.${signature}`]) {
    const response = await send(app, wrong)
    t.equal(response.statusCode, 401, wrong)
    t.equal(response.json().reason, 'the token is not three segments of base64url', wrong)
  }
})

t.test('authn F2: iss, aud and exp are required, and aud and iss must be ours', async (t) => {
  const app = await gate(t, [bearer(local)])
  for (const claim of ['iss', 'aud', 'exp', 'sub']) t.equal((await send(app, token(without(claim)))).statusCode, 401, `no ${claim}`)
  const wrong: Array<Record<string, unknown>> = [
    { iss: 'https://evil.example' }, { iss: [ISSUER] }, { iss: null }, { aud: 'other' }, { aud: [] }, { aud: [AUDIENCE, 7] }, { aud: null }, { aud: { newsroom: true } }, { aud: '' },
    { exp: now() - 60 }, { sub: '' }, { sub: 7 }, { sub: null }, { sub: 'x'.repeat(1025) },
  ]
  for (const claims of wrong) {
    const response = await send(app, token({ ...goodClaims(), ...claims }))
    t.equal(response.statusCode, 401, JSON.stringify(claims).slice(0, 60))
    t.equal(response.headers['www-authenticate'], INVALID_TOKEN)
  }
  t.equal((await send(app, token({ ...goodClaims(), aud: ['other', AUDIENCE] }))).statusCode, 200)
})

t.test('issuer and audience may be lists', async (t) => {
  const app = await gate(t, [bearer({ secret: SECRET, issuer: ['one', 'two'], audience: ['a', 'b'] })])
  t.equal((await send(app, token({ ...goodClaims(), iss: 'two', aud: 'b' }))).statusCode, 200)
  t.equal((await send(app, token({ ...goodClaims(), iss: 'two', aud: 'c' }))).statusCode, 401)
})

t.test('authn F3, K7: whatever a token holds, a wrong one is a 401 with a fixed challenge, and the log gets a fixed reason', async (t) => {
  const app = await gate(t, [bearer(local)])
  const good = goodClaims()
  const unsigned = (header: unknown, payload: unknown, signature = 'x') => `${signingInput(header, payload)}.${signature}`
  const wrong: Array<[name: string, token: string, reason: string]> = [
    ['expired', token({ ...good, exp: now() - 60 }), 'the token has expired'],
    ['nbf in the future', token({ ...good, nbf: now() + 3600 }), 'the token is not valid yet'],
    ['nbf 1e30', token({ ...good, nbf: 1e30 }), 'the token was refused'],
    ['exp -1e30', token({ ...good, exp: -1e30 }), 'the token was refused'],
    ['exp 1e30', token({ ...good, exp: 1e30 }), 'exp is not a date'],
    ['exp 1e400', token(JSON.stringify(good).replace(/"exp":\d+/, '"exp":1e400')), 'exp is not a date'],
    ['exp a fraction', token({ ...good, exp: now() + 60.5 }), 'exp is not a date'],
    ['exp negative', token({ ...good, exp: -1 }), 'the token has expired'],
    ['exp a text', token({ ...good, exp: `${now() + 60}` }), 'a claim is of the wrong type'],
    ['exp null', token({ ...good, exp: null }), 'a claim is of the wrong type'],
    ['exp a list', token({ ...good, exp: [now() + 60] }), 'the issuer or the audience is not accepted'],
    ['iat a text', token({ ...good, iat: 'now' }), 'iat is not a date'],
    ['nbf negative', token({ ...good, nbf: -1 }), 'nbf is not a date'],
    ['payload a list', token([good]), 'the claims are not an object'],
    ['payload a text', token('"text"'), 'the claims are not an object'],
    ['payload null', token('null'), 'the claims are not an object'],
    ['payload no JSON', token('{'), 'the token cannot be decoded'],
    ['header no JSON', `${Buffer.from('{').toString('base64url')}.e30.x`, 'the token cannot be decoded'],
    ['crit', token(good, { crit: ['exp'] }), 'a critical header is not understood'],
    ['crit no list', token(good, { crit: 'b64' }), 'a critical header is not understood'],
    ['crit b64', token(good, { crit: ['b64'], b64: false }), 'a critical header is not understood'],
    ['alg none', unsigned({ alg: 'none' }, good), 'the algorithm is not accepted'],
    ['alg NoNe', unsigned({ alg: 'NoNe' }, good), 'the algorithm is not accepted'],
    ['alg HS512 where HS256 is accepted', token(good, { alg: 'HS512' }), 'the algorithm is not accepted'],
    ['alg RS256 where a secret is known', tokenWith(rsa.privateKey, 'RS256', good), 'the algorithm is not accepted'],
    ['alg a list', token(good, { alg: ['HS256'] }), 'the algorithm is not accepted'],
    ['alg missing', unsigned({}, good), 'the algorithm is not accepted'],
    ['another secret', token(good, {}, 'another secret of more than 32 bytes.'), 'the signature is wrong'],
    ['another payload', token(good).replace(/\.[^.]+\./, `.${Buffer.from(JSON.stringify({ ...good, sub: 'root' })).toString('base64url')}.`), 'the signature is wrong'],
    ['iss missing', token(without('iss')), 'iss, aud or exp is missing'],
    ['iss another', token({ ...good, iss: 'x' }), 'the issuer or the audience is not accepted'],
    ['iss false', token({ ...good, iss: false }), 'a claim is of the wrong type'],
    ['sub missing', token(without('sub')), 'sub is missing or not a text'],
  ]
  for (const [name, credentials, reason] of wrong) {
    const response = await send(app, credentials)
    t.equal(response.statusCode, 401, name)
    t.equal(response.headers['www-authenticate'], INVALID_TOKEN, name)
    t.equal(response.json().reason, reason, name)
  }
})

t.test('authn K1: an algorithm is accepted only with a key that it fits', async (t) => {
  const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve })
  const pairs = { rsa, p256: ec('P-256'), p384: ec('P-384'), p521: ec('P-521'), ed: generateKeyPairSync('ed25519'), ed448: generateKeyPairSync('ed448') }
  const good = goodClaims()
  const cases: Array<[keyof typeof pairs, string, string[] | undefined, number]> = [
    ['rsa', 'RS256', undefined, 200], ['rsa', 'PS256', undefined, 200], ['rsa', 'RS512', undefined, 401], ['rsa', 'RS512', ['RS512'], 200], ['rsa', 'RS256', ['PS256'], 401],
    ['p256', 'ES256', undefined, 200], ['p384', 'ES384', undefined, 200], ['p521', 'ES512', undefined, 200], ['ed', 'EdDSA', undefined, 200], ['ed448', 'EdDSA', undefined, 200],
  ]
  for (const [name, algorithm, algorithms, status] of cases) {
    const { publicKey, privateKey } = pairs[name]
    const app = await gate(t, [bearer({ ...common, publicKey: pem(publicKey), algorithms })])
    t.equal((await send(app, tokenWith(privateKey, algorithm, good))).statusCode, status, `${name} ${algorithm}`)
    t.equal((await send(app, token(good, {}, pem(publicKey)))).statusCode, 401, `${name}: HMAC with the public key as the secret`)
    t.equal((await send(app, token(good, { alg: algorithm }, pem(publicKey)))).statusCode, 401, `${name}: the same under the name ${algorithm}`)
  }
  const other = await gate(t, [bearer({ ...common, publicKey: rsa.publicKey })])
  t.equal((await send(other, tokenWith(rsa.privateKey, 'RS256', good))).statusCode, 200, 'a KeyObject will do')
  t.equal((await send(other, tokenWith(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey, 'RS256', good))).statusCode, 401)
})

t.test('authn K1: longer secrets serve the longer algorithms', async (t) => {
  const secret = Buffer.alloc(64, 7)
  const app = await gate(t, [bearer({ ...common, secret, algorithms: ['HS512'] })])
  secret.fill(0)
  const input = signingInput({ alg: 'HS512' }, goodClaims())
  t.equal((await send(app, `${input}.${createHmac('sha512', Buffer.alloc(64, 7)).update(input).digest('base64url')}`)).statusCode, 200, 'the secret is copied')
})

t.test('authn K7: clocks may differ by five seconds, or by what the option says', async (t) => {
  const [five, none] = [await gate(t, [bearer(local)]), await gate(t, [bearer({ ...local, clockTolerance: 0 })])]
  const late = token({ ...goodClaims(), exp: now() - 2 })
  t.equal((await send(five, late)).statusCode, 200)
  t.equal((await send(none, late)).statusCode, 401)
  t.equal((await send(five, token({ ...goodClaims(), exp: now() - 10 }))).statusCode, 401)
  t.equal((await send(five, token({ ...goodClaims(), nbf: now() + 3 }))).statusCode, 200)
  t.equal((await send(five, token({ ...goodClaims(), nbf: now() + 30 }))).statusCode, 401)
})

t.test('the application may say who is known by a token, at once or later; nobody is a 401, and failing is a 503', async (t) => {
  const ask = async (identify: NonNullable<BearerOptions<object>['identify']>) => send(await gate(t, [bearer({ ...local, identify })]), token(goodClaims()))
  const found = await ask((claims, request) => ({ name: claims.sub.toUpperCase(), path: request.url }))
  t.strictSame(found.json().user, { name: 'ADA', path: '/' })
  t.strictSame((await ask(async ({ sub }) => ({ name: sub }))).json().user, { name: 'ada' })
  t.strictSame((await ask(({ sub }) => ({ then: (done: (user: object) => void) => done({ name: sub }) }) as never)).json().user, { name: 'ada' }, 'a query builder is no user')
  for (const nobody of [() => null, () => undefined, async () => null]) {
    const response = await ask(nobody)
    t.equal(response.statusCode, 401)
    t.equal(response.headers['www-authenticate'], INVALID_TOKEN)
    t.equal(response.json().reason, 'nobody is known by this token')
  }
  for (const broken of [() => { throw new Error('down') }, async () => { throw new Error('down') }, () => 'ada' as never, () => false as never]) {
    t.equal((await ask(broken)).statusCode, 503)
  }
})

t.test('nobody is asked about a token that is not good', async (t) => {
  let asked = 0
  const app = await gate(t, [bearer({ ...local, identify: () => { asked++; return {} } })])
  await send(app, token({ ...goodClaims(), exp: now() - 60 }))
  await send(app, token({ ...goodClaims(), sub: '' }))
  t.equal(asked, 0)
})

t.test('a claim __proto__ reaches neither the user nor identify', async (t) => {
  const payload = `{"__proto__":{"admin":true},${JSON.stringify(goodClaims()).slice(1)}`
  const plain = await send(await gate(t, [bearer(local)]), token(payload))
  t.strictSame(plain.json().user, { id: 'ada', sub: 'ada', roles: ['editor'] })
  const identified = await send(await gate(t, [bearer({ ...local, identify: (claims) => ({ names: Object.keys(claims) }) })]), token(payload))
  t.strictSame(identified.json().user.names, ['iss', 'aud', 'exp', 'iat', 'sub', 'roles'])
})

t.test('two issuers may share a route: each token is judged by its own', async (t) => {
  const other = bearer({ secret: 'the secret of another issuer, long enough', issuer: 'other', audience: AUDIENCE })
  const app = await gate(t, [bearer(local), other])
  t.equal((await send(app, token(goodClaims()))).statusCode, 200)
  t.equal((await send(app, token({ ...goodClaims(), iss: 'other' }, {}, 'the secret of another issuer, long enough'))).statusCode, 200)
  t.equal((await send(app, token({ ...goodClaims(), iss: 'other' }))).statusCode, 401, 'authn K2: the key of one issuer does not vouch for the other')
  const wrong = await send(app, 'x')
  t.equal(wrong.headers['www-authenticate'], INVALID_TOKEN, 'authn B5: one challenge, one error')
})

t.test('authn H6: Bearer and Basic have a challenge each, the token scheme first, the error only with the one that was tried', async (t) => {
  const app = await gate(t, [basic({ verify: () => null }), bearer(local)])
  const none = await rawGet(app, [])
  t.match(none.head, 'www-authenticate: Bearer realm="newsroom"\r\nwww-authenticate: Basic realm="newsroom", charset="UTF-8"')
  const wrong = await rawGet(app, ['Authorization: Bearer x'])
  t.match(wrong.head, `www-authenticate: ${INVALID_TOKEN}\r\nwww-authenticate: Basic realm="newsroom", charset="UTF-8"`)
  t.equal((await rawGet(app, ['Authorization: Bearer x', 'Authorization: Basic dTpw'])).status, 400)
})

t.test('step-up and scope have their challenges', async (t) => {
  const scheme: AnyScheme = bearer(local)
  t.match(scheme, { name: 'Bearer', family: 'token', guessable: false, oauth: true, varyOn: ['Authorization'] })
  await scheme.prepare?.()
  t.strictSame((scheme.challenge({ kind: 'error', error: 'insufficient_user_authentication', extra: { acr_values: 'gold', max_age: '300' } }, { request: {} as FastifyRequest, realm: 'newsroom' }) as Challenge).params.map(([name]) => name), ['realm', 'error', 'error_description', 'acr_values', 'max_age'])
})

t.test('a scheme may be prepared by several plugins, and one that nobody prepared lets nobody in', async (t) => {
  const scheme = bearer(local)
  t.throws(() => scheme.verify(token(goodClaims()), {} as FastifyRequest), { message: /before it was prepared/ })
  await Promise.all([scheme.prepare?.(), scheme.prepare?.()])
  await scheme.prepare?.()
  t.match(scheme.verify(token(goodClaims()), {} as FastifyRequest), { kind: 'user' })
})

t.test('authn K5: options that make no sense stop the start and name the mend, and no secret is repeated', async (t) => {
  const ec = generateKeyPairSync('ec', { namedCurve: 'secp256k1' })
  const pss = generateKeyPairSync('rsa-pss', { modulusLength: 2048 })
  const small = generateKeyPairSync('rsa', { modulusLength: 1024 })
  const wrong: Array<[unknown, RegExp]> = [
    [undefined, /bearer\(\): the options must be an object with secret, publicKey/],
    [SECRET, /must be an object/],
    [{ ...local, isuer: 'x' }, /bearer\(\): there is no option 'isuer'; .* Did you mean "issuer"\?/],
    [common, /give `secret` \(at least 32 bytes\) or `publicKey` \(PEM\); neither was given/],
    [{ ...common, secret: undefined }, /neither was given/],
    [{ ...local, publicKey: pem(rsa.publicKey) }, /give one of secret, publicKey, jwks, introspection; secret and publicKey were given/],
    [{ ...common, secret: null }, /`secret` must be a text or a Buffer, not null/],
    [{ ...common, secret: 7 }, /not number/],
    [{ ...common, secret: createSecretKey(Buffer.alloc(32)) }, /not object/],
    [{ ...common, secret: '' }, /`secret` has 0 bytes; HS256 needs at least 32/],
    [{ ...common, secret: 'your-256-bit-secret' }, /has 19 bytes; HS256 needs at least 32 \(RFC 7518 section 3\.2\)/],
    [{ ...common, secret: Buffer.alloc(31) }, /has 31 bytes/],
    [{ ...common, secret: SECRET, algorithms: ['HS256', 'HS512'] }, /HS256, HS512 needs at least 64/],
    [{ ...common, secret: 'a-string-secret-at-least-256-bits-long' }, /published sample that everybody knows/],
    [{ ...common, secret: pem(rsa.publicKey) }, /`secret` is a key in PEM or JWK form/],
    [{ ...common, secret: JSON.stringify(rsa.publicKey.export({ format: 'jwk' })) }, /`secret` is a key in PEM or JWK form/],
    [{ ...local, algorithms: ['hs256'] }, /the algorithm "hs256" does not fit a secret\. Did you mean "HS256"\? Allowed: HS256, HS384, HS512/],
    [{ ...local, algorithms: ['none'] }, /the algorithm "none" does not fit a secret/],
    [{ ...local, algorithms: ['RS256'] }, /does not fit a secret/],
    [{ ...local, algorithms: [] }, /`algorithms` is required: a text, or a list of texts/],
    [{ ...common, publicKey: pem(rsa.publicKey), algorithms: ['HS256'] }, /the algorithm "HS256" does not fit an RSA key/],
    [{ ...common, publicKey: pem(rsa.publicKey), algorithms: ['ES256'] }, /does not fit an RSA key/],
    [{ ...common, publicKey: 'x' }, /`publicKey` could not be read/],
    [{ ...common, publicKey: 7 }, /`publicKey` must be a PEM text, a Buffer of it, or a KeyObject, not number/],
    [{ ...common, publicKey: null }, /KeyObject, not null/],
    [{ ...common, publicKey: rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }) }, /`publicKey` is a private key/],
    [{ ...common, publicKey: rsa.privateKey }, /`publicKey` is a private key/],
    [{ ...common, publicKey: createSecretKey(Buffer.alloc(32)) }, /`publicKey` is a secret key/],
    [{ ...common, publicKey: pem(ec.publicKey) }, /is of the kind secp256k1; tokens are verified with/],
    [{ ...common, publicKey: pem(pss.publicKey) }, /is of the kind rsa-pss/],
    [{ ...common, publicKey: Buffer.from(pem(small.publicKey)) }, /RSA key of 1024 bits; at least 2048/],
    [{ secret: SECRET, audience: 'a' }, /`issuer` is required/],
    [{ ...local, issuer: '' }, /`issuer` is required/],
    [{ ...local, issuer: [] }, /`issuer` is required/],
    [{ ...local, issuer: /x/ }, /`issuer` is required/],
    [{ ...local, audience: ['a', ''] }, /`audience` is required/],
    [{ ...local, audience: undefined }, /`audience` is required/],
    [{ ...local, clockTolerance: -1 }, /bearer\(\) clockTolerance: -1 was given; allowed is a number of seconds from 0 to 300/],
    [{ ...local, clockTolerance: Number.NaN }, /NaN was given/],
    [{ ...local, clockTolerance: '5' }, /'5' was given/],
    [{ ...local, clockTolerance: 301 }, /from 0 to 300/],
    [{ ...local, maxLength: 10.5 }, /maxLength: 10\.5 was given; allowed is a whole number of characters from 1 to 65536/],
    [{ ...local, maxLength: 0 }, /maxLength: 0 was given/],
    [{ ...local, identify: 'ada' }, /identify: 'ada' was given; allowed is a function/],
  ]
  for (const [options, message] of wrong) {
    t.throws(() => bearer(options as never), { code: 'FST_GATEHOUSE_OPTION', message }, String(message))
    try {
      bearer(options as never)
    } catch (error) {
      const secret = typeof options === 'string' ? options : (options as { secret?: unknown } | undefined)?.secret
      if (typeof secret === 'string' && secret !== '') t.notOk((error as Error).message.includes(secret))
    }
  }
  t.doesNotThrow(() => bearer({ ...local, algorithms: undefined, clockTolerance: undefined, maxLength: undefined, identify: undefined }))
})

t.test('law 2: whatever stands in Authorization, the answer is nothing, invalid or two, with a well-formed challenge, and never a 500', async (t) => {
  const app = await gate(t, [bearer(local), basic({ verify: () => null })])
  const good = token(goodClaims())
  const character = fc.constantFrom('B', 'a', 's', '.', '=', '/', '+', ' ', '-', ':', ',', '"', '\\', '\xff', '\t', 'ey')
  const rest = fc.oneof(
    fc.string({ unit: character }),
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.tuple(fc.nat(good.length - 1), character).map(([at, piece]) => `${good.slice(0, at)}${piece}${good.slice(at + 1)}`).filter((text) => text !== good && text.split('.')[2] === good.split('.')[2])
  )
  const value = fc.oneof(fc.string({ unit: character }), rest.map((text) => `Bearer ${text}`), rest.map((text) => `basic ${text}`))
  await fc.assert(fc.asyncProperty(fc.array(value, { minLength: 1, maxLength: 3 }), async (lines) => {
    const response = await app.inject({ url: '/', headers: { authorization: lines as unknown as string } })
    const { kind } = response.json()
    if (kind === 'two') return response.statusCode === 400 && lines.length > 1
    const challenges = [response.headers['www-authenticate']].flat().map((line) => parseChallenges(String(line)))
    return response.statusCode === 401 && (kind === 'nothing' || kind === 'invalid') && challenges.length === 2 && challenges.every((list) => list?.length === 1)
  }), { numRuns: 200 })
  t.pass()
})

t.test('whatever claims are rightly signed, they never throw, and make a user exactly if they hold', async (t) => {
  const scheme = bearer(local)
  await scheme.prepare?.()
  const request = {} as FastifyRequest
  const junk = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.double(), fc.integer(), fc.string())
  const either = (good: fc.Arbitrary<unknown>) => fc.option(fc.oneof({ weight: 4, arbitrary: good }, { weight: 1, arbitrary: junk }), { nil: undefined, freq: 10 })
  const claims = fc.record({
    iss: either(fc.constant(ISSUER)),
    aud: either(fc.constantFrom(AUDIENCE, [AUDIENCE], [AUDIENCE, 'other'])),
    exp: either(fc.integer({ min: now() + 600, max: now() + 10_000 })),
    nbf: either(fc.integer({ min: 0, max: now() - 600 })),
    iat: either(fc.integer({ min: 0, max: now() })),
    sub: either(fc.string({ minLength: 1 })),
    scope: junk,
    scp: junk,
    auth_time: junk,
    acr: junk,
  }, { requiredKeys: [] })
  const isDate = (value: unknown) => Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 8.64e12
  let users = 0
  fc.assert(fc.property(fc.tuple(claims, fc.dictionary(fc.string(), junk)), ([registered, more]) => {
    const payload = JSON.parse(JSON.stringify({ ...more, ...registered }))
    const audiences: unknown[] = Array.isArray(payload.aud) ? payload.aud : [payload.aud]
    const holds = payload.iss === ISSUER && audiences.includes(AUDIENCE) && audiences.every((audience) => typeof audience === 'string') &&
      isDate(payload.exp) && payload.exp > now() - 5 && (payload.nbf === undefined || (isDate(payload.nbf) && payload.nbf < now() + 5)) &&
      (payload.iat === undefined || isDate(payload.iat)) && typeof payload.sub === 'string' && payload.sub !== '' && payload.sub.length <= 1024
    const verdict = scheme.verify(token(payload), request)
    if (verdict instanceof Promise) return false
    if (verdict.kind === 'user') users++
    return holds ? verdict.kind === 'user' && verdict.user.id === payload.sub : verdict.kind === 'invalid' && verdict.error === 'invalid_token'
  }), { numRuns: 1000 })
  t.ok(users > 20, `${users} of them were users`)
})
