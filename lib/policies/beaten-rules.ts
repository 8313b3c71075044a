/** Finds allowing rules that inverted rules always beat. */
import { common, nameOf } from './owned-rules.ts'
import type { Owned } from './owned-rules.ts'
import type { Problem } from './problems.ts'
import type { CheckedRule } from './rules.ts'

/** Allowing rules for which there always is an inverted rule that applies too, to everyone who has them. An emergency's cannot be beaten. */
export function beatenRules (owned: readonly Owned[]): Problem[] {
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
