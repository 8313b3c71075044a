/** One verification for requests that carry the same credentials at the same time, so that a page with twenty parts hashes a password once. */
import { createHash } from 'node:crypto'

/** A scheme's `share`; `credentials` must hold all that its verdict depends on. */
export type ShareVerification<C> = <V extends { readonly kind: string }>(credentials: C, run: () => Promise<V>) => Promise<V>

/**
 * Requests that come while the first one with the same credentials is being verified wait for it. If it ends with a user they share that;
 * if it ends otherwise, or rejects, each goes on by itself, so that every wrong guess is throttled as the guess it is.
 * Nothing is kept once the first has ended, and credentials are known here only by their SHA-256.
 */
export function sharedVerification<C> (identify: (credentials: C) => string): ShareVerification<C> {
  const inFlight = new Map<string, Promise<{ readonly kind: string }>>()

  return async function share<V extends { readonly kind: string }> (credentials: C, run: () => Promise<V>): Promise<V> {
    const key = createHash('sha256').update(identify(credentials)).digest('base64')
    const leader = inFlight.get(key) as Promise<V> | undefined
    if (leader !== undefined) {
      const verdict = await leader.catch(() => null)
      return verdict?.kind === 'user' ? verdict : run()
    }
    const own = run()
    inFlight.set(key, own)
    try {
      return await own
    } finally {
      inFlight.delete(key)
    }
  }
}
