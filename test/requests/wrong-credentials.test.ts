/** Wrong credentials that nobody can guess: they are counted after they were checked, so that right ones always get in. */
import t, { type Test } from 'tap'
import fc from 'fast-check'
import type { FastifyInstance, InjectOptions } from 'fastify'
import { apiKey, basic, bearer, certificate, createApiKey, dpop, revocationList } from '../../lib/authentication/schemes/index.ts'
import type { AnyScheme } from '../../lib/authentication/scheme.ts'
import gatehouse, { authenticated, optional } from '../../lib/index.ts'
import type { AttemptStore } from '../../lib/stores/index.ts'
import type { SignInThrottleOptions } from '../../lib/throttling/credentials.ts'
import { boundToken, clientKey, proofFor } from '../authentication/dpop-client.ts'
import { issuerKey, keyServer, signed } from '../authentication/issuer.ts'
import { authority } from '../authentication/tls.ts'
import { AUDIENCE, goodClaims, ISSUER, now, SECRET, token } from '../authentication/tokens.ts'
import { json, jsonServer } from '../stores/json-server.ts'
import { bare } from '../core/porch.ts'

const local = { issuer: ISSUER, audience: AUDIENCE, secret: SECRET }
const FREE = 3

async function guarded (t: Test, schemes: readonly AnyScheme[], throttle: SignInThrottleOptions | false = { credentials: { free: FREE }, now: () => 0 }): Promise<FastifyInstance> {
  const app = bare(t)
  await app.register(gatehouse, { schemes: [...schemes], throttle })
  app.get('/', { config: { access: authenticated() } }, () => 'in')
  app.get('/optional', { config: { access: optional() } }, () => 'in')
  return app
}

const sent = (text: string, more: InjectOptions = {}): InjectOptions => ({ url: '/', ...more, headers: { authorization: text } })
const wrong = (index: number): string => `Bearer ${token(goodClaims(), {}, `some other secret, number ${index}, that is long enough`)}`
const right = `Bearer ${token(goodClaims())}`

async function statuses (app: FastifyInstance, requests: readonly InjectOptions[]): Promise<number[]> {
  return (await Promise.all(requests.map((request) => app.inject(request)))).map(({ statusCode }) => statusCode)
}

const counted = async (app: FastifyInstance): Promise<number> => (await app.gatehouse.throttleOf('credentials').status({ ip: '127.0.0.1' })).address?.failures ?? 0

t.test('throttling 38: 500 parallel right tokens of one network are all let in; of 500 wrong ones 100 get a 401 and the rest a 429', async (t) => {
  const app = await guarded(t, [bearer(local)], { now: () => 0 })
  t.same(new Set(await statuses(app, Array.from({ length: 500 }, () => sent(right)))), new Set([200]))
  const answers = await statuses(app, Array.from({ length: 500 }, (_, index) => sent(wrong(index))))
  t.equal(answers.filter((status) => status === 401).length, 100)
  t.equal(answers.filter((status) => status === 429).length, 400)
  const late = await app.inject(sent(wrong(500)))
  t.match(late, { statusCode: 429, headers: { 'retry-after': '1', 'cache-control': 'no-store', 'www-authenticate': undefined } })
  t.match(late.json(), { code: 'too_many_attempts' })
  t.same(await statuses(app, [sent(right), { url: '/' }, sent(wrong(501), { remoteAddress: '192.0.2.7' })]), [200, 401, 401], 'right ones, nobody, and other networks are not held up')
})

t.test('throttling 38: it is a network that is counted, on every route, also where nobody has to sign in', async (t) => {
  const app = await guarded(t, [bearer(local)])
  const spread = Array.from({ length: FREE + 1 }, (_, index) => sent(wrong(index), { url: index % 2 === 0 ? '/optional' : '/', remoteAddress: `2001:db8::${index}` }))
  const answers: number[] = []
  for (const request of spread) answers.push((await app.inject(request)).statusCode)
  t.same(answers, [401, 401, 401, 429])
})

t.test('throttling 38: what was good once is not counted: expired, revoked, of somebody who is gone', async (t) => {
  const revocations = revocationList()
  const old = token({ ...goodClaims(), exp: now() - 1000 })
  const early = token({ ...goodClaims(), nbf: now() + 1000 })
  const ended = token({ ...goodClaims(), jti: 'ended' })
  const gone = token({ ...goodClaims(), sub: 'gone' })
  const app = await guarded(t, [bearer({ ...local, revocations, clockTolerance: 0, identify: ({ sub }) => sub === 'gone' ? null : { id: sub as string } })])
  await revocations.revokeToken({ issuer: ISSUER, subject: 'ada', jti: 'ended', expiresAt: now() + 600 })
  for (const one of [old, early, ended, gone]) t.same(new Set(await statuses(app, Array.from({ length: 2 * FREE }, () => sent(`Bearer ${one}`)))), new Set([401]))
  t.equal(await counted(app), 0)
  const forged = token({ ...goodClaims(), exp: now() - 1000 }, {}, 'some other secret, that is long enough, but wrong')
  await app.inject(sent(`Bearer ${forged}`))
  t.equal(await counted(app), 1, 'an expired token that nobody signed never was good')
})

