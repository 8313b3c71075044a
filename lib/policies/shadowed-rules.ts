/** Finds rules that can never matter: those that inverted rules always beat, and those that are there twice. */
import { beatenRules } from './beaten-rules.ts'
import { ownedRules } from './owned-rules.ts'
import type { Ruled } from './owned-rules.ts'
import type { Problem } from './problems.ts'
import { repeatedRules } from './repeated-rules.ts'
import type { Declarations } from './subjects.ts'

/** In time that grows with the number of rules: each is compared with those only that are about its action, its subject and one of its conditions. */
export function shadowedRules (policies: readonly Ruled[], declared: Declarations): Problem[] {
  const owned = ownedRules(policies)
  return [...repeatedRules(owned, declared), ...beatenRules(owned)]
}
