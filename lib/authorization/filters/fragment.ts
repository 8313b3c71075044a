/** SQL with holes for values: a value never becomes text, whatever stands in it. */

/** One text more than values; between the texts stand the placeholders. */
export interface Fragment {
  readonly texts: readonly string[]
  readonly values: readonly unknown[]
  /** Of a chain its word; within a chain of the other word it needs parentheses. */
  readonly chain?: Word
}

type Word = 'AND' | 'OR'

/** Only fragments fill its holes, so that nothing else can slip into the text. */
export function sql (texts: TemplateStringsArray, ...parts: readonly Fragment[]): Fragment {
  return parts.reduce((before, part, index) => append(append(before, part), text(texts[index + 1] as string)), text(texts[0] as string))
}

/** SQL as it stands. Never for anything that a user or a record said. */
export function text (given: string): Fragment {
  return { texts: [given], values: [] }
}

export function value (given: unknown): Fragment {
  return { texts: ['', ''], values: [given] }
}

/** The name of a column; dots separate a table's name, and quotes are doubled. */
export function identifier (name: string): Fragment {
  return text(name.split('.').map((part) => `"${part.replaceAll('"', '""')}"`).join('.'))
}

export const ALWAYS = text('TRUE')
/** It is neither true where a condition should be, nor where it should be false. */
export const NEVER = text('FALSE')

export function and (parts: readonly Fragment[]): Fragment {
  if (parts.includes(NEVER)) return NEVER
  return chain(parts.filter((part) => part !== ALWAYS), 'AND') ?? ALWAYS
}

export function or (parts: readonly Fragment[]): Fragment {
  if (parts.includes(ALWAYS)) return ALWAYS
  return chain(parts.filter((part) => part !== NEVER), 'OR') ?? NEVER
}

export function list (parts: readonly Fragment[]): Fragment {
  return join(parts, ', ')
}

/** `= a`, or `IN (a, b)`. */
export function isOneOf (values: readonly Fragment[]): Fragment {
  return values.length === 1 ? sql`= ${values[0] as Fragment}` : sql`IN (${list(values)})`
}

/** `<> a`, or `NOT IN (a, b)`. */
export function isNoneOf (values: readonly Fragment[]): Fragment {
  return values.length === 1 ? sql`<> ${values[0] as Fragment}` : sql`NOT IN (${list(values)})`
}

/** With `$1`, `$2`, …, counted from `first`. */
export function numbered ({ texts }: Fragment, first: number): string {
  return texts.reduce((before, after, index) => `${before}$${first + index - 1}${after}`)
}

/** With a `?` for each. */
export function marked ({ texts }: Fragment): string {
  return texts.join('?')
}

function chain (parts: readonly Fragment[], word: Word): Fragment | null {
  if (parts.length < 2) return parts[0] ?? null
  return { ...join(parts.map((part) => part.chain === undefined || part.chain === word ? part : sql`(${part})`), ` ${word} `), chain: word }
}

function join (parts: readonly Fragment[], between: string): Fragment {
  return parts.reduce((before, part) => append(append(before, text(between)), part))
}

function append (before: Fragment, after: Fragment): Fragment {
  const seam = `${before.texts.at(-1) as string}${after.texts[0] as string}`
  return { texts: [...before.texts.slice(0, -1), seam, ...after.texts.slice(1)], values: [...before.values, ...after.values] }
}
