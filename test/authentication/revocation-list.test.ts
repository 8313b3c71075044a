import { createHash, randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import fc from 'fast-check'
import Fastify, { type FastifyRequest } from 'fastify'
import t from 'tap'
import gatehouse, { authenticated } from '../../lib/index.ts'
import type { Claims } from '../../lib/authentication/claims.ts'
import { revocationList, type RevocationList } from '../../lib/authentication/revocation-list.ts'
import type { Scheme } from '../../lib/authentication/scheme.ts'
import { apiKey } from '../../lib/authentication/schemes/api-key.ts'
import { createApiKey } from '../../lib/authentication/schemes/key-text.ts'
import type { MarkStore } from '../../lib/stores/marks.ts'
import { memoryMarks } from '../../lib/stores/memory-marks.ts'
import { redisMarks } from '../../lib/stores/redis-marks.ts'
import { handClock } from '../stores/hand-clock.ts'
import { redisServer } from '../support/redis-server.ts'

const NOW = Date.UTC(2026, 10, 30, 12)
const SECOND = NOW / 1000
const HOUR = 3600
/** What a handler gets, which is a 503. */
const REFUSED = { name: 'Refusal', kind: 'temporarily_unavailable', statusCode: 503 }
const UNAVAILABLE = { name: 'StoreUnavailable', code: 'FST_GATEHOUSE_STORE_UNAVAILABLE' }
const TOKEN_REVOKED = 'the token was revoked'
const USER_REVOKED = 'the tokens of this user were revoked'
const TOO_LONG = 'the token lives longer than revocations are kept'

const ada = { issuer: 'newsroom', subject: 'ada' }
const { key, hash } = createApiKey('k1')

/** Whose tokens live for an hour, and were issued `age` seconds before the test's time. */
function claims (age = 0, more: Record<string, unknown> = {}): Claims {
  return { iss: 'newsroom', sub: 'ada', iat: SECOND - age, exp: SECOND - age + HOUR, jti: 'one', ...more }
}

function aRequest (): FastifyRequest {
  return {} as FastifyRequest
}

function check (list: RevocationList, its: Claims, token = 'a.b.c'): Promise<string | null> {
  return list.checkToken(token, its, aRequest())
}

/** A list over marks whose clock moves with it. */
function listAt (start = NOW, more: { marks?: MarkStore, maxLifetime?: number } = {}) {
  const { now, advance } = handClock(start)
  const marks = memoryMarks({ now })
  return { list: revocationList({ marks, now, ...more }), marks, advance }
}

t.test('a token is ended by its jti, and no other of the same user or issuer', async (t) => {
  const { list } = listAt()
  t.equal(await check(list, claims()), null)
  await list.revokeToken({ ...ada, jti: 'one', expiresAt: SECOND + HOUR })
  t.equal(await check(list, claims()), TOKEN_REVOKED)
  t.equal(await check(list, claims(), 'another.text.ofit'), TOKEN_REVOKED)
  for (const other of [{ jti: 'two' }, { sub: 'bob' }, { iss: 'elsewhere' }, { iss: 'newsroomada', sub: '' }, { jti: undefined }, { jti: 7 }]) {
    t.equal(await check(list, claims(0, other)), null, JSON.stringify(other))
  }
})

t.test('what a request was admitted with is ended by `revoke`, also a token without a jti', async (t) => {
  for (const more of [{}, { jti: undefined }, { jti: '' }, { jti: 7 }, { iat: undefined, exp: SECOND + HOUR }]) {
    const { list } = listAt()
    const request = aRequest()
    t.equal(await list.checkToken('a.b.c', claims(0, more), request), null)
    await list.revoke(request)
    t.equal(await check(list, claims(0, more)), TOKEN_REVOKED, JSON.stringify(more))
    t.equal(await check(list, claims(0, { jti: 'two' }), 'x.y.z'), null)
    await list.revoke(request)
    t.equal(await check(list, claims(0, more)), TOKEN_REVOKED, 'twice is as good as once')
  }
})

t.test('a token without a jti is known by what is signed, however its signature is written; an opaque one by all of it', async (t) => {
  const { list } = listAt()
  const nameless = claims(0, { jti: undefined })
  const request = aRequest()
  for (const token of ['head.body.sigA', 'opaque', 'opaque.two']) await list.checkToken(token, nameless, request)
  await list.revoke(request)
  for (const token of ['head.body.sigA', 'head.body.sigB', 'opaque', 'opaque.two']) t.equal(await check(list, nameless, token), TOKEN_REVOKED, token)
  for (const token of ['head.other.sigA', 'other.body.sigA', 'Opaque', 'opaque.', 'opaque.three']) t.equal(await check(list, nameless, token), null, token)
})

t.test('a jti that is the text of another token ends only its own', async (t) => {
  const { list } = listAt()
  await list.revokeToken({ ...ada, jti: 'opaque', expiresAt: SECOND + HOUR })
  t.equal(await check(list, claims(0, { jti: undefined }), 'opaque'), null)
})

t.test('all tokens of a user that were issued before a time are ended, and those without a time', async (t) => {
  const { list } = listAt(NOW + 500)
  await list.revokeUser(ada)
  for (const age of [0, 1, 60, HOUR]) t.equal(await check(list, claims(age)), USER_REVOKED, `issued ${age} seconds ago`)
  t.equal(await check(list, claims(0, { iat: undefined })), USER_REVOKED)
  t.equal(await check(list, claims(-1)), null, 'issued in the next second')
  t.equal(await check(list, claims(60, { sub: 'bob' })), null)
  t.equal(await check(list, claims(60, { iss: 'elsewhere' })), null)
})

t.test('`before` is the time that counts: whole seconds spare what is issued within this one', async (t) => {
  const { list } = listAt(NOW + 500)
  await list.revokeUser({ ...ada, before: new Date(NOW) })
  t.equal(await check(list, claims(1)), USER_REVOKED)
  t.equal(await check(list, claims(0)), null)
})

t.test('an earlier time never takes the place of a later one', async (t) => {
  const { list } = listAt()
  await list.revokeUser({ ...ada, before: new Date(NOW - 60_000) })
  t.equal(await check(list, claims(30)), null)
  await list.revokeUser({ ...ada, before: new Date(NOW - 10_000) })
  t.equal(await check(list, claims(30)), USER_REVOKED)
  await list.revokeUser({ ...ada, before: new Date(NOW - 90_000) })
  t.equal(await check(list, claims(30)), USER_REVOKED)
  t.equal(await check(list, claims(5)), null)
})

t.test('an API key is ended by its prefix, or by a request that it was admitted with', async (t) => {
  const { list, advance } = listAt()
  const request = aRequest()
  t.equal(await list.checkKey('k1', request), null)
  t.equal(await list.checkKey('k2', aRequest()), null)
  await list.revoke(request)
  await list.revokeKey('k2')
  for (const prefix of ['k1', 'k2']) t.equal(await list.checkKey(prefix, aRequest()), 'the key was revoked')
  t.equal(await list.checkKey('k3', aRequest()), null)
  advance(9 * 365 * 86_400_000)
  for (const prefix of ['k1', 'k2']) t.equal(await list.checkKey(prefix, aRequest()), 'the key was revoked', 'for ten years')
})

t.test('of two credentials that were needed at once both are ended', async (t) => {
  const { list } = listAt()
  const request = aRequest()
  await list.checkToken('a.b.c', claims(), request)
  await list.checkKey('k1', request)
  await list.revoke(request)
  t.equal(await check(list, claims()), TOKEN_REVOKED)
  t.equal(await list.checkKey('k1', aRequest()), 'the key was revoked')
})

t.test('revokeAll ends what the request came with, and all tokens of the user that its `sub` names', async (t) => {
  const { list, advance } = listAt()
  const request = aRequest()
  await list.checkToken('a.b.c', claims(), request)
  await list.checkKey('k1', request)
  advance(2_000)
  await list.revokeAll(request)
  t.equal(await list.checkKey('k1', aRequest()), 'the key was revoked')
  t.equal(await check(list, { ...claims(), jti: 'of another device' }), 'the tokens of this user were revoked')
  t.equal(await check(list, { ...claims(), sub: 'somebody else' }), null)
  advance(2_000)
  t.equal(await check(list, { ...claims(), jti: 'later', iat: SECOND + 4 }), null)
  await t.rejects(list.revokeAll(aRequest()), { message: /^revokeAll\(\): this request was admitted with no token/ })
})

t.test('whoever was not admitted by this list has nothing that it could end', async (t) => {
  const { list } = listAt()
  const none = { message: /this request was admitted with no token and no API key of a scheme that has this list as `revocations`/ }
  await t.rejects(list.revoke(aRequest()), none)
  const request = aRequest()
  await list.revokeToken({ ...ada, jti: 'one', expiresAt: SECOND + HOUR })
  await list.checkToken('a.b.c', claims(), request)
  await t.rejects(list.revoke(request), none, 'refused is not admitted')
  const other = aRequest()
  await list.checkKey('k1', other)
  await t.rejects(listAt().list.revoke(other), none)
})

t.test('a revocation is kept as long as a token can be accepted, and no longer', async (t) => {
  const { list, marks, advance } = listAt()
  await list.revokeToken({ ...ada, jti: 'one', expiresAt: SECOND + HOUR })
  await list.revokeToken({ ...ada, jti: 'over', expiresAt: SECOND - 300 })
  t.equal(marks.size, 1, 'what cannot be accepted any more is not kept')
  advance((HOUR + 300) * 1000 - 1)
  t.equal(await check(list, claims()), TOKEN_REVOKED, 'not even for a scheme whose clock tolerance is 300 seconds')
  advance(1)
  t.equal(await check(list, claims()), null)
})

t.test('that a user was ended is kept until the last token from before is over', async (t) => {
  const { list, advance } = listAt(NOW, { maxLifetime: HOUR })
  await list.revokeUser({ ...ada, before: new Date(NOW + 300_000) })
  t.equal(await check(list, claims(-300)), null, 'issued then')
  const last = claims(-299)
  t.equal(await check(list, last), USER_REVOKED, 'clocks differ by five minutes at most')
  advance((299 + HOUR + 300) * 1000)
  t.equal(await check(list, last), USER_REVOKED, 'and this is the last moment at which a scheme may accept it')
})

t.test('law 10: a token that could outlive the end of its user is refused', async (t) => {
  const { list } = listAt()
  const day = 86_400
  t.equal(await check(list, claims(0, { exp: SECOND + day })), null)
  t.equal(await check(list, claims(0, { exp: SECOND + day + 1 })), TOO_LONG)
  t.equal(await check(list, claims(day + 1, { exp: SECOND + 1 })), TOO_LONG, 'however soon it is over')
  t.equal(await check(list, claims(0, { iat: undefined, exp: SECOND + day })), null)
  t.equal(await check(list, claims(0, { iat: undefined, exp: SECOND + day + 1 })), TOO_LONG)
  const { list: week } = listAt(NOW, { maxLifetime: 7 * day })
  t.equal(await check(week, claims(0, { exp: SECOND + 7 * day })), null)
  t.equal(await check(week, claims(0, { exp: SECOND + 7 * day + 1 })), TOO_LONG)
})

t.test('law 10: a token from the future, which no `revokeUser` would end, is refused', async (t) => {
  const { list } = listAt()
  t.equal(await check(list, claims(-300)), null)
  t.equal(await check(list, claims(-301)), 'the token was issued in the future')
})

t.test('the check is one look-up, of keys that say nothing of whom they are about', async (t) => {
  const marks = memoryMarks()
  const asked: string[][] = []
  const written: string[] = []
  const watched: MarkStore = {
    ...marks,
    get (key) { asked.push([key]); return marks.get(key) },
    getMany (keys) { asked.push([...keys]); return marks.getMany(keys) },
    put (key, value, ttl) { written.push(key, value); marks.put(key, value, ttl) },
  }
  const list = revocationList({ marks: watched, now: () => NOW })
  const request = aRequest()
  await list.checkToken('head.body.signature', claims(0, { sub: 'ada@newsroom.example', jti: 'secret' }), request)
  t.equal(asked.length, 1)
  const [[own = '', user = ''] = []] = asked
  const [, tag] = /^(\{[\w-]{43}\}):t:[\w-]{43}$/.exec(own) ?? []
  t.equal(user, `${tag}:u`)
  t.equal(tag, `{${createHash('sha256').update('["newsroom","ada@newsroom.example"]').digest('base64url')}}`)
  await list.checkKey('k1', request)
  t.equal(asked.length, 2)
  t.match(asked[1], [/^k:[\w-]{43}$/])
  await list.revoke(request)
  await list.revokeUser({ issuer: 'newsroom', subject: 'ada@newsroom.example' })
  t.strictSame(written, [own, '', asked[1]?.[0], '', user, String(NOW)])
})

t.test('no two users and no two tokens have one key, whatever their names are', async (t) => {
  const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 6 })
  const name = fc.oneof(text, fc.constantFrom('a', 'b', 'ab', '"', '","', '\ud800', '\udfff', '\ufffd'))
  await fc.assert(fc.asyncProperty(fc.tuple(name, name, name), fc.tuple(name, name, name), async ([issuer, subject, jti], [iss, sub, other]) => {
    const { list } = listAt()
    await list.revokeToken({ issuer, subject, jti, expiresAt: SECOND + HOUR })
    const sameUser = issuer === iss && subject === sub
    if (await check(list, claims(0, { iss, sub, jti: other })) !== (sameUser && jti === other ? TOKEN_REVOKED : null)) return false
    await list.revokeUser({ issuer, subject })
    return await check(list, claims(1, { iss, sub, jti: 'not revoked itself' })) === (sameUser ? USER_REVOKED : null)
  }), { numRuns: 500 })
  t.pass()
})

