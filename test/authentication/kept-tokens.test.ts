import { createPublicKey } from 'node:crypto'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t, { type Test } from 'tap'
import fc from 'fast-check'
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import gatehouse, { authenticated, scope } from '../../lib/index.ts'
import { accessTokens, bearer, revocationList, type BearerOptions } from '../../lib/authentication/schemes/index.ts'
import { keySetVerifier } from '../../lib/authentication/tokens/key-set-verifier.ts'
import { keptTokens } from '../../lib/authentication/tokens/kept-tokens.ts'
import { ReadToken } from '../../lib/authentication/tokens/read-token.ts'
import { tokenReader, type Reading } from '../../lib/authentication/tokens/token-reader.ts'
import { createTokenVerifier } from '../../lib/authentication/tokens/token-verifier.ts'
import { handClock } from '../stores/hand-clock.ts'
import { json } from '../stores/json-server.ts'
import { gate } from './gate.ts'
import { issuerKey, keyServer, published, signed } from './issuer.ts'
import { CLIENT } from './open-id-provider.ts'
import { AUDIENCE, goodClaims, ISSUER, now, SECRET, token } from './tokens.ts'

const common = { issuer: ISSUER, audience: AUDIENCE }
const local = { ...common, secret: SECRET }
const ROOM = { entries: 80, bytes: 1024 * 1024 }
const CACHES = { 'as it is': undefined, 'with none': false, 'with hardly any room': { entries: 8 } } as const

function send (app: FastifyInstance, credentials: string, url = '/') {
  return app.inject({ url, headers: { authorization: `Bearer ${credentials}` } })
}

/** What is kept of tokens signed with the secret, and how often one was verified. */
async function counted ({ typed = true } = {}) {
  const verify = await createTokenVerifier({ key: Buffer.from(SECRET), algorithms: ['HS256'], issuers: [ISSUER], audiences: [AUDIENCE], clockTolerance: 5 })
  const asked: string[] = []
  const read = tokenReader({
    verify (token) {
      asked.push(token)
      return verify(token)
    },
    typed,
    profile: false,
  })
  return { read: keptTokens(read, ROOM), asked }
}

/** The time as it will be. */
function later (t: Test, seconds: number): void {
  const real = Date.now
  t.intercept(Date, 'now', { value: () => real() + seconds * 1000 })
}

t.test('a token is verified when it comes first and when it comes again, and then kept', async (t) => {
  const { read, asked } = await counted()
  const good = token(goodClaims())
  t.equal((await read(good)).kind, 'token')
  const second = await read(good)
  t.equal(second.kind, 'token')
  for (let i = 0; i < 3; i++) t.equal(await read(good), second)
  t.strictSame(asked, [good, good])
})

t.test('a wrong token is verified each time: nothing is kept of it, and it does nothing to the right one', async (t) => {
  const { read, asked } = await counted()
  const good = token(goodClaims())
  await read(good)
  await read(good)
  const forged = [token({ ...goodClaims(), sub: 'eve' }, {}, `another: ${SECRET}`), good.slice(0, -1), `${good}A`, good.toUpperCase(), '.', 'x']
  for (const wrong of forged) {
    for (let i = 0; i < 3; i++) t.match(await read(wrong), { kind: 'invalid' })
    t.equal(asked.filter((one) => one === wrong).length, 3)
  }
  t.match(await read(good), { kind: 'token', claims: { sub: 'ada' } })
  t.equal(asked.filter((one) => one === good).length, 2)
})

t.test('authn B8: what is no token68 goes no further than to a verifier of JWTs, which takes nothing of it apart: no server is asked about it', async (t) => {
  for (const typed of [true, false]) {
    const { read, asked } = await counted({ typed })
    for (const none of ['', ' ', '=', 'a=b', 'a b', `${token(goodClaims())},`, 'ä', '\0']) {
      for (let i = 0; i < 2; i++) t.match(await read(none), { kind: 'invalid', reason: /^there is no token, or it has characters/ })
    }
    if (!typed) t.strictSame(asked, [])
  }
})

t.test('two tokens never meet: of tokens that differ in one character each is judged by itself', async () => {
  const { read, asked } = await counted()
  const good = token(goodClaims())
  await read(good)
  await read(good)
  fc.assert(fc.property(fc.nat(good.length - 1), fc.constantFrom(...'ABCDefgh0189-_.'), (at, character) => {
    const other = good.slice(0, at) + character + good.slice(at + 1)
    const before = asked.length
    const { kind } = read(other) as Reading
    if (other === good) return kind === 'token' && asked.length === before
    // The last character of a signature has bits that say nothing: such a token is right, and may have been kept as itself.
    return at === good.length - 1 || (kind === 'invalid' && asked.length === before + 1)
  }))
})

