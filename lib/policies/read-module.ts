/** Reads a policy written in JavaScript or TypeScript: the default export of a module, imported plainly. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { PolicySource } from './policy.ts'
import type { Problem } from './problems.ts'

/** What each module said when it was imported: Node.js imports a module once, whatever its file says later. */
const imported = new Map<string, string>()

/** A module that has changed since it was imported is noted: it still is what it was. */
export async function readModule (file: string, url: string, problems: Problem[], notes: string[]): Promise<PolicySource> {
  const source = (content: unknown): PolicySource => ({ file, content, locate: () => ({ file }) })
  const text = await digestOf(url)
  const before = imported.get(url) ?? text
  imported.set(url, before)
  if (before !== text) notes.push(`${file} has changed since it was imported: a policy in TypeScript or JavaScript changes by restart`)
  try {
    const module: object = await import(url)
    if ('default' in module) return source(module.default)
    problems.push({ place: { file }, message: 'has no default export; write `export default definePolicy(…)`' })
  } catch (error) {
    problems.push({ place: { file }, message: importProblem(error), cause: error })
  }
  return source(null)
}

/** A digest of the text of a module; `''` where there is none, which its import then tells. */
export async function digestOf (url: string): Promise<string> {
  try {
    return createHash('sha256').update(await readFile(new URL(url))).digest('base64')
  } catch {
    return ''
  }
}

/** Why a module could not be imported, and the mend where Node.js does not know TypeScript. */
export function importProblem (error: unknown): string {
  if (error instanceof Error && 'code' in error && error.code === 'ERR_UNKNOWN_FILE_EXTENSION') {
    return 'this Node.js does not import TypeScript: use Node.js >= 22.18, or run with `node --import tsx`'
  }
  return `cannot be imported: ${error instanceof Error ? error.message : String(error)}`.replaceAll(/\s+/g, ' ')
}
