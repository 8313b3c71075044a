/** Policy files from a folder: what is read, what is refused, and where each value stands. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative, sep } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import type { Test } from 'tap'
import fc from 'fast-check'
import { parseDocument, stringify } from 'yaml'
import { definePolicy, deny, loadPolicies } from '../../lib/policies/index.ts'
import { PolicyError } from '../../lib/policies/problems.ts'
import { digestOf, importProblem } from '../../lib/policies/read-module.ts'
import { readPolicies, sourcesOf } from '../../lib/policies/read.ts'
import { problemsOf, source, sources } from './sources.ts'

const ENDINGS = 'A policy file ends in .yaml, .yml, .json, .js, .mjs, .ts (not .d.ts).'

/** As messages show a folder of a test, which is below the working directory. */
function shown (path: string): string {
  return relative(process.cwd(), path).split(sep).join('/')
}

async function refusal (t: Test, folder: URL | string): Promise<PolicyError> {
  const error = await t.rejects(readPolicies(folder)) as unknown
  if (error instanceof PolicyError) return error
  throw error
}

t.test('a folder is read with its sub-folders, sorted by name', async (t) => {
  const folder = t.testdir({
    'b.yaml': 'role: b',
    'a.yml': 'role: a',
    'd.json': '{ "role": "d" }',
    'e.mjs': 'export default { role: "e" }',
    'f.js': 'export default { role: "f" }',
    'package.json.txt': '',
    'README.md': '# not a policy',
    'types.d.ts': 'export {}',
    '.hidden.yaml': 'role: hidden',
    '.git': { 'x.yaml': 'role: hidden' },
    c: { 'deep.yaml': 'role: c', empty: {} },
  })
  for (const given of [folder, relative(process.cwd(), folder), pathToFileURL(`${folder}/`), pathToFileURL(folder)]) {
    const read = await readPolicies(given)
    t.strictSame(read.map((source) => source.file), ['a.yml', 'b.yaml', 'c/deep.yaml', 'd.json', 'e.mjs', 'f.js'].map((name) => `${shown(folder)}/${name}`))
    t.match(read.map((source) => source.content), ['a', 'b', 'c', 'd', 'e', 'f'].map((role) => ({ role })))
  }
  t.strictSame([...(await loadPolicies(folder)).roles.keys()], ['anonymous', 'a', 'b', 'c', 'd', 'e', 'f'])
})

t.test('a TypeScript policy is imported plainly', async (t) => {
  const folder = t.testdir({ 'state.ts': 'const code: string = "suspended"\nexport default { name: "state", deny: [{ code, when: (user: { ok: boolean }) => !user.ok }] }\n' })
  const policy = await loadPolicies(folder)
  t.match(policy.preChecks, [{ name: 'state', code: 'suspended', place: { file: `${shown(folder)}/state.ts` } }])
})

t.test('linked files and folders are read, as mounted configuration is made of them', async (t) => {
  const folder = t.testdir({
    '..data': { 'a.yaml': 'role: a', more: { 'b.yaml': 'role: b' } },
    'a.yaml': t.fixture('symlink', '..data/a.yaml'),
    more: t.fixture('symlink', '..data/more'),
  })
  t.match(await readPolicies(folder), [{ content: { role: 'a' } }, { content: { role: 'b' } }])
})

t.test('a folder outside of the working directory is shown in full', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'policies-'))
  t.teardown(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, 'a.yaml'), 'role: a')
  t.match(await readPolicies(folder), [{ file: `${folder}/a.yaml` }])
  t.match((await readPolicies(folder))[0]?.locate([]), { file: `${folder}/a.yaml`, line: 1, column: 1 })
})

t.test('a folder that gives no policies is an error that says so', async (t) => {
  const folder = t.testdir({ empty: { 'README.md': '', 'types.d.ts': '' }, 'a.yaml': 'role: a', links: { below: { up: t.fixture('symlink', '..') } }, broken: {} })
  await symlink('nowhere.yaml', join(folder, 'broken', 'a.yaml'))
  const messages = async (given: URL | string) => (await refusal(t, given)).message
  const mend = ', so there is no folder of policies: give it as new URL("./policies/", import.meta.url), or as a path'

  t.equal(await messages(join(folder, 'empty')), `${shown(folder)}/empty holds no policy. ${ENDINGS}`)
  t.equal(await messages(join(folder, 'missing')), `${shown(folder)}/missing does not exist in ${process.cwd()}${mend}`)
  t.equal(await messages(join(folder, 'a.yaml')), `${shown(folder)}/a.yaml cannot be read (ENOTDIR)`)
  t.equal(await messages(join(folder, 'broken')), `${shown(folder)}/broken/a.yaml does not exist in ${process.cwd()}`)
  t.equal(await messages('/nowhere/at/all'), `/nowhere/at/all does not exist${mend}`)
  t.equal(await messages(join(folder, 'links')), `${shown(folder)}/links/below/up is a link to a folder that holds it`)
  t.equal(await messages(new URL('https://policies.example/')), 'https://policies.example/ is not the URL of a folder: write new URL("./policies/", import.meta.url)')
  t.match((await refusal(t, join(folder, 'missing'))).cause, { code: 'ENOENT' })
})

