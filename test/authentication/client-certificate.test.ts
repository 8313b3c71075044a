import { createHash, X509Certificate } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import t from 'tap'
import fc from 'fast-check'
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import { serializeItem } from 'structured-headers'
import { certificateReader, type CertificateReader, type ClientCertificate, type ClientCertificateOptions } from '../../lib/authentication/client-certificate.ts'
import { rawGet } from './gate.ts'
import { authority, selfSigned, tlsClient, tlsServer, type Identity } from './tls.ts'

type Teardown = Parameters<typeof tlsServer>[0]
type Format = ClientCertificateOptions['format']

const WHERE = 'certificate() clientCertificate'

const ca = await authority('newsroom')
const ada = await ca.issue('ada')
const bert = await ca.issue('bert')
const mallory = await selfSigned('mallory')

/** RFC 8705, appendix A. */
const EXAMPLE = {
  thumbprint: 'A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0',
  pem: `-----BEGIN CERTIFICATE-----
MIIBBjCBrAIBAjAKBggqhkjOPQQDAjAPMQ0wCwYDVQQDDARtdGxzMB4XDTE4MTAx
ODEyMzcwOVoXDTIyMDUwMjEyMzcwOVowDzENMAsGA1UEAwwEbXRsczBZMBMGByqG
SM49AgEGCCqGSM49AwEHA0IABNcnyxwqV6hY8QnhxxzFQ03C7HKW9OylMbnQZjjJ
/Au08/coZwxS7LfA4vOLS9WuneIXhbGGWvsDSb0tH6IxLm8wCgYIKoZIzj0EAwID
SQAwRgIhAP0RC1E+vwJD/D1AGHGzuri+hlV/PpQEKTWUVeORWz83AiEA5x2eXZOV
bUlJSGQgjwD5vaUaKlLR50Q2DmFfQj1L+SY=
-----END CERTIFICATE-----
`,
}

/** RFC 9440, section 2.4. */
const CLIENT_CERT = ':MIIBqDCCAU6gAwIBAgIBBzAKBggqhkjOPQQDAjA6MRswGQYDVQQKDBJMZXQncyBBdXRoZW50aWNhdGUxGzAZBgNVBAMMEkxBIEludGVybWVkaWF0ZSBDQTAeFw0yMDAxMTQyMjU1MzNaFw0yMTAxMjMyMjU1MzNaMA0xCzAJBgNVBAMMAkJDMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE8YnXXfaUgmnMtOXU/IncWalRhebrXmckC8vdgJ1p5Be5F/3YC8OthxM4+k1M6aEAEFcGzkJiNy6J84y7uzo9M6NyMHAwCQYDVR0TBAIwADAfBgNVHSMEGDAWgBRm3WjLa38lbEYCuiCPct0ZaSED2DAOBgNVHQ8BAf8EBAMCBsAwEwYDVR0lBAwwCgYIKwYBBQUHAwIwHQYDVR0RAQH/BBMwEYEPYmRjQGV4YW1wbGUuY29tMAoGCCqGSM49BAMCA0gAMEUCIBHda/r1vaL6G3VliL4/Di6YK0Q6bMjeSkC3dFCOOB8TAiEAx/kHSB4urmiZ0NX5r5XarmPk0wmuydBVoU4hBVZ1yhk=:'

function thumbprint (der: Uint8Array): string {
  return createHash('sha256').update(der).digest('base64url')
}

function hex (der: Uint8Array): string {
  return createHash('sha256').update(der).digest('hex')
}

function byteSequence (der: Uint8Array): string {
  return serializeItem(new Uint8Array(der).buffer)
}

