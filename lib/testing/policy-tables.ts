/** Runs the tests of policies, those in their files and those of a table. */
import { Abilities } from '../authorization/abilities.ts'
import { failuresOf, failureText, type Reading } from '../authorization/policy-tests.ts'
import { compilePolicies } from '../policies/compile.ts'
import type { PolicyTestDefinition } from '../policies/define.ts'
import type { Place } from '../policies/policy.ts'
import { sourcesFrom, type PoliciesGiven } from './policies-given.ts'

/** Of one test. */
export interface TestResult {
  readonly name: string
  readonly ok: boolean
  /** What does not hold, a line for each expectation; `null` where all hold. */
  readonly message: string | null
  readonly place: Place
}

/**
 * Runs the tests of the policies (a folder, definitions, or a store) and those of a table, `[{ as, given, expect }]`, for any test runner to tell.
 * `reading` says how the application finds the roles of its users, where that is not `user.roles`.
 *
 * @throws {PolicyError} for policies and tests that make no sense
 */
export async function testPolicies (policies: PoliciesGiven, tables: readonly PolicyTestDefinition[] = [], reading: Reading = {}): Promise<readonly TestResult[]> {
  const policy = compilePolicies(await sourcesFrom(policies, tables))
  const abilities = new Abilities(policy)
  return policy.tests.map((test) => {
    const failures = [...failuresOf(test, abilities, reading)].map(failureText)
    return { name: test.name, ok: failures.length === 0, message: failures.length === 0 ? null : failures.join('\n'), place: test.place }
  })
}

/** The same, but rejects with one error that tells everything that does not hold; also where there is no test at all. */
export async function assertPolicies (policies: PoliciesGiven, tables: readonly PolicyTestDefinition[] = [], reading: Reading = {}): Promise<void> {
  const results = await testPolicies(policies, tables, reading)
  assertResults(results)
}

/** Throws unless there are tests, and all of them hold. */
export function assertResults (results: readonly Pick<TestResult, 'ok' | 'message'>[]): void {
  if (results.length === 0) throw new Error('the policies have no tests: write some under "tests" in a policy, in a file *.test.yaml beside it, or in a table')
  const failed = results.filter(({ ok }) => !ok)
  if (failed.length === 0) return
  throw new Error(`${failed.length} of ${results.length} tests of the policies ${failed.length === 1 ? 'fails' : 'fail'}:\n${failed.map(({ message }) => message).join('\n')}`)
}