t.test('law 10: no order of revocations lets a token in that a plain list of them would keep out', async (t) => {
  const jti = fc.constantFrom('one', 'two')
  const step = fc.oneof(
    fc.record({ do: fc.constant('token' as const), jti, at: fc.integer({ min: 0, max: 600 }) }),
    fc.record({ do: fc.constant('user' as const), jti, at: fc.integer({ min: 0, max: 600 }) })
  )
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 8 }), jti, fc.integer({ min: 0, max: 600 }), async (steps, jti, age) => {
    const { list } = listAt()
    for (const { do: what, jti, at } of steps) {
      if (what === 'token') await list.revokeToken({ ...ada, jti, expiresAt: SECOND + HOUR })
      if (what === 'user') await list.revokeUser({ ...ada, before: new Date(NOW - at * 1000) })
    }
    const ended = steps.some((step) => step.do === 'token' ? step.jti === jti : age > step.at)
    return (await check(list, claims(age, { jti })) !== null) === ended
  }), { numRuns: 300 })
  t.pass()
})

t.test('law 10: a store that fails, or holds what makes no sense, is StoreUnavailable to schemes and a 503 to handlers', async (t) => {
  const down = new Error('down')
  const sound = memoryMarks()
  const broken: ReadonlyArray<readonly [what: string, marks: Partial<MarkStore>]> = [
    ['throws', { getMany () { throw down }, get () { throw down }, put () { throw down } }],
    ['rejects', { getMany: async () => { throw down }, get: async () => { throw down }, put: async () => { throw down } }],
    ['undefined', { getMany: () => undefined as never, get: () => undefined as never }],
    ['too few', { getMany: () => [null], get: () => 0 as never }],
    ['undefined for null', { getMany: () => [undefined, undefined] as never, get: async () => undefined as never }],
    ['numbers', { getMany: () => [null, 5] as never, get: () => 5 as never }],
  ]
  for (const [what, marks] of broken) {
    const list = revocationList({ marks: { ...sound, ...marks }, now: () => NOW })
    await t.rejects(check(list, claims()), UNAVAILABLE, what)
    await t.rejects(list.checkKey('k1', aRequest()), UNAVAILABLE, what)
    await t.rejects(list.revokeUser(ada), REFUSED, what)
    if (marks.put !== undefined) {
      await t.rejects(list.revokeToken({ ...ada, jti: 'one', expiresAt: SECOND + HOUR }), { ...REFUSED, cause: { ...UNAVAILABLE, cause: down } }, what)
      await t.rejects(list.revokeKey('k1'), { ...REFUSED, cause: { ...UNAVAILABLE, cause: down } }, what)
    }
  }
  for (const garbage of ['', 'yesterday', '-1', '1e3', ' 1', '99999999999999999', '0x10']) {
    const list = revocationList({ marks: { ...sound, getMany: () => [null, garbage], get: () => garbage }, now: () => NOW })
    await t.rejects(check(list, claims()), { ...UNAVAILABLE, cause: { message: 'a store of marks holds a time that is no number' } }, garbage)
  }
})