/** As nginx escapes it: all but letters, digits and `-._~`. */
function escaped (pem: string): string {
  return pem.replace(/[^\w.~-]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`)
}

/** The header of each format for this certificate. */
const WRITTEN: Readonly<Record<Format, (identity: Identity) => string>> = {
  rfc9440: ({ der }) => byteSequence(der),
  xfcc: ({ der, cert }) => `By=spiffe://newsroom/front;Hash=${hex(der)};Cert="${escaped(cert)}";Subject="CN=ada;Hash=\\"0\\",O=\\"a, b\\"";URI=`,
  pem: ({ cert }) => escaped(cert),
}

const FORMATS = Object.keys(WRITTEN) as Format[]

interface Reading {
  readonly app: FastifyInstance
  /** The lines about certificates. */
  readonly log: Array<Record<string, unknown>>
  readonly seen: ClientCertificate[]
}

/** An application that answers with what its reader says. */
function reading (t: Teardown, read: CertificateReader | readonly CertificateReader[], options: object = {}): Reading {
  const log: Reading['log'] = []
  const seen: ClientCertificate[] = []
  const app = Fastify({ ...options, logger: { level: 'info', stream: { write: (line) => { if (line.includes('certificate')) log.push(JSON.parse(line)) } } } }) as unknown as FastifyInstance
  t.teardown(() => app.close())
  app.get('/', (request) => {
    const [first] = [read].flat().map((one) => one(request)) as [ClientCertificate]
    seen.push(first)
    return { ...first, ...first.kind === 'certificate' ? { certificate: first.certificate?.subject ?? null } : {} }
  })
  return { app, log, seen }
}

function certificateOf (name: string, { der }: Identity, more: object = { verified: true }) {
  return { kind: 'certificate', thumbprint: thumbprint(der), certificate: `CN=${name}`, ...more }
}

/** What a header says, sent by a trusted proxy. */
function forwarded (format: Format, ...values: string[]): ClientCertificate {
  const read = certificateReader(WHERE, { header: 'Client-Cert', format, trustedProxies: '10.0.0.0/8' })
  return read(requestWith({ remoteAddress: '10.0.0.7' }, values.flatMap((value) => ['client-cert', value])))
}

/** As much of a request as a reader looks at. */
function requestWith (socket: object, rawHeaders: string[] = []): FastifyRequest {
  return { raw: { socket, rawHeaders }, log: { info () {} } } as unknown as FastifyRequest
}

t.test('authn M1: the thumbprint is the SHA-256 of the DER: the example of RFC 8705', async (t) => {
  t.match(forwarded('pem', escaped(EXAMPLE.pem)), { kind: 'certificate', thumbprint: EXAMPLE.thumbprint, verified: true })
})

t.test('authn M1, M3: the certificate of the connection, and none from a client that shows none', async (t) => {
  const { app } = reading(t, certificateReader(WHERE))
  const port = await tlsServer(t, app, ca)
  t.strictSame((await tlsClient(t, port, ca, ada)()).body, certificateOf('ada', ada))
  t.strictSame((await tlsClient(t, port, ca, bert)()).body, certificateOf('bert', bert))
  t.strictSame((await tlsClient(t, port, ca)()).body, { kind: 'none' })
})

t.test('authn M5: a certificate that the TLS layer did not verify is shown as such, and why', async (t) => {
  const { app } = reading(t, certificateReader(WHERE))
  const port = await tlsServer(t, app, ca)
  const past = { notBefore: new Date(Date.now() - 2000_000), notAfter: new Date(Date.now() - 1000_000) }
  const cases: Array<[string, Identity, string]> = [
    ['mallory', mallory, 'DEPTH_ZERO_SELF_SIGNED_CERT'],
    ['eve', await (await authority('elsewhere')).issue('eve'), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    ['carl', await ca.issue('carl', past), 'CERT_HAS_EXPIRED'],
  ]
  for (const [name, identity, code] of cases) {
    t.strictSame((await tlsClient(t, port, ca, identity)()).body, certificateOf(name, identity, { verified: false, reason: code }))
  }
})

t.test('a certificate is read once for each connection, and no connection gets that of another', async (t) => {
  const { app, seen } = reading(t, certificateReader(WHERE))
  const port = await tlsServer(t, app, ca)
  const clients = [tlsClient(t, port, ca, ada), tlsClient(t, port, ca, bert), tlsClient(t, port, ca)]
  const reused: boolean[] = []
  for (let round = 0; round < 3; round++) {
    for (const client of clients) reused.push((await client()).reused)
  }
  t.strictSame(reused, [false, false, false, true, true, true, true, true, true])
  t.strictSame(seen.map((shown) => 'thumbprint' in shown ? shown.thumbprint : null), [1, 2, 3].flatMap(() => [thumbprint(ada.der), thumbprint(bert.der), null]))
  t.equal(seen[3], seen[0])
  t.equal(seen[6], seen[0])
  t.equal(seen[4], seen[1])
})

t.test('a resumed session shows the certificate that it began with; one without a certificate shows none though Node.js 20 calls it authorized', async (t) => {
  const { app } = reading(t, certificateReader(WHERE))
  const resumed: boolean[] = []
  app.addHook('onRequest', async ({ raw }) => { resumed.push((raw.socket as TLSSocket).isSessionReused()) })
  const port = await tlsServer(t, app, ca)
  for (const [identity, expected] of [[ada, certificateOf('ada', ada)], [undefined, { kind: 'none' }]] as const) {
    const client = tlsClient(t, port, ca, identity, { keepAlive: false })
    t.strictSame((await client()).body, expected)
    t.strictSame((await client()).body, expected)
  }
  t.strictSame(resumed, [false, true, false, true])
})

t.test('a certificate that is asked for later, by a renegotiation, counts once that is complete', async (t) => {
  const { app } = reading(t, certificateReader(WHERE))
  app.get('/ask', (request, reply) => {
    (request.raw.socket as TLSSocket).renegotiate({ requestCert: true, rejectUnauthorized: false }, () => { reply.send({}) })
  })
  const port = await tlsServer(t, app, ca, { requestCert: false, maxVersion: 'TLSv1.2' })
  for (const [identity, expected] of [[ada, certificateOf('ada', ada)], [mallory, certificateOf('mallory', mallory, { verified: false, reason: 'DEPTH_ZERO_SELF_SIGNED_CERT' })]] as const) {
    const client = tlsClient(t, port, ca, identity)
    t.strictSame((await client('/')).body, { kind: 'none' })
    const { socket } = await client('/ask')
    await new Promise((resolve) => { socket.renegotiate({}, resolve) })
    const { body, reused } = await client('/')
    t.ok(reused)
    t.strictSame(body, expected)
  }
})

/** A client that changes its certificate takes a TLS library that no test has, so this stands for its socket, with what Node.js does to one. */
function changingSocket () {
  const socket = Object.assign(new EventEmitter(), {
    authorized: false,
    authorizationError: null as string | null,
    shown: undefined as X509Certificate | undefined,
    getPeerX509Certificate: (): X509Certificate | undefined => socket.shown,
  })
  const handshake = (identity: Identity, error: string | null) => {
    socket.shown = new X509Certificate(identity.der)
    if (error === null) socket.authorized = true
    else socket.authorizationError = error
    socket.emit('secure')
  }
  return { socket, handshake }
}

t.test('a renegotiation to a certificate that is wrong is not verified, although `authorized` stays true', async (t) => {
  const read = certificateReader(WHERE)
  const { socket, handshake } = changingSocket()
  handshake(ada, null)
  const shown = () => read(requestWith(socket))
  t.match(shown(), { thumbprint: thumbprint(ada.der), verified: true })

  socket.shown = new X509Certificate(mallory.der)
  t.match(shown(), { thumbprint: thumbprint(ada.der) }, 'what is shown in the middle of a handshake is not proven yet')
  handshake(mallory, 'DEPTH_ZERO_SELF_SIGNED_CERT')
  t.match(shown(), { thumbprint: thumbprint(mallory.der), verified: false, reason: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
  handshake(mallory, 'DEPTH_ZERO_SELF_SIGNED_CERT')
  t.match(shown(), { thumbprint: thumbprint(mallory.der), verified: false })
  handshake(bert, null)
  t.match(shown(), { thumbprint: thumbprint(bert.der), verified: false }, 'as far as anybody can tell')

  socket.shown = undefined
  socket.emit('secure')
  t.strictSame(shown(), { kind: 'none' })
})

t.test('a renegotiation to another certificate that is right, and one from a wrong certificate to a right one, are verified', async (t) => {
  const read = certificateReader(WHERE)
  const { socket, handshake } = changingSocket()
  handshake(ada, null)
  t.match(read(requestWith(socket)), { thumbprint: thumbprint(ada.der), verified: true })
  handshake(bert, null)
  t.match(read(requestWith(socket)), { thumbprint: thumbprint(bert.der), verified: true })

  const other = changingSocket()
  other.handshake(mallory, 'DEPTH_ZERO_SELF_SIGNED_CERT')
  t.match(read(requestWith(other.socket)), { thumbprint: thumbprint(mallory.der), verified: false })
  other.handshake(ada, null)
  t.match(read(requestWith(other.socket)), { thumbprint: thumbprint(ada.der), verified: true })
  other.handshake(mallory, 'DEPTH_ZERO_SELF_SIGNED_CERT')
  t.match(read(requestWith(other.socket)), { thumbprint: thumbprint(mallory.der), verified: false }, 'also with the same error as before')
})

t.test('a connection that was renegotiated before anybody looked, once rightly and once wrongly, is not verified', async (t) => {
  const { socket, handshake } = changingSocket()
  handshake(ada, null)
  handshake(mallory, 'DEPTH_ZERO_SELF_SIGNED_CERT')
  t.match(certificateReader(WHERE)(requestWith(socket)), { thumbprint: thumbprint(mallory.der), verified: false })
})

t.test('HTTP/2: all requests of a session have its certificate', async (t) => {
  const { key, cert } = await ca.issue('server')
  const { app, seen } = reading(t, certificateReader(WHERE), { http2: true, https: { key, cert, ca: ca.cert, requestCert: true, rejectUnauthorized: false } })
  await app.listen({ port: 0, host: '127.0.0.1' })
  for (const [identity, expected] of [[ada, certificateOf('ada', ada)], [bert, certificateOf('bert', bert)]] as const) {
    const session = connectHttp2(`https://127.0.0.1:${(app.server.address() as AddressInfo).port}`, { ca: ca.cert, key: identity.key, cert: identity.cert })
    for (let round = 0; round < 2; round++) {
      const stream = session.request({ ':path': '/' })
      let text = ''
      for await (const chunk of stream) text += chunk
      t.strictSame(JSON.parse(text), expected)
    }
    session.close()
    await once(session, 'close')
  }
  t.equal(seen[1], seen[0])
  t.not(seen[2], seen[0])
})

t.test('plain HTTP, and a request that never was on a network, have no certificate', async (t) => {
  const { app } = reading(t, certificateReader(WHERE))
  t.strictSame((await app.inject('/')).json(), { kind: 'none' })
  t.strictSame(JSON.parse((await rawGet(app, [`Client-Cert: ${byteSequence(ada.der)}`])).body), { kind: 'none' }, 'without the option no header is looked at')
})

t.test('authn M3: each form of the header, from a trusted proxy', async (t) => {
  for (const format of FORMATS) {
    const { app, log } = reading(t, certificateReader(WHERE, { header: 'X-Client', format, trustedProxies: ['10.0.0.0/8', '127.0.0.1'] }))
    const line = `X-CLIENT: ${WRITTEN[format](ada)}`
    const { body } = await rawGet(app, [line])
    t.strictSame(JSON.parse(body), certificateOf('ada', ada), format)
    t.strictSame(JSON.parse((await rawGet(app, [])).body), { kind: 'none' })
    t.strictSame(JSON.parse((await rawGet(app, ['X-Client:'])).body), { kind: 'none' }, 'some proxies send it empty')
    t.strictSame(JSON.parse((await rawGet(app, ['X-Clients: x', `Client: ${WRITTEN[format](ada)}`])).body), { kind: 'none' })
    t.strictSame(log, [])
  }
})

t.test('authn M3: the example of RFC 9440', async (t) => {
  const shown = forwarded('rfc9440', CLIENT_CERT)
  t.equal(shown.kind === 'certificate' && shown.certificate?.subject, 'CN=BC')
})

t.test('authn M3: from anybody else the header is ignored, and that is logged once; the connection\'s own certificate counts', async (t) => {
  const options = { header: 'Client-Cert', format: 'rfc9440', trustedProxies: '10.0.0.0/8' } as const
  const { app, log } = reading(t, [certificateReader(WHERE, options), certificateReader(WHERE, options), certificateReader(WHERE)])
  const port = await tlsServer(t, app, ca)
  const header = { 'client-cert': byteSequence(ada.der) }
  t.strictSame((await tlsClient(t, port, ca)('/', header)).body, { kind: 'none' })
  t.equal(log.length, 1)
  t.match(log[0], { level: 30, header: 'client-cert', remoteAddress: '127.0.0.1', msg: /a client certificate in a header is ignored/ })
  t.notOk(JSON.stringify(log).includes(byteSequence(ada.der)))

  const bertsClient = tlsClient(t, port, ca, bert)
  t.strictSame((await bertsClient('/', header)).body, certificateOf('bert', bert))
  t.equal(log.length, 2)
  t.strictSame((await bertsClient()).body, certificateOf('bert', bert))
  t.equal(log.length, 2, 'nothing was ignored')
  t.strictSame((await bertsClient('/', { 'client-cert': 'rubbish', 'x-forwarded-for': '10.0.0.7' })).body, certificateOf('bert', bert), 'nor is it read')
})

t.test('authn M3: a trusted proxy that sends no header speaks for nobody, whatever certificate it has itself', async (t) => {
  const { app } = reading(t, certificateReader(WHERE, { header: 'Client-Cert', format: 'rfc9440', trustedProxies: '127.0.0.0/8' }))
  const port = await tlsServer(t, app, ca)
  const proxy = tlsClient(t, port, ca, await ca.issue('proxy'))
  t.strictSame((await proxy()).body, { kind: 'none' })
  t.strictSame((await proxy('/', { 'client-cert': byteSequence(ada.der) })).body, certificateOf('ada', ada))
  t.strictSame((await proxy('/', { 'client-cert': byteSequence(bert.der) })).body, certificateOf('bert', bert))
  t.strictSame((await proxy()).body, { kind: 'none' })
})

t.test('authn M3: who connects from no address is not trusted and shows nothing', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const { app, log } = reading(t, certificateReader(WHERE, { header: 'Client-Cert', format: 'rfc9440', trustedProxies: '127.0.0.1' }))
  const socketPath = join(folder, 'app.sock')
  await app.listen({ path: socketPath })
  const sent = httpRequest({ socketPath, path: '/', headers: { 'client-cert': byteSequence(ada.der) }, agent: false })
  sent.end()
  const [answer] = await once(sent, 'response')
  let text = ''
  for await (const chunk of answer) text += chunk
  t.strictSame(JSON.parse(text), { kind: 'none' })
  t.equal(log.length, 1)

  const closed = Object.assign(new EventEmitter(), { authorized: true, getPeerX509Certificate: () => new X509Certificate(ada.der) })
  const read = certificateReader(WHERE, { header: 'Client-Cert', format: 'rfc9440', trustedProxies: '127.0.0.1' })
  t.strictSame(read(requestWith(closed)), { kind: 'none' }, 'a closed connection may have been the proxy\'s')
})

t.test('authn M3: the header twice is unreadable, also the same one, and also beside an empty one', async (t) => {
  const { app } = reading(t, certificateReader(WHERE, { header: 'Client-Cert', format: 'rfc9440', trustedProxies: '127.0.0.1' }))
  const right = byteSequence(ada.der)
  for (const [one, other] of [[right, right], ['', right], [right, ''], ['', '']] as const) {
    const { body } = await rawGet(app, [`Client-Cert: ${one}`, `client-CERT: ${other}`])
    t.strictSame(JSON.parse(body), { kind: 'unreadable', reason: 'the header of the client certificate was sent more than once' })
  }
  for (const format of FORMATS) t.equal(forwarded(format, WRITTEN[format](ada), WRITTEN[format](ada)).kind, 'unreadable')
})

t.test('authn M3: what is not exactly one certificate is unreadable, and the reason says why', async (t) => {
  const right = ada.der.toString('base64')
  const pem = escaped(ada.cert)
  const hash = hex(ada.der)
  const certificate = /it is not a certificate$/
  const cases: Array<[Format, string, RegExp]> = [
    ...[right, `:${right}`, `${right}:`, '::', ':', `:${right}:;a=1`, `"${right}"`, `:${right}:, :${right}:`, ':a:b:', ` :${right}:`, `:${right}: `]
      .map((text): [Format, string, RegExp] => ['rfc9440', text, /it is not one byte sequence/]),
    ...[`:${right.slice(0, -1)}:`, `:${right}=:`, `:${right} :`, `:${right.replace(/=*$/, '')}!:`, ':=:', ':ab:', `:${ada.der.toString('base64url')}-_:`]
      .map((text): [Format, string, RegExp] => ['rfc9440', text, /its base64 is wrong/]),
    ['rfc9440', byteSequence(Buffer.from('hello')), certificate],
    ['rfc9440', byteSequence(ada.der.subarray(0, 100)), certificate],
    ['rfc9440', byteSequence(Buffer.concat([ada.der, Buffer.from([0])])), certificate],
    ['rfc9440', byteSequence(Buffer.concat([ada.der, bert.der])), certificate],
    ['rfc9440', byteSequence(Buffer.from(ada.cert)), certificate],
    ['rfc9440', byteSequence(Buffer.from(ada.key)), certificate],
    ...['x', '%', ada.der.toString('base64'), pem.replace('BEGIN', 'begin'), pem.replace('%2D', ''), `${pem}${pem}`, `${pem}x`, `x${pem}`, `${pem}, ${pem}`, escaped(ada.key),
      pem.replaceAll('%20', '+'), pem.replace(/%0A$/, '%ZZ'), `${pem}%FF`, `%EF%BB%BF${pem}`]
      .filter((text) => text !== pem)
      .map((text): [Format, string, RegExp] => ['pem', text, /it is not one certificate as URL-encoded PEM/]),
    ['pem', escaped(`-----BEGIN CERTIFICATE-----\n${right.slice(0, -1)}\n-----END CERTIFICATE-----\n`), /its base64 is wrong/],
    ['pem', escaped('-----BEGIN CERTIFICATE-----\n\n-----END CERTIFICATE-----\n'), certificate],
    ['pem', escaped('-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n'), certificate],
    ...['x', '=', ';', 'Hash', `Hash=${hash};`, `;Hash=${hash}`, `Hash="${hash}`, `Hash=${hash}"`, `Hash=${hash} ; By=x`, 'Subject="CN=a\\"', `Ha sh=${hash}`, `:${right}:`]
      .map((text): [Format, string, RegExp] => ['xfcc', text, /it is not a list of pairs/]),
    ...['Hash=', 'Hash=00', `Hash=${hash}0`, `Hash=${hash.slice(1)}g`, `Hash=${thumbprint(ada.der)}`].map((text): [Format, string, RegExp] => ['xfcc', text, /Hash is not 64 digits/]),
    ...[`Hash=${hash},Hash=${hash}`, `Hash=${hash},By=x`, `Hash=${hash},`, `By=x,Hash=${hash}`].map((text): [Format, string, RegExp] => ['xfcc', text, /it speaks of more than one client/]),
    ['xfcc', `Hash=${hash};hash=${hash}`, /it has hash twice/],
    ['xfcc', `Hash=${hash};URI=http://a;Hash=${hex(bert.der)}`, /it has Hash twice/],
    ['xfcc', `CERT=${pem};Cert=${pem}`, /it has Cert twice/],
    ['xfcc', `Hash=${hex(bert.der)};Cert="${pem}"`, /Hash is not that of Cert/],
    ['xfcc', `Cert="${pem}";Hash=00`, /Hash is not 64 digits/],
    ['xfcc', `Hash=${hash};Cert="rubbish"`, /it is not one certificate as URL-encoded PEM/],
    ['xfcc', `Hash=${hash};Cert=`, /it is not one certificate as URL-encoded PEM/],
    ['xfcc', `Chain="${pem}";By=x`, /it has neither Hash nor Cert/],
  ]
  for (const [format, text, reason] of cases) {
    t.match(forwarded(format, text), { kind: 'unreadable', reason: new RegExp(`^the header of the client certificate cannot be read: .*${reason.source}`) }, `${format} ${text.slice(0, 60)}`)
  }
})

t.test('authn M3: Envoy may send only the hash, or only the certificate, and its keys are in any case', async (t) => {
  const whole = { kind: 'certificate', thumbprint: thumbprint(ada.der), verified: true }
  t.strictSame(forwarded('xfcc', `By=x;Hash=${hex(ada.der)};URI=spiffe://a=b`), { ...whole, certificate: null })
  t.strictSame(forwarded('xfcc', `hASH="${hex(ada.der).toUpperCase()}"`), { ...whole, certificate: null })
  t.match(forwarded('xfcc', `cert=${escaped(ada.cert)}`), { ...whole, certificate: { subject: 'CN=ada' } })
  t.match(forwarded('xfcc', `DNS=a;DNS=b;Cert="${escaped(ada.cert)}"`), { ...whole, certificate: { subject: 'CN=ada' } }, 'other keys may come twice')
})

t.test('authn M3: PEM with the line ends of Windows, without the last one, and with +, / and = as they are', async (t) => {
  const crlf = ada.cert.replaceAll('\n', '\r\n')
  for (const text of [escaped(crlf), escaped(ada.cert.trimEnd()), escaped(`${ada.cert}\n`), ada.cert.replaceAll('\n', '%0a').replaceAll(' ', '%20')]) {
    t.match(forwarded('pem', text), { thumbprint: thumbprint(ada.der) }, text)
  }
})

t.test('authn M3: no more than 16,384 characters are looked at', async (t) => {
  const length = (size: number) => `:${'A'.repeat(size - 2)}:`
  t.match(forwarded('rfc9440', length(16_384)), { reason: /it is not a certificate|base64/ })
  t.strictSame(forwarded('rfc9440', length(16_385)), { kind: 'unreadable', reason: 'the header of the client certificate is longer than 16384 characters' })
})

t.test('authn M3: whatever the header holds, nothing throws, and no certificate comes out but the one that is in it', async (t) => {
  const dictionary = fc.constantFrom('Hash=', 'Cert=', 'By=', ';', ',', '"', '\\"', '=', ':', '%2D', '%0A', '%', '-----BEGIN CERTIFICATE-----', hex(ada.der), escaped(ada.cert), ada.der.toString('base64'), hex(bert.der))
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.array(dictionary, { maxLength: 8 }).map((parts) => parts.join('')))
  const changed = fc.constantFrom(...FORMATS).chain((format) => {
    const right = WRITTEN[format](ada)
    return fc.tuple(fc.constant(format), fc.nat(right.length), fc.nat(right.length), text).map(([, from, to, put]) => [format, right.slice(0, from) + put + right.slice(to)] as const)
  })
  const anything = fc.tuple(fc.constantFrom(...FORMATS), text)
  const known = new Set([thumbprint(ada.der), thumbprint(bert.der)])
  fc.assert(fc.property(fc.oneof(anything, changed), ([format, value]) => {
    const shown = forwarded(format, value)
    if (shown.kind === 'none') return value === ''
    if (shown.kind === 'unreadable') return shown.reason !== ''
    if (shown.certificate !== null) return shown.thumbprint === thumbprint(shown.certificate.raw) && shown.verified
    return format === 'xfcc' && (known.has(shown.thumbprint) || value.toLowerCase().includes(Buffer.from(shown.thumbprint, 'base64url').toString('hex')))
  }), { numRuns: 1000 })
  t.pass()
})

t.test('a header that was read before is not parsed again; so many are remembered that a proxy cannot fill the memory', async (t) => {
  const read = certificateReader(WHERE, { header: 'Client-Cert', format: 'xfcc', trustedProxies: '10.0.0.7' })
  const look = (text: string) => read(requestWith({ remoteAddress: '10.0.0.7' }, ['Client-Cert', text]))
  const first = look(WRITTEN.xfcc(ada))
  t.equal(look(WRITTEN.xfcc(ada)), first)
  for (let n = 0; n < 199; n++) look(`Hash=${hex(Buffer.from(String(n)))}`)
  t.equal(look(WRITTEN.xfcc(ada)), first)
  look(`Hash=${hex(Buffer.from('one more'))}`)
  const again = look(WRITTEN.xfcc(ada))
  t.not(again, first, 'the oldest made room')
  t.match(again, { thumbprint: thumbprint(ada.der) })
  const rubbish = look('rubbish')
  t.strictSame(look('rubbish'), rubbish)
  t.not(look('rubbish'), rubbish, 'nor does what is unreadable take room')
})

t.test('within a request the answer is one and the same', async (t) => {
  const read = certificateReader(WHERE, { header: 'Client-Cert', format: 'rfc9440', trustedProxies: '10.0.0.7' })
  const request = requestWith({ remoteAddress: '10.0.0.7' }, ['Client-Cert', 'rubbish'])
  t.equal(read(request), read(request))
})

t.test('trusted proxies are addresses and networks of both families, however the socket writes them', async (t) => {
  const header = ['Client-Cert', byteSequence(ada.der)]
  const isTrusted = (trusted: string | string[], remoteAddress: string | undefined) => {
    return certificateReader(WHERE, { header: 'client-cert', format: 'rfc9440', trustedProxies: trusted })(requestWith({ remoteAddress }, header)).kind === 'certificate'
  }
  const cases: Array<[trusted: string | string[], yes: string[], no: Array<string | undefined>]> = [
    ['10.0.0.7', ['10.0.0.7', '::ffff:10.0.0.7', '::FFFF:10.0.0.7'], ['10.0.0.8', '::10.0.0.7', '::ffff:10.0.0.8', '10.0.0.70', '', undefined, 'localhost', '0', '167772167', '10.0.0.7 ', '010.0.0.7', '10.0.0.7%eth0']],
    ['10.0.0.0/8', ['10.0.0.0', '10.255.255.255', '::ffff:10.1.2.3'], ['9.255.255.255', '11.0.0.0', '::a00:1']],
    ['10.1.2.3/31', ['10.1.2.2', '10.1.2.3'], ['10.1.2.4', '10.1.2.1']],
    ['fd00::/8', ['fd00::1', 'FD12:3456::7', 'fdff::'], ['fc00::1', 'fe80::1', '10.0.0.7', '::ffff:253.0.0.1']],
    ['2001:db8::7', ['2001:db8::7', '2001:DB8:0:0:0:0:0:7'], ['2001:db8::8']],
    [['127.0.0.1', '::1'], ['127.0.0.1', '::1', '::ffff:127.0.0.1'], ['127.0.0.2', '::2', '::']],
    ['0.0.0.0/1', ['1.2.3.4'], ['128.0.0.1', '::1']],
  ]
  for (const [trusted, yes, no] of cases) {
    for (const address of yes) t.ok(isTrusted(trusted, address), `${trusted} ${address}`)
    for (const address of no) t.notOk(isTrusted(trusted, address), `${trusted} ${address}`)
  }
})

t.test('options that make no sense stop the start and name the mend', async (t) => {
  const right = { header: 'Client-Cert', format: 'rfc9440', trustedProxies: '10.0.0.7' }
  const wrong: Array<[unknown, RegExp]> = [
    [null, /clientCertificate: the options must be an object with header, format, trustedProxies/],
    ['Client-Cert', /the options must be an object/],
    [{ ...right, proxies: [] }, /there is no option 'proxies'; .* Did you mean "trustedProxies"\?|there is no option 'proxies'/],
    [{ format: 'rfc9440', trustedProxies: '10.0.0.7' }, /clientCertificate header: undefined was given; allowed is the name of a header that only your proxy sets/],
    [{ ...right, header: 'Client Cert' }, /header: 'Client Cert' was given/],
    [{ ...right, header: '' }, /header: '' was given/],
    [{ ...right, header: 'Authorization' }, /header: 'Authorization' was given/],
    [{ ...right, header: 'cookie' }, /header: 'cookie' was given/],
    [{ ...right, header: 7 }, /header: 7 was given/],
    [{ header: 'Client-Cert', trustedProxies: '10.0.0.7' }, /clientCertificate format: undefined was given; allowed is one of rfc9440, xfcc, pem/],
    [{ ...right, format: 'toString' }, /format: 'toString' was given/],
    [{ header: 'Client-Cert', format: 'pem' }, /`trustedProxies` is required/],
    [{ ...right, trustedProxies: [] }, /`trustedProxies` is required/],
    [{ ...right, trustedProxies: true }, /`trustedProxies` is required/],
    ...['localhost', 'proxy.internal', '10.0.0', '10.0.0.256', '10.0.0.0/33', '10.0.0.0/0', '::/0', '::/129', '10.0.0.0/', '10.0.0.0/08', '10.0.0.0/-1', '10.0.0.0/8/8', '/8', 'fe80::1%eth0', '::ffff:10.0.0.7', '::FFFF:0:0/96', '*', ' 10.0.0.7', '1']
      .map((text): [unknown, RegExp] => [{ ...right, trustedProxies: ['127.0.0.1', text] }, new RegExp(`trustedProxies: '${text.replace(/[*]/g, '\\$&')}' was given; allowed is an IP address or a network of your proxies`)]),
  ]
  for (const [options, message] of wrong) t.throws(() => certificateReader(WHERE, options as never), { code: 'FST_GATEHOUSE_OPTION', message }, JSON.stringify(options))
})