t.test('throttling 38: a token of a key set that is over, or is not yet, is not counted; one for somebody else is', async (t) => {
  const key = issuerKey('ES256', 'k1')
  const server = await keyServer(t, key)
  const app = await guarded(t, [bearer({ issuer: ISSUER, audience: AUDIENCE, jwks: server.url })])
  const send = (claims: object): InjectOptions => sent(`Bearer ${signed(key, { ...goodClaims(), ...claims })}`)
  t.same(await statuses(app, [send({})]), [200])
  for (const claims of [{ exp: now() - 1000 }, { nbf: now() + 1000 }]) {
    t.same(new Set(await statuses(app, Array.from({ length: 2 * FREE }, () => send(claims)))), new Set([401]))
  }
  t.equal(await counted(app), 0)
  t.same(await statuses(app, [send({ aud: 'somebody else' })]), [401])
  t.equal(await counted(app), 1)
})

t.test('throttling 38: a token of which its server says that it is over, or is not yet, is not counted; one that is not active is', async (t) => {
  const server = await jsonServer(t, (response, asked) => {
    const said: Record<string, object> = { old: { active: true, ...goodClaims(), exp: now() - 1000 }, early: { active: true, ...goodClaims(), nbf: now() + 1000 }, good: { active: true, ...goodClaims() } }
    json(said[String(new URLSearchParams(asked.body).get('token'))] ?? { active: false })(response, asked)
  })
  const app = await guarded(t, [bearer({ issuer: ISSUER, audience: AUDIENCE, introspection: { endpoint: server.url, clientId: 'client', clientSecret: 'of the client' } })])
  t.same(await statuses(app, [sent('Bearer good')]), [200])
  for (const one of ['old', 'early']) t.same(new Set(await statuses(app, Array.from({ length: 2 * FREE }, () => sent(`Bearer ${one}`)))), new Set([401]))
  t.equal(await counted(app), 0)
  t.same(await statuses(app, [sent('Bearer unknown')]), [401])
  t.equal(await counted(app), 1)
})

t.test('throttling 15, throttling 38: what is answered with a 400 is no wrong credential; an unknown certificate is', async (t) => {
  const trusting = { header: 'client-cert', format: 'rfc9440', trustedProxies: '127.0.0.1' } as const
  const app = await guarded(t, [certificate({ identify: () => null, clientCertificate: trusting })])
  const ada = await (await authority('newsroom')).issue('ada')
  const send = (text: string): InjectOptions => ({ url: '/', headers: { 'client-cert': text } })
  t.same(new Set(await statuses(app, Array.from({ length: 2 * FREE }, () => send('no certificate')))), new Set([400]))
  t.equal(await counted(app), 0)
  t.same(await statuses(app, [send(`:${ada.der.toString('base64')}:`)]), [401])
  t.equal(await counted(app), 1)
})

t.test('throttling 38: keys that ended are not counted, keys that never were are', async (t) => {
  const records: Record<string, object> = {}
  const app = await guarded(t, [apiKey({ lookup: (prefix) => (records[prefix] ?? null) as never })])
  const { key, hash } = createApiKey('k1')
  records['k1'] = { hash, user: { id: 'bot' }, expiresAt: 1 }
  const send = (text: string): InjectOptions => ({ url: '/', headers: { 'x-api-key': text } })
  t.same(await statuses(app, [send(key), send(key)]), [401, 401])
  t.match(await statuses(app, Array.from({ length: FREE + 2 }, () => send(createApiKey('k2').key))), [401, 401, 401, 429, 429])
  t.equal(await counted(app), FREE, 'the expired key was none of them')
})

t.test('throttling 38: a nonce that is missing is no wrong credential', async (t) => {
  const app = await guarded(t, [dpop({ ...local, publicUrl: 'http://localhost', nonces: { secret: 'the secret that makes the nonces' } })])
  const client = clientKey()
  const bound = boundToken(client)
  const requests = Array.from({ length: FREE + 1 }, () => ({ url: '/', headers: { authorization: `DPoP ${bound}`, dpop: proofFor(client, { token: bound }) } }))
  t.same(new Set(await statuses(app, requests)), new Set([401]))
  t.equal(await counted(app), 0)
})

