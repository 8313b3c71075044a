import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import fc from 'fast-check'
import Fastify, { type FastifyRequest } from 'fastify'
import fastifyWebSocket from '@fastify/websocket'
import { WebSocket, type ClientOptions } from 'ws'
import gatehouse, { authenticated } from '../../lib/index.ts'
import { parseChallenges } from '../../lib/authentication/challenge-parser.ts'
import { apiKey, basic, bearer, type BearerOptions } from '../../lib/authentication/schemes/index.ts'
import { tokenFinder } from '../../lib/authentication/token-places.ts'
import { gate, rawGet } from './gate.ts'
import { requestTo } from './raw-request.ts'
import { AUDIENCE, goodClaims, ISSUER, SECRET, token } from './tokens.ts'

const local = { issuer: ISSUER, audience: AUDIENCE, secret: SECRET }
const good = token(goodClaims())
const UPGRADE = { upgrade: 'websocket', connection: 'Upgrade' }
const opening = (token: string) => `bearer.${token}`

type Places = Pick<BearerOptions, 'cookie' | 'query' | 'subprotocol'>

function gated (t: Test, places: Places) {
  return gate(t, [bearer({ ...local, ...places } as BearerOptions)])
}

t.test('authn B7: no place but Authorization is looked at unless the application says so', async (t) => {
  const app = await gated(t, {})
  for (const sent of [{ url: `/?access_token=${good}` }, { headers: { cookie: `token=${good}` } }, { headers: { ...UPGRADE, 'sec-websocket-protocol': `chat, ${opening(good)}` } }]) {
    t.equal((await app.inject({ url: '/', ...sent })).json().kind, 'nothing')
  }
  t.strictSame(bearer(local).varyOn, ['Authorization'])
  t.strictSame(bearer({ ...local, cookie: 'token', query: true, subprotocol: true }).varyOn, ['Authorization', 'Cookie', 'Sec-WebSocket-Protocol'])
})

t.test('authn B7: the query may hold a token, once', async (t) => {
  const app = await gated(t, { query: true })
  const ask = async (query: string) => (await app.inject(`/${query}`)).json()
  t.match(await ask(`?access_token=${good}`), { kind: 'user', user: { id: 'ada' } })
  t.match(await ask(`?a=1&access%5Ftoken=${encodeURIComponent(good)}&b`), { kind: 'user' }, 'however it is encoded')
  for (const nothing of ['', '?', '?token=x', '?Access_Token=x', '?xaccess_token=x', '#?access_token=x']) t.equal((await ask(nothing)).kind, 'nothing', nothing)
  for (const malformed of ['?access_token', '?access_token=', '?access_token=a b', '?access_token=a+b', '?access_token=%ff', '?access_token=%', `?access_token=${'x'.repeat(8193)}`]) {
    const answer = await app.inject(`/${malformed.replace(' ', '%20')}`)
    t.equal(answer.statusCode, 401, malformed.slice(0, 40))
    t.match(answer.json(), { kind: 'invalid', error: 'invalid_token', reason: /^(there is no token, or|the token is longer than 8192)/ }, malformed.slice(0, 40))
  }
  for (const two of [`?access_token=${good}&access_token=${good}`, `?access_token=${good}&access_token`, '?access_token&access%5Ftoken']) {
    const answer = await app.inject(`/${two}`)
    t.equal(answer.statusCode, 400, two.slice(-40))
    t.match(answer.json(), { kind: 'two', schemes: ['Bearer'], reason: 'access_token stands more than once in the query' })
  }
})

t.test('authn B7: the address is what the client has sent, also in its absolute form, and whatever the application makes of it', async (t) => {
  const scheme = bearer({ ...local, query: true })
  t.equal((await requestTo(await gate(t, [scheme]), `http://localhost/?access_token=${good}`, 'localhost')).status, 200)
  const seen: string[] = []
  const app = Fastify({ rewriteUrl: () => '/' })
  t.teardown(() => app.close())
  app.addHook('onRequest', async (request) => { seen.push(scheme.find(request, []).kind) })
  app.get('/', () => 'ok')
  await requestTo(app, `http://localhost/?access_token=${good}`, 'localhost')
  await requestTo(app, `/old?access_token=${good}`, 'localhost')
  await requestTo(app, '/old', 'localhost')
  t.strictSame(seen, ['credentials', 'credentials', 'nothing'])
})

