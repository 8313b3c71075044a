import { createSecretKey, generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import fc from 'fast-check'
import { keySet, type KeySet, type KeySetOptions } from '../../lib/stores/key-set.ts'
import { issuerKey, keyServer, published } from '../authentication/issuer.ts'
import { handClock } from './hand-clock.ts'
import { json, jsonServer, plain, troubles, type JsonServer, type Trouble } from './json-server.ts'

const SECOND = 1000
const one = issuerKey('ES256', 'one')
const two = issuerKey('ES256', 'two')

function fetched (server: JsonServer, more: Partial<KeySetOptions> = {}) {
  const clock = handClock()
  const keys = keySet({
    url: new URL(server.url),
    timeout: 5 * SECOND,
    maxAge: 600 * SECOND,
    cooldown: 30 * SECOND,
    maxStale: 3600 * SECOND,
    now: clock.now,
    failed: () => {},
    ...more,
  })
  return { keys, clock }
}

async function kindOf (keys: KeySet, kid: string): Promise<string> {
  return (await keys.find({ alg: 'ES256', kid })).kind
}

t.test('nothing is fetched before a token asks, and then once for all that ask at the same time', async (t) => {
  const server = await keyServer(t, one)
  const { keys } = fetched(server)
  t.equal(server.asked.length, 0)
  const kinds = await Promise.all(Array.from({ length: 50 }, () => kindOf(keys, 'one')))
  t.ok(kinds.every((kind) => kind === 'keys'))
  t.equal(server.asked.length, 1)
  t.match(server.asked[0], { method: 'GET', body: '' })
})

t.test('authn L1: unknown keys make one fetch in a cool-down, however many they are', async (t) => {
  const server = await keyServer(t, one)
  const { keys, clock } = fetched(server)
  for (let i = 0; i < 50; i++) t.equal(await kindOf(keys, `unknown ${i}`), 'unknown')
  t.equal(server.asked.length, 1)
  clock.advance(30 * SECOND - 1)
  t.equal(await kindOf(keys, 'unknown'), 'unknown')
  t.equal(server.asked.length, 1)
  clock.advance(1)
  await Promise.all(Array.from({ length: 50 }, (_, i) => kindOf(keys, `unknown ${i}`)))
  t.equal(server.asked.length, 2)
})

t.test('authn L2: after a failure nobody asks for a second, which doubles up to a minute, and asks alone', async (t) => {
  const server = await jsonServer(t, json({}, 500))
  const { keys, clock } = fetched(server)
  let expected = 0
  for (const wait of [1, 2, 4, 8, 16, 32, 60, 60, 60]) {
    await Promise.all(Array.from({ length: 20 }, () => kindOf(keys, 'one')))
    t.equal(await kindOf(keys, 'one'), 'unavailable')
    t.equal(server.asked.length, ++expected)
    clock.advance(wait * SECOND - 1)
    await kindOf(keys, 'one')
    t.equal(server.asked.length, expected, `not before ${wait} s`)
    clock.advance(1)
  }
  server.answer = published(one)
  t.equal(await kindOf(keys, 'one'), 'keys', 'it recovers by itself')
  clock.advance(600 * SECOND)
  server.answer = json({}, 500)
  await kindOf(keys, 'two')
  clock.advance(1 * SECOND)
  const before = server.asked.length
  await kindOf(keys, 'two')
  t.equal(server.asked.length, before + 1, 'and begins with a second again')
})

t.test('authn L3: old keys serve while fetching fails, up to a bound', async (t) => {
  const server = await keyServer(t, one)
  const { keys, clock } = fetched(server)
  await kindOf(keys, 'one')
  server.answer = json({}, 500)
  clock.advance(600 * SECOND)
  t.equal(await kindOf(keys, 'one'), 'keys')
  t.equal(server.asked.length, 2, 'they were asked for first')
  clock.advance(3600 * SECOND - 1)
  t.equal(await kindOf(keys, 'one'), 'keys')
  clock.advance(1)
  t.match(await keys.find({ alg: 'ES256', kid: 'one' }), { kind: 'unavailable', reason: /^the key set http:\/\/127.* answered 500$/ })
  clock.advance(60 * SECOND)
  server.answer = published(one)
  t.equal(await kindOf(keys, 'one'), 'keys')
})

t.test('authn L3: only the first that finds the keys old waits for an answer', async (t) => {
  const server = await keyServer(t, one)
  const { keys, clock } = fetched(server, { timeout: 600 * SECOND })
  await kindOf(keys, 'one')
  server.answer = json({}, 500)
  clock.advance(600 * SECOND)
  t.equal(await kindOf(keys, 'one'), 'keys')
  clock.advance(1 * SECOND)
  let end = () => {}
  const asked = new Promise<void>((resolve) => {
    server.answer = (response, asked) => {
      end = () => json({}, 500)(response, asked)
      resolve()
    }
  })
  t.equal(await kindOf(keys, 'one'), 'keys', 'while the server takes its time')
  const other = kindOf(keys, 'two')
  await asked
  end()
  t.equal(await other, 'unavailable', 'who needs the fetch waits for the one under way')
  t.equal(server.asked.length, 3)
})

t.test('authn L4: an unknown key is not unknown while the endpoint is down', async (t) => {
  const server = await keyServer(t, one)
  const { keys, clock } = fetched(server)
  await kindOf(keys, 'one')
  server.answer = json({}, 503)
  t.equal(await kindOf(keys, 'two'), 'unknown', 'in the cool-down nobody asks, so nothing is known to be down')
  clock.advance(30 * SECOND)
  t.equal(await kindOf(keys, 'two'), 'unavailable')
  t.equal(await kindOf(keys, 'two'), 'unavailable')
  t.equal(await kindOf(keys, 'one'), 'keys', 'the known one does not suffer')
  t.equal(server.asked.length, 2)
  server.answer = published(one)
  clock.advance(1 * SECOND)
  t.equal(await kindOf(keys, 'two'), 'unknown')
})

t.test('authn L5: a new key works within one fetch, a removed one stops at the maximal age', async (t) => {
  const server = await keyServer(t, one)
  const { keys, clock } = fetched(server)
  t.equal(await kindOf(keys, 'one'), 'keys')
  clock.advance(40 * SECOND)
  server.answer = published(one, two)
  t.equal(await kindOf(keys, 'two'), 'keys')
  t.equal(server.asked.length, 2)
  server.answer = published(two)
  clock.advance(600 * SECOND - 1)
  t.equal(await kindOf(keys, 'one'), 'keys')
  clock.advance(1)
  t.equal(await kindOf(keys, 'one'), 'unknown')
  t.equal(await kindOf(keys, 'two'), 'keys')
  t.equal(server.asked.length, 3)
})

t.test('whatever is wrong with the endpoint, nobody can tell, the log gets the reason, and no redirect is followed', async (t) => {
  const elsewhere = await keyServer(t, one)
  const server = await jsonServer(t, json({}))
  const notASet: readonly Trouble[] = [{}, [], null, 7, 'keys', { keys: {} }, { keys: [null] }, { keys: [['kid']] }]
    .map((value) => [JSON.stringify(value), json(value), /answered something that is not a key set$/] as const)
  for (const [name, answer, reason, timeout = 5000] of [...troubles(elsewhere.url), ...notASet]) {
    server.answer = answer
    const told: unknown[] = []
    const { keys } = fetched(server, { timeout, failed: (...what) => told.push(what) })
    const answered = await keys.find({ alg: 'ES256', kid: 'one' })
    t.match(answered, { kind: 'unavailable', reason }, name)
    t.strictSame(told, [answered.kind === 'unavailable' && [answered.reason, answered.cause]], name)
  }
  t.equal(elsewhere.asked.length, 0)
})

t.test('the query of the address, which may hold a key, is not in the log', async (t) => {
  const server = await jsonServer(t, json({}, 500))
  const answered = await fetched(server, { url: new URL(`${server.url}keys?token=hunter2`) }).keys.find({ alg: 'ES256' })
  t.match(answered, { kind: 'unavailable', reason: `the key set ${server.url}keys answered 500` })
  t.equal(server.asked[0]?.url, '/keys?token=hunter2')
})

t.test('who is told of a failure may fail, at once or later', async (t) => {
  const server = await jsonServer(t, json({}, 500))
  for (const failed of [() => { throw new Error('no log') }, async () => { throw new Error('no log') }]) {
    t.equal(await kindOf(fetched(server, { failed }).keys, 'one'), 'unavailable')
  }
})

t.test('authn 2.14: an answer of 128 KiB is read, and one byte more is not', async (t) => {
  const set = JSON.stringify({ keys: [one.jwk] })
  const server = await jsonServer(t, plain(set.padEnd(128 * 1024)))
  t.equal(await kindOf(fetched(server).keys, 'one'), 'keys')
  server.answer = plain(set.padEnd(128 * 1024 + 1))
  t.equal(await kindOf(fetched(server).keys, 'one'), 'unavailable')
})

t.test('authn K1: a key is found by its id, its kind, its use and its algorithm', async (t) => {
  const server = await keyServer(t, one, issuerKey('RS256', 'rsa', { alg: 'RS256' }), issuerKey('ES256', 'encryption', { use: 'enc' }), issuerKey('ES256', 'operations', { key_ops: ['sign'] }))
  const { keys } = fetched(server)
  const cases: Array<[Record<string, unknown>, string]> = [
    [{ alg: 'ES256', kid: 'one' }, 'keys'],
    [{ alg: 'ES384', kid: 'one' }, 'unknown'],
    [{ alg: 'RS256', kid: 'one' }, 'unknown'],
    [{ alg: 'RS256', kid: 'rsa' }, 'keys'],
    [{ alg: 'PS256', kid: 'rsa' }, 'unknown'],
    [{ alg: 'ES256', kid: 'encryption' }, 'unknown'],
    [{ alg: 'ES256', kid: 'operations' }, 'unknown'],
    [{ alg: 'ES256', kid: ['one'] }, 'unknown'],
    [{ alg: 'ES256', kid: null }, 'unknown'],
    [{ alg: 'ES256', kid: '__proto__' }, 'unknown'],
    [{ alg: 'HS256', kid: 'one' }, 'unknown'],
    [{ alg: 'ES256' }, 'keys'],
  ]
  for (const [header, kind] of cases) t.equal((await keys.find(header)).kind, kind, JSON.stringify(header))
})

t.test('a private key, a secret or a broken key in the set is as good as none, and does not spoil the others', async (t) => {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const private_ = { ...pair.privateKey.export({ format: 'jwk' }), kid: 'private' }
  const secret = { ...createSecretKey(Buffer.alloc(32, 1)).export({ format: 'jwk' }), kid: 'secret' }
  const server = await jsonServer(t, json({ keys: [private_, secret, { ...one.jwk, kid: 'broken', x: 'AA' }, one.jwk, {}] }))
  const { keys } = fetched(server)
  for (const kid of ['private', 'secret', 'broken']) t.equal(await kindOf(keys, kid), 'unknown', kid)
  t.equal(await kindOf(keys, 'one'), 'keys')
  t.match(await keys.find({ alg: 'ES256' }), { kind: 'keys', keys: { length: 1 } })
})

t.test('a token without an id is tried with two keys at most', async (t) => {
  const server = await jsonServer(t, json({ keys: Array.from({ length: 100 }, () => one.jwk) }))
  t.match(await fetched(server).keys.find({ alg: 'ES256' }), { kind: 'keys', keys: { length: 2 } })
})

t.test('whatever is published, and whatever a header holds, the answer is one of three', async (t) => {
  const server = await jsonServer(t, json({}))
  const member = fc.oneof(fc.jsonValue({ maxDepth: 1 }), fc.constantFrom('ES256', 'EC', 'P-256', 'one', 'sig', 'verify', one.jwk['x'], one.jwk['y']))
  const jwk = fc.record({ kty: member, crv: member, x: member, y: member, kid: member, alg: member, use: member, key_ops: member }, { requiredKeys: [] }).map((some) => ({ ...one.jwk, ...some }))
  const set = fc.oneof({ weight: 4, arbitrary: fc.record({ keys: fc.array(jwk, { maxLength: 3 }) }) }, fc.jsonValue({ maxDepth: 3 }))
  const header = fc.record({ alg: member, kid: member }, { requiredKeys: [] })
  await fc.assert(fc.asyncProperty(set, header, async (published, header) => {
    server.answer = json(published)
    const { kind } = await fetched(server).keys.find(header as never)
    return kind === 'keys' || kind === 'unknown' || kind === 'unavailable'
  }), { numRuns: 150 })
  t.pass()
})
