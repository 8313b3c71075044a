/** The options of `dpop()` that are about the proof, checked all at once. */
import { didYouMean } from '../nearest.ts'
import { OptionError, wrongOption } from '../option-error.ts'
import type { MarkStore } from '../stores/marks.ts'
import { memoryMarks } from '../stores/memory-marks.ts'
import { PROOF_ALGORITHMS } from './dpop-key.ts'
import { publicAddress, type PublicAddress } from './request-uri.ts'
import { rollingNonces, type Nonces } from './rolling-nonce.ts'
import { checkFunction, checkKeys, numberWithin, secretBytes, textList } from './schemes/options.ts'

/** Nonces that proofs must carry, so that nobody can make one for later (RFC 9449 section 9). */
export interface DpopNonceOptions {
  /** What nonces are made with, at least 32 bytes, the same in every process. */
  readonly secret: string | Uint8Array
  /** Seconds after which there is a new nonce, 1 to 86,400; the one before it still counts. Default 300. */
  readonly lifetime?: number | undefined
}

export interface DpopProofOptions {
  /** The algorithms that proofs may be signed with. Default ES256, ES384, PS256, RS256, EdDSA, Ed25519. */
  readonly proofAlgorithms?: readonly string[] | undefined
  /**
   * Where clients see the application, one or several: `https://api.example.com`, with the path that a proxy takes off, if one does. `'request'`:
   * what each request says of protocol and host, which is the proxy's word where Fastify's `trustProxy` is set. Otherwise it is the sender's, and
   * whoever was sent a proof for another host can pass it on here.
   */
  readonly publicUrl: string | readonly string[]
  /** Seconds that a proof may be old, 1 to 300. Default 60. */
  readonly maxAge?: number | undefined
  /** Seconds that a client's clock may be ahead, 0 to 300. Default 10. */
  readonly maxFuture?: number | undefined
  /** Proofs must carry a nonce of ours. Default: they need none. */
  readonly nonces?: DpopNonceOptions | undefined
  /**
   * Where used proofs are kept, for `maxAge` and `maxFuture`; several processes need a shared one. It is not closed by the scheme. Default
   * `memoryMarks()`: 100,000 requests within that time.
   */
  readonly marks?: MarkStore | undefined
  /** A clock in milliseconds since 1970, for proofs and nonces. Default `Date.now`. */
  readonly now?: (() => number) | undefined
}

export interface DpopSettings {
  readonly algorithms: readonly string[]
  /** Empty: what each request says. */
  readonly addresses: readonly PublicAddress[]
  /** Seconds. */
  readonly maxAge: number
  /** Seconds. */
  readonly maxFuture: number
  /** The nonces at a time in milliseconds since 1970; `null` when proofs need none. */
  readonly noncesAt: ((time: number) => Nonces) | null
  readonly marks: MarkStore
  readonly now: () => number
}

/** The names of `DpopProofOptions`. */
export const PROOF_OPTIONS: readonly string[] = ['proofAlgorithms', 'publicUrl', 'maxAge', 'maxFuture', 'nonces', 'marks', 'now']

const DEFAULT_ALGORITHMS: readonly string[] = ['ES256', 'ES384', 'PS256', 'RS256', 'EdDSA', 'Ed25519']
const DEFAULTS = { maxAge: 60, maxFuture: 10, lifetime: 300 }
const RANGES = {
  maxAge: { min: 1, max: 300, whole: false, unit: 'seconds' },
  maxFuture: { min: 0, max: 300, whole: false, unit: 'seconds' },
  lifetime: { min: 1, max: 86_400, whole: false, unit: 'seconds' },
}

/** @throws OptionError when an option does not make sense. */
export function dpopSettings (where: string, options: DpopProofOptions): DpopSettings {
  const { publicUrl, nonces, marks = memoryMarks(), now = Date.now } = options
  checkFunction(where, 'now', now)
  if (typeof (marks as MarkStore | null)?.putOnce !== 'function') throw wrongOption(`${where} marks`, marks, 'a store for single-use marks, such as memoryMarks()')
  return {
    algorithms: algorithmsOf(where, options.proofAlgorithms ?? DEFAULT_ALGORITHMS),
    addresses: addressesOf(where, publicUrl),
    maxAge: numberWithin(where, 'maxAge', options.maxAge ?? DEFAULTS.maxAge, RANGES.maxAge),
    maxFuture: numberWithin(where, 'maxFuture', options.maxFuture ?? DEFAULTS.maxFuture, RANGES.maxFuture),
    noncesAt: nonces === undefined ? null : noncesOf(`${where} nonces`, nonces),
    marks,
    now,
  }
}

function addressesOf (where: string, given: string | readonly string[]): readonly PublicAddress[] {
  if (given === 'request') return []
  if (given === undefined) {
    throw new OptionError(`${where}: \`publicUrl\` is required: where clients see the application, 'https://api.example.com'. 'request' takes what each request says of its host, which its sender chooses.`)
  }
  return textList(where, 'publicUrl', given).map((url) => publicAddress(`${where} publicUrl`, url))
}

function algorithmsOf (where: string, given: readonly string[]): readonly string[] {
  const algorithms = textList(where, 'proofAlgorithms', given)
  for (const algorithm of algorithms) {
    if (PROOF_ALGORITHMS.includes(algorithm)) continue
    throw new OptionError(`${where}: a proof cannot be signed with the algorithm "${algorithm}".${didYouMean(algorithm, PROOF_ALGORITHMS)} Allowed: ${PROOF_ALGORITHMS.join(', ')}.`)
  }
  return algorithms
}

function noncesOf (where: string, options: DpopNonceOptions): (time: number) => Nonces {
  checkKeys(where, options, ['secret', 'lifetime'])
  const lifetime = numberWithin(where, 'lifetime', options.lifetime ?? DEFAULTS.lifetime, RANGES.lifetime)
  return rollingNonces(secretBytes(where, options.secret), lifetime * 1000)
}