t.test('authn K3: a kept token ends when the token does, without being verified again, and is not kept any longer', async (t) => {
  const { read, asked } = await counted()
  const short = token({ ...goodClaims(), exp: now() + 60 })
  for (let i = 0; i < 3; i++) t.equal((await read(short)).kind, 'token')
  t.equal(asked.length, 2)
  t.test('after that', async (t) => {
    later(t, 66)
    t.strictSame(await read(short), { kind: 'invalid', reason: 'the token has expired', guessed: false })
    t.equal(asked.length, 2)
    t.strictSame(await read(short), { kind: 'invalid', reason: 'the token has expired', guessed: false })
    t.equal(asked.length, 3)
  })
})

t.test('authn K3: a clock that is set back ends a kept token that is not valid yet', async (t) => {
  const { read } = await counted()
  const soon = token({ ...goodClaims(), nbf: now() - 10 })
  for (let i = 0; i < 2; i++) t.equal((await read(soon)).kind, 'token')
  t.test('before that', async (t) => {
    later(t, -20)
    t.match(await read(soon), { kind: 'invalid', reason: 'the token is not valid yet' })
  })
})

t.test('a token that was ended is refused at its very next use, however often it was good', async (t) => {
  for (const [name, cache] of Object.entries(CACHES)) {
    const revocations = revocationList()
    const app = Fastify()
    t.teardown(() => app.close())
    await app.register(gatehouse, { realm: 'newsroom', schemes: [bearer({ ...local, cache, revocations })] })
    app.get('/', { config: { access: authenticated() } }, () => 'in')
    const good = token({ ...goodClaims(), jti: 'one' })
    for (let i = 0; i < 3; i++) t.equal((await send(app, good)).statusCode, 200, name)
    await revocations.revokeToken({ issuer: ISSUER, subject: 'ada', jti: 'one', expiresAt: now() + 600 })
    t.equal((await send(app, good)).statusCode, 401, name)
  }
})

t.test('authn L5: a kept token ends when its key is no longer published, and until keys are fetched again there is no question', async (t) => {
  const [one, two] = [issuerKey('ES256', 'one'), issuerKey('ES256', 'two')]
  const server = await keyServer(t, one)
  const clock = handClock(Date.now())
  const app = await gate(t, [bearer({ ...common, jwks: { url: server.url, maxAge: 60, maxStale: 60, now: clock.now } })])
  const good = signed(one, goodClaims())
  for (let i = 0; i < 3; i++) t.equal((await send(app, good)).statusCode, 200)
  t.equal(server.asked.length, 1)
  clock.advance(60_000)
  t.equal((await send(app, good)).statusCode, 200, 'the key is published still')
  t.equal(server.asked.length, 2)
  server.answer = published(two)
  t.equal((await send(app, signed(two, goodClaims()))).statusCode, 401, 'within the cool-down')
  clock.advance(30_000)
  t.equal((await send(app, signed(two, goodClaims()))).statusCode, 200, 'another token made the fetch')
  t.equal((await send(app, good)).statusCode, 401)
  t.equal(server.asked.length, 3)
})

t.test('authn L2: who makes keys be fetched, by a key that there is none of, makes no kept token be verified again while they are the same', async (t) => {
  const key = issuerKey('ES256', 'one')
  const server = await keyServer(t, key)
  const clock = handClock(Date.now())
  const verify = keySetVerifier('bearer()', { url: server.url, now: clock.now }, undefined, { issuers: [ISSUER], audiences: [AUDIENCE], clockTolerance: 5 })
  let verified = 0
  const read = keptTokens(tokenReader({
    verify (token) {
      verified++
      return verify(token)
    },
    typed: true,
    profile: false,
  }), ROOM)
  const good = signed(key, goodClaims())
  for (let i = 0; i < 3; i++) t.equal((await read(good)).kind, 'token')
  t.equal(verified, 2)
  clock.advance(31_000)
  t.equal((await read(signed(issuerKey('ES256', 'nobody'), goodClaims()))).kind, 'invalid')
  t.equal(server.asked.length, 2)
  t.equal((await read(good)).kind, 'token')
  t.equal(verified, 3, 'the stranger\'s, and no other')
  server.answer = published(issuerKey('ES256', 'one'))
  clock.advance(31_000)
  t.equal((await read(signed(issuerKey('ES256', 'nobody'), goodClaims()))).kind, 'invalid')
  t.equal((await read(good)).kind, 'invalid', 'another key by the same name')
})

