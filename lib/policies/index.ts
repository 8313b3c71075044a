/** What policies written in TypeScript, and tools around them, import: `fastify-gatehouse/policies`. */
import { compilePolicies } from './compile.ts'
import type { Policy } from './policy.ts'
import { readPolicies } from './read.ts'

export { definePolicy, deny } from './define.ts'
export type {
  Conditions,
  GroupPolicyDefinition,
  PolicyDefinition,
  PreCheckDefinition,
  PreCheckPolicyDefinition,
  RolePolicyDefinition,
  RuleDefinition,
} from './define.ts'
export type { Group, Place, Policy, PreCheck, Rule } from './policy.ts'
export { PolicyError } from './problems.ts'
export type { Problem } from './problems.ts'

/**
 * Reads and compiles the policies of a folder (a path is relative to the working directory).
 * Rejects with a `PolicyError` that tells everything that is wrong.
 */
export async function loadPolicies (folder: URL | string): Promise<Policy> {
  return compilePolicies(await readPolicies(folder))
}
