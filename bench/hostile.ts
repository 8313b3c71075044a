/** What a stranger can make the process work before a signature is checked: the worst that each scheme can be sent. `npx tsx bench/hostile.ts` */
import { createHash, generateKeyPairSync } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { apiKey, basic, bearer, certificate, digest, dpop, type AnyScheme } from 'fastify-gatehouse/schemes'
import { asked } from './arguments.ts'
import { spreadOf } from './spread.ts'

const dist = (file: string): string => new URL(`../dist/${file}`, import.meta.url).href
const { authenticate } = await import(dist('authentication/authenticate.js')) as typeof import('../lib/authentication/authenticate.ts')
const { waysOf } = await import(dist('authentication/way.js')) as typeof import('../lib/authentication/way.ts')

/** Milliseconds of CPU. */
const LIMIT = 1
const ROUNDS = 9
const RUNS = 60

/** Bytes of all header lines that Node.js takes by default, and a little less. */
const HEADERS = 16_000
const TOKEN = 8192

const SECRET = 'the secret of the bench, 32 bytes long or more'
const COMMON = { issuer: 'bench', audience: 'bench', secret: SECRET }

const encode = (text: string): string => Buffer.from(text).toString('base64url')
const filled = (piece: string, length: number): string => piece.repeat(Math.ceil(length / piece.length)).slice(0, length)

/** JSON of about as many bytes, each costing a parser as much as can be. */
const JSONS: Readonly<Record<string, (bytes: number) => string>> = {
  'nested lists': (bytes) => `{"a":${'['.repeat(bytes / 2)}${']'.repeat(bytes / 2)}}`,
  'nested objects': (bytes) => `${'{"a":'.repeat(bytes / 6)}1${'}'.repeat(bytes / 6)}`,
  escapes: (bytes) => `{"a":"${'\\u00e9'.repeat(bytes / 6)}"}`,
  'many members': (bytes) => `{${Array.from({ length: bytes / 9 }, (_, index) => `"${index.toString(36)}":1`).join(',')}}`,
  'one member many times': (bytes) => `{${filled('"iss":1,', bytes)}"a":1}`,
}

function requestOf (headers: Readonly<Record<string, string>>, url = '/'): FastifyRequest {
  const rawHeaders = Object.entries(headers).flat()
  return { method: 'GET', url, originalUrl: url, protocol: 'https', host: 'api.example', headers, raw: { rawHeaders, url, socket: {} }, socket: { remoteAddress: '203.0.113.9' }, log: { info () {} } } as unknown as FastifyRequest
}

interface Attack {
  readonly what: string
  readonly schemes: readonly AnyScheme[]
  readonly request: FastifyRequest
}

