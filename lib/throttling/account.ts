/** The form of an account's name in which all its spellings are one. */

/**
 * Longer names, in UTF-16 units, are not normalized. No account has one, and normalization takes quadratic time on runs of
 * combining marks: 1 MB of them blocks the process for minutes.
 */
const LONGEST_NORMALIZED = 1024

/**
 * The default form: NFKC, no white space around it, lower case. It has to make equal whatever the application's look-up makes equal,
 * else each spelling of a name has its own free guesses.
 */
export function canonicalAccount (account: string): string {
  const trimmed = account.trim()
  const normalized = trimmed.length > LONGEST_NORMALIZED ? trimmed : trimmed.normalize('NFKC').trim()
  return normalized.toLowerCase()
}
