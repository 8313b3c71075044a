import { createHash, createHmac, randomBytes } from 'node:crypto'
import t from 'tap'
import fc from 'fast-check'
import Fastify, { type FastifyInstance } from 'fastify'
import gatehouse, { authenticated, scope } from '../../lib/index.ts'
import { apiKey, type ApiKeyOptions } from '../../lib/authentication/schemes/api-key.ts'
import { basic } from '../../lib/authentication/schemes/basic.ts'
import type { KeyRecord } from '../../lib/authentication/schemes/key-record.ts'
import { createApiKey, readKey } from '../../lib/authentication/schemes/key-text.ts'
import { gate, rawGet } from './gate.ts'

const NOW = Date.UTC(2026, 10, 30)
const now = () => NOW
const seconds = NOW / 1000
const bot = { id: 'bot' }

const { key, hash } = createApiKey('k1')
const secret = key.slice('k1.'.length)

/** A gate whose one key has this record. */
function gateFor (t: Parameters<typeof gate>[0], record: Partial<KeyRecord> = {}, options: Partial<ApiKeyOptions> = {}) {
  return gate(t, [apiKey({ lookup: (prefix) => prefix === 'k1' ? { hash, user: bot, ...record } : null, now, ...options })])
}

function send (app: FastifyInstance, text: string) {
  return app.inject({ url: '/', headers: { 'x-api-key': text } })
}

t.test('authn K1a: a key is its user, from a header of its own and from Authorization, in any case', async (t) => {
  const app = await gateFor(t, { scopes: ['articles:read'], expiresAt: seconds + 60 })
  for (const line of [`x-api-key: ${key}`, `X-API-KEY: ${key}`, `Authorization: ApiKey ${key}`, `authorization: aPIkEY   ${key}`]) {
    const response = await rawGet(app, [line])
    t.equal(response.status, 200, line)
    t.strictSame(JSON.parse(response.body), {
      kind: 'user', user: bot, auth: { scheme: 'ApiKey', scopes: ['articles:read'], authTime: null, acr: null, expiresAt: seconds + 60 }, scheme: 'ApiKey', place: /^x/i.test(line) ? 'header' : 'authorization',
    })
  }
})

t.test('authn T2: secret-token: may stand in front of a key, in any case', async (t) => {
  const app = await gateFor(t)
  for (const line of [`x-api-key: secret-token:${key}`, `Authorization: ApiKey SECRET-Token:${key}`]) t.equal((await rawGet(app, [line])).status, 200, line)
  t.equal((await send(app, `secret-token:secret-token:${key}`)).statusCode, 401)
})

t.test('authn K1a, H1: a stranger gets ApiKey with the realm', async (t) => {
  const challenge = async (options: Partial<ApiKeyOptions>) => (await (await gateFor(t, {}, options)).inject('/')).headers['www-authenticate']
  t.equal(await challenge({}), 'ApiKey realm="newsroom"')
  t.equal(await challenge({ realm: 'the "feeds"' }), 'ApiKey realm="the \\"feeds\\""')
  t.equal(await challenge({ scheme: 'Feed-Key' }), 'Feed-Key realm="newsroom"')
  t.equal(await challenge({ scheme: false }), 'ApiKey realm="newsroom"', 'a 401 needs a challenge, wherever the key is to be')
})

t.test('authn K1a: header and auth-scheme have names of choice, or are switched off', async (t) => {
  const named = await gateFor(t, {}, { header: 'X-Feed-Key', scheme: 'Feed' })
  t.equal((await rawGet(named, [`x-feed-key: ${key}`])).status, 200)
  t.equal((await rawGet(named, [`Authorization: feed ${key}`])).status, 200)
  t.match(JSON.parse((await rawGet(named, [`x-api-key: ${key}`])).body), { kind: 'nothing' })
  t.match(JSON.parse((await rawGet(named, [`Authorization: ApiKey ${key}`])).body), { kind: 'nothing' })
  const headerOnly = await gateFor(t, {}, { scheme: false })
  t.equal((await send(headerOnly, key)).statusCode, 200)
  t.match(JSON.parse((await rawGet(headerOnly, [`Authorization: ApiKey ${key}`])).body), { kind: 'nothing' })
  const schemeOnly = await gateFor(t, {}, { header: false })
  t.equal((await rawGet(schemeOnly, [`Authorization: ApiKey ${key}`])).status, 200)
  t.match((await send(schemeOnly, key)).json(), { kind: 'nothing' })
})

