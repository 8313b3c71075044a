import type { X509Certificate } from 'node:crypto'
import t from 'tap'
import Fastify from 'fastify'
import { serializeItem } from 'structured-headers'
import gatehouse, { authenticated, optional } from '../../lib/index.ts'
import { apiKey } from '../../lib/authentication/schemes/api-key.ts'
import { certificate, type CertificateOptions } from '../../lib/authentication/schemes/certificate.ts'
import { createApiKey } from '../../lib/authentication/schemes/key-text.ts'
import { gate, rawGet } from './gate.ts'
import { authority, selfSigned, tlsClient, tlsServer } from './tls.ts'

type Test = Parameters<typeof gate>[0]

const HOUR = 3_600_000
const ca = await authority('newsroom')
const notAfter = new Date(Math.floor(Date.now() / 1000) * 1000 + HOUR)
const ada = await ca.issue('ada', { notAfter })
const bert = await ca.issue('bert')

/** Whoever has a certificate of the authority is who it says, but for bert, who left. */
const identify = ({ subject }: X509Certificate) => subject === 'CN=bert' ? null : { id: subject.slice('CN='.length) }

const forwarding = { header: 'Client-Cert', format: 'rfc9440', trustedProxies: '127.0.0.1' } as const

function byteSequence (der: Uint8Array): string {
  return serializeItem(new Uint8Array(der).buffer)
}

async function served (t: Test, options: Partial<CertificateOptions> = {}): Promise<number> {
  return tlsServer(t, await gate(t, [certificate({ identify, ...options })]), ca)
}

t.test('authn M5: a verified certificate is its user, until it expires', async (t) => {
  const port = await served(t)
  const client = tlsClient(t, port, ca, ada)
  for (let round = 0; round < 2; round++) {
    const { status, body } = await client()
    t.equal(status, 200)
    t.match(body, { kind: 'user', user: { id: 'ada' }, scheme: 'Certificate' })
    t.strictSame(body.auth, { scheme: 'Certificate', scopes: [], authTime: null, acr: null, expiresAt: notAfter.getTime() / 1000 })
  }
  t.match((await tlsClient(t, port, ca, await ca.issue('carla'))()).body, { kind: 'user', user: { id: 'carla' } })
})

t.test('authn M5: `identify` gets the certificate and the request, and may take its time', async (t) => {
  const port = await served(t, { identify: async ({ fingerprint256, subject }, { method, url }) => subject === 'CN=bert' ? undefined : { id: `${method} ${url} ${fingerprint256.length}` } })
  t.match((await tlsClient(t, port, ca, ada)()).body, { user: { id: 'GET / 95' } })
  t.match((await tlsClient(t, port, ca, bert)()).body, { kind: 'invalid', reason: /nobody is known by it/ })
})

t.test('authn M5: no certificate is nothing sent; every 401 has a challenge', async (t) => {
  const port = await served(t)
  const { status, headers, body } = await tlsClient(t, port, ca)()
  t.equal(status, 401)
  t.match(body, { kind: 'nothing' })
  t.equal(headers['www-authenticate'], 'Certificate realm="newsroom"')
  const named = await served(t, { name: 'Mutual', realm: 'the "presses"' })
  t.equal((await tlsClient(t, named, ca)()).headers['www-authenticate'], 'Mutual realm="the \\"presses\\""')
})

