/** Finds rules that are there twice among those that somebody has together. */
import { joined } from './joined.ts'
import { common, nameOf } from './owned-rules.ts'
import type { Owned } from './owned-rules.ts'
import type { Problem } from './problems.ts'
import { ANONYMOUS } from './roles.ts'
import type { Declarations } from './subjects.ts'

/** The same rule twice among those that somebody has together: one of them says nothing, or they were meant to differ. */
export function repeatedRules (owned: readonly Owned[], declared: Declarations): Problem[] {
  const bySaying = new Map<string, Owned[]>()
  for (const one of owned) {
    const saying = sayingOf(one)
    const same = bySaying.get(saying)
    if (same === undefined) bySaying.set(saying, [one])
    else same.push(one)
  }
  return joined(Array.from(bySaying.values(), (same) => same.length > 1 ? repeatedAmong(same, declared) : NONE))
}

const NONE: readonly Problem[] = []

function repeatedAmong (same: readonly Owned[], declared: Declarations): Problem[] {
  const byOwner = new Map<string, Owned>()
  const problems: Problem[] = []
  for (const one of same) {
    const own = byOwner.get(one.owner.key)
    if (own === undefined) byOwner.set(one.owner.key, one)
    else problems.push(twice(one, own))
  }
  for (const one of byOwner.values()) {
    const inherited = common(byOwner, one.owner.kin()).find((other) => other !== one && !saysMore(one, other, declared))
    if (inherited !== undefined) problems.push(twice(one, inherited))
  }
  return problems
}

function twice ({ rule }: Owned, other: Owned): Problem {
  return { place: rule.place, message: `rule ${rule.id} says the same as ${nameOf(other.rule)}` }
}

/** What a rule says, whatever its reason, its code, and the order of its words: no name has a comma or a line break, and no condition's text has a line break. */
function sayingOf ({ rule: { inverted, crossTenant, action, fields }, demands }: Owned): string {
  const toward = Array.from(demands, ([subject, parts]) => `\n\n${subject}\n${sorted([...parts]).join('\n')}`)
  return `${inverted} ${crossTenant} ${fields === null}\n${sorted(action).join()}\n${sorted(fields ?? []).join()}${sorted(toward).join('')}`
}

/** Most lists have one entry. */
function sorted<T> (list: readonly T[]): readonly T[] {
  return list.length > 1 ? list.toSorted() : list
}

/** A role can be held in some tenants only, and `anonymous` cannot: there the role's own rule reaches further. An emergency beats what the others do not. */
function saysMore ({ rule, owner }: Owned, other: Owned, { subjects }: Declarations): boolean {
  if (owner.kind === 'breakGlass') return true
  return owner.kind === 'role' && other.owner.key === ANONYMOUS && !rule.inverted && !rule.crossTenant &&
    rule.subject.some((subject) => (subjects?.get(subject)?.tenant ?? null) !== null)
}
