/** Relationship roles, `owner` or `member`: names that subjects.yaml gives to conditions. */
import { REPORTED, compileCondition } from './condition-compiler.ts'
import type { Condition } from './condition.ts'
import { entryPath, listOf } from './one-or-many.ts'
import type { OneOrMany } from './one-or-many.ts'
import type { Keys } from './policy.ts'
import type { Report } from './problems.ts'
import type { Declarations, SubjectsContent } from './subjects.ts'
import { instead, quoted } from './words.ts'

/** For each subject its relations by name. */
export type Relations = ReadonlyMap<string, ReadonlyMap<string, Condition>>

export const NO_RELATIONS: Relations = new Map()

const NO_RELATION = (): null => null

export function relationsOf (content: SubjectsContent, { user, subjects, environment }: Declarations, report: Report, senseless: Report): Relations {
  return new Map(Object.entries(content.subjects ?? {}).map(([subject, { relations = {} }]) => {
    const entity = subjects?.get(subject)
    const shape = entity === undefined || entity.attributes.size === 0 ? { kind: 'undeclared' as const } : { kind: 'each' as const, entities: [entity] }
    return [subject, new Map(Object.entries(relations).map(([name, raw]) => {
      return [name, compileCondition(raw, ['subjects', subject, 'relations', name], { report, senseless, shape, user, environment })]
    }))]
  }))
}

/** The condition that one of the named relations holds, for each subject of a rule; without names `null`. `relations`: `null` where what declares them is broken. */
export function relationOf (given: OneOrMany | undefined, subject: readonly string[], at: Keys, relations: Relations | null, report: Report): ((subject: string) => Condition | null) {
  if (given === undefined) return NO_RELATION
  if (relations === null) return () => REPORTED
  listOf(given).forEach((name, index) => {
    for (const one of subject) {
      const known = relations.get(one)
      if (known?.has(name) !== true) report(entryPath(given, at, index), problem(name, one, known))
    }
  })
  return (one) => {
    const conditions = listOf(given).map((name) => relations.get(one)?.get(name) ?? REPORTED)
    return conditions.length === 1 ? conditions[0] as Condition : { kind: 'any', of: conditions }
  }
}

function problem (name: string, subject: string, known: ReadonlyMap<string, Condition> | undefined): string {
  if (subject === 'all') return `"relation" needs subjects by their names, not "all": ${quoted(name)} may mean something else for each`
  if (known === undefined || known.size === 0) return `${subject} has no relations: declare ${quoted(name)} in subjects.yaml, subjects: { ${subject}: { relations: { ${name}: … } } }`
  return `unknown relation ${quoted(name)} of ${subject}.${instead(name, known.keys())}`
}
