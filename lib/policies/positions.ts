/** Where each value of a policy file was written. */
import { Lines } from './lines.ts'
import type { Place, PolicySource } from './policy.ts'

/** Offsets into the text, of a value, of its key, and of what is in it. A file has thousands: no text is made for any path. */
export class Spot {
  value = 0
  key: number | null = null
  #below: Map<string, Spot> | null = null

  at (key: string | number): Spot | undefined {
    return this.#below?.get(String(key))
  }

  add (key: string | number): Spot {
    const spot = new Spot()
    this.#below ??= new Map()
    this.#below.set(String(key), spot)
    return spot
  }
}

/** The places of one file. */
export class Positions {
  readonly root = new Spot()
  readonly #file: string
  readonly #text: string
  #lines: Lines | null = null

  constructor (file: string, text: string) {
    this.#file = file
    this.#text = text
  }

  at (offset: number): Place {
    this.#lines ??= new Lines(this.#text)
    return { file: this.#file, ...this.#lines.at(offset) }
  }

  /** A path that is not there is placed at the nearest value around it. */
  readonly locate: PolicySource['locate'] = (path, part) => {
    let found: Spot | undefined = this.root
    let nearest = this.root.value
    for (const key of path) {
      found = found.at(key)
      if (found === undefined) return this.at(nearest)
      nearest = found.value
    }
    return this.at(part === 'key' ? found.key ?? nearest : nearest)
  }
}
