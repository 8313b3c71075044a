/** What CI runs is what the README, the manifest and the tests say. */
import { execFile } from 'node:child_process'
import { accessSync, constants, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { PROGRAMS } from '../support/programs.ts'

const run = read('.ci/run')

t.test("CI runs the README's test command", async (t) => {
  t.match(read('README.md'), /npm ci && npm test/)
  t.match(run, /^patiently npm ci( --no-(audit|fund))*$/m)
  t.match(run, /^npm test /m)
})

t.test('CI tries again where a connection to the registry or the mirror breaks off, and gives up after five times', async (t) => {
  const patiently = run.match(/^patiently \(\) {\n[^]*?^}$/m)?.[0]
  const tried = async (rightFrom: number) => {
    const script = `${patiently}; sleep () { :; }; tries=0; it () { tries=$((tries + 1)); [ $tries -ge ${rightFrom} ]; }; patiently it > /dev/null; echo "$? $tries"`
    return (await promisify(execFile)('bash', ['-c', script])).stdout.trim()
  }
  t.equal(await tried(1), '0 1')
  t.equal(await tried(3), '0 3')
  t.equal(await tried(5), '0 5')
  t.equal(await tried(6), '1 5')
  for (const line of run.match(/^.*(npm ci|apt-get (update|install)) .*$/gm)?.filter((line) => !line.startsWith('#')) ?? []) {
    t.match(line, /^ *patiently /)
  }
})

t.test('CI installs every program that a test may ask for', async (t) => {
  const installed = run.match(/^programs=\((.*)\)$/m)?.[1]?.split(' ')
  t.strictSame(installed?.sort(), Object.keys(PROGRAMS).sort())
})

t.test('the suite runs on every line of Node.js that the manifest promises', async (t) => {
  const { engines } = JSON.parse(read('package.json'))
  t.equal(engines.node, '^20.19.0 || ^22.12.0 || >=24')
  t.match(read('scripts/test-nodes.sh'), 'versions=(20 22 24 26)')
})

t.test('what has to be run can be run', async (t) => {
  for (const path of ['.ci/run', 'scripts/test-nodes.sh']) {
    t.doesNotThrow(() => accessSync(file(path), constants.X_OK), path)
    t.match(read(path), /^#!\/usr\/bin\/env bash\n/, path)
  }
})

function file (path: string): string {
  return fileURLToPath(new URL(`../../${path}`, import.meta.url))
}

function read (path: string): string {
  return readFileSync(file(path), 'utf8')
}