function attacks (): Attack[] {
  const list: Attack[] = []
  const add = (what: string, schemes: readonly AnyScheme[], headers: Readonly<Record<string, string>>, url?: string): void => { list.push({ what, schemes, request: requestOf(headers, url) }) }

  const local = [bearer({ ...COMMON, cookie: 'token', query: true, subprotocol: true })]
  for (const [name, make] of Object.entries(JSONS)) {
    const body = encode(make(TOKEN * 0.7))
    add(`bearer: claims of ${name}`, local, { authorization: `Bearer ${encode('{"alg":"HS256"}')}.${body.slice(0, TOKEN - 100)}.c2ln` })
    add(`bearer: a header of ${name}`, local, { authorization: `Bearer ${body.slice(0, TOKEN - 100)}.e30.c2ln` })
  }
  for (const piece of [';', 'token=;', 'xtoken=', ' ', '\t;']) add(`bearer: a cookie of ${JSON.stringify(piece)}`, local, { cookie: filled(piece, HEADERS) })
  for (const piece of ['&', 'access_token&', '%', '%61', '+']) add(`bearer: a query of ${JSON.stringify(piece)}`, local, {}, `/?${filled(piece, HEADERS)}`)
  for (const piece of [',', 'bearer.,', ' ']) add(`bearer: subprotocols of ${JSON.stringify(piece)}`, local, { upgrade: 'websocket', 'sec-websocket-protocol': filled(piece, HEADERS) })

  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk = publicKey.export({ format: 'jwk' })
  const bound = [dpop({ ...COMMON, publicUrl: 'https://api.example' })]
  const proofOf = (claims: object, header: object = {}): string => `${encode(JSON.stringify({ typ: 'dpop+jwt', alg: 'ES256', jwk, ...header }))}.${encode(JSON.stringify({ jti: 'j', htm: 'GET', htu: 'https://api.example/', iat: Math.floor(Date.now() / 1000), ath: createHash('sha256').update('t').digest('base64url'), ...claims }))}.c2ln`
  const proofs: Record<string, string> = {
    'htu of escaped slashes': proofOf({ htu: `https://api.example/${filled('%2f', 2000)}` }),
    'htu of dot segments': proofOf({ htu: `https://api.example/${filled('a/../', 2000)}` }),
    'a long htu': proofOf({ htu: `https://api.example/${filled('%2f', 5000)}` }),
    'an RSA key of 4096 bits': proofOf({}, { alg: 'RS256', jwk: { kty: 'RSA', e: 'AQAB', n: filled('w', 683) } }),
  }
  for (const [name, make] of Object.entries(JSONS)) proofs[`claims of ${name}`] = `${encode(JSON.stringify({ typ: 'dpop+jwt', alg: 'ES256', jwk }))}.${encode(make(5500))}.c2ln`
  for (const [name, proof] of Object.entries(proofs)) add(`dpop: ${name}`, bound, { authorization: 'DPoP t', dpop: proof.slice(0, TOKEN) })
  add('dpop: an URL of escapes', bound, { authorization: 'DPoP t', dpop: proofOf({}) }, `/${filled('%2f', 8000)}`)

  const marks = [digest({ lookup: () => null, realm: 'bench' })]
  for (const piece of ['a=b,', 'a="\\\\",', ',', 'username="', '%', 'nc=00000001, ']) add(`digest: parameters of ${JSON.stringify(piece)}`, marks, { authorization: `Digest ${filled(piece, HEADERS)}` })
  add('basic: a long password', [basic({ verify: () => null })], { authorization: `Basic ${Buffer.from(filled('a:é', 11_000)).toString('base64')}` })
  add('apiKey: a long key', [apiKey({ lookup: () => null })], { 'x-api-key': filled('a.', HEADERS) })
  const device = [certificate({ identify: () => null, clientCertificate: { header: 'Client-Cert', format: 'rfc9440', trustedProxies: '10.0.0.0/8' } })]
  add('certificate: a header that nobody trusts', device, { 'client-cert': `:${filled('A', HEADERS)}:` })
  add('all of them, and eight Authorization lines', [...local, ...bound, ...marks, ...device], Object.fromEntries([...Array.from({ length: 8 }, (_, index) => [`${'authorization'.slice(0, index)}${'AUTHORIZATION'.slice(index)}`, `x${index} ${filled('a=b,', 900)}`]), ['cookie', filled('xtoken=', 7000)]]))
  return list
}

/** Milliseconds of CPU for one request. */
async function cost ({ schemes, request }: Attack): Promise<number> {
  const ways = waysOf(schemes)
  const before = process.cpuUsage()
  for (let run = 0; run < RUNS; run++) {
    const outcome = await authenticate(request, { ways, known: schemes })
    if (outcome.kind === 'user') throw new Error('a stranger was let in')
  }
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000 / RUNS
}

asked({})
const table: Record<string, object> = {}
let worst = 0
for (const attack of attacks()) {
  for (const scheme of attack.schemes) await scheme.prepare?.()
  const rounds: number[] = []
  for (let round = -2; round < ROUNDS; round++) {
    const milliseconds = await cost(attack)
    if (round >= 0) rounds.push(milliseconds)
  }
  const { median, max } = spreadOf(rounds)
  worst = Math.max(worst, median)
  table[attack.what] = { 'ms of CPU': median.toFixed(3), 'the worst round': max.toFixed(3) }
}
console.table(table)
console.log(`the worst median is ${worst.toFixed(3)} ms of CPU for one request; at most ${LIMIT} is allowed`)
if (worst > LIMIT) process.exitCode = 1
