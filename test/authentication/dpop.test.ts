import { randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import fc from 'fast-check'
import { calculateThumbprint, generateKeyPair, generateProof, type KeyPair } from 'dpop'
import { fastify, type FastifyInstance, type FastifyRequest, type FastifyServerOptions } from 'fastify'
import { calculateJwkThumbprint, compactVerify, EmbeddedJWK } from 'jose'
import * as oauth from 'oauth4webapi'
import type { AccessTokens } from '../../lib/authentication/access-tokens.ts'
import { authorizationFields } from '../../lib/authentication/authorization-field.ts'
import { parseChallenges } from '../../lib/authentication/challenge-parser.ts'
import { accessTokens, basic, bearer, dpop, type AnyScheme, type Claims, type DpopOptions, type DpopProofOptions } from '../../lib/authentication/schemes/index.ts'
import gatehouse, { authenticated } from '../../lib/index.ts'
import { memoryMarks, StoreUnavailable, type MarkStore } from '../../lib/stores/index.ts'
import { handClock } from '../stores/hand-clock.ts'
import { boundToken, clientKey, hash, proofFor, signedProof, thumbprint, type ClientKey, type Members } from './dpop-client.ts'
import { gate, rawGet } from './gate.ts'
import { requestTo } from './raw-request.ts'
import { AUDIENCE, goodClaims, ISSUER, now, SECRET, token } from './tokens.ts'

const LOCAL_TOKENS = { issuer: ISSUER, audience: AUDIENCE, secret: SECRET }
const LOCAL = { ...LOCAL_TOKENS, publicUrl: 'request' }
const NONCES = { secret: 'the secret that makes the nonces' }
const ALGS = 'algs="ES256 ES384 PS256 RS256 EdDSA Ed25519"'
const BAD_PROOF = 'DPoP realm="newsroom", error="invalid_dpop_proof", error_description="The DPoP proof is missing, malformed, expired, used before or not made for this request", ' + ALGS
const BAD_TOKEN = 'DPoP realm="newsroom", error="invalid_token", error_description="The access token is malformed, expired, revoked or not meant for this service", ' + ALGS
const USE_NONCE = 'DPoP realm="newsroom", error="use_dpop_nonce", error_description="The DPoP proof must carry the nonce that this answer brings", ' + ALGS

const KEY = clientKey()
const RSA_KEY = clientKey('RS256')

type Teardown = Parameters<typeof gate>[0]
interface Options extends Partial<DpopProofOptions> {
  readonly maxLength?: number
  readonly identify?: (claims: Claims) => Promise<{ id: string, name: string } | null>
}

function open (t: Teardown, options: Options = {}): Promise<FastifyInstance> {
  return gate(t, [dpop({ ...LOCAL, ...options })])
}

function send (app: FastifyInstance, token: string, proof: string | null, { url = '/', method = 'GET' as 'GET' | 'POST' | 'HEAD', host = 'localhost' } = {}) {
  return app.inject({ method, url, headers: { host, authorization: `DPoP ${token}`, ...proof === null ? {} : { dpop: proof } } })
}

/** A request with a token and a proof that are right but for what is said. */
function ask (app: FastifyInstance, { key = KEY, claims = {}, header = {}, htu = 'http://localhost/' }: { key?: ClientKey, claims?: Members, header?: Members, htu?: string } = {}) {
  const bound = boundToken(key)
  return send(app, bound, proofFor(key, { token: bound, htu, claims, header }))
}

async function refused (t: Test, app: FastifyInstance, proof: string | null, reason: string, token = boundToken(KEY)) {
  const response = await send(app, token, proof)
  t.equal(response.statusCode, 401, reason)
  t.equal(response.headers['www-authenticate'], BAD_PROOF, reason)
  t.match(response.json(), { kind: 'invalid', error: 'invalid_dpop_proof', reason })
}

t.test('authn P13: a stranger is told the algorithms, and of no error', async (t) => {
  const response = await (await open(t)).inject('/')
  t.equal(response.statusCode, 401)
  t.equal(response.headers['www-authenticate'], `DPoP realm="newsroom", ${ALGS}`)
  t.equal((await (await open(t, { proofAlgorithms: ['ES512'] })).inject('/')).headers['www-authenticate'], 'DPoP realm="newsroom", algs="ES512"')
})

t.test('authn P13: the challenge names the metadata of the resource', async (t) => {
  const scheme = dpop(LOCAL)
  const context = { request: {} as FastifyRequest, realm: 'newsroom', resourceMetadata: 'https://api.example/.well-known/oauth-protected-resource' }
  const challenge = scheme.challenge({ kind: 'error', error: 'insufficient_user_authentication', extra: { acr_values: 'gold' } }, context) as { params: unknown }
  t.strictSame(challenge.params, [
    ['realm', 'newsroom'], ['resource_metadata', context.resourceMetadata], ['error', 'insufficient_user_authentication'],
    ['error_description', 'This request needs a more recent or a stronger sign-in'], ['acr_values', 'gold'], ['algs', 'ES256 ES384 PS256 RS256 EdDSA Ed25519'],
  ])
})

t.test('a token with a proof by its key is its user', async (t) => {
  const response = await ask(await open(t))
  t.equal(response.statusCode, 200)
  t.match(response.json(), { kind: 'user', scheme: 'DPoP', user: { id: 'ada', roles: ['editor'] }, auth: { scheme: 'DPoP' } })
  t.notOk('dpop-nonce' in response.headers)
})

t.test('the scheme and the header are found in any case', async (t) => {
  const app = await open(t)
  const bound = boundToken(KEY)
  const { status } = await rawGet(app, [`aUTHORIZATION: dPoP   ${bound}`, `dPOP: ${proofFor(KEY, { token: bound })}`])
  t.equal(status, 200)
})

t.test('authn P7, P8, P2: the vectors of RFC 9449: figure 13 is let in by its token, and by no other', async (t) => {
  const RFC = {
    token: 'Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU',
    jwk: { kty: 'EC', x: 'l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs', y: '9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA', crv: 'P-256' },
    jkt: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I',
    ath: 'fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo',
    proof: 'eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.' +
      'eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.' +
      '2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA',
    /** Figure 2, which is for a token endpoint. */
    tokenProof: 'eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.' +
      'eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.' +
      '2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg',
  }
  t.equal(hash(RFC.token), RFC.ath)
  t.equal(thumbprint(RFC.jwk), RFC.jkt)
  t.equal(await calculateJwkThumbprint(RFC.jwk), RFC.jkt)
  await t.resolves(compactVerify(RFC.proof, EmbeddedJWK))

  const seen: unknown[] = []
  const tokens = issued({
    check: (token, _request, shown) => {
      seen.push(shown)
      return { kind: 'token', token, claims: { iss: ISSUER, sub: 'ada', exp: now() + 60 } }
    }
  })
  const app = await gate(t, [dpop({ tokens, now: () => 1_562_262_618_000, publicUrl: 'https://resource.example.org' })])
  t.equal((await send(app, RFC.token, RFC.proof, { url: '/protectedresource' })).statusCode, 200)
  t.strictSame(seen, [{ kind: 'dpop', thumbprint: RFC.jkt }])
  t.match((await send(app, `${RFC.token}x`, RFC.proof, { url: '/protectedresource' })).json(), { error: 'invalid_dpop_proof', reason: 'the proof is for another token' })
  t.match((await send(app, RFC.token, RFC.tokenProof, { url: '/protectedresource' })).json(), { error: 'invalid_dpop_proof', reason: 'ath is not a text' })
})

t.test('authn P1, P16: there is exactly one proof, in one line; everything else is a 401 invalid_dpop_proof', async (t) => {
  const app = await open(t)
  const bound = boundToken(KEY)
  const [one, other] = [proofFor(KEY, { token: bound }), proofFor(KEY, { token: bound })]
  const wrong: Array<[lines: string[], reason: string]> = [
    [[], 'there is no proof'],
    [['DPoP:'], 'the proof is not three segments of base64url'],
    [[`DPoP: ${one}`, `DPoP: ${other}`], 'there is more than one proof'],
    [[`DPoP: ${one}`, `dpop: ${one}`], 'there is more than one proof'],
    [[`DPoP: ${one}`, 'DPoP:'], 'there is more than one proof'],
    [[`DPoP: ${one}, ${other}`], 'the proof is not three segments of base64url'],
    [[`DPoP: ${one},`], 'the proof is not three segments of base64url'],
    [[`DPoP: ${'x'.repeat(8193)}`], 'the proof is longer than 8192 characters'],
  ]
  for (const [lines, reason] of wrong) {
    const response = await rawGet(app, [`Authorization: DPoP ${bound}`, ...lines])
    t.equal(response.status, 401, reason)
    t.ok(response.head.includes(`www-authenticate: ${BAD_PROOF}`), reason)
    t.match(JSON.parse(response.body), { kind: 'invalid', reason })
  }
  t.equal((await rawGet(app, [`Authorization: DPoP ${bound}`, `DPoP: ${one}`])).status, 200)
})

t.test('a proof alone, or beside a token of another scheme, is nothing sent', async (t) => {
  const app = await open(t)
  const bound = boundToken(KEY)
  for (const authorization of [undefined, `Bearer ${bound}`]) {
    const response = await app.inject({ url: '/', headers: { dpop: proofFor(KEY, { token: bound }), ...authorization === undefined ? {} : { authorization } } })
    t.equal(response.json().kind, 'nothing')
    t.equal(response.headers['www-authenticate'], `DPoP realm="newsroom", ${ALGS}`)
  }
})

t.test('a token that is missing, too long or not token68 is a 401 invalid_token', async (t) => {
  const app = await open(t, { maxLength: 1000 })
  for (const credentials of ['DPoP', 'DPoP ', 'DPoP a b', 'DPoP "a"', 'DPoP a,', `DPoP ${'x'.repeat(1001)}`]) {
    const response = await rawGet(app, [`Authorization: ${credentials}`, `DPoP: ${proofFor(KEY, { token: 'a' })}`])
    t.equal(response.status, 401, credentials.slice(0, 20))
    t.ok(response.head.includes(`www-authenticate: ${BAD_TOKEN}`), credentials.slice(0, 20))
    t.match(JSON.parse(response.body), { kind: 'invalid', reason: /^(there is no token, or|the token is longer than 1000)/ })
  }
})

t.test('authn P2: a proof is a well-formed JWS of the type dpop+jwt, with a public key that is fit for an accepted algorithm', async (t) => {
  const app = await open(t)
  const bound = boundToken(KEY)
  const good = proofFor(KEY, { token: bound })
  const [head, body, signature] = good.split('.') as [string, string, string]
  const segment = (text: string | Uint8Array) => Buffer.from(text).toString('base64url')
  const withHeader = (header: Members) => proofFor(KEY, { token: bound, header })
  const noFit = (algorithm: string) => `the key in the proof does not fit ${algorithm}, or has a size that is not accepted`
  const ec = KEY.jwk
  const rsa = RSA_KEY.jwk
  const withRsa = (jwk: Members) => proofFor(RSA_KEY, { token: bound, header: { jwk: { ...rsa, ...jwk } } })
  const modulus = (first: number, length: number) => segment(Buffer.concat([Buffer.from([first]), Buffer.alloc(length - 1, 0xff)]))

  for (const wrong of ['x', '..', 'a.b', `${head}.${body}`, `${head}.${body}.`, `.${body}.${signature}`, `${head}..${signature}`, `${good}.`, `${good}.x.y`, `${good}=`, `${head}.${body}.${signature}+`, `"${good}"`]) {
    await refused(t, app, wrong, 'the proof is not three segments of base64url', bound)
  }
  for (const header of ['', '{', 'null', '7', '"text"', '[]', '[{}]', '\uFEFF{}', Buffer.from('{"a":"\xff"}', 'latin1')]) {
    await refused(t, app, `${segment(header)}.${body}.${signature}`, header === '' ? 'the proof is not three segments of base64url' : 'the header of the proof is not an object', bound)
  }
  for (const typ of ['JWT', 'dpop+JWT', 'DPoP+jwt', 'application/dpop+jwt', '', null, undefined, ['dpop+jwt'], 'at+jwt']) {
    await refused(t, app, withHeader({ typ }), 'the type of the proof is not dpop+jwt', bound)
  }
  for (const alg of ['none', 'None', 'HS256', 'ES512', 'PS384', 'es256', '', null, undefined, ['ES256'], 'toString', '__proto__', 'ES256K']) {
    await refused(t, app, withHeader({ alg }), 'the algorithm of the proof is not accepted', bound)
  }
  for (const crit of [['b64'], ['exp'], [], null, 'x', true]) {
    await refused(t, app, withHeader({ crit, b64: false }), 'the proof has a critical header', bound)
  }
  for (const jwk of [undefined, null, '', 'https://evil.example/jwks', 7, [ec], JSON.stringify(ec)]) {
    await refused(t, app, withHeader({ jwk }), 'the proof has no key', bound)
  }
  for (const name of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']) {
    for (const value of ['AQAB', null, []]) await refused(t, app, withHeader({ jwk: { ...ec, [name]: value } }), 'the key in the proof is private or symmetric', bound)
  }
  await refused(t, app, withHeader({ jwk: KEY.privateKey.export({ format: 'jwk' }) }), 'the key in the proof is private or symmetric', bound)
  const unfit: Members[] = [
    {}, { ...ec, kty: 'ec' }, { ...ec, kty: 'RSA' }, { ...ec, kty: 'oct' }, { ...ec, kty: undefined }, { ...ec, crv: 'P-384' }, { ...ec, crv: 'secp256k1' }, { ...ec, x: undefined }, { ...ec, y: undefined },
    { ...ec, y: 7 }, { ...ec, x: `${ec['x']}=` }, { ...ec, x: `A${ec['x']}` }, { ...ec, x: `+${ec['x']?.slice(1)}` }, { ...ec, x: [ec['x']] }, rsa, clientKey('ES384').jwk, clientKey('Ed25519').jwk,
  ]
  for (const jwk of unfit) await refused(t, app, withHeader({ jwk }), noFit('ES256'), bound)
  const okp = clientKey('Ed25519')
  for (const jwk of [{ ...okp.jwk, crv: 'X25519' }, { ...okp.jwk, crv: 'Ed448' }, { ...okp.jwk, x: 'AAAA' }, ec]) {
    await refused(t, app, proofFor(okp, { token: bound, header: { jwk } }), noFit('Ed25519'), bound)
  }
  const sizes: Members[] = [
    { n: clientKey('RS256', 1024).jwk['n'] }, { n: modulus(0x7f, 256) }, { n: modulus(0, 257) }, { n: modulus(1, 513) }, { n: modulus(0xff, 1024) }, { n: '' }, { n: undefined }, { n: 7 }, { n: `${rsa['n']}=` },
    { e: 'Aw' }, { e: 'AQAAAAE' }, { e: 'AAEAAQ' }, { e: undefined }, { e: rsa['n'] }, { kty: 'EC' },
  ]
  for (const jwk of sizes) await refused(t, app, withRsa(jwk), noFit('RS256'), bound)
  await refused(t, app, proofFor(clientKey('RS256', 2048, 3), { token: bound }), noFit('RS256'), bound)
})

t.test('authn P2: the proof is signed by the key in it', async (t) => {
  const app = await open(t)
  const bound = boundToken(KEY)
  const good = proofFor(KEY, { token: bound })
  const [head, body, signature] = good.split('.') as [string, string, string]
  const flipped = `${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`
  const other = proofFor(clientKey(), { token: bound, header: { jwk: KEY.jwk } })
  const later = Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(body, 'base64url').toString()), jti: 'another' })).toString('base64url')
  for (const wrong of [`${head}.${body}.${flipped}`, `${head}.${body}.${signature.slice(4)}`, `${head}.${body}.A`, `${head}.${later}.${signature}`, other]) {
    await refused(t, app, wrong, 'the signature of the proof is wrong', bound)
  }
  t.equal((await send(app, bound, good)).statusCode, 200, 'none of these has used it up')
})

