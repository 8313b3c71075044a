/** What the checklist of authentication asks of the plugin as a whole, over real schemes. */
import cors from '@fastify/cors'
import { calculateThumbprint, generateKeyPair, generateProof } from 'dpop'
import t from 'tap'
import type { FastifyReply, FastifyRequest } from 'fastify'
import gatehouse, { allOf, authenticated, can, optional, refusal, resource, scope, stepUp } from '../../lib/index.ts'
import { accessTokens, basic, bearer, dpop } from '../../lib/authentication/schemes/index.ts'
import { definePolicy } from '../../lib/policies/define.ts'
import { bare, keys, porch } from '../core/porch.ts'
import { json, jsonServer } from '../stores/json-server.ts'
import { AUDIENCE, goodClaims, ISSUER, now, SECRET, token } from './tokens.ts'

const byToken = () => bearer({ secret: SECRET, issuer: ISSUER, audience: AUDIENCE })
const byPassword = () => basic({ verify: () => null })
const as = (more: object = {}) => ({ authorization: `Bearer ${token({ ...goodClaims(), ...more })}` })

const POLICIES = [definePolicy({ role: 'editor', rules: [{ action: 'read', subject: 'Memo', conditions: { owner: '$user.id' } }] })]
const memo = resource('Memo', { param: 'id', hidden: true, load: (id) => id === '9' ? null : { owner: id === '1' ? 'ada' : 'bea' } })

t.test('authn H7: token schemes are challenged first, otherwise the configured order stands; authn H6: each on a line of its own', async (t) => {
  const app = await porch(t, { schemes: [byPassword(), keys({ name: 'Door', family: 'other' }), byToken()] }, (app) => app.get('/', { config: { access: authenticated() } }, () => 'x'))
  const { headers } = await app.inject('/')
  t.match(headers['www-authenticate'], [/^Bearer /, /^Basic /, /^Key /])
})

t.test('authn H8, H9, H10: right credentials that do not suffice are a 403, challenged only for a scope; nothing is ever a 407', async (t) => {
  const app = await porch(t, { schemes: [byToken()], policies: POLICIES }, (app) => {
    app.get('/ok', { config: { access: authenticated() } }, () => 'x')
    app.get('/scope', { config: { access: scope('a:read') } }, () => 'x')
    app.get('/memos/:id', { config: { access: can('read', memo) } }, () => 'x')
    app.get('/never', { config: { access: authenticated() } }, () => { throw refusal('insufficient_permissions', { reason: 'r' }) })
  })
  const answers = await Promise.all(['/ok', '/scope', '/memos/2', '/memos/9', '/never', '/nowhere'].map((url) => app.inject({ url, headers: as() })))
  t.same(answers.map(({ statusCode }) => statusCode), [200, 403, 404, 404, 403, 404])
  t.same(answers.map(({ headers }) => headers['www-authenticate'] !== undefined), [false, true, false, false, false, false])
  for (const { headers } of answers) t.equal(headers['proxy-authenticate'], undefined)
})

t.test('authn B9: of a hidden resource no scope is told, neither in the body nor in a challenge', async (t) => {
  const app = await porch(t, { schemes: [byToken()], policies: POLICIES, disclose: { details: true } }, (app) => {
    app.get('/memos/:id', { config: { access: allOf(scope('memo:secret'), can('read', memo)) } }, () => 'x')
  })
  const answer = async (id: string, sub: string) => {
    const { statusCode, headers, body } = await app.inject({ url: `/memos/${id}`, headers: as({ sub }) })
    return { statusCode, told: /memo:secret/.test(body + String(headers['www-authenticate'])) }
  }
  t.same(await answer('2', 'eve'), await answer('9', 'eve'), 'law 4: hidden and missing are one answer')
  t.notOk((await answer('2', 'nobody-special')).told && (await answer('2', 'nobody-special')).statusCode === 404)
})

