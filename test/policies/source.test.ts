/** Stores of policies: what is taken from them, what is refused, and how a folder is watched. */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { rmSync, writeFileSync } from 'node:fs'
import { mkdir, mkdtemp, realpath, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { definePolicy, loadPolicies, policyFolder, type PolicyFile, type PolicyFolderOptions, type PolicyStore } from '../../lib/policies/index.ts'
import { PolicyError } from '../../lib/policies/problems.ts'
import { readFiles } from '../../lib/policies/read.ts'
import { isPolicyStore } from '../../lib/policies/source.ts'
import { supplyOf } from '../../lib/policies/supply.ts'
import { happenings } from '../support/signalled.ts'

const AUTHOR = 'role: author\nrules: [{ action: read, subject: Post }]\n'

const TEXT_ALONE = 'a store holds text alone. Code comes from a folder (policyFolder), and definitions are given as a list: policies: [definePolicy(…)]'

async function problemsOf (files: unknown): Promise<string[]> {
  try {
    await readFiles('shelf', files as readonly PolicyFile[])
    return []
  } catch (error) {
    if (error instanceof PolicyError) return error.message.split('\n')
    throw error
  }
}

async function emptyFolder (t: Test): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'policies-')))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

t.test('a store has a name and can be read', async (t) => {
  const read = async () => []
  for (const store of [{ name: 'a', read }, { name: 'a', read, watch: async () => () => {} }, policyFolder('policies')]) t.ok(isPolicyStore(store))
  for (const other of [null, undefined, 'a', {}, { name: 'a' }, { name: 7, read }, { name: 'a', read: 'x' }, { name: 'a', read, watch: true }]) t.notOk(isPolicyStore(other))
})

t.test('the files of a store are YAML and JSON, those of a folder modules too, and messages name the store', async (t) => {
  const folder = await emptyFolder(t)
  await writeFile(join(folder, 'd.mjs'), 'export default { role: "d", inherits: ["a", "b", "c"] }')
  const files: PolicyFile[] = [
    { name: 'a.yaml', text: AUTHOR.replace('author', 'a') },
    { name: 'deep/b.json', text: '\ufeff{ "role": "b" }' },
    { name: 'c.yml', text: Buffer.from('\ufeffrole: c') },
    ...await policyFolder(folder).read(),
  ]
  const { sources, notes } = await readFiles('shelf', files)
  t.strictSame(sources.map(({ file }) => file), ['shelf/a.yaml', 'shelf/deep/b.json', 'shelf/c.yml', 'shelf/d.mjs'])
  t.strictSame(notes, [])
  t.match(sources[0]?.locate(['rules', 0]), { file: 'shelf/a.yaml', line: 2, column: 9 })
  t.match(sources[3]?.locate([]), { file: 'shelf/d.mjs' })

  const policy = await loadPolicies({ name: 'shelf', read: async () => files })
  t.strictSame([...policy.roles.keys()].sort(), ['a', 'anonymous', 'b', 'c', 'd'])
  t.match(policy.roles.get('a'), [{ place: { file: 'shelf/a.yaml', line: 2 } }])
})

