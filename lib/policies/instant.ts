/** Instants in time, as policies write them. */

/** ISO 8601 as ECMAScript fixes it: a date alone is midnight UTC, and a time needs its offset. `Date.parse` by itself would also read `article 5`. */
const INSTANT = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2}))?$/

/** Milliseconds since 1970, or `NaN` when the text is not an instant. */
export function instantOf (text: string): number {
  return INSTANT.test(text) ? Date.parse(text) : NaN
}