t.test('authn P14: a route for both kinds of token challenges with both, and only the one that was used carries the error', async (t) => {
  const tokens = accessTokens({ secret: SECRET, issuer: ISSUER, audience: AUDIENCE })
  const app = await porch(t, { schemes: [dpop({ tokens, publicUrl: 'request', proofAlgorithms: ['ES256'] }), bearer({ tokens })] }, (app) => app.get('/', { config: { access: scope('a:read') } }, () => 'x'))
  const challenges = async (...lines: string[]) => {
    const answer = await app.inject({ url: '/', headers: { authorization: lines as unknown as string } })
    return [answer.statusCode, ...[answer.headers['www-authenticate']].flat().map((line) => /^(\w+) .*?(?:error="(\w+)".*)?$/.exec(String(line))?.slice(1).join(' '))]
  }
  const good = token(goodClaims())
  t.same(await challenges(), [401, 'DPoP ', 'Bearer '])
  t.same(await challenges('Bearer nonsense'), [401, 'DPoP ', 'Bearer invalid_token'])
  t.same(await challenges(`DPoP ${good}`), [401, 'DPoP invalid_dpop_proof', 'Bearer '])
  t.same(await challenges(`Bearer ${good}`, `DPoP ${good}`), [400, 'DPoP invalid_request', 'Bearer invalid_request'])
  t.same(await challenges(`Bearer ${good}`), [403, 'Bearer insufficient_scope'])
  const bound = token({ ...goodClaims(), scope: 'a:read', cnf: { jkt: 'x'.repeat(43) } })
  t.same(await challenges(`Bearer ${bound}`), [401, 'DPoP ', 'Bearer invalid_token'], 'authn P10: a bound token is no bearer token')
})

t.test('authn S1: under DPoP a step-up is asked by the scheme that was used', async (t) => {
  const app = await porch(t, { schemes: [dpop({ secret: SECRET, issuer: ISSUER, audience: AUDIENCE, publicUrl: 'request' }), byToken()] }, (app) => app.get('/', { config: { access: stepUp({ maxAge: 60 }) } }, () => 'x'))
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })
  const keyPair = await generateKeyPair('ES256')
  const sent = token({ ...goodClaims(), cnf: { jkt: await calculateThumbprint(keyPair.publicKey) } })
  const answer = await fetch(origin, { headers: { authorization: `DPoP ${sent}`, dpop: await generateProof(keyPair, `${origin}/`, 'GET', undefined, sent) } })
  t.equal(answer.status, 401)
  t.match(answer.headers.get('www-authenticate'), /^DPoP .*error="insufficient_user_authentication".*max_age="60".*algs="/)
})

t.test('authn S1, S2, S3: a step-up is a 401 that names what it takes, asked only of a good token whom the policy allows', async (t) => {
  const app = await porch(t, { schemes: [byToken()], policies: POLICIES }, (app) => {
    app.get('/both', { config: { access: stepUp({ acr: ['gold', 'silver'], maxAge: 300 }) } }, () => 'x')
    app.get('/memos/:id', { config: { access: allOf(can('read', memo), stepUp({ maxAge: 300 })) } }, () => 'x')
  })
  const answer = async (url: string, more: object) => {
    const { statusCode, headers } = await app.inject({ url, headers: as(more) })
    return [statusCode, headers['www-authenticate']]
  }
  const challenge = ['Bearer realm="api", error="insufficient_user_authentication", error_description="This request needs a more recent or a stronger sign-in", acr_values="gold silver", max_age="300"']
  for (const claims of [{}, { acr: 'gold' }, { auth_time: now() }, { acr: 'bronze', auth_time: now() }, { acr: 'gold', auth_time: now() - 301 }, { acr: 7, auth_time: 'now' }]) {
    t.match(await answer('/both', claims), [401, challenge], JSON.stringify(claims))
  }
  t.equal((await answer('/both', { acr: 'silver', auth_time: now() - 299 }))[0], 200)
  const expired = await answer('/both', { exp: now() - 60 })
  t.equal(expired[0], 401)
  t.notMatch(String(expired[1]), /acr_values|max_age/, 'a bad token learns nothing of it')
  t.equal((await answer('/memos/2', {}))[0], 404, 'nor does who may not see the record')
  t.equal((await answer('/memos/1', {}))[0], 401)
  for (const maxAge of [-1, 1.5, Number.NaN]) t.throws(() => stepUp({ maxAge }), { code: 'FST_GATEHOUSE_OPTION' })
})

