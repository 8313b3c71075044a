/** The fields of rules for CASL in a browser, which knows names and patterns but not what lies within what. */
import { fieldMatcher } from './field-matcher.ts'
import { ancestors } from './field-paths.ts'

/**
 * Of an inverted rule also what lies in a field, and what could hold it, as in `fieldMatcher`: `address.street` is `address.street.**` and `address` too.
 */
export function forbiddenFields (fields: readonly string[]): readonly string[] {
  return [...new Set(fields.flatMap((field) => [field, `${field}.**`, ...holders(field)]))]
}

/** The beginnings of a pattern up to each dot, and up to each `**`, which is any dots. */
function holders (pattern: string): string[] {
  return [...ancestors(pattern), ...[...pattern.matchAll(/\*{2,}/g)].map(({ 0: stars, index }) => pattern.slice(0, index + stars.length))]
}

/** What two rules that allow have in common, as far as it can be told; `null` is every field. */
export function sharedFields (one: readonly string[] | null, other: readonly string[] | null): readonly string[] | null {
  if (one === null || other === null) return one ?? other
  return [...new Set([...covered(one, other), ...covered(other, one)])]
}

function covered (fields: readonly string[], by: readonly string[]): string[] {
  const covers = fieldMatcher(false, by)
  return fields.filter((field) => by.includes(field) || (!field.includes('*') && covers(field)))
}
