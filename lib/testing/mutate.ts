/** Finds out what no test of the policies would notice. */
import { failedTests, runPolicyTests, failureText, type Reading } from '../authorization/policy-tests.ts'
import { compilePolicies } from '../policies/compile.ts'
import type { PolicyTestDefinition } from '../policies/define.ts'
import type { Place, Policy, PolicySource } from '../policies/policy.ts'
import { isTests, withoutTests } from '../policies/policy-tests-of.ts'
import { placeText } from '../policies/problems.ts'
import { mutantsOf, type Mutant } from './mutants.ts'
import { sourcesFrom, type PoliciesGiven } from './policies-given.ts'
import { assertResults } from './policy-tables.ts'

/** What could be dropped without a test that fails. */
export interface Survivor {
  readonly place: Place
  readonly dropped: string
}

/** A rule in which nothing matters to any test. */
export interface UncoveredRule {
  readonly place: Place
  /** Its position in the policy, from 1. */
  readonly rule: number
}

export interface MutationReport {
  readonly tests: number
  readonly mutants: number
  /** Mutants for which a test fails. */
  readonly noticed: number
  /** Mutants that make no sense, so that they could not come in force either. */
  readonly refused: number
  readonly survivors: readonly Survivor[]
  readonly uncovered: readonly UncoveredRule[]
  /** All of it for people, a line each. */
  readonly text: string
}

type Fate = 'noticed' | 'refused' | 'survived' | 'same'

/**
 * Drops one thing after another of the policies (each rule, action, subject, field, comparison of a condition or a relation, `inverted`, `when`, public code, pre-check,
 * inherited role) and runs the tests each time: some test must fail. It compiles the policies once for each; a few hundred rules take seconds.
 *
 * @throws {PolicyError} for policies that make no sense, {Error} where there are no tests or one fails as it is
 */
export async function mutatePolicies (policies: PoliciesGiven, tables: readonly PolicyTestDefinition[] = [], reading: Reading = {}): Promise<MutationReport> {
  const sources = await sourcesFrom(policies, tables)
  const policy = compilePolicies(sources)
  const failures = runPolicyTests(policy, reading)
  assertResults(policy.tests.length === 0 ? [] : failures.length === 0 ? [{ ok: true, message: null }] : failures.map((failure) => ({ ok: false, message: failureText(failure) })))

  const bare = sources.filter((source) => !isTests(source))
  const tried = bare.flatMap(mutantsOf).map((mutant) => ({ mutant, fate: fateOf(mutant, bare, policy, reading) })).filter(({ fate }) => fate !== 'same')
  const count = (fate: Fate): number => tried.filter((one) => one.fate === fate).length
  const survivors = tried.filter(({ fate }) => fate === 'survived').map(({ mutant: { place, dropped } }) => ({ place, dropped }))
  const uncovered = uncoveredOf(tried)
  const report = { tests: policy.tests.length, mutants: tried.length, noticed: count('noticed'), refused: count('refused'), survivors, uncovered }
  return { ...report, text: textOf(report) }
}

function fateOf ({ source, content, compiled, mayChangeNothing }: Mutant, sources: readonly PolicySource[], policy: Policy, reading: Reading): Fate {
  const changed = sources.flatMap((one) => one === source ? (content === null ? [] : { ...one, content }) : { ...one, content: withoutTests(one.content as object) })
  const sound = compiledOrNull(changed)
  if (sound === null) return 'refused'
  const mutant = compiled(sound)
  const { done } = failedTests({ ...mutant, tests: policy.tests }, reading).next()
  if (done !== true) return 'noticed'
  return mayChangeNothing && canonical(mutant) === canonical(policy) ? 'same' : 'survived'
}

function compiledOrNull (sources: readonly PolicySource[]): Policy | null {
  try {
    return compilePolicies(sources)
  } catch {
    return null
  }
}

/** The rules of everybody: a role whose parent has no rules may as well not inherit from it, and a subject without a tenant is in nobody's. */
function canonical ({ roles, memberships, breakGlass, groups }: Policy): string {
  const plain = (key: string, value: unknown): unknown => {
    if (key === 'place' || key === 'crossTenant') return undefined
    if (value instanceof Map) return [...value]
    return typeof value === 'bigint' ? String(value) : value
  }
  return JSON.stringify([roles, memberships, breakGlass, groups], plain)
}

function uncoveredOf (tried: readonly { readonly mutant: Mutant, readonly fate: Fate }[]): UncoveredRule[] {
  const wholes = tried.filter(({ mutant }) => mutant.dropped === 'the rule')
  return wholes
    .filter(({ mutant }) => !tried.some(({ mutant: { source, rule }, fate }) => fate === 'noticed' && source === mutant.source && rule === mutant.rule))
    .map(({ mutant: { place, rule } }) => ({ place, rule: Number(rule) + 1 }))
}

function textOf ({ tests, mutants, noticed, refused, survivors, uncovered }: Omit<MutationReport, 'text'>): string {
  return [
    `${tests} tests notice ${noticed} of ${mutants - refused} mutants; ${refused} more could not come in force.`,
    ...uncovered.map(({ place, rule }) => `${placeText(place)} rule ${rule} is covered by no test`),
    ...survivors.map(({ place, dropped }) => `${placeText(place)} no test fails without ${dropped}`),
  ].join('\n')
}