t.test('authn S4: what an introspection endpoint says of the sign-in counts like what a token says', async (t) => {
  const server = await jsonServer(t, json({}))
  const byAnswer = bearer({ issuer: ISSUER, audience: AUDIENCE, introspection: { endpoint: server.url, clientId: 'api', clientSecret: 'of the api', cacheFor: 0 } })
  const app = await porch(t, { schemes: [byAnswer] }, (app) => app.get('/', { config: { access: stepUp({ acr: 'gold', maxAge: 300 }) } }, () => 'x'))
  const status = async (more: object) => {
    server.answer = json({ active: true, ...goodClaims(), ...more })
    return (await app.inject({ url: '/', headers: { authorization: 'Bearer opaque' } })).statusCode
  }
  t.same([await status({}), await status({ acr: 'gold' }), await status({ acr: 'gold', auth_time: now() - 301 }), await status({ acr: 'gold', auth_time: now() })], [401, 401, 401, 200])
})

t.test('authn S5: a session is asked to step up by the code, in the same shape of body', async (t) => {
  const session = keys({ name: 'Session', family: 'other', challenge: () => ({ scheme: 'Session', params: [['realm', 'r']] }) })
  const app = await porch(t, { schemes: [session] }, (app) => app.get('/', { config: { access: stepUp({ maxAge: 300 }) } }, () => 'x'))
  const answer = await app.inject({ url: '/', headers: { authorization: `Key ${Buffer.from('{"id":"ada"}').toString('base64url')}` } })
  t.match(answer.json(), { type: 'about:blank', title: 'Unauthorized', status: 401, code: 'insufficient_user_authentication', instance: '/' })
  t.same([answer.headers['www-authenticate']].flat(), ['Session realm="r"'])
})

t.test('authn E1, E2, E3: one constant body for each code, with the status of the answer, and nothing of the request but its path', async (t) => {
  const app = await porch(t, { schemes: [byToken()], policies: POLICIES }, (app) => {
    app.get('/', { config: { access: authenticated() } }, () => 'x')
    app.get('/broken', { config: { access: authenticated() } }, () => { throw refusal('temporarily_unavailable', { reason: 'db.internal refused', cause: new Error('SELECT secret') }) })
  })
  const wrong = ['Bearer nonsense', `Bearer ${token({ ...goodClaims(), exp: 1 })}`, `Bearer ${token(goodClaims(), {}, 'another secret of 32 bytes or more')}`]
  const bodies = await Promise.all(wrong.map((authorization) => app.inject({ url: '/?a=token', headers: { authorization } })))
  t.equal(new Set(bodies.map(({ body }) => body)).size, 1)
  t.match(bodies[0], { statusCode: 401, headers: { 'content-type': 'application/problem+json; charset=utf-8' } })
  t.same(bodies[0]?.json(), { type: 'about:blank', title: 'Unauthorized', status: 401, code: 'invalid_credentials', detail: 'The credentials are not valid.', instance: '/' })
  t.equal((await app.inject({ method: 'HEAD', url: '/' })).body, '')
  const broken = await app.inject({ url: '/broken', headers: as() })
  t.equal(broken.json().status, 503)
  t.notMatch(broken.body + JSON.stringify(broken.headers), /internal|SELECT/)
})

