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
    return policy.rules.map((rule) => ({ rule, owner, demands: demandsOf(rule) }))
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

/** Inverted rules by action and subject, by the rarest of their demands, and by their owners. */
class InvertedRules {
  readonly #byPair = new Map<string, Map<string, Map<string, Owned[]>>>()

  constructor (rules: readonly Owned[]) {
    const counts = new Map<string, number>()
    for (const rule of rules) {
      for (const [pair, demands] of pairsOf(rule)) {
        for (const demand of demands) counts.set(pair + demand, (counts.get(pair + demand) ?? 0) + 1)
      }
    }
    for (const rule of rules) {
      for (const [pair, demands] of pairsOf(rule)) this.#add(pair, rarest(pair, demands, counts), rule)
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
        const byDemand = this.#byPair.get(pairOf(doing, toward))
        if (byDemand === undefined) continue
        for (const demand of [NO_DEMAND, ...demands]) {
          const found = common(byDemand.get(demand), one.owner.kin()).flat().find((other) => isImplied(other, toward, demands) && coversFields(other.rule, one.rule))
          if (found !== undefined) return found.rule
        }
      }
    }
    return undefined
  }

  #add (pair: string, demand: string, rule: Owned): void {
    const byDemand = this.#byPair.get(pair) ?? new Map<string, Map<string, Owned[]>>()
    const byOwner = byDemand.get(demand) ?? new Map<string, Owned[]>()
    const rules = byOwner.get(rule.owner.key) ?? []
    this.#byPair.set(pair, byDemand.set(demand, byOwner.set(rule.owner.key, rules)))
    rules.push(rule)
  }
}

const NO_DEMAND = ''

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

/** Whether it applies wherever all of `demands` hold. */
function isImplied (other: Owned, subject: string, demands: ReadonlySet<string>): boolean {
  return [...other.demands.get(subject) as ReadonlySet<string>].every((demand) => demands.has(demand))
}

/** Fields that both name alike; how patterns overlap is not looked at. */
function coversFields (inverted: CheckedRule, { fields }: CheckedRule): boolean {
  return inverted.fields === null || fields?.every((field) => inverted.fields?.includes(field)) === true
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
