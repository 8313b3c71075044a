/** Every scheme of the package, with what a client needs to sign in by it and to fail: one more scheme is one more entry in `ENTRIES`. */
import { createHash, createPublicKey, randomUUID } from 'node:crypto'
import fastifyCookie from '@fastify/cookie'
import fastifySession from '@fastify/session'
import fastifySecureSession from '@fastify/secure-session'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { GatehouseOptions } from '../../lib/index.ts'
import { apiKey, basic, bearer, certificate, createApiKey, digest, digestHash, dpop, session, type AnyScheme } from '../../lib/authentication/schemes/index.ts'
import { requireAll } from '../../lib/authentication/way.ts'
import { parseChallenges } from '../../lib/authentication/challenge-parser.ts'
import { memoryMarks } from '../../lib/stores/index.ts'
import { clientKey, signedProof, thumbprint } from '../authentication/dpop-client.ts'
import { answerTo, challengesIn, written, type Params } from '../authentication/digest-client.ts'
import { issuerKey, published, signed, type IssuerKey } from '../authentication/issuer.ts'
import { authority, type Validity } from '../authentication/tls.ts'
import { handClock } from '../stores/hand-clock.ts'
import { json, jsonServer, type JsonServer } from '../stores/json-server.ts'
import { basicOf, token as signedByHand } from './matrix.ts'

export type Accepted = NonNullable<GatehouseOptions['schemes']>[number]
export type Method = 'GET' | 'HEAD' | 'POST'
export type Line = readonly [name: string, value: string]

/** What a request carries. */
export interface Sent {
  readonly lines: readonly Line[]
  readonly query?: string
  /** What must stand in no answer and in no log. */
  readonly secrets: readonly string[]
}

/** For which request credentials are made. */
export interface Occasion {
  readonly method: Method
  /** Absolute, without a query. */
  readonly url: URL
  /** The challenges of a 401 of the same application, for those who need one. */
  readonly challenges: () => Promise<readonly string[]>
}

/** What an application that knows the scheme makes of credentials. `powerless`: a known user without any role. */
export type ComesTo =
  | 'user' | 'powerless'
  | 'invalid'
  /** What cannot be evaluated, or is there twice: a 400. */
  | 'unreadable'
  | 'nothing'
  /** Not all of what must come together. */
  | 'incomplete'
  /** A cookie that another site's page made a browser send. */
  | 'cross_site'

export interface Means {
  readonly name: string
  readonly comesTo: ComesTo | Readonly<Record<Method, ComesTo>>
  /** Where that is not the place of its entry. */
  readonly place?: Place
  /** The scheme that judges it, where that is not the first of its entry. */
  readonly judge?: string
  readonly present: (occasion: Occasion) => Sent | Promise<Sent>
}

/** One scheme in one application. */
export interface Fixture {
  readonly accepted: Accepted
  /** The `id` of whoever signs in with means that come to `user`. */
  readonly user: string
  /** The first comes to `user`. */
  readonly means: readonly [Means, ...Means[]]
  /** What the application registers before the gatehouse. */
  readonly before?: (app: FastifyInstance) => unknown
  /** Takes away what the scheme depends on: its store, its key server. */
  readonly breakDown: () => void
  readonly mend: () => void
}

/** Whether the client chose to send it, or it comes along by itself. */
export type Place = 'chosen' | 'ambient'

/** A scheme that challenges. */
export interface Challenging {
  readonly scheme: string
  readonly family: 'token' | 'other'
  /** Its errors are told in the challenge, by RFC 6750. */
  readonly oauth: boolean
}

export interface Entry {
  readonly name: string
  readonly place: Place
  /** One for each line. */
  readonly challenges: readonly [Challenging, ...Challenging[]]
  /** What `Vary` must name. */
  readonly varyOn: readonly string[]
  /** Whether answers are for one client only, since they depend on a cookie or a key. */
  readonly private: boolean
  readonly open: (ground: Ground) => Fixture
}

/** What an error says that no client may read. */
export const CAUSE = 'the-cause at db.internal:5432'

/** The servers that schemes ask, for the whole of a test file. */
export interface Ground {
  readonly keys: JsonServer
  readonly introspection: JsonServer
  /** What the introspection server knows. */
  readonly opaque: Map<string, object>
  /** Client certificates, DER, by the common name and what is special about them. */
  readonly certificates: Readonly<Record<'rita' | 'rolf' | 'ghost' | 'late' | 'early', Buffer>>
}

