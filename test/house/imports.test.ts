/** The plan of the house holds for every file of lib/. */
import { readFileSync, readdirSync } from 'node:fs'
import { join, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import t from 'tap'
import { breaches, packagesOf, readSource } from '../support/house.ts'

const lib = fileURLToPath(new URL('../../lib/', import.meta.url))
const paths = readdirSync(lib, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts')).sort()
const files = paths.map((path) => readSource(path.split(sep).join('/'), readFileSync(join(lib, path), 'utf8')))

t.test('every file of lib/ keeps to the plan of the house', async (t) => {
  t.not(files.length, 0)
  t.strictSame(breaches(files), [])
})

t.test('the manifest declares every package that lib/ imports, and no other', async (t) => {
  // An undeclared package may well be there, brought by another one, until that one changes.
  const { dependencies, peerDependencies } = JSON.parse(readFileSync(join(lib, '../package.json'), 'utf8'))
  t.strictSame(packagesOf(files), Object.keys({ ...dependencies, ...peerDependencies }).sort())
})

t.test('every file of lib/ is loaded, so that one which nobody tests shows in the coverage', async (t) => {
  for (const path of paths) await t.resolves(import(pathToFileURL(join(lib, path)).href), path)
})

t.test('every breach of the plan is seen', async (t) => {
  const cases: ReadonlyArray<[files: Readonly<Record<string, string>>, breach: string]> = [
    [{ 'refusal.ts': "import { a } from './nearest.ts'" }, 'refusal.ts imports nearest.ts'],
    [{ 'authentication/a.ts': "import type { A } from '../authorization/a.ts'" }, 'authentication/a.ts imports authorization/a.ts'],
    [{ 'authorization/a.ts': "export { a } from '../throttling/a.ts'" }, 'authorization/a.ts imports throttling/a.ts'],
    [{ 'throttling/a.ts': "export * from '../authentication/schemes/basic.ts'" }, 'throttling/a.ts imports authentication/schemes/basic.ts'],
    [{ 'throttling/a.ts': "import { a } from '../plugin.ts'" }, 'throttling/a.ts imports plugin.ts'],
    [{ 'policies/a.ts': "const a = await import('../authorization/a.ts')" }, 'policies/a.ts imports authorization/a.ts'],
    [{ 'policies/a.ts': "import '../plugin.ts'" }, 'policies/a.ts imports plugin.ts'],
    [{ 'stores/a.ts': "type A = import('../throttling/a.ts').A" }, 'stores/a.ts imports throttling/a.ts'],
    [{ 'reporting/a.ts': "const a = require('../plugin.ts')" }, 'reporting/a.ts imports plugin.ts'],
    [{ 'client/a.ts': "import { a } from '../refusal.ts'" }, 'client/a.ts imports refusal.ts'],
    [{ 'client/a.ts': "import { randomUUID } from 'crypto'" }, 'client/a.ts imports crypto'],
    [{ 'reload/a.ts': "import { a } from '../authorization/a.ts'" }, 'reload/a.ts imports authorization/a.ts'],
    [{ 'routes/a.ts': "import { a } from '../requests/a.ts'" }, 'routes/a.ts imports requests/a.ts'],
    [{ 'requests/a.ts': "import { a } from '../plugin.ts'" }, 'requests/a.ts imports plugin.ts'],
    [{ 'plugin.ts': "import { a } from './index.ts'" }, 'plugin.ts imports index.ts'],
    [{ 'options.ts': "import { a } from '../policies/a.ts'" }, 'options.ts imports ../policies/a.ts, which is not in lib/'],
    [{ 'throttling/a.ts': "import Fastify from 'fastify'" }, 'throttling/a.ts loads fastify'],
    [{ 'authentication/a.ts': "import { type FastifyRequest } from 'fastify'" }, 'authentication/a.ts loads fastify'],
    [{ 'authentication/schemes/a.ts': "import jwt from '@fastify/jwt'" }, 'authentication/schemes/a.ts loads @fastify/jwt'],
    [{ 'plugin.ts': "import jwt from '@fastify/jwt'" }, 'plugin.ts loads @fastify/jwt'],
    [{ 'policies/a.ts': "import type { FastifyRequest } from 'fastify'" }, 'policies/a.ts imports fastify'],
    [{ 'authentication/schemes/a.ts': "import type { FastifyReply } from 'fastify'" }, 'authentication/schemes/a.ts knows the reply'],
    [{ 'policies/a.ts': "import { get } from 'node:https'" }, 'policies/a.ts touches the network: node:https'],
    [{ 'policies/a.ts': "import net, { isIP } from 'net'" }, 'policies/a.ts touches the network: net'],
    [{ 'policies/a.ts': "import * as tls from 'node:tls'" }, 'policies/a.ts touches the network: node:tls'],
    [{ 'throttling/a.ts': "import { Redis } from 'ioredis'" }, 'throttling/a.ts touches the network: ioredis'],
    [{ 'plugin.ts': "await fetch('/')" }, 'plugin.ts touches the network: fetch'],
    [{ 'plugin.ts': 'const get = globalThis.fetch' }, 'plugin.ts touches the network: fetch'],
    [{ 'plugin.ts': "new WebSocket('ws:')" }, 'plugin.ts touches the network: WebSocket'],
    [{ 'authorization/a.ts': "app.addHook('onRequest', a)" }, 'authorization/a.ts adds a hook'],
    [{ 'authorization/a.ts': "app['addHook']('onRequest', a)" }, 'authorization/a.ts adds a hook'],
    [{ 'token-utils.ts': '' }, 'token-utils.ts is named utils'],
    [{ 'common/a.ts': '' }, 'common/a.ts is named common'],
    [{ 'a.ts': "import './b.ts'", 'b.ts': "import { type A } from './a.ts'" }, 'a.ts -> b.ts -> a.ts is a ring'],
    [{ 'a.ts': "import './a.ts'" }, 'a.ts -> a.ts is a ring']
  ]
  for (const [files, breach] of cases) t.strictSame(breaches(house(files)), [breach], breach)

  for (const text of ['', '// For nothing.\n', '/* For nothing. */\n', '/** */\n', '/** for nothing */\n', "import './b.ts'\n/** Late. */\n"]) {
    t.strictSame(breaches([readSource('a.ts', text)]), ['a.ts does not open with a sentence in /** … */'], JSON.stringify(text))
  }
})

t.test('what the plan allows is no breach', async (t) => {
  t.strictSame(breaches(house({
    'index.ts': "export { a } from './plugin.ts'\nexport type { B } from './authorization/b.ts'",
    'plugin.ts': "import { fastifyPlugin } from 'fastify-plugin'\nimport './authentication/tokens/token-verifier.ts'\napp.addHook('onRequest', a)",
    'authentication/tokens/token-verifier.ts': "import Fastify from 'fastify'\nimport jwt from '@fastify/jwt'\nimport '../../refusal.ts'\nimport '../scheme.ts'",
    'authentication/scheme.ts': "import type { FastifyRequest } from 'fastify'\nimport type { IncomingMessage } from 'node:http'",
    'authorization/b.ts': "import { createMongoAbility } from '@casl/ability'\nimport '../policies/c.ts'",
    'policies/c.ts': "await import(url)\nimport { isIP } from 'node:net'\nimport { readFile } from 'node:fs/promises'",
    'stores/redis.ts': "import { Redis } from 'ioredis'",
    'client/fetch.ts': "await fetch('/')",
    'reporting/d.ts': "import type { E } from './e.ts'",
    'reporting/e.ts': "import { d } from './d.ts'\nexport type { D } from './d.ts'",
    'refusal.ts': "import { createError } from '@fastify/error'",
    'cli/gatehouse.ts': "import '../index.ts'"
  })), [])
})

t.test('a package is known by its name, whatever is imported from it', async (t) => {
  t.strictSame(packagesOf(house({
    'a.ts': "import type {} from '@fastify/jwt'\nimport 'ajv/dist/2020.js'\nimport './b.ts'\nimport 'node:fs'\nimport 'path'",
    'b.ts': "export * from '@a/b/c.js'\nimport ajv from 'ajv'"
  })), ['@a/b', '@fastify/jwt', 'ajv'])
})

/** A house of these files, each with its opening sentence. */
function house (files: Readonly<Record<string, string>>) {
  return Object.entries(files).map(([path, text]) => readSource(path, `/** What this is for. */\n${text}\n`))
}