t.test('law 10, authn L3: where keys cannot be fetched a kept token serves as long as its key does, and not longer', async (t) => {
  const key = issuerKey('ES256', 'one')
  const server = await keyServer(t, key)
  const clock = handClock(Date.now())
  const app = await gate(t, [bearer({ ...common, jwks: { url: server.url, maxAge: 60, maxStale: 60, now: clock.now } })])
  const good = signed(key, goodClaims())
  for (let i = 0; i < 3; i++) t.equal((await send(app, good)).statusCode, 200)
  server.answer = json({}, 500)
  clock.advance(61_000)
  t.equal((await send(app, good)).statusCode, 200)
  clock.advance(60_000)
  t.equal((await send(app, good)).statusCode, 503)
})

t.test('authn P8: what a kept token is bound to is asked at each use', async (t) => {
  const tokens = accessTokens(local)
  await tokens.prepare()
  const bound = token({ ...goodClaims(), cnf: { jkt: 'thumbprint' } })
  const request = { raw: {} } as FastifyRequest
  for (let i = 0; i < 3; i++) {
    t.equal((await tokens.check(bound, request, { kind: 'dpop', thumbprint: 'thumbprint' })).kind, 'token')
    t.equal((await tokens.check(bound, request, { kind: 'dpop', thumbprint: 'another' })).kind, 'invalid')
    t.equal((await tokens.check(bound, request, { kind: 'bearer' })).kind, 'invalid')
  }
})

t.test('authn K2: no scheme knows what another one has kept', async (t) => {
  const other = { ...local, secret: `another: ${SECRET}` }
  const app = Fastify()
  t.teardown(() => app.close())
  const [ours, theirs] = [bearer(local), bearer(other)]
  await app.register(gatehouse, { realm: 'newsroom', throttle: false, schemes: [ours] })
  app.get('/', { config: { access: authenticated() } }, () => 'in')
  app.get('/theirs', { config: { access: authenticated({ schemes: [theirs] }) } }, () => 'in')
  const good = token(goodClaims())
  for (let i = 0; i < 3; i++) {
    t.equal((await send(app, good)).statusCode, 200)
    t.equal((await send(app, good, '/theirs')).statusCode, 401)
  }
})

t.test('requests share nothing that they can change: each has its own user, whose lists and objects are frozen', async (t) => {
  const own = (user: Readonly<Record<string, unknown>>) => ({ ...user, before: (user['roles'] as unknown[]).length })
  for (const [name, cache] of Object.entries(CACHES)) {
    for (const identify of [undefined, own] as const) {
      const app = Fastify()
      t.teardown(() => app.close())
      const options = { ...local, cache, ...identify === undefined ? {} : { identify } } as unknown as BearerOptions
      await app.register(gatehouse, { realm: 'newsroom', schemes: [bearer(options)] })
      const seen: unknown[] = []
      app.get('/', { config: { access: authenticated() } }, (request) => {
        const user = request.user as unknown as { admin?: boolean, roles: string[], address: { city: string } }
        seen.push(user.admin)
        user.admin = true
        t.throws(() => user.roles.push('admin'), TypeError)
        t.throws(() => { user.address.city = 'elsewhere' }, TypeError)
        return user
      })
      const good = token({ ...goodClaims(), address: { city: 'Oslo' } })
      for (let i = 0; i < 6; i++) t.match((await send(app, good)).json(), { roles: ['editor'], address: { city: 'Oslo' } }, name)
      t.strictSame(seen, Array.from({ length: 6 }, () => undefined))
    }
  }
})

t.test('law 3: scopes of a kept token are those of the token, whatever a handler does to them', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(gatehouse, { realm: 'newsroom', schemes: [bearer(local)] })
  app.get('/push', { config: { access: authenticated() } }, (request) => {
    t.throws(() => (request.auth?.scopes as string[]).push('admin'), TypeError)
    return 'tried'
  })
  app.get('/admin', { config: { access: scope('admin') } }, () => 'in')
  const good = token({ ...goodClaims(), scope: 'read' })
  for (let i = 0; i < 3; i++) {
    t.equal((await send(app, good, '/push')).statusCode, 200)
    t.equal((await send(app, good, '/admin')).statusCode, 403)
  }
})

t.test('a kept token takes the room of the token, not of the header or the address that it was cut from', async (t) => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const key = issuerKey('ES256', 'one')
  const accepted = { issuers: [ISSUER], audiences: [AUDIENCE], clockTolerance: 5 }
  const bySecret = await createTokenVerifier({ key: Buffer.from(SECRET), algorithms: ['HS256'], ...accepted })
  const byKeySet = keySetVerifier('bearer()', (await keyServer(t, key)).url, undefined, accepted)
  const heap = () => {
    collect()
    return process.memoryUsage().heapUsed
  }
  for (const [verify, sign] of [[bySecret, token], [byKeySet, (claims: object) => signed(key, claims)]] as const) {
    const read = keptTokens(tokenReader({ verify, typed: true, profile: false }), ROOM)
    const good = Array.from({ length: 40 }, (_, index) => sign({ ...goodClaims(), jti: `${index}` }))
    for (const one of good) await read(one)
    const before = heap()
    for (const one of good) {
      const header = Buffer.from('x'.repeat(1_000_000) + one).toString('latin1')
      t.equal((await read(header.slice(-one.length))).kind, 'token')
    }
    const grown = (heap() - before) / 1e6
    t.ok(grown < 10, `${grown} MB of 40 were kept`)
    for (const one of good) t.equal((await read(one)).kind, 'token')
  }
})

