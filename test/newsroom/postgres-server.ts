/** A PostgreSQL server of the machine's own, started for one test on a socket file in a folder of its own. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { chown, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { program } from '../support/programs.ts'

export interface PostgresServer {
  readonly url: string
  /** Ends every connection at once. */
  readonly stop: () => Promise<void>
}

const run = promisify(execFile)

/** `null` where there is none: then the test says so and returns; under `CI=true` it fails. */
export async function postgresServer (t: Test): Promise<PostgresServer | null> {
  const server = program(t, 'postgresql')
  if (server === null) return null
  const bin = dirname(server)
  const owner = unprivileged()
  const folder = await mkdtemp(join(tmpdir(), 'pg-'))
  t.teardown(() => rm(folder, { recursive: true }))
  if ('uid' in owner) await chown(folder, owner.uid, owner.gid)

  const data = join(folder, 'data')
  await run(join(bin, 'initdb'), ['-D', data, '-U', 'newsroom', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'], owner)
  const child = spawn(join(bin, 'postgres'), ['-D', data, '-k', folder, '-c', 'listen_addresses=', '-c', 'fsync=off'], { ...owner, stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = once(child, 'close')
  const stop = async (signal: 'SIGINT' | 'SIGTERM'): Promise<void> => {
    child.kill(signal)
    await ended
  }
  // After `pool.end()` a connection still takes a moment to say goodbye, and one that is ended meanwhile throws where nobody can catch it: PostgreSQL waits for it.
  t.teardown(() => stop('SIGTERM'))
  await said(child.stderr, 'database system is ready to accept connections')
  return { url: `postgresql:///postgres?host=${encodeURIComponent(folder)}&user=newsroom`, stop: () => stop('SIGINT') }
}

/** PostgreSQL refuses to run as root: then it runs as the user that its package made. */
function unprivileged (): { readonly uid: number, readonly gid: number } | Record<never, never> {
  if (process.getuid?.() !== 0) return {}
  const [, uid, gid] = /^postgres:[^:]*:(\d+):(\d+):/m.exec(readFileSync('/etc/passwd', 'utf8')) ?? []
  if (uid === undefined) throw new Error('root cannot run PostgreSQL, and there is no user "postgres"')
  return { uid: Number(uid), gid: Number(gid) }
}

async function said (stream: NodeJS.ReadableStream, words: string): Promise<void> {
  let text = ''
  for await (const chunk of stream.setEncoding('utf8')) {
    text += chunk
    if (text.includes(words)) break
  }
  if (!text.includes(words)) throw new Error(`PostgreSQL did not start: ${text}`)
}
