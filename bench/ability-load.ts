/** Policies of 10,000 rules and 1,000 roles: written as each contestant keeps them, and loaded. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMongoAbility } from '@casl/ability'
import { preparsePolicySet } from '@cedar-policy/cedar-wasm/nodejs'
import { FileAdapter, newEnforcer, newModelFromString } from 'casbin'
import { stringify } from 'yaml'
import { casbinModel, casbinPolicy, cedarPolicy, prepared } from './ability-contestants.ts'
import type { Call } from './ability-rounds.ts'
import type { WorkRule } from './ability-work.ts'
import { loadPolicies } from './built.ts'

const ROLES = 1_000
const RULES_EACH = 10
/** Roles that inherit one another in a row. */
const ROW = 10
const ACTIONS = ['create', 'read', 'update', 'delete', 'publish']

export interface Loading {
  readonly loads: Readonly<Record<string, Call>>
  /** Removes the files. */
  readonly end: () => Promise<void>
}

interface Role {
  readonly name: string
  readonly inherits: string | null
  readonly rules: readonly WorkRule[]
}

function roles (): Role[] {
  return Array.from({ length: ROLES }, (_, index) => ({
    name: `role${index}`,
    inherits: index % ROW === 0 ? null : `role${index - 1}`,
    rules: Array.from({ length: RULES_EACH }, (_, rule) => ({
      action: ACTIONS[rule % ACTIONS.length] as string,
      subject: `Subject${(index * RULES_EACH + rule) % 500}`,
      value: index * RULES_EACH + rule,
    })),
  }))
}

function definitionOf ({ name, inherits, rules }: Role): object {
  return {
    role: name,
    ...inherits !== null && { inherits },
    rules: rules.map(({ action, subject, value }) => ({ action, subject, conditions: { tenantId: '$user.tenantId', size: { $gt: value } } })),
  }
}

export async function loading (): Promise<Loading> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-policies-'))
  const csv = `${folder}.csv`
  const all = roles()
  const definitions = all.map(definitionOf)
  for (const [index, definition] of definitions.entries()) await writeFile(join(folder, `role${index}.yaml`), stringify(definition))
  await writeFile(csv, all.flatMap(({ name, inherits, rules }) => [
    ...rules.map((rule) => `p, ${casbinPolicy(rule, 'size', name).join(', ')}`),
    ...inherits === null ? [] : [`g, ${name}, ${inherits}`],
  ]).join('\n'))
  const cedar = all.flatMap(({ name, rules }) => rules.map((rule) => cedarPolicy(rule, 'size', name))).join('\n')
  const json = JSON.stringify(definitions.flatMap((definition) => (definition as { rules: object[] }).rules))
  return {
    loads: {
      'ours, from YAML files': async () => mustHold((await loadPolicies(folder)).roles.size),
      'ours, from values': async () => mustHold((await loadPolicies(definitions as never)).roles.size),
      'CASL, from JSON, without roles': () => createMongoAbility(JSON.parse(json)).can('read', 'Subject1'),
      'casbin, from its CSV file': () => newEnforcer(newModelFromString(casbinModel('size')), new FileAdapter(csv)),
      'Cedar, from text': () => prepared(preparsePolicySet('loaded', { staticPolicies: cedar })),
    },
    end: async () => {
      await rm(folder, { recursive: true })
      await rm(csv)
    },
  }
}

/** With `anonymous`, which is always there. */
function mustHold (roles: number): void {
  if (roles !== ROLES + 1) throw new Error(`${roles} roles were loaded`)
}