t.test('what a store gives is not trusted', async (t) => {
  const big = 'a'.repeat(256 * 1024 + 1)
  const folder = await emptyFolder(t)
  await writeFile(join(folder, 'a.mjs'), 'globalThis.wasRun = true; export default { role: "a" }')
  const [code] = await policyFolder(folder).read() as [Extract<PolicyFile, { module: string }>]
  const cases: [files: unknown, ...problems: string[]][] = [
    [null, 'shelf gave no list of policy files'],
    [{ length: 1 }, 'shelf gave no list of policy files'],
    [[], 'shelf holds no policy: nobody would be allowed anything'],
    [Array(5001).fill({ name: 'a.yaml', text: '' }), 'shelf holds more than 5000 policies'],
    [Array.from({ length: 65 }, (_nothing, index) => ({ name: `${index}.yaml`, text: big })), 'shelf holds more than 16 MiB of policies'],
    ...[null, 7, {}, { name: 7 }, { name: '' }, { name: 'a\nb.yaml', text: AUTHOR }, { name: 'a\u2028.yaml', text: AUTHOR }, { name: `${'a'.repeat(200)}.yaml`, text: AUTHOR }]
      .map((file): [unknown, string] => [[file], 'shelf gave a policy whose name is no text of 1 to 200 characters in one line (number 1)']),
    [[{ name: 'a.yaml', text: AUTHOR }, { name: 'a.yaml', text: AUTHOR }], 'shelf/a.yaml is there twice'],
    [[{ name: 'a.ts', text: 'export default {}' }], 'shelf/a.ts is text, and must be named so: *.yaml, *.yml or *.json'],
    [[{ name: 'author', text: AUTHOR }], 'shelf/author is text, and must be named so: *.yaml, *.yml or *.json'],
    [[{ name: 'a.yaml' }, { name: 'b.yaml', text: null }, { name: 'c.yaml', text: { role: 'c' } }], 'shelf/a.yaml has no text', 'shelf/b.yaml has no text', 'shelf/c.yaml has no text'],
    [[{ name: 'a.yaml', text: big }, { name: 'b.yaml', text: Buffer.from(big) }, { name: 'c.yaml', text: 'ä'.repeat(128 * 1024 + 1) }], ...['a', 'b', 'c'].map((name) => `shelf/${name}.yaml is larger than 256 KiB: split it into several policies`)],
    [[{ name: 'a.yaml', text: Buffer.from([0xff]) }], 'shelf/a.yaml is not valid UTF-8'],
    [[{ name: 'a.yaml', text: 'role: [' }], 'shelf/a.yaml:1:8 unexpected end of the stream within a flow collection'],
    ...['data:text/javascript,export default {}', 'node:fs', 'https://policies.example/a.mjs', 'left-pad', 7, null, code.module, undefined]
      .map((module): [unknown, string] => [[{ name: 'a', module }], `shelf/a has a "module": ${TEXT_ALONE}`]),
    [[{ ...code }], `shelf/a.mjs has a "module": ${TEXT_ALONE}`],
    [[{ name: 'a.yaml', text: AUTHOR, module: code.module }], `shelf/a.yaml has a "module": ${TEXT_ALONE}`],
    [[{ name: 'a.yaml', text: AUTHOR, definition: { role: 'b' } }], `shelf/a.yaml has a "definition": ${TEXT_ALONE}`],
    [[{ name: 'a', definition: definePolicy({ role: 'a' }) }], `shelf/a has a "definition": ${TEXT_ALONE}`],
  ]
  for (const [files, ...problems] of cases) t.strictSame(await problemsOf(files), problems)
  t.equal((globalThis as { wasRun?: boolean }).wasRun, undefined)
})

t.test('property: whatever a store gives is read, or refused with a PolicyError', async (t) => {
  const file = fc.oneof(fc.anything(), fc.record({ name: fc.oneof(fc.constantFrom('a.yaml', 'b.json', 'c.yml', 'd.ts'), fc.string()), text: fc.oneof(fc.string(), fc.json(), fc.uint8Array(), fc.anything()) }))
  await fc.assert(fc.asyncProperty(fc.oneof(fc.array(file, { maxLength: 5 }), fc.anything()), async (files) => {
    const supply = supplyOf({ name: 'shelf', read: async () => files as PolicyFile[] })
    await supply.fetch().then((fetched) => fetched.compile()).catch((error: unknown) => {
      if (!(error instanceof PolicyError)) throw error
    })
  }), { numRuns: 300 })
  t.pass()
})