t.test('law 10: a full memory says so to whoever revokes, and forgets nothing', async (t) => {
  const { now } = handClock(NOW)
  const list = revocationList({ marks: memoryMarks({ max: 1, now }), now })
  await list.revokeKey('k1')
  await t.rejects(list.revokeKey('k2'), REFUSED)
  await t.rejects(list.revokeUser(ada), REFUSED)
  t.equal(await list.checkKey('k1', aRequest()), 'the key was revoked')
})

t.test('garbage in place of a time is mended by the next revocation', async (t) => {
  const marks = memoryMarks()
  const written: string[] = []
  const list = revocationList({ marks: { ...marks, put (key, value, ttl) { written.push(key); marks.put(key, value, ttl) } }, now: () => NOW })
  await list.revokeUser(ada)
  for (const key of written) marks.put(key, 'garbage', 60_000)
  await t.rejects(check(list, claims(60)), UNAVAILABLE)
  await list.revokeUser(ada)
  t.equal(await check(list, claims(60)), USER_REVOKED)
})

t.test('authn K1a: an ended key is the same 401 as any wrong one, for one look-up once the key has proved right', async (t) => {
  const { list, marks } = listAt()
  let lookups = 0
  const counted: RevocationList = { ...list, checkKey (...its) { lookups += 1; return list.checkKey(...its) } }
  const reasons: string[] = []
  const app = Fastify({ logger: { level: 'debug', stream: { write: (line: string) => { reasons.push(line) } } } })
  t.teardown(() => app.close())
  const record = { hash, user: { id: 'bot' } }
  await app.register(gatehouse, { schemes: [apiKey({ lookup: (prefix) => prefix === 'k1' ? record : null, revocations: counted, now: () => NOW })] })
  app.get('/', { config: { access: authenticated() } }, () => 'in')
  app.post('/logout', { config: { access: authenticated() } }, async (request) => { await list.revoke(request); return 'out' })
  const send = async (text: string, url = '/') => {
    const { statusCode, body, headers } = await app.inject({ method: url === '/' ? 'GET' : 'POST', url, headers: { 'x-api-key': text } })
    return { statusCode, body, headers: { ...headers, date: '' } }
  }
  const wrong = await send(`k1.${'x'.repeat(43)}`)
  t.equal(wrong.statusCode, 401)
  t.equal(lookups, 0)
  t.equal((await send(key)).statusCode, 200)
  t.equal(lookups, 1)
  t.equal((await send(key, '/logout')).body, 'out')
  t.strictSame(await send(key), wrong)
  t.equal(lookups, 3)
  t.equal(marks.size, 1)
  t.match(reasons.join(''), /the key was revoked/)
})