t.test('files that are not what they should be are errors, all told at once', async (t) => {
  const folder = t.testdir({
    'a.yaml': Buffer.from([0x72, 0xff, 0xfe]),
    'b.yaml': `role: ${'b'.repeat(256 * 1024)}`,
    'c.mjs': 'export const policy = {}',
    'd.mjs': 'throw new Error("no\\n  database")',
    'e.mjs': 'throw "nothing"',
    'f.mjs': 'export default {',
    'g.yaml': '\ufeffrole: g',
    'h.json': '\ufeff{ "role": "h", }',
  })
  const error = await refusal(t, folder)
  const lines = error.message.split('\n').map((line) => line.replace(`${shown(folder)}/`, ''))
  t.strictSame(lines.filter((line) => !line.startsWith('f.mjs')), [
    'a.yaml is not valid UTF-8',
    'b.yaml is larger than 256 KiB: split it into several policies',
    'c.mjs has no default export; write `export default definePolicy(…)`',
    'd.mjs cannot be imported: no database',
    'e.mjs cannot be imported: nothing',
    'h.json:1:16 expected a key in double quotes, found "}"',
  ])
  t.match(lines.find((line) => line.startsWith('f.mjs')), /^f\.mjs cannot be imported: /)
  t.match(error.cause, { message: 'no\n  database' })
})

t.test('where Node.js does not know TypeScript, the error names the mend', async (t) => {
  const folder = t.testdir({ 'policy.unknown': '' })
  const script = 'import(process.argv[1]).catch((error) => console.log(error.code))'
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', script, pathToFileURL(join(folder, 'policy.unknown')).href], { env: {} })
  t.equal(importProblem(Object.assign(new TypeError(), { code: stdout.trim() })), 'this Node.js does not import TypeScript: use Node.js >= 22.18, or run with `node --import tsx`')
})

t.test('a module that is gone by the time it is read has no digest; its import tells', async (t) => {
  t.equal(await digestOf(pathToFileURL(join(t.testdir({}), 'gone.mjs')).href), '')
})

t.test('policies given as values are read as they are', async (t) => {
  const author = definePolicy({ role: 'author', rules: [{ action: 'read', subject: 'Article' }] })
  const state = definePolicy('account-state', [deny({ code: 'suspended', when: () => true })])
  const read = sourcesOf([author, state, null, {}])
  t.strictSame(read.map((source) => source.file), ['author', 'account-state', 'policies[2]', 'policies[3]'])
  t.strictSame(read.map((source) => source.content), [author, state, null, {}])
  t.strictSame(read[0]?.locate(['role']), { file: 'author' })
  t.strictSame(problemsOf(() => sourcesOf([])), ['policies is an empty list: nobody would be allowed anything'])
})

t.test('keys and values are placed', async (t) => {
  const yaml = 'role: author\nrules:\n  - action: [read,\n      write]\n    subject: "A"\n'
  const json = '{\n  "role": "author",\n  "rules": [\n    { "action": ["read",\n      "write"], "subject": "A" }\n  ]\n}\n'
  const places = (name: string, text: string) => {
    const { locate } = source(name, text)
    const at = (path: (string | number)[], part?: 'key') => { const { line, column } = locate(path, part); return `${line}:${column}` }
    return [at([]), at(['role']), at(['role'], 'key'), at(['rules', 0]), at(['rules', 0, 'action', 1]), at(['rules', 0, 'subject'], 'key'), at(['rules', 0, 'subject']), at(['rules', 0, 'fields', 3], 'key'), at(['rules', 0], 'key')]
  }
  t.strictSame(places('a.yaml', yaml), ['1:1', '1:7', '1:1', '3:5', '4:7', '5:5', '5:14', '3:5', '3:5'])
  t.strictSame(places('a.json', json), ['1:1', '2:11', '2:3', '4:5', '5:7', '5:17', '5:28', '4:5', '4:5'])
  t.strictSame(places('empty.yaml', ''), Array(9).fill('1:1'))
  t.match(source('a.yaml', 'inherits: a\n? role\n').locate(['role']), { line: 2, column: 7 }, 'a key without a value has its place where the value would stand')
})