t.test('authn B6: a token in two places that the client chose is a 400, right or wrong', async (t) => {
  const app = await gated(t, { query: true, subprotocol: true, cookie: 'token' })
  const header = { authorization: `Bearer ${good}` }
  const subprotocol = { ...UPGRADE, 'sec-websocket-protocol': `chat, ${opening(good)}` }
  const cases = [
    { url: `/?access_token=${good}`, headers: header },
    { url: '/?access_token=', headers: header },
    { url: `/?access_token=${good}`, headers: { authorization: 'Bearer' } },
    { url: '/', headers: { ...header, ...subprotocol } },
    { url: '/', headers: { ...header, ...UPGRADE, 'sec-websocket-protocol': opening('x') } },
    { url: `/?access_token=${good}`, headers: subprotocol },
  ]
  for (const sent of cases) {
    const answer = await app.inject(sent)
    t.equal(answer.statusCode, 400, JSON.stringify(sent).slice(0, 60))
    t.match(answer.json(), { kind: 'two', schemes: ['Bearer'], reason: 'a token in more than one of Authorization, the query and the subprotocols' })
    t.match((await app.inject({ ...sent, headers: { ...sent.headers, cookie: `token=${good}` } })).json(), { kind: 'two' })
  }
})

t.test('authn B6: a token and a credential of another scheme are two as well; a token of another issuer in the same place is not', async (t) => {
  const scheme = bearer({ ...local, query: true })
  const other = bearer({ ...local, issuer: 'other', query: true })
  const app = await gate(t, [other, scheme, basic({ verify: () => null }), apiKey({ lookup: () => null })])
  const url = `/?access_token=${good}`
  t.match((await app.inject(url)).json(), { kind: 'user' })
  t.equal((await app.inject({ url, headers: { authorization: 'Basic dTpw' } })).statusCode, 400)
  t.equal((await app.inject({ url, headers: { 'x-api-key': 'k.x' } })).statusCode, 400)
  const mixed = await gate(t, [bearer({ ...local, issuer: 'other' }), scheme])
  t.equal((await mixed.inject({ url, headers: { authorization: `Bearer ${good}` } })).statusCode, 400)
})

t.test('a cookie may hold a token, which counts only where none was sent otherwise', async (t) => {
  const app = await gated(t, { cookie: '__Host-token', query: true })
  const ask = async (cookie: string, more: Record<string, string> = {}, url = '/') => (await app.inject({ url, headers: { cookie, ...more } })).json()
  t.match(await ask(`__Host-token=${good}`), { kind: 'user', user: { id: 'ada' } })
  t.match(await ask(`a=b;  __Host-token=${good} ; c`), { kind: 'user' })
  for (const nothing of ['', 'a=b', '__Host-token', '__Host-token=', `__host-token=${good}`, `x__Host-token=${good}`, `__Host-token2=${good}`, `__Host-token =${good}`, `a="; b=__Host-token=${good}`]) {
    t.equal((await ask(nothing)).kind, 'nothing', nothing.slice(0, 40))
  }
  for (const wrong of ['__Host-token=x', '__Host-token="x"', '__Host-token=a b', '__Host-token=a%2Eb', `__Host-token=${'x'.repeat(8193)}`]) {
    t.match(await ask(wrong), { kind: 'invalid', error: 'invalid_token' }, wrong.slice(0, 40))
  }
  t.match(await ask('__Host-token=x', { authorization: `Bearer ${good}` }), { kind: 'user' })
  t.match(await ask(`__Host-token=${good}`, { authorization: 'Bearer x' }), { kind: 'invalid' })
  t.match(await ask('__Host-token=x', {}, `/?access_token=${good}`), { kind: 'user' })
  t.match(await ask(`__Host-token=${good}`, { authorization: 'Unknown x' }), { kind: 'user' }, 'what no scheme knows is nothing')
})