t.test('authn P2: a key that is no key of its kind is a 401 too', async (t) => {
  const app = await open(t)
  const jwk = { ...KEY.jwk, y: KEY.jwk['x'] as string }
  const bound = boundToken({ ...KEY, thumbprint: thumbprint(jwk) })
  await refused(t, app, proofFor(KEY, { token: bound, header: { jwk } }), 'the signature of the proof is wrong', bound)
})

t.test('authn P2: every algorithm that is offered is accepted, and others where they are named', async (t) => {
  const app = await open(t)
  const keyFor = (algorithm: string) => /^[RP]S/.test(algorithm) ? { ...RSA_KEY, algorithm } : clientKey(algorithm)
  for (const algorithm of ['ES256', 'ES384', 'PS256', 'RS256', 'EdDSA', 'Ed25519']) t.equal((await ask(app, { key: keyFor(algorithm) })).statusCode, 200, algorithm)
  const others = ['ES512', 'PS384', 'PS512', 'RS384', 'RS512']
  const wide = await open(t, { proofAlgorithms: others })
  for (const algorithm of others) t.equal((await ask(wide, { key: keyFor(algorithm) })).statusCode, 200, algorithm)
  t.equal((await ask(wide)).statusCode, 401)
})

t.test('authn P2: members that nobody needs are passed over', async (t) => {
  const app = await open(t)
  const jwk = { ...KEY.jwk, kid: 'x', use: 'enc', alg: 'ES512', key_ops: [], ext: false, x5c: ['x'] }
  t.equal((await ask(app, { header: { jwk, kid: '../../etc', jku: 'https://evil.example', b64: false }, claims: { nonce: 'of another server', exp: 0, aud: 'x' } })).statusCode, 200)
})