export async function layGround (t: Parameters<typeof jsonServer>[0]): Promise<Ground> {
  const opaque = new Map<string, object>()
  const ca = await authority('the authority of the schemes')
  const issue = async (name: string, validity?: Validity) => (await ca.issue(`${name}@certificate`, validity)).der
  const [past, future] = [new Date(Date.now() - 60_000), new Date(Date.now() + 3_000_000)]
  return {
    keys: await jsonServer(t, published(KEYS.jwks)),
    introspection: await jsonServer(t, introspecting(opaque)),
    opaque,
    certificates: {
      rita: await issue('rita'),
      rolf: await issue('rolf'),
      ghost: await issue('ghost'),
      late: await issue('rita', { notAfter: past }),
      early: await issue('rita', { notBefore: future }),
    },
  }
}

function introspecting (opaque: ReadonlyMap<string, object>): JsonServer['answer'] {
  return (response, asked) => json(opaque.get(new URLSearchParams(asked.body).get('token') ?? '') ?? { active: false })(response, asked)
}

const REALM = 'newsroom'
const SECRET = 'the secret of the schemes, 32 bytes long or more'
const PASSWORD = 'correct-horse-battery'
const AUDIENCE = 'newsroom'
const KEYS = { public: issuerKey('ES256'), jwks: issuerKey('ES256', 'one') }

/** Whoever has the secret of rita may read reports; rolf may nothing. */
function userOf (name: string): { id: string, roles: string[] } | null {
  if (/^rita@/.test(name)) return { id: name, roles: ['reader'] }
  return /^rolf@/.test(name) ? { id: name, roles: [] } : null
}

/** A store of users that can be down. */
class UserStore {
  broken = false

  find (name: string): { id: string, roles: string[] } | null {
    this.check()
    return userOf(name)
  }

  check (): void {
    if (this.broken) throw new Error(CAUSE)
  }
}

function switches (store: UserStore): Pick<Fixture, 'breakDown' | 'mend'> {
  return { breakDown: () => { store.broken = true }, mend: () => { store.broken = false } }
}

/** Whoever makes tokens of one issuer. */
interface Mint {
  readonly at: string
  /** Seconds since 1970. */
  readonly now: () => number
  readonly sign: (claims: object) => string
  /** A signature by somebody else. */
  readonly forge: (claims: object) => string
}

const issuerOf = (at: string) => `https://${at}.example`
const seconds = () => Math.floor(Date.now() / 1000)

function mintWith (at: string, key: IssuerKey, now = seconds): Mint {
  const other = { ...issuerKey(key.algorithm), kid: key.kid }
  return { at, now, sign: (claims) => signed(key, claims), forge: (claims) => signed(other, claims) }
}

/** Tokens good and bad, sent in this way. */
function tokens ({ at, now, sign, forge }: Mint, send: (token: string, occasion: Occasion) => Sent | Promise<Sent>): [Means, ...Means[]] {
  const claims = (name: string, more: object = {}) => ({ iss: issuerOf(at), aud: AUDIENCE, exp: now() + 3600, iat: now(), sub: `${name}@${at}`, ...more })
  const means = (name: string, comesTo: ComesTo, make: () => string): Means => ({ name, comesTo, present: (occasion) => send(make(), occasion) })
  return [
    means('a good token', 'user', () => sign(claims('rita'))),
    means('a token without permission', 'powerless', () => sign(claims('rolf'))),
    means('a malformed token', 'invalid', () => 'not-a!token'),
    means('an expired token', 'invalid', () => sign(claims('rita', { exp: now() - 600 }))),
    means('a forged token', 'invalid', () => forge(claims('rita'))),
    means('a token for others', 'invalid', () => sign(claims('rita', { aud: 'others' }))),
    means('a token of nobody', 'invalid', () => sign(claims('ghost'))),
  ]
}

/** The parts of a token are as secret as the whole. */
function secretsOf (token: string): string[] {
  return [token, ...token.split('.')].filter((part) => part.length > 8)
}

function inAuthorization (token: string): Sent {
  return { lines: [['authorization', `Bearer ${token}`]], secrets: secretsOf(token) }
}

const BEARER = { challenges: [{ scheme: 'Bearer', family: 'token', oauth: true }], place: 'chosen', varyOn: ['authorization'], private: false } as const

const bearerBySecret: Entry = {
  ...BEARER,
  name: 'bearer by secret',
  open () {
    const { mint, ...fixture } = bearerIn('by-secret', {})
    return { ...fixture, means: tokens(mint, inAuthorization) }
  },
}

/** The same with other ways to keep tokens: no answer may depend on that. */
const bearerKeeping = (at: string, name: string, cache: object | false): Entry => ({
  ...BEARER,
  name,
  open () {
    const { mint, ...fixture } = bearerIn(at, { cache })
    return { ...fixture, means: tokens(mint, inAuthorization) }
  },
})

