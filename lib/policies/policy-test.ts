/** Reads the tests of a policy and reports what in them cannot be meant. */
import { didYouMean } from '../nearest.ts'
import { attributeAt } from './attributes.ts'
import { instantOf } from './instant.ts'
import { entryPath, listOf } from './one-or-many.ts'
import type { OneOrMany } from './one-or-many.ts'
import type { PlainMap } from './plain-data.ts'
import type { Keys, PolicySource, PolicyTest } from './policy.ts'
import type { Report } from './problems.ts'
import type { Declarations, Entity } from './subjects.ts'
import { checkValues, meantMap } from './test-value.ts'
import { instead, quoted } from './words.ts'

/** Every word that the policies have. */
export interface PolicyWords {
  readonly roles: ReadonlySet<string>
  readonly actions: ReadonlySet<string>
  /** Those of rules; `all` stands for every subject. */
  readonly subjects: ReadonlySet<string>
  readonly codes: ReadonlySet<string>
  readonly emergencies: ReadonlySet<string>
}

/** The tests of one source, as the schema wants them. */
export interface TestsContent {
  /** By which the tests without a name are called. */
  readonly policy: string
  readonly tests: readonly TestContent[]
  readonly locate: PolicySource['locate']
  readonly report: Report
}

interface TestContent {
  readonly name?: string
  readonly as?: PlainMap | null
  readonly environment?: PlainMap
  readonly breakGlass?: string
  readonly given: string | Readonly<Record<string, PlainMap>>
  readonly becomes?: PlainMap
  readonly expect: Readonly<Record<string, Expected>>
}

type Expected = 'allow' | 'deny' | { readonly allow?: OneOrMany, readonly deny?: string }

/** Codes that no policy names: a plain no, and that of the anonymous, who learn no other. */
const PLAIN_CODES = ['insufficient_permissions', 'unauthenticated']
const CRUD = ['create', 'read', 'update', 'delete']
/** What a user has besides the declared attributes. */
const ALWAYS_KNOWN = ['roles', 'memberships']

export function testsOf (content: TestsContent, words: PolicyWords, declared: Declarations): PolicyTest[] {
  return content.tests.map((test, index) => testOf(test, index, content, words, declared))
}

function testOf (test: TestContent, index: number, { policy, locate, report }: TestsContent, words: PolicyWords, declared: Declarations): PolicyTest {
  const at: Keys = ['tests', index]
  const name = test.name ?? `${policy}, test ${index + 1}`
  const as = meantMap(test.as ?? {}, [...at, 'as'], report)
  const environment = meantMap(test.environment ?? {}, [...at, 'environment'], report)
  const { now, ...surroundings } = environment
  checkNow(now, [...at, 'environment', 'now'], report)
  if (declared.environment !== null) checkValues(surroundings, declared.environment, [...at, 'environment'], report)
  if (declared.user !== null) checkValues(as, declared.user, [...at, 'as'], report, ALWAYS_KNOWN)
  checkRoles(as['roles'], [...at, 'as', 'roles'], words, report)
  if ((declared.user?.attributes.get('memberships')?.type ?? 'array') === 'array') checkMemberships(as['memberships'], [...at, 'as', 'memberships'], words, report)
  const { subject, record } = givenOf(test.given, [...at, 'given'], report)
  const entity = declared.subjects?.get(subject) ?? null
  checkSubject(subject, typeof test.given === 'string' ? [...at, 'given'] : [...at, 'given', subject], words, declared, report)
  if (entity !== null) checkValues(record ?? {}, entity, [...at, 'given', subject], report)
  const becomes = test.becomes === undefined ? null : meantMap(test.becomes, [...at, 'becomes'], report)
  if (becomes !== null && record === null) report([...at, 'becomes'], `"becomes" is about a record, and "given" has none: write { ${subject}: { … } }`, 'key')
  if (becomes !== null && entity !== null) checkValues(becomes, entity, [...at, 'becomes'], report)
  const { breakGlass = null } = test
  if (breakGlass !== null && !words.emergencies.has(breakGlass)) report([...at, 'breakGlass'], `no policy is for the emergency ${quoted(breakGlass)}.${instead(breakGlass, words.emergencies)}`)
  return {
    name,
    as: test.as === undefined || test.as === null ? null : as,
    environment,
    breakGlass,
    subject,
    record,
    becomes,
    expect: Object.entries(test.expect).map(([action, expected]) => {
      const path = [...at, 'expect', action]
      if (!words.actions.has(action) && !CRUD.includes(action)) report(path, `no rule mentions the action ${quoted(action)}.${instead(action, [...words.actions, ...CRUD])}`, 'key')
      return { action, place: locate(path), ...outcomeOf(expected, path, { words, entity, record, subject, report }) }
    }),
    place: locate(at),
  }
}

function givenOf (given: TestContent['given'], at: Keys, report: Report): Pick<PolicyTest, 'subject' | 'record'> {
  if (typeof given === 'string') return { subject: given, record: null }
  const [first, second] = Object.entries(given)
  if (second !== undefined) report([...at, second[0]], 'a test is given one record; write another test for the other', 'key')
  const [subject, record] = first as [string, PlainMap]
  return { subject, record: meantMap(record, [...at, subject], report) }
}

