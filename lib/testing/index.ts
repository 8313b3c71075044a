/** What tests of applications and of policies import: `fastify-gatehouse/testing`. Nothing else of the package does. */
export { as, type As, type StandInAuth } from './as.ts'
export { assertPolicies, testPolicies, type TestResult } from './policy-tables.ts'
export { mutatePolicies, type MutationReport, type Survivor, type UncoveredRule } from './mutate.ts'
export { recordDecisions, type DecisionRecorder } from './record-decisions.ts'
export type { PoliciesGiven } from './policies-given.ts'
export type { PolicyTestDefinition } from '../policies/define.ts'
export type { Reading } from '../authorization/policy-tests.ts'
