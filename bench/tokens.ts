/** What it costs to verify a token, by algorithm, beside `@fastify/jwt` alone; the uses of one after the first; the memory of many. `npx tsx bench/tokens.ts` */
import { createHmac, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import jwt, { type FastifyJWTOptions } from '@fastify/jwt'
import Fastify, { type FastifyRequest } from 'fastify'
import { bearer, type Scheme } from 'fastify-gatehouse/schemes'
import { asked } from './arguments.ts'
import { shown, spreadOf } from './spread.ts'

const ROUNDS = 9
const NAME = 'bench'
const REQUEST = { headers: {}, raw: { rawHeaders: [] } } as unknown as FastifyRequest

/** Resolves, or returns, once the token was found right. Throws for a wrong one. */
type Verify = (token: string) => unknown

interface Case {
  readonly algorithm: string
  /** Distinct tokens of a slice. */
  readonly count: number
  readonly key: { readonly secret: string } | { readonly publicKey: KeyObject }
  readonly make: (payload: object) => string
}

const SECRET = 'the secret of the bench, 32 bytes long or more'

function cases (): Case[] {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const ed = generateKeyPairSync('ed25519')
  const signed = (algorithm: string, privateKey: KeyObject, options: object = {}) => (payload: object) => {
    const input = inputOf(algorithm, payload)
    const digest = algorithm === 'EdDSA' ? null : 'sha256'
    return `${input}.${sign(digest, Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363', ...options }).toString('base64url')}`
  }
  return [
    { algorithm: 'HS256', count: 4000, key: { secret: SECRET }, make: (payload) => { const input = inputOf('HS256', payload); return `${input}.${createHmac('sha256', SECRET).update(input).digest('base64url')}` } },
    { algorithm: 'RS256', count: 1000, key: { publicKey: rsa.publicKey }, make: signed('RS256', rsa.privateKey) },
    { algorithm: 'PS256', count: 1000, key: { publicKey: rsa.publicKey }, make: signed('PS256', rsa.privateKey, { padding: 6, saltLength: -1 }) },
    { algorithm: 'ES256', count: 500, key: { publicKey: ec.publicKey }, make: signed('ES256', ec.privateKey) },
    { algorithm: 'EdDSA', count: 500, key: { publicKey: ed.publicKey }, make: signed('EdDSA', ed.privateKey) },
  ]
}

function inputOf (algorithm: string, payload: object): string {
  const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url')
  return `${encode({ alg: algorithm, typ: 'JWT', kid: 'one' })}.${encode(payload)}`
}

function claims (index: number): object {
  const now = Math.floor(Date.now() / 1000)
  return { iss: NAME, aud: NAME, sub: `user-${index}`, roles: ['editor'], scope: 'a:read b:read', iat: now, exp: now + 3600, jti: `token-${index}` }
}

/** With the claims that we require demanded of it too: by itself it lets a token without them pass. */
async function alone ({ key, algorithm }: Case, cache: boolean): Promise<Verify> {
  const app = Fastify()
  const secret = 'secret' in key ? key.secret : { public: key.publicKey.export({ type: 'spki', format: 'pem' }) as string }
  await app.register(jwt, {
    secret: secret as FastifyJWTOptions['secret'],
    verify: { algorithms: [algorithm as 'HS256'], allowedIss: NAME, allowedAud: NAME, requiredClaims: ['iss', 'aud', 'exp'], ...cache && { cache: true } },
  })
  await app.ready()
  return (token) => app.jwt.verify(token)
}

async function ours (scheme: Scheme<object, any>): Promise<Verify> {
  await scheme.prepare?.()
  return (token) => {
    const verdict = scheme.verify(token as never, REQUEST)
    return verdict instanceof Promise ? verdict.then(mustBeUser) : mustBeUser(verdict)
  }
}

function mustBeUser ({ kind }: { readonly kind: string }): void {
  if (kind !== 'user') throw new Error(`a good token is ${kind}`)
}

/** What `find` would hand over: today the token itself. */
async function byKey ({ key, algorithm }: Case): Promise<Verify> {
  return ours(bearer({ ...key, algorithms: [algorithm], issuer: NAME, audience: NAME } as Parameters<typeof bearer>[0]))
}

async function byKeySet ({ key, algorithm }: Case): Promise<Verify | null> {
  if (!('publicKey' in key)) return null
  const jwk = { ...key.publicKey.export({ format: 'jwk' }), kid: 'one', alg: algorithm, use: 'sig' }
  const server = createServer((_request, response) => response.end(JSON.stringify({ keys: [jwk] }))).listen(0, '127.0.0.1')
  await once(server, 'listening')
  server.unref()
  const { port } = server.address() as AddressInfo
  return ours(bearer({ jwks: `http://127.0.0.1:${port}/`, algorithms: [algorithm], issuer: NAME, audience: NAME }))
}

/** Microseconds a token. */
async function time (verify: Verify, tokens: readonly string[]): Promise<number> {
  const start = process.hrtime.bigint()
  for (const token of tokens) {
    const verified = verify(token)
    if (verified instanceof Promise) await verified
  }
  return Number(process.hrtime.bigint() - start) / 1000 / tokens.length
}

/** Microseconds of the first use of a token, and of the next two. */
interface Uses {
  readonly first: number
  readonly second: number
  readonly third: number
}

const perSecond = (microseconds: number): string => Math.round(1e6 / microseconds).toLocaleString('en')
asked({})
const byAlgorithm: Record<string, object> = {}
for (const one of cases()) {
  const contestants = { alone: await alone(one, false), cached: await alone(one, true), gatehouse: await byKey(one), jwks: await byKeySet(one) }
  const names = (Object.keys(contestants) as (keyof typeof contestants)[]).filter((name) => contestants[name] !== null)
  const rounds: Record<string, Uses>[] = []
  for (let round = -2; round < ROUNDS; round++) {
    // Tokens that nobody has seen before; then the same ones twice again. Whoever was first in one round is last in the next.
    const tokens = Array.from({ length: one.count }, (_, index) => one.make(claims(round * one.count + index)))
    const measured: Record<string, Uses> = {}
    for (const name of round % 2 === 0 ? names : [...names].reverse()) {
      const verify = contestants[name] as Verify
      measured[name] = { first: await time(verify, tokens), second: await time(verify, tokens), third: await time(verify, tokens) }
    }
    if (round >= 0) rounds.push(measured)
  }
  const of = (name: string, use: keyof Uses) => rounds.map((round) => round[name]?.[use] as number)
  const ratio = (name: string, use: keyof Uses) => name in contestants && contestants[name as 'jwks'] !== null ? shown(spreadOf(rounds.map((round) => (round['alone']?.[use] as number) / (round[name]?.[use] as number))), 2) : '-'
  byAlgorithm[one.algorithm] = {
    '@fastify/jwt tokens/s': perSecond(spreadOf(of('alone', 'first')).median),
    'ours tokens/s': perSecond(spreadOf(of('gatehouse', 'first')).median),
    'ours / @fastify/jwt': ratio('gatehouse', 'first'),
    'ours by JWKS / @fastify/jwt': ratio('jwks', 'first'),
    'second use: ours / @fastify/jwt': ratio('gatehouse', 'second'),
    'third use: ours / @fastify/jwt': ratio('gatehouse', 'third'),
    'third use: @fastify/jwt with its cache': ratio('cached', 'third'),
  }
}
console.log('Tokens that are verified in a second, one after the other; ratios above 1 are faster than @fastify/jwt alone.')
console.table(byAlgorithm)

const MANY = 100_000
setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

function heap (): number {
  collect()
  collect()
  return process.memoryUsage().heapUsed
}

const [hmac] = cases() as [Case]
const remembered = bearer({ secret: SECRET, issuer: NAME, audience: NAME, identify: ({ sub }) => ({ id: sub }), identifyFor: 60 })
const keepers: Record<string, Verify> = {
  '@fastify/jwt': await alone(hmac, false),
  '@fastify/jwt with its cache': await alone(hmac, true),
  'bearer()': await byKey(hmac),
  'bearer({ identifyFor: 60 })': await ours(remembered),
}
const memory: Record<string, object> = {}
for (const [name, verify] of Object.entries(keepers)) {
  await verify(hmac.make(claims(-1)))
  const before = heap()
  for (let index = 0; index < MANY; index++) await verify(hmac.make(claims(index)))
  memory[name] = { 'MB kept after 100,000 distinct tokens': ((heap() - before) / 1e6).toFixed(2) }
}
console.table(memory)