function checkSubject (subject: string, at: Keys, { subjects }: PolicyWords, declared: Declarations, report: Report): void {
  const known = [...declared.subjects?.keys() ?? subjects].filter((name) => name !== 'all')
  // Where nothing is declared and a rule is for "all", any name may be a subject's.
  const isAnyKnown = declared.subjects === null && subjects.has('all') && subject !== 'all'
  if (!isAnyKnown && !known.includes(subject)) report(at, `unknown subject ${quoted(subject)}.${instead(subject, known)}`, at.at(-1) === subject ? 'key' : 'value')
}

function checkRoles (roles: unknown, at: Keys, words: PolicyWords, report: Report): void {
  if (roles === undefined) return
  if (!Array.isArray(roles)) return report(at, `"roles" must be a list; it is ${quoted(roles)}`)
  roles.forEach((role: unknown, index) => {
    if (typeof role !== 'string' || !words.roles.has(role)) report([...at, index], `no policy defines the role ${quoted(role)}.${instead(String(role), words.roles)}`)
  })
}

/** A membership may have more to it, which is the application's own. */
const MEMBERSHIP = ['tenant', 'roles']

function checkMemberships (memberships: unknown, at: Keys, words: PolicyWords, report: Report): void {
  if (memberships === undefined || memberships === null) return
  if (!Array.isArray(memberships)) return report(at, `"memberships" must be a list, [{ tenant: …, roles: […] }]; it is ${quoted(memberships)}`)
  memberships.forEach((membership: unknown, index) => checkMembership(membership, [...at, index], words, report))
}

function checkMembership (membership: unknown, at: Keys, words: PolicyWords, report: Report): void {
  if (typeof membership !== 'object' || membership === null || Array.isArray(membership)) return report(at, `a membership must be a map, { tenant: …, roles: […] }; it is ${quoted(membership)}`)
  const { tenant, roles } = membership as { readonly tenant?: unknown, readonly roles?: unknown }
  const lacking = MEMBERSHIP.filter((name) => !Object.hasOwn(membership, name))
  for (const name of lacking) {
    const written = Object.keys(membership).find((key) => !MEMBERSHIP.includes(key) && didYouMean(key, [name]) !== '')
    if (written === undefined) report(at, `a membership needs "${name}"`)
    else report([...at, written], `unknown key ${quoted(written)} in a membership.${didYouMean(written, [name])}`, 'key')
  }
  if (!lacking.includes('tenant') && (tenant === '' || !['string', 'number'].includes(typeof tenant))) report([...at, 'tenant'], `"tenant" must be a text or a number; it is ${quoted(tenant)}`)
  checkRoles(roles, [...at, 'roles'], words, report)
}

/** The gatehouse gives a date: with anything else conditions on the time would only seem to be tested. */
function checkNow (now: unknown, at: Keys, report: Report): void {
  if (now === undefined || now === null || now instanceof Date) return
  report(at, `"now" is a date, and ${quoted(now)} is none: write { $date: "${instantLike(now)}" }`)
}

/** The nearest that can be meant. */
function instantLike (now: unknown): string {
  if (typeof now !== 'string') return '2026-01-01T00:00:00Z'
  if (!Number.isNaN(instantOf(now))) return now
  return `2026-01-01T${/^\d{2}:\d{2}$/.test(now) ? now : '00:00'}:00Z`
}

interface ExpectContext {
  readonly words: PolicyWords
  readonly entity: Entity | null
  readonly record: object | null
  readonly subject: string
  readonly report: Report
}

type Outcome = { readonly kind: 'allow', readonly fields: readonly string[] | null } | { readonly kind: 'deny', readonly code: string | null }

function outcomeOf (expected: Expected, at: Keys, context: ExpectContext): Outcome {
  if (expected === 'allow') return { kind: 'allow', fields: null }
  if (expected === 'deny') return { kind: 'deny', code: null }
  const { allow, deny } = expected
  const { report } = context
  if (allow !== undefined && deny !== undefined) report([...at, 'deny'], '"allow" and "deny" in one expectation: it is one of them', 'key')
  if (allow === undefined) return { kind: 'deny', code: codeOf(deny as string, [...at, 'deny'], context) }
  checkFields(allow, [...at, 'allow'], context)
  return { kind: 'allow', fields: listOf(allow) }
}

function codeOf (code: string, at: Keys, { words, report }: ExpectContext): string {
  const known = [...words.codes, ...PLAIN_CODES]
  if (!known.includes(code)) report(at, `no policy has the code ${quoted(code)}.${instead(code, known)}`)
  return code
}

function checkFields (given: OneOrMany, at: Keys, { entity, record, subject, report }: ExpectContext): void {
  if (record === null) return report(at, `fields are those of a record, and "given" has none: write { ${subject}: { … } }`)
  listOf(given).forEach((field, index) => {
    const path = entryPath(given, at, index)
    if (field.includes('*')) return report(path, `${quoted(field)} is a pattern: name each field`)
    if (entity === null || attributeAt(entity, field.split('.')) !== null) return
    report(path, `unknown field ${quoted(field)} of ${entity.name}.${instead(field, entity.attributes.keys())}`)
  })
}
