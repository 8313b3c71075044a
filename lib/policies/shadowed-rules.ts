/** Finds rules that can never matter: those that inverted rules always beat, and those that are there twice. */
import { conditionText } from './condition-text.ts'
import type { Condition } from './condition.ts'
import type { Place } from './policy.ts'
import { placeText } from './problems.ts'
import type { Problem } from './problems.ts'
import { ANONYMOUS, lineage } from './roles.ts'
import type { Inheriting } from './roles.ts'
import type { CheckedRule } from './rules.ts'
import type { Declarations } from './subjects.ts'

/** A policy as far as its rules are concerned. */
export type Ruled =
  | { readonly kind: 'role', readonly name: string, readonly place: Place, readonly rules: readonly CheckedRule[], readonly inherits: Inheriting['inherits'] }
  | { readonly kind: 'when' | 'breakGlass', readonly name: string, readonly place: Place, readonly rules: readonly CheckedRule[] }
  | { readonly kind: 'deny' }

/** A rule with what must hold of a record (and the moment) where it applies, for each of its subjects. */
interface Owned {
  readonly rule: CheckedRule
  readonly owner: Owner
  readonly fields: ReadonlySet<string> | null
  readonly demands: ReadonlyMap<string, ReadonlySet<string>>
}

/** A role, or another policy, whose rules somebody has together with those of all its `kin`. */
interface Owner {
  readonly kind: 'role' | 'when' | 'breakGlass'
  readonly key: string
  /** The keys of itself and of all that come with it. */
  readonly kin: () => ReadonlySet<string>
}

/** In time that grows with the number of rules: each is compared with those only that are about its action, its subject and one of its conditions. */
export function shadowedRules (policies: readonly Ruled[], declared: Declarations): Problem[] {
  const owned = ownedRules(policies)
  return [...repeated(owned, declared), ...beaten(owned)]
}

function ownedRules (policies: readonly Ruled[]): Owned[] {
  const known = new Map(policies.filter((policy) => policy.kind === 'role').map((role) => [role.name, role]))
  return policies.flatMap((policy) => {
    if (policy.kind === 'deny') return []
    const owner = ownerOf(policy.kind, policy.name, known)
    return policy.rules.map((rule) => ({ rule, owner, fields: rule.fields === null ? null : new Set(rule.fields), demands: demandsOf(rule) }))
  })
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
  const common = new Set([
    ...partsOf(rule.condition).map(conditionText),
    ...partsOf(rule.environment).map((part) => `environment ${conditionText(part)}`),
    ...rule.state === null ? [] : [`state ${rule.state}`],
  ])
  return new Map(rule.subject.map((subject) => {
    const related = partsOf(rule.relation(subject)).map(conditionText)
    return [subject, related.length === 0 ? common : new Set([...common, ...related])]
  }))
}

function partsOf (condition: Condition | null): readonly Condition[] {
  if (condition === null) return []
  return condition.kind === 'all' ? condition.of.flatMap(partsOf) : [condition]
}

/** The same rule twice among those that somebody has together: one of them says nothing, or they were meant to differ. */
function repeated (owned: readonly Owned[], declared: Declarations): Problem[] {
  const bySaying = new Map<string, Map<string, Owned>>()
  const problems: Problem[] = []
  for (const one of owned) {
    const saying = sayingOf(one)
    const others = bySaying.get(saying) ?? new Map<string, Owned>()
    bySaying.set(saying, others)
    const own = others.get(one.owner.key)
    if (own === undefined) others.set(one.owner.key, one)
    else problems.push(twice(one, own))
  }
  for (const others of bySaying.values()) {
    for (const one of others.values()) {
      const inherited = common(others, one.owner.kin()).find((other) => other !== one && !saysMore(one, other, declared))
      if (inherited !== undefined) problems.push(twice(one, inherited))
    }
  }
  return problems
}

function twice ({ rule }: Owned, other: Owned): Problem {
  return { place: rule.place, message: `rule ${rule.id} says the same as ${nameOf(other.rule)}` }
}

/** What a rule says, whatever its reason, its code, and the order of its words. */
function sayingOf ({ rule, demands }: Owned): string {
  return JSON.stringify([
    rule.inverted,
    rule.crossTenant,
    rule.action.toSorted(),
    rule.fields?.toSorted() ?? null,
    [...demands].map(([subject, parts]) => [subject, [...parts].sort()]).sort(),
  ])
}

/** A role can be held in some tenants only, and `anonymous` cannot: there the role's own rule reaches further. An emergency beats what the others do not. */
function saysMore ({ rule, owner }: Owned, other: Owned, { subjects }: Declarations): boolean {
  if (owner.kind === 'breakGlass') return true
  return owner.kind === 'role' && other.owner.key === ANONYMOUS && !rule.inverted && !rule.crossTenant &&
    rule.subject.some((subject) => (subjects?.get(subject)?.tenant ?? null) !== null)
}

/** Allowing rules for which there always is an inverted rule that applies too, to everyone who has them. An emergency's cannot be beaten. */
function beaten (owned: readonly Owned[]): Problem[] {
  const inverted = owned.filter(({ rule }) => rule.inverted)
  if (inverted.length === 0) return []
  const index = new InvertedRules(inverted)
  return owned.flatMap((one) => {
    if (one.rule.inverted || one.owner.kind === 'breakGlass') return []
    const winners = index.winnersOver(one)
    if (winners === null) return []
    const names = [...winners].map(nameOf)
    const what = [...winners].every(({ fields }) => fields === null) ? 'anything' : 'any of its fields'
    const [rules, beat] = names.length > 1 ? ['rules', 'beat'] : ['rule', 'beats']
    return [{ place: one.rule.place, message: `rule ${one.rule.id} can never allow ${what}: the inverted ${rules} ${names.join(' and ')} always ${beat} it` }]
  })
}