t.test('the same files have the same digest, and what has no text has none', async (t) => {
  const folder = await emptyFolder(t)
  await writeFile(join(folder, 'a.mjs'), 'export default { role: "a" }')
  const [module] = await policyFolder(folder).read()
  const digest = async (...files: unknown[]) => (await supplyOf({ name: 'shelf', read: async () => files as PolicyFile[] }).fetch()).digest
  const one = await digest({ name: 'a.yaml', text: AUTHOR }, module)
  t.equal(await digest({ name: 'a.yaml', text: Buffer.from(AUTHOR) }, module), one)
  await writeFile(join(folder, 'a.mjs'), 'export default {}')
  const others = [
    await digest({ name: 'a.yaml', text: AUTHOR }, module),
    await digest({ name: 'b.yaml', text: AUTHOR }, module),
    await digest({ name: 'a.yaml', text: `${AUTHOR} ` }, module),
    await digest({ name: 'a.yaml', text: AUTHOR }),
    await digest(),
  ]
  t.equal(new Set([one, ...others]).size, 6)
  for (const file of [{ name: 'a', definition: { role: 'a' } }, null, 7, { name: 'a' }, { ...module }, { name: 'a.yaml', text: AUTHOR, module: '' }]) t.equal(await digest({ name: 'a.yaml', text: AUTHOR }, file), null)
  t.equal((await supplyOf([definePolicy({ role: 'a' })]).fetch()).digest, null)
})

