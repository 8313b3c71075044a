import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'
import fc from 'fast-check'
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import type { AddressInfo } from 'node:net'
import gatehouse, { authenticated } from '../../lib/index.ts'
import { digest, digestHash, digestUserhash, type DigestAlgorithm, type DigestLookup, type DigestOptions, type DigestRecord } from '../../lib/authentication/schemes/index.ts'
import { readDigest } from '../../lib/authentication/digest-credentials.ts'
import { digestResponse } from '../../lib/authentication/digest-hash.ts'
import { createNonces } from '../../lib/authentication/digest-nonce.ts'
import { memoryMarks } from '../../lib/stores/memory-marks.ts'
import { handClock } from '../stores/hand-clock.ts'
import { program } from '../support/programs.ts'
import { answerTo, challengeOf, challengesIn, written, type Answer, type Params } from './digest-client.ts'
import { gate, rawGet } from './gate.ts'

interface User { readonly id: string }

const REALM = 'newsroom'
const ALGORITHMS: readonly DigestAlgorithm[] = ['SHA-256', 'SHA-512-256', 'MD5']
const SECRET = 'the secret of the nonces, 32 bytes long or more'
const PASSWORDS: Readonly<Record<string, string>> = { ada: 'correct:horse', 'Jäsøn Doe': 'Secret, or not?', 'a "quoted\\" name': 'pässword' }
const ADA = { username: 'ada', password: 'correct:horse' }

const RECORDS = new Map(Object.entries(PASSWORDS).map(([name, password]): [string, DigestRecord<User>] => [
  name, { user: { id: name }, ha1: Object.fromEntries(ALGORITHMS.map((algorithm) => [algorithm, digestHash(algorithm, name, REALM, password)])) },
]))

const byName = (name: string): DigestRecord<User> | null => RECORDS.get(name) ?? null

function byEither (name: string, { userhash, algorithm, realm }: DigestLookup): DigestRecord<User> | null {
  const found = userhash ? [...RECORDS.keys()].find((known) => digestUserhash(algorithm, known, realm) === name) : name
  return byName(found ?? '')
}

async function open (t: Parameters<typeof gate>[0], options: Partial<DigestOptions<User>> = {}): Promise<FastifyInstance> {
  return gate(t, [digest({ lookup: byName, ...options })])
}

const send = (app: FastifyInstance, params: Params, url = '/') => app.inject({ url, headers: { authorization: written(params) } })

/** A challenge is fetched and answered; `change` may spoil the answer. */
async function signIn (app: FastifyInstance, answer: Answer = ADA, change: (params: Params) => Params = (params) => params, algorithm?: string) {
  return send(app, change(answerTo(await challengeOf(app, algorithm), answer)), answer.uri)
}

t.test('authn D1: a stranger gets one challenge for each algorithm, the preferred first, each on a line of its own', async (t) => {
  const algorithms = async (options?: Partial<DigestOptions<User>>) => {
    const lines = [(await (await open(t, options)).inject('/')).headers['www-authenticate']].flat()
    return lines.map((line) => /, algorithm=([^,]+),/.exec(line as string)?.[1])
  }
  t.strictSame(await algorithms(), ['SHA-256', 'SHA-512-256'])
  t.strictSame(await algorithms({ algorithms: ['SHA-512-256', 'MD5', 'SHA-256'] }), ['SHA-512-256', 'MD5', 'SHA-256'], 'MD5 only where it is named')
  t.strictSame(await algorithms({ algorithms: ['SHA-256'] }), ['SHA-256'])
})

t.test('authn D2: what is quoted in a challenge and what is not', async (t) => {
  const token = '[A-Za-z0-9_-]'
  const line = async (options: Partial<DigestOptions<User>>) => (await (await open(t, { algorithms: ['SHA-256'], ...options })).inject('/')).headers['www-authenticate']
  t.match(await line({}), new RegExp(`^Digest realm="newsroom", qop="auth", algorithm=SHA-256, nonce="${token}{48}", opaque="${token}{24}", charset=UTF-8$`))
  t.match(await line({ realm: 'Archive' }), /^Digest realm="Archive", qop/, "its own realm beats the plugin's")
  t.match(await line({ lookup: byEither }), /, charset=UTF-8, userhash=true$/, 'a lookup that knows what is looked up finds userhashes')
})

