/** Reads a JSON policy: strict JSON (RFC 8259) in which no key is written twice, with the place of every value. */
import { LineCounter } from 'yaml'
import type { Keys, PolicySource } from './policy.ts'
import { MAX_DEPTH, TOO_DEEP } from './plain-data.ts'
import type { PlainMap } from './plain-data.ts'
import { Positions } from './positions.ts'
import type { Problem } from './problems.ts'

export function readJson (file: string, text: string, problems: Problem[]): PolicySource {
  const positions = new Positions(file, linesOf(text))
  const source = (content: unknown): PolicySource => ({ file, content, locate: positions.locate })
  const reader = new Reader(text, positions)
  try {
    return source(reader.document())
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
  readonly #positions: Positions

  constructor (text: string, positions: Positions) {
    this.#text = text
    this.#positions = positions
  }

  document (): unknown {
    const content = this.#value([])
    if (this.#next() !== '') throw new SyntaxError(this.#unexpected('the end of the file'))
    return content
  }

  #value (path: Keys): unknown {
    const first = this.#next()
    this.#positions.markValue(path, this.offset)
    if (path.length > MAX_DEPTH) throw new SyntaxError(TOO_DEEP)
    if (first === '{') return this.#map(path)
    if (first === '[') return this.#list(path)
    return this.#scalar('a value')
  }

  #map (path: Keys): PlainMap {
    const map: PlainMap = Object.create(null)
    this.offset++
    if (this.#took('}')) return map
    do {
      const key = this.#key(path, map)
      if (!this.#took(':')) throw new SyntaxError(this.#unexpected('":"'))
      map[key] = this.#value([...path, key])
    } while (this.#took(','))
    if (!this.#took('}')) throw new SyntaxError(this.#unexpected('"," or "}"'))
    return map
  }

  #key (path: Keys, map: PlainMap): string {
    if (this.#next() !== '"') throw new SyntaxError(this.#unexpected('a key in double quotes'))
    const offset = this.offset
    const key = String(this.#scalar('a key in double quotes'))
    if (key in map) {
      this.offset = offset
      throw new SyntaxError('this key is written twice')
    }
    this.#positions.markKey([...path, key], offset)
    return key
  }

  #list (path: Keys): unknown[] {
    const list: unknown[] = []
    this.offset++
    if (this.#took(']')) return list
    do list.push(this.#value([...path, list.length]))
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

function linesOf (text: string): LineCounter {
  const lines = new LineCounter()
  lines.addNewLine(0)
  for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', end + 1)) lines.addNewLine(end + 1)
  return lines
}
