/** The contract of a store for single-use marks and values that expire: one atomic operation a call. It knows nothing of HTTP. */
import { StoreUnavailable } from './unavailable.ts'

/**
 * What was used, seen or ended, each until its time is over. `ttl` is whole milliseconds from 1 up. A store that cannot keep a mark for all
 * of that time rejects or throws `StoreUnavailable`: a mark that was forgotten early lets a replay pass.
 */
export interface MarkStore {
  /** Puts a mark unless its key is there; `false` when it was, and then nothing has changed. Of callers at the same time exactly one is told `true`. */
  putOnce: (key: string, ttl: number) => boolean | Promise<boolean>
  /** Puts a value, in place of whatever was there. */
  put: (key: string, value: string, ttl: number) => void | Promise<void>
  /** The value; `''` for a mark of `putOnce`; `null` when there is none or its time is over. */
  get: (key: string) => string | null | Promise<string | null>
  /** What `get` says of each of these keys, in their order, all read at the same moment. */
  getMany: (keys: readonly string[]) => ReadonlyArray<string | null> | Promise<ReadonlyArray<string | null>>
  delete: (key: string) => void | Promise<void>
  /** Called by whoever opened the store. */
  close?: () => void | Promise<void>
}

/** @throws {StoreUnavailable} unless `ttl` is whole milliseconds from 1 up: a time to live that is no number would be over at once. */
export function mustBeLifetime (ttl: number): void {
  if (!Number.isSafeInteger(ttl) || ttl < 1) throw new StoreUnavailable(new TypeError(`a mark cannot be kept for ${ttl} milliseconds`))
}
