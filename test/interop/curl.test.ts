/** curl as it is, over real sockets: it signs in by every scheme that it knows, and gets over a 401 unaided. */
import { execFile } from 'node:child_process'
import { createHash, type X509Certificate } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import gatehouse, { authenticated } from '../../lib/index.ts'
import { basic, bearer, certificate, digest, digestHash, type DigestAlgorithm } from '../../lib/authentication/schemes/index.ts'
import { authority, selfSigned, tlsServer, type Identity } from '../authentication/tls.ts'
import { AUDIENCE, goodClaims, ISSUER, now, SECRET, token } from '../authentication/tokens.ts'
import { handClock } from '../stores/hand-clock.ts'
import { program } from '../support/programs.ts'
import { onLoopback } from './loopback.ts'

type Curl = (...args: readonly string[]) => Promise<Answer>

/** The last answer. */
interface Answer {
  readonly status: number
  /** The status line and the header lines. */
  readonly head: string
  readonly body: string
}

/** What came in: the scheme of its credentials, if any, and how it was answered. */
type Exchange = readonly [scheme: string, status: number]

const REALM = 'newsroom'
const PEOPLE: ReadonlyMap<string, string> = new Map([['ada', 'correct:horse'], ['Jäsøn "J." Doe', 'pässword, or not?'], ['編集長', '見出し:€']])
const ADA = 'ada:correct:horse'
const NONCE_LIFETIME = 300
const run = promisify(execFile)

/** `null` where there is no curl, which the test has then said. */
function curlOf (t: Test): Curl | null {
  const path = program(t, 'curl')
  if (path === null) return null
  return async (...args) => {
    const { stdout } = await run(path, ['-q', '--silent', '--include', '--noproxy', '*', ...args])
    const last = stdout.split(/(?=HTTP\/1\.1 \d{3} )/).at(-1) as string
    const end = last.indexOf('\r\n\r\n')
    return { status: Number(last.slice(9, 12)), head: last.slice(0, end), body: last.slice(end + 4) }
  }
}

/** `/basic` and `/digest` take a password, `/any` takes it in either form, and `/token` a token. A name may fail as often as is `free`. */
async function newsroom (t: Test, { algorithms, free = 3 }: { readonly algorithms?: readonly DigestAlgorithm[] | undefined, readonly free?: number } = {}) {
  const { app, origin } = await onLoopback(t)
  const clock = handClock(1_800_000_000_000)
  const exchanges: Exchange[] = []
  const fields: string[] = []
  const arrivals: Array<() => void> = []
  const people = new Map([...PEOPLE].map(([name, password]) => {
    const ha1 = Object.fromEntries((['SHA-256', 'SHA-512-256', 'MD5'] as const).map((algorithm) => [algorithm, digestHash(algorithm, name, REALM, password)]))
    return [name, { user: { id: name }, ha1 }]
  }))
  const byPassword = basic({ verify: (username, password) => PEOPLE.get(username) === password })
  const byDigest = digest({ algorithms, lookup: (name) => people.get(name), nonceLifetime: NONCE_LIFETIME, now: clock.now })
  const byToken = bearer({ issuer: ISSUER, audience: AUDIENCE, secret: SECRET })

  app.addHook('onRequest', async ({ headers }) => {
    arrivals.shift()?.()
    fields.push(headers.authorization ?? '')
  })
  app.addHook('onResponse', async ({ headers }, { statusCode }) => { exchanges.push([headers.authorization?.split(' ', 1)[0] ?? '', statusCode]) })
  await app.register(gatehouse, { realm: REALM, throttle: { account: { free }, now: clock.now } })
  for (const [url, ...schemes] of [['/basic', byPassword], ['/digest', byDigest], ['/any', byDigest, byPassword], ['/token', byToken]] as const) {
    app.route({ method: ['GET', 'POST'], url, config: { access: authenticated({ schemes }) }, handler: ({ user, body }) => ({ user, body }) })
  }
  await app.ready()
  return {
    url: (path: string) => `${origin}${path}`,
    clock,
    /** What came in since the last time. */
    seen: () => exchanges.splice(0),
    /** The `Authorization` fields that came in since the last time, the empty ones too. */
    fields: () => fields.splice(0),
    /** What is done when the next requests arrive, one for each. */
    onArrivals: (...next: Array<() => void>) => { arrivals.push(...next) },
  }
}

const DATA = ['--data', 'the news', '--header', 'content-type: text/plain']