t.test('authn E4: the headers of a refusal survive the error handlers of the parent and of a child', async (t) => {
  const shaped = async (error: { statusCode?: number }, _request: FastifyRequest, reply: FastifyReply) => reply.code(error.statusCode ?? 500).type('text/plain').send('ours')
  const app = await porch(t, { schemes: [byToken()] }, async (app) => {
    app.setErrorHandler(shaped)
    app.get('/parent', { config: { access: authenticated() } }, () => 'x')
    await app.register(async (child) => {
      child.setErrorHandler(shaped)
      child.get('/child', { config: { access: authenticated() } }, () => 'x')
    })
  })
  for (const url of ['/parent', '/child']) {
    const answer = await app.inject(url)
    t.match(answer, { statusCode: 401, body: 'ours' })
    t.match(answer.headers, { 'www-authenticate': ['Bearer realm="api"'], 'cache-control': 'no-store', vary: /Authorization/ })
  }
})

t.test('authn G2: a preflight passes without credentials, and a 401 has the CORS headers', async (t) => {
  const app = bare(t)
  await app.register(cors, { origin: 'https://app.example', credentials: true })
  await app.register(gatehouse, { schemes: [byToken()] })
  app.get('/', { config: { access: authenticated() } }, () => 'x')
  const origin = 'https://app.example'
  const preflight = await app.inject({ method: 'OPTIONS', url: '/', headers: { origin, 'access-control-request-method': 'GET', 'access-control-request-headers': 'authorization' } })
  t.equal(preflight.statusCode, 204)
  const refused = await app.inject({ url: '/', headers: { origin } })
  t.equal(refused.statusCode, 401)
  t.match(refused.headers, { 'access-control-allow-origin': origin, 'access-control-expose-headers': /WWW-Authenticate/ })
})

t.test('authn G3: an unknown URL is the application\'s 404, with right credentials, with wrong ones and without', async (t) => {
  const app = await porch(t, { schemes: [byToken()] })
  for (const headers of [{}, as(), { authorization: 'Bearer nonsense' }]) t.equal((await app.inject({ url: '/nowhere', headers })).statusCode, 404)
})

t.test('authn G1, G4: credentials are verified once, in parent and child, however often the request is asked about', async (t) => {
  let verified = 0
  const counting = keys({ verify: () => { verified++; return { kind: 'user', user: { id: 'ada', roles: ['editor'] } } } })
  const app = await porch(t, { schemes: [counting], policies: POLICIES }, async (app) => {
    await app.register(async (child) => {
      child.get('/memos/:id', { config: { access: can('read', memo, { optional: true }) } }, (request) => [request.can('read', memo, { owner: 'ada' }), request.auth?.scheme])
    })
  })
  const answer = await app.inject({ url: '/memos/1', headers: { authorization: 'Key x' } })
  t.same(answer.json(), [true, 'Key'])
  t.equal(verified, 1)
  t.equal(answer.headers['vary'], 'Authorization')
})

t.test('authn G5: what is known of the sign-in has one shape, and is null where nobody is signed in', async (t) => {
  const app = await porch(t, { schemes: [byToken()] }, (app) => app.get('/', { config: { access: optional() } }, (request) => ({ user: request.user, auth: request.auth })))
  t.same((await app.inject('/')).json(), { user: null, auth: null })
  const exp = now() + 60
  t.same((await app.inject({ url: '/', headers: as({ exp, scope: 'a b', acr: 'gold', auth_time: 7 }) })).json().auth, { scheme: 'Bearer', scopes: ['a', 'b'], authTime: 7, acr: 'gold', expiresAt: exp })
})

t.test('authn G6: a locked account never reaches the password check', async (t) => {
  let checked = 0
  const app = await porch(t, { schemes: [basic({ verify: () => { checked++; return null } })], throttle: { account: { free: 1 }, now: () => 0 } }, (app) => app.get('/', { config: { access: authenticated() } }, () => 'x'))
  const guess = async () => (await app.inject({ url: '/', headers: { authorization: `Basic ${Buffer.from('ada:x').toString('base64')}` } })).statusCode
  t.same([await guess(), await guess(), checked], [401, 429, 1])
})
