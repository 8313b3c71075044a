/** The package as a user gets it: packed, installed into an empty project, used and type-checked there. */
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'

const root = fileURLToPath(new URL('../..', import.meta.url))
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const entries: string[] = Object.keys(manifest.exports).map((entry) => manifest.name + entry.slice(1))
const modules = entries.filter((entry) => !entry.endsWith('.json'))

const consume = `
  const secret = 'a secret of this test, of thirty-two bytes and more'
  const encode = (part) => Buffer.from(JSON.stringify(part)).toString('base64url')
  const claims = { iss: 'house', aud: 'house', sub: 'ada', exp: Math.floor(Date.now() / 1000) + 60 }
  const signed = encode({ alg: 'HS256', typ: 'JWT' }) + '.' + encode(claims)
  const authorization = 'Bearer ' + signed + '.' + createHmac('sha256', secret).update(signed).digest('base64url')

  async function consume () {
    const app = Fastify()
    await app.register(gatehouse, { realm: 'house', schemes: [bearer({ secret, issuer: 'house', audience: 'house' })] })
    app.get('/health', { config: { access: 'public' } }, () => 'ok')
    app.get('/me', { config: { access: authenticated() } }, (request) => request.user)

    const health = await app.inject('/health')
    const stranger = await app.inject('/me')
    const ada = await app.inject({ url: '/me', headers: { authorization } })
    await app.close()
    console.log(JSON.stringify({
      health: health.statusCode,
      stranger: stranger.statusCode,
      challenge: stranger.headers['www-authenticate'],
      ada: ada.statusCode,
      user: ada.json()
    }))
  }
  consume()
`
const answers = { health: 200, stranger: 401, challenge: /^Bearer realm="house"/, ada: 200, user: { id: 'ada' } }

const typed = `
  const app = Fastify()
  app.register(gatehouse, { realm: 'house', schemes: [bearer({ secret: 'x'.repeat(32), issuer: 'house', audience: 'house' })] })
  app.get('/health', { config: { access: 'public' } }, () => 'ok')
  app.get('/me', { config: { access: authenticated() } }, (request) => request.user)
  // @ts-expect-error: no such option
  app.register(gatehouse, { relm: 'house' })
  // @ts-expect-error: no such requirement
  app.get('/typo', { config: { access: 'publik' } }, () => 'ok')
`

const project = {
  'package.json': JSON.stringify({ name: 'consumer', version: '0.0.0', private: true, type: 'module' }),
  'use.mjs': `
    import { createHmac } from 'node:crypto'
    import Fastify from 'fastify'
    import gatehouse, { authenticated } from 'fastify-gatehouse'
    import { bearer } from 'fastify-gatehouse/schemes'
    ${consume}
  `,
  'use.cjs': `
    const { createHmac } = require('node:crypto')
    const Fastify = require('fastify')
    const { default: gatehouse, authenticated } = require('fastify-gatehouse')
    const { bearer } = require('fastify-gatehouse/schemes')
    ${consume}
  `,
  'entries.mjs': `for (const entry of ${JSON.stringify(modules)}) if (Object.keys(await import(entry)).length === 0) throw new Error(entry)`,
  'entries.cjs': `for (const entry of ${JSON.stringify(entries)}) if (Object.keys(require(entry)).length === 0) throw new Error(entry)`,
  'typed.ts': `
    import Fastify from 'fastify'
    import gatehouse, { authenticated } from 'fastify-gatehouse'
    import { bearer } from 'fastify-gatehouse/schemes'
    ${modules.map((entry, index) => `import * as entry${index} from '${entry}'`).join('\n')}
    export const all = [${modules.map((_, index) => `entry${index}`).join(', ')}]
    ${typed}
  `,
  'typed.cts': `
    import Fastify = require('fastify')
    import house = require('fastify-gatehouse')
    import schemes = require('fastify-gatehouse/schemes')
    const { default: gatehouse, authenticated } = house
    const { bearer } = schemes
    ${typed.replaceAll('Fastify()', 'Fastify.default()')}
  `,
  'tsconfig.nodenext.json': tsconfig({ module: 'nodenext' }, ['typed.ts', 'typed.cts']),
  'tsconfig.bundler.json': tsconfig({ module: 'esnext', moduleResolution: 'bundler' }, ['typed.ts'])
}

t.setTimeout(900_000) // it installs and type-checks, which takes minutes on a busy machine

