/** The nearest right word, for error messages that name the mend. */
import leven from 'leven'

/** `' Did you mean "read"?'`, or `''` when nothing known is close to what was given. */
export function didYouMean (given: string, known: Iterable<string>): string {
  const word = nearest(given, known)
  return word === undefined ? '' : ` Did you mean "${word}"?`
}

/** The known word closest to `given` (at most a third of its letters differ, at least two may), or `undefined`. */
export function nearest (given: string, known: Iterable<string>): string | undefined {
  const limit = Math.max(2, Math.floor(given.length / 3))
  let best: string | undefined
  let bestDistance = limit + 1
  for (const word of known) {
    const distance = leven(given.toLowerCase(), word.toLowerCase(), { maxDistance: bestDistance })
    if (distance < bestDistance) {
      best = word
      bestDistance = distance
    }
  }
  return best
}