const TAGS = 'tags are not allowed: a value in quotes is a text, and one without says by itself what it is'

/** Maps of the policy have no prototype. */
function plain (value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(plain)
  return new Map(Object.entries(value).map(([key, part]) => [key, plain(part)]))
}

const ALIASES = 'anchors and aliases are not allowed: write the value out where it is used; a text that begins with "*" needs quotes'

const MANY = Array.from({ length: 40 }, (_, index) => `key${index}: ${index}\n`).join('')

const YAML_PROBLEMS: readonly [text: string, ...problems: string[]][] = [
  [`${MANY}key39: a\nkey3: b\nother: c\n`, '41:1 this key is written twice; the first stands in line 40', '42:1 this key is written twice; the first stands in line 4'],
  ['role: a\nrole: b\n', '2:1 this key is written twice; the first stands in line 1'],
  ['rules:\n  - action: a\n    subject: B\n    action: c\n    subject: D', ...['4:5 this key is written twice; the first stands in line 2', '5:5 this key is written twice; the first stands in line 3'].map((problem) => `${problem}. Where another entry of the list begins, "- " is missing`)],
  ['role: a\n---\nrole: b\n', '2:1 a policy file holds one YAML document; put the second one into a file of its own'],
  ['role: a\n---\n', '2:1 a policy file holds one YAML document; put the second one into a file of its own'],
  ['role: |\n  ---\n...\nrole: b\n', '4:1 a policy file holds one YAML document; put the second one into a file of its own'],
  ['role: !name a', `1:7 ${TAGS}`],
  ['role: !!binary aGk=', `1:7 ${TAGS}`],
  ['!!map { role: !!str a }', `1:1 ${TAGS}`, `1:15 ${TAGS}`],
  ['%YAML 1.1\n---\nrole: a', '1:1 policies are YAML 1.2: take the %YAML directive away'],
  ['role: &a b', '1:7 anchors and aliases are not allowed: write the value out where it is used'],
  ['&a role: [&b [], &c { d: &e }]', ...['1:1', '1:11', '1:18', '1:26'].map((place) => `${place} anchors and aliases are not allowed: write the value out where it is used`)],
  ['<<: a\n"<<": b', '1:1 "<<" merges nothing in YAML 1.2: write the keys out'],
  ['role: *a', `1:7 ${ALIASES}`],
  ['fields: [*.city, "*"]', `1:10 ${ALIASES}`],
  ['fields: *', '1:9 "*" begins an alias: put it in quotes to mean the sign itself'],
  ['fields: [a, *]', '1:13 "*" begins an alias: put it in quotes to mean the sign itself'],
  ['rules:\n  - action: read\n    subject:Ticket\n', '3:13 a space is missing after ":": write "subject: …"'],
  ['rules:\n  - subject:Ticket\n\n    # a\n    action: read\n', '2:13 a space is missing after ":": write "subject: …"'],
  ['role:a\r\nrules: []\r\n', '1:6 a space is missing after ":": write "role: …"'],
  ['rules: [{ action: read, subject:Ticket }, { when: {a:1, b:c:d } }]', '1:25 a space is missing after ":": write "subject: Ticket"', '1:52 a space is missing after ":": write "a: 1"', '1:57 a space is missing after ":": write "b: c:d"'],
  ['rules:\n  -action: read\n   subject: T\n', '2:4 a space is missing after "-"'],
  ['rules:\n  - action: read\n  \tsubject: T\n', '3:3 tab characters must not be used in indentation: write spaces'],
  ['rules:\n  - action: read\n \t- action: read\n   subject: T\n', '3:2 tab characters must not be used in indentation: write spaces'],
  ['rules:\n  - action: read\n   subject: T\n', '3:4 bad indentation of a sequence entry: this line begins after 3 spaces, keys above it after 4 or 0'],
  ['rules:\n  # a: b\n\n  - action: read\n      subject: T\n', '5:14 bad indentation of a mapping entry: this line begins after 6 spaces, keys above it after 4 or 0'],
  ['a:\n  b:\n      c: 1\n  d: 1\n  e: 1\n f: 1\n', '6:2 bad indentation of a mapping entry: this line begins after 1 space, keys above it after 2 or 0'],
  ['rules:\n    - action: read\n      subject: T\n  - action: read\n', '4:3 bad indentation of a mapping entry: this line begins after 2 spaces, entries above it after 4'],
  ['"a"\n  - b: c\n', '2:3 end of the stream or a document separator is expected'],
  ['reason: it is so: really', '1:17 a text with ": " in it needs quotes'],
  ['reason: @a', '1:9 a text that begins with "@" needs quotes'],
  ['reason: { a: %b }', '1:14 a text that begins with "%" needs quotes'],
  ['when: { a: 1 }}', '1:15 "}" closes nothing'],
  ['fields: [a, b\nrole: c', '2:1 deficient indentation: a list or map in brackets, or a text in quotes, is not closed above, or goes on here without being indented'],
  ['1: a\nnull: b\n? [c]\n: d', '1:1 a key must be a text; write it in quotes', '2:1 a key must be a text; write it in quotes', '3:3 a key must be a text; write it in quotes'],
  ['role: "a', '1:9 unexpected end of the stream within a double quoted scalar'],
  ['rules:\n\t- a', '2:1 tab characters must not be used in indentation: write spaces'],
  [`${'['.repeat(70)}${']'.repeat(70)}`, '1:66 nested more than 64 levels deep'],
]

