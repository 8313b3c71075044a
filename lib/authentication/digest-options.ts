/** The options of `digest()`, checked at start. */
import { randomBytes } from 'node:crypto'
import { didYouMean } from '../nearest.ts'
import { OptionError, wrongOption } from '../option-error.ts'
import type { MarkStore } from '../stores/marks.ts'
import { memoryMarks } from '../stores/memory-marks.ts'
import { DIGEST_ALGORITHMS, type DigestAlgorithm } from './digest-hash.ts'
import { checkFunction, checkKeys, numberWithin, secretBytes, textList } from './schemes/options.ts'

/** A user and what is stored of the password: `digestHash` for each algorithm under which the user may sign in. */
export interface DigestRecord<U extends object> {
  readonly user: U
  readonly ha1: Readonly<Partial<Record<DigestAlgorithm, string>>>
}

/** What the name that is looked up means. */
export interface DigestLookup {
  /** True: the name is `digestUserhash(algorithm, username, realm)`. */
  readonly userhash: boolean
  readonly algorithm: DigestAlgorithm
  readonly realm: string
}

type Answer<U extends object> = DigestRecord<U> | null | undefined

export interface DigestOptions<U extends object> {
  /**
   * The record of a user; `null` or `undefined` if there is none. Throwing is a 503. A `lookup` that declares the second parameter finds users
   * by their userhash too: then the challenge says `userhash=true`, and clients that can do so keep the name to themselves.
   */
  readonly lookup: (name: string, what: DigestLookup) => Answer<U> | Promise<Answer<U>>
  /** The protection space. It is part of every stored hash. No quotation mark and no backslash. Default: the plugin's realm. */
  readonly realm?: string | undefined
  /** The algorithms that are offered, the preferred first. MD5 only for clients that know no other: what it stores is soon guessed. Default SHA-256, SHA-512-256. */
  readonly algorithms?: readonly DigestAlgorithm[] | undefined
  /** What nonces are proven with, at least 32 bytes, the same in every process. Default: a random one, so that nonces end with the process. */
  readonly secret?: string | Uint8Array | undefined
  /** Seconds for which a nonce is good, 1 to 86,400; then the client gets a new one without asking the user. Default 300. */
  readonly nonceLifetime?: number | undefined
  /** Spare the page the browser's password dialog when its own script asked: the challenge is then `xDigest`, unless only the nonce is too old. Default true. */
  readonly spareFetch?: boolean | undefined
  /**
   * Where the used nonce counts are kept, for the lifetime of the nonce and a minute; several processes need a shared one. It is not closed by
   * the scheme. Default `memoryMarks()`: 100,000 requests within that time.
   */
  readonly marks?: MarkStore | undefined
  /** A clock in milliseconds since 1970, for nonces. Default: the system's time at the start of the process, going on without its later changes. */
  readonly now?: (() => number) | undefined
}

export interface DigestSettings {
  readonly realm: string | undefined
  readonly algorithms: readonly DigestAlgorithm[]
  readonly secret: Uint8Array
  /** Milliseconds. */
  readonly lifetime: number
  readonly spareFetch: boolean
  readonly marks: MarkStore
  readonly now: () => number
}

const WHERE = 'digest()'
const KNOWN = ['realm', 'algorithms', 'lookup', 'secret', 'nonceLifetime', 'spareFetch', 'marks', 'now']
const DEFAULT_ALGORITHMS: readonly DigestAlgorithm[] = ['SHA-256', 'SHA-512-256']
const DEFAULT_LIFETIME = 300
const LIFETIME = { min: 1, max: 86_400, whole: false, unit: 'seconds' }

/** @throws OptionError when an option does not make sense. */
export function digestSettings (options: DigestOptions<object>): DigestSettings {
  checkKeys(WHERE, options, KNOWN)
  const { realm, lookup, spareFetch = true, marks = memoryMarks(), now = steadyNow } = options
  checkFunction(WHERE, 'lookup', lookup)
  checkFunction(WHERE, 'now', now)
  // clients do not agree on whether an escape is part of what is hashed
  if (realm !== undefined && (typeof realm !== 'string' || !/^[ !#-[\]-~]+$/.test(realm))) {
    throw wrongOption(`${WHERE} realm`, realm, 'a text of printable ASCII characters without a quotation mark or a backslash')
  }
  if (typeof spareFetch !== 'boolean') throw wrongOption(`${WHERE} spareFetch`, spareFetch, 'true or false')
  if (typeof (marks as MarkStore | null)?.putOnce !== 'function') throw wrongOption(`${WHERE} marks`, marks, 'a store for single-use marks, such as memoryMarks()')
  return {
    realm,
    algorithms: algorithmsOf(options.algorithms),
    secret: options.secret === undefined ? randomBytes(32) : secretBytes(WHERE, options.secret),
    lifetime: numberWithin(WHERE, 'nonceLifetime', options.nonceLifetime ?? DEFAULT_LIFETIME, LIFETIME) * 1000,
    spareFetch,
    marks,
    now,
  }
}

/** The marks run on such a clock too: no step of the system's time lets a nonce outlive the marks of its uses. */
function steadyNow (): number {
  return performance.timeOrigin + performance.now()
}

function algorithmsOf (given: readonly string[] | undefined): readonly DigestAlgorithm[] {
  if (given === undefined) return DEFAULT_ALGORITHMS
  const known = Object.keys(DIGEST_ALGORITHMS)
  const algorithms = textList(WHERE, 'algorithms', given)
  const unknown = algorithms.find((name) => !known.includes(name))
  if (unknown !== undefined) {
    throw new OptionError(`${WHERE}: there is no algorithm "${unknown}" in Digest.${didYouMean(unknown, known)} Allowed: ${known.join(', ')}.`)
  }
  // RFC 7616 section 3.7: one challenge for each
  if (new Set(algorithms).size < algorithms.length) throw new OptionError(`${WHERE}: an algorithm is there twice in \`algorithms\`: ${algorithms.join(', ')}.`)
  return algorithms as DigestAlgorithm[]
}