const bearerByPublicKey: Entry = {
  ...BEARER,
  name: 'bearer by public key',
  open () {
    const at = 'by-key'
    const store = new UserStore()
    const publicKey = createPublicKey(KEYS.public.privateKey).export({ type: 'spki', format: 'pem' })
    return {
      accepted: bearer({ publicKey, issuer: issuerOf(at), audience: AUDIENCE, identify: async ({ sub }) => store.find(sub) }),
      user: `rita@${at}`,
      means: tokens(mintWith(at, KEYS.public), inAuthorization),
      ...switches(store),
    }
  },
}

/** Seconds and then milliseconds: longer than any server is left alone, and than keys serve without it. */
const MAX_AGE = 30
const LONG = 120_000

const bearerByJwks: Entry = {
  ...BEARER,
  name: 'bearer by published keys',
  open ({ keys }) {
    const at = 'by-jwks'
    const clock = handClock(Date.now())
    const jwks = { url: keys.url, maxAge: MAX_AGE, maxStale: 0, now: clock.now }
    return {
      accepted: bearer({ jwks, issuer: issuerOf(at), audience: AUDIENCE, identify: ({ sub }) => userOf(sub) }),
      user: `rita@${at}`,
      means: tokens(mintWith(at, KEYS.jwks, () => Math.floor(clock.now() / 1000)), inAuthorization),
      breakDown () {
        keys.answer = json({ error: CAUSE }, 500)
        clock.advance(LONG)
      },
      mend () {
        keys.answer = published(KEYS.jwks)
        clock.advance(LONG)
      },
    }
  },
}

const bearerByIntrospection: Entry = {
  ...BEARER,
  name: 'bearer by introspection',
  open ({ introspection, opaque }) {
    const at = 'by-asking'
    const clock = handClock(Date.now())
    const now = () => Math.floor(clock.now() / 1000)
    const issue = (claims: object) => {
      const token = `opaque-${opaque.size}-${at}`
      opaque.set(token, { active: true, ...claims })
      return token
    }
    const mint: Mint = { at, now, sign: issue, forge: () => `opaque-unknown-${opaque.size}` }
    return {
      accepted: bearer({
        introspection: { endpoint: introspection.url, clientId: 'newsroom', clientSecret: 'of the newsroom', now: clock.now },
        issuer: issuerOf(at),
        audience: AUDIENCE,
        identify: ({ sub }) => userOf(sub),
      }),
      user: `rita@${at}`,
      means: tokens(mint, inAuthorization),
      breakDown () {
        introspection.answer = json({ error: CAUSE }, 500)
      },
      mend () {
        introspection.answer = introspecting(opaque)
        clock.advance(LONG)
      },
    }
  },
}

/** The same tokens in other places. */
function bearerIn (at: string, places: object): Pick<Fixture, 'accepted' | 'user' | 'breakDown' | 'mend'> & { readonly mint: Mint } {
  const store = new UserStore()
  return {
    accepted: bearer({ secret: SECRET, issuer: issuerOf(at), audience: AUDIENCE, identify: ({ sub }) => store.find(sub), ...places }),
    user: `rita@${at}`,
    mint: mintWithSecret(at),
    ...switches(store),
  }
}

function mintWithSecret (at: string): Mint {
  return { at, now: seconds, sign: (claims) => signedByHand(claims, {}, SECRET), forge: (claims) => signedByHand(claims, {}, `another: ${SECRET}`) }
}

const bearerInQuery: Entry = {
  ...BEARER,
  name: 'bearer in the query',
  open () {
    const { mint, ...fixture } = bearerIn('in-query', { query: true })
    const inQuery = (token: string): Sent => ({ lines: [], query: `access_token=${encodeURIComponent(token)}`, secrets: secretsOf(token) })
    const [good, ...others] = tokens(mint, inQuery)
    const twice: Means = {
      name: 'a token in two places',
      comesTo: 'unreadable',
      present: async (occasion) => {
        const sent = await good.present(occasion)
        return { ...sent, lines: [['authorization', `Bearer ${sent.secrets[0] as string}`]] }
      },
    }
    return { ...fixture, means: [good, ...others, twice] }
  },
}

const bearerInCookie: Entry = {
  ...BEARER,
  name: 'bearer in a cookie',
  place: 'ambient',
  varyOn: ['authorization', 'cookie'],
  private: true,
  open () {
    const { mint, ...fixture } = bearerIn('in-cookie', { cookie: 'token' })
    const inCookie = (token: string): Sent => ({ lines: [['cookie', `token=${token}`]], secrets: secretsOf(token) })
    const [good, ...others] = tokens(mint, inCookie)
    const present = async (occasion: Occasion, more: Line): Promise<Sent> => {
      const sent = await good.present(occasion)
      return { ...sent, lines: [...sent.lines, more] }
    }
    return {
      ...fixture,
      means: [
        good,
        ...others,
        { name: 'the cookie twice', comesTo: 'invalid', present: (occasion) => present(occasion, ['cookie', 'token=another']) },
        { name: "a token that another site's page sends", comesTo: { GET: 'user', HEAD: 'user', POST: 'cross_site' }, present: (occasion) => present(occasion, ['sec-fetch-site', 'cross-site']) },
        { name: 'a good token in Authorization', comesTo: 'user', place: 'chosen', present: async (occasion) => inAuthorization((await good.present(occasion)).secrets[0] as string) },
      ],
    }
  },
}

