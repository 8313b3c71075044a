/** One verification for requests that carry the same credentials at the same time, so that a page with twenty parts hashes a password once. */
import { createHash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'

/** A scheme's `share`; `credentials` must hold all that its verdict depends on. */
export type ShareVerification<C> = <V extends { readonly kind: string }>(credentials: C, run: () => Promise<V>, request: FastifyRequest) => Promise<V>

/** Milliseconds: a verification that never ends must not keep everybody with these credentials out for good. */
const PATIENCE = 10_000

/**
 * Requests that come while the first one with the same credentials is being verified wait for it. If it ends with a user they share that;
 * if it ends otherwise, or rejects, each goes on by itself, so that every wrong guess is throttled as the guess it is.
 * Only requests of one client share, with the same address and cookies: a stranger could otherwise compare guesses with what is in flight, uncounted.
 * Nothing is kept once the first has ended, and credentials are known here only by their SHA-256. One that takes longer than ten seconds is not waited
 * for by those who come then. `now` is a clock in milliseconds.
 */
export function sharedVerification<C> (identify: (credentials: C) => string, now: () => number = () => performance.now()): ShareVerification<C> {
  const inFlight = new Map<string, { readonly verdict: Promise<{ readonly kind: string }>, readonly since: number }>()

  return async function share<V extends { readonly kind: string }> (credentials: C, run: () => Promise<V>, request: FastifyRequest): Promise<V> {
    const client = JSON.stringify([request.ip, request.headers.cookie, identify(credentials)])
    const key = createHash('sha256').update(client).digest('base64')
    const leader = inFlight.get(key)
    if (leader !== undefined && now() - leader.since <= PATIENCE) {
      const verdict = await leader.verdict.catch(() => null)
      return verdict?.kind === 'user' ? verdict as V : run()
    }
    const own = { verdict: run(), since: now() }
    inFlight.set(key, own)
    try {
      return await own.verdict
    } finally {
      if (inFlight.get(key) === own) inFlight.delete(key)
    }
  }
}