t.test('authn K1a, law 10: a revocation list that cannot be asked is a 503, and only for right keys', async (t) => {
  const down = async (): Promise<never> => { throw new Error('down') }
  const revocations: RevocationList = { ...revocationList(), checkKey: down }
  for (const lookup of [() => ({ hash, user: { id: 'bot' } }), async () => ({ hash, user: { id: 'bot' } })]) {
    const app = Fastify()
    t.teardown(() => app.close())
    await app.register(gatehouse, { schemes: [apiKey({ lookup, revocations })] })
    app.get('/', { config: { access: authenticated() } }, () => 'in')
    const response = await app.inject({ url: '/', headers: { 'x-api-key': key } })
    t.equal(response.statusCode, 503)
    t.ok(response.headers['retry-after'])
    t.notOk('www-authenticate' in response.headers)
    t.notMatch(response.body, /down/)
    t.equal((await app.inject({ url: '/', headers: { 'x-api-key': `k1.${'x'.repeat(43)}` } })).statusCode, 401)
  }
})

t.test('a scheme of one\'s own asks the same list', async (t) => {
  const list = revocationList()
  const token: Scheme<{ id: string }, string> = {
    name: 'Token',
    family: 'token',
    guessable: false,
    oauth: false,
    varyOn: ['X-Token'],
    find: ({ headers }) => headers['x-token'] === undefined ? { kind: 'nothing' } : { kind: 'credentials', place: 'header', credentials: String(headers['x-token']) },
    async verify (jti, request) {
      const iat = Math.floor(Date.now() / 1000) - 60
      const reason = await list.checkToken(jti, { iss: 'newsroom', sub: 'ada', iat, exp: iat + HOUR, jti }, request)
      return reason === null ? { kind: 'user', user: { id: 'ada' } } : { kind: 'invalid', reason }
    },
    challenge: () => ({ scheme: 'Token', params: [['realm', 'newsroom']] }),
  }
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(gatehouse, { schemes: [token] })
  app.get('/', { config: { access: authenticated() } }, () => 'in')
  app.post('/logout', { config: { access: authenticated() } }, (request) => list.revoke(request).then(() => 'out'))
  app.post('/logout-everywhere', { config: { access: authenticated() } }, () => list.revokeUser(ada).then(() => 'out'))
  const status = async (jti: string, url = '/') => (await app.inject({ method: url === '/' ? 'GET' : 'POST', url, headers: { 'x-token': jti } })).statusCode
  t.same([await status('one'), await status('two'), await status('three')], [200, 200, 200])
  t.equal(await status('one', '/logout'), 200)
  t.same([await status('one'), await status('two'), await status('three')], [401, 200, 200])
  t.equal(await status('two', '/logout-everywhere'), 200)
  t.same([await status('one'), await status('two'), await status('three')], [401, 401, 401])
})

