/** Reads a JSON policy: strict JSON (RFC 8259) in which no key is written twice, with the place of every value. */
import type { PolicySource } from './policy.ts'
import { EmptyMap, MAX_DEPTH, TOO_DEEP } from './plain-data.ts'
import type { PlainMap } from './plain-data.ts'
import { Positions } from './positions.ts'
import type { Spot } from './positions.ts'
import type { Problem } from './problems.ts'

export function readJson (file: string, text: string, problems: Problem[]): PolicySource {
  const positions = new Positions(file, text)
  const source = (content: unknown): PolicySource => ({ file, content, locate: positions.locate, isText: true })
  const reader = new Reader(text)
  try {
    return source(reader.document(positions.root))
  } catch (error) {
    problems.push({ place: positions.at(reader.offset), message: (error as SyntaxError).message })
    return source(null)
  }
}

const WHITE_SPACE = /[ \t\n\r]*/y
/** A text, or whatever else could be a word or a number; `JSON.parse` decides what it is. */
const SCALAR = /"[^"\\]*(?:\\[^][^"\\]*)*"|[\w.+-]+/y

/** `JSON.parse` tells neither positions nor repeated keys, and V8 leaves out where an error stands: so the structure is read here. */
class Reader {
  offset = 0
  readonly #text: string

  constructor (text: string) {
    this.#text = text
  }

  document (root: Spot): unknown {
    const content = this.#value(root, 0)
    if (this.#next() !== '') throw new SyntaxError(this.#unexpected('the end of the file'))
    return content
  }

  #value (spot: Spot, depth: number): unknown {
    const first = this.#next()
    spot.value = this.offset
    if (depth > MAX_DEPTH) throw new SyntaxError(TOO_DEEP)
    if (first === '{') return this.#map(spot, depth + 1)
    if (first === '[') return this.#list(spot, depth + 1)
    return this.#scalar('a value')
  }

  #map (spot: Spot, depth: number): PlainMap {
    const map = new EmptyMap()
    this.offset++
    if (this.#took('}')) return map
    do {
      const key = this.#key(map)
      const below = spot.add(key.name)
      below.key = key.offset
      if (!this.#took(':')) throw new SyntaxError(this.#unexpected('":"'))
      map[key.name] = this.#value(below, depth)
    } while (this.#took(','))
    if (!this.#took('}')) throw new SyntaxError(this.#unexpected('"," or "}"'))
    return map
  }

  #key (map: PlainMap): { name: string, offset: number } {
    if (this.#next() !== '"') throw new SyntaxError(this.#unexpected('a key in double quotes'))
    const offset = this.offset
    const name = String(this.#scalar('a key in double quotes'))
    if (name in map) {
      this.offset = offset
      throw new SyntaxError('this key is written twice')
    }
    return { name, offset }
  }

  #list (spot: Spot, depth: number): unknown[] {
    const list: unknown[] = []
    this.offset++
    if (this.#took(']')) return list
    do list.push(this.#value(spot.add(list.length), depth))
    while (this.#took(','))
    if (!this.#took(']')) throw new SyntaxError(this.#unexpected('"," or "]"'))
    return list
  }

  #scalar (expected: string): unknown {
    SCALAR.lastIndex = this.offset
    const token = SCALAR.exec(this.#text)?.[0] ?? ''
    try {
      const value: unknown = JSON.parse(token)
      this.offset += token.length
      return value
    } catch {
      throw new SyntaxError(this.#unexpected(expected))
    }
  }

  /** The next character that is not white space, `''` at the end. */
  #next (): string {
    WHITE_SPACE.lastIndex = this.offset
    this.offset += `${WHITE_SPACE.exec(this.#text)?.[0]}`.length
    return this.#text.charAt(this.offset)
  }

  #took (character: string): boolean {
    if (this.#next() !== character) return false
    this.offset++
    return true
  }

  #unexpected (expected: string): string {
    const found = this.#next()
    return `expected ${expected}, found ${found === '' ? 'the end of the file' : JSON.stringify(found)}`
  }
}
