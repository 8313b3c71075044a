/** Reads the value that a path leads to in a record or a user. */
import type { Path } from './condition.ts'

/**
 * `undefined` where the path leads nowhere: it goes through maps only, never through texts, functions or lists, and a method is not a value.
 * A getter that throws is not caught: then nobody knows the answer (law 10).
 */
export function valueAt (from: unknown, path: Path): unknown {
  let value: unknown = from
  for (let index = 0; index < path.length; index++) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
    value = (value as Record<string, unknown>)[path[index] as string]
  }
  return typeof value === 'function' || typeof value === 'symbol' ? undefined : value
}
