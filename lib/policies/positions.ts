/** Where each value of a policy file was written. */
import type { LineCounter } from 'yaml'
import type { Keys, Place, PolicySource } from './policy.ts'

/** Offsets of a value and of its key, and those of what is in it. A file has thousands: no text is made for any path. */
interface Spot {
  value: number | null
  key: number | null
  below: Map<string, Spot> | null
}

/** Offsets into the text of a file, by path. */
export class Positions {
  readonly #file: string
  readonly #lines: LineCounter
  readonly #root: Spot = spot()

  constructor (file: string, lines: LineCounter) {
    this.#file = file
    this.#lines = lines
  }

  markValue (path: Keys, offset: number): void {
    this.#at(path).value = offset
  }

  markKey (path: Keys, offset: number): void {
    this.#at(path).key = offset
  }

  at (offset: number): Place {
    const { line, col } = this.#lines.linePos(offset)
    return { file: this.#file, line, column: col }
  }

  /** A path that is not there is placed at the nearest value around it. */
  readonly locate: PolicySource['locate'] = (path, part) => {
    let found: Spot | undefined = this.#root
    let nearest = this.#root.value ?? 0
    for (const key of path) {
      found = found.below?.get(String(key))
      if (found === undefined) return this.at(nearest)
      nearest = found.value ?? nearest
    }
    return this.at(part === 'key' ? found.key ?? nearest : nearest)
  }

  #at (path: Keys): Spot {
    let at = this.#root
    for (const key of path) {
      const name = String(key)
      at.below ??= new Map()
      let below = at.below.get(name)
      if (below === undefined) at.below.set(name, below = spot())
      at = below
    }
    return at
  }
}

function spot (): Spot {
  return { value: null, key: null, below: null }
}
