/** Reads the rules of one policy and reports what in them cannot be meant. */
import type { Shape } from './attributes.ts'
import { compileCondition } from './condition-compiler.ts'
import type { Condition } from './condition.ts'
import { fieldsOf } from './fields.ts'
import { entryPath, listOf } from './one-or-many.ts'
import type { OneOrMany } from './one-or-many.ts'
import type { PlainMap } from './plain-data.ts'
import type { Keys, Place, PolicySource } from './policy.ts'
import type { Report } from './problems.ts'
import type { Declarations, Entity } from './subjects.ts'
import { instead, quoted } from './words.ts'

/** A rule whose words are known to make sense; the tenant guard rail is not in it yet. */
export interface CheckedRule {
  readonly id: string
  readonly action: readonly string[]
  readonly subject: readonly string[]
  readonly inverted: boolean
  readonly fields: readonly string[] | null
  readonly condition: Condition | null
  readonly crossTenant: boolean
  readonly reason: string | null
  readonly code: string | null
  readonly place: Place
}

/** The content as the schema has left it: the types are right, parts may be missing. */
export interface RuleContent {
  readonly action?: OneOrMany
  readonly subject?: OneOrMany
  readonly fields?: OneOrMany
  readonly conditions?: PlainMap
  readonly inverted?: boolean
  readonly reason?: string
  readonly code?: string
  readonly crossTenant?: boolean
}

/** What the rules of one policy are read with. */
export interface RulesContext {
  readonly policy: string
  readonly locate: PolicySource['locate']
  readonly report: Report
  readonly declared: Declarations
}

export function ruleOf (content: RuleContent, index: number, context: RulesContext): CheckedRule {
  const { report, declared } = context
  const at: Keys = ['rules', index]
  const subject = listOf(content.subject)
  const inverted = content.inverted ?? false
  const shape = shapeOf(subject, declared)

  checkSubjects(content.subject, [...at, 'subject'], context)
  checkEffect(content, inverted, at, report)
  if (!inverted && content.crossTenant !== true) checkTenants(subject, at, context)

  return {
    id: `${context.policy}/${index + 1}`,
    action: listOf(content.action),
    subject,
    inverted,
    fields: content.fields === undefined ? null : fieldsOf(content.fields, inverted, shape, [...at, 'fields'], report),
    condition: content.conditions === undefined ? null : compileCondition(content.conditions, [...at, 'conditions'], { report, shape, user: declared.user }),
    crossTenant: content.crossTenant ?? false,
    reason: content.reason ?? null,
    code: content.code ?? null,
    place: context.locate(at),
  }
}

function shapeOf (subject: readonly string[], { subjects }: Declarations): Shape {
  if (subjects === null) return { kind: 'undeclared' }
  if (subject.includes('all')) return { kind: 'some', entities: [...subjects.values()] }
  const entities = subject.map((name) => subjects.get(name)).filter((entity): entity is Entity => entity !== undefined)
  return entities.length === 0 ? { kind: 'undeclared' } : { kind: 'each', entities }
}

function checkSubjects (given: OneOrMany | undefined, at: Keys, { report, declared: { subjects } }: RulesContext): void {
  if (subjects === null) return
  listOf(given).forEach((name, index) => {
    if (name === 'all' || subjects.has(name)) return
    report(entryPath(given, at, index), `unknown subject ${quoted(name)}.${instead(name, [...subjects.keys(), 'all'])}`)
  })
}

/** Keys that one of the two effects would silently ignore. */
function checkEffect (content: RuleContent, inverted: boolean, at: Keys, report: Report): void {
  if (inverted) {
    if (content.crossTenant !== undefined) report([...at, 'crossTenant'], '"crossTenant" on an inverted rule: what is forbidden is forbidden in every tenant', 'key')
    return
  }
  for (const key of ['reason', 'code'] as const) {
    if (content[key] !== undefined) report([...at, key], `"${key}" on an allowing rule: nobody would ever see it; it belongs to an inverted rule`, 'key')
  }
}

function checkTenants (subject: readonly string[], at: Keys, { report, declared: { subjects } }: RulesContext): void {
  const owned = [...subjects?.values() ?? []].find((entity) => entity.tenant !== null)
  if (owned === undefined || !subject.includes('all')) return
  report([...at, 'subject'], `"all" reaches records of every tenant (${owned.name} has one): write "crossTenant: true" or name the subjects`)
}