t.test('authn M5: one that the TLS layer did not verify is a 401 that says why to the log only, and nobody is asked about it', async (t) => {
  const asked: string[] = []
  const port = await served(t, { identify: ({ subject }) => { asked.push(subject); return { id: 'anybody' } } })
  const expired = { notBefore: new Date(Date.now() - 2 * HOUR), notAfter: new Date(Date.now() - HOUR) }
  const cases = [
    [await selfSigned('ada'), 'DEPTH_ZERO_SELF_SIGNED_CERT'],
    [await (await authority('elsewhere')).issue('ada'), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    [await ca.issue('ada', expired), 'CERT_HAS_EXPIRED'],
  ] as const
  for (const [identity, code] of cases) {
    const { status, headers, body } = await tlsClient(t, port, ca, identity)()
    t.equal(status, 401, code)
    t.match(body, { kind: 'invalid', error: 'invalid_credentials', reason: `the client certificate was not accepted: its chain was not verified (${code})` })
    t.equal(headers['www-authenticate'], 'Certificate realm="newsroom"')
  }
  t.strictSame(asked, [])
})

t.test('authn M5: a connection outlives its certificate; the certificate counts no longer', async (t) => {
  let time = Date.now()
  const client = tlsClient(t, await served(t, { now: () => time }), ca, ada)
  const at = async (moment: number) => {
    time = moment
    const { status, body } = await client()
    return [status, body.reason]
  }
  t.strictSame(await at(Date.now()), [200, undefined])
  t.strictSame(await at(notAfter.getTime() - 1), [200, undefined])
  t.strictSame(await at(notAfter.getTime()), [401, 'the client certificate was not accepted: it has expired'])
  t.strictSame(await at(notAfter.getTime() + HOUR), [401, 'the client certificate was not accepted: it has expired'])
  t.strictSame(await at(Date.now() - 2 * HOUR), [401, 'the client certificate was not accepted: it is not valid yet'])
  t.strictSame(await at(Number.NaN), [401, 'the client certificate was not accepted: it is not valid yet'], 'a clock that tells no time')
})

t.test('authn M5: a user who is not known any more is a 401, an `identify` that throws a 503', async (t) => {
  t.match((await tlsClient(t, await served(t), ca, bert)()), { status: 401, body: { kind: 'invalid', reason: 'the client certificate was not accepted: nobody is known by it' } })
  const down = () => { throw new Error('the database is down') }
  t.equal((await tlsClient(t, await served(t, { identify: down }), ca, ada)()).status, 503)
  t.equal((await tlsClient(t, await served(t, { identify: async () => down() }), ca, ada)()).status, 503)
})

t.test('authn M3, M5: a trusted proxy tells whose certificate it verified', async (t) => {
  const app = await gate(t, [certificate({ identify, clientCertificate: forwarding })])
  t.match(JSON.parse((await rawGet(app, [`Client-Cert: ${byteSequence(ada.der)}`])).body), { kind: 'user', user: { id: 'ada' } })
  t.match(JSON.parse((await rawGet(app, [`Client-Cert: ${byteSequence(bert.der)}`])).body), { kind: 'invalid', reason: /nobody is known by it/ })
  t.match(JSON.parse((await rawGet(app, [])).body), { kind: 'nothing' })
})

t.test('authn M3: a certificate that a proxy forwards is not older or younger than it may be either', async (t) => {
  const { status, body } = await rawGet(await gate(t, [certificate({ identify, clientCertificate: forwarding, now: () => notAfter.getTime() })]), [`Client-Cert: ${byteSequence(ada.der)}`])
  t.equal(status, 401)
  t.match(JSON.parse(body), { reason: /it has expired/ })
})

t.test('authn M3: who is no trusted proxy is not believed', async (t) => {
  const app = await gate(t, [certificate({ identify, clientCertificate: { ...forwarding, trustedProxies: '10.0.0.0/8' } })])
  const { status, body } = await rawGet(app, [`Client-Cert: ${byteSequence(ada.der)}`])
  t.equal(status, 401)
  t.match(JSON.parse(body), { kind: 'nothing' })
})

t.test('authn M3: a header that comes twice or cannot be read is a 400, whichever line is right', async (t) => {
  const app = await gate(t, [certificate({ identify, clientCertificate: forwarding })])
  const line = `Client-Cert: ${byteSequence(ada.der)}`
  for (const lines of [[line, line], ['Client-Cert: x', line], [line, 'Client-Cert: x'], ['Client-Cert: x'], [`${line}, ${byteSequence(ada.der)}`]]) {
    const { status, body } = await rawGet(app, lines)
    t.equal(status, 400)
    t.match(JSON.parse(body), { kind: 'invalid', error: 'invalid_request', reason: /^the header of the client certificate/ })
  }
})

t.test('authn M3: a hash alone tells nobody who it is', async (t) => {
  const app = await gate(t, [certificate({ identify, clientCertificate: { ...forwarding, header: 'X-Forwarded-Client-Cert', format: 'xfcc' } })])
  const { status, body } = await rawGet(app, [`X-Forwarded-Client-Cert: Hash=${'0'.repeat(64)}`])
  t.equal(status, 401)
  t.match(JSON.parse(body), { kind: 'invalid', reason: /^the proxy sends only the hash of the certificate/ })
})

t.test('authn C2: a browser sends it for the pages of every site, so with an unsafe method those are a 403; programs are not asked', async (t) => {
  const answer = async (headers: Record<string, string>, options: Partial<CertificateOptions> = {}, method: 'GET' | 'POST' = 'POST') => {
    const app = await gate(t, [certificate({ identify, clientCertificate: forwarding, ...options })])
    return (await app.inject({ method, url: '/', headers: { 'client-cert': byteSequence(ada.der), ...headers } })).statusCode
  }
  const foreign = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }
  t.same([await answer({}), await answer({ 'sec-fetch-site': 'same-origin' }), await answer(foreign), await answer({ origin: 'https://evil.example' })], [200, 200, 403, 403])
  t.equal(await answer(foreign, {}, 'GET'), 200, 'whose answer that page cannot read')
  t.same([await answer(foreign, { csrf: false }), await answer(foreign, { origins: ['https://evil.example'] }), await answer({ 'sec-fetch-site': 'same-site' }), await answer({ 'sec-fetch-site': 'same-site' }, { sameSite: true })], [200, 200, 403, 200])
})