const CLIENT = clientKey()

const byProof: Entry = {
  name: 'dpop',
  place: 'chosen',
  challenges: [{ scheme: 'DPoP', family: 'token', oauth: true }],
  varyOn: ['authorization', 'dpop'],
  private: false,
  open () {
    const at = 'dpop'
    const store = new UserStore()
    const marks = memoryMarks()
    const bound = (claims: object) => ({ ...claims, cnf: { jkt: thumbprint(CLIENT.jwk) } })
    const mint = mintWithSecret(at)
    const hash = (token: string) => createHash('sha256').update(token).digest('base64url')
    const proof = (token: string, { method, url }: Occasion, claims: object = {}, key = CLIENT) => signedProof(
      key, { typ: 'dpop+jwt', alg: key.algorithm, jwk: key.jwk }, { jti: randomUUID(), htm: method, htu: url.href, iat: seconds(), ath: hash(token), ...claims }
    )
    const sent = (token: string, ...proofs: readonly string[]): Sent => ({
      lines: [['authorization', `DPoP ${token}`], ...proofs.map((one): Line => ['dpop', one])], secrets: [token, ...proofs].flatMap(secretsOf),
    })
    const token = () => mint.sign(bound({ iss: issuerOf(at), aud: AUDIENCE, exp: seconds() + 3600, sub: `rita@${at}` }))
    const withProof = (name: string, make: (token: string, occasion: Occasion) => readonly string[]): Means => ({
      name, comesTo: 'invalid', present (occasion) { const one = token(); return sent(one, ...make(one, occasion)) },
    })
    return {
      accepted: dpop({
        secret: SECRET,
        issuer: issuerOf(at),
        audience: AUDIENCE,
        identify: ({ sub }) => userOf(sub),
        publicUrl: 'request',
        marks: { ...marks, putOnce: async (key, ttl) => { store.check(); return marks.putOnce(key, ttl) } },
      }),
      user: `rita@${at}`,
      means: [
        ...tokens({ ...mint, sign: (claims) => mint.sign(bound(claims)), forge: (claims) => mint.forge(bound(claims)) }, (one, occasion) => sent(one, proof(one, occasion))),
        { name: 'a token that is bound to nothing', comesTo: 'invalid', present (occasion) { const one = mint.sign({ iss: issuerOf(at), aud: AUDIENCE, exp: seconds() + 3600, sub: `rita@${at}` }); return sent(one, proof(one, occasion)) } },
        withProof('no proof', () => []),
        withProof('two proofs', (one, occasion) => [proof(one, occasion), proof(one, occasion)]),
        withProof('a malformed proof', () => ['not-a-proof-at-all']),
        withProof('a proof by another key', (one, occasion) => [proof(one, occasion, {}, clientKey())]),
        withProof('a proof for another method', (one, occasion) => [proof(one, occasion, { htm: 'DELETE' })]),
        withProof('a proof for another address', (one, occasion) => [proof(one, occasion, { htu: 'http://localhost/elsewhere' })]),
        withProof('an old proof', (one, occasion) => [proof(one, occasion, { iat: seconds() - 600 })]),
        withProof('a proof for another token', (one, occasion) => [proof(one, occasion, { ath: hash('another') })]),
      ],
      ...switches(store),
    }
  },
}

const byCertificate: Entry = {
  name: 'certificate',
  place: 'ambient',
  challenges: [{ scheme: 'Certificate', family: 'other', oauth: false }],
  varyOn: ['client-cert'],
  private: true,
  open: ({ certificates }) => certificateFixture(certificates, 'Certificate', { header: 'Client-Cert', format: 'rfc9440' }),
}

