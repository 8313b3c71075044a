/** Words that are one slip of the pen away from others: one letter more, less, other, or two swapped. */

/** Shorter words are as often meant, `pin` beside `bin`; longer ones would only cost time. */
const SHORTEST = 4
const LONGEST = 64

/** The known words by what is left of them without one letter, so that none is compared with all. */
export class Slips {
  readonly #byRest = new Map<string, string[]>()

  constructor (known: Iterable<string>) {
    for (const word of known) {
      if (word.length < SHORTEST) continue
      for (const rest of restsOf(word)) {
        const words = this.#byRest.get(rest)
        if (words === undefined) this.#byRest.set(rest, [word])
        else words.push(word)
      }
    }
  }

  /** The first known word that is one slip away; never the word itself. */
  meantBy (word: string): string | undefined {
    for (const rest of restsOf(word)) {
      const found = this.#byRest.get(rest)?.find((known) => isOneSlip(known, word))
      if (found !== undefined) return found
    }
    return undefined
  }
}

/** The word, and the word without each of its letters. */
function restsOf (word: string): ReadonlySet<string> {
  if (word.length > LONGEST) return new Set()
  return new Set([word, ...Array.from({ length: word.length }, (_letter, index) => word.slice(0, index) + word.slice(index + 1))])
}

/** Words that are counted, `step1` and `step2`, are no slips of one another. */
const DIGIT = /\d/

function isOneSlip (one: string, other: string): boolean {
  const [longer, shorter] = one.length < other.length ? [other, one] : [one, other]
  let begin = 0
  while (begin < shorter.length && longer[begin] === shorter[begin]) begin++
  let end = 0
  while (end < shorter.length - begin && longer.at(-1 - end) === shorter.at(-1 - end)) end++
  const more = longer.slice(begin, longer.length - end)
  const less = shorter.slice(begin, shorter.length - end)
  if (DIGIT.test(more) || DIGIT.test(less)) return false
  if (more.length === 1) return less.length <= 1
  return more.length === 2 && less.length === 2 && more[0] === less[1] && more[1] === less[0]
}
