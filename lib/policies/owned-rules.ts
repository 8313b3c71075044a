/** Rules with whoever has them, and with what must hold where they apply: what tells which rules can be compared. */
import { conditionText } from './condition-text.ts'
import type { Condition } from './condition.ts'
import { joined } from './joined.ts'
import type { Place } from './policy.ts'
import { placeText } from './problems.ts'
import { ANONYMOUS, lineage } from './roles.ts'
import type { Inheriting } from './roles.ts'
import type { CheckedRule } from './rules.ts'

/** A policy as far as its rules are concerned. */
export type Ruled =
  | { readonly kind: 'role', readonly name: string, readonly place: Place, readonly rules: readonly CheckedRule[], readonly inherits: Inheriting['inherits'] }
  | { readonly kind: 'when' | 'breakGlass', readonly name: string, readonly place: Place, readonly rules: readonly CheckedRule[] }
  | { readonly kind: 'deny' }

/** A rule with what must hold of a record (and the moment) where it applies, for each of its subjects. */
export interface Owned {
  readonly rule: CheckedRule
  readonly owner: Owner
  readonly fields: ReadonlySet<string> | null
  readonly demands: ReadonlyMap<string, ReadonlySet<string>>
}

/** A role, or another policy, whose rules somebody has together with those of all its `kin`. */
export interface Owner {
  readonly kind: 'role' | 'when' | 'breakGlass'
  readonly key: string
  /** The keys of itself and of all that come with it. */
  readonly kin: () => ReadonlySet<string>
}

/** The rules of all policies, with their owners. */
export function ownedRules (policies: readonly Ruled[]): Owned[] {
  const known = new Map(policies.filter((policy) => policy.kind === 'role').map((role) => [role.name, role]))
  return joined(policies.map((policy) => {
    if (policy.kind === 'deny') return []
    const owner = ownerOf(policy.kind, policy.name, known)
    return policy.rules.map((rule) => ({ rule, owner, fields: rule.fields === null ? null : new Set(rule.fields), demands: demandsOf(rule) }))
  }))
}

/** Everybody has the rules of `anonymous`. Keys of policies that are no roles begin with what no name has. */
function ownerOf (kind: Owner['kind'], name: string, known: ReadonlyMap<string, Inheriting>): Owner {
  if (kind !== 'role') {
    const kin = new Set([`\0${kind} ${name}`, ANONYMOUS])
    return { kind, key: `\0${kind} ${name}`, kin: () => kin }
  }
  let kin: ReadonlySet<string> | undefined
  return { kind, key: name, kin: () => (kin ??= lineage(name, known)) }
}

/** The parts that must all be true, each as a text, by subject. */
function demandsOf (rule: CheckedRule): ReadonlyMap<string, ReadonlySet<string>> {
  const common = new Set<string>()
  for (const text of partTexts(rule.condition)) common.add(text)
  for (const text of partTexts(rule.environment)) common.add(`environment ${text}`)
  if (rule.state !== null) common.add(`state ${rule.state}`)
  return new Map(rule.subject.map((subject) => {
    const related = partTexts(rule.relation(subject))
    return [subject, related.length === 0 ? common : new Set([...common, ...related])]
  }))
}

function partTexts (condition: Condition | null, texts: string[] = []): readonly string[] {
  if (condition?.kind === 'all') for (const part of condition.of) partTexts(part, texts)
  else if (condition !== null) texts.push(conditionText(condition))
  return texts
}

/** What a map holds under any of these keys; the fewer of both are looked at. */
export function common<T> (map: ReadonlyMap<string, T> | undefined, keys: ReadonlySet<string>): T[] {
  if (map === undefined) return []
  if (map.size < keys.size) return [...map].filter(([key]) => keys.has(key)).map(([, value]) => value)
  return [...keys].filter((key) => map.has(key)).map((key) => map.get(key) as T)
}

/** For messages. */
export function nameOf ({ id, place }: CheckedRule): string {
  return `${id} (${placeText(place)})`
}
