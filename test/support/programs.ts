/** Finds the programs that some tests need beside Node.js, and says how to get a missing one. */
import { accessSync, constants, existsSync, readdirSync, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { Test } from 'tap'

/** Each program under the names it goes by, the best first, with the line that installs it on Debian and Ubuntu. */
export const PROGRAMS = {
  'redis-server': { names: ['redis-server', 'valkey-server'], install: 'apt-get install redis-server' },
  chromium: { names: ['chromium', 'chromium-browser', 'google-chrome'], install: 'apt-get install chromium' },
  curl: { names: ['curl'], install: 'apt-get install curl' },
  postgresql: { names: ['postgres'], install: 'apt-get install postgresql' }
} as const

export type Program = keyof typeof PROGRAMS

/** Debian keeps PostgreSQL's programs out of `PATH`, one folder for each version; the newest comes first. */
function versionsOfPostgresql (folder = '/usr/lib/postgresql'): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder).sort((a, b) => Number(b) - Number(a)).map((version) => join(folder, version, 'bin'))
}

/** The whole path of a program, or `null` where no folder of `path` (default: `PATH`, and where Debian keeps PostgreSQL) holds it. */
export function findProgram (program: Program, path: string = [process.env.PATH ?? '', ...versionsOfPostgresql()].join(delimiter)): string | null {
  const folders = path.split(delimiter).filter((folder) => folder !== '')
  for (const name of PROGRAMS[program].names) {
    for (const folder of folders) {
      const file = join(folder, name)
      if (isExecutable(file)) return file
    }
  }
  return null
}

/**
 * The path of a program that a test needs. Where it is missing the answer is `null`, and the test says so and returns:
 * skipped with the line that installs it on somebody's machine, failed under `CI=true`, where nothing may be left out.
 * A test that calls this makes no `t.plan`.
 *
 * ```ts
 * const chromium = program(t, 'chromium')
 * if (chromium === null) return
 * ```
 */
export function program (t: Pick<Test, 'fail' | 'pass'>, name: Program): string | null {
  const path = findProgram(name)
  if (path !== null) return path
  const missing = `not run: needs ${name} (${PROGRAMS[name].install})`
  if (inCI()) {
    t.fail(missing)
    return null
  }
  t.pass(missing, { skip: true }) // the runner lists what was skipped at the end of its output
  return null
}

/** Whether this run may leave nothing out. Anything but an empty or a false `CI` counts, so that a slip runs more and not less. */
export function inCI ({ CI = '' }: { readonly CI?: string | undefined } = process.env): boolean {
  return CI !== '' && CI !== 'false' && CI !== '0'
}

function isExecutable (file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return statSync(file).isFile()
  } catch {
    return false
  }
}
