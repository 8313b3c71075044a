/** A store of marks that cannot surprise: whatever it fails with, or answers besides what it should, is `StoreUnavailable`. */
import type { MarkStore } from './marks.ts'
import { StoreUnavailable } from './unavailable.ts'

/** The part of a store that keeps values. */
export interface FencedMarks {
  put: (key: string, value: string, ttl: number) => Promise<void>
  get: (key: string) => Promise<string | null>
  getBoth: (keys: readonly [string, string]) => Promise<readonly [string | null, string | null]>
}

export function fencedMarks (marks: Pick<MarkStore, 'put' | 'get' | 'getMany'>): FencedMarks {
  return {
    async put (key, value, ttl) {
      await asked(() => marks.put(key, value, ttl))
    },

    async get (key) {
      const value: unknown = await asked(() => marks.get(key))
      return isValue(value) ? value : nonsense('something that is neither a text nor null')
    },

    async getBoth (keys) {
      const values: unknown = await asked(() => marks.getMany(keys))
      if (!Array.isArray(values)) return nonsense('no list of values')
      const [first, second] = values as readonly unknown[]
      return isValue(first) && isValue(second) ? [first, second] : nonsense('something that is neither a text nor null')
    },
  }
}

async function asked<T> (ask: () => T | Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    throw error instanceof StoreUnavailable ? error : new StoreUnavailable(error)
  }
}

function isValue (value: unknown): value is string | null {
  return value === null || typeof value === 'string'
}

/** @throws {StoreUnavailable} always */
export function nonsense (what: string): never {
  throw new StoreUnavailable(new TypeError(`a store of marks holds ${what}`))
}
