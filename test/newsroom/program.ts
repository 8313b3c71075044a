/** newsroom as a process, as `npm start` runs it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface Started {
  /** What it printed until it was ready. */
  readonly printed: string
  readonly origin: string
  readonly end: (signal: NodeJS.Signals) => Promise<Ended>
}

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** The last line that it prints before it waits for requests. */
const READY = /^curl .*mallory.*\n/m

export type Settings = Readonly<Record<string, string>>

/** Runs it until it ends by itself. */
export async function run (settings: Settings): Promise<Ended> {
  return await launch(settings).ended
}

/** Runs it until it is ready; it is ended at the end of the test at the latest. */
export async function start (t: Test, settings: Settings): Promise<Started> {
  const { child, output, ended } = launch(settings)
  t.teardown(() => { child.kill('SIGKILL') })
  const ready = new Promise<void>((resolve) => {
    child.stdout.on('data', () => { if (READY.test(output.stdout)) resolve() })
  })
  await Promise.race([ready, ended.then((end) => { throw new Error(`it ended: ${end.stderr}`) })])
  const origin = /http:\/\/\S+/.exec(output.stdout.slice(output.stdout.indexOf('newsroom listens on')))?.[0] ?? ''
  return {
    printed: output.stdout,
    origin,
    end: async (signal) => {
      child.kill(signal)
      return await ended
    },
  }
}

/** Another loader makes other code of the same files: its coverage would be added to the wrong lines. */
const UNCOVERED = { _TAPJS_PROCESSINFO_COVERAGE_: '0' }

/** The environment is new: neither this run's options of Node.js nor anybody's own settings reach the process. */
function launch (settings: Settings) {
  const { PATH = '', HOME = '', TMPDIR = '/tmp' } = process.env
  const child = spawn(process.execPath, ['--import', 'tsx', 'examples/newsroom/server.ts'], {
    cwd: ROOT, env: { PATH, HOME, TMPDIR, PORT: '0', ...UNCOVERED, ...settings }, stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => { output.stdout += text })
  child.stderr.setEncoding('utf8').on('data', (text: string) => { output.stderr += text })
  const ended = once(child, 'close').then(([code, signal]): Ended => ({ code, signal, ...output }))
  return { child, output, ended }
}
