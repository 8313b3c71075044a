/** Reads what a record's value is compared with. */
import type { Comparison, Operand, Scalar, WrittenOperand } from './condition.ts'
import { readTemplate } from './template.ts'
import { quoted } from './words.ts'

export type ReadOperand<O extends Operand = WrittenOperand> =
  | { readonly kind: 'operand', readonly operand: O }
  | { readonly kind: 'wrong', readonly message: string }

type Takes = 'scalar' | 'ordered' | 'list' | 'items' | 'count' | 'boolean'

const TAKES: Readonly<Record<Comparison, Takes>> = {
  $eq: 'scalar',
  $ne: 'scalar',
  $lt: 'ordered',
  $lte: 'ordered',
  $gt: 'ordered',
  $gte: 'ordered',
  $in: 'list',
  $nin: 'list',
  $all: 'items',
  $exists: 'boolean',
  $size: 'count',
}

export function readOperand (operator: Comparison, raw: unknown): ReadOperand {
  switch (TAKES[operator]) {
    case 'scalar':
      return readScalar(operator, raw)
    case 'ordered':
      return typeof raw === 'boolean' || raw === null ? needs(operator, 'a number, a text or a template', raw) : readScalar(operator, raw)
    case 'list':
    case 'items':
      return readList(operator, raw)
    case 'boolean':
      return typeof raw === 'boolean' ? literal(raw) : needs(operator, 'true or false', raw)
    case 'count':
      return typeof raw === 'number' && Number.isInteger(raw) && raw >= 0 ? literal(raw) : needs(operator, 'a whole number from 0', raw)
  }
}

function readScalar (operator: Comparison, raw: unknown): ReadOperand {
  if (typeof raw === 'string') return readText(raw)
  if (isScalar(raw)) return literal(raw)
  if (Array.isArray(raw)) return wrong(`"${operator}" needs a single value; for a list write "$in" (one of them) or "$all" (all of them)`)
  return needs(operator, 'a single value', raw)
}

function readText (raw: string): ReadOperand {
  const template = readTemplate(raw)
  switch (template.kind) {
    case 'text': return literal(template.text)
    case 'value': return { kind: 'operand', operand: { from: template.from, path: template.path } }
    case 'wrong': return template
  }
}

function readList (operator: Comparison, raw: unknown): ReadOperand {
  const template = typeof raw === 'string' ? readText(raw) : null
  if (template?.kind === 'wrong' || (template !== null && template.operand.from !== 'literal')) return template
  if (!Array.isArray(raw)) return needs(operator, 'a list or a template', raw)
  if (raw.length === 0) return wrong(`"${operator}" has an empty list`)
  const values: Scalar[] = []
  for (const item of raw) {
    const read = readItem(operator, item)
    if (read.kind === 'wrong') return read
    if (read.operand.from !== 'literal') return templateInList(operator, raw, read.operand)
    values.push(read.operand.value as Scalar)
  }
  const kinds = new Set(values.filter((value) => value !== null).map(kind))
  if (kinds.size > 1) return wrong(`"${operator}" has values of different kinds: ${[...kinds].join(', ')}`)
  return literal(values)
}

/** `{ $all: [$user.id] }` asks whether the record's list holds this one value. */
function templateInList (operator: Comparison, list: readonly unknown[], operand: Exclude<WrittenOperand, { from: 'literal' }>): ReadOperand {
  if (operator !== '$all') return wrong(`"${operator}" has a template inside its list: write "$or", or one template in place of the list`)
  if (list.length > 1) return wrong('"$all" has a template among others in its list: write "$and" with one "$all" for each')
  return { kind: 'operand', operand: { ...operand, item: true } }
}

function readItem (operator: Comparison, item: unknown): ReadOperand {
  if (typeof item === 'string') return readText(item)
  if (!isScalar(item) || (item === null && TAKES[operator] === 'items')) return wrong(`"${operator}" has ${quoted(item)} in its list; only single values can stand there`)
  return literal(item)
}

/** Numbers of both sorts compare with each other. */
function kind (value: Scalar): string {
  return typeof value === 'bigint' ? 'number' : typeof value
}

function isScalar (raw: unknown): raw is Scalar {
  return raw === null || typeof raw === 'number' || typeof raw === 'boolean' || typeof raw === 'bigint' || typeof raw === 'string'
}

function literal (value: Scalar | readonly Scalar[]): ReadOperand {
  return { kind: 'operand', operand: { from: 'literal', value } }
}

function needs (operator: Comparison, what: string, raw: unknown): ReadOperand {
  return wrong(`"${operator}" needs ${what}, not ${quoted(raw)}`)
}

function wrong (message: string): ReadOperand {
  return { kind: 'wrong', message }
}