t.test('authn P3: jti, htm, htu, iat and ath are there, and of the right type', async (t) => {
  const app = await open(t)
  const bound = boundToken(KEY)
  const wrong: Array<[claims: Members, reason: string]> = [
    ...[undefined, null, '', 7, ['x'], {}, 'x'.repeat(257)].map((jti): [Members, string] => [{ jti }, 'jti is not a text of 1 to 256 characters']),
    ...[undefined, null, 7, ['GET']].map((htm): [Members, string] => [{ htm }, 'htm is not a text']),
    ...[undefined, null, '', 7, ['http://localhost/'], '/', 'localhost/', 'ftp://localhost/'].map((htu): [Members, string] => [{ htu }, 'htu is not an http or https URI']),
    ...[undefined, null, `${now()}`, now() + 0.5, [now()], 1e300].map((iat): [Members, string] => [{ iat }, 'iat is not a whole number']),
    ...[undefined, null, 7, [hash(bound)]].map((ath): [Members, string] => [{ ath }, 'ath is not a text']),
  ]
  for (const [claims, reason] of wrong) await refused(t, app, proofFor(KEY, { token: bound, claims }), reason, bound)
  for (const claims of ['', 'null', '[]', '7', '"x"', '{"jti":']) {
    await refused(t, app, signedProof(KEY, { typ: 'dpop+jwt', alg: 'ES256', jwk: KEY.jwk }, claims), claims === '' ? 'the proof is not three segments of base64url' : 'the claims of the proof are not an object', bound)
  }
  t.equal((await ask(app, { claims: { jti: 'x'.repeat(256) } })).statusCode, 200)
})

t.test('authn P4: htm is the method, to the letter', async (t) => {
  const app = await open(t)
  const bound = boundToken(KEY)
  for (const htm of ['get', 'Get', 'POST', 'HEAD', '', ' GET', 'GET ']) await refused(t, app, proofFor(KEY, { token: bound, claims: { htm } }), 'the proof is for another method', bound)
  const asked = async (method: 'POST' | 'HEAD', htm: string) => (await send(app, bound, proofFor(KEY, { token: bound, claims: { htm } }), { method })).statusCode
  t.strictSame([await asked('POST', 'POST'), await asked('POST', 'GET'), await asked('HEAD', 'HEAD'), await asked('HEAD', 'GET')], [200, 401, 200, 401])
})