t.test('what takes much room is estimated to take much room', async (t) => {
  const { read } = await counted()
  const bytesOf = async (claims: object) => {
    const reading = await read(token({ ...goodClaims(), ...claims }))
    return reading.kind === 'token' ? reading.bytes : 0
  }
  const plain = await bytesOf({})
  t.ok(plain > 1024 && plain < 8192, `${plain} bytes`)
  t.ok(await bytesOf({ many: Array.from({ length: 1000 }, () => ({})) }) > plain + 64_000)
  t.ok(await bytesOf({ scope: 'a '.repeat(1000) }) > plain + 32_000 + 4 * 2000)
  t.ok(await bytesOf(Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`claim${index}`, index]))) > plain + 64_000)
})

t.test('what somebody else has checked is not kept: its verifier must be asked again', async (t) => {
  const { read, asked } = await counted()
  const known = await read(token(goodClaims()))
  t.equal(known.kind === 'token' && known.later(), 'good')
  t.equal(new ReadToken('x', { iss: ISSUER, sub: 'ada', exp: now() + 600 }).later(), 'unknown')
  const others = keptTokens(async (token) => {
    asked.push(token)
    return new ReadToken(token, { iss: ISSUER, sub: 'ada', exp: now() + 600 })
  }, ROOM)
  for (let i = 0; i < 4; i++) t.equal((await others('opaque')).kind, 'token')
  const tokens = accessTokens(local)
  await tokens.prepare()
  const claims = { iss: ISSUER, sub: 'ada', exp: now() + 600, scope: 'read' }
  t.match(await tokens.conclude({ token: 'x', claims }, { raw: {} } as FastifyRequest), { kind: 'user', user: { id: 'ada' }, auth: { scopes: ['read'] } })
  t.equal(asked.filter((one) => one === 'opaque').length, 4)
})

t.test('identify may add to the claims that it gets: the next request has them as they were', async (t) => {
  const app = await gate(t, [bearer({ ...local, identify: (claims) => Object.assign(claims as Record<string, unknown>, { id: claims.sub, seen: claims['seen'] ?? 'never' }) as never })])
  const good = token(goodClaims())
  for (let i = 0; i < 3; i++) t.match((await send(app, good)).json(), { user: { id: 'ada', seen: 'never' } })
})

t.test('law 2: claims that are nested as deep as a token can hold are frozen and read like any others', async (t) => {
  const app = await gate(t, [bearer({ ...local, maxLength: 65_536 })])
  const depth = 20_000
  const claims = JSON.stringify(goodClaims()).replace(/\}$/, `,"deep":${'['.repeat(depth)}${']'.repeat(depth)}}`)
  const tokens = accessTokens({ ...local, maxLength: 65_536 })
  await tokens.prepare()
  for (let i = 0; i < 2; i++) t.equal((await tokens.check(token(claims), { raw: {} } as FastifyRequest, { kind: 'bearer' })).kind, 'token')
  t.equal((await send(app, 'x')).statusCode, 401)
})

t.test('options of what is kept that make no sense stop the start and name the mend', (t) => {
  const introspection = { endpoint: 'https://issuer.example/introspect', ...CLIENT }
  const publicKey = createPublicKey(issuerKey('ES256').privateKey)
  for (const cache of [undefined, false, {}, { entries: 8, bytes: 1024 * 1024 }] as const) t.ok(bearer({ ...common, publicKey, cache }))
  const wrong: Array<[unknown, RegExp]> = [
    [{ ...local, cache: true }, /cache: true was given; allowed is false, or an object with entries and bytes/],
    [{ ...local, cache: 5 }, /cache: 5 was given/],
    [{ ...local, cache: null }, /cache: null was given/],
    [{ ...local, cache: { size: 5 } }, /there is no option 'size'/],
    [{ ...local, cache: { entries: 7 } }, /cache entries: 7 was given; allowed is a whole number of tokens from 8 to 10000000/],
    [{ ...local, cache: { bytes: 1 } }, /cache bytes: 1 was given; allowed is a whole number of bytes from 1048576/],
    [{ ...common, introspection, cache: false }, /`cache` is for tokens that are verified here; how long an answer of the server counts, `introspection\.cacheFor` says/],
  ]
  for (const [options, message] of wrong) t.throws(() => bearer(options as never), { code: 'FST_GATEHOUSE_OPTION', message }, String(message))
  t.end()
})
