/** A naive reading of data as its values with their paths, and generators of data with few and hostile names. */
import fc from 'fast-check'
import { fieldMatcher } from '../../lib/authorization/field-matcher.ts'

export type Leaf = readonly [path: string, value: unknown]

/** In their order; the indexes of lists are left out. An empty object or list is a value. */
export function leavesOf (value: unknown, path = ''): Leaf[] {
  if (!isFilled(value)) return [[path, value]]
  return Object.entries(value).flatMap(([key, member]) => leavesOf(member, Array.isArray(value) ? path : path === '' ? key : `${path}.${key}`))
}

function isFilled (value: unknown): value is object {
  if (typeof value !== 'object' || value === null || Object.keys(value).length === 0) return false
  return Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype || Object.getPrototypeOf(value) === null
}

/** Only names that cannot be confused with a path. */
const NAMES = ['a', 'b', 'c', 'a_at', '__proto__', 'constructor', 'toString', 'x\ny']

/** As `JSON.parse` makes it: `__proto__` is a member. */
export const anyRecord: fc.Arbitrary<Record<string, unknown>> = jsonObject(3).map((text) => JSON.parse(text) as Record<string, unknown>)

function jsonObject (depth: number): fc.Arbitrary<string> {
  const member = fc.tuple(fc.constantFrom(...NAMES), jsonText(depth - 1)).map(([name, text]) => `${JSON.stringify(name)}:${text}`)
  return fc.array(member, { maxLength: 4 }).map((members) => `{${members.join(',')}}`)
}

function jsonText (depth: number): fc.Arbitrary<string> {
  const scalar = fc.constantFrom('null', '1', '2', '"x"', 'true', '{}', '[]')
  if (depth === 0) return scalar
  const list = fc.array(fc.oneof(scalar, jsonObject(depth)), { maxLength: 3 }).map((items) => `[${items.join(',')}]`)
  return fc.oneof({ weight: 2, arbitrary: scalar }, { weight: 3, arbitrary: jsonObject(depth) }, list)
}

/** Fields of rules: names, paths and patterns. */
export const anyField = fc.constantFrom('a', 'b', 'c', 'a.a', 'a.b', 'b.a', 'a.b.c', 'c.c.c', '*', '**', '*_at', 'a*', 'a.*', 'a.**', 'b.*', '*.b', '**.c', 'a.*.c', 'x*', '__proto__', 'constructor', 'constructor.a')

export interface FieldRules {
  readonly allowing: readonly string[]
  readonly inverted: readonly string[]
}

export const anyFieldRules: fc.Arbitrary<FieldRules> = fc.record({
  allowing: fc.array(anyField, { maxLength: 3 }),
  inverted: fc.array(anyField, { maxLength: 2 }),
})

/** Who may do with a field what the rules say, whatever the record. */
export function mayBy ({ allowing, inverted }: FieldRules): (field: string) => boolean {
  const allows = fieldMatcher(false, allowing)
  const forbids = fieldMatcher(true, inverted)
  return (field) => allows(field) && !forbids(field)
}