t.test('the package works in an empty project', { timeout: 900_000 }, async (t) => {
  // Outside the repository, whose own node_modules would hide a dependency that the package does not declare.
  const folder = mkdtempSync(join(tmpdir(), 'consumer-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(project)) writeFileSync(join(folder, name), text)
  const run = runner(folder)
  const packed = join(folder, 'node_modules', manifest.name)

  // Built already, before the tests; a build of its own would take dist/ away from the tests that run meanwhile.
  await run('npm', ['pack', root, '--ignore-scripts', '--pack-destination', folder, '--silent'])
  const tarball = join(folder, `${manifest.name}-${manifest.version}.tgz`)
  await patiently(() => run('npm', [
    'install', tarball, `@types/node@${manifest.devDependencies['@types/node']}`,
    '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'
  ]))

  await t.test('it holds what a user needs and nothing else', async (t) => {
    t.strictSame(readdirSync(packed).sort(), ['LICENSE', 'README.md', 'package.json', ...manifest.files].sort())
    t.strictSame(readdirSync(packed, { recursive: true, encoding: 'utf8' }).filter((path) => /\.test\./.test(path)), [])
  })

  await t.test('the maps of its code and types lead to sources that it holds', async (t) => {
    const maps = readdirSync(packed, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.map'))
    t.not(maps.length, 0)
    t.strictSame(maps.flatMap((path) => deadEnds(join(packed, path))), [])
  })

  await t.test('its peers come with it, once each', async (t) => {
    const inside = readdirSync(join(folder, 'node_modules'))
    for (const peer of Object.keys(manifest.peerDependencies)) t.ok(inside.includes(peer.split('/')[0] ?? peer), peer)
    t.throws(() => readdirSync(join(packed, 'node_modules')), { code: 'ENOENT' })
  })

  await t.test('it answers when imported', (t) => used(t, run, 'use.mjs'))
  await t.test('it answers when required', (t) => used(t, run, 'use.cjs'))

  await t.test('each of its entries can be imported and required', async (t) => {
    await t.resolves(run(process.execPath, ['entries.mjs']))
    await t.resolves(run(process.execPath, ['entries.cjs']))
  })

  for (const resolution of ['nodenext', 'bundler']) {
    await t.test(`its types hold without skipLibCheck: ${resolution}`, async (t) => {
      const tsc = join(root, 'node_modules/typescript/bin/tsc')
      await t.resolves(run(process.execPath, [tsc, '-p', `tsconfig.${resolution}.json`]))
    })
  }
})

async function used (t: Test, run: ReturnType<typeof runner>, script: string): Promise<void> {
  t.match(JSON.parse(await run(process.execPath, [script])), answers)
}

/** The sources that a source map names and neither contains nor finds. */
function deadEnds (file: string): string[] {
  const { sources, sourcesContent } = JSON.parse(readFileSync(file, 'utf8')) as { sources: string[], sourcesContent?: string[] }
  return sources.filter((source, index) => sourcesContent?.[index] === undefined && !existsSync(join(dirname(file), source)))
}

function tsconfig (how: Readonly<Record<string, unknown>>, files: readonly string[]): string {
  return JSON.stringify({
    compilerOptions: { ...how, target: 'es2022', lib: ['es2023'], types: ['node'], strict: true, noEmit: true, skipLibCheck: false },
    files
  })
}

/** A registry that breaks a connection off says nothing about the package. */
async function patiently (install: () => Promise<unknown>): Promise<unknown> {
  for (let attempt = 1; attempt < 4; attempt++) {
    try {
      return await install()
    } catch (error) {
      if (!/ECONNRESET|ETIMEDOUT|EAI_AGAIN|network|code E5\d\d/.test(String(error))) throw error
    }
  }
  return install()
}

/** Runs a program in a folder and gives what it printed; one that fails rejects with that. */
function runner (folder: string) {
  return async (program: string, args: readonly string[]): Promise<string> => {
    // The test runner's own loader travels in NODE_OPTIONS (its spawn puts it back): only env(1) keeps it out of the user's project.
    const clean = ['-u', 'NODE_OPTIONS', ...strangers().flatMap((name) => ['-u', name])]
    const running = promisify(execFile)('env', [...clean, program, ...args], { cwd: folder, encoding: 'utf8', maxBuffer: 2 ** 24 })
    try {
      return (await running).stdout
    } catch (error) {
      const { stdout, stderr } = error as { stdout: string, stderr: string }
      throw new Error(`${program} ${args.join(' ')} failed:\n${stdout}\n${stderr}`)
    }
  }
}

/** What the test runner and `npm test` put into the environment; how to reach the registry stays. */
function strangers (): string[] {
  const kept = /^npm_config_(registry|cache|userconfig|noproxy|.*proxy)$/
  return Object.keys(process.env).filter((name) => /^(_?TAP|TS_NODE|NODE_V8|npm_)/.test(name) && !kept.test(name))
}
