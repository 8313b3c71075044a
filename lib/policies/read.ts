/** Reads the policies of a folder, or those that were given as values. */
import { readFile, readdir, realpath, stat } from 'node:fs/promises'
import { extname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { PolicySource } from './policy.ts'
import { PolicyError } from './problems.ts'
import type { Problem } from './problems.ts'
import { readJson } from './read-json.ts'
import { readModule } from './read-module.ts'
import { readYaml } from './read-yaml.ts'

/** Far more than a person writes; a parser's time and memory grow faster than the file. */
const MAX_BYTES = 256 * 1024

const READERS: Readonly<Record<string, 'yaml' | 'json' | 'module'>> = {
  '.yaml': 'yaml',
  '.yml': 'yaml',
  '.json': 'json',
  '.js': 'module',
  '.mjs': 'module',
  '.ts': 'module',
}
const WHAT_IS_READ = `A policy file ends in ${Object.keys(READERS).join(', ')} (not .d.ts).`

/**
 * Every policy file of the folder and of its sub-folders, sorted by name; files and folders whose names begin with a dot are left out.
 * A path is relative to the working directory. Throws a `PolicyError` for files that cannot be read and for a folder without policies.
 */
export async function readPolicies (folder: URL | string): Promise<PolicySource[]> {
  const root = pathOf(folder)
  const files = (await filesIn(root, [])).sort()
  if (files.length === 0) throw new PolicyError([{ place: { file: shown(root) }, message: `holds no policy. ${WHAT_IS_READ}` }])

  const problems: Problem[] = []
  const sources: PolicySource[] = []
  for (const path of files) sources.push(await readSource(path, problems))
  if (problems.length > 0) throw new PolicyError(problems)
  return sources
}

/** Policies made by `definePolicy`. Throws a `PolicyError` for an empty list. */
export function sourcesOf (definitions: readonly unknown[]): PolicySource[] {
  if (definitions.length === 0) throw new PolicyError([{ place: { file: 'policies' }, message: 'is an empty list: nobody would be allowed anything' }])
  return definitions.map((content, index) => {
    const file = nameOf(content) ?? `policies[${index}]`
    return { file, content, locate: () => ({ file }) }
  })
}

function nameOf (content: unknown): string | undefined {
  if (typeof content !== 'object' || content === null) return undefined
  const { name, role } = content as { name?: unknown, role?: unknown }
  return [name, role].find((value) => typeof value === 'string') as string | undefined
}

function pathOf (folder: URL | string): string {
  if (typeof folder === 'string') return resolve(folder)
  try {
    return fileURLToPath(folder)
  } catch {
    throw new PolicyError([{ place: { file: folder.href }, message: 'is not the URL of a folder: write new URL("./policies/", import.meta.url)' }])
  }
}

/** Follows links, as mounted configuration is made of them; `above` are the folders on the way, so that a link cannot lead in a circle. */
async function filesIn (folder: string, above: readonly string[]): Promise<string[]> {
  const files: string[] = []
  const real = await attempt(folder, () => realpath(folder))
  if (above.includes(real)) throw new PolicyError([{ place: { file: shown(folder) }, message: 'is a link to a folder that holds it' }])
  for (const name of await attempt(folder, () => readdir(folder))) {
    if (name.startsWith('.')) continue
    const path = join(folder, name)
    const entry = await attempt(path, () => stat(path))
    if (entry.isDirectory()) files.push(...await filesIn(path, [...above, real]))
    else if (isPolicyFile(name)) files.push(path)
  }
  return files
}

function isPolicyFile (name: string): boolean {
  return extname(name) in READERS && !name.endsWith('.d.ts')
}

async function readSource (path: string, problems: Problem[]): Promise<PolicySource> {
  const name = shown(path)
  const reader = READERS[extname(path)]
  if (reader === 'module') return readModule(name, path, problems)
  const text = textOf(await attempt(path, () => readFile(path)), name, problems)
  return reader === 'yaml' ? readYaml(name, text, problems) : readJson(name, text, problems)
}

/** What is no text is told, and stands as `null`. */
function textOf (bytes: Buffer, file: string, problems: Problem[]): string {
  if (bytes.length > MAX_BYTES) {
    problems.push({ place: { file }, message: `is larger than ${MAX_BYTES / 1024} KiB: split it into several policies` })
    return 'null'
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    problems.push({ place: { file }, message: 'is not valid UTF-8' })
    return 'null'
  }
}

async function attempt<T> (path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new PolicyError([{ place: { file: shown(path) }, message: code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`, cause: error }])
  }
}

/** Relative to the working directory where it is below it. */
function shown (path: string): string {
  const near = relative(process.cwd(), path)
  const isBelow = near !== '' && near !== '..' && !near.startsWith(`..${sep}`) && !isAbsolute(near)
  return (isBelow ? near : path).split(sep).join('/')
}