t.test('throttling 38: what two issuers share is judged by both: expired at one of them is not counted', async (t) => {
  const app = await guarded(t, [bearer(local), bearer({ issuer: 'https://b.example', audience: AUDIENCE, secret: 'the secret of the other issuer, long enough' })])
  await statuses(app, [sent(`Bearer ${token({ ...goodClaims(), exp: now() - 1000 })}`)])
  t.equal(await counted(app), 0)
  await statuses(app, [sent(wrong(1))])
  t.equal(await counted(app), 1)
})

t.test('throttling 38: secrets that can be guessed are counted before they are checked, and not again', async (t) => {
  const app = await guarded(t, [basic({ verify: () => null }), bearer(local)])
  await statuses(app, [sent(`Basic ${Buffer.from('ada:wrong').toString('base64')}`), sent('Basic ???')])
  t.equal(await counted(app), 0)
})

t.test('throttling 38: it can be switched off, by itself or with the throttle', async (t) => {
  for (const throttle of [{ credentials: false as const }, false as const]) {
    const app = await guarded(t, [bearer(local)], throttle)
    t.same(new Set(await statuses(app, Array.from({ length: 150 }, (_, index) => sent(wrong(index))))), new Set([401]))
    t.equal(await counted(app), 0)
  }
})

t.test('throttling 38, throttling 29: where nothing can be counted, what is wrong stays wrong', async (t) => {
  const down = (): never => { throw new Error('gone') }
  const store: AttemptStore = { charge: down, refund: down, reset: down, status: down }
  const app = await guarded(t, [bearer(local)], { store, secret: 'of all processes here', onStoreError: 'refuse', credentials: { free: 1 } })
  t.same(await statuses(app, [sent(wrong(0)), sent(wrong(1)), sent(right)]), [401, 401, 200])
})

t.test('throttling 36, throttling 38: the network is unlocked by hand, and its locks grow', async (t) => {
  let time = 0
  const app = await guarded(t, [bearer(local)], { credentials: { free: 1, base: 1, cap: 4, window: 60 }, now: () => time })
  const once = async (): Promise<readonly [number, unknown]> => {
    const { statusCode, headers } = await app.inject(sent(wrong(1)))
    return [statusCode, headers['retry-after']]
  }
  const told: unknown[] = []
  for (const wait of [0, 0, 1000, 0, 2000, 0, 4000, 0]) {
    time += wait
    told.push(await once())
  }
  t.same(told, [[401, undefined], [429, '1'], [401, undefined], [429, '2'], [401, undefined], [429, '4'], [401, undefined], [429, '4']])
  await app.gatehouse.throttleOf('credentials').unlock({ ip: '127.0.0.1' })
  t.same(await once(), [401, undefined])
})

t.test('property: whatever is sent as a token, right ones are let in, and nothing makes another status than 200, 400, 401 and 429', async () => {
  const app = await guarded(t, [bearer(local)], { credentials: { free: 2 } })
  await fc.assert(fc.asyncProperty(fc.array(fc.oneof(fc.constant(right), fc.string({ unit: 'grapheme-ascii' }).map((text) => `Bearer ${text}`), fc.nat().map(wrong)), { maxLength: 8 }), async (texts) => {
    const found = await statuses(app, texts.map((text) => sent(text)))
    return found.every((status, index) => texts[index] === right ? status === 200 : [400, 401, 429].includes(status))
  }), { numRuns: 60 })
})

t.test('ladders that make no sense are refused, by their own name', async (t) => {
  const cases: [object, RegExp][] = [
    [{ credentials: { free: 0 } }, /^throttle\.credentials\.free: 0 was given/],
    [{ credentials: { base: 61 } }, /^throttle\.credentials: a base of 61 s and a cap of 60 s/],
    [{ credentials: { fre: 1 } }, /^throttle\.credentials: there is no option 'fre'.*Did you mean "free"/],
    [{ credentials: 7 }, /^throttle\.credentials/],
    [{ credentials: null }, /^throttle\.credentials/],
    [{ name: 7 }, /^throttle\.name: 7 was given/],
  ]
  for (const [throttle, message] of cases) await t.rejects(guarded(t, [bearer(local)], throttle as never), { code: 'FST_GATEHOUSE_OPTION', message }, String(message))
  for (const throttle of [null, 7]) await t.rejects(guarded(t, [bearer(local)], throttle as never), { code: 'FST_GATEHOUSE_OPTION', message: /^throttle/ })
  await t.rejects(async () => bare(t).register(gatehouse, { schemes: [bearer(local)], throttles: { credentials: {} } }), { message: /^throttles\["credentials"\]: that name is one of the option "throttle"/ })
  await t.rejects(async () => bare(t).register(gatehouse, { schemes: [bearer(local)], throttles: { otp: { credentials: {} } as never } }), { message: /credentials/ })
})
