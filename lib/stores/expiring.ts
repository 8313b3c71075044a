/** A bounded table whose values end by themselves. */

/** Durations are milliseconds. */
export interface Expiring<V> {
  get: (key: string) => V | undefined
  /** Keeps the value for `ttl`; one that is not above 0 keeps nothing. A full table forgets what was put first. */
  put: (key: string, value: V, ttl: number) => void
}

export function expiring<V> (max: number, clock: () => number): Expiring<V> {
  const entries = new Map<string, { readonly value: V, readonly until: number }>()

  return {
    get (key) {
      const entry = entries.get(key)
      if (entry === undefined) return undefined
      if (clock() < entry.until) return entry.value
      entries.delete(key)
      return undefined
    },

    put (key, value, ttl) {
      if (!(ttl > 0)) return
      entries.delete(key)
      if (entries.size >= max) entries.delete(entries.keys().next().value as string)
      entries.set(key, { value, until: clock() + ttl })
    },
  }
}