t.test('authn K1a: the query is not looked at', async (t) => {
  const app = await gateFor(t)
  t.match((await app.inject(`/?x-api-key=${key}&api_key=${key}&ApiKey=${key}`)).json(), { kind: 'nothing' })
})

t.test('authn K1a: two keys are a 400, also the same one twice, and also a key beside another credential', async (t) => {
  const lookup = () => ({ hash, user: bot })
  const app = await gate(t, [apiKey({ lookup }), basic({ verify: () => true })])
  const both = await rawGet(app, [`x-api-key: ${key}`, `Authorization: ApiKey ${key}`])
  t.equal(both.status, 400)
  t.same(JSON.parse(both.body).schemes, ['ApiKey'])
  t.equal((await rawGet(app, [`Authorization: ApiKey ${key}`, `Authorization: ApiKey ${key}`])).status, 400)
  t.equal((await rawGet(app, [`x-api-key: ${key}`, `Authorization: Basic ${btoa('a:b')}`])).status, 400)
  t.equal((await rawGet(app, ['x-api-key: wrong', `Authorization: ApiKey ${key}`])).status, 400, 'a malformed one counts')
})

t.test('authn K1a: two lines of the header are a malformed key, whichever of them is right', async (t) => {
  const app = await gateFor(t)
  for (const lines of [[key, key], [key, 'x'], ['x', key], ['', key]]) {
    const response = await rawGet(app, lines.map((line) => `X-API-Key: ${line}`))
    t.equal(response.status, 401, JSON.stringify(lines))
    t.match(JSON.parse(response.body), { kind: 'invalid', reason: /^the key is not a prefix, a dot/ })
  }
})

t.test('authn K1a: what is no key is a 401, and nobody is asked for it', async (t) => {
  const asked: string[] = []
  const app = await gate(t, [apiKey({ lookup: (prefix) => { asked.push(prefix); return null } })])
  const malformed = [
    '', 'k1', '.', 'k1.', `.${secret}`, 'k1.short', `k1.${'a'.repeat(21)}`, `k1_${secret}`, `k1.${secret}.`, `k1.x.${secret}`, `k1 .${secret}`, `-k1.${secret}`, `__proto__.${secret}`,
    `${'k'.repeat(65)}.${secret}`, `k1.${secret}=`, `k1.${secret}+`, `k1.${secret}, x`, `k1.${secret}\xff`, `k1.${'a'.repeat(510)}`, `"${key}"`, `secret-token ${key}`, `Bearer ${key}`,
  ]
  for (const text of malformed) {
    for (const line of [`X-API-Key: ${text}`, `Authorization: ApiKey ${text}`]) {
      const response = await rawGet(app, [line])
      t.equal(response.status, 401, line.slice(0, 60))
      t.match(response.head, /www-authenticate: ApiKey realm="newsroom"\r\n/i, line.slice(0, 60))
      t.match(JSON.parse(response.body), { kind: 'invalid', error: 'invalid_credentials', reason: /^the key is not a prefix, a dot/ })
    }
  }
  t.same(asked, [])
  await send(app, `k.${'a'.repeat(510)}`)
  t.same(asked, ['k'], '512 characters are still looked at, and so is the whole alphabet')
  await send(app, `Ab-9_.${'-_09azAZ'.repeat(3)}`)
  t.same(asked, ['k', 'Ab-9_'])
})