t.test('authn P5: htu is the URI of the request, in any spelling and without its query', async (t) => {
  const app = await open(t)
  const bound = boundToken(KEY)
  const asked = (htu: string, url: string, host = 'localhost') => send(app, bound, proofFor(KEY, { token: bound, htu }), { url, host })
  for (const [htu, url, host] of [
    ['http://localhost/articles', '/articles?page=2'], ['http://localhost/articles?page=2#x', '/articles'], ['HTTP://LOCALHOST:80/%61rticles', '/articles'], ['http://localhost/articles', '/%61rticles'],
    ['http://[::1]:3000/a', '/a', '[::1]:3000'], ['http://[0::1]:3000/a', '/a', '[::1]:3000'], ['http://localhost:8080/a', '/a', 'localhost:8080'], ['http://localhost', '/'], ['http://localhost/a%2fb', '/a%2Fb'],
  ] as const) t.equal((await asked(htu, url, host)).statusCode, 200, `${htu} for ${url}`)
  for (const [htu, url, host] of [
    ['http://localhost/articles/', '/articles'], ['http://localhost/articles', '/articles/'], ['http://localhost/a/b', '/a%2Fb'], ['http://localhost/Articles', '/articles'], ['https://localhost/articles', '/articles'],
    ['http://localhost:8080/articles', '/articles'], ['http://elsewhere.example/articles', '/articles'], ['http://localhost/a/b', '/b', 'localhost/a'],
  ] as const) {
    const response = await asked(htu, url, host)
    t.equal(response.statusCode, 401, `${htu} for ${url}`)
    t.match(response.json(), { error: 'invalid_dpop_proof', reason: /^the proof is for another URI: not http/ })
  }
})

t.test('authn P5: public URLs stand for what the request says, whatever proxies do to it', async (t) => {
  const app = await open(t, { publicUrl: ['https://api.example/v1', 'https://internal.example:8443'] })
  const bound = boundToken(KEY)
  const asked = async (htu: string) => (await send(app, bound, proofFor(KEY, { token: bound, htu }), { url: '/articles?x' })).statusCode
  t.strictSame([await asked('https://api.example/v1/articles'), await asked('https://internal.example:8443/articles')], [200, 200])
  t.strictSame([await asked('http://localhost/articles'), await asked('https://api.example/articles'), await asked('https://internal.example/articles')], [401, 401, 401])
})

/** An application with the plugin, where a proxy stands in front. */
async function application (t: Teardown, options: FastifyServerOptions, scheme: AnyScheme = dpop(LOCAL)): Promise<FastifyInstance> {
  const app = fastify(options)
  t.teardown(() => app.close())
  await app.register(gatehouse, { realm: 'newsroom', schemes: [scheme] })
  app.get('/articles', { config: { access: authenticated() } }, (request) => request.user)
  return app
}

t.test('authn P5: behind a trusted proxy the URI is the one that the proxy was asked for; from others its headers say nothing', async (t) => {
  const bound = boundToken(KEY)
  const headers = { authorization: `DPoP ${bound}`, 'x-forwarded-proto': 'https', 'x-forwarded-host': 'api.example' }
  const asked = async (app: FastifyInstance, htu: string) => (await app.inject({ url: '/articles', headers: { ...headers, host: 'inside:3000', dpop: proofFor(KEY, { token: bound, htu }) } })).statusCode
  const behind = await application(t, { trustProxy: true })
  t.strictSame([await asked(behind, 'https://api.example/articles'), await asked(behind, 'http://inside:3000/articles')], [200, 401])
  const direct = await application(t, {})
  t.strictSame([await asked(direct, 'https://api.example/articles'), await asked(direct, 'http://inside:3000/articles')], [401, 200])
})

t.test('authn P5: the path is the one that was sent, whatever the application rewrites it to', async (t) => {
  const app = await application(t, { rewriteUrl: () => '/articles' })
  const bound = boundToken(KEY)
  const asked = async (htu: string, url: string) => (await send(app, bound, proofFor(KEY, { token: bound, htu }), { url })).statusCode
  t.strictSame([await asked('http://localhost/outer', '/outer'), await asked('http://localhost/articles', '/outer')], [200, 401])
})

t.test('authn P5: the absolute form of the request target has a path too', async (t) => {
  const app = await application(t, {})
  const bound = boundToken(KEY)
  const lines = () => [`Authorization: DPoP ${bound}`, `DPoP: ${proofFor(KEY, { token: bound, htu: 'http://api.example/articles' })}`]
  t.equal((await requestTo(app, 'http://api.example/articles?x', 'api.example', lines())).status, 200)
  t.equal((await requestTo(app, 'http://api.example/articles', 'other.example', lines())).status, 401)
})

t.test('authn P6: a proof is good for a minute, and may come ten seconds early', async (t) => {
  const app = await open(t)
  const bound = boundToken(KEY)
  for (const iat of [now() - 55, now() - 1, now(), now() + 9]) t.equal((await ask(app, { claims: { iat } })).statusCode, 200, String(iat - now()))
  for (const iat of [now() - 62, now() - 3600, 0, -1]) await refused(t, app, proofFor(KEY, { token: bound, claims: { iat } }), 'the proof is more than 60 seconds old', bound)
  for (const iat of [now() + 13, now() + 3600, now() * 1000]) await refused(t, app, proofFor(KEY, { token: bound, claims: { iat } }), 'the proof is from more than 10 seconds in the future', bound)
})

t.test('authn P6: the window is as long as the application says, to the millisecond', async (t) => {
  const start = now()
  const clock = handClock(start * 1000)
  const app = await open(t, { now: clock.now, maxAge: 300, maxFuture: 0 })
  t.equal((await ask(app, { claims: { iat: start } })).statusCode, 200)
  t.equal((await ask(app, { claims: { iat: start + 1 } })).statusCode, 401)
  clock.advance(300_000)
  t.equal((await ask(app, { claims: { iat: start } })).statusCode, 200)
  clock.advance(1)
  t.equal((await ask(app, { claims: { iat: start } })).statusCode, 401)
  const lost = await open(t, { now: () => Number.NaN })
  t.equal((await ask(lost)).statusCode, 401, 'a clock that says nothing lets nobody in')
})

t.test('authn P7: a proof is for one token', async (t) => {
  const app = await open(t)
  const [one, other] = [boundToken(KEY), boundToken(KEY, { jti: 'other' })]
  await refused(t, app, proofFor(KEY, { token: other }), 'the proof is for another token', one)
  for (const ath of ['', `${hash(one)}=`, one, hash(one).toLowerCase(), Buffer.from(hash(one), 'base64url').toString('hex')]) {
    await refused(t, app, proofFor(KEY, { token: one, claims: { ath } }), 'the proof is for another token', one)
  }
})

