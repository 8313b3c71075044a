/** The README and docs are part of the code: what they show type-checks, runs, and answers what they promise. */
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import ts from 'typescript'
import { loadPolicies } from '../../lib/policies/index.ts'
import { KINDS } from '../../lib/refusal.ts'
import { program } from '../support/programs.ts'
import { blocks, pages, root, type Block } from './blocks.ts'
import { PRELUDES } from './preludes.ts'

const run = promisify(execFile)

const typescript = blocks.filter(({ language }) => language === 'ts')
const named = typescript.filter(({ label }) => !label.startsWith('policies/'))

function folder (name: string): string {
  mkdirSync(join(root, '.tap'), { recursive: true })
  return mkdtempSync(join(root, '.tap', `${name}-`))
}

t.test('every snippet in TypeScript says how it is tested', async (t) => {
  for (const { file, line, label } of typescript) {
    t.ok(label in PRELUDES || label.startsWith('policies/'), `${file}:${line} is labelled "${label}"`)
  }
})

t.test('the snippets type-check', async (t) => {
  const config = ts.readConfigFile(join(root, 'tsconfig.json'), (path) => readFileSync(path, 'utf8'))
  const { options } = ts.parseJsonConfigFileContent(config.config, ts.sys, root)
  const sources = new Map(named.map((block, index) => [join(root, `snippet-${index}.ts`), sourceOf(block)]))
  const host = ts.createCompilerHost(options)
  const plain = { fileExists: host.fileExists, readFile: host.readFile, getSourceFile: host.getSourceFile }
  host.fileExists = (path) => sources.has(path) || plain.fileExists(path)
  host.readFile = (path) => sources.get(path) ?? plain.readFile(path)
  host.getSourceFile = (path, ...rest) => {
    const text = sources.get(path)
    return text === undefined ? plain.getSourceFile(path, ...rest) : ts.createSourceFile(path, text, rest[0], true)
  }
  const checked = { ...options, noUnusedLocals: false, noUnusedParameters: false }
  const compiler = ts.createProgram([...sources.keys()], checked, host)
  const problems = ts.getPreEmitDiagnostics(compiler).filter(({ file }) => file !== undefined && sources.has(file.fileName))
  t.strictSame(problems.map((problem) => told(problem)), [])
})

function sourceOf ({ label, text }: Block): string {
  return `${PRELUDES[label] ?? ''}${text}\nexport {}\n`
}

function told ({ file, start = 0, messageText }: ts.Diagnostic): string {
  const source = file as ts.SourceFile
  const block = named[Number(/snippet-(\d+)/.exec(source.fileName)?.[1])] as Block
  const prelude = (PRELUDES[block.label] ?? '').split('\n').length - 1
  return `${block.file}:${block.line + source.getLineAndCharacterOfPosition(start).line - prelude}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`
}

t.test('the quick start answers every one of its curl lines as it says', async (t) => {
  const curl = program(t, 'curl')
  if (curl === null) return
  const [start] = blocks.filter(({ label }) => label === 'quick-start') as [Block]
  const lines = blocks.find(({ file, line, text }) => file === start.file && line > start.line && text.startsWith('curl')) as Block
  const file = join(folder('quick-start'), 'server.mjs')
  // The clock of its throttle stands still: the lock of a second must not end between two curls of a busy machine.
  const code = start.text.replace('await app.listen({ port: 3000 })', 'export { app }').replace('logger: true', 'logger: false')
    .replace('await app.register(gatehouse, {', '$& throttle: { now: () => 0 },')
  writeFileSync(file, ts.transpileModule(code, { compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext } }).outputText)
  const { app } = await import(pathToFileURL(file).href) as { app: FastifyInstance }
  t.teardown(() => app.close())
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo

  const expected: Readonly<Record<string, readonly number[]>> = { '401 five times, then 429': [401, 401, 401, 401, 401, 429] }
  for (const line of lines.text.trim().split('\n')) {
    const [command, promise] = line.split(/\s+# (?=\d{3})/) as [string, string]
    const { stdout } = await run('bash', ['-c', command.replaceAll('localhost:3000', `127.0.0.1:${port}`)])
    const statuses = [...stdout.matchAll(/HTTP\/1\.1 (\d{3})/g)].map((match) => Number(match[1]))
    t.strictSame(statuses, expected[promise] ?? [Number(promise.slice(0, 3))], line)
    const header = /^\d{3}: (WWW-Authenticate: .*)$/.exec(promise)?.[1]
    if (header !== undefined) t.match(stdout.toLowerCase(), header.toLowerCase(), 'the header that it shows')
  }
})

function policyFolder (page: string, change: (text: string) => string = (text) => text): string {
  const to = folder('policies')
  for (const { label, text } of blocks.filter(({ file, label }) => file === page && label.startsWith('policies/'))) {
    const path = join(to, label.slice('policies/'.length))
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, change(text))
  }
  writeFileSync(join(to, 'reader.yaml'), 'role: reader\nrules: []\n')
  return to
}

t.test('the policies of the page on policies make sense together', async (t) => {
  const policy = await loadPolicies(policyFolder('docs/policies.md'))
  t.strictSame([...policy.roles.keys()].sort(), ['anonymous', 'author', 'commenter', 'night-desk', 'publisher', 'reader', 'subscriber'])
  t.strictSame([...policy.codes].sort(), ['account_suspended', 'article_archived', 'plan_required'])
})

t.test('the mistake that the page on policies shows is told in these words', async (t) => {
  const [shown] = blocks.filter(({ file, language }) => file === 'docs/policies.md' && language === 'text') as [Block]
  const broken = policyFolder('docs/policies.md', (text) => text.replace('conditions: { tenantId', 'condition: { tenantId'))
  const message = await loadPolicies(broken).then(() => '', (error: Error) => error.message)
  t.match(message, shown.text.trim().replace('policies/author.yaml', 'author.yaml'))
})

t.test('every code of a refusal stands in the README', async (t) => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8')
  for (const code of Object.keys(KINDS)) t.match(readme, `\`${code}\``)
})

t.test('links within the pages lead somewhere', async (t) => {
  for (const page of pages) {
    const text = readFileSync(join(root, page), 'utf8')
    for (const [, target] of text.matchAll(/\]\((?!https?:)([^)#]+)\)/g)) {
      t.ok(ts.sys.fileExists(join(root, dirname(page), target as string)) || ts.sys.directoryExists(join(root, dirname(page), target as string)), `${page} -> ${target}`)
    }
  }
})
