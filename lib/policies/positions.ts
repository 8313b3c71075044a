/** Where each value of a policy file was written. */
import { Lines } from './lines.ts'
import type { Place, PolicySource } from './policy.ts'

/** Up to so many keys are looked through one by one, which takes less memory than a map or a list for each of them. */
const FEW = 16

/** Offsets into the text, of a value, of its key, and of what is in it. A file has thousands: no text is made for any path. */
export class Spot {
  value = 0
  key: number | null = null
  readonly #name: string
  /** What is in the value, the last one first, each with the one before. */
  #last: Spot | null = null
  #before: Spot | null = null
  #count = 0
  /** All that is in the value, once it is much. */
  #index: Map<string, Spot> | null = null

  constructor (name = '') {
    this.#name = name
  }

  at (key: string | number): Spot | undefined {
    const name = String(key)
    if (this.#index !== null) return this.#index.get(name)
    let spot = this.#last
    while (spot !== null && spot.#name !== name) spot = spot.#before
    return spot ?? undefined
  }

  /** A key that is not there yet. */
  add (key: string | number): Spot {
    const spot = new Spot(String(key))
    spot.#before = this.#last
    this.#last = spot
    if (++this.#count > FEW) this.#indexed().set(spot.#name, spot)
    return spot
  }

  #indexed (): Map<string, Spot> {
    if (this.#index !== null) return this.#index
    this.#index = new Map()
    for (let spot = this.#last; spot !== null; spot = spot.#before) this.#index.set(spot.#name, spot)
    return this.#index
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
    const { line, column } = this.#lines.at(offset)
    return { file: this.#file, line, column }
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
