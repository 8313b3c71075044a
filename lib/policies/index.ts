/** What policies written in TypeScript, and tools around them, import: `fastify-gatehouse/policies`. */
import type { Policy } from './policy.ts'
import { supplyOf, type Policies } from './supply.ts'

export { definePolicy, defineSubjects, deny } from './define.ts'
export type {
  AttributeDefinition,
  AttributesDefinition,
  Conditions,
  GroupPolicyDefinition,
  PolicyDefinition,
  PreCheckDefinition,
  PreCheckPolicyDefinition,
  QuotaDefinition,
  QuotasDefinition,
  RolePolicyDefinition,
  RuleDefinition,
  SubjectDefinition,
  SubjectsDefinition,
  UserDefinition,
} from './define.ts'
export { policyFolder, type PolicyFolder, type PolicyFolderOptions } from './folder.ts'
export type { Group, Place, Policy, PolicyQuotas, PreCheck, QuotaRule, Rule } from './policy.ts'
export { PolicyError } from './problems.ts'
export type { Problem } from './problems.ts'
export type { PolicyFile, PolicyStore, Stop } from './source.ts'

/**
 * Reads and compiles the policies of a folder (a path is relative to the working directory) or of another store.
 * Rejects with a `PolicyError` that tells everything that is wrong, and with the store's own error where it is down.
 */
export async function loadPolicies (from: Policies): Promise<Policy> {
  const fetched = await supplyOf(from).fetch()
  return (await fetched.compile()).policy
}