t.test('authn P8, P10: a token that is bound to another key, or to none, is a 401 invalid_token', async (t) => {
  const app = await open(t)
  for (const cnf of [{ jkt: clientKey().thumbprint }, { jkt: '' }, { jkt: 7 }, {}, null, undefined, KEY.thumbprint, { jwk: KEY.jwk }]) {
    const sent = boundToken(KEY, { cnf })
    const response = await send(app, sent, proofFor(KEY, { token: sent }))
    t.equal(response.statusCode, 401, JSON.stringify(cnf))
    t.equal(response.headers['www-authenticate'], BAD_TOKEN)
  }
})

t.test('a token that is wrong in itself is a 401 invalid_token, whatever the proof is worth', async (t) => {
  const app = await open(t)
  const good = { ...goodClaims(), cnf: { jkt: KEY.thumbprint } }
  for (const sent of ['opaque', token({ ...good, exp: now() - 60 }), token({ ...good, aud: 'other' }), token(good, {}, 'another secret, 32 bytes long or more')]) {
    const response = await send(app, sent, proofFor(KEY, { token: sent }))
    t.equal(response.statusCode, 401)
    t.equal(response.headers['www-authenticate'], BAD_TOKEN)
  }
})

t.test('authn P10: a bound token is refused as a bearer token, also beside its proof', async (t) => {
  const tokens = accessTokens(LOCAL_TOKENS)
  const app = await gate(t, [bearer({ tokens }), dpop({ tokens, publicUrl: 'request' })])
  const bound = boundToken(KEY)
  const headers = { dpop: proofFor(KEY, { token: bound }) }
  const downgraded = await app.inject({ url: '/', headers: { ...headers, authorization: `Bearer ${bound}` } })
  t.equal(downgraded.statusCode, 401)
  t.match(downgraded.json(), { scheme: 'Bearer', error: 'invalid_token' })
  t.equal((await app.inject({ url: '/', headers: { ...headers, authorization: `DPoP ${bound}` } })).statusCode, 200)
  t.equal((await app.inject({ url: '/', headers: { authorization: `Bearer ${token(goodClaims())}` } })).statusCode, 200)
})

t.test('authn P9: a proof is good once', async (t) => {
  const app = await open(t)
  const bound = boundToken(KEY)
  const proof = proofFor(KEY, { token: bound })
  t.equal((await send(app, bound, proof)).statusCode, 200)
  await refused(t, app, proof, 'the proof was used before', bound)
  const jti = randomUUID()
  t.equal((await ask(app, { claims: { jti } })).statusCode, 200)
  t.match((await ask(app, { claims: { jti, iat: now() - 1 } })).json(), { reason: 'the proof was used before' }, 'its jti counts, not its text')
})

t.test('authn P9: of the same proof fifty times at once, one is let in', async (t) => {
  const app = await open(t)
  const bound = boundToken(KEY)
  const proof = proofFor(KEY, { token: bound })
  const statuses = await Promise.all(Array.from({ length: 50 }, async () => (await send(app, bound, proof)).statusCode))
  t.equal(statuses.filter((status) => status === 200).length, 1)
  t.equal(statuses.filter((status) => status === 401).length, 49)
})

t.test('authn P9: a jti is used up for its key and its URI, and no client can use up that of another', async (t) => {
  const app = await open(t)
  const bound = boundToken(KEY)
  const [mallory, jti] = [clientKey(), randomUUID()]
  const asked = async (key: ClientKey, sent: string, url: string, header: Members = {}) => (await send(app, sent, proofFor(key, { token: sent, htu: `http://localhost${url}`, claims: { jti }, header }), { url })).statusCode
  t.equal(await asked(mallory, bound, '/', { jwk: KEY.jwk }), 401, 'who has no key')
  t.equal(await asked(mallory, bound, '/'), 401, 'whose token it is not')
  t.equal(await asked(mallory, boundToken(mallory), '/'), 200, 'who uses the same jti')
  t.strictSame([await asked(KEY, bound, '/'), await asked(KEY, bound, '/a'), await asked(KEY, bound, '/%61')], [200, 200, 401])
})

t.test('authn P9: the store gets a hash, for the whole window and a minute, by which a clock may be set back', async (t) => {
  const put: Array<[key: string, ttl: number]> = []
  const marks: MarkStore = { ...memoryMarks(), putOnce: async (key, ttl) => { put.push([key, ttl]); return true } }
  const app = await open(t, { marks, maxAge: 30, maxFuture: 2.5 })
  const jti = 'x'.repeat(256)
  t.equal((await ask(app, { claims: { jti } })).statusCode, 200)
  t.match(put, [[/^dpop\|[\w-]{43}$/, 92_500]])
  await ask(app, { claims: { jti } })
  await ask(app, { claims: { jti: `${jti.slice(1)}y` } })
  t.equal(put[1]?.[0], put[0]?.[0])
  t.not(put[2]?.[0], put[0]?.[0])
})

t.test('authn P9: a used proof is remembered for as long as it could be used again', async (t) => {
  const start = now()
  const clock = handClock((start - 10) * 1000)
  const app = await open(t, { now: clock.now, marks: memoryMarks({ now: clock.now }) })
  const bound = boundToken(KEY)
  const proof = proofFor(KEY, { token: bound, claims: { iat: start } })
  t.equal((await send(app, bound, proof)).statusCode, 200, 'it came as early as it can')
  clock.advance(70_000)
  t.match((await send(app, bound, proof)).json(), { reason: 'the proof was used before' }, 'it comes as late as it can')
  clock.advance(1)
  t.match((await send(app, bound, proof)).json(), { reason: 'the proof is more than 60 seconds old' })
})

t.test('authn P9: a replay that waits for a slow issuer until the mark is gone is too old by then', async (t) => {
  const clock = handClock(now() * 1000)
  const slow = { ...accessTokens(LOCAL_TOKENS), check: async () => { clock.advance(200_000); return { kind: 'token', token: 'x', claims: { iss: ISSUER, sub: 'ada', exp: now() + 600 } } as const } }
  const app = await gate(t, [dpop({ tokens: slow, publicUrl: 'request', now: clock.now, marks: memoryMarks({ now: clock.now }) })])
  const proof = proofFor(KEY, { token: 'x', claims: { iat: Math.floor(clock.now() / 1000) } })
  t.match((await send(app, 'x', proof)).json(), { kind: 'invalid', error: 'invalid_dpop_proof', reason: 'the proof became too old while it was checked' })
})

t.test('authn P9: several processes that share a store count together', async (t) => {
  const marks = memoryMarks()
  const [one, two] = [await open(t, { marks }), await open(t, { marks })]
  const bound = boundToken(KEY)
  const proof = proofFor(KEY, { token: bound })
  t.strictSame([(await send(one, bound, proof)).statusCode, (await send(two, bound, proof)).statusCode], [200, 401])
})

