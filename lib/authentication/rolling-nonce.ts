/** Nonces that are the same for everybody and change with time: every process with the secret knows them, and nothing is stored (RFC 9449 section 9). */
import { createHmac } from 'node:crypto'

/** Those that count at one time. */
export interface Nonces {
  /** The one to use from now on. */
  readonly current: string
  /** The one before it, so that nobody is refused for a request that was on its way. */
  readonly previous: string
}

/** Bytes of a nonce: 24 characters of base64url, which are all NQCHAR (RFC 9449 section 8.1). */
const BYTES = 18

/**
 * The nonces at a time in milliseconds since 1970. Each is current for `lifetime` milliseconds, counted from 1970, and counts for as long again.
 * Nobody without the secret can know the next one, and so nobody can make a proof for later.
 */
export function rollingNonces (secret: Uint8Array, lifetime: number): (time: number) => Nonces {
  let last = Number.NaN
  let nonces: Nonces

  return function noncesAt (time) {
    const turn = Math.floor(time / lifetime)
    if (turn !== last) {
      nonces = { current: nonceOf(turn), previous: nonceOf(turn - 1) }
      last = turn
    }
    return nonces
  }

  function nonceOf (turn: number): string {
    return createHmac('sha256', secret).update(`fastify-gatehouse dpop nonce\0${lifetime}\0${turn}`).digest().subarray(0, BYTES).toString('base64url')
  }
}