t.test('definitions cannot be watched, folders can, and a store keeps its own `this`', async (t) => {
  class Shelf implements PolicyStore {
    readonly name = 'shelf'
    readonly #files: PolicyFile[] = [{ name: 'a.yaml', text: AUTHOR }]
    readonly #stopped = () => this.#files.length
    async read () { return this.#files }
    async watch () { return this.#stopped }
  }
  const supply = supplyOf(new Shelf())
  await supply.fetch()
  t.equal((await supply.watch?.(() => {}, () => {}))?.(), 1)
  t.equal(supplyOf([definePolicy({ role: 'a' })]).watch, undefined)
  t.equal(supplyOf({ name: 'shelf', read: async () => [] }).watch, undefined)
  t.type(supplyOf('policies').watch, 'function')
})

t.test('the options of a folder are checked', async (t) => {
  for (const [folder, options, message] of [
    [7, {}, /^policyFolder: .*7/], [undefined, {}, /^policyFolder: /], ['a', { setle: 1 }, /Did you mean "settle"\?/], ['a', { settle: -1 }, /^policyFolder\.settle/],
    ['a', { settle: 1.5 }, /^policyFolder\.settle/], ['a', { settle: 10_001 }, /^policyFolder\.settle/],
  ] as const) t.throws(() => policyFolder(folder as never, options as PolicyFolderOptions), { code: 'FST_GATEHOUSE_OPTION', message })
  t.throws(() => policyFolder(new URL('https://a.example/')), { code: 'FST_GATEHOUSE_POLICY' })
  t.equal(policyFolder('policies', { settle: 0 }).name, 'policies')
})

t.test('a module that changes is noted, and still is what it was', async (t) => {
  const folder = await emptyFolder(t)
  await writeFile(join(folder, 'a.mjs'), 'export default { role: "a" }')
  const { read, name } = policyFolder(folder)
  t.strictSame((await readFiles(name, await read())).notes, [])
  await writeFile(join(folder, 'a.mjs'), 'export default { role: "b" }')
  const again = await readFiles(name, await read())
  t.strictSame(again.notes, [`${folder}/a.mjs has changed since it was imported: a policy in TypeScript or JavaScript changes by restart`])
  t.match(again.sources, [{ content: { role: 'a' } }])
  await writeFile(join(folder, 'a.mjs'), 'export default { role: "a" }')
  t.strictSame((await readFiles(name, await read())).notes, [])
})

t.test('files that change while they are read are read again, and at last that is said', async (t) => {
  const folder = await emptyFolder(t)
  await writeFile(join(folder, 'a.yaml'), AUTHOR)
  // A folder is read without waiting in between: only another thread can write meanwhile.
  const writer = new Worker(`
    const { writeFileSync } = require('node:fs')
    const { workerData: { file, text } } = require('node:worker_threads')
    for (let round = 0; ; round++) writeFileSync(file, text + '# ' + round)
  `, { eval: true, workerData: { file: join(folder, 'a.yaml'), text: AUTHOR } })
  t.teardown(() => writer.terminate())
  await once(writer, 'online')
  let error: unknown
  // A read may well slip in between two changes; the runner's own time-out ends a test in which every one does.
  while (error === undefined) {
    await policyFolder(folder).read().catch((thrown: unknown) => { error = thrown })
    await setImmediate()
  }
  await writer.terminate()
  t.match(error, { code: 'FST_GATEHOUSE_POLICY', message: `${folder} keeps changing while it is read` })
  t.match(await policyFolder(folder).read(), [{ name: 'a.yaml' }])
})

t.test('what is named as a policy and is no file is refused: a pipe would never end', async (t) => {
  const folder = await emptyFolder(t)
  execFileSync('mkfifo', [join(folder, 'a.yaml')])
  await t.rejects(policyFolder(folder).read(), { code: 'FST_GATEHOUSE_POLICY', message: `${folder}/a.yaml is no file` })
  rmSync(join(folder, 'a.yaml'))
  execFileSync('mkfifo', [join(folder, 'control')])
  await writeFile(join(folder, 'b.yaml'), AUTHOR)
  t.match(await policyFolder(folder).read(), [{ name: 'b.yaml' }])
})

/** Counts the words of the watch. */
async function watched (t: Test, folder: string, settle = 100) {
  const changes = happenings()
  const ends = happenings<unknown>()
  const stop = await policyFolder(folder, { settle }).watch(changes.happened, ends.happened)
  t.teardown(stop)
  return { changes, ends, stop }
}

t.test('every way in which a folder changes is noticed', async (t) => {
  const folder = await emptyFolder(t)
  const path = (...names: string[]) => join(folder, 'policies', ...names)
  await mkdir(path('deep'), { recursive: true })
  await writeFile(path('a.yaml'), AUTHOR)
  await writeFile(path('deep', 'b.yaml'), 'role: b')
  const { changes } = await watched(t, path())
  const ways: [what: string, change: () => Promise<unknown>][] = [
    ['a file is written', () => writeFile(path('a.yaml'), `${AUTHOR}#`)],
    ['a file is replaced by renaming', async () => { await writeFile(join(folder, 'new'), AUTHOR); await rename(join(folder, 'new'), path('a.yaml')) }],
    ['a file is added', () => writeFile(path('c.yaml'), 'role: c')],
    ['a file is taken away', () => rm(path('c.yaml'))],
    ['a file below is written', () => writeFile(path('deep', 'b.yaml'), 'role: b2')],
    ['a folder is added', () => mkdir(path('more'))],
    ['a file of the added folder is written', () => writeFile(path('more', 'd.yaml'), 'role: d')],
    ['a folder is taken away', () => rm(path('more'), { recursive: true })],
    ['a folder takes the place of another', async () => { await mkdir(join(folder, 'deep')); await rm(path('deep'), { recursive: true }); await rename(join(folder, 'deep'), path('deep')) }],
    ['a file of that folder is written', () => writeFile(path('deep', 'e.yaml'), 'role: e')],
    ['the folder vanishes', () => rename(path(), join(folder, 'away'))],
    ['the folder comes back', () => rename(join(folder, 'away'), path())],
    ['the folder is made anew', async () => { await rm(path(), { recursive: true }); await mkdir(path('deep'), { recursive: true }) }],
    ['a file of the new folder is written', () => writeFile(path('a.yaml'), AUTHOR)],
    ['a file below the new folder is written', () => writeFile(path('deep', 'b.yaml'), 'role: b')],
  ]
  for (const [what, change] of ways) {
    changes.pass()
    await change()
    await t.resolves(changes.next(), what)
  }
})

t.test('links that are swapped are noticed, as mounted configuration is made of them', async (t) => {
  const folder = await emptyFolder(t)
  const path = (...names: string[]) => join(folder, ...names)
  for (const version of ['..1', '..2']) {
    await mkdir(path('mount', version), { recursive: true })
    await writeFile(path('mount', version, 'a.yaml'), `role: a${version}`)
  }
  const swap = async (target: string, link: string) => { await symlink(target, `${link}.new`); await rename(`${link}.new`, link) }
  await swap('..1', path('mount', '..data'))
  await symlink('..data/a.yaml', path('mount', 'a.yaml'))
  await mkdir(path('shared'))
  await writeFile(path('shared', 'b.yaml'), 'role: b')
  await symlink('../shared/b.yaml', path('mount', 'b.yaml'))
  await swap('mount', path('policies'))

  const { changes } = await watched(t, path('policies'))
  await swap('..2', path('mount', '..data'))
  await t.resolves(changes.next(), 'the link to the folder with the files')
  await writeFile(path('mount', '..2', 'a.yaml'), 'role: c')
  await t.resolves(changes.next(), 'the file that is linked to')
  await writeFile(path('shared', 'b.yaml'), 'role: d')
  await t.resolves(changes.next(), 'the file that is linked to, elsewhere')
  await mkdir(path('other'))
  await writeFile(path('other', 'a.yaml'), 'role: e')
  await swap('other', path('policies'))
  await t.resolves(changes.next(), 'the link to the folder itself')
  await writeFile(path('other', 'a.yaml'), 'role: f')
  await t.resolves(changes.next(), 'a file of the folder to which it now leads')
})

t.test('1,000 changes in a burst are a few words', async (t) => {
  const folder = await emptyFolder(t)
  await writeFile(join(folder, 'a.yaml'), AUTHOR)
  const { changes } = await watched(t, folder, 100)
  // In one go: between them no time passes that a busy machine could stretch.
  for (let change = 0; change < 1000; change++) writeFileSync(join(folder, `${change % 10}.yaml`), `role: r${change % 10}`)
  await changes.next()
  await writeFile(join(folder, 'last.yaml'), 'role: last')
  await changes.next()
  t.ok(changes.all.length <= 10, `${changes.all.length} words`)
})

t.test('a folder that never settles is told nevertheless', async (t) => {
  const folder = await emptyFolder(t)
  await writeFile(join(folder, 'a.yaml'), AUTHOR)
  const { changes } = await watched(t, folder, 250)
  const writer = { isRestless: true }
  const writing = (async () => { while (writer.isRestless) await utimes(join(folder, 'a.yaml'), 1, 1) })()
  await t.resolves(changes.next())
  writer.isRestless = false
  await writing
})

t.test('files beside the folder are none of its own', async (t) => {
  const folder = await emptyFolder(t)
  await mkdir(join(folder, 'policies'))
  const { changes } = await watched(t, join(folder, 'policies'), 0)
  const above = await watched(t, folder)
  await writeFile(join(folder, 'server.log'), 'a line')
  await above.changes.next()
  t.equal(changes.all.length, 0)
  await writeFile(join(folder, 'policies', 'a.yaml'), AUTHOR)
  await t.resolves(changes.next())
})

t.test('what cannot be watched at all is told', async (t) => {
  const folder = await emptyFolder(t)
  await t.rejects(policyFolder(join(folder, 'gone', 'policies')).watch(() => {}, () => {}), { code: 'ENOENT' })

  await mkdir(join(folder, 'a', 'policies'), { recursive: true })
  const { ends, changes } = await watched(t, join(folder, 'a', 'policies'))
  rmSync(join(folder, 'a'), { recursive: true }) // in one go: nobody sees the one folder gone and the other still there
  t.match(await ends.next(), { code: 'ENOENT' })
  t.equal(changes.all.length, 0)

  await writeFile(join(folder, 'file'), '')
  await t.rejects(policyFolder(join(folder, 'file', 'policies')).watch(() => {}, () => {}), { code: 'ENOTDIR' })
})

t.test('a watch that was stopped says nothing', async (t) => {
  const folder = await emptyFolder(t)
  await mkdir(join(folder, 'policies'))
  const first = await watched(t, join(folder, 'policies'), 0)
  const second = await watched(t, join(folder, 'policies'), 0)
  writeFileSync(join(folder, 'policies', 'a.yaml'), AUTHOR) // in one go with the stop: nobody has heard of it yet
  first.stop()
  await second.changes.next()
  t.equal(first.changes.all.length, 0)
})