t.test('authn P9: a store that cannot answer, or answers nonsense, is a 503 until it can', async (t) => {
  const down = new StoreUnavailable(new Error('down'))
  const answers: Array<() => unknown> = [
    () => Promise.reject(down), () => { throw down }, () => undefined, () => null, () => 'true', () => 1, async () => ({}),
  ]
  let answer: () => unknown = () => true
  const app = await open(t, { marks: { ...memoryMarks(), putOnce: () => answer() as boolean }, nonces: NONCES })
  const first = await ask(app)
  const claims = { nonce: first.headers['dpop-nonce'] }
  for (answer of answers) {
    const response = await ask(app, { claims })
    t.equal(response.statusCode, 503)
    t.match(response.json(), { kind: 'unavailable', reason: 'the store of used proofs could not answer', cause: /^(StoreUnavailable: A store|TypeError: putOnce)/ })
    t.notOk('www-authenticate' in response.headers)
  }
  answer = () => true
  t.equal((await ask(app, { claims })).statusCode, 200)
})

t.test('authn P9: memory is bounded, and when it is full of proofs that could come again the answer is a 503', async (t) => {
  const marks = memoryMarks({ max: 3 })
  const app = await open(t, { marks })
  const statuses: number[] = []
  for (let i = 0; i < 5; i++) statuses.push((await ask(app)).statusCode)
  t.strictSame(statuses, [200, 200, 200, 503, 503])
  t.equal(marks.size, 3)
})

/** Tokens that the test issues by word. */
function issued (more: Partial<AccessTokens<{ id: string }>> = {}): AccessTokens<{ id: string }> {
  return {
    maxLength: 8192,
    varyOn: [],
    prepare: async () => {},
    check: (token) => ({ kind: 'token', token, claims: { iss: ISSUER, sub: 'ada', exp: now() + 60 } }),
    conclude: ({ claims }) => ({ kind: 'user', user: { id: claims.sub } }),
    ...more,
  }
}

t.test('nothing is asked about a token before its proof fits, and nothing is stored or concluded before the proof is proven', async (t) => {
  const asked: string[] = []
  let verdict: 'token' | 'invalid' | 'unavailable' = 'token'
  const tokens = issued({
    check: async (token) => {
      asked.push('check')
      return verdict === 'token' ? { kind: verdict, token, claims: { iss: ISSUER, sub: 'ada', exp: now() + 60 } } : { kind: verdict, reason: 'for a reason' }
    },
    conclude: async () => { asked.push('conclude'); return { kind: 'invalid', reason: 'nobody is known' } },
  })
  const marks: MarkStore = { ...memoryMarks(), putOnce: (key) => { asked.push('mark'); return !key.includes('used') } }
  const app = await gate(t, [dpop({ tokens, publicUrl: 'request', marks, nonces: NONCES })])
  const nonce = (await ask(app)).headers['dpop-nonce']
  const steps = async (claims: Members = {}, key = KEY, header: Members = {}) => {
    asked.length = 0
    const { error } = (await ask(app, { key, header, claims: { nonce, ...claims } })).json()
    return [...asked, error]
  }
  t.strictSame(await steps({ htm: 'POST' }), ['invalid_dpop_proof'])
  t.strictSame(await steps({ iat: 0 }), ['invalid_dpop_proof'])
  t.strictSame(await steps({ nonce: 'old' }), ['use_dpop_nonce'], 'the nonce says nothing of the token')
  t.strictSame(await steps({ nonce: 'old' }, clientKey(), { jwk: KEY.jwk }), ['use_dpop_nonce'])
  t.strictSame(await steps({}, clientKey(), { jwk: KEY.jwk }), ['check', 'invalid_dpop_proof'])
  t.strictSame(await steps(), ['check', 'mark', 'conclude', 'invalid_token'])
  verdict = 'invalid'
  t.strictSame(await steps(), ['check', 'invalid_token'])
  t.strictSame(await steps({}, clientKey(), { jwk: KEY.jwk }), ['check', 'invalid_token'], 'no signature is checked for a token that is not good')
  verdict = 'unavailable'
  t.strictSame(await steps(), ['check', undefined])
  t.equal((await ask(app, { claims: { nonce } })).statusCode, 503)
})

t.test('authn P11: with nonces on, a proof without one is a 401 use_dpop_nonce that brings one', async (t) => {
  const app = await open(t, { nonces: NONCES })
  const first = await ask(app)
  t.equal(first.statusCode, 401)
  t.equal(first.headers['www-authenticate'], USE_NONCE)
  const nonce = first.headers['dpop-nonce'] as string
  t.match(nonce, /^[\x21\x23-\x5b\x5d-\x7e]+$/)
  for (const wrong of [undefined, null, '', 7, [nonce], `${nonce}x`, nonce.slice(1), nonce.toLowerCase(), '__proto__']) {
    const response = await ask(app, { claims: { nonce: wrong } })
    t.equal(response.statusCode, 401, String(wrong))
    t.equal(response.headers['www-authenticate'], USE_NONCE)
    t.equal(response.headers['dpop-nonce'], nonce)
  }
  const second = await ask(app, { claims: { nonce } })
  t.equal(second.statusCode, 200)
  t.notOk('dpop-nonce' in second.headers, 'who knows it is not told again')
})

t.test('authn P11, P12: every refusal but of the nonce of now brings it, and a stranger gets none', async (t) => {
  const app = await open(t, { nonces: NONCES })
  const bound = boundToken(KEY)
  const missing = await send(app, bound, null)
  t.equal(missing.headers['www-authenticate'], BAD_PROOF)
  const nonce = missing.headers['dpop-nonce'] as string
  t.type(nonce, 'string')
  t.equal((await ask(app, { claims: { htm: 'POST' } })).headers['dpop-nonce'], nonce)
  t.notOk('dpop-nonce' in (await ask(app, { claims: { htm: 'POST', nonce } })).headers)
  const unbound = token(goodClaims())
  t.equal((await send(app, unbound, proofFor(KEY, { token: unbound }))).headers['www-authenticate'], USE_NONCE)
  const known = await send(app, unbound, proofFor(KEY, { token: unbound, claims: { nonce } }))
  t.equal(known.headers['www-authenticate'], BAD_TOKEN)
  t.notOk('dpop-nonce' in known.headers)
  t.notOk('dpop-nonce' in (await app.inject('/')).headers)
})

t.test('authn P12: a new nonce rides on the 200 of the old one, which counts for as long again', async (t) => {
  const start = 6_000_000 * 300
  const clock = handClock(start * 1000)
  const nonces = { secret: Buffer.from(NONCES.secret) }
  const app = await open(t, { nonces, now: clock.now })
  const later = (nonce: unknown) => ask(app, { claims: { nonce, iat: Math.floor(clock.now() / 1000) } })
  const first = (await later(undefined)).headers['dpop-nonce']
  clock.advance(299_999)
  t.notOk('dpop-nonce' in (await later(first)).headers)
  clock.advance(1)
  const overlap = await later(first)
  t.equal(overlap.statusCode, 200)
  const second = overlap.headers['dpop-nonce']
  t.type(second, 'string')
  t.not(second, first)
  t.notOk('dpop-nonce' in (await later(second)).headers)
  clock.advance(300_000)
  const late = await later(first)
  t.equal(late.statusCode, 401)
  t.equal(late.headers['www-authenticate'], USE_NONCE)
  t.equal((await later(second)).statusCode, 200)
})

