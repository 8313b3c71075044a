/** Checks policies, structure first and then meaning, and tells everything that is wrong at once. */
import { REPORTED, compileCondition } from './condition-compiler.ts'
import type { Condition } from './condition.ts'
import { entryPath, listOf } from './one-or-many.ts'
import type { OneOrMany } from './one-or-many.ts'
import { plainCopy } from './plain-data.ts'
import type { PlainMap } from './plain-data.ts'
import type { Keys, Place, PolicySource, PolicyTest, QuotaRule } from './policy.ts'
import { isTests, nameFrom, TESTS, testsIn, withoutTests } from './policy-tests-of.ts'
import { PolicyError } from './problems.ts'
import type { Problem, Report } from './problems.ts'
import { asksForEnvironment, quotasOf, uselessQuotas } from './quotas.ts'
import type { QuotasContent } from './quotas.ts'
import { inheritanceProblems, nameProblems } from './roles.ts'
import { NO_RELATIONS, relationsOf } from './relations.ts'
import type { Relations } from './relations.ts'
import { ruleOf } from './rules.ts'
import type { CheckedRule, RuleContent } from './rules.ts'
import { POLICY_KEYS } from './schema.ts'
import { shadowedRules } from './shadowed-rules.ts'
import { strayActions } from './stray-actions.ts'
import { CHECKS, soundPartOf } from './structure.ts'
import { NOTHING_DECLARED, declarationsOf } from './subjects.ts'
import type { Declarations, SubjectsContent } from './subjects.ts'

export interface CheckedPreCheck {
  readonly code: string
  readonly when: Condition | ((user: unknown) => unknown)
  readonly place: Place
}

export type CheckedPolicy = { readonly name: string, readonly place: Place } & (
  | { readonly kind: 'role', readonly inherits: readonly { readonly name: string, readonly place: Place }[], readonly quotas: readonly QuotaRule[], readonly rules: readonly CheckedRule[] }
  | { readonly kind: 'when', readonly when: Condition, readonly denied: { readonly code: string } | null, readonly quotas: readonly QuotaRule[], readonly rules: readonly CheckedRule[] }
  | { readonly kind: 'breakGlass', readonly rules: readonly CheckedRule[] }
  | { readonly kind: 'deny', readonly checks: readonly CheckedPreCheck[] }
)

export interface Checked {
  readonly declared: Declarations
  readonly policies: readonly CheckedPolicy[]
  readonly tests: readonly PolicyTest[]
  /** What could be in force, but cannot be meant: rules and conditions that never matter. */
  readonly senseless: readonly Problem[]
  /** Plain copies of all that was given but the tests, for the digest. */
  readonly contents: readonly { readonly name: string, readonly content: unknown }[]
}

/** One source, copied and checked for structure. */
interface Reading {
  readonly source: PolicySource
  readonly report: Report
  readonly senseless: Report
  /** The keys at the top, also those whose values were broken. */
  readonly given: readonly string[]
  /** What of it is as the schema says. */
  readonly sound: PlainMap
  readonly content: unknown
  readonly isMap: boolean
  readonly isBroken: boolean
}

/** The content of a policy as the schema has left it: the types are right, parts may be missing. */
interface PolicyContent {
  readonly role?: string
  readonly name?: string
  readonly when?: PlainMap
  readonly inherits?: OneOrMany
  readonly denied?: { readonly code?: string }
  readonly breakGlass?: string
  readonly deny?: readonly PreCheckContent[]
  readonly quota?: QuotasContent
  readonly rules?: readonly RuleContent[]
}

interface PreCheckContent {
  readonly code?: string
  readonly when?: PlainMap | ((user: unknown) => unknown)
}

type Kind = CheckedPolicy['kind']

const KEYS = POLICY_KEYS satisfies Record<Kind, readonly string[]>
const KINDS = Object.keys(KEYS) as Kind[]
const ALL_KEYS: readonly string[] = Object.values(KEYS).flat()

