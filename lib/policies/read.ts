/** Reads policy files, of a folder or of another store, or policies that were given as values. */
import { declaresSubjects } from './define.ts'
import { formatOf } from './file-formats.ts'
import { policyFolder } from './folder.ts'
import { isOwnCode } from './own-code.ts'
import type { PolicySource } from './policy.ts'
import { PolicyError } from './problems.ts'
import type { Problem } from './problems.ts'
import { readJson } from './read-json.ts'
import { readModule } from './read-module.ts'
import { readYaml } from './read-yaml.ts'
import type { PolicyFile } from './source.ts'

/** Far more than people write; a parser's time and memory grow faster than the text. */
const MAX_BYTES = 256 * 1024
const MAX_TOTAL_BYTES = 16 * 1024 * 1024
const MAX_FILES = 5000

/** Names come in messages, and so into the log: one line each. */
const NAME = /^[^\p{Cc}\p{Zl}\p{Zp}]{1,200}$/u

export interface Reading {
  readonly sources: readonly PolicySource[]
  /** What is not wrong but should be known. */
  readonly notes: readonly string[]
}

/** The policies of a folder, whose path is relative to the working directory. Throws a `PolicyError` with all that cannot be read. */
export async function readPolicies (folder: URL | string): Promise<readonly PolicySource[]> {
  const { name, read } = policyFolder(folder)
  return (await readFiles(name, await read())).sources
}

/** The files of a store, which are not trusted in any way. Throws a `PolicyError` with all that cannot be read. */
export async function readFiles (store: string, files: readonly PolicyFile[]): Promise<Reading> {
  const wrong = (message: string): never => { throw new PolicyError([{ place: { file: store }, message }]) }
  if (!Array.isArray(files)) return wrong('gave no list of policy files')
  if (files.length === 0) return wrong('holds no policy: nobody would be allowed anything')
  if (files.length > MAX_FILES) return wrong(`holds more than ${MAX_FILES} policies`)
  if (totalBytes(files) > MAX_TOTAL_BYTES) return wrong(`holds more than ${MAX_TOTAL_BYTES / 1024 / 1024} MiB of policies`)

  const problems: Problem[] = []
  const notes: string[] = []
  const sources: PolicySource[] = []
  const names = new Set<string>()
  for (const [index, file] of files.entries()) {
    const name: unknown = (file as Partial<PolicyFile> | null)?.name
    if (typeof name !== 'string' || !NAME.test(name)) {
      problems.push({ place: { file: store }, message: `gave a policy whose name is no text of 1 to 200 characters in one line (number ${index + 1})` })
      continue
    }
    const place = `${store}/${name}`
    if (names.has(name)) problems.push({ place: { file: place }, message: 'is there twice' })
    names.add(name)
    sources.push(await readFile(place, file, problems, notes))
  }
  if (problems.length > 0) throw new PolicyError(problems)
  return { sources, notes }
}

/** Policies made by `definePolicy`, and what `defineSubjects` makes. Throws a `PolicyError` for an empty list. */
export function sourcesOf (definitions: readonly unknown[]): PolicySource[] {
  if (definitions.length === 0) throw new PolicyError([{ place: { file: 'policies' }, message: 'is an empty list: nobody would be allowed anything' }])
  return definitions.map((content, index) => defined(declaresSubjects(content) ? 'subjects' : nameOf(content) ?? `policies[${index}]`, content))
}

function nameOf (content: unknown): string | undefined {
  if (typeof content !== 'object' || content === null) return undefined
  const { name, role } = content as { name?: unknown, role?: unknown }
  return [name, role].find((value) => typeof value === 'string') as string | undefined
}

function defined (file: string, content: unknown): PolicySource {
  return { file, content, locate: () => ({ file }), ...declaresSubjects(content) ? { holds: 'subjects' } : {} }
}

async function readFile (place: string, file: PolicyFile, problems: Problem[], notes: string[]): Promise<PolicySource> {
  const report = (message: string): PolicySource => {
    problems.push({ place: { file: place }, message })
    return defined(place, null)
  }
  if (isOwnCode(file)) return readModule(place, file.module, problems, notes)
  const code = ['module', 'definition'].find((key) => key in file)
  if (code !== undefined) return report(`has a "${code}": a store holds text alone. Code comes from a folder (policyFolder), and definitions are given as a list: policies: [definePolicy(…)]`)
  const format = formatOf(file.name)
  if (format === null || format === 'module') return report('is text, and must be named so: *.yaml, *.yml or *.json')
  const { text } = file
  if (typeof text !== 'string' && !(text instanceof Uint8Array)) return report('has no text')
  if (bytesOf(text) > MAX_BYTES) return report(`is larger than ${MAX_BYTES / 1024} KiB: split it into several policies`)
  const decoded = typeof text === 'string' ? text.replace(/^\ufeff/, '') : utf8(text)
  if (decoded === null) return report('is not valid UTF-8')
  return (format === 'yaml' ? readYaml : readJson)(place, decoded, problems)
}

/** `null` where the bytes are no text. */
function utf8 (bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return null
  }
}

function totalBytes (files: readonly PolicyFile[]): number {
  let total = 0
  for (const file of files as readonly (Partial<{ text: unknown }> | null)[]) total += bytesOf(file?.text)
  return total
}

function bytesOf (text: unknown): number {
  if (typeof text === 'string') return Buffer.byteLength(text)
  return text instanceof Uint8Array ? text.length : 0
}
