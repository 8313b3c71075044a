/** What a policy file may be, by the ending of its name. */
import { posix } from 'node:path'

export type Format = 'yaml' | 'json' | 'module'

const FORMATS: Readonly<Record<string, Format>> = {
  '.yaml': 'yaml',
  '.yml': 'yaml',
  '.json': 'json',
  '.js': 'module',
  '.mjs': 'module',
  '.ts': 'module',
}

export const WHAT_IS_READ = `A policy file ends in ${Object.keys(FORMATS).join(', ')} (not .d.ts).`

/** `null` for a file that is no policy. */
export function formatOf (name: string): Format | null {
  return name.endsWith('.d.ts') ? null : FORMATS[posix.extname(name)] ?? null
}
