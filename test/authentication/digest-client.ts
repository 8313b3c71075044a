/** A client for Digest, written beside the server's code and not with it, that can also be as wrong as a test needs. */
import { createHash } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { parseChallenges } from '../../lib/authentication/challenge-parser.ts'

const HASHES: Readonly<Record<string, string>> = { 'SHA-256': 'sha256', 'SHA-512-256': 'sha512-256', MD5: 'md5' }

export type Params = Record<string, string>

export interface Answer {
  readonly username: string
  readonly password: string
  readonly method?: string
  readonly uri?: string
  readonly nc?: string
  readonly cnonce?: string
  /** A hash of the user's name is sent in place of it. */
  readonly userhash?: boolean
}

export function hash (algorithm: string, text: string): string {
  return createHash(HASHES[algorithm] as string).update(text).digest('hex')
}

/** The parameters of each Digest challenge of an answer, unquoted. */
export function challengesIn (headers: Readonly<Record<string, unknown>>): Params[] {
  return [headers['www-authenticate']].flat().flatMap((line) => parseChallenges(line as string) ?? [])
    .map(({ params }) => Object.fromEntries(params.map(([name, value]) => [name, typeof value === 'string' ? value : value.token])))
}

/** The challenge for one algorithm that a request without credentials gets. */
export async function challengeOf (app: FastifyInstance, algorithm = 'SHA-256'): Promise<Params> {
  const challenge = challengesIn((await app.inject('/')).headers).find((params) => params['algorithm'] === algorithm)
  if (challenge === undefined) throw new Error(`no challenge for ${algorithm}`)
  return challenge
}

/** The parameters of the credentials, unquoted, in the order in which they are sent. */
export function answerTo (challenge: Params, { username, password, method = 'GET', uri = '/', nc = '00000001', cnonce = 'b2Zm', userhash = false }: Answer): Params {
  const { realm = '', nonce = '', opaque = '', algorithm = '' } = challenge
  const ha1 = hash(algorithm, `${username}:${realm}:${password}`)
  const response = hash(algorithm, `${ha1}:${nonce}:${nc}:${cnonce}:auth:${hash(algorithm, `${method}:${uri}`)}`)
  const name = userhash ? hash(algorithm, `${username}:${realm}`) : Buffer.from(username).toString('latin1')
  return { username: name, realm, nonce, uri, algorithm, nc, cnonce, qop: 'auth', response, opaque, ...userhash ? { userhash: 'true' } : {} }
}

const BARE = new Set(['algorithm', 'nc', 'qop', 'userhash', 'username*'])

/** What is sent: quotes where RFC 7616 section 3.4 has them. */
export function written (params: Params): string {
  return `Digest ${Object.entries(params).map(([name, value]) => BARE.has(name) ? `${name}=${value}` : `${name}="${value.replace(/["\\]/g, '\\$&')}"`).join(', ')}`
}
