/** Nonces that the server recognises without having kept them (RFC 7616 section 3.3, facts: authentication D4). */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

export interface NonceOptions {
  readonly secret: Uint8Array
  /** Milliseconds. */
  readonly lifetime: number
  /** Milliseconds since 1970. */
  readonly now: () => number
}

export interface Nonces {
  /** A new one: 48 characters of base64url. */
  make: (realm: string) => string
  /** Whether it is one of ours for this realm, however old. */
  isOurs: (nonce: string, realm: string) => boolean
  /** Milliseconds for which a nonce of ours is still good; `0` when its time is over. */
  timeLeft: (nonce: string) => number
  /** What a client has to send back unchanged: the same for all of a realm. */
  opaque: (realm: string) => string
}

/** By how much the clocks of several processes may differ, in milliseconds. What comes from further in the future is not good. */
export const CLOCK_SKEW = 60_000

// Six bytes of time, twelve of chance, so that no two clients count the uses of the same nonce, eighteen of proof: nothing is padded.
const TIME = 6
const HEAD = 18
const PROOF = 18
const NONCE = /^[\w-]{48}$/

export function createNonces ({ secret, lifetime, now }: NonceOptions): Nonces {
  return {
    make (realm) {
      const head = Buffer.alloc(HEAD)
      head.writeUIntBE(Math.floor(now()), 0, TIME)
      randomBytes(HEAD - TIME).copy(head, TIME)
      return Buffer.concat([head, proof('nonce', head, realm)]).toString('base64url')
    },

    isOurs (nonce, realm) {
      if (!NONCE.test(nonce)) return false
      const bytes = Buffer.from(nonce, 'base64url')
      return timingSafeEqual(bytes.subarray(HEAD), proof('nonce', bytes.subarray(0, HEAD), realm))
    },

    timeLeft (nonce) {
      const age = now() - Buffer.from(nonce, 'base64url').readUIntBE(0, TIME)
      return age < -CLOCK_SKEW ? 0 : Math.max(0, lifetime - age)
    },

    opaque: (realm) => proof('opaque', Buffer.alloc(HEAD), realm).toString('base64url'),
  }

  /** The purpose and the realm cannot run into each other: what stands between them has a fixed length. */
  function proof (purpose: 'nonce' | 'opaque', head: Uint8Array, realm: string): Buffer {
    return createHmac('sha256', secret).update(`fastify-gatehouse digest ${purpose}\0`).update(head).update(realm, 'latin1').digest().subarray(0, PROOF)
  }
}