const SUBJECTS_FILE = /(?:^|[\\/])subjects\.(?:ya?ml|json|m?js|ts)$/

/** Throws a `PolicyError` with all problems; with those the senseless parts are told too, which by themselves are left to the caller. */
export function validate (sources: readonly PolicySource[]): Checked {
  const problems: Problem[] = []
  const senseless: Problem[] = []
  const readings = sources.map((source) => readingOf(source, problems, senseless))
  const words = declarationsIn(readings)
  const { declared } = words
  const policies = readings
    .filter(({ source, isMap }) => isMap && !isSubjectsFile(source) && !isTests(source))
    .map((reading) => policyOf(reading, words))

  problems.push(...nameProblems(policies.map(({ kind, name, place }) => ({ kind: kind === 'role' ? 'role' : 'policy', name, place }))))
  problems.push(...inheritanceProblems(policies.filter((policy) => policy.kind === 'role')))
  if (problems.length > 0) throw new PolicyError([...problems, ...senseless])
  // With half a policy, right words of the tests would be called wrong, and rules that differ would be called the same.
  senseless.push(...strayActions(policies), ...shadowedRules(policies, declared), ...uselessQuotas(policies.filter((policy) => policy.kind === 'role'), policies.filter((policy) => policy.kind === 'when')))
  const tests = testsIn(readings, policies, declared)
  if (problems.length > 0) throw new PolicyError([...problems, ...senseless])
  const said = readings.filter(({ source }) => !isTests(source))
  return { declared, policies, tests, senseless, contents: said.map(({ source, content }) => ({ name: nameFrom(source.file), content: withoutTests(content as object) })) }
}

function readingOf (source: PolicySource, problems: Problem[], senseless: Problem[]): Reading {
  const teller = (list: Problem[]): Report => (path, message, part) => {
    const place = source.locate(path, part)
    list.push({ place, message: place.line === undefined ? `${pathText(path)}${message}` : message })
  }
  const tell = teller(problems)
  const before = problems.length
  // What is not plain data is told once: what stands in its place in the copy is no further mistake.
  const lost = new Set<string>()
  const content = plainCopy(source.content, (path, message, part) => {
    lost.add(JSON.stringify(path))
    tell(path, message, part)
  }, source.isText === true)
  const report: Report = (path, message, part) => {
    if (!lost.has(JSON.stringify(path))) tell(path, message, part)
  }
  const sound = soundPartOf(content, isTests(source) ? CHECKS.tests : isSubjectsFile(source) ? CHECKS.subjects : CHECKS.policy, report)
  const isMap = typeof content === 'object' && content !== null && !Array.isArray(content)
  return {
    source,
    report,
    senseless: teller(senseless),
    content,
    isMap,
    given: isMap ? Object.keys(content) : [],
    sound: isMap ? sound as PlainMap : {},
    isBroken: problems.length > before,
  }
}

/** Policies written in TypeScript have no lines: their messages name the path instead. */
function pathText (path: Keys): string {
  if (path.length === 0) return ''
  return path.map((key, index) => typeof key === 'number' ? `[${key}]` : `${index === 0 ? '' : '.'}${key}`).join('') + ': '
}

function isSubjectsFile (source: PolicySource): boolean {
  return source.holds === 'subjects' || SUBJECTS_FILE.test(source.file)
}

/** What the policies may name. */
interface Words {
  readonly declared: Declarations
  readonly relations: Relations | null
}

function declarationsIn (readings: readonly Reading[]): Words {
  const [first, ...others] = readings.filter(({ source }) => isSubjectsFile(source))
  for (const { report } of others) report([], `the subjects are declared twice; the other file is ${first?.source.file}`)
  // With half a declaration, right words of the policies would be called wrong.
  if (first === undefined) return { declared: NOTHING_DECLARED, relations: NO_RELATIONS }
  if (first.isBroken) return { declared: NOTHING_DECLARED, relations: null }
  const content = first.sound as SubjectsContent
  const declared = declarationsOf(content, first.report)
  return { declared, relations: relationsOf(content, declared, first.report, first.senseless) }
}