t.test('authn A1, A2: curl signs in with Basic, in whatever alphabet, without being asked or when it is', async (t) => {
  const curl = curlOf(t)
  if (curl === null) return
  const { url, seen } = await newsroom(t)
  for (const [name, password] of PEOPLE) {
    const { status, body } = await curl('--user', `${name}:${password}`, url('/basic'))
    t.equal(status, 200, name)
    t.strictSame(JSON.parse(body).user, { id: name })
    t.strictSame(seen(), [['Basic', 200]])
  }
  const asked = await curl('--anyauth', '--user', ADA, ...DATA, url('/basic'))
  t.strictSame(JSON.parse(asked.body), { user: { id: 'ada' }, body: 'the news' })
  t.strictSame(seen(), [['', 401], ['Basic', 200]], 'the challenge says what to send')
  t.equal((await curl(url('/basic').replace('//', '//ada:correct%3Ahorse@'))).status, 200, 'credentials in the address')
})

t.test('authn A3: with a wrong password curl is told so once, with the challenge', async (t) => {
  const curl = curlOf(t)
  if (curl === null) return
  const { url, seen } = await newsroom(t)
  const { status, head, body } = await curl('--user', 'ada:wrong', url('/basic'))
  t.equal(status, 401)
  t.match(head, /^www-authenticate: Basic realm="newsroom", charset="UTF-8"\r?$/mi)
  t.equal(JSON.parse(body).code, 'invalid_credentials')
  t.strictSame(seen(), [['Basic', 401]])
  t.equal((await curl('--anyauth', '--user', 'nobody:correct:horse', url('/basic'))).status, 401)
  t.strictSame(seen(), [['', 401], ['Basic', 401]])
  t.equal((await curl('--user', ADA, url('/basic'))).status, 200)
})

t.test('a curl that was locked out waits as long as it is told to, and then signs in', async (t) => {
  const curl = curlOf(t)
  if (curl === null) return
  const { url, seen, clock, onArrivals } = await newsroom(t)
  for (let guess = 0; guess < 3; guess++) t.equal((await curl('--user', `ada:${guess}`, url('/basic'))).status, 401)
  seen()
  onArrivals(() => {}, () => clock.advance(1_000))
  const { status, head } = await curl('--retry', '1', '--user', ADA, url('/basic'))
  t.equal(status, 200)
  t.notMatch(head, /www-authenticate|retry-after/i)
  t.strictSame(seen(), [['Basic', 429], ['Basic', 200]])
})

t.test('authn D1: curl signs in with Digest, with the preferred algorithm of several', async (t) => {
  const curl = curlOf(t)
  if (curl === null) return
  // not SHA-512-256, by which curl before 8.7 means SHA-256 (curl/curl#13070)
  for (const algorithms of [undefined, ['SHA-256'], ['MD5'], ['SHA-256', 'MD5'], ['MD5', 'SHA-256']] as const) {
    const { url, seen, fields } = await newsroom(t, { algorithms })
    const { status, body } = await curl('--digest', '--user', 'Jäsøn "J." Doe:pässword, or not?', ...DATA, url('/digest?page=2&sort=-date'))
    t.equal(status, 200)
    t.strictSame(JSON.parse(body), { user: { id: 'Jäsøn "J." Doe' }, body: 'the news' })
    t.strictSame(seen(), [['', 401], ['Digest', 200]])
    t.match(fields().at(-1), new RegExp(`algorithm="?${algorithms?.[0] ?? 'SHA-256'}"?(,|$)`))
  }
})

t.test('authn D4: a nonce that expires costs curl one more request, and no guess', async (t) => {
  const curl = curlOf(t)
  if (curl === null) return
  const { url, seen, clock, onArrivals } = await newsroom(t, { free: 1 })
  const expire = () => clock.advance(NONCE_LIFETIME * 1000)
  onArrivals(() => {}, expire)
  const { status, body } = await curl('--digest', '--user', ADA, ...DATA, url('/digest'))
  t.equal(status, 200)
  t.equal(JSON.parse(body).body, 'the news')
  t.strictSame(seen(), [['', 401], ['Digest', 401], ['Digest', 200]])
  onArrivals(() => {}, expire)
  t.notMatch((await curl('--digest', '--user', 'ada:wrong', url('/digest'))).head, /stale/, 'who does not know the password is told nothing of the nonce')
  t.strictSame(seen(), [['', 401], ['Digest', 401]])
})

t.test('authn D: with a wrong password curl is told so after one attempt, and is locked out like anybody else', async (t) => {
  const curl = curlOf(t)
  if (curl === null) return
  const { url, seen } = await newsroom(t)
  const ask = async (user: string) => (await curl('--digest', '--user', user, url('/digest'))).status
  for (let guess = 0; guess < 3; guess++) {
    t.equal(await ask(`ada:${guess}`), 401)
    t.strictSame(seen(), [['', 401], ['Digest', 401]])
  }
  t.equal(await ask(ADA), 429)
  t.strictSame(seen(), [['', 401], ['Digest', 429]])
})

