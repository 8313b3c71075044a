/** The policy files of a folder, as they lie there at one moment. */
import { readFile, readdir, realpath, stat } from 'node:fs/promises'
import { isAbsolute, join, relative, resolve, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { WHAT_IS_READ, formatOf } from './file-formats.ts'
import { codeFile } from './own-code.ts'
import { PolicyError } from './problems.ts'
import type { PolicyFile } from './source.ts'

/** Everything below a folder that matters to policies. */
export interface Found {
  readonly files: FoundFile[]
  /** The folder and its sub-folders. */
  readonly folders: string[]
}

interface FoundFile {
  readonly path: string
  /** Another text for every change of the file. */
  readonly mark: string
}

/** How often a folder is read that changes meanwhile. */
const MOST_TRIES = 3

/** The path of a folder; a path is relative to the working directory. Throws a `PolicyError` for another URL than a `file:` one. */
export function pathOf (folder: URL | string): string {
  if (typeof folder === 'string') return resolve(folder)
  try {
    return resolve(fileURLToPath(folder))
  } catch {
    throw new PolicyError([{ place: { file: folder.href }, message: 'is not the URL of a folder: write new URL("./policies/", import.meta.url)' }])
  }
}

/** Relative to the working directory where it is below it. */
export function shown (path: string): string {
  const near = relative(process.cwd(), path)
  const isBelow = near !== '' && near !== '..' && !near.startsWith(`..${sep}`) && !isAbsolute(near)
  return slashed(isBelow ? near : path)
}

/**
 * Every policy file of the folder and of its sub-folders, sorted by name, all of one moment: where files change while they are read, they are read
 * again. Throws a `PolicyError` for files that cannot be read and for a folder without policies.
 */
export async function filesOf (root: string, tries: number = MOST_TRIES): Promise<PolicyFile[]> {
  try {
    const files = await filesOfOneMoment(root)
    if (files !== null) return files
    if (tries === 1) throw new PolicyError([{ place: { file: shown(root) }, message: 'keeps changing while it is read' }])
  } catch (error) {
    if (tries === 1) throw error
  }
  return filesOf(root, tries - 1)
}

/** `null` where something changed meanwhile. */
async function filesOfOneMoment (root: string): Promise<PolicyFile[] | null> {
  const before = await find(root)
  if (before.files.length === 0) throw new PolicyError([{ place: { file: shown(root) }, message: `holds no policy. ${WHAT_IS_READ}` }])
  const files: PolicyFile[] = []
  for (const { path } of before.files) files.push(await fileAt(path, root))
  return sameMarks(before, await find(root)) ? files : null
}

/** Files and folders whose names begin with a dot are left out. Where it throws, `found` holds what was found until then. */
export async function find (root: string, found: Found = { files: [], folders: [] }): Promise<Found> {
  const { files, folders } = found
  await look(root, [])
  return found

  /** Follows links, as mounted configuration is made of them; `above` are the folders on the way, so that a link cannot lead in a circle. */
  async function look (folder: string, above: readonly string[]): Promise<void> {
    folders.push(folder)
    const real = await attempt(folder, () => realpath(folder))
    if (above.includes(real)) throw new PolicyError([{ place: { file: shown(folder) }, message: 'is a link to a folder that holds it' }])
    for (const name of (await attempt(folder, () => readdir(folder))).sort()) {
      if (name.startsWith('.')) continue
      const path = join(folder, name)
      const entry = await attempt(path, () => stat(path, { bigint: true }))
      if (entry.isDirectory()) await look(path, [...above, real])
      else if (formatOf(name) !== null) files.push({ path, mark: [entry.dev, entry.ino, entry.size, entry.mtimeNs, entry.ctimeNs].join() })
    }
  }
}

function sameMarks (a: Found, b: Found): boolean {
  const text = ({ files }: Found): string => files.map(({ path, mark }) => `${path}\n${mark}`).join('\n')
  return text(a) === text(b)
}

async function fileAt (path: string, root: string): Promise<PolicyFile> {
  const name = slashed(relative(root, path))
  if (formatOf(name) === 'module') return codeFile(name, pathToFileURL(path).href)
  return { name, text: await attempt(path, () => readFile(path)) }
}

async function attempt<T> (path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new PolicyError([{ place: { file: shown(path) }, message: code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`, cause: error }])
  }
}

function slashed (path: string): string {
  return path.split(sep).join('/')
}
