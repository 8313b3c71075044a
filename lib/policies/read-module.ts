/** Reads a policy written in JavaScript or TypeScript: the default export of a module, imported plainly. */
import { pathToFileURL } from 'node:url'
import type { PolicySource } from './policy.ts'
import type { Problem } from './problems.ts'

export async function readModule (file: string, path: string, problems: Problem[]): Promise<PolicySource> {
  const source = (content: unknown): PolicySource => ({ file, content, locate: () => ({ file }) })
  try {
    const module: object = await import(pathToFileURL(path).href)
    if ('default' in module) return source(module.default)
    problems.push({ place: { file }, message: 'has no default export; write `export default definePolicy(…)`' })
  } catch (error) {
    problems.push({ place: { file }, message: importProblem(error), cause: error })
  }
  return source(null)
}

/** Why a module could not be imported, and the mend where Node.js does not know TypeScript. */
export function importProblem (error: unknown): string {
  if (error instanceof Error && 'code' in error && error.code === 'ERR_UNKNOWN_FILE_EXTENSION') {
    return 'this Node.js does not import TypeScript: use Node.js >= 22.18, or run with `node --import tsx`'
  }
  return `cannot be imported: ${error instanceof Error ? error.message : String(error)}`.replaceAll(/\s+/g, ' ')
}
