/** `fastify start` of fastify-cli, in a process of its own. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { ADA } from './application.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const cli = fileURLToPath(import.meta.resolve('fastify-cli/cli.js'))
const application = fileURLToPath(new URL('./cli-application.ts', import.meta.url))

t.test('fastify start serves the application, which answers 401 and 200 and stops on SIGTERM', { timeout: 240_000 }, async (t) => {
  // fastify-cli takes `--port 0` for no port, and port 0 of the environment as it is.
  const { NODE_OPTIONS: _of, ...environment } = process.env
  const child = spawn(process.execPath, ['--import', 'tsx', cli, 'start', '--log-level', 'info', '--address', '127.0.0.1', application], {
    cwd: root, // Another loader makes other code of the same files: its coverage would be added to the wrong lines.
    env: { ...environment, PORT: '0', _TAPJS_PROCESSINFO_COVERAGE_: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  let errors = ''
  child.stderr.on('data', (chunk) => { errors += String(chunk) })
  const ended = once(child, 'exit')

  const address = await listening(child.stdout)
  t.ok(address, `it listens ${errors}`)
  if (address === null) return

  const stranger = await fetch(`${address}/me`)
  t.equal(stranger.status, 401)
  t.match(stranger.headers.get('www-authenticate'), /^Bearer realm="neighbours"/)
  const ada = await fetch(`${address}/me`, { headers: { authorization: ADA } })
  t.equal(ada.status, 200)
  t.match(await ada.json(), { id: 'ada' })

  child.kill('SIGTERM')
  t.same(await ended, [0, null], 'it ends by itself, with status 0')
})

/** The address in Fastify's own log line; `null` when the output ends without one. */
async function listening (output: NodeJS.ReadableStream): Promise<string | null> {
  for await (const line of createInterface({ input: output })) {
    const found = /Server listening at (http:[^"]+)/.exec(line)
    if (found !== null) {
      output.resume()
      return found[1] ?? null
    }
  }
  return null
}