t.test('authn K1a: unknown, wrong, revoked, expired and not yet valid are one answer; the log learns which', async (t) => {
  const other = `k1.${randomBytes(32).toString('base64url')}`
  const cases: Array<[record: Partial<KeyRecord>, text: string, reason: string]> = [
    [{}, `k2.${secret}`, 'no key has this prefix'],
    [{}, other, 'the key is wrong'],
    [{ hash: [] }, key, 'the key is wrong'],
    [{ revoked: true }, other, 'the key is wrong'],
    [{ revoked: true }, key, 'the key is revoked'],
    [{ revoked: 1 as never }, key, 'the key is revoked'],
    [{ expiresAt: seconds }, key, 'the key has expired'],
    [{ expiresAt: new Date(NOW) }, key, 'the key has expired'],
    [{ expiresAt: -1 }, key, 'the key has expired'],
    [{ notBefore: seconds + 1 }, key, 'the key is not valid yet'],
    [{ notBefore: new Date(NOW + 1000) }, key, 'the key is not valid yet'],
  ]
  for (const [record, text, reason] of cases) {
    const response = await send(await gateFor(t, record), text)
    t.equal(response.json().reason, reason)
    t.equal(response.statusCode, 401, reason)
  }
  const answers = await Promise.all(cases.map(async ([record, text]) => {
    const app = Fastify()
    t.teardown(() => app.close())
    await app.register(gatehouse, { realm: 'newsroom', schemes: [apiKey({ lookup: (prefix) => prefix === 'k1' ? { hash, user: bot, ...record } : null, now })] })
    app.get('/', { config: { access: authenticated() } }, () => 'in')
    const { statusCode, headers, body } = await app.inject({ url: '/', headers: { 'x-api-key': text } })
    return { statusCode, body, headers: { ...headers, date: '' } }
  }))
  for (const answer of answers) t.strictSame(answer, answers[0])
})

t.test('authn K1a: a key is good from notBefore until just before expiresAt, whatever else is null', async (t) => {
  const records: Array<Partial<KeyRecord>> = [
    { notBefore: seconds, expiresAt: seconds + 1 },
    { notBefore: new Date(NOW), expiresAt: new Date(NOW + 1000) },
    { notBefore: null, expiresAt: null, revoked: null, scopes: null },
    { revoked: false },
  ]
  for (const record of records) t.equal((await send(await gateFor(t, record), key)).statusCode, 200)
  const response = await send(await gateFor(t, { expiresAt: new Date(NOW + 1999) }), key)
  t.strictSame(response.json().auth, { scheme: 'ApiKey', scopes: [], authTime: null, acr: null, expiresAt: seconds + 1 })
})

t.test("authn K1a: without a clock of its own it is the computer's", async (t) => {
  const app = await gate(t, [apiKey({ lookup: (prefix) => ({ hash, user: bot, expiresAt: prefix === 'k1' ? new Date(Date.now() + 60_000) : 0 }) })])
  t.equal((await send(app, key)).statusCode, 200)
})

t.test('authn K1a: while a key is rotated the old and the new one count, in any order', async (t) => {
  const next = createApiKey('k1')
  for (const hashes of [[hash, next.hash], [next.hash, hash], [next.hash.toUpperCase(), 'f'.repeat(64), hash]]) {
    const app = await gateFor(t, { hash: hashes })
    t.equal((await send(app, key)).statusCode, 200)
    t.equal((await send(app, next.key)).statusCode, 200)
    t.equal((await send(app, createApiKey('k1').key)).statusCode, 401)
  }
})

t.test('authn K1a: with a pepper the hash is an HMAC, and a plain one does not count', async (t) => {
  const pepper = randomBytes(32)
  const peppered = createApiKey('k1', { pepper })
  t.equal(peppered.hash, createHmac('sha256', pepper).update(peppered.key).digest('hex'))
  const app = await gateFor(t, { hash: peppered.hash }, { pepper })
  t.equal((await send(app, peppered.key)).statusCode, 200)
  t.equal((await send(await gateFor(t, {}, { pepper }), key)).statusCode, 401)
  t.equal((await send(await gateFor(t, { hash: peppered.hash }), peppered.key)).statusCode, 401)
  const text = 'p'.repeat(32)
  t.equal((await send(await gateFor(t, { hash: createApiKey('k1', { pepper: text }).hash }, { pepper: text }), key)).statusCode, 401)
})

t.test('authn K1a: a new key has 256 random bits, and its hash is the SHA-256 of all of it', async (t) => {
  const made = createApiKey('live-7')
  t.match(made.key, /^live-7\.[0-9A-Za-z_-]{43}$/)
  t.equal(made.hash, createHash('sha256').update(made.key).digest('hex'))
  t.not(createApiKey('live-7').key, made.key)
  for (const prefix of ['', '-x', '_x', 'a.b', 'a b', 'ü', 'k'.repeat(65), 7, undefined]) {
    t.throws(() => createApiKey(prefix as never), { code: 'FST_GATEHOUSE_OPTION', message: /the prefix must have 1 to 64 letters, digits/ })
  }
  t.throws(() => createApiKey('k', { pepper: 'short' }), { code: 'FST_GATEHOUSE_OPTION', message: /createApiKey\(\) pepper: it has 5 bytes; at least 32/ })
})

