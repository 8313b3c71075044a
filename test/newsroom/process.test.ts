/** newsroom as a process: what it prints, that it can be tried by copy and paste, and how it ends. */
import { execFile } from 'node:child_process'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { PEOPLE } from '../../examples/newsroom/people.ts'
import { program } from '../support/programs.ts'
import { run, start, type Ended } from './program.ts'

const shell = promisify(execFile)

t.test('it prints who can sign in, and lines to try that show what they say', async (t) => {
  const { printed, origin, end } = await start(t, {})
  t.match(origin, /^http:\/\/127\.0\.0\.1:[1-9]\d*$/, 'the port that it really has')
  for (const { name } of PEOPLE) t.match(printed, new RegExp(`${name} .*correct horse ${name}`))

  const [, key = ''] = /^API key: (\S+)$/m.exec(printed) ?? []
  const [, bare = ''] = /^API key without scope: (\S+)$/m.exec(printed) ?? []
  const feed = async (key: string) => (await fetch(`${origin}/feed`, { headers: { 'x-api-key': key } })).status
  t.same([await feed(key), await feed(bare), await feed('nonsense')], [200, 403, 401], 'the keys that it prints work')

  const tries = [...printed.matchAll(/^# (\d{3}): .*\n(curl .*)$/gm)].map(([, status = '', line = '']) => ({ status, line }))
  t.same(tries.map(({ status }) => status), ['200', '401', '200', '200', '403', '404', '429'])
  if (program(t, 'curl') !== null) {
    for (const { status, line } of tries) {
      t.ok(line.includes(origin))
      const { stdout } = await shell('sh', ['-c', line])
      t.equal(stdout.match(/^(?:HTTP\/1\.1 )?\d{3}\b/gm)?.at(-1)?.slice(-3), status, line)
    }
  }

  await t.test('a second one on the same port says so in one line', async (t) => {
    const ended = await run({ PORT: new URL(origin).port })
    saysWhy(t, ended, /^newsroom could not start: .*EADDRINUSE.*127\.0\.0\.1:\d+$/)
  })

  const { code, signal, stderr } = await end('SIGTERM')
  t.same({ code, signal, stderr }, { code: 0, signal: null, stderr: '' }, 'SIGTERM closes it cleanly')
})

t.test('what makes no sense in its environment ends it at once', async (t) => {
  const wrong: ReadonlyArray<readonly [Record<string, string>, RegExp]> = [
    [{ PORT: 'http' }, /^newsroom could not start: PORT: expected a number/],
    [{ LOG_LEVEL: 'loud' }, /^newsroom could not start: LOG_LEVEL: expected one of/],
    [{ DATABASE_URL: 'newsroom' }, /^newsroom could not start: DATABASE_URL: expected postgres:/],
    [{ REDIS_URL: 'http://:hunter2@127.0.0.1' }, /^newsroom could not start: REDIS_URL: expected redis:/],
    // Port 1 is never listened on by a database or a Redis; connecting to it is refused at once.
    [{ DATABASE_URL: 'postgres://ann:hunter2@127.0.0.1:1/newsroom' }, /^newsroom could not start: DATABASE_URL: connect ECONNREFUSED/],
    [{ REDIS_URL: 'redis://:hunter2@127.0.0.1:1' }, /^newsroom could not start: REDIS_URL: connect ECONNREFUSED/],
  ]
  for (const [settings, line] of wrong) saysWhy(t, await run(settings), line)
})

t.test('policies that make no sense, or a secret that is too short, end it, and it says which', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'newsroom-'))
  t.teardown(() => rm(folder, { recursive: true }))
  await cp(fileURLToPath(new URL('../../policies/', import.meta.url)), folder, { recursive: true, filter: (path) => !path.endsWith('.ts') })
  await writeFile(join(folder, 'reader.yaml'), 'role: reader\nrulez: []\nrules:\n  - action: read\n    subject: Artikle\n')
  const [broken, missing, secret] = await Promise.all([
    run({ POLICIES: folder }),
    run({ POLICIES: join(folder, 'nowhere') }),
    run({ JWT_SECRET: 'short' }),
  ])
  saysWhy(t, broken, /^newsroom could not start: .*reader\.yaml:2:1 .*rulez.*Did you mean "rules".*; .*reader\.yaml:5:14 .*Artikle.*Did you mean "Article"/)
  saysWhy(t, missing, /^newsroom could not start: .*nowhere does not exist/)
  saysWhy(t, secret, /^newsroom could not start: bearer\(\): .*32/)
})

/** One line on stderr without a stack, no secret in it, and a status that says failure. */
function saysWhy (t: Test, { code, stderr }: Ended, line: RegExp): void {
  t.equal(code, 1)
  t.equal(stderr.split('\n').length, 2, 'one line')
  t.match(stderr.trimEnd(), line)
  t.notMatch(stderr, /hunter2|\n\s+at /)
}
