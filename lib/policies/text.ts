/** Texts that every store can hold and order. */

/** No U+0000 and no half of a surrogate pair: a database has no place for the one, and would replace the other. */
export function isStorable (text: string): boolean {
  return !text.includes('\0') && !/\p{Surrogate}/u.test(text)
}