t.test('law 10: a look-up that fails, or a record that makes no sense, is a 503', async (t) => {
  const down = [() => { throw new Error('down') }, async () => { throw new Error('down') }]
  for (const lookup of down) t.equal((await send(await gate(t, [apiKey({ lookup })]), key)).statusCode, 503)
  const senseless: Array<[unknown, RegExp]> = [
    [{ hash: undefined, user: bot }, /hash is not a SHA-256 in hex/],
    [{ hash: hash.slice(1), user: bot }, /hash is not/],
    [{ hash: [hash, key], user: bot }, /hash is not/],
    [[{ hash, user: bot }], /hash is not/],
    [true, /hash is not/],
    ['k1', /hash is not/],
    [{ hash, user: 'bot' }, /where a user object is due/],
    [{ hash }, /returned undefined where a user object is due/],
    [{ hash, user: bot, scopes: 'a b' }, /returned scopes that are no list/],
    [{ hash, user: bot, expiresAt: '2999-01-01' }, /expiresAt is neither a Date nor seconds since 1970/],
    [{ hash, user: bot, expiresAt: new Date(Number.NaN) }, /expiresAt is neither/],
    [{ hash, user: bot, expiresAt: Number.NaN }, /expiresAt is neither/],
    [{ hash, user: bot, expiresAt: Infinity }, /expiresAt is neither/],
    [{ hash, user: bot, expiresAt: NOW + 60_000 }, /expiresAt is neither/],
    [{ hash, user: bot, notBefore: 'today' }, /notBefore is neither/],
  ]
  for (const [record, reason] of senseless) {
    for (const lookup of [() => record as KeyRecord, async () => record as KeyRecord]) {
      const response = await send(await gate(t, [apiKey({ lookup })]), key)
      t.equal(response.statusCode, 503, String(reason))
      t.match(response.json().reason, reason)
    }
  }
})

t.test('authn K2a, law 7: neither the answer nor the log holds a key, whatever became of it', async (t) => {
  const lines: string[] = []
  const records: ReadonlyArray<() => KeyRecord | null> = [() => ({ hash, user: bot }), () => null, () => ({ hash, user: bot, revoked: true }), () => ({ hash: 'x', user: bot }), () => { throw new Error('down') }]
  for (const lookup of records) {
    const app = Fastify({ logger: { level: 'trace', stream: { write: (line: string) => { lines.push(line) } } } })
    t.teardown(() => app.close())
    await app.register(gatehouse, { schemes: [apiKey({ lookup })] })
    app.get('/', { config: { access: authenticated() } }, () => 'in')
    for (const headers of [{ 'x-api-key': key }, { 'x-api-key': `${key}, ${key}` }, { authorization: `ApiKey ${key}` }, { authorization: `ApiKey ${key}`, 'x-api-key': key }]) {
      const response = await app.inject({ url: '/', headers })
      t.notOk(JSON.stringify(response.headers).includes(secret) || response.body.includes(secret))
    }
  }
  t.not(lines.length, 0)
  t.notOk(lines.join('').includes(secret))
})

t.test('a key without the scope is a plain 403, and every answer varies with both headers and is private', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(gatehouse, { schemes: [apiKey({ lookup: async () => ({ hash, user: bot, scopes: ['articles:read'] }) })] })
  app.get('/', { config: { access: scope('articles:read') } }, (request) => request.user)
  app.post('/', { config: { access: scope('articles:write') } }, () => 'written')
  const read = await app.inject({ url: '/', headers: { 'x-api-key': key } })
  t.strictSame(read.json(), bot)
  t.match(read.headers, { vary: 'Authorization, X-API-Key', 'cache-control': 'private' })
  const write = await app.inject({ method: 'POST', url: '/', headers: { 'x-api-key': key } })
  t.equal(write.statusCode, 403)
  t.equal(write.json().code, 'insufficient_scope')
  t.notOk('www-authenticate' in write.headers)
})