/** The certificate that a trusted proxy has seen: requests of the tests come from there. */
function certificateFixture (
  { rita, rolf, ghost, late, early }: Ground['certificates'], name: string, { header, format }: { readonly header: string, readonly format: 'rfc9440' | 'pem' }
): Fixture & { readonly accepted: AnyScheme } {
  const store = new UserStore()
  const pem = (der: Buffer) => encodeURIComponent(`-----BEGIN CERTIFICATE-----\n${der.toString('base64').replace(/(.{64})/g, '$1\n')}\n-----END CERTIFICATE-----\n`)
  const means = (which: string, comesTo: ComesTo, ...ders: readonly Buffer[]): Means => {
    const values = ders.map((der) => format === 'pem' ? pem(der) : `:${der.toString('base64')}:`)
    return { name: which, comesTo, place: 'ambient', present: () => ({ lines: values.map((value) => [header.toLowerCase(), value]), secrets: values }) }
  }
  return {
    accepted: certificate({
      // Where requests come from is another test's matter; means of other schemes say that they come from elsewhere.
      csrf: false,
      name,
      clientCertificate: { header, format, trustedProxies: '127.0.0.1' },
      identify: async ({ subject }) => store.find(subject.replace(/^CN=/, '')),
    }),
    user: 'rita@certificate',
    means: [
      means('a certificate', 'user', rita),
      means('a certificate without permission', 'powerless', rolf),
      means('a certificate of nobody', 'invalid', ghost),
      means('an expired certificate', 'invalid', late),
      means('a certificate that is not valid yet', 'invalid', early),
      means('what is no certificate', 'unreadable', Buffer.from('what is no certificate')),
      means('two certificates', 'unreadable', rita, rita),
    ],
    ...switches(store),
  }
}

const byPassword: Entry = {
  name: 'basic',
  place: 'chosen',
  challenges: [{ scheme: 'Basic', family: 'other', oauth: false }],
  varyOn: ['authorization'],
  private: false,
  open () {
    const store = new UserStore()
    const means = (name: string, comesTo: ComesTo, credentials: string, secrets = [PASSWORD]): Means => ({
      name, comesTo, present: () => ({ lines: [['authorization', credentials]], secrets: [...secrets, credentials.slice('Basic '.length)] }),
    })
    return {
      accepted: basic({
        async verify (username, password) {
          const user = store.find(username)
          return password === PASSWORD ? user : null
        },
      }),
      user: 'rita@basic',
      means: [
        means('the password', 'user', basicOf('rita@basic', PASSWORD)),
        means('the password of one without permission', 'powerless', basicOf('rolf@basic', PASSWORD)),
        means('what is not base64', 'invalid', 'Basic %%%-not-base64-%%%', []),
        means('a wrong password', 'invalid', basicOf('rita@basic', 'a-wrong-password'), ['a-wrong-password']),
        means('an unknown name', 'invalid', basicOf('ghost@basic', PASSWORD)),
      ],
      ...switches(store),
    }
  },
}

const byDigest: Entry = {
  name: 'digest',
  place: 'chosen',
  challenges: [{ scheme: 'Digest', family: 'other', oauth: false }, { scheme: 'Digest', family: 'other', oauth: false }],
  varyOn: ['authorization'],
  private: false,
  open () {
    const store = new UserStore()
    const clock = handClock(Date.now())
    let challenge: Params | undefined
    let count = 0
    const answer = async ({ method, url, challenges }: Occasion, username: string, password: string): Promise<Params> => {
      challenge ??= challengesIn({ 'www-authenticate': await challenges() }).find(({ algorithm }) => algorithm === 'SHA-256') as Params
      count += 1
      return answerTo(challenge, { username, password, method, uri: url.pathname, nc: count.toString(16).padStart(8, '0') })
    }
    const sent = (params: Params): Sent => ({ lines: [['authorization', written(params)]], secrets: [PASSWORD, params['response'] as string] })
    const means = (name: string, comesTo: ComesTo, username: string, password = PASSWORD, change: (params: Params) => Params = (params) => params): Means => ({
      name, comesTo, present: async (occasion) => sent(change(await answer(occasion, username, password))),
    })
    return {
      accepted: digest({
        secret: SECRET,
        now: clock.now,
        async lookup (name) {
          const user = store.find(name)
          return user && { user, ha1: { 'SHA-256': digestHash('SHA-256', name, REALM, PASSWORD) } }
        },
      }),
      user: 'rita@digest',
      means: [
        means('the password', 'user', 'rita@digest'),
        means('the password of one without permission', 'powerless', 'rolf@digest'),
        means('a wrong password', 'invalid', 'rita@digest', 'a-wrong-password'),
        means('an unknown name', 'invalid', 'ghost@digest'),
        means('a nonce of others', 'invalid', 'rita@digest', PASSWORD, (params) => ({ ...params, nonce: 'A'.repeat(48) })),
        means('a parameter too few', 'unreadable', 'rita@digest', PASSWORD, ({ cnonce: _cnonce, ...params }) => params),
        {
          name: 'an expired nonce',
          comesTo: 'invalid',
          async present (occasion) {
            const params = await answer(occasion, 'rita@digest', PASSWORD)
            clock.advance(1_000_000)
            challenge = undefined
            return sent(params)
          },
        },
      ],
      ...switches(store),
    }
  },
}

const byApiKey: Entry = {
  name: 'API key',
  place: 'chosen',
  challenges: [{ scheme: 'ApiKey', family: 'token', oauth: false }],
  varyOn: ['authorization', 'x-api-key'],
  private: true,
  open: () => keyFixture('X-API-Key', 'ApiKey', 'api-key'),
}