t.test('with Redis two lists are one, and it survives a crash of the server', async (t) => {
  const server = await redisServer(t, 'appendonly yes', 'appendfsync always')
  if (server === null) return
  const made = () => revocationList({ marks: redisMarks({ client: server.client(), timeout: 20_000 }), now: () => NOW })
  const [here, there] = [made(), made()]
  const request = aRequest()
  t.equal(await here.checkToken('a.b.c', claims(), request), null)
  await here.revoke(request)
  await there.revokeToken({ ...ada, jti: 'two', expiresAt: SECOND + HOUR })
  await here.revokeUser({ issuer: 'newsroom', subject: 'bob' })
  await there.revokeKey('k1')
  const seenBy = async (list: RevocationList) => [
    await check(list, claims()), await check(list, claims(0, { jti: 'two' })), await check(list, claims(0, { jti: 'three' })),
    await check(list, claims(60, { sub: 'bob' })), await list.checkKey('k1', aRequest()), await list.checkKey('k2', aRequest()),
  ]
  const ended = [TOKEN_REVOKED, TOKEN_REVOKED, null, USER_REVOKED, 'the key was revoked', null]
  for (const list of [here, there]) t.strictSame(await seenBy(list), ended)
  await server.stop()
  await server.start()
  t.strictSame(await seenBy(made()), ended)
})

