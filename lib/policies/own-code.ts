/** Knows the files that hold the application's own code: those that a folder gave, and nothing that only looks like them. */
import type { PolicyFile } from './source.ts'

export type CodeFile = Extract<PolicyFile, { module: string }>

const own = new WeakSet<object>()

/** A module of a folder. */
export function codeFile (name: string, module: string): CodeFile {
  const file = Object.freeze({ name, module })
  own.add(file)
  return file
}

/** By identity: whoever can write into a store can write whatever a file of a folder says. */
export function isOwnCode (file: object): file is CodeFile {
  return own.has(file)
}
