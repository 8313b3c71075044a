/** Ways to weaken or to break a policy, one small step each. */
import { quoted } from '../policies/words.ts'
import { isTests, nameFrom, withoutTests } from '../policies/policy-tests-of.ts'
import type { Condition } from '../policies/condition.ts'
import type { Keys, Place, Policy, PolicySource } from '../policies/policy.ts'

/** One step away from the policies that were given. */
export interface Mutant {
  readonly source: PolicySource
  /** Its content after the step; `null`: without it. */
  readonly content: object | null
  /** What a file cannot say. */
  readonly compiled: (policy: Policy) => Policy
  /** What is missing, `conditions.status: "draft"`. */
  readonly dropped: string
  readonly place: Place
  /** The rule that it is part of, by its position from 0; `null`: of none. */
  readonly rule: number | null
  /** It may turn out to be no step at all. */
  readonly mayChangeNothing: boolean
}

type PlainMap = Readonly<Record<string, unknown>>
type OneOrMany = string | readonly string[]

/** The mutants of one policy, whose content is known to be sound, or of what declares subjects. Of a file of tests there are none. */
export function mutantsOf (source: PolicySource): Mutant[] {
  if (isTests(source)) return []
  const content = withoutTests(source.content as object) as PlainMap
  return [...rulesOf(content, source), ...groupOf(content, source), ...preChecksOf(content, source), ...inheritanceOf(content, source), ...relationsOf(content, source)]
}

/** What every allowing rule has that does not say `crossTenant`. */
const GUARD = 'the guard between tenants'

const unchanged = (policy: Policy): Policy => policy

function mutant (source: PolicySource, rule: number | null, at: Keys, dropped: string, content: object | null, compiled = unchanged): Mutant {
  return { source, content, compiled, dropped, place: source.locate(at, 'key'), rule, mayChangeNothing: at[0] === 'inherits' || at[0] === 'subjects' || dropped === GUARD }
}

function * rulesOf (content: PlainMap, source: PolicySource): Generator<Mutant> {
  const rules = (content['rules'] ?? []) as readonly PlainMap[]
  for (const [index, rule] of rules.entries()) {
    const at: Keys = ['rules', index]
    // An emergency without rules makes no sense, so it goes as a whole.
    const rest = 'breakGlass' in content && rules.length === 1 ? null : without(content, at)
    yield mutant(source, index, at, 'the rule', rest)
    for (const key of ['action', 'subject', 'fields', 'relation']) yield * entriesOf(content, source, index, key)
    for (const key of ['conditions', 'environment']) yield * leavesOf(content, source, index, [...at, key])
    if (rule['inverted'] === true) yield mutant(source, index, [...at, 'inverted'], 'inverted', dropping(content, at, ['inverted', 'reason', 'code']))
    // A flag that is off says what its absence says.
    for (const key of ['fields', 'relation', 'state', 'code']) if (key in rule) yield mutant(source, index, [...at, key], key, without(content, [...at, key]))
    if (rule['crossTenant'] === true) yield mutant(source, index, [...at, 'crossTenant'], 'crossTenant', without(content, [...at, 'crossTenant']))
    else if (rule['inverted'] !== true) yield mutant(source, index, at, GUARD, { ...content, rules: rules.with(index, { ...rule, crossTenant: true }) })
  }
}

/** Each entry of a list, unless it is the only one. */
function * entriesOf (content: PlainMap, source: PolicySource, index: number, key: string): Generator<Mutant> {
  const given = ((content['rules'] as readonly PlainMap[])[index] as PlainMap)[key] as OneOrMany | undefined
  if (!Array.isArray(given) || given.length === 1) return
  for (const [position, name] of given.entries()) {
    const at = ['rules', index, key, position]
    yield mutant(source, index, at, `${key}: ${quoted(name)}`, without(content, at))
  }
}

/** Each comparison of a condition. */
function * leavesOf (content: PlainMap, source: PolicySource, rule: number | null, at: Keys): Generator<Mutant> {
  for (const leaf of leaves(valueAt(content, at), at)) {
    const dropped = `${leaf.slice(rule === null ? 0 : 2).join('.')}: ${quoted(valueAt(content, leaf))}`
    yield mutant(source, rule, leaf, dropped, without(content, leaf, at.length))
  }
}

