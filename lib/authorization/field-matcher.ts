/** Which fields a rule with `fields` is about, at any depth. */
import type { Rule } from '../policies/policy.ts'
import { compare, fieldPattern } from './field-pattern.ts'
import { ancestors } from './field-paths.ts'

export type CoversField = (field: string) => boolean

/**
 * For one rule. A field that is named stands for all that is in it, and so does one that a pattern without a dot matches (`*`, `*_at`);
 * a pattern that reaches inside (`address.*`, `address.**`) matches what CASL's does, and nothing below it.
 * Law 11: an inverted rule also covers whatever lies in a field that it matches, and a field that could hold what it forbids:
 * who writes `address` as a whole writes `address.street`.
 */
export function fieldMatcher (inverted: boolean, patterns: readonly string[]): CoversField {
  const names = new Set(patterns.filter((pattern) => !isPattern(pattern)))
  const stars = patterns.filter(isPattern).map((pattern) => inverted ? forbids(pattern) : allows(pattern))
  const holders = new Set(inverted ? [...names].flatMap((name) => [...ancestors(name)]) : [])
  const matches = stars.length === 0 ? null : remembered((field) => stars.some((covers) => covers(field)))
  return (field) => isNamed(names, field) || holders.has(field) || (matches !== null && matches(field))
}

function allows (pattern: string): CoversField {
  const prepared = fieldPattern(pattern)
  const wholeFields = !pattern.includes('.')
  return (field) => {
    const { itself, above } = compare(prepared, field)
    return itself || (above && wholeFields)
  }
}

function forbids (pattern: string): CoversField {
  const prepared = fieldPattern(pattern)
  return (field) => {
    const { itself, above, below } = compare(prepared, field)
    return itself || above || below
  }
}

/** How many answers are kept; records have the same few fields, clients may invent others. */
const MOST_ANSWERS = 500
const LONGEST_FIELD = 100

function remembered (covers: CoversField): CoversField {
  const answers = new Map<string, boolean>()
  return (field) => {
    const known = answers.get(field)
    if (known !== undefined) return known
    const answer = covers(field)
    if (field.length > LONGEST_FIELD) return answer
    if (answers.size === MOST_ANSWERS) answers.clear()
    answers.set(field, answer)
    return answer
  }
}

function isPattern (text: string): boolean {
  return text.includes('*')
}

/** Whether a field is named, or something that it lies in. */
function isNamed (names: ReadonlySet<string>, field: string): boolean {
  if (names.has(field)) return true
  for (const ancestor of ancestors(field)) if (names.has(ancestor)) return true
  return false
}

const lists = new WeakMap<Rule, string[]>()
const matchers = new WeakMap<readonly string[], CoversField>()

/** The fields of a rule as its CASL rule holds them; always the same list, by which `matchFields` knows the rule again. */
export function fieldsOf (rule: Rule & { readonly fields: readonly string[] }): string[] {
  const known = lists.get(rule)
  if (known !== undefined) return known
  const fields = [...rule.fields]
  lists.set(rule, fields)
  matchers.set(fields, fieldMatcher(rule.inverted, fields))
  return fields
}

/** CASL's option `fieldMatcher`. CASL does not tell whether the rule is inverted, so it takes lists of `fieldsOf` only. */
export function matchFields (fields: readonly string[]): CoversField {
  const matcher = matchers.get(fields)
  if (matcher === undefined) throw new TypeError('the fields of a CASL rule must come from fieldsOf()')
  return matcher
}
