/** One way to get at policies, wherever they come from. */
import { createHash } from 'node:crypto'
import { compilePolicies } from './compile.ts'
import type { PolicyDefinition, SubjectsDefinition } from './define.ts'
import { policyFolder } from './folder.ts'
import type { Policy } from './policy.ts'
import { readFiles, sourcesOf } from './read.ts'
import { isOwnCode } from './own-code.ts'
import { digestOf } from './read-module.ts'
import { isPolicyStore, type PolicyFile, type PolicyStore } from './source.ts'

/** A folder, as a `file:` URL or a path; a store; or what `definePolicy` and `defineSubjects` make. */
export type Policies = URL | string | PolicyStore | readonly (PolicyDefinition | SubjectsDefinition)[]

export interface Supply {
  /** For messages. */
  readonly name: string
  /** Rejects with a `PolicyError` for what is wrong, with any other error where the store is down. */
  fetch: () => Promise<Fetched>
  /** Absent where nobody can tell of changes. */
  readonly watch: PolicyStore['watch']
}

/** Files that are not read yet. */
export interface Fetched {
  /** The same as before: so are the files. `null` where that cannot be told. */
  readonly digest: string | null
  /** Rejects with a `PolicyError` that tells everything that is wrong. */
  compile: () => Promise<Loaded>
}

export interface Loaded {
  readonly policy: Policy
  /** What is not wrong but should be known. */
  readonly notes: readonly string[]
}

/** @throws {PolicyError} for another URL than a `file:` one */
export function supplyOf (policies: Policies): Supply {
  if (typeof policies === 'string' || policies instanceof URL) return supplyOf(policyFolder(policies))
  if (!isPolicyStore(policies)) return { name: 'policies', fetch: async () => ({ digest: null, compile: async () => defined(policies) }), watch: undefined }
  return {
    name: policies.name,
    async fetch () {
      const files = await policies.read()
      return { digest: await filesDigest(files), compile: () => loaded(policies.name, files) }
    },
    watch: policies.watch?.bind(policies),
  }
}

function defined (definitions: readonly unknown[]): Loaded {
  return { policy: compilePolicies(sourcesOf(definitions)), notes: [] }
}

async function loaded (name: string, files: readonly PolicyFile[]): Promise<Loaded> {
  const { sources, notes } = await readFiles(name, files)
  return { policy: compilePolicies(sources), notes }
}

/** `null` where something is neither text nor a module of a folder, and so will be refused. */
async function filesDigest (files: readonly PolicyFile[]): Promise<string | null> {
  if (!Array.isArray(files)) return null
  const hash = createHash('sha256')
  for (const file of files) {
    const digest = await fileDigest(file)
    if (digest === null) return null
    hash.update(JSON.stringify([file.name, digest]))
  }
  return hash.digest('base64')
}

async function fileDigest (file: unknown): Promise<string | null> {
  if (typeof file !== 'object' || file === null) return null
  if (isOwnCode(file)) return digestOf(file.module)
  const { text } = file as { readonly text?: unknown }
  if ('module' in file || 'definition' in file) return null
  return typeof text === 'string' || text instanceof Uint8Array ? createHash('sha256').update(text).digest('base64') : null
}