t.test('authn P12: a node takes the nonce of another that has the same secret', async (t) => {
  const clock = handClock(now() * 1000)
  const nonces = { ...NONCES, lifetime: 60 }
  const [one, two, other] = [await open(t, { nonces, now: clock.now }), await open(t, { nonces, now: clock.now }), await open(t, { nonces: { ...nonces, secret: 'another secret, 32 bytes long or more' }, now: clock.now })]
  const nonce = (await ask(one)).headers['dpop-nonce']
  t.strictSame([(await ask(two, { claims: { nonce } })).statusCode, (await ask(other, { claims: { nonce } })).statusCode], [200, 401])
})

t.test('authn P12: through the plugin, an answer with a nonce is not stored, a 200 as well as a 401', async (t) => {
  const clock = handClock(now() * 1000)
  const app = await application(t, {}, dpop({ ...LOCAL, nonces: NONCES, now: clock.now }))
  const bound = boundToken(KEY)
  const asked = (nonce: unknown) => send(app, bound, proofFor(KEY, { token: bound, htu: 'http://localhost/articles', claims: { nonce, iat: Math.floor(clock.now() / 1000) } }), { url: '/articles' })
  const first = await asked(undefined)
  t.equal(first.statusCode, 401)
  t.strictSame([first.headers['www-authenticate']].flat(), [USE_NONCE])
  clock.advance(300_000)
  const second = await asked(first.headers['dpop-nonce'])
  t.equal(second.statusCode, 200)
  t.type(second.headers['dpop-nonce'], 'string')
  for (const { headers } of [first, second]) {
    t.equal(headers['cache-control'], 'no-store')
    t.match(headers['vary'], /DPoP/i)
    t.match(headers['vary'], /Authorization/i)
  }
})

/** A server on a socket, and where it is. */
async function listening (t: Teardown, scheme: AnyScheme): Promise<string> {
  const app = await application(t, {}, scheme)
  await app.listen({ port: 0, host: '127.0.0.1' })
  return `http://127.0.0.1:${(app.server.address() as AddressInfo).port}/articles`
}

t.test('authn P11: the dpop package signs in over a socket, and comes back with the nonce', async (t) => {
  const url = await listening(t, dpop({ ...LOCAL, nonces: NONCES }))
  for (const algorithm of ['ES256', 'Ed25519', 'RS256', 'PS256'] as const) {
    const keys = await generateKeyPair(algorithm)
    const bound = token({ ...goodClaims(), cnf: { jkt: await calculateThumbprint(keys.publicKey) } })
    const get = async (proof: string) => fetch(`${url}?page=2`, { headers: { authorization: `DPoP ${bound}`, dpop: proof } })
    const first = await get(await generateProof(keys, url, 'GET', undefined, bound))
    t.equal(first.status, 401, algorithm)
    t.match(first.headers.get('www-authenticate'), /error="use_dpop_nonce"/)
    const proof = await generateProof(keys, url, 'GET', first.headers.get('dpop-nonce') as string, bound)
    const second = await get(proof)
    t.equal(second.status, 200, algorithm)
    t.match(await second.json(), { id: 'ada' })
    t.equal((await get(proof)).status, 401, 'the same proof again')
  }
})

t.test('authn P11: oauth4webapi reads the challenge, and signs in with the nonce that came with it', async (t) => {
  const url = new URL(await listening(t, dpop({ ...LOCAL, nonces: NONCES })))
  const keys: KeyPair = await generateKeyPair('ES256')
  const bound = token({ ...goodClaims(), cnf: { jkt: await calculateThumbprint(keys.publicKey) } })
  const DPoP = oauth.DPoP({}, keys)
  const get = () => oauth.protectedResourceRequest(bound, 'GET', url, undefined, null, { DPoP, [oauth.allowInsecureRequests]: true })
  const refusal = await get().then(() => null, (error: unknown) => error)
  t.ok(oauth.isDPoPNonceError(refusal))
  t.match((refusal as oauth.WWWAuthenticateChallengeError).cause, [{ scheme: 'dpop', parameters: { error: 'use_dpop_nonce', realm: 'newsroom', algs: /^ES256 / } }])
  t.equal((await get()).status, 200)
  t.equal((await get()).status, 200)
})

t.test('authn P16: whatever is wrong with a proof, the client learns no more than its kind', async (t) => {
  const app = await open(t)
  const bodies = [await ask(app, { claims: { htm: 'X' } }), await ask(app, { header: { typ: 'x' } }), await ask(app, { claims: { iat: 0 } })].map(({ headers, statusCode }) => [headers['www-authenticate'], statusCode])
  t.equal(new Set(bodies.map(String)).size, 1)
})

const PARTS = ['typ', 'alg', 'jwk', 'crit', 'jwk.kty', 'jwk.crv', 'jwk.x', 'jwk.y', 'jti', 'htm', 'htu', 'iat', 'ath']

t.test('authn P2, P3: whatever a member of a proof is, it is that proof or a 401', async () => {
  const scheme = dpop(LOCAL)
  await scheme.prepare?.()
  const bound = boundToken(KEY)
  const good = { header: { typ: 'dpop+jwt', alg: 'ES256', jwk: KEY.jwk }, claims: { jti: 'x', htm: 'GET', htu: 'http://localhost/', iat: now(), ath: hash(bound) } }
  await fc.assert(fc.asyncProperty(fc.constantFrom(...PARTS), fc.oneof(fc.jsonValue(), fc.webUrl(), fc.integer()), async (part, value) => {
    const { header, claims } = structuredClone(good) as { header: Record<string, unknown>, claims: Record<string, unknown> }
    claims['jti'] = randomUUID()
    const [first, second] = part.split('.') as [string, string | undefined]
    const target = second !== undefined ? header[first] as Record<string, unknown> : first in claims ? claims : header
    target[second ?? first] = value
    const verdict = await judged(scheme, [`DPoP ${bound}`], [signedProof(KEY, header, claims)])
    return verdict === 'invalid' || (verdict === 'user' && (part === 'jti' || JSON.stringify({ ...claims, ...header }).includes(JSON.stringify(value))))
  }), { numRuns: 300 })
})