/** Who belongs to the set, and what those learn who do not. */
function * groupOf (content: PlainMap, source: PolicySource): Generator<Mutant> {
  if ('when' in content) {
    const name = (content['name'] ?? nameFrom(source.file)) as string
    const isSimple = [...leaves(content['when'], [])].length === 1
    if (!isSimple) yield * leavesOf(content, source, null, ['when'])
    yield mutant(source, null, ['when'], 'when', content, (policy) => forEveryone(policy, name))
  }
  if ('denied' in content) yield mutant(source, null, ['denied'], 'denied', without(content, ['denied']))
}

/** True of every user. */
const ALWAYS: Condition = { kind: 'all', of: [] }

function forEveryone (policy: Policy, name: string): Policy {
  return { ...policy, groups: policy.groups.map((group) => group.name === name ? { ...group, when: ALWAYS } : group) }
}

function * preChecksOf (content: PlainMap, source: PolicySource): Generator<Mutant> {
  const checks = (content['deny'] ?? []) as readonly PlainMap[]
  for (const [index, { when }] of checks.entries()) {
    yield mutant(source, null, ['deny', index], `the pre-check ${index + 1}`, checks.length === 1 ? null : without(content, ['deny', index]))
    if (typeof when === 'function' || [...leaves(when, [])].length === 1) continue
    yield * leavesOf(content, source, null, ['deny', index, 'when'])
  }
}

function * inheritanceOf (content: PlainMap, source: PolicySource): Generator<Mutant> {
  const given = content['inherits'] as OneOrMany | undefined
  if (given === undefined) return
  if (typeof given === 'string') {
    yield mutant(source, null, ['inherits'], `inherits: ${quoted(given)}`, without(content, ['inherits']))
    return
  }
  for (const [position, name] of given.entries()) {
    yield mutant(source, null, ['inherits', position], `inherits: ${quoted(name)}`, without(content, ['inherits', position], 1))
  }
}

/** Each comparison of a relation. What a relation of one comparison would be without it, each rule tells that has no relation. */
function * relationsOf (content: PlainMap, source: PolicySource): Generator<Mutant> {
  const subjects = (content['subjects'] ?? {}) as Readonly<Record<string, PlainMap>>
  for (const [subject, { relations }] of Object.entries(subjects)) {
    for (const [name, condition] of Object.entries((relations ?? {}) as PlainMap)) {
      if ([...leaves(condition, [])].length > 1) yield * leavesOf(content, source, null, ['subjects', subject, 'relations', name])
    }
  }
}

const CONNECTIVES = ['$and', '$or', '$nor']

/** Where the comparisons of a condition stand. */
function * leaves (condition: unknown, at: Keys): Generator<Keys> {
  for (const [key, value] of Object.entries((condition ?? {}) as PlainMap)) {
    const below = [...at, key]
    if (CONNECTIVES.includes(key)) {
      for (const [index, part] of (value as readonly unknown[]).entries()) yield * leaves(part, [...below, index])
    } else if (key === '$not' || (!key.startsWith('$') && isMap(value))) {
      yield * leaves(value, below)
    } else {
      yield below
    }
  }
}

function isMap (value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function valueAt (content: unknown, path: Keys): unknown {
  return path.reduce((value: unknown, key) => (value as PlainMap | undefined)?.[key], content)
}

function dropping (content: object, at: Keys, keys: readonly string[]): object {
  return keys.reduce((rest: object, key) => without(rest, [...at, key]), content)
}

/** A copy without what stands at the path; what is empty then, down to a depth of `floor`, goes too. */
function without (content: object, path: Keys, floor = Infinity): object {
  const [key, ...rest] = path as [string | number, ...Keys]
  const value = (content as PlainMap)[key]
  if (value === undefined) return content
  const inner = rest.length === 0 ? undefined : without(value as object, rest, floor - 1)
  const isGone = inner === undefined || (floor <= 1 && Object.keys(inner).length === 0)
  if (Array.isArray(content)) return isGone ? content.toSpliced(key as number, 1) : content.with(key as number, inner)
  const { [key]: _, ...others } = content as Record<string, unknown>
  return isGone ? others : { ...others, [key]: inner }
}
