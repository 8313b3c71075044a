/** Policies for tests, from text that stands in the test. */
import { compilePolicies } from '../../lib/policies/compile.ts'
import type { Policy, PolicySource } from '../../lib/policies/policy.ts'
import { PolicyError } from '../../lib/policies/problems.ts'
import type { Problem } from '../../lib/policies/problems.ts'
import { readJson } from '../../lib/policies/read-json.ts'
import { readYaml } from '../../lib/policies/read-yaml.ts'

/** Texts by file name. */
export type Files = Readonly<Record<string, string>>

/** Reads as a folder with these files would be read. */
export function sources (files: Files): PolicySource[] {
  const problems: Problem[] = []
  const read = Object.entries(files).map(([file, text]) => (file.endsWith('.json') ? readJson : readYaml)(file, text, problems))
  if (problems.length > 0) throw new PolicyError(problems)
  return read
}

export function source (file: string, text: string): PolicySource {
  return sources({ [file]: text })[0] as PolicySource
}

export function compiled (files: Files): Policy {
  return compilePolicies(sources(files))
}

/** The lines of the error; anything else that is thrown is not caught. */
export function problemsOf (action: () => unknown): string[] {
  try {
    action()
    return []
  } catch (error) {
    if (error instanceof PolicyError) return error.message.split('\n')
    throw error
  }
}