function policyOf ({ source, report, senseless, given, sound }: Reading, { declared, relations }: Words): CheckedPolicy {
  const content = sound as PolicyContent
  const kind = kindOf(given, report)
  const name = content.role ?? content.breakGlass ?? content.name ?? nameFrom(source.file)
  const context = { policy: name, locate: source.locate, report, senseless, declared, relations }
  const rules = (content.rules ?? []).map((rule, index) => ruleOf(rule, index, context))

  switch (kind) {
    case 'role':
      return { kind, name, place: source.locate(['role']), inherits: inheritsOf(content.inherits, source), quotas: quotasOf(content.quota ?? {}, context), rules }
    case 'when':
      if (content.denied !== undefined && rules.length > 0 && rules.every(({ inverted }) => inverted)) senseless(['denied'], '"denied" is never told: no rule of the policy allows anything', 'key')
      if (!given.includes('rules') && !given.includes('quota')) report([], 'a policy with "when" needs "rules" or "quota"')
      return { kind, name, place: source.locate([]), when: whenOf(content), denied: deniedOf(content.denied), quotas: quotasOf(content.quota ?? {}, context), rules }
    case 'breakGlass':
      checkEmergency(content.rules ?? [], report, senseless)
      return { kind, name, place: source.locate([kind]), rules }
    case 'deny':
      return { kind, name, place: source.locate([]), checks: (content.deny ?? []).map(checkOf) }
  }

  function whenOf ({ when, quota }: PolicyContent): Condition {
    const condition = conditionOnUser(when, ['when'])
    if (quota !== undefined && asksForEnvironment(condition)) report(['quota'], '"quota" stands beside a "when" that asks for the environment, which is told only after quotas are charged', 'key')
    return condition
  }

  function checkOf ({ code = '', when }: PreCheckContent, index: number): CheckedPreCheck {
    const at = ['deny', index]
    return { code, when: typeof when === 'function' ? when : conditionOnUser(when, [...at, 'when']), place: source.locate(at) }
  }

  function conditionOnUser (when: PlainMap | undefined, at: Keys): Condition {
    const { user, environment } = declared
    return when === undefined
      ? REPORTED
      : compileCondition(when, at, { report, senseless, shape: user === null ? { kind: 'undeclared' } : { kind: 'each', entities: [user] }, user, environment })
  }
}

/** An emergency lifts what other rules forbid; what it forbids itself would be lifted by nothing. */
function checkEmergency (rules: readonly RuleContent[], report: Report, senseless: Report): void {
  if (rules.length === 0) report([], 'a policy with "breakGlass" needs "rules"')
  rules.forEach(({ inverted, expose }, index) => {
    if (expose === true) senseless(['rules', index, 'expose'], '"expose" on a rule of "breakGlass": the front end is never told of an emergency', 'key')
    if (inverted === true) report(['rules', index, 'inverted'], 'an inverted rule cannot be part of "breakGlass", which only lifts what others forbid', 'key')
  })
}

function inheritsOf (given: OneOrMany | undefined, source: PolicySource): { name: string, place: Place }[] {
  return listOf(given).map((name, index) => ({ name, place: source.locate(entryPath(given, ['inherits'], index)) }))
}

function deniedOf (given: PolicyContent['denied']): { code: string } | null {
  return given?.code === undefined ? null : { code: given.code }
}

/** Which sort of policy it is; where that is not clear, the first that it could be. */
function kindOf (given: readonly string[], report: Report): Kind {
  const kind = KINDS.find((key) => given.includes(key))
  if (kind === undefined) {
    report([], 'a policy needs "role", "when", "deny" or "breakGlass"')
    return 'role'
  }
  const own: readonly string[] = [...KEYS[kind], TESTS]
  for (const key of given) {
    if (ALL_KEYS.includes(key) && !own.includes(key)) {
      report([key], `"${key}" does not go with "${kind}": a policy with "${kind}" has ${own.join(', ')}`, 'key')
    }
  }
  return kind
}