t.test('authn P1: whatever the headers are, nothing is thrown and nobody let in', async () => {
  const scheme = dpop({ ...LOCAL, nonces: NONCES })
  await scheme.prepare?.()
  const proof = proofFor(KEY, { token: 'x' }).split('.')
  const soup = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.uint8Array().map((bytes) => Buffer.from(bytes).toString('latin1')),
    fc.array(fc.oneof(fc.constantFrom(...proof, '.', 'e30', '{}', ','), fc.base64String()), { maxLength: 6 }).map((parts) => parts.join('.')),
    fc.json().map((json) => `${Buffer.from(json).toString('base64url')}.${Buffer.from(json).toString('base64url')}.x`)
  )
  await fc.assert(fc.asyncProperty(fc.array(soup.map((text) => `DPoP ${text}`), { maxLength: 2 }), fc.array(soup, { maxLength: 2 }), async (authorization, proofs) => {
    return ['nothing', 'malformed', 'invalid'].includes(await judged(scheme, authorization, proofs))
  }), { numRuns: 3000 })
})

/** What comes of these header lines; a throw is thrown on. */
async function judged (scheme: AnyScheme, authorization: readonly string[], proofs: readonly string[]): Promise<string> {
  const rawHeaders = [...authorization.flatMap((line) => ['Authorization', line]), ...proofs.flatMap((line) => ['DPoP', line]), 'odd']
  const request = { raw: { rawHeaders }, method: 'GET', originalUrl: '/', protocol: 'http', host: 'localhost' } as unknown as FastifyRequest
  const found = scheme.find(request, authorizationFields(rawHeaders))
  return found.kind === 'credentials' ? (await scheme.verify(found.credentials, request)).kind : found.kind
}

t.test('one set of tokens serves both schemes, and every challenge is its own line', async (t) => {
  const tokens = accessTokens(LOCAL_TOKENS)
  const app = await gate(t, [basic({ verify: () => null }), bearer({ tokens }), dpop({ tokens, publicUrl: 'request' })])
  const lines = (await app.inject('/')).headers['www-authenticate'] as unknown as string[]
  t.strictSame(lines.map((line) => parseChallenges(line)?.map(({ scheme }) => scheme)), [['Bearer'], ['DPoP'], ['Basic']])
})

t.test('several issuers are several schemes, tried in turn', async (t) => {
  const marks = memoryMarks()
  const app = await gate(t, [dpop({ ...LOCAL, issuer: 'https://other.example', marks, nonces: NONCES }), dpop({ ...LOCAL, marks, nonces: NONCES })])
  const nonce = (await ask(app)).headers['dpop-nonce']
  t.equal((await ask(app, { claims: { nonce } })).statusCode, 200)
})

t.test('identify says whom a token stands for', async (t) => {
  const app = await open(t, { identify: async ({ sub }) => sub === 'ada' ? { id: 'ada', name: 'Ada' } : null })
  t.match((await ask(app)).json(), { user: { name: 'Ada' } })
  const sent = boundToken(KEY, { sub: 'bob' })
  const response = await send(app, sent, proofFor(KEY, { token: sent }))
  t.equal(response.headers['www-authenticate'], BAD_TOKEN)
})

t.test('options that make no sense stop the start and name the mend', async (t) => {
  const wrong: Array<[options: unknown, message: RegExp]> = [
    [undefined, /^dpop\(\): the options must be an object with /],
    ['secret', /^dpop\(\): the options must be an object with /],
    [{ ...LOCAL, proofAlgorithm: 'ES256' }, /proofAlgorithm.*Did you mean.*proofAlgorithms/],
    [{ ...LOCAL, isuer: 'x' }, /^dpop\(\).*isuer.*Did you mean.*issuer/],
    [{ ...LOCAL, proofAlgorithms: [] }, /`proofAlgorithms` is required: a text, or a list of texts/],
    [{ ...LOCAL, proofAlgorithms: ['HS256'] }, /^dpop\(\): a proof cannot be signed with the algorithm "HS256"\. .*Allowed: ES256, /],
    [{ ...LOCAL, proofAlgorithms: 'none' }, /^dpop\(\): a proof cannot be signed with the algorithm "none"\./],
    [{ ...LOCAL, publicUrl: undefined }, /^dpop\(\): `publicUrl` is required: where clients see the application/],
    [{ ...LOCAL, publicUrl: '' }, /`publicUrl` is required/],
    [{ ...LOCAL, publicUrl: [] }, /`publicUrl` is required/],
    [{ ...LOCAL, publicUrl: '/v1' }, /^dpop\(\) publicUrl: '\/v1' was given; allowed is an absolute URL/],
    [{ ...LOCAL, maxAge: 0 }, /^dpop\(\) maxAge: 0 was given; allowed is a number of seconds from 1 to 300\.$/],
    [{ ...LOCAL, maxAge: 301 }, /^dpop\(\) maxAge: 301/],
    [{ ...LOCAL, maxFuture: -1 }, /^dpop\(\) maxFuture: -1 was given; allowed is a number of seconds from 0 to 300\.$/],
    [{ ...LOCAL, maxFuture: '10' }, /^dpop\(\) maxFuture: '10'/],
    [{ ...LOCAL, marks: null }, /^dpop\(\) marks: null was given; allowed is a store/],
    [{ ...LOCAL, marks: {} }, /^dpop\(\) marks: /],
    [{ ...LOCAL, now: 7 }, /^dpop\(\) now: 7 was given; allowed is a function/],
    [{ ...LOCAL, nonces: true }, /^dpop\(\) nonces: the options must be an object with secret, lifetime/],
    [{ ...LOCAL, nonces: {} }, /^dpop\(\) nonces: `secret` must be a text or a Buffer, not undefined/],
    [{ ...LOCAL, nonces: { secret: null } }, /`secret` must be a text or a Buffer, not null/],
    [{ ...LOCAL, nonces: { secret: 'my secret' } }, /^dpop\(\) nonces: `secret` has 9 bytes; at least 32 are needed/],
    [{ ...LOCAL, nonces: { ...NONCES, lifetime: 0 } }, /^dpop\(\) nonces lifetime: 0 was given; allowed is a number of seconds from 1 to 86400/],
    [{ ...LOCAL, nonces: { ...NONCES, salt: 1 } }, /there is no option 'salt'/],
    [{ tokens: accessTokens(LOCAL_TOKENS), issuer: ISSUER }, /^dpop\(\): .*issuer/],
    [{ tokens: {} }, /^dpop\(\): `tokens` must be what accessTokens\(\) makes/],
    [{ tokens: null }, /^dpop\(\): `tokens` must be what accessTokens\(\) makes/],
  ]
  for (const [options, message] of wrong) {
    t.throws(() => dpop(options as DpopOptions), { code: 'FST_GATEHOUSE_OPTION', message }, String(message))
  }
  const shown = wrong.map(([options]) => { try { dpop(options as DpopOptions); return '' } catch (error) { return String(error) } }).join()
  t.notOk(shown.includes('my secret'))
  t.notOk(shown.includes(SECRET))
})