/** How many demands and fields are compared, so that no policy can hold up a reload: what is left then is not told. */
const MOST_COMPARED = 1_000_000

/** The most entries of the index for one rule, which has one for each pair of action and subject and each field. */
const MOST_ENTRIES = 1_000

/** Inverted rules by action and subject, by the rarest of their demands, by each of their fields, and by their owners. */
class InvertedRules {
  readonly #places = new Map<string, Map<string, Owned[]>>()
  readonly #counts = new Map<string, number>()
  #left = MOST_COMPARED

  constructor (rules: readonly Owned[]) {
    const counts = new Map<string, number>()
    for (const rule of rules) {
      for (const [pair, demands] of pairsOf(rule)) {
        for (const demand of demands) counts.set(pair + demand, (counts.get(pair + demand) ?? 0) + 1)
      }
    }
    for (const rule of rules) {
      const pairs = pairsOf(rule)
      const fields = rule.rule.fields === null || rule.rule.fields.length * pairs.length > MOST_ENTRIES ? [ANY_FIELD] : rule.rule.fields
      for (const [pair, demands] of pairs) {
        const demand = rarest(pair, demands, counts)
        for (const field of fields) this.#add(placeOf(pair, demand, field), rule)
      }
    }
  }

  /** `null` where it can allow something. */
  winnersOver (one: Owned): ReadonlySet<CheckedRule> | null {
    const winners = new Set<CheckedRule>()
    for (const [subject, demands] of one.demands) {
      for (const action of one.rule.action) {
        const winner = this.#winner(one, action, subject, demands)
        if (winner === undefined) return null
        winners.add(winner)
      }
    }
    return winners
  }

  #winner (one: Owned, action: string, subject: string, demands: ReadonlySet<string>): CheckedRule | undefined {
    for (const toward of new Set([subject, 'all'])) {
      for (const doing of new Set([action, 'manage'])) {
        const pair = pairOf(doing, toward)
        for (const demand of [NO_DEMAND, ...demands]) {
          for (const field of this.#fieldsFor(one, pair, demand)) {
            const found = this.#find(placeOf(pair, demand, field), one, toward, demands)
            if (found !== undefined) return found.rule
          }
        }
      }
    }
    return undefined
  }

  /** Who beats a rule about fields names all of them: those are enough that name the one which the fewest name. */
  #fieldsFor ({ rule }: Owned, pair: string, demand: string): readonly string[] {
    const [first, ...others] = rule.fields ?? []
    if (first === undefined) return [ANY_FIELD]
    const count = (field: string): number => this.#counts.get(placeOf(pair, demand, field)) ?? 0
    return [ANY_FIELD, others.reduce((least, field) => count(field) < count(least) ? field : least, first)]
  }

  #find (place: string, { rule, owner }: Owned, toward: string, demands: ReadonlySet<string>): Owned | undefined {
    for (const rules of common(this.#places.get(place), owner.kin())) {
      for (const other of rules) {
        const needed = other.demands.get(toward) as ReadonlySet<string>
        this.#left -= 1 + needed.size + (rule.fields?.length ?? 0)
        if (this.#left < 0) return undefined
        if (coversFields(other, rule) && isImplied(needed, demands)) return other
      }
    }
    return undefined
  }

  #add (place: string, rule: Owned): void {
    const byOwner = this.#places.get(place) ?? new Map<string, Owned[]>()
    const rules = byOwner.get(rule.owner.key) ?? []
    this.#places.set(place, byOwner.set(rule.owner.key, rules))
    this.#counts.set(place, (this.#counts.get(place) ?? 0) + 1)
    rules.push(rule)
  }
}

const NO_DEMAND = ''
/** No name is empty. */
const ANY_FIELD = ''

function placeOf (pair: string, demand: string, field: string): string {
  return `${pair}${demand}\0${field}`
}

function pairOf (action: string, subject: string): string {
  return `${action}\0${subject}\0`
}

function pairsOf ({ rule, demands }: Owned): [pair: string, demands: ReadonlySet<string>][] {
  return [...demands].flatMap(([subject, parts]) => rule.action.map((action): [string, ReadonlySet<string>] => [pairOf(action, subject), parts]))
}

function rarest (pair: string, demands: ReadonlySet<string>, counts: ReadonlyMap<string, number>): string {
  let found = NO_DEMAND
  let least = Infinity
  for (const demand of demands) {
    const count = counts.get(pair + demand) as number
    if (count < least) [found, least] = [demand, count]
  }
  return found
}

/** Whether what is needed holds wherever all of `demands` hold. */
function isImplied (needed: ReadonlySet<string>, demands: ReadonlySet<string>): boolean {
  for (const demand of needed) if (!demands.has(demand)) return false
  return true
}

/** Fields that both name alike; how patterns overlap is not looked at. */
function coversFields (inverted: Owned, { fields }: CheckedRule): boolean {
  return inverted.fields === null || fields?.every((field) => inverted.fields?.has(field)) === true
}

/** What a map holds under any of these keys; the fewer of both are looked at. */
function common<T> (map: ReadonlyMap<string, T> | undefined, keys: ReadonlySet<string>): T[] {
  if (map === undefined) return []
  if (map.size < keys.size) return [...map].filter(([key]) => keys.has(key)).map(([, value]) => value)
  return [...keys].filter((key) => map.has(key)).map((key) => map.get(key) as T)
}

function nameOf ({ id, place }: CheckedRule): string {
  return `${id} (${placeText(place)})`
}