for (const [text, ...problems] of YAML_PROBLEMS) {
  t.test(`not the YAML of a policy: ${JSON.stringify(text).slice(0, 40)}`, async (t) => {
    t.strictSame(problemsOf(() => sources({ 'a.yaml': text })), problems.map((problem) => `a.yaml:${problem}`))
  })
}

t.test('a key may hold a colon', async (t) => {
  t.strictSame(plain(source('a.yaml', 'urn:x:\nurn:y :\n"a:b": 1\n? c:d\n: 2\nwhen: { "e:f", g:h : 1 }').content), new Map<string, unknown>([['urn:x', null], ['urn:y', null], ['a:b', 1], ['c:d', 2], ['when', new Map<string, unknown>([['e:f', null], ['g:h', 1]])]]))
})

t.test('a line separator in a line that is looked at for a hint is a sign like others', async (t) => {
  t.strictSame(problemsOf(() => sources({ 'a.yaml': ': \u2028\n  <<: ' })), ['a.yaml:2:5 bad indentation of a mapping entry: this line begins after 2 spaces'])
})

t.test('a file with very many mistakes tells the first ten', async (t) => {
  t.equal(problemsOf(() => sources({ 'a.yaml': 'a: 1\n'.repeat(1000) })).length, 10)
})

t.test('depth that would exhaust the parser is an error', async (t) => {
  t.match(problemsOf(() => sources({ 'a.yaml': '['.repeat(20_000) }))[0], /nested more than 64 levels deep$/)
  t.match(problemsOf(() => sources({ 'a.json': '['.repeat(20_000) }))[0], /a\.json:1:66 nested more than 64 levels deep$/)
})

const JSON_PROBLEMS: readonly [text: string, problem: string][] = [
  ['', '1:1 expected a value, found the end of the file'],
  ['  \n {', '2:3 expected a key in double quotes, found the end of the file'],
  ['{ "a" 1 }', '1:7 expected ":", found "1"'],
  ['{ "a": 1 "b": 2 }', '1:10 expected "," or "}", found "\\""'],
  ['{ "a": 1, }', '1:11 expected a key in double quotes, found "}"'],
  ["{ 'a': 1 }", '1:3 expected a key in double quotes, found "\'"'],
  ['{ "a": 1,\n  "a": 2 }', '2:3 this key is written twice'],
  ['{ "a": 1, "\\u0061": 2 }', '1:11 this key is written twice'],
  ['{ "\\x": 1 }', '1:3 expected a key in double quotes, found "\\""'],
  ['[1 2]', '1:4 expected "," or "]", found "2"'],
  ['[1,]', '1:4 expected a value, found "]"'],
  ['[01]', '1:2 expected a value, found "0"'],
  ['[nul]', '1:2 expected a value, found "n"'],
  ['["a\nb"]', '1:2 expected a value, found "\\""'],
  ['{} // done', '1:4 expected the end of the file, found "/"'],
]

for (const [text, problem] of JSON_PROBLEMS) {
  t.test(`not the JSON of a policy: ${JSON.stringify(text)}`, async (t) => {
    t.strictSame(problemsOf(() => sources({ 'a.json': text })), [`a.json:${problem}`])
  })
}

