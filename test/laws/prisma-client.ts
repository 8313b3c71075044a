/** A Prisma client, generated for one test into a folder of its own. */
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import ts from 'typescript'

const GENERATOR = `
generator client {
  provider            = "prisma-client"
  output              = "client"
  moduleFormat        = "esm"
  importFileExtension = "js"
}

datasource db {
  provider = "postgresql"
}
`

/** The generated module; needs no network. `models` are those of a Prisma schema for PostgreSQL. */
export async function prismaClient (t: Test, models: string): Promise<{ readonly PrismaClient: new (options: object) => unknown }> {
  const folder = await mkdtemp(join(tmpdir(), 'prisma-'))
  t.teardown(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, 'schema.prisma'), `${GENERATOR}${models}`)
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
  await symlink(fileURLToPath(new URL('../../node_modules', import.meta.url)), join(folder, 'node_modules'))

  const cli = join(dirname(createRequire(import.meta.url).resolve('prisma/package.json')), 'build/index.js')
  // Generating needs no schema engine, but Prisma would download one unless it is told of a program.
  const env = { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, CHECKPOINT_DISABLE: '1', PRISMA_HIDE_UPDATE_MESSAGE: '1' }
  await promisify(execFile)(process.execPath, [cli, 'generate', '--schema', 'schema.prisma'], { cwd: folder, env })

  const client = join(folder, 'client')
  for (const path of await readdir(client, { recursive: true })) {
    if (!path.endsWith('.ts')) continue
    const { outputText } = ts.transpileModule(await readFile(join(client, path), 'utf8'), { compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 } })
    await writeFile(join(client, path.replace(/ts$/, 'js')), outputText)
  }
  return await import(pathToFileURL(join(client, 'client.js')).href)
}
