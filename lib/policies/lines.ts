/** In which line and column of a text something stands. */

const LF = 10
const CR = 13

export class Lines {
  /** Where each line begins. */
  readonly #starts: readonly number[]

  constructor (text: string) {
    const starts = [0]
    // Lines end as YAML and JSON end them: with LF, CR LF, or CR.
    for (let offset = 0; offset < text.length; offset++) {
      const code = text.charCodeAt(offset)
      if (code === LF || (code === CR && text.charCodeAt(offset + 1) !== LF)) starts.push(offset + 1)
    }
    this.#starts = starts
  }

  /** Both count from 1; a column is a UTF-16 code unit, as editors count. */
  at (offset: number): { line: number, column: number } {
    let low = 0
    let high = this.#starts.length
    while (high - low > 1) {
      const middle = (low + high) >>> 1
      if (this.#startOf(middle) <= offset) low = middle
      else high = middle
    }
    return { line: low + 1, column: offset - this.#startOf(low) + 1 }
  }

  #startOf (line: number): number {
    return this.#starts[line] as number
  }
}
