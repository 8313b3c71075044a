/** Checks and expands the fields of a rule against what subjects.yaml declares. */
import { fieldPatternMatcher } from '@casl/ability'
import { attributeAt } from './attributes.ts'
import type { Shape } from './attributes.ts'
import { entryPath, listOf } from './one-or-many.ts'
import type { OneOrMany } from './one-or-many.ts'
import { readPath } from './path.ts'
import type { Keys } from './policy.ts'
import type { Report } from './problems.ts'
import type { Entity } from './subjects.ts'
import { instead, quoted } from './words.ts'

/**
 * Field names, with every pattern of an allowing rule replaced by the declared attributes that it matches. A pattern is kept where the subjects
 * are not declared or where it reaches into a declared object, and always in an inverted rule: what is not declared stays forbidden.
 */
export function fieldsOf (given: OneOrMany, inverted: boolean, shape: Shape, at: Keys, report: Report): string[] {
  const names = listOf(given).flatMap((field, index) => {
    const path = entryPath(given, at, index)
    const read = readPath(field)
    if (read.kind === 'wrong') report(path, read.message)
    if (read.kind === 'wrong' || shape.kind === 'undeclared') return [field]
    if (!field.includes('*')) return declared(field, shape.entities, path, report)
    return expanded(field, inverted, shape.entities, path, report)
  })
  return [...new Set(names)]
}

function declared (field: string, entities: readonly Entity[], at: Keys, report: Report): string[] {
  if (!entities.some((entity) => attributeAt(entity, field.split('.')) !== null)) {
    report(at, `unknown field ${quoted(field)} of ${namesOf(entities)}.${instead(field, attributesOf(entities))}`)
  }
  return [field]
}

function expanded (pattern: string, inverted: boolean, entities: readonly Entity[], at: Keys, report: Report): string[] {
  const matches = fieldPatternMatcher([pattern])
  const names = attributesOf(entities).filter(matches)
  const objects = entities.flatMap((entity) => [...entity.attributes].filter(([name, { type }]) => type === 'object' && matches(`${name}.inside`)).map(([name]) => name))
  const reachesInside = objects.length > 0
  if (names.length === 0 && !reachesInside) {
    report(at, `the pattern ${quoted(pattern)} matches no attribute of ${namesOf(entities)}. Allowed: ${attributesOf(entities).join(', ')}`)
  }
  if (inverted) return [...names, pattern]
  // The name of an object stands for all that is in it, and `address.*` is only what is right within.
  return reachesInside ? [...names.filter((name) => !pattern.includes('.') || !objects.includes(name)), pattern] : names
}

function attributesOf (entities: readonly Entity[]): string[] {
  return [...new Set(entities.flatMap((entity) => [...entity.attributes.keys()]))]
}

function namesOf (entities: readonly Entity[]): string {
  return entities.map((entity) => entity.name).join(', ')
}
