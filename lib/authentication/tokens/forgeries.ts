/** Forged tokens that come one after another, refused before a verifier has to say no by throwing, which takes it longer than to say yes. */
import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto'
import type { VerificationKey } from './verification-key.ts'

export interface Forgeries {
  /** Whether the signature of a token of three segments is wrong; `false` also where nobody looked. */
  catches: (token: string) => boolean
  /** Takes note of a token whose algorithm the verifier accepted, and whose signature it found wrong. */
  saw: (token: string) => void
}

/** How many tokens with a right signature end the suspicion against their header: each of them is looked at twice. */
const SUSPECTED = 4

/** In characters. A longer one is not remembered. */
const LONGEST_HEADER = 512

/** RFC 7518 section 3.2. */
const HASHES: ReadonlyMap<unknown, string> = new Map([['HS256', 'sha256'], ['HS384', 'sha384'], ['HS512', 'sha512']])

const NONE: Forgeries = Object.freeze({ catches: () => false, saw: () => {} })

/**
 * After one of them the next ones with the same header are asked for their signature first. No token is right here: of one that is not forged the
 * verifier says what it is. For a secret; with a public key it does nothing, as to verify such a signature takes many times as long as to throw.
 */
export function forgeries ({ key, algorithms }: VerificationKey): Forgeries {
  if (!algorithms.every((algorithm) => HASHES.has(algorithm))) return NONE
  const secret = createSecretKey(key)
  let header = ''
  let hash = ''
  let suspected = 0

  return {
    catches (token) {
      if (suspected === 0 || !token.startsWith(header)) return false
      const end = token.lastIndexOf('.')
      const right = createHmac(hash, secret).update(token.slice(0, end)).digest()
      const given = Buffer.from(token.slice(end + 1), 'base64url')
      const forged = given.length !== right.length || !timingSafeEqual(given, right)
      suspected = forged ? SUSPECTED : suspected - 1
      return forged
    },

    saw (token) {
      const end = token.indexOf('.')
      if (end > LONGEST_HEADER) return
      const its = hashOf(token.slice(0, end))
      if (its === undefined) return
      // A copy: a part of the token would keep all of it in memory.
      header = Buffer.from(token.slice(0, end + 1), 'latin1').toString('latin1')
      hash = its
      suspected = SUSPECTED
    },
  }
}

function hashOf (header: string): string | undefined {
  const { alg } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { readonly alg?: unknown }
  return HASHES.get(alg)
}
