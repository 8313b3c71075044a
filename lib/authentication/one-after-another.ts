/** One verification at a time for each user name, so that a page with twenty parts, each with a proof of its own, is not taken for twenty guesses. */
import { createHash } from 'node:crypto'

/** A scheme's `share`, whoever sent the request. */
export type TakeTurns<C> = <V extends { readonly kind: string }>(credentials: C, run: () => Promise<V>) => Promise<V>

/** Of one name so many wait at most, as many as a page has parts; whoever comes then takes the chance of being one guess too many. */
const MOST_WAITING = 50

/** Milliseconds: a verification that never ends must not keep everybody with this name out for good. */
const PATIENCE = 10_000

/**
 * For a scheme whose right credentials differ from request to request, so that nothing can be shared: each waits for the one before it, whatever
 * that comes to, and is charged by the throttle only then. A right one is settled before the next is charged; of many guesses at once no more than ever
 * reach the verifier. Names are known here only by their SHA-256.
 */
export function oneAfterAnother<C> (identify: (credentials: C) => string, patience = PATIENCE): TakeTurns<C> {
  const last = new Map<string, { readonly run: Promise<unknown>, waiting: number }>()

  return async function share<V extends { readonly kind: string }> (credentials: C, run: () => Promise<V>): Promise<V> {
    const key = createHash('sha256').update(identify(credentials)).digest('base64')
    const before = last.get(key)
    if (before !== undefined && before.waiting >= MOST_WAITING) return run()
    const own = before === undefined ? run() : ended(before.run, patience).then(run)
    const entry = { run: own, waiting: (before?.waiting ?? 0) + 1 }
    last.set(key, entry)
    try {
      return await own
    } finally {
      const newest = last.get(key)
      if (newest === entry) last.delete(key)
      else if (newest !== undefined) newest.waiting -= 1
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