function keyFixture (header: string, scheme: string, at: string): Fixture & { readonly accepted: AnyScheme } {
  const store = new UserStore()
  const made = Object.fromEntries(['rita', 'rolf', 'late', 'gone'].map((prefix) => [prefix, createApiKey(prefix)])) as Record<string, ReturnType<typeof createApiKey>>
  const keyOf = (prefix: string) => (made[prefix] as ReturnType<typeof createApiKey>).key
  const unknown = createApiKey('nobody').key
  const wrong = `rita.${unknown.split('.')[1]}`
  const inHeader = (name: string, comesTo: ComesTo, key: string): Means => ({ name, comesTo, present: () => ({ lines: [[header.toLowerCase(), key]], secrets: secretsOf(key) }) })
  const alone = (key: string): Sent => ({ lines: [['authorization', `${scheme} ${key}`]], secrets: secretsOf(key) })
  return {
    accepted: apiKey({
      header,
      scheme,
      async lookup (prefix) {
        store.check()
        const record = made[prefix]
        if (record === undefined) return null
        const user = userOf(`${prefix}@${at}`) ?? { id: prefix, roles: ['reader'] }
        return { hash: record.hash, user, ...prefix === 'late' && { expiresAt: seconds() - 600 }, ...prefix === 'gone' && { revoked: true } }
      },
    }),
    user: `rita@${at}`,
    means: [
      inHeader('a good key', 'user', keyOf('rita')),
      inHeader('a key without permission', 'powerless', keyOf('rolf')),
      { name: 'a good key in Authorization', comesTo: 'user', present: () => alone(keyOf('rita')) },
      inHeader('a malformed key', 'invalid', 'not/a/key'),
      inHeader('an unknown key', 'invalid', unknown),
      inHeader('a wrong key', 'invalid', wrong),
      inHeader('an expired key', 'invalid', keyOf('late')),
      inHeader('a revoked key', 'invalid', keyOf('gone')),
      { name: 'a wrong key in Authorization', comesTo: 'invalid', present: () => alone(wrong) },
      {
        name: 'the key in both places',
        comesTo: 'unreadable',
        present: () => ({ lines: [[header.toLowerCase(), keyOf('rita')], ['authorization', `${scheme} ${keyOf('rita')}`]], secrets: secretsOf(keyOf('rita')) }),
      },
    ],
    ...switches(store),
  }
}

const SESSION = { place: 'ambient', varyOn: ['cookie'], private: true } as const

/** A session, by the cookie that the application sets. */
interface Sessions {
  readonly cookie: string
  readonly valueFor: (name: string) => string
  readonly tampered: (value: string) => string
  readonly expired: () => string
}

/** The user's cookie as a browser sends it, from a page of the application and from another site's. */
function cookies ({ cookie, valueFor, tampered, expired }: Sessions, at: string): [Means, ...Means[]] {
  const means = (name: string, comesTo: Means['comesTo'], value: () => string, ...more: readonly Line[]): Means => ({
    name,
    comesTo,
    present () {
      const text = value()
      return { lines: [['cookie', `${cookie}=${encodeURIComponent(text)}`], ...more], secrets: [text, encodeURIComponent(text)] }
    },
  })
  return [
    means('a session', 'user', () => valueFor(`rita@${at}`)),
    means('a session without permission', 'powerless', () => valueFor(`rolf@${at}`)),
    means('a session of nobody', 'invalid', () => valueFor(`ghost@${at}`)),
    means('a cookie that was tampered with', 'invalid', () => tampered(valueFor(`rita@${at}`))),
    means('a session that has expired', 'nothing', expired),
    means("a session that another site's page sends", { GET: 'user', HEAD: 'user', POST: 'cross_site' }, () => valueFor(`rita@${at}`), ['sec-fetch-site', 'cross-site']),
  ]
}

const inStore: Entry = {
  ...SESSION,
  name: '@fastify/session',
  challenges: [{ scheme: 'Session', family: 'other', oauth: false }],
  open () {
    const store = new UserStore()
    const held = new Map<string, { userId: string }>()
    const signer = new fastifyCookie.Signer(SECRET)
    const valueFor = (name: string) => {
      held.set(`session-of-${name}`, { userId: name })
      return signer.sign(`session-of-${name}`)
    }
    return {
      accepted: session({ key: 'userId', cookie: { secret: SECRET }, user: async ({ userId }: { userId: string }) => store.find(userId) }),
      user: 'rita@session',
      async before (app) {
        await withCookies(app)
        await app.register(fastifySession, {
          secret: SECRET,
          cookie: { secure: false },
          rolling: false,
          saveUninitialized: false,
          store: {
            get: (id, done) => done(null, { cookie: { originalMaxAge: null }, ...held.get(id) } as never),
            set: (_id, _session, done) => done(),
            destroy: (_id, done) => done(),
          },
        })
      },
      means: cookies({ cookie: 'sessionId', valueFor, tampered: (value) => `x${value}`, expired: () => signer.sign('session-of-long-ago') }, 'session'),
      ...switches(store),
    }
  },
}