t.test('law 10: while Redis is down nobody can tell, and when it is back all goes on by itself', async (t) => {
  const server = await redisServer(t)
  if (server === null) return
  const list = revocationList({ marks: redisMarks({ client: server.client(), timeout: 200 }), now: () => NOW })
  await untilAnswered(() => list.checkKey('k1', aRequest()))
  const request = aRequest()
  await untilAnswered(() => list.checkToken('a.b.c', claims(), request))
  await server.stop()
  await t.rejects(check(list, claims()), UNAVAILABLE)
  await t.rejects(list.checkKey('k1', aRequest()), UNAVAILABLE)
  await t.rejects(list.revoke(request), REFUSED)
  await t.rejects(list.revokeUser(ada), REFUSED)
  await server.start()
  t.equal(await untilAnswered(() => check(list, claims(0, { jti: randomUUID() }))), null)
})

t.test('in a Redis Cluster both keys of a token are in one place', async (t) => {
  const server = await redisServer(t, 'cluster-enabled yes', 'cluster-allow-reads-when-down yes', 'cluster-port 0')
  if (server === null) return
  const client = server.client()
  await client.call('CLUSTER', 'ADDSLOTSRANGE', 0, 16383)
  const marks = redisMarks({ client, timeout: 20_000 })
  await t.rejects(marks.getMany(['a', 'b']), { ...UNAVAILABLE, cause: { message: /^CROSSSLOT/ } })
  const list = revocationList({ marks, now: () => NOW })
  for (const sub of ['ada', 'bob', 'cyd']) t.equal(await check(list, claims(0, { sub })), null)
})

