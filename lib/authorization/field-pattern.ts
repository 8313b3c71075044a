/** A field pattern in CASL's language, compared with a field in time that grows with their lengths only: clients send the fields. */

/** What a pattern expects next: a character, or any characters; `one` is exactly one of them, `many` any number. */
type Part =
  | { readonly kind: 'text', readonly text: string }
  | { readonly kind: 'one' | 'many', readonly dots: boolean }

export interface FieldPattern {
  readonly parts: readonly Part[]
  /** Where the end begins that a field may do without: `address.*` is also `address`. */
  readonly required: number
}

export interface Comparison {
  /** The pattern matches the field. */
  readonly itself: boolean
  /** It matches what the field is in: of `address.street`, `address`. */
  readonly above: boolean
  /** It matches something that could be in the field. */
  readonly below: boolean
}

/** Stars with the dots beside them, which CASL takes as one. */
const STARS = /\.?\*+\.?/g

/**
 * `*` is any characters without a dot, `**` any at all; CASL wants at least one where the pattern begins with a star or has a whole name
 * between two dots, and lets stars at the end match nothing, together with their dot. Unlike CASL's, `**` does not stop at the end of a line.
 */
export function fieldPattern (pattern: string): FieldPattern {
  const parts: Part[] = []
  let from = 0
  let required: number | null = null
  for (const { 0: stars, index } of pattern.matchAll(STARS)) {
    parts.push(...texts(pattern.slice(from, index)))
    from = index + stars.length
    if (from === pattern.length) required = parts.length
    parts.push(...wildcard(stars, pattern.startsWith('*')))
  }
  parts.push(...texts(pattern.slice(from)))
  return { parts, required: required ?? parts.length }
}

function wildcard (stars: string, leads: boolean): Part[] {
  const dots = stars.includes('**')
  const before = stars.startsWith('.')
  const after = stars.endsWith('.')
  const parts: Part[] = leads || (before && after) ? [{ kind: 'one', dots }, { kind: 'many', dots }] : [{ kind: 'many', dots }]
  return [...texts(before ? '.' : ''), ...parts, ...texts(after ? '.' : '')]
}

function texts (characters: string): Part[] {
  return characters.split('').map((text) => ({ kind: 'text', text }))
}

/** Follows all ways through the pattern at once. */
export function compare (pattern: FieldPattern, field: string): Comparison {
  let above = false
  let ways = open(pattern, new Set([0]))
  for (let index = 0; index < field.length; index++) {
    const character = field[index] as string
    if (character === '.' && matched(pattern, ways)) above = true
    ways = step(pattern, ways, character)
    if (ways.size === 0) return { itself: false, above, below: false }
  }
  return { itself: matched(pattern, ways), above, below: step(pattern, ways, '.').size > 0 }
}

/** The parts that the next character may belong to, as their positions. */
type Ways = Set<number>

function step ({ parts }: FieldPattern, ways: Ways, character: string): Ways {
  const next: Ways = new Set()
  for (const way of ways) {
    const part = parts[way]
    if (part === undefined || !fits(part, character)) continue
    next.add(part.kind === 'many' ? way : way + 1)
  }
  return open({ parts }, next)
}

/** Any number of characters may be none: then the part after it is next as well. */
function open ({ parts }: Pick<FieldPattern, 'parts'>, ways: Ways): Ways {
  // What is added while a set is gone through is gone through too.
  for (const way of ways) if (parts[way]?.kind === 'many') ways.add(way + 1)
  return ways
}

function fits (part: Part, character: string): boolean {
  return part.kind === 'text' ? part.text === character : part.dots || character !== '.'
}

function matched ({ parts, required }: FieldPattern, ways: Ways): boolean {
  return ways.has(parts.length) || ways.has(required)
}
