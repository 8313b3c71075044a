/** In which line and column of a text something stands. */

/** Lines end as YAML and JSON end them: with LF, CR LF, or CR. */
const LINE_BREAK = /\r\n|[\r\n]/g

export class Lines {
  /** Where each line begins. */
  readonly #starts: readonly number[]

  constructor (text: string) {
    this.#starts = [0, ...Array.from(text.matchAll(LINE_BREAK), ({ 0: lineBreak, index }) => index + lineBreak.length)]
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
