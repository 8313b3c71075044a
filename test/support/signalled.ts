/** Waits for something that happens by itself, for a limited time. */

/** Far above what a busy machine needs. */
const PATIENCE = 20_000

export interface Happenings<T> {
  /** All so far. */
  readonly all: readonly T[]
  readonly happened: (what: T) => void
  /** Passes all so far. */
  readonly pass: () => void
  /** The first that fits, of those that no earlier call has passed. Rejects when it does not happen in time. */
  readonly next: (fits?: (what: T) => boolean) => Promise<T>
}

export function happenings<T = void> (): Happenings<T> {
  const all: T[] = []
  let passed = 0
  let look = (): void => {}
  return {
    all,
    happened (what) {
      all.push(what)
      look()
    },
    pass () { passed = all.length },
    next: (fits = () => true) => new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`it did not happen within ${PATIENCE} ms; what did: ${JSON.stringify(all)}`)), PATIENCE)
      look = () => {
        const index = all.findIndex((what, at) => at >= passed && fits(what))
        if (index === -1) return
        passed = index + 1
        look = () => {}
        clearTimeout(timer)
        resolve(all[index] as T)
      }
      look()
    }),
  }
}