t.test('a cookie that is there twice is of nobody, for one may have been planted', async (t) => {
  const app = await gated(t, { cookie: 'token' })
  for (const line of [`token=${good}; token=x`, `token=x; a=b; token=${good}`, `token=${good}; token=${good}`, `token=; token=${good}`, `token=${good}; token=`]) {
    t.match(JSON.parse((await rawGet(app, [`Cookie: ${line}`])).body), { kind: 'invalid', reason: 'there are several cookies of that name' }, line.slice(-20))
  }
  t.match(JSON.parse((await rawGet(app, [`Cookie: token=${good}`, 'Cookie: token=x'])).body), { reason: 'there are several cookies of that name' }, 'in two lines')
})

t.test('only blanks are taken off the name of a cookie: with other white space in front it is another one, which any page of the domain may set', async (t) => {
  const app = await gated(t, { cookie: '__Host-token' })
  for (const space of ['\xa0', '\x0b', '\x0c', '\x85', '\x1c']) {
    const { status, body } = await rawGet(app, [`Cookie: ${space}__Host-token=${good}`])
    if (status === 400) continue // Node.js lets no control character through
    t.equal(JSON.parse(body).kind, 'nothing', JSON.stringify(space))
  }
  t.match(JSON.parse((await rawGet(app, [`Cookie: \t __Host-token=${good}\t`])).body), { kind: 'user' })
})

