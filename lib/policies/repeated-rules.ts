/** Finds rules that are there twice among those that somebody has together. */
import { common, nameOf } from './owned-rules.ts'
import type { Owned } from './owned-rules.ts'
import type { Problem } from './problems.ts'
import { ANONYMOUS } from './roles.ts'
import type { Declarations } from './subjects.ts'

/** The same rule twice among those that somebody has together: one of them says nothing, or they were meant to differ. */
export function repeatedRules (owned: readonly Owned[], declared: Declarations): Problem[] {
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
