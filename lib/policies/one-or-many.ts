/** Keys of a policy that take one text or a list of them. */
import type { Keys } from './policy.ts'

export type OneOrMany = string | readonly string[]

export function listOf (given: OneOrMany | undefined): readonly string[] {
  if (given === undefined) return []
  return typeof given === 'string' ? [given] : given
}

/** Where an entry stands: without a list, at the key itself. */
export function entryPath (given: OneOrMany | undefined, at: Keys, index: number): Keys {
  return Array.isArray(given) ? [...at, index] : at
}