t.test('authn A5, D9: a page\'s own script is spared the dialog, unless only its nonce is too old; no answer carries Authentication-Info, which is optional', async (t) => {
  const clock = handClock(Date.now())
  const script = { 'sec-fetch-mode': 'cors' }
  const names = (headers: Record<string, unknown>) => [headers['www-authenticate']].flat().map((line) => String(line).split(' ', 1)[0])
  const app = await open(t, { now: clock.now })
  t.strictSame(names((await app.inject({ url: '/', headers: script })).headers), ['xDigest', 'xDigest'])
  t.strictSame(names((await app.inject({ url: '/', headers: { 'sec-fetch-mode': 'navigate' } })).headers), ['Digest', 'Digest'])
  const params = answerTo(await challengeOf(app), ADA)
  t.equal((await send(app, params)).headers['authentication-info'], undefined)
  clock.advance(301_000)
  const late = await app.inject({ url: '/', headers: { ...script, authorization: written(answerTo(await challengeOf(app), { ...ADA })) } })
  t.equal(late.statusCode, 200)
  clock.advance(301_000)
  const stale = await app.inject({ url: '/', headers: { ...script, authorization: written(params) } })
  t.strictSame(names(stale.headers), ['Digest', 'Digest'])
  const plain = await open(t, { spareFetch: false })
  t.strictSame(names((await plain.inject({ url: '/', headers: script })).headers), ['Digest', 'Digest'])
})

t.test('authn D2: every algorithm signs in, and credentials may quote what they need not', async (t) => {
  const app = await open(t, { algorithms: ALGORITHMS })
  for (const algorithm of ALGORITHMS) {
    const response = await signIn(app, ADA, undefined, algorithm)
    t.equal(response.statusCode, 200, algorithm)
    t.match(response.json(), { user: { id: 'ada' }, auth: { scheme: 'Digest', scopes: [] } })
  }
  const params = answerTo(await challengeOf(app), ADA)
  const quoted = `dIGEST   ${Object.entries(params).map(([name, value]) => `${name.toUpperCase()} = "${value}"`).join(',\t, ')}`
  t.equal((await app.inject({ url: '/', headers: { authorization: quoted } })).statusCode, 200, 'also in other letters, and with spaces and empty elements')
})

