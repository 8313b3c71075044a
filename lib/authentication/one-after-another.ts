/** One verification at a time for each user name, so that a page with twenty parts, each with a proof of its own, is not taken for twenty guesses. */
import { createHash } from 'node:crypto'
import type { ShareVerification } from './shared-verification.ts'

/** Milliseconds: a verification that never ends must not keep everybody with this name out for good. */
const PATIENCE = 10_000

/**
 * For a scheme whose right credentials differ from request to request, so that nothing can be shared: each waits for the one before it, whatever
 * that comes to, and is charged by the throttle only then. A right one is settled before the next is charged; of many guesses at once no more than ever
 * reach the verifier. Names are known here only by their SHA-256.
 */
export function oneAfterAnother<C> (identify: (credentials: C) => string, patience = PATIENCE): ShareVerification<C> {
  const last = new Map<string, Promise<unknown>>()

  return async function share<V extends { readonly kind: string }> (credentials: C, run: () => Promise<V>): Promise<V> {
    const key = createHash('sha256').update(identify(credentials)).digest('base64')
    const before = last.get(key)
    const own = before === undefined ? run() : ended(before, patience).then(run)
    last.set(key, own)
    try {
      return await own
    } finally {
      if (last.get(key) === own) last.delete(key)
    }
  }
}

/** Resolves when it has settled, or has taken too long. */
function ended (promise: Promise<unknown>, patience: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, patience)
    promise.catch(() => {}).finally(() => {
      clearTimeout(timer)
      resolve()
    })
  })
}
