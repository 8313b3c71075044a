/** The policies that a test is about: those of a folder or of another store, or definitions. */
import type { PolicyTestDefinition } from '../policies/define.ts'
import type { PolicySource } from '../policies/policy.ts'
import { readFiles, readPolicies, sourcesOf } from '../policies/read.ts'
import type { Policies } from '../policies/supply.ts'

export type PoliciesGiven = Policies

/** The sources of the policies, and of tests that are given beside them. */
export async function sourcesFrom (policies: PoliciesGiven, tables: readonly PolicyTestDefinition[]): Promise<PolicySource[]> {
  const sources = await read(policies)
  return tables.length === 0 ? [...sources] : [...sources, tablesSource(tables)]
}

async function read (policies: PoliciesGiven): Promise<readonly PolicySource[]> {
  if (typeof policies === 'string' || policies instanceof URL) return readPolicies(policies)
  if ('read' in policies) return (await readFiles(policies.name, await policies.read())).sources
  return sourcesOf(policies)
}

function tablesSource (tables: readonly PolicyTestDefinition[]): PolicySource {
  const file = 'tables'
  return { file, holds: 'tests', content: { tests: written(tables) }, locate: () => ({ file }) }
}

/** As a file would say it: dates as `{ $date: … }`. What a file could not say stays, and is refused when it is read. */
function written (value: unknown, around: readonly object[] = []): unknown {
  if (value instanceof Date) return { $date: Number.isNaN(value.getTime()) ? String(value) : value.toISOString() }
  if (typeof value !== 'object' || value === null || around.includes(value)) return value
  if (Array.isArray(value)) return value.map((item) => written(item, [...around, value]))
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, written(inner, [...around, value])]))
}
