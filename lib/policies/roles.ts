/** Which names policies have and which roles a role inherits. */
import type { Place } from './policy.ts'
import { placeText } from './problems.ts'
import type { Problem } from './problems.ts'
import { instead } from './words.ts'

export const ANONYMOUS = 'anonymous'

/** A role as far as inheritance is concerned. */
export interface Inheriting {
  readonly name: string
  readonly inherits: readonly { readonly name: string, readonly place: Place }[]
}

export interface Named {
  readonly kind: 'role' | 'policy'
  readonly name: string
  readonly place: Place
}

/** Every name once, over roles and policies together: the ids of rules begin with them. */
export function nameProblems (policies: readonly Named[]): Problem[] {
  const first = new Map<string, Named>()
  const problems: Problem[] = []
  for (const policy of policies) {
    const other = first.get(policy.name)
    if (other === undefined) first.set(policy.name, policy)
    else problems.push({ place: policy.place, message: `the ${policy.kind} "${policy.name}" is defined twice; the other is at ${placeText(other.place)}` })
  }
  return problems
}

/** Roles that do not exist, and circles. Every role inherits `anonymous`, so that one can inherit nothing. */
export function inheritanceProblems (roles: readonly Inheriting[]): Problem[] {
  const known = new Map(roles.map((role) => [role.name, role]))
  const problems: Problem[] = []
  for (const { name, inherits } of roles) {
    for (const parent of inherits) {
      if (name === ANONYMOUS) problems.push({ place: parent.place, message: `every role inherits "${ANONYMOUS}", so it cannot inherit "${parent.name}"` })
      else if (parent.name !== ANONYMOUS && !known.has(parent.name)) problems.push({ place: parent.place, message: `unknown role "${parent.name}".${instead(parent.name, known.keys())}` })
    }
  }
  return [...problems, ...circles(known)]
}

/** Each circle once, told from the first of its names in the alphabet. */
function circles (known: ReadonlyMap<string, Inheriting>): Problem[] {
  const done = new Set<string>()
  const problems: Problem[] = []
  for (const name of [...known.keys()].sort()) visit(name, [])
  return problems

  function visit (name: string, trail: readonly string[]): void {
    if (done.has(name)) return
    for (const parent of known.get(name)?.inherits ?? []) {
      const open = [...trail, name]
      const begin = open.indexOf(parent.name)
      if (begin === -1) visit(parent.name, open)
      else problems.push({ place: parent.place, message: `roles inherit in a circle: ${[...open.slice(begin), parent.name].join(' > ')}` })
    }
    done.add(name)
  }
}

/** The role, all that it inherits, and `anonymous`; each once. */
export function lineage (name: string, known: ReadonlyMap<string, Inheriting>): ReadonlySet<string> {
  const names = new Set([name])
  for (const member of names) {
    for (const parent of known.get(member)?.inherits ?? []) names.add(parent.name)
  }
  return names.add(ANONYMOUS)
}