t.test('a curl that may choose takes Digest before Basic, stays with it when it was wrong, and may take Basic all the same', async (t) => {
  const curl = curlOf(t)
  if (curl === null) return
  const { url, seen, clock, onArrivals } = await newsroom(t)
  const ask = async (...args: string[]) => (await curl(...args, url('/any'))).status
  t.equal(await ask('--anyauth', '--user', ADA), 200)
  t.strictSame(seen(), [['', 401], ['Digest', 200]])
  onArrivals(() => {}, () => clock.advance(NONCE_LIFETIME * 1000))
  t.equal(await ask('--anyauth', '--user', ADA), 200)
  t.strictSame(seen(), [['', 401], ['Digest', 401], ['Digest', 200]])
  t.equal(await ask('--anyauth', '--user', 'ada:wrong'), 401)
  t.strictSame(seen(), [['', 401], ['Digest', 401]], 'the password is not sent in the clear for a second try')
  t.equal(await ask('--user', ADA), 200)
  t.strictSame(seen(), [['Basic', 200]])
})

t.test('authn B1, B3: curl signs in with a token, and is told what is wrong with one', async (t) => {
  const curl = curlOf(t)
  if (curl === null) return
  const { url, seen } = await newsroom(t)
  const ask = (claims: object) => curl('--oauth2-bearer', token(claims), url('/token'))
  t.match((await curl(url('/token'))).head, /^www-authenticate: Bearer realm="newsroom"\r?$/mi)
  const expired = await ask({ ...goodClaims(), exp: now() - 3600 })
  t.equal(expired.status, 401)
  t.match(expired.head, /^www-authenticate: Bearer realm="newsroom", error="invalid_token"/mi)
  t.strictSame(JSON.parse((await ask(goodClaims())).body).user.id, 'ada')
  t.strictSame(seen(), [['', 401], ['Bearer', 401], ['Bearer', 200]])
})

t.test('authn M1, M5: curl signs in with its certificate, with one that was renewed, and with a token that is bound to it', async (t) => {
  const curl = curlOf(t)
  if (curl === null) return
  const ca = await authority('newsroom')
  const app = Fastify()
  t.teardown(() => app.close())
  const byCertificate = certificate({ identify: ({ subject }: X509Certificate) => ({ id: subject.slice('CN='.length) }) })
  const byPassword = basic({ verify: (username, password) => PEOPLE.get(username) === password })
  const byToken = bearer({ issuer: ISSUER, audience: AUDIENCE, secret: SECRET })
  await app.register(gatehouse, { realm: REALM })
  app.get('/', { config: { access: authenticated({ schemes: [byCertificate] }) } }, (request) => request.user)
  app.get('/either', { config: { access: authenticated({ schemes: [byCertificate, byPassword] }) } }, (request) => request.user)
  app.get('/token', { config: { access: authenticated({ schemes: [byToken] }) } }, (request) => request.user)
  const port = await tlsServer(t, app, ca)

  const folder = t.testdir({ 'ca.pem': ca.cert })
  const ask = async (path: string, name: string, { key, cert }: Partial<Identity>, ...args: string[]) => {
    const own = key === undefined || cert === undefined ? [] : ['--cert', written(`${name}.pem`, cert), '--key', written(`${name}.key`, key)]
    const { status, head, body } = await curl('--cacert', join(folder, 'ca.pem'), ...own, ...args, `https://127.0.0.1:${port}${path}`)
    return { status, head, ...JSON.parse(body) }
  }
  const written = (name: string, pem: string) => {
    const file = join(folder, name)
    writeFileSync(file, pem)
    return file
  }

  const ada = await ca.issue('ada')
  t.match(await ask('/', 'ada', ada), { status: 200, id: 'ada' })
  const none = await ask('/', '', {})
  t.match(none, { status: 401, code: 'unauthenticated', head: /^www-authenticate: Certificate realm="newsroom"\r?$/mi })
  const expired = await ca.issue('bert', { notBefore: new Date(Date.now() - 2 * 3_600_000), notAfter: new Date(Date.now() - 3_600_000) })
  t.match(await ask('/', 'bert', expired), { status: 401, code: 'invalid_credentials', head: /^www-authenticate: Certificate /mi })
  t.match(await ask('/', 'bert', await ca.issue('bert')), { status: 200, id: 'bert' }, 'renewed')
  t.match(await ask('/', 'self', await selfSigned('ada')), { status: 401, code: 'invalid_credentials' }, 'of no authority')
  t.match(await ask('/either', '', {}, '--anyauth', '--user', ADA), { status: 200, id: 'ada' }, 'who has none may have a password')

  const bound = token({ ...goodClaims(), cnf: { 'x5t#S256': createHash('sha256').update(ada.der).digest('base64url') } })
  t.match(await ask('/token', 'ada', ada, '--oauth2-bearer', bound), { status: 200, id: 'ada' })
  for (const other of [{}, await ca.issue('ada')]) {
    t.match(await ask('/token', 'other', other, '--oauth2-bearer', bound), { status: 401, head: /^www-authenticate: Bearer realm="newsroom", error="invalid_token"/mi })
  }
})
