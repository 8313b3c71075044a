/** Reads the rules of one policy and reports what in them cannot be meant. */
import type { Shape } from './attributes.ts'
import { compileCondition } from './condition-compiler.ts'
import type { Condition } from './condition.ts'
import { fieldsOf } from './fields.ts'
import { impossible } from './impossible-conditions.ts'
import { entryPath, listOf } from './one-or-many.ts'
import type { OneOrMany } from './one-or-many.ts'
import type { PlainMap } from './plain-data.ts'
import type { Keys, Place, PolicySource } from './policy.ts'
import type { Report } from './problems.ts'
import { relationOf } from './relations.ts'
import type { Relations } from './relations.ts'
import type { State } from './schema.ts'
import { ENVIRONMENT_ALONE } from './subjects.ts'
import type { Declarations, Entity } from './subjects.ts'
import { instead, quoted } from './words.ts'

/** A rule whose words are known to make sense; the tenant guard rail is not in it yet. */
export interface CheckedRule {
  readonly id: string
  readonly policy: string
  readonly action: readonly string[]
  readonly subject: readonly string[]
  readonly inverted: boolean
  readonly fields: readonly string[] | null
  readonly condition: Condition | null
  readonly crossTenant: boolean
  /** What the user must be to a record of the subject. */
  readonly relation: (subject: string) => Condition | null
  readonly environment: Condition | null
  readonly state: State | null
  readonly exposed: boolean
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
  readonly relation?: OneOrMany
  readonly environment?: PlainMap
  readonly state?: State
  readonly expose?: boolean
}

/** What the rules of one policy are read with. */
export interface RulesContext {
  readonly policy: string
  readonly locate: PolicySource['locate']
  readonly report: Report
  /** For what could be compiled, and makes no sense. */
  readonly senseless: Report
  readonly declared: Declarations
  /** `null`: what declares them is broken, so nothing can be said about them. */
  readonly relations: Relations | null
}

/** Rules are found by action and subject, so that long lists of both, which are short in a file, would be long in memory. */
const MOST_PAIRS = 10_000

export function ruleOf (content: RuleContent, index: number, context: RulesContext): CheckedRule {
  const { report, senseless, declared, relations } = context
  const { user, environment } = declared
  const at: Keys = ['rules', index]
  const below = (key: keyof RuleContent): Keys => ['rules', index, key]
  const subject = listOf(content.subject)
  const inverted = content.inverted ?? false
  const shape = shapeOf(subject, declared)

  checkSubjects(content.subject, below('subject'), context)
  if (subject.length * listOf(content.action).length > MOST_PAIRS) report(at, `a rule is about more than ${MOST_PAIRS} pairs of an action and a subject: write "manage" or "all", or several rules`)
  checkEffect(content, inverted, at, report)
  checkState(content, at, senseless)
  if (!inverted && content.crossTenant !== true) checkTenants(subject, at, context)

  const condition = content.conditions === undefined ? null : compileCondition(content.conditions, below('conditions'), { report, senseless, shape, user, environment })
  const relation = relationOf(content.relation, subject, below('relation'), relations, report)
  checkTogether(condition, relation, subject, below('relation'), senseless)

  return {
    id: `${context.policy}/${index + 1}`,
    policy: context.policy,
    action: listOf(content.action),
    subject,
    inverted,
    fields: content.fields === undefined ? null : fieldsOf(content.fields, inverted, shape, below('fields'), report),
    condition,
    crossTenant: content.crossTenant ?? false,
    relation,
    environment: content.environment === undefined ? null : environmentCondition(content.environment, below('environment'), context),
    state: content.state ?? null,
    exposed: content.expose ?? false,
    reason: content.reason ?? null,
    code: content.code ?? null,
    place: context.locate(at),
  }
}

function environmentCondition (raw: PlainMap, at: Keys, { report, senseless, declared }: RulesContext): Condition {
  const { user, environment } = declared
  const shape: Shape = environment === null ? { kind: 'open', entities: [ENVIRONMENT_ALONE] } : { kind: 'each', entities: [environment] }
  return compileCondition(raw, at, { report, senseless, shape, user, environment, onEnvironment: true })
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

/** Actions that leave no other record behind than the one that was there, or came. */
const WITHOUT_NEW_STATE = ['create', 'read', 'delete']

function checkState ({ action, state }: RuleContent, at: Keys, senseless: Report): void {
  const actions = listOf(action).filter((name) => WITHOUT_NEW_STATE.includes(name))
  if (state !== 'new' || actions.length === 0) return
  senseless([...at, 'state'], `"state: new" never matters to ${actions.map(quoted).join(', ')}: only what changes a record gives it a new state`)
}

/** Each of the two may be possible by itself. */
function checkTogether (condition: Condition | null, relation: CheckedRule['relation'], subject: readonly string[], at: Keys, senseless: Report): void {
  if (condition === null || impossible(condition, UNDECLARED) !== null) return
  for (const one of subject) {
    const related = relation(one)
    const mistake = related === null ? null : impossible({ kind: 'all', of: [related, condition] }, UNDECLARED)
    if (mistake !== null) return senseless(at, `with the rule's conditions, ${mistake.message}`)
  }
}

const UNDECLARED: Shape = { kind: 'undeclared' }

function checkTenants (subject: readonly string[], at: Keys, { report, declared: { subjects } }: RulesContext): void {
  const owned = [...subjects?.values() ?? []].find((entity) => entity.tenant !== null)
  if (owned === undefined || !subject.includes('all')) return
  report([...at, 'subject'], `"all" reaches records of every tenant (${owned.name} has one): write "crossTenant: true" or name the subjects`)
}