const sealed: Entry = {
  ...SESSION,
  name: '@fastify/secure-session',
  challenges: [{ scheme: 'Sealed', family: 'other', oauth: false }],
  open () {
    const store = new UserStore()
    const key = Buffer.alloc(32, 7)
    let app: FastifyInstance | undefined
    const seal = (contents: object) => {
      const { createSecureSession, encodeSecureSession } = app as FastifyInstance
      return encodeSecureSession(createSecureSession(contents) as never, 'sealed')
    }
    return {
      accepted: session({ name: 'Sealed', sessionName: 'sealed', user: (kept: { get: (key: string) => unknown }) => store.find(String(kept.get('userId'))) }),
      user: 'rita@sealed',
      async before (given) {
        app = given
        await withCookies(given)
        await given.register(fastifySecureSession as never, { sessionName: 'sealed', key, expiry: 3600 } as never)
      },
      means: cookies({ cookie: 'sealed', valueFor: (userId) => seal({ userId }), tampered: (value) => value.slice(4), expired: () => seal({ userId: 'rita@sealed', __ts: 1 }) }, 'sealed'),
      ...switches(store),
    }
  },
}

async function withCookies (app: FastifyInstance): Promise<void> {
  if (!app.hasPlugin('@fastify/cookie')) await app.register(fastifyCookie)
}

/** As an application writes one. */
function ticketScheme (name: string, header: string, at: string, store: UserStore): AnyScheme {
  return {
    name,
    family: 'other',
    guessable: false,
    oauth: false,
    varyOn: [header],
    find (request: FastifyRequest) {
      const sent = request.headers[header.toLowerCase()]
      if (sent === undefined) return { kind: 'nothing' }
      return /^[\w@-]+$/.test(String(sent)) ? { kind: 'credentials', place: 'header', credentials: String(sent) } : { kind: 'malformed', place: 'header', reason: 'no ticket looks like this' }
    },
    verify (ticket: string) {
      if (store.broken) return { kind: 'unavailable', reason: 'the tickets cannot be looked up', cause: new Error(CAUSE) }
      if (ticket.startsWith('used-')) return { kind: 'invalid', reason: 'the ticket was used' }
      const user = userOf(`${ticket.replace(/-\w+$/, '')}@${at}`)
      return user === null ? { kind: 'invalid', reason: 'no such ticket' } : { kind: 'user', user }
    },
    challenge: (_reason, { realm }) => ({ scheme: name, params: [['realm', realm]] }),
  }
}

function tickets (header: string): [Means, ...Means[]] {
  const means = (name: string, comesTo: ComesTo, ticket: string): Means => ({ name, comesTo, present: () => ({ lines: [[header.toLowerCase(), ticket]], secrets: [ticket] }) })
  return [
    means('a ticket', 'user', 'rita-0123456789'),
    means('a ticket without permission', 'powerless', 'rolf-0123456789'),
    means('a malformed ticket', 'invalid', 'rita 0123456789'),
    means('a ticket of nobody', 'invalid', 'ghost-0123456789'),
    means('a ticket that was used', 'invalid', 'used-rita-0123456789'),
  ]
}

const ofOnesOwn: Entry = {
  name: "a scheme of one's own",
  place: 'chosen',
  challenges: [{ scheme: 'Ticket', family: 'other', oauth: false }],
  varyOn: ['x-ticket'],
  private: true,
  open () {
    const store = new UserStore()
    return { accepted: ticketScheme('Ticket', 'X-Ticket', 'ticket', store), user: 'rita@ticket', means: tickets('X-Ticket'), ...switches(store) }
  },
}

/** Several of these, or none, as one. */
function allOf (name: string, comesTo: ComesTo, ...all: readonly Means[]): Means {
  const chosen = all.some(({ place }) => place !== 'ambient')
  return { name, comesTo, place: chosen ? 'chosen' : 'ambient', present: async (occasion) => together(await Promise.all(all.map(async (one) => one.present(occasion)))) }
}

function meansTo (comesTo: ComesTo, { means }: Pick<Fixture, 'means'>): Means {
  return means.find((one) => one.comesTo === comesTo) as Means
}