t.test('the scheme says of itself that it is a token which cannot be guessed, and what its answers depend on', async (t) => {
  const lookup = () => null
  t.match(apiKey({ lookup }), { name: 'ApiKey', family: 'token', guessable: false, oauth: false, varyOn: ['Authorization', 'X-API-Key'] })
  t.strictSame(apiKey({ lookup, header: 'x-feed-key', scheme: false }).varyOn, ['X-Feed-Key'])
  t.strictSame(apiKey({ lookup, header: false, scheme: 'Bearer' }).varyOn, ['Authorization'])
})

t.test('options that make no sense stop the start and name the mend', async (t) => {
  const lookup = () => null
  const wrong: Array<[unknown, RegExp]> = [
    [undefined, /apiKey\(\): the options must be an object with lookup, header/],
    [{}, /apiKey\(\) lookup: undefined was given; allowed is a function/],
    [{ lookup, heder: 'x' }, /there is no option 'heder'; .* Did you mean "header"\?/],
    [{ lookup, header: false, scheme: false }, /`header` and `scheme` are both false/],
    [{ lookup, header: '' }, /apiKey\(\) header: '' was given; allowed is the name of a header/],
    [{ lookup, header: 'x key' }, /header: 'x key' was given/],
    [{ lookup, header: true }, /header: true was given/],
    [{ lookup, header: 'Authorization' }, /header: 'Authorization' was given; allowed is the name of a header that has no other meaning/],
    [{ lookup, header: 'Cookie' }, /header: 'Cookie' was given/],
    [{ lookup, scheme: 'Api Key' }, /apiKey\(\) scheme: 'Api Key' was given; allowed is a token/],
    [{ lookup, scheme: true }, /scheme: true was given/],
    [{ lookup, realm: 'Büro' }, /realm: 'Büro' was given; allowed is a text of printable ASCII characters/],
    [{ lookup, realm: 7 }, /realm: 7 was given/],
    [{ lookup, pepper: 7 }, /apiKey\(\) pepper: it must be a text or a Buffer/],
    [{ lookup, pepper: 'too short a pepper' }, /apiKey\(\) pepper: it has 18 bytes; at least 32 are needed/],
    [{ lookup, now: 7 }, /apiKey\(\) now: 7 was given; allowed is a function/],
  ]
  for (const [options, message] of wrong) t.throws(() => apiKey(options as never), { code: 'FST_GATEHOUSE_OPTION', message })
  t.throws(() => apiKey({ lookup, pepper: 'too short a pepper' }), { message: /^((?!short a).)*$/ }, 'a pepper is not shown')
})

t.test('law 2: whatever is sent as a key, the answer is a 401 or the user of exactly that key', async (t) => {
  const alphabet = fc.string({ unit: fc.constantFrom('k', '1', '.', '-', '_', 'A', '=', ' ', ',', ':', '"', '\xff', '\t') })
  const near = fc.tuple(fc.nat(key.length), fc.nat(key.length), alphabet).map(([from, to, put]) => key.slice(0, from) + put + key.slice(to))
  const app = await gateFor(t)
  await fc.assert(fc.asyncProperty(fc.oneof(alphabet, near, fc.constant(key)), async (text) => {
    for (const headers of [{ 'x-api-key': text }, { authorization: `ApiKey ${text}` }] as ReadonlyArray<Record<string, string>>) {
      const right = 'authorization' in headers ? text.replace(/^ +/, '') === key : text === key
      const { statusCode } = await app.inject({ url: '/', headers })
      if (statusCode !== (right ? 200 : 401)) return false
    }
    return true
  }), { numRuns: 200 })
  t.pass()
})

t.test('authn K1a: what is read as a key is its prefix, a dot and a secret, and no longer than it may be', async (t) => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => readKey(text) === null))
  fc.assert(fc.property(fc.stringMatching(/^[0-9A-Za-z][0-9A-Za-z_-]{0,63}$/), fc.stringMatching(/^[0-9A-Za-z_-]{22,430}$/), (prefix, rest) => {
    const read = readKey(`${prefix}.${rest}`)
    return read?.prefix === prefix && read.key === `${prefix}.${rest}`
  }))
  t.pass()
})