t.test('the vectors of RFC 7616 section 3.9.1', async (t) => {
  const nonce = '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v'
  const input = { method: 'GET', uri: '/dir/index.html', nonce, nc: '00000001', cnonce: 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ' }
  const response = (algorithm: DigestAlgorithm) => digestResponse(algorithm, digestHash(algorithm, 'Mufasa', 'http-auth@example.org', 'Circle of Life'), input)
  t.equal(response('MD5'), '8ca523f5e9506fed4657c9700eebdbec')
  t.equal(response('SHA-256'), '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1')
  t.equal(response('SHA-512-256'), '430d05014cecc49cab6fbe03176d41a1da86cbfe24a16580e22aaad928d960d0')
  const sent = `username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", algorithm=MD5, nonce="${nonce}", nc=00000001, cnonce="${input.cnonce}", qop=auth, ` +
    'response="8ca523f5e9506fed4657c9700eebdbec", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
  t.match(readDigest(sent, ['MD5']), { kind: 'credentials', credentials: { username: 'Mufasa', algorithm: 'MD5', userhash: false, uri: '/dir/index.html' } })
})

t.test('authn D8: the vectors of RFC 7616 section 3.9.2, as erratum 4897 mends them', async (t) => {
  const input = { method: 'GET', uri: '/doe.json', nonce: '5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK', nc: '00000001', cnonce: 'NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v' }
  const name = '793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b'
  t.equal(digestUserhash('SHA-512-256', 'Jäsøn Doe', 'api@example.org'), name)
  t.equal(digestUserhash('SHA-512-256', 'Ja\u0308søn Doe', 'api@example.org'), name, 'letters are composed first')
  const ha1 = digestHash('SHA-512-256', 'Ja\u0308søn Doe', 'api@example.org', 'Secret, or not?')
  t.equal(digestResponse('SHA-512-256', ha1, input), '3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5')
  const sent = (user: string) => readDigest(`${user}, realm="api@example.org", uri="/doe.json", algorithm=SHA-512-256, nonce="${input.nonce}", nc=00000001, cnonce="${input.cnonce}", qop=auth, ` +
    'response="3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5", opaque="HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS"', ['SHA-512-256'])
  t.match(sent(`username="${name}", userhash=true`), { credentials: { username: name, userhash: true } })
  t.match(sent("username*=UTF-8''J%C3%A4s%C3%B8n%20Doe, userhash=false"), { credentials: { username: 'Jäsøn Doe', userhash: false } })
})

t.test('authn D3: a request without qop, or with auth-int, is refused', async (t) => {
  const app = await open(t)
  const without = await signIn(app, ADA, ({ qop, ...rest }) => rest)
  t.equal(without.statusCode, 400)
  t.match(without.json(), { kind: 'invalid', reason: 'the parameter qop is missing' })
  const authInt = await signIn(app, ADA, (params) => ({ ...params, qop: 'auth-int' }))
  t.equal(authInt.statusCode, 401)
  t.match(authInt.json(), { reason: 'the quality of protection is not auth' })
})

t.test('authn D4: a nonce that has expired makes a 401 that says stale, and the new one signs in', async (t) => {
  const { now, advance } = handClock(1_800_000_000_000)
  const app = await open(t, { now, nonceLifetime: 60 })
  const challenge = await challengeOf(app)
  advance(59_999)
  t.equal((await send(app, answerTo(challenge, ADA))).statusCode, 200, 'it is good to its last millisecond')
  advance(1)
  const late = await send(app, answerTo(challenge, { ...ADA, nc: '00000002' }))
  t.equal(late.statusCode, 401)
  t.match(late.json(), { error: 'stale', reason: 'the nonce has expired' })
  const fresh = challengesIn(late.headers)
  t.strictSame(fresh.map(({ stale }) => stale), ['true', 'true'])
  t.match(late.headers['www-authenticate'], [/, stale=true$/, /, stale=true$/])
  t.not(fresh[0]?.['nonce'], challenge['nonce'])
  t.equal((await send(app, answerTo(fresh[0] as Params, ADA))).statusCode, 200)

  const wrong = await send(app, answerTo(challenge, { ...ADA, password: 'wrong', nc: '00000003' }))
  t.equal(wrong.statusCode, 401)
  t.strictSame(challengesIn(wrong.headers).map(({ stale }) => stale), [undefined, undefined], 'who does not know the password is not told that it was only the nonce')
})

t.test('authn D4: a nonce from a clock that is ahead is good for a minute of difference, and then stale', async (t) => {
  const { now, advance } = handClock(1_800_000_000_000)
  const ahead = createNonces({ secret: Buffer.from(SECRET), lifetime: 300_000, now })
  const nonce = ahead.make(REALM)
  const behind = (by: number) => createNonces({ secret: Buffer.from(SECRET), lifetime: 300_000, now: () => now() - by })
  t.equal(behind(0).timeLeft(nonce), 300_000)
  t.equal(behind(60_000).timeLeft(nonce), 360_000)
  t.equal(behind(60_001).timeLeft(nonce), 0)
  advance(300_000)
  t.equal(ahead.timeLeft(nonce), 0)
})

t.test('authn D4: a forged nonce, or one of another realm or secret, is a 401 without stale', async (t) => {
  const app = await open(t, { secret: SECRET })
  const challenge = await challengeOf(app)
  const { nonce = '' } = challenge
  const others = [
    `${nonce.startsWith('A') ? 'B' : 'A'}${nonce.slice(1)}`, `${nonce.slice(0, -1)}${nonce.endsWith('A') ? 'B' : 'A'}`, nonce.slice(1), `${nonce}A`, `${nonce}=`, '', 'x',
    createNonces({ secret: Buffer.from(SECRET), lifetime: 1, now: Date.now }).make('another'), (await challengeOf(await open(t)))['nonce'] ?? '',
  ]
  for (const other of others) {
    const response = await send(app, answerTo({ ...challenge, nonce: other }, ADA))
    t.equal(response.statusCode, 401, other)
    t.match(response.json(), { reason: 'the nonce is not one of ours for this realm' })
    t.notOk(challengesIn(response.headers).some(({ stale }) => stale))
  }
})

t.test('authn D4: no two challenges have the same nonce, and one secret makes nonces for several processes', async (t) => {
  const marks = memoryMarks()
  const [one, two] = [await open(t, { secret: SECRET, marks }), await open(t, { secret: Buffer.from(SECRET), marks })]
  const challenges = await Promise.all(Array.from({ length: 50 }, () => challengeOf(one)))
  t.equal(new Set(challenges.map(({ nonce }) => nonce)).size, 50)
  t.equal((await send(two, answerTo(challenges[0] as Params, ADA))).statusCode, 200)
  t.equal((await send(one, answerTo(challenges[0] as Params, ADA))).statusCode, 401, 'but each use of them is one use')
})

t.test('authn D5: credentials for one address are no credentials for another', async (t) => {
  const app = await open(t)
  t.equal((await signIn(app, { ...ADA, uri: '/articles?page=2' })).statusCode, 200)
  for (const [signed, asked] of [['/', '/articles'], ['/articles', '/articles?page=2'], ['/articles?page=2', '/articles'], ['/Articles', '/articles'], ['/a/../b', '/b'], ['http://localhost/', '/']] as const) {
    const response = await send(app, answerTo(await challengeOf(app), { ...ADA, uri: signed }), asked)
    t.equal(response.statusCode, 400, `${signed} for ${asked}`)
    t.match(response.json(), { reason: 'the uri is not the request target' })
  }
})

t.test('authn D5: nor for another method', async (t) => {
  const app = await open(t)
  const params = answerTo(await challengeOf(app), ADA)
  const asked = async (method: 'POST' | 'HEAD' | 'GET') => (await app.inject({ method, url: '/', headers: { authorization: written(params) } })).statusCode
  t.same([await asked('POST'), await asked('HEAD'), await asked('GET')], [401, 401, 200])
})

t.test('authn D5: the request target is the one that was sent, whatever the application rewrites it to', async (t) => {
  const scheme = digest({ lookup: byName })
  const app = fastify({ rewriteUrl: () => '/inner' })
  t.teardown(() => app.close())
  await app.register(gatehouse, { realm: REALM, schemes: [scheme] })
  app.get('/inner', { config: { access: authenticated() } }, (request) => request.user)
  const response = await send(app, answerTo(await challengeOf(app), { ...ADA, uri: '/outer' }), '/outer')
  t.equal(response.statusCode, 200)
})

t.test('authn D5: realm, algorithm and opaque are those of the challenge', async (t) => {
  const app = await open(t, { realm: REALM, secret: SECRET })
  const another = await open(t, { realm: 'archive', secret: SECRET })
  const cases: Array<[(params: Params) => Params, string]> = [
    [(params) => ({ ...params, opaque: 'changed' }), 'opaque did not come back unchanged'],
    [(params) => ({ ...params, algorithm: 'MD5' }), 'the algorithm is none that is offered'],
    [({ algorithm, ...rest }) => rest, 'the algorithm is none that is offered'],
    [(params) => ({ ...params, algorithm: 'SHA-256-sess' }), 'the algorithm is none that is offered'],
    [(params) => ({ ...params, realm: 'archive' }), 'the realm is another'],
  ]
  for (const [change, reason] of cases) {
    const response = await signIn(app, ADA, change)
    t.equal(response.statusCode, 401)
    t.match(response.json(), { reason })
  }
  t.match((await send(app, answerTo(await challengeOf(another), ADA))).json(), { kind: 'invalid', reason: 'the realm is another' })
  t.match((await signIn(await open(t), ADA, (params) => ({ ...params, realm: 'archive' }))).json(), { reason: 'the nonce is not one of ours for this realm' })
  t.equal((await signIn(await open(t, { algorithms: ['MD5'] }), ADA, ({ algorithm, ...rest }) => rest, 'MD5')).statusCode, 200, 'without the parameter it is MD5 (RFC 7616 section 3.4)')
})

t.test('authn D6: each nonce count is good for one request, in whatever order they come', async (t) => {
  const app = await open(t)
  const challenge = await challengeOf(app)
  for (const nc of ['00000002', '00000001', '0000000a', 'ffffffff']) t.equal((await send(app, answerTo(challenge, { ...ADA, nc }))).statusCode, 200, nc)
  for (const nc of ['00000002', '0000000A', '00000001', 'ffffffff']) {
    const replayed = await send(app, answerTo(challenge, { ...ADA, nc }))
    t.equal(replayed.statusCode, 401, nc)
    t.match(replayed.json(), { error: 'stale', reason: 'the nonce count was used before' })
    t.match(replayed.headers['www-authenticate'], [/, stale=true$/, /, stale=true$/], 'an honest client goes on with a new nonce')
  }
})

t.test('authn D6: of 200 replays at the same time one passes', async (t) => {
  const app = await open(t, { lookup: async (name) => { await null; return byName(name) } })
  const params = answerTo(await challengeOf(app), ADA)
  const statuses = (await Promise.all(Array.from({ length: 200 }, () => send(app, params)))).map(({ statusCode }) => statusCode)
  t.equal(statuses.filter((status) => status === 200).length, 1)
  t.equal(statuses.filter((status) => status === 401).length, 199)
})

t.test('authn D6: a captured request is not replayed under another spelling of the name', async (t) => {
  const app = await open(t, { lookup: byEither })
  const params = answerTo(await challengeOf(app), { username: 'Jäsøn Doe', password: 'Secret, or not?' })
  t.equal((await send(app, params)).statusCode, 200)
  const { username, ...rest } = params
  const spellings = [{ ...rest, 'username*': "UTF-8''J%C3%A4s%C3%B8n%20Doe" }, { ...rest, username: digestUserhash('SHA-256', 'Jäsøn Doe', REALM), userhash: 'true' }]
  for (const spelling of spellings) t.match((await send(app, spelling)).json(), { reason: 'the nonce count was used before' })
})

t.test('authn D6: who does not know the password uses no count up', async (t) => {
  const app = await open(t)
  const challenge = await challengeOf(app)
  t.equal((await send(app, answerTo(challenge, { ...ADA, password: 'wrong' }))).statusCode, 401)
  t.equal((await send(app, answerTo(challenge, { username: 'nobody', password: 'x' }))).statusCode, 401)
  t.equal((await send(app, answerTo(challenge, ADA))).statusCode, 200)
})

t.test('authn D6: a mark outlives its nonce', async (t) => {
  const ttls: number[] = []
  const { now, advance } = handClock(1_800_000_000_000.25)
  const app = await open(t, { now, nonceLifetime: 100, marks: { ...memoryMarks(), putOnce: (_key, ttl) => { ttls.push(ttl); return true } } })
  const challenge = await challengeOf(app)
  advance(30_000)
  t.equal((await send(app, answerTo(challenge, ADA))).statusCode, 200)
  t.strictSame(ttls, [130_000], 'what is left of it, and a minute for clocks that differ')
})

t.test('authn D7: what is missing or doubled is a 400, what is not of its form a 401, and nobody is looked up', async (t) => {
  const asked: string[] = []
  const lookup = (name: string, _what: DigestLookup) => { asked.push(name); return null }
  const app = await open(t, { lookup })
  const good = answerTo(await challengeOf(app), ADA)
  const hex = 'a'.repeat(64)
  const without = (name: string) => Object.fromEntries(Object.entries(good).filter(([known]) => known !== name))
  const incomplete = [
    ...Object.keys(good).filter((name) => name !== 'algorithm').map((name) => written(without(name))),
    ...Object.entries(good).map(([name, value]) => `${written(good)}, ${name}="${value}"`),
    `${written(good)}, Username=ada`, `${written(good)}, unknown=1, unknown=2`, `${written(good)}, username*=UTF-8''ada`,
    'Digest', 'Digest ', 'Digest ,', 'Digest dGVzdDoxMjM=', 'Digest username', 'Digest username=', 'Digest username="ada', 'Digest username="ada\\', 'Digest username=ada realm=newsroom', 'Digest ="x"',
    `${written(good)}; x=y`,
  ]
  const spoilt = [
    written(without('algorithm')),
    ...['1', '0000001', '000000001', '0000000g', ''].map((nc) => written({ ...without('nc'), nc }).replace(/nc=(,|$)/, 'nc=""$1')),
    ...['', 'a', hex.toUpperCase(), `${hex}a`, hex.slice(1), 'g'.repeat(64)].map((response) => written({ ...good, response })),
    ...["UTF-8''%C3", "ISO-8859-1'en'%A3", "UTF-8''%0A", "UTF-8''%00ada", 'ada', "UTF-8'ada", "UTF-8''a%zz"].map((name) => written({ ...without('username'), 'username*': name })),
    written({ ...good, username: '\xff' }), written({ ...good, username: 'a\tb' }), written({ ...good, username: 'ada', userhash: 'true' }), written({ ...good, username: hex.toUpperCase(), userhash: 'true' }),
    written({ ...good, userhash: 'maybe' }), written({ ...without('username'), 'username*': "UTF-8''ada", userhash: 'true' }), written({ ...good, username: hex, 'username*': "UTF-8''ada", userhash: 'true' }),
    `${written(good)}, x="${'y'.repeat(8192)}"`,
  ]
  for (const [status, error, given] of [[400, 'invalid_request', incomplete], [401, 'invalid_credentials', spoilt]] as const) {
    for (const authorization of given) {
      const response = await rawGet(app, [`Authorization: ${authorization}`])
      t.equal(response.status, status, authorization.slice(0, 500))
      t.match(response.head, /www-authenticate: Digest realm="newsroom"/i)
      t.match(JSON.parse(response.body), { kind: 'invalid', error })
      t.notMatch(response.body, good['response'] as string, 'and the reason for the log has no credentials in it')
    }
  }
  t.same(asked, [])
})

t.test('authn D8: names beyond ASCII, as bytes, extended, with quotes, and hashed', async (t) => {
  const app = await open(t, { lookup: byEither })
  for (const [username, password] of Object.entries(PASSWORDS)) {
    for (const userhash of [false, true]) {
      const response = await rawGet(app, [`Authorization: ${written(answerTo(await challengeOf(app), { username, password, userhash }))}`])
      t.equal(response.status, 200, `${username} ${userhash}`)
      t.strictSame(JSON.parse(Buffer.from(response.body, 'latin1').toString()).user, { id: username })
    }
    const { username: _, ...rest } = answerTo(await challengeOf(app), { username, password })
    const extended = `utf-8'en'${encodeURIComponent(username)}`
    t.equal((await send(app, { ...rest, 'username*': extended })).statusCode, 200, extended)
  }
  t.equal((await signIn(app, { username: 'nobody', password: 'x', userhash: true })).statusCode, 401)
})

t.test('authn D8: a userhash where none was offered is a 401, and nobody is looked up', async (t) => {
  const asked: string[] = []
  const app = await open(t, { lookup: (name) => { asked.push(name); return null } })
  const response = await signIn(app, { ...ADA, userhash: true })
  t.equal(response.statusCode, 401)
  t.match(response.json(), { reason: 'the user name is hashed, which was not offered' })
  t.same(asked, [])
})

t.test('authn D8: an unknown user, a wrong password and a user without the hash get the same answer, after the same hashing', async (t) => {
  const app = await open(t, { lookup: async (name) => name === 'md5' ? { user: { id: 'md5' }, ha1: { MD5: 'a'.repeat(32) } } : name === 'undefined' ? undefined : byName(name) })
  const challenge = await challengeOf(app)
  const answers = await Promise.all(['ada', 'nobody', 'md5', 'undefined', ''].map(async (username) => {
    const { statusCode, headers } = await send(app, answerTo(challenge, { username, password: 'wrong' }))
    return { statusCode, challenges: challengesIn(headers).map((params) => ({ ...params, nonce: '' })) }
  }))
  t.equal(answers[0]?.statusCode, 401)
  for (const answer of answers) t.strictSame(answer, answers[0])
  t.match((await send(app, answerTo(challenge, { username: 'md5', password: 'wrong' }))).json(), { reason: 'there is no hash of this user for SHA-256' }, 'the log knows better')
})

t.test('authn D10: what is stored is not the password, and opens no other realm', async (t) => {
  const app = await open(t, { lookup: () => ({ user: { id: 'ada' }, ha1: { 'SHA-256': digestHash('SHA-256', 'ada', 'another realm', ADA.password) } }) })
  t.equal((await signIn(app)).statusCode, 401)
})

t.test('law 10: a lookup that throws or returns what is no record, and marks that cannot be put, are a 503', async (t) => {
  const failing: Array<[Partial<DigestOptions<User>>, RegExp]> = [
    [{ lookup: () => { throw new Error('users are down') } }, /users are down/],
    [{ lookup: async () => { throw new Error('users are down') } }, /users are down/],
    [{ lookup: () => true as never }, /a record without ha1/],
    [{ lookup: () => ({ user: { id: 'ada' }, ha1: null }) as never }, /a record without ha1/],
    [{ lookup: () => ({ user: { id: 'ada' }, ha1: { 'SHA-256': 'correct:horse' } }) }, /ha1 for SHA-256 what is not 64 digits/],
    [{ lookup: () => ({ user: { id: 'ada' }, ha1: { 'SHA-256': 'A'.repeat(64) } }) }, /ha1 for SHA-256 what is not 64 digits/],
    [{ lookup: () => ({ user: { id: 'ada' }, ha1: { 'SHA-256': 7 } }) as never }, /ha1 for SHA-256 what is not 64 digits/],
    ...[undefined, null, 'OK', 1].map((answer): [Partial<DigestOptions<User>>, RegExp] => [{ marks: { ...memoryMarks(), putOnce: () => answer as never } }, /A store could not answer/]),
    [{ marks: { ...memoryMarks(), putOnce: async () => { throw new Error('redis is down') } } }, /redis is down/],
  ]
  for (const [options, cause] of failing) {
    const response = await signIn(await open(t, options))
    t.equal(response.statusCode, 503, String(cause))
    t.match(response.json(), { kind: 'unavailable', cause })
    t.notMatch(response.body, 'correct:horse')
  }
})

t.test('law 10: when the memory for marks is full, nobody passes, and nothing is replayed', async (t) => {
  const app = await open(t, { marks: memoryMarks({ max: 1 }) })
  const challenge = await challengeOf(app)
  t.equal((await send(app, answerTo(challenge, ADA))).statusCode, 200)
  t.equal((await send(app, answerTo(challenge, { ...ADA, nc: '00000002' }))).statusCode, 503)
  t.equal((await send(app, answerTo(challenge, ADA))).statusCode, 401)
})

t.test('the scheme says of itself that it can be guessed, and whose account is tried', async (t) => {
  const scheme = digest({ lookup: byEither })
  t.match(scheme, { name: 'Digest', family: 'other', guessable: true, oauth: false, varyOn: ['Authorization'] })
  const app = await gate(t, [scheme])
  const request = { originalUrl: '/' } as FastifyRequest
  const found = (params: Params) => scheme.find(request, [{ scheme: 'basic', rest: 'x' }, { scheme: 'digest', rest: written(params).slice('Digest '.length) }])
  const challenge = await challengeOf(app)
  t.match(found(answerTo(challenge, ADA)), { kind: 'credentials', place: 'authorization', account: 'ada' })
  t.match(found(answerTo(challenge, { ...ADA, userhash: true })), { account: digestUserhash('SHA-256', 'ada', REALM) })
  t.match(scheme.find(request, [{ scheme: 'basic', rest: 'x' }]), { kind: 'nothing' })
})

t.test('throttling: guesses are counted for the account; what tries no password is not', async (t) => {
  const app = fastify()
  t.teardown(() => app.close())
  await app.register(gatehouse, { realm: REALM, schemes: [digest({ lookup: byName })], throttle: { account: { free: 3 }, now: () => 0 } })
  app.get('/', { config: { access: authenticated() } }, (request) => request.user)
  const challenge = await challengeOf(app)
  for (let time = 0; time < 20; time++) t.equal((await send(app, { ...answerTo(challenge, ADA), opaque: 'x' })).statusCode, 401)
  const statuses: number[] = []
  for (let time = 0; time < 5; time++) statuses.push((await send(app, answerTo(challenge, { ...ADA, password: `wrong ${time}` }))).statusCode)
  t.same(statuses, [401, 401, 401, 429, 429])
})

t.test('law 1: behind the plugin a stranger and a stale client get their challenges, and nobody else does', async (t) => {
  const { now, advance } = handClock(1_800_000_000_000)
  const app = fastify()
  t.teardown(() => app.close())
  await app.register(gatehouse, { realm: REALM, schemes: [digest({ lookup: byName, now })] })
  app.get('/', { config: { access: authenticated() } }, (request) => request.user)
  const stranger = await app.inject('/')
  t.equal(stranger.statusCode, 401)
  t.notMatch(String(stranger.headers['www-authenticate']), 'stale')
  const challenge = await challengeOf(app)
  const signedIn = await send(app, answerTo(challenge, ADA))
  t.strictSame([signedIn.statusCode, signedIn.json(), signedIn.headers['www-authenticate']], [200, { id: 'ada' }, undefined])
  t.match(signedIn.headers.vary, /authorization/i)
  advance(300_000)
  const late = await send(app, answerTo(challenge, { ...ADA, nc: '00000002' }))
  t.equal(late.statusCode, 401)
  t.match(late.headers['www-authenticate'], [/stale=true$/, /stale=true$/])
  t.notMatch(late.body, /stale|nonce/, 'law 7: the body says no more than that of any wrong credential')
})

t.test('options that make no sense stop the start and name the mend', async (t) => {
  const lookup = byName
  const wrong: Array<[unknown, RegExp]> = [
    [undefined, /digest\(\): the options must be an object with realm, algorithms, lookup/],
    [{}, /digest\(\) lookup: undefined was given; allowed is a function/],
    [{ lookup, lokup: 1 }, /there is no option 'lokup'; .* Did you mean "lookup"\?/],
    [{ lookup, now: 5 }, /digest\(\) now: 5 was given/],
    ...['', 'Büro', 'a "quoted" realm', 'back\\slash', 7].map((realm): [unknown, RegExp] => [{ lookup, realm }, /realm: .* was given; allowed is a text of printable ASCII characters without a quotation mark or a backslash/]),
    [{ lookup, algorithms: [] }, /`algorithms` is required/],
    [{ lookup, algorithms: ['SHA256'] }, /there is no algorithm "SHA256" in Digest\. Did you mean "SHA-256"\? Allowed: SHA-256, SHA-512-256, MD5\./],
    [{ lookup, algorithms: ['toString'] }, /there is no algorithm "toString"/],
    [{ lookup, algorithms: ['MD5', 'MD5'] }, /an algorithm is there twice in `algorithms`: MD5, MD5/],
    [{ lookup, spareFetch: 'no' }, /spareFetch: 'no' was given; allowed is true or false/],
    [{ lookup, nonceLifetime: 0 }, /nonceLifetime: 0 was given; allowed is a number of seconds from 1 to 86400/],
    [{ lookup, nonceLifetime: NaN }, /nonceLifetime: NaN was given/],
    [{ lookup, secret: 'short' }, /`secret` has 5 bytes; at least 32 are needed\. `openssl rand -base64 32` makes one\./],
    [{ lookup, secret: 7 }, /`secret` must be a text or a Buffer, not number/],
    [{ lookup, secret: null }, /`secret` must be a text or a Buffer, not null/],
    [{ lookup, marks: null }, /marks: null was given; allowed is a store for single-use marks/],
    [{ lookup, marks: {} }, /marks: {} was given/],
  ]
  for (const [options, message] of wrong) t.throws(() => digest(options as never), { code: 'FST_GATEHOUSE_OPTION', message })
  t.doesNotThrow(() => digest({ lookup, realm: undefined, algorithms: undefined, secret: undefined, nonceLifetime: undefined, marks: undefined, now: undefined }))
})

t.test('law 2: whatever follows Digest, the answer is a 401, or a 400 where nothing can be evaluated, never a 500, and a change to any parameter signs nobody in', async (t) => {
  const app = await open(t, { lookup: byEither })
  const good = answerTo(await challengeOf(app), ADA)
  const soup = fc.string({ unit: fc.constantFrom('username', 'username*', 'realm', 'nonce', 'nc', 'qop', 'userhash', '=', '"', ',', ' ', '\\', '\t', "UTF-8''", '%', 'auth', 'true', '00000001', '\xff'), maxLength: 40 })
  const spoilt = fc.record({ name: fc.constantFrom(...Object.keys(good)), value: fc.string({ unit: 'binary-ascii' }).map((text) => text.replace(/[\0-\x08\x0a-\x1f\x7f]/g, '')) }) // eslint-disable-line no-control-regex -- no header can carry them
    .filter(({ name, value }) => name === 'algorithm' || name === 'qop' ? value.toLowerCase() !== good[name]?.toLowerCase() : value !== good[name])
    .map(({ name, value }) => written({ ...good, [name]: value }).slice('Digest '.length))
  await fc.assert(fc.asyncProperty(fc.oneof(soup, spoilt), async (rest) => {
    const response = await app.inject({ url: '/', headers: { authorization: `Digest ${rest}` } })
    return [400, 401].includes(response.statusCode) && challengesIn(response.headers).length === 2
  }), { numRuns: 400 })
  t.equal((await send(app, good)).statusCode, 200, 'and nothing of it has used the count up')
})

t.test('any name and password sign in, and their hash is the same on both sides', async (t) => {
  const stored = new Map<string, DigestRecord<User>>()
  const app = await open(t, { lookup: async (name) => stored.get(name) })
  const challenge = await challengeOf(app)
  let count = 0
  const text = fc.string({ unit: 'grapheme' }).map((any) => any.normalize('NFC')).filter((any) => !/[\0-\x1f\x7f]/.test(any)) // eslint-disable-line no-control-regex -- they are refused
  await fc.assert(fc.asyncProperty(text, text, async (username, password) => {
    stored.set(username, { user: { id: username }, ha1: { 'SHA-256': digestHash('SHA-256', username, REALM, password) } })
    const nc = (++count).toString(16).padStart(8, '0')
    const response = await app.inject({ url: '/', headers: { authorization: written(answerTo(challenge, { username, password, nc })) } })
    return response.statusCode === 200 && response.json().user.id === username
  }), { numRuns: 200 })
  t.pass()
})

t.test('credentials that are as long as they may be are read to their end, whatever they consist of', async (t) => {
  for (const unit of ['a', '\\', '\\"', ' ', '\t', ',', '=', 'a=', 'a="', '%41', 'a=b,']) {
    const text = unit.repeat(Math.floor(8192 / unit.length))
    for (const sent of [text, `x="${text}`.slice(0, 8192), `x=${text}`.slice(0, 8192), `username*=UTF-8''${text}`.slice(0, 8192)]) t.not(readDigest(sent, ['SHA-256']).kind, 'credentials', unit)
  }
})

t.test('authn D: curl signs in with its own Digest, and recovers from a stale nonce unaided', async (t) => {
  const curl = program(t, 'curl')
  if (curl === null) return
  const run = promisify(execFile)
  const { now, advance } = handClock(1_800_000_000_000)
  let arrived = 0
  let late = 0
  const app = await gate(t, [digest({ lookup: byEither, now })], {
    onArrival () {
      arrived++
      if (arrived === late) advance(300_000)
    },
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const base = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
  const status = async (user: string, ...args: string[]) => {
    arrived = 0
    const { stdout } = await run(curl, ['-q', '--silent', '--noproxy', '*', '--digest', '--user', user, '--write-out', '%{http_code} ', '--output', '/dev/null', ...args])
    return { codes: stdout.trim(), requests: arrived }
  }
  t.strictSame(await status('ada:correct:horse', `${base}/`), { codes: '200', requests: 2 })
  t.strictSame(await status('ada:wrong', `${base}/`), { codes: '401', requests: 2 })
  t.strictSame(await status('Jäsøn Doe:Secret, or not?', `${base}/articles?page=2&sort=-date`), { codes: '200', requests: 2 })
  t.strictSame(await status('ada:correct:horse', '--data', 'title=News', `${base}/`), { codes: '200', requests: 2 })
  late = 2
  t.strictSame(await status('ada:correct:horse', `${base}/`), { codes: '200', requests: 3 }, 'the nonce has expired when it comes')
})
