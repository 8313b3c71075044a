/** The policy files of a folder, as they lie there at one moment. */
import { readFileSync, readdirSync, realpathSync, statSync } from 'node:fs'
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
export function filesOf (root: string, tries: number = MOST_TRIES): PolicyFile[] {
  try {
    const files = filesOfOneMoment(root)
    if (files !== null) return files
    if (tries === 1) throw new PolicyError([{ place: { file: shown(root) }, message: 'keeps changing while it is read' }])
  } catch (error) {
    if (tries === 1) throw error
  }
  return filesOf(root, tries - 1)
}

/**
 * `null` where something changed meanwhile. Nothing is waited for in between: a thousand files take 20 ms so, an eighth of the CPU time that a promise
 * for each takes, and far less than compiling what they say.
 */
function filesOfOneMoment (root: string): PolicyFile[] | null {
  const before = find(root)
  if (before.files.length === 0) throw new PolicyError([{ place: { file: shown(root) }, message: `holds no policy. ${WHAT_IS_READ}` }])
  const files = before.files.map(({ path }) => fileAt(path, root))
  return sameMarks(before, find(root)) ? files : null
}

/** Files and folders whose names begin with a dot are left out. Where it throws, `found` holds what was found until then. */
export function find (root: string, found: Found = { files: [], folders: [] }): Found {
  const { files, folders } = found
  look(root, [])
  return found

  /** Follows links, as mounted configuration is made of them; `above` are the folders on the way, so that a link cannot lead in a circle. */
  function look (folder: string, above: readonly string[]): void {
    folders.push(folder)
    const real = attempt(folder, () => realpathSync(folder), folder === root ? NO_FOLDER : '')
    if (above.includes(real)) throw new PolicyError([{ place: { file: shown(folder) }, message: 'is a link to a folder that holds it' }])
    for (const name of attempt(folder, () => readdirSync(folder)).sort()) {
      if (name.startsWith('.')) continue
      const path = join(folder, name)
      const entry = attempt(path, () => statSync(path, { bigint: true }))
      if (entry.isDirectory()) look(path, [...above, real])
      else if (formatOf(name) === null) continue
      // A pipe or a device may have no end.
      else if (!entry.isFile()) throw new PolicyError([{ place: { file: shown(path) }, message: 'is no file' }])
      else files.push({ path, mark: [entry.dev, entry.ino, entry.size, entry.mtimeNs, entry.ctimeNs].join() })
    }
  }
}

function sameMarks (a: Found, b: Found): boolean {
  const text = ({ files }: Found): string => files.map(({ path, mark }) => `${path}\n${mark}`).join('\n')
  return text(a) === text(b)
}

function fileAt (path: string, root: string): PolicyFile {
  const name = slashed(relative(root, path))
  if (formatOf(name) === 'module') return codeFile(name, pathToFileURL(path).href)
  return { name, text: attempt(path, () => readFileSync(path)) }
}

/** Said of the folder itself: what was given is a slip, or relative to another folder than was thought. */
const NO_FOLDER = ', so there is no folder of policies: give it as new URL("./policies/", import.meta.url), or as a path'

/** `mend` is said where nothing is at the path. */
function attempt<T> (path: string, action: () => T, mend = ''): T {
  try {
    return action()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new PolicyError([{ place: { file: shown(path) }, message: code === 'ENOENT' ? `does not exist${isAbsolute(shown(path)) ? '' : ` in ${process.cwd()}`}${mend}` : `cannot be read (${code})`, cause: error }])
  }
}

function slashed (path: string): string {
  return path.split(sep).join('/')
}