t.test('property: JSON is read exactly as JSON.parse reads it', async () => {
  const soup = fc.array(fc.constantFrom('{', '}', '[', ']', ',', ':', '"a"', '"b"', '"', '\\', '1', '-0', '1e5', '.', 'true', 'null', ' ', '\n', '\u00a0')).map((parts) => parts.join(''))
  fc.assert(fc.property(fc.oneof(soup, fc.json(), fc.json({ noUnicodeString: false }).map((text) => ` ${text}\n`)), (text) => {
    let expected: { value: unknown } | null = null
    try {
      expected = { value: JSON.parse(text) }
    } catch {}
    const problems = problemsOf(() => {
      const content = source('a.json', text).content
      if (expected === null) throw new Error('read what JSON.parse refuses')
      if (JSON.stringify(content) !== JSON.stringify(expected.value)) throw new Error('read something else')
    })
    return expected === null ? problems.length > 0 : problems.every((problem) => problem.endsWith('this key is written twice'))
  }), { numRuns: 500 })
})

t.test('property: YAML is read as the parser of the editors reads it, or refused', async (t) => {
  const parts = ['a', 'b: ', '? ', ': ', '- ', '[', ']', '{', '}', ', ', '\n', '\n  ', '\n    ', '\t', ' # c', '"', "'", '|', '>-', '\\', '---\n', '...', '&x ', '*x', '!!str ', '%YAML 1.2', '<<: ',
    'null', '~', 'True', 'yes', '0o17', '0x1F', '0b1', '1_000', '+12', '-.5', '1.', '1e3', '.inf', '-.INF', '.nan', '2001-01-01', '12:30', '\u00e9', '\u2028', '\r\n', '#', '@', '`', '=']
  const soup = fc.array(fc.constantFrom(...parts), { maxLength: 12 }).map((chosen) => chosen.join(''))
  const options = fc.record({ indent: fc.constantFrom(2, 4), indentSeq: fc.boolean(), collectionStyle: fc.constantFrom('any' as const, 'flow' as const), defaultStringType: fc.constantFrom('PLAIN' as const, 'QUOTE_SINGLE' as const, 'QUOTE_DOUBLE' as const, 'BLOCK_LITERAL' as const, 'BLOCK_FOLDED' as const) })
  const written = fc.tuple(fc.jsonValue(), options).map(([value, style]) => stringify({ a: value }, { ...style, aliasDuplicateObjects: false }))
  let read = 0
  fc.assert(fc.property(fc.oneof(soup, written), (text) => {
    let content: unknown
    try {
      content = source('a.yaml', text).content
    } catch (error) {
      assert.ok(error instanceof PolicyError)
      return
    }
    const document = parseDocument(text, { version: '1.2', schema: 'core', uniqueKeys: true })
    if (document.errors.length > 0) return
    read++
    assert.deepEqual(plain(content), plain(document.toJS()))
  }), { numRuns: 2000 })
  t.ok(read > 200, `${read} of them made sense`)
})

t.test('property: what is written as YAML is read again', async () => {
  fc.assert(fc.property(fc.jsonValue(), fc.boolean(), (value, isFlow) => {
    const text = stringify(value, { aliasDuplicateObjects: false, collectionStyle: isFlow ? 'flow' : 'any' })
    // It writes such a key without quotes, and that is refused.
    fc.pre(!text.includes('<<'))
    assert.deepEqual(plain(source('a.yaml', text).content), plain(value))
  }), { numRuns: 500 })
})

t.test('property: every value of a JSON or YAML file stands where it is said to stand', async () => {
  const key = fc.string({ maxLength: 4 }).filter((text) => text !== '__proto__')
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof({ maxDepth: 4 }, fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null)), fc.array(tie('value'), { maxLength: 3 }), fc.dictionary(key, tie('value'), { maxKeys: 3 })),
  }))
  fc.assert(fc.property(value, fc.constantFrom(0, 2), (content, indent) => {
    const text = JSON.stringify(content, null, indent)
    const lines = text.split('\n')
    for (const name of ['a.json', 'a.yaml']) {
      const { locate } = source(name, text)
      const check = (part: unknown, path: (string | number)[]): boolean => {
        const place = locate(path)
        const rest = lines[(place.line ?? 0) - 1]?.slice((place.column ?? 0) - 1) ?? ''
        if (typeof part !== 'object' || part === null) return rest.startsWith(JSON.stringify(part))
        return rest.startsWith(Array.isArray(part) ? '[' : '{') && Object.entries(part).every(([key, below]) => check(below, [...path, key]))
      }
      if (!check(content, [])) return false
    }
    return true
  }))
})
