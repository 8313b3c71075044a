/** The proof of a `DPoP` header (RFC 9449 section 4): read strictly, compared with the request, its signature checked last. */
import { createHash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { compactVerify, importJWK } from 'jose'
import { readProofKey, type ProofKey } from './dpop-key.ts'
import { expectedUri, isRequested, normalUri, type PublicAddress } from './request-uri.ts'

/** What a proof says; nothing of it is proven yet. */
export interface Proof {
  /** As it was sent. */
  readonly text: string
  readonly algorithm: string
  readonly key: ProofKey
  readonly jti: string
  readonly htm: string
  /** In normal form. */
  readonly htu: string
  /** Seconds since 1970. */
  readonly iat: number
  readonly ath: string
  /** Whatever was sent. */
  readonly nonce: unknown
}

export type ReadProof = { readonly kind: 'proof', readonly proof: Proof } | BadProof

export interface BadProof {
  readonly kind: 'invalid'
  /** For the log. */
  readonly reason: string
}

/** What a proof must be for. Durations are seconds, `time` is milliseconds since 1970. */
export interface Occasion {
  readonly request: FastifyRequest
  readonly token: string
  readonly addresses: readonly PublicAddress[]
  readonly time: number
  readonly maxAge: number
  readonly maxFuture: number
}

const NAME = 'dpop'

/** The longest proof that is looked at, in characters: one with an RSA key of 4096 bits has less than 2000. */
const MAX_LENGTH = 8192

/** The longest `jti`, in characters. */
const MAX_ID_LENGTH = 256

/** The longest `htu`, in characters. */
const MAX_URI_LENGTH = 2048

const THREE_SEGMENTS = /^([\w-]+)\.([\w-]+)\.[\w-]+$/

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Every `DPoP` field line of `request.raw.rawHeaders`, because Node.js makes one of several (facts: authentication P1). */
export function proofLines (rawHeaders: readonly string[]): readonly string[] {
  const lines: string[] = []
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string
    if (name.length === NAME.length && name.toLowerCase() === NAME) lines.push(rawHeaders[i + 1] as string)
  }
  return lines
}

/** One proof, of its form in every part (RFC 9449 section 4.3, checks 1 to 6; facts: authentication P1 to P3). Never throws. */
export function readProof (lines: readonly string[], algorithms: readonly string[]): ReadProof {
  const [text] = lines
  if (text === undefined) return invalid('there is no proof')
  if (lines.length > 1) return invalid('there is more than one proof')
  if (text.length > MAX_LENGTH) return invalid(`the proof is longer than ${MAX_LENGTH} characters`)
  const segments = THREE_SEGMENTS.exec(text)
  if (segments === null) return invalid('the proof is not three segments of base64url')

  const header = decode(segments[1] as string)
  if (header === null) return invalid('the header of the proof is not an object')
  const { typ, alg, crit, jwk } = header
  if (typ !== 'dpop+jwt') return invalid('the type of the proof is not dpop+jwt')
  const algorithm = algorithms.find((name) => name === alg)
  if (algorithm === undefined) return invalid('the algorithm of the proof is not accepted')
  if (crit !== undefined) return invalid('the proof has a critical header')
  const read = readProofKey(algorithm, jwk)
  if (read.kind === 'invalid') return read

  const claims = decode(segments[2] as string)
  if (claims === null) return invalid('the claims of the proof are not an object')
  const { jti, htm, htu, iat, ath, nonce } = claims
  if (typeof jti !== 'string' || jti === '' || jti.length > MAX_ID_LENGTH) return invalid(`jti is not a text of 1 to ${MAX_ID_LENGTH} characters`)
  if (typeof htm !== 'string') return invalid('htm is not a text')
  const uri = typeof htu === 'string' && htu.length <= MAX_URI_LENGTH ? normalUri(htu) : null
  if (uri === null) return invalid(`htu is not an http or https URI of at most ${MAX_URI_LENGTH} characters`)
  if (!Number.isSafeInteger(iat)) return invalid('iat is not a whole number')
  if (typeof ath !== 'string') return invalid('ath is not a text')
  return { kind: 'proof', proof: { text, algorithm, key: read.key, jti, htm, htu: uri, iat: iat as number, ath, nonce } }
}

/** Why the proof is not for this token, this request and this time; `undefined` if it is (facts: authentication P4 to P7). */
export function reasonAgainst (proof: Proof, { request, token, addresses, time, maxAge, maxFuture }: Occasion): string | undefined {
  if (proof.ath !== createHash('sha256').update(token).digest('base64url')) return 'the proof is for another token'
  if (proof.htm !== request.method) return 'the proof is for another method'
  if (!isRequested(proof.htu, request, addresses)) return `the proof is for another URI: not ${expectedUri(request, addresses)}`
  const age = time / 1000 - proof.iat
  if (age > maxAge) return `the proof is more than ${maxAge} seconds old`
  // not (age >= …): a clock that says nothing accepts nothing
  if (!(age >= -maxFuture)) return `the proof is from more than ${maxFuture} seconds in the future`
  return undefined
}

/** Whether the key in the proof has signed it. The key is the client's own, so whatever goes wrong is wrong with the proof. */
export async function isSigned ({ text, algorithm, key }: Proof): Promise<boolean> {
  try {
    await compactVerify(text, await importJWK(key, algorithm), { algorithms: [algorithm] })
    return true
  } catch {
    return false
  }
}

function decode (segment: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(utf8.decode(Buffer.from(segment, 'base64url')))
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value as Record<string, unknown> : null
  } catch {
    return null
  }
}

function invalid (reason: string): BadProof {
  return { kind: 'invalid', reason }
}