/** Two that the client chose: the key of a device, and the ticket of whoever holds it. */
const keyAndTicket: Entry = {
  name: 'requireAll of a key and a ticket',
  place: 'chosen',
  challenges: [{ scheme: 'Device', family: 'token', oauth: false }, { scheme: 'Pin', family: 'other', oauth: false }],
  varyOn: ['authorization', 'x-device', 'x-pin'],
  private: true,
  open () {
    const store = new UserStore()
    const device = keyFixture('X-Device', 'Device', 'device')
    const pins = tickets('X-Pin')
    const [key, pin] = [device.means[0], pins[0]]
    const [wrongKey, wrongPin] = [meansTo('invalid', device), meansTo('invalid', { means: pins })]
    return {
      accepted: requireAll([device.accepted, ticketScheme('Pin', 'X-Pin', 'device', store)], { combine: ([first]) => first }),
      user: device.user,
      means: [
        allOf('a key and a pin', 'user', key, pin),
        allOf('a key without permission and a pin', 'powerless', meansTo('powerless', device), pin),
        allOf('a key alone', 'incomplete', key),
        allOf('a pin alone', 'incomplete', pin),
        allOf('a wrong key alone', 'incomplete', wrongKey),
        allOf('a wrong key and a pin', 'invalid', wrongKey, pin),
        { ...allOf('a key and a wrong pin', 'invalid', key, wrongPin), judge: 'Pin' },
        allOf('a wrong key and a wrong pin', 'invalid', wrongKey, wrongPin),
      ],
      ...switches(store),
    }
  },
}

/** One that comes along by itself and one that the client chose. */
const certificateAndToken: Entry = {
  ...BEARER,
  name: 'requireAll of a certificate and a token',
  challenges: [{ scheme: 'Bearer', family: 'token', oauth: true }, { scheme: 'Badge', family: 'other', oauth: false }],
  varyOn: ['authorization', 'x-ssl-client-cert'],
  private: true,
  open ({ certificates }) {
    const { mint, ...fixture } = bearerIn('with-badge', {})
    const all = tokens(mint, inAuthorization)
    const badge = certificateFixture(certificates, 'Badge', { header: 'X-SSL-Client-Cert', format: 'pem' })
    const [token, card] = [all[0], badge.means[0]]
    const [wrongToken, wrongCard] = [meansTo('invalid', { means: all }), meansTo('invalid', badge)]
    return {
      ...fixture,
      accepted: requireAll([fixture.accepted as AnyScheme, badge.accepted], { combine: ([first]) => first }),
      means: [
        allOf('a token and a badge', 'user', token, card),
        allOf('a token without permission and a badge', 'powerless', meansTo('powerless', { means: all }), card),
        allOf('a token alone', 'incomplete', token),
        allOf('a badge alone', 'incomplete', card),
        allOf('a wrong token and a badge', 'invalid', wrongToken, card),
        { ...allOf('a token and a wrong badge', 'invalid', token, wrongCard), judge: 'Badge' },
      ],
    }
  },
}

export const ENTRIES: readonly Entry[] = [
  bearerBySecret, bearerByPublicKey, bearerByJwks, bearerByIntrospection, bearerInQuery, bearerInCookie, byProof,
  byCertificate, byPassword, byDigest, byApiKey, inStore, sealed, ofOnesOwn, keyAndTicket, certificateAndToken,
]

/** Those that differ in nothing that another scheme could notice. */
export const ALIKE: readonly Entry[] = [
  bearerKeeping('none-kept', 'bearer by secret, no token kept', false),
  bearerKeeping('few-kept', 'bearer by secret, so few tokens kept that they push each other out', { entries: 8 }),
]

/** Several credentials in one request. */
export function together (all: readonly Sent[]): Sent {
  const query = all.flatMap(({ query }) => query ?? []).join('&')
  return { lines: all.flatMap(({ lines }) => lines), secrets: all.flatMap(({ secrets }) => secrets), ...query !== '' && { query } }
}

/** The names of the challenges that a route with these schemes owes, in order: tokens first, schemes of one name once. */
export function challengesDue (entries: readonly Entry[]): string[] {
  const due = new Map<string, Challenging[]>()
  for (const { challenges } of entries) {
    for (const name of new Set(challenges.map(({ scheme }) => scheme))) {
      if (!due.has(name)) due.set(name, challenges.filter(({ scheme }) => scheme === name))
    }
  }
  const all = [...due.values()].flat()
  return [...all.filter(({ family }) => family === 'token'), ...all.filter(({ family }) => family !== 'token')].map(({ scheme }) => scheme)
}

/** The one challenge of a line, its parameters by name; `null` for whatever is not exactly one. */
export function challengeIn (line: string): { readonly scheme: string, readonly params: ReadonlyMap<string, string> } | null {
  const all = parseChallenges(line)
  const [one] = all ?? []
  if (one === undefined || all?.length !== 1) return null
  return { scheme: one.scheme, params: new Map(one.params.map(([name, value]) => [name, typeof value === 'string' ? value : value.token])) }
}
