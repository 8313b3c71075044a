/** What happens to a test whose program is missing. */
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import t from 'tap'
import { PROGRAMS, findProgram, inCI } from '../support/programs.ts'

const support = new URL('../support/programs.ts', import.meta.url)

t.test('a program is found under any of its names, the best name first', async (t) => {
  const folder = t.testdir({ first: { curl: 'not executable' }, second: {}, third: {} })
  const [first, second, third] = [join(folder, 'first'), join(folder, 'second'), join(folder, 'third')]
  const path = ['', first, second, third].join(delimiter)

  mkdirSync(join(second, 'curl'))
  t.equal(findProgram('curl', path), null, 'a folder and a file that cannot run are no programs')
  t.equal(findProgram('curl', ''), null)
  t.equal(findProgram('chromium', path), null)

  install(join(second, 'google-chrome'))
  t.equal(findProgram('chromium', path), join(second, 'google-chrome'))
  install(join(third, 'chromium'))
  t.equal(findProgram('chromium', path), join(third, 'chromium'))
})

t.test('a test without its program is skipped with the line that installs it, and fails in CI', async (t) => {
  const folder = t.testdir({
    'needy.ts': `
      import t from ${JSON.stringify(import.meta.resolve('tap'))}
      import { program } from ${JSON.stringify(support.href)}
      t.test('needy', async (t) => { t.equal(program(t, 'chromium'), null) })
    `
  })
  const needy = (CI: string) => spawnSync(process.execPath, [...process.execArgv, join(folder, 'needy.ts')], {
    encoding: 'utf8',
    env: { ...process.env, PATH: folder, CI }
  })

  const machine = needy('')
  t.match(machine.stdout, /ok 1 - not run: needs chromium \(apt-get install chromium\) # SKIP/)
  t.equal(machine.status, 0, machine.stderr)

  const ci = needy('true')
  t.match(ci.stdout, /not ok 1 - not run: needs chromium \(apt-get install chromium\)/)
  t.equal(ci.status, 1, ci.stderr)
})

t.test('only an empty or a false CI is no CI', async (t) => {
  t.equal(inCI({}), false, 'none')
  for (const CI of ['', 'false', '0']) t.equal(inCI({ CI }), false, CI)
  for (const CI of ['true', '1', 'TRUE', 'yes']) t.equal(inCI({ CI }), true, CI)
})

t.test('every program names the line that installs it', async (t) => {
  for (const [name, { install }] of Object.entries(PROGRAMS)) t.equal(install, `apt-get install ${name}`)
})

function install (file: string): void {
  writeFileSync(file, '#!/bin/sh\n')
  chmodSync(file, 0o755)
}
