/** Instants in time, as policies write them. */

/** ISO 8601 as ECMAScript fixes it: a date alone is midnight UTC, and a time needs its offset. `Date.parse` by itself would also read `article 5`. */
const INSTANT = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2}))?$/

/** Milliseconds since 1970, or `NaN` when the text is not an instant. `Date.parse` by itself would take February 31 for March 3. */
export function instantOf (text: string): number {
  if (!INSTANT.test(text)) return NaN
  const date = text.slice(0, 'yyyy-mm-dd'.length)
  const midnight = Date.parse(date)
  return !Number.isNaN(midnight) && new Date(midnight).toISOString().startsWith(date) ? Date.parse(text) : NaN
}

/** Written as an instant, and there is none: the 13th month, the 25th hour. */
export function isNoInstant (text: string): boolean {
  return INSTANT.test(text) && Number.isNaN(instantOf(text))
}