t.test('a certificate comes along by itself, so the credentials that a client chose to send come before it', async (t) => {
  const { key, hash } = createApiKey('k1')
  const keys = apiKey({ lookup: (prefix) => prefix === 'k1' ? { hash, user: { id: 'bot' } } : null })
  const port = await tlsServer(t, await gate(t, [certificate({ identify }), keys]), ca)
  const client = tlsClient(t, port, ca, ada)
  t.match((await client()).body, { user: { id: 'ada' } })
  t.match((await client('/', { 'x-api-key': key })).body, { user: { id: 'bot' } })
  t.match((await client('/', { 'x-api-key': 'wrong' })), { status: 401, body: { scheme: 'ApiKey' } }, 'and a wrong one is not made good by it')
  t.match((await tlsClient(t, port, ca, await selfSigned('mallory'))('/', { 'x-api-key': key })).body, { user: { id: 'bot' } })
})

t.test('in an application: the user, the refusal without its reason, anonymous on an optional route, and no header that depends on nothing', async (t) => {
  const lines: string[] = []
  const app = Fastify({ logger: { level: 'info', stream: { write: (line) => { lines.push(line) } } } })
  await app.register(gatehouse, { realm: 'newsroom', schemes: [certificate({ identify })] })
  app.get('/me', { config: { access: authenticated() } }, ({ user, auth }) => ({ user, scheme: auth?.scheme }))
  app.get('/open', { config: { access: optional() } }, ({ user }) => ({ user }))
  const port = await tlsServer(t, app as never, ca)
  t.teardown(() => app.close())
  const adas = tlsClient(t, port, ca, ada)
  const read = await adas('/me')
  t.strictSame(read.body, { user: { id: 'ada' }, scheme: 'Certificate' })
  t.notOk(read.headers['vary'])
  t.match((await adas('/open')).body, { user: { id: 'ada' } })
  t.strictSame((await tlsClient(t, port, ca)('/open')).body, { user: null })
  const refused = await tlsClient(t, port, ca, await selfSigned('mallory'))('/me')
  t.match(refused, { status: 401, headers: { 'www-authenticate': 'Certificate realm="newsroom"', 'cache-control': 'no-store' } })
  t.notOk(JSON.stringify(refused.body).includes('SELF_SIGNED'))
  t.ok(lines.some((line) => line.includes('DEPTH_ZERO_SELF_SIGNED_CERT')))
})

t.test('in an application: answers that depend on a header of the proxy vary with it and are private', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(gatehouse, { schemes: [certificate({ identify, clientCertificate: forwarding })] })
  app.get('/me', { config: { access: authenticated() } }, ({ user }) => user)
  const { statusCode, headers } = await app.inject({ url: '/me', headers: { 'client-cert': byteSequence(ada.der) } })
  t.equal(statusCode, 200)
  t.match(headers, { vary: 'Client-Cert', 'cache-control': 'private' })
})

t.test('the scheme says of itself that its secret cannot be guessed, and what its answers depend on', async (t) => {
  t.match(certificate({ identify }), { name: 'Certificate', family: 'other', guessable: false, oauth: false })
  t.strictSame(certificate({ identify }).varyOn, [])
  t.strictSame(certificate({ identify, clientCertificate: forwarding }).varyOn, ['Client-Cert'])
})

t.test('options that make no sense stop the start and name the mend', async (t) => {
  const wrong: Array<[unknown, RegExp]> = [
    [undefined, /certificate\(\): the options must be an object with identify, clientCertificate, csrf, origins, sameSite, name, realm, now/],
    [{}, /certificate\(\) identify: undefined was given; allowed is a function/],
    [{ identify, identity: 1 }, /there is no option 'identity'; .* Did you mean "identify"\?/],
    [{ identify, name: 'Client Cert' }, /certificate\(\) name: 'Client Cert' was given; allowed is a token/],
    [{ identify, realm: 'Büro' }, /certificate\(\) realm: 'Büro' was given/],
    [{ identify, csrf: 'no' }, /certificate\(\) csrf: 'no' was given/],
    [{ identify, csrf: false, origins: ['https://a.example'] }, /`origins` means nothing with `csrf: false`/],
    [{ identify, now: 7 }, /certificate\(\) now: 7 was given; allowed is a function/],
    [{ identify, clientCertificate: 'Client-Cert' }, /certificate\(\) clientCertificate: the options must be an object with header, format, trustedProxies/],
    [{ identify, clientCertificate: { ...forwarding, trustedProxies: 'localhost' } }, /certificate\(\) clientCertificate trustedProxies: 'localhost' was given/],
  ]
  for (const [options, message] of wrong) t.throws(() => certificate(options as never), { code: 'FST_GATEHOUSE_OPTION', message })
})