t.test('options that make no sense stop the start and name the mend', async (t) => {
  const wrong: ReadonlyArray<readonly [options: unknown, says: RegExp]> = [
    [null, /revocationList\(\): the options must be an object with marks, maxLifetime, now/],
    [{ mark: memoryMarks() }, /there is no option 'mark'.* Did you mean "marks"\?/],
    [{ marks: null }, /revocationList\(\) marks: it has no method `put`; give it a store such as memoryMarks\(\) or redisMarks\(\{ client \}\)/],
    [{ marks: { ...memoryMarks(), getMany: undefined } }, /it has no method `getMany`/],
    [{ marks: { ...memoryMarks(), get: 5 } }, /it has no method `get`/],
    [{ maxLifetime: 59 }, /revocationList\(\) maxLifetime: 59 was given; allowed is a number of seconds from 60 to 31536000/],
    [{ maxLifetime: 31_536_001 }, /maxLifetime: 31536001 was given/],
    [{ maxLifetime: '3600' }, /maxLifetime: '3600' was given/],
    [{ now: 5 }, /revocationList\(\) now: 5 was given; allowed is a function/],
  ]
  for (const [options, message] of wrong) t.throws(() => revocationList(options as never), { code: 'FST_GATEHOUSE_OPTION', message })
  t.throws(() => revocationList({ marks: 'redis://:hush@host' as never }), { message: /^((?!hush).)*$/ }, 'no password is shown')
  for (const revocations of [null, {}, true, memoryMarks()]) {
    t.throws(() => apiKey({ lookup: () => null, revocations: revocations as never }), { code: 'FST_GATEHOUSE_OPTION', message: /apiKey\(\) revocations: .* was given; allowed is a list made by revocationList\(\)/ })
  }
})

t.test('a revocation that makes no sense is refused, because it would end nothing', async (t) => {
  const { list, marks } = listAt()
  const code = 'FST_GATEHOUSE_OPTION'
  const token = { ...ada, jti: 'one', expiresAt: SECOND + HOUR }
  for (const name of ['issuer', 'subject', 'jti']) {
    for (const value of [undefined, '', 7]) await t.rejects(list.revokeToken({ ...token, [name]: value }), { code, message: new RegExp(`revokeToken\\(\\) ${name}: .* allowed is a text that is not empty`) })
  }
  for (const expiresAt of [undefined, NaN, -1, Infinity, NOW, '5', new Date(NOW)]) {
    await t.rejects(list.revokeToken({ ...token, expiresAt: expiresAt as never }), { code, message: /revokeToken\(\) expiresAt: .* allowed is a number of seconds since 1970 from 0 to/ }, String(expiresAt))
  }
  for (const name of ['issuer', 'subject']) await t.rejects(list.revokeUser({ ...ada, [name]: undefined }), { code, message: new RegExp(`revokeUser\\(\\) ${name}: undefined was given`) })
  for (const before of [SECOND, NOW, null, new Date(NaN), new Date(-1), new Date(NOW + 300_001), '2026-11-30']) {
    await t.rejects(list.revokeUser({ ...ada, before: before as never }), { code, message: /revokeUser\(\) before: .* allowed is a Date from 1970 until now/ }, String(before))
  }
  for (const prefix of [undefined, '', 7, key, 'k1.']) {
    await t.rejects(list.revokeKey(prefix as never), { code, message: /^revokeKey\(\): it takes the prefix of a key: what stands before the dot, without the dot and the secret\.$/ })
  }
  t.equal(marks.size, 0)
})

t.test("without options it is a list in memory, with the computer's clock", async (t) => {
  const list = revocationList()
  const iat = Math.floor(Date.now() / 1000)
  await list.revokeUser(ada)
  t.equal(await check(list, claims(0, { iat, exp: iat + HOUR })), USER_REVOKED)
  t.equal(await check(list, claims(0, { iat: iat + 10, exp: iat + HOUR })), null)
})

/** Asks until there is an answer; the runner's own time-out ends a test in which there never is one. */
async function untilAnswered<T> (ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask()
    } catch {
      await pause(10)
    }
  }
}
