/** Where each value of a policy file was written. */
import type { LineCounter } from 'yaml'
import type { Keys, Place, PolicySource } from './policy.ts'

/** Offsets into the text of a file, by path. */
export class Positions {
  readonly #file: string
  readonly #lines: LineCounter
  readonly #values = new Map<string, number>()
  readonly #keys = new Map<string, number>()

  constructor (file: string, lines: LineCounter) {
    this.#file = file
    this.#lines = lines
  }

  markValue (path: Keys, offset: number): void {
    this.#values.set(pointer(path), offset)
  }

  markKey (path: Keys, offset: number): void {
    this.#keys.set(pointer(path), offset)
  }

  at (offset: number): Place {
    const { line, col } = this.#lines.linePos(offset)
    return { file: this.#file, line, column: col }
  }

  /** A path that is not there is placed at the nearest value around it. */
  readonly locate: PolicySource['locate'] = (path, part) => {
    const key = part === 'key' ? this.#keys.get(pointer(path)) : undefined
    if (key !== undefined) return this.at(key)
    for (let length = path.length; length > 0; length--) {
      const offset = this.#values.get(pointer(path.slice(0, length)))
      if (offset !== undefined) return this.at(offset)
    }
    return this.at(this.#values.get(pointer([])) ?? 0)
  }
}

function pointer (path: Keys): string {
  return JSON.stringify(path.map(String))
}