t.test('authn C2: a cookie with an unsafe request of another site is a 403, and is not looked at', async (t) => {
  const own = { host: 'news.example', cookie: `token=${good}` }
  const kindOf = async (cookie: BearerOptions['cookie'], headers: Record<string, string>, method: 'GET' | 'POST' = 'POST') => {
    const { statusCode, ...answer } = await (await gated(t, { cookie })).inject({ method, url: '/', headers: { ...own, ...headers } })
    t.equal(statusCode, { user: 200, cross_site: 403, nothing: 401 }[answer.json().kind as 'user'], JSON.stringify(headers))
    return answer.json().kind
  }
  for (const headers of [{ 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' }, { origin: 'https://evil.example' }, { origin: 'null' }, {}]) {
    t.equal(await kindOf('token', headers as Record<string, string>), 'cross_site')
    t.equal(await kindOf('token', headers as Record<string, string>, 'GET'), 'user')
    t.equal(await kindOf('token', { ...headers, ...UPGRADE } as Record<string, string>, 'GET'), 'cross_site', 'a WebSocket can be read')
    t.equal(await kindOf({ name: 'token', csrf: false }, headers as Record<string, string>), 'user')
    t.equal(await kindOf('other', headers as Record<string, string>), 'nothing')
    t.equal(await kindOf('token', { ...headers, cookie: 'token=' } as Record<string, string>), 'nothing')
    t.equal(await kindOf('token', { ...headers, cookie: 'token=x; token=y' } as Record<string, string>), 'cross_site')
    t.equal(await kindOf('token', { ...headers, authorization: `Bearer ${good}` } as Record<string, string>), 'user', 'a header needs no proof')
  }
  t.equal(await kindOf('token', { 'sec-fetch-site': 'same-origin' }), 'user')
  t.equal(await kindOf('token', { origin: 'https://news.example' }), 'user')
  t.equal(await kindOf({ name: 'token', origins: ['https://app.example'] }, { origin: 'https://app.example', 'sec-fetch-site': 'cross-site' }), 'user')
  t.equal(await kindOf({ name: 'token', sameSite: true }, { 'sec-fetch-site': 'same-site' }), 'user')
  t.equal(await kindOf({ name: 'token', nonBrowsers: true }, {}), 'user')
})

t.test('a WebSocket may name its token as a subprotocol, but not as the first, which comes back', async (t) => {
  const app = await gated(t, { subprotocol: true })
  const ask = async (list: string, more: Record<string, string> = UPGRADE) => (await app.inject({ url: '/', headers: { ...more, 'sec-websocket-protocol': list } })).json()
  t.match(await ask(`chat, ${opening(good)}`), { kind: 'user', user: { id: 'ada' } })
  t.match(await ask(`chat,v2.chat ,\t${opening(good)}, x`, { upgrade: 'WebSocket' }), { kind: 'user' })
  for (const nothing of ['chat', '', ',', 'chat, Bearer.x', 'chat, bearer', 'chat, xbearer.x']) t.equal((await ask(nothing)).kind, 'nothing', nothing)
  for (const more of [{}, { upgrade: 'h2c' }] as Array<Record<string, string>>) t.equal((await ask(`chat, ${opening(good)}`, more)).kind, 'nothing', 'no upgrade to a WebSocket')
  const wrong: Array<[string, string | RegExp]> = [
    [opening(good), 'the token is the first subprotocol, which servers send back'],
    [`${opening(good)}, chat`, 'the token is the first subprotocol, which servers send back'],
    [`${opening(good)}, ${opening(good)}`, 'the token is the first subprotocol, which servers send back'],
    [` ,\t, ${opening(good)}, chat`, 'the token is the first subprotocol, which servers send back'],
    [`chat, ${opening(good)}, ${opening(good)}`, 'several subprotocols are tokens'],
    [`chat, ${opening(good)}, bearer.`, 'several subprotocols are tokens'],
    ['chat, bearer.', /^there is no token/],
    ['chat, bearer.a"b', /^there is no token/],
    [`chat, bearer.${'x'.repeat(8193)}`, /^the token is longer than 8192/],
  ]
  for (const [list, reason] of wrong) t.match(await ask(list), { kind: 'invalid', error: 'invalid_token', reason }, list.slice(0, 40))
  const doubled = await rawGet(app, ['Upgrade: websocket', 'Sec-WebSocket-Protocol: chat', `Sec-WebSocket-Protocol: ${opening(good)}`])
  t.equal(doubled.status, 200, 'a list may be in several lines')
})

t.test('a real WebSocket (ws, @fastify/websocket): opened with a token as a subprotocol, which is not sent back; refused before it is opened', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(fastifyWebSocket)
  await app.register(gatehouse, { realm: 'newsroom', schemes: [bearer({ ...local, subprotocol: true, cookie: 'token' })] })
  app.get('/socket', { websocket: true, config: { access: authenticated() } }, (socket, request) => {
    socket.send(String((request.user as { id: string }).id))
    socket.close()
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const url = `ws://127.0.0.1:${(app.server.address() as AddressInfo).port}/socket`

  const socket = new WebSocket(url, ['chat', opening(good)])
  const [[said]] = await Promise.all([once(socket, 'message'), once(socket, 'open'), once(socket, 'close')])
  t.equal(String(said), 'ada')
  t.equal(socket.protocol, 'chat')

  const refused = async (protocols: string[], options: ClientOptions = {}) => {
    const other = new WebSocket(url, protocols, options)
    const [, response] = await once(other, 'unexpected-response')
    response.resume()
    return response
  }
  t.equal((await refused([])).statusCode, 401)
  t.equal((await refused(['chat', 'bearer.x'])).statusCode, 401)
  t.equal((await refused([opening(good), 'chat'])).statusCode, 401)
  t.equal((await refused(['chat', opening(good)], { headers: { authorization: `Bearer ${good}` } })).statusCode, 400)
  t.equal((await refused([], { origin: 'https://evil.example', headers: { cookie: `token=${good}` } })).statusCode, 403)
})

t.test('law 8: what depends on a place says so', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(gatehouse, { realm: 'newsroom', schemes: [bearer({ ...local, cookie: 'token', query: true })] })
  app.get('/', { config: { access: authenticated() } }, () => 'ok')
  for (const sent of [{ headers: { cookie: `token=${good}` } }, { headers: { authorization: `Bearer ${good}` } }, {}]) {
    t.match((await app.inject({ url: '/', ...sent })).headers['vary'], /^(?=.*\bAuthorization\b)(?=.*\bCookie\b)/)
  }
})

t.test('law 2: whatever stands in all places at once, the answer is a user, nothing, invalid, two or cross-site, and never worse', async (t) => {
  const app = await gated(t, { cookie: 'token', query: true, subprotocol: true })
  const piece = fc.constantFrom('token', 'token=', '=', ';', ',', ' ', '\t', 'bearer.', 'bearer', 'Bearer ', 'chat', good, 'x', '"', '%', '%41', '&', 'access_token=', 'a', '\xa0')
  const text = fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join(''))
  const headers = fc.record({ authorization: text, cookie: text, 'sec-websocket-protocol': text, upgrade: fc.constantFrom('websocket', 'x'), origin: text }, { requiredKeys: [] })
  const seen = new Set<string>()
  await fc.assert(fc.asyncProperty(headers, fc.option(text), fc.constantFrom('GET', 'POST'), async (headers, query, method) => {
    const url = query === null ? '/' : `/?${query.replace(/[ \t\xa0]/g, '')}`
    const response = await app.inject({ method: method as 'GET', url, headers: headers as Record<string, string> })
    const { kind } = response.json()
    seen.add(kind)
    const due = { user: 200, nothing: 401, invalid: 401, cross_site: 403, two: 400 }[kind as 'user']
    const challenge = response.headers['www-authenticate']
    return response.statusCode === due && (due !== 401 || parseChallenges(String(challenge))?.length === 1)
  }), { numRuns: 1000, examples: [[{ cookie: `token=${good}` }, null, 'GET'], [{ cookie: 'token=x', authorization: `Bearer ${good}` }, '', 'POST'], [{ authorization: 'Bearer x' }, 'access_token=x', 'GET']] })
  t.strictSame([...seen].sort(), ['cross_site', 'invalid', 'nothing', 'two', 'user'])
})

t.test('whatever a cookie header holds, a token is found exactly where RFC 6265 has it', async (t) => {
  const { find } = tokenFinder('test', { cookie: { name: 'tok', csrf: false } }, 100)
  const pair = fc.tuple(fc.constantFrom('tok', 'to', 'tokk', 'Tok', ''), fc.constantFrom('=', '=x', '=y', '', '==')).map((parts) => parts.join(''))
  const header = fc.array(fc.tuple(fc.constantFrom('', ' ', '  ', '\t'), pair, fc.constantFrom('', ' ')).map((parts) => parts.join('')), { maxLength: 5 }).map((pairs) => pairs.join(';'))
  fc.assert(fc.property(header, (cookie) => {
    const values = cookie.split(';').map((text) => text.replace(/^[ \t]+|[ \t]+$/g, '')).filter((text) => text.startsWith('tok=')).map((text) => text.slice(4))
    const found = find({ headers: { cookie } } as FastifyRequest, [])
    if (values.length > 1) return found.kind === 'malformed'
    if (values.length === 0 || values[0] === '') return found.kind === 'nothing'
    return found.kind === 'credentials' && found.credentials === values[0]
  }), { numRuns: 2000 })
  t.pass()
})

t.test('options about places that make no sense stop the start and name the mend', async (t) => {
  const wrong: Array<[unknown, RegExp]> = [
    [{ query: 'yes' }, /bearer\(\) query: 'yes' was given; allowed is true or false/],
    [{ subprotocol: 1 }, /bearer\(\) subprotocol: 1 was given; allowed is true or false/],
    [{ cookie: '' }, /bearer\(\) cookie name: '' was given; allowed is the name of a cookie/],
    [{ cookie: 'a b' }, /cookie name: 'a b' was given/],
    [{ cookie: 'a;b' }, /cookie name: 'a;b' was given/],
    [{ cookie: true }, /bearer\(\) cookie: the options must be an object with name, csrf/],
    [{ cookie: null }, /bearer\(\) cookie: the options must be an object with name/],
    [{ cookie: {} }, /cookie name: undefined was given/],
    [{ cookie: { name: 7 } }, /cookie name: 7 was given/],
    [{ cookie: { name: 'a', samesite: true } }, /bearer\(\) cookie: there is no option 'samesite'; .* Did you mean "sameSite"\?/],
    [{ cookie: { name: 'a', csrf: 'no' } }, /bearer\(\) cookie csrf: 'no' was given; allowed is true or false/],
    [{ cookie: { name: 'a', origins: ['https://app.example/'] } }, /bearer\(\) cookie origins: 'https:\/\/app.example\/' was given; allowed is an origin/],
    [{ cookie: { name: 'a', csrf: false, origins: [] } }, /`origins` means nothing with `csrf: false`/],
  ]
  for (const [places, message] of wrong) t.throws(() => bearer({ ...local, ...places as object }), { code: 'FST_GATEHOUSE_OPTION', message }, String(message))
  t.doesNotThrow(() => bearer({ ...local, cookie: undefined, query: undefined, subprotocol: undefined }))
  t.doesNotThrow(() => bearer({ ...local, cookie: { name: 'a', csrf: undefined, origins: [], sameSite: undefined } }))
})
