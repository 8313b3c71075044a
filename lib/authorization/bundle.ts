/** Many rules that differ in what one attribute must equal, asked as one: only those are tried whose value the record has. */
import type { Condition, Path, Scalar } from '../policies/condition.ts'
import type { Rule } from '../policies/policy.ts'

export interface Bundle {
  readonly rules: readonly Rule[]
  readonly path: Path
  /** Rules by what they compare the attribute with. */
  readonly byValue: ReadonlyMap<Scalar, readonly Rule[]>
  /** Whether a value compares with those. Of one of another type nothing is known, which is not the same as no. */
  readonly compares: (value: unknown) => value is string | number
}

/** Fewer are as quickly tried one by one. */
const FEWEST = 8

/** The rules, those that can be bundled as bundles. */
export function bundled (rules: readonly Rule[]): (Rule | Bundle)[] {
  if (rules.length < FEWEST) return [...rules]
  const alike = new Map<string, Rule[]>()
  const others: (Rule | Bundle)[] = []
  for (const rule of rules) {
    const key = likeness(rule)
    if (key === null) {
      others.push(rule)
      continue
    }
    const list = alike.get(key)
    if (list === undefined) alike.set(key, [rule])
    else list.push(rule)
  }
  for (const list of alike.values()) {
    if (list.length < FEWEST) others.push(...list)
    else others.push(bundleOf(list))
  }
  return others
}

/** What rules of one bundle have in common; `null` for a rule without such an equality, and for one that may apply to records that do not have the value. */
function likeness (rule: Rule): string | null {
  if (rule.fields !== null || (rule.inverted && mayLack(rule))) return null
  const [path, values] = equality(rule.condition) ?? []
  if (path === undefined || values === undefined) return null
  return JSON.stringify([rule.action, rule.subject, rule.inverted, path, typeof values[0]])
}

/** Law 11: while the user or the environment lacks a value, an inverted rule applies to every record. */
function mayLack ({ templates, environment }: Rule): boolean {
  return templates || environment !== null
}

function bundleOf (rules: readonly Rule[]): Bundle {
  const byValue = new Map<Scalar, Rule[]>()
  for (const rule of rules) {
    const [, values] = equality(rule.condition) as Equality
    for (const value of new Set(values)) {
      const others = byValue.get(value)
      if (others === undefined) byValue.set(value, [rule])
      else others.push(rule)
    }
  }
  const [path, values] = equality((rules[0] as Rule).condition) as Equality
  return { rules, path, byValue, compares: typeof values[0] === 'string' ? isText : isNumber }
}

type Equality = readonly [Path, readonly Scalar[]]

/** The first attribute that must equal a text, a number or one of several; for the rule to apply it must. */
function equality (condition: Condition | null): Equality | null {
  if (condition === null) return null
  if (condition.kind === 'all') {
    for (const part of condition.of) {
      const found = equality(part)
      if (found !== null) return found
    }
    return null
  }
  if (condition.kind !== 'compare' || condition.operand.from !== 'literal') return null
  const { path, operator, operand: { value } } = condition
  if (operator !== '$eq' && operator !== '$in') return null
  const values = Array.isArray(value) ? value as readonly Scalar[] : [value as Scalar]
  return values.every(isText) || values.every(isNumber) ? [path, values] : null
}

function isText (value: unknown): value is string {
  return typeof value === 'string'
}

function isNumber (value: unknown): value is number {
  return typeof value === 'number' && !Number.isNaN(value)
}
