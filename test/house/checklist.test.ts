/** Every numbered line of the checklists for authentication, authorization and throttling is in the name of a test, or has a reason why no test can be. */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import t from 'tap'

interface Checklist {
  /** What stands before its numbers in the names of tests. */
  readonly room: string
  /** Of its numbers; default `LETTERED`. */
  readonly form?: RegExp
  readonly lines: readonly string[]
  /** Numbers of another sort, which need no test. */
  readonly others?: RegExp
  /** Lines that are the application's business and not the package's. */
  readonly notOurs: Readonly<Record<string, string>>
}

const LETTERED = /[A-Z]\d+a?/

/** The letters of the checklists and how many lines each has. */
const AUTHENTICATION: Checklist = {
  room: 'authn',
  lines: [...lines({ H: 11, B: 9, A: 5, D: 10, P: 16, M: 5, S: 5, R: 6, I: 5, J: 4, K: 8, L: 5, E: 4, T: 2, C: 3, G: 6 }), 'K1a', 'K2a'],
  others: /^F\d/,
  notOurs: {
    C3: 'the session plugin makes cookies and identifiers; docs/schemes.md tells to regenerate them, and examples/passkey does',
  },
}

/** The traps (T) and the requests (R). */
const AUTHORIZATION: Checklist = { room: 'authz', lines: lines({ T: 21, R: 20 }), notOurs: {} }

const THROTTLING: Checklist = { room: 'throttling', form: /\d+/, lines: lines({ '': 38 }), notOurs: {} }

const tests = fileURLToPath(new URL('../', import.meta.url))

/** This one names lines as examples only. */
const files = readdirSync(tests, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.test.ts') && path !== join('house', 'checklist.test.ts'))

for (const { room, form, lines, others, notOurs } of [AUTHENTICATION, AUTHORIZATION, THROTTLING]) {
  t.test(`every line of ${room} is named by a test`, async (t) => {
    const named = new Set(files.flatMap((path) => namedIn(readFileSync(join(tests, path), 'utf8'), room, form)))
    t.strictSame(lines.filter((line) => !named.has(line) && notOurs[line] === undefined), [])
    t.strictSame(Object.keys(notOurs).filter((line) => named.has(line)), [], 'no reason is needed for what is tested')
    t.strictSame([...named].filter((line) => !lines.includes(line) && others?.test(line) !== true), [], 'nobody names a line that there is none of')
  })
}

t.test('numbers are read from the names of tests, several at a time', async (t) => {
  t.strictSame(namedIn("t.test('authn K1, K5 and K6: a', async\nt.test('law 2, authn H3: b'\nt.test('authn B1: x; authn B2: y'", 'authn'), ['K1', 'K5', 'K6', 'H3', 'B1', 'B2'])
  t.strictSame(namedIn("t.test('authz T3, authz T4: a', async\nt.test('authn H3, authz R8, T16: b'", 'authz'), ['T3', 'T4', 'R8', 'T16'])
  t.strictSame(namedIn("t.test('throttling 12, 14: a', async\nt.test('throttling 6, law 9: b'\nt.test('authn D6, throttling 1: of 200 c'\nt.test(`throttling 28: d, 30`", 'throttling', /\d+/), ['12', '14', '6', '1', '28'])
  t.strictSame(namedIn("// facts: authentication P4\nt.equal(a, 'authn P5 too')", 'authn'), [])
  t.strictSame(namedIn("// facts: throttling 1.4\nt.equal(a, 'throttling 5: too')\nt.test('throttling: a'", 'throttling', /\d+/), [])
})

function lines (letters: Readonly<Record<string, number>>): string[] {
  return Object.entries(letters).flatMap(([letter, count]) => Array.from({ length: count }, (_, index) => `${letter}${index + 1}`))
}

/** Only what stands in the first line of a test counts. */
function namedIn (text: string, room: string, { source: line } = LETTERED): string[] {
  const names = new RegExp(`\\b${room} ((?:${line}\\b(?:, | and |; ${room} )?)+)`, 'g')
  return text.split('\n').filter((text) => text.includes('.test(')).flatMap((text) => [...text.matchAll(names)].flatMap(([, found = '']) => found.match(new RegExp(line, 'g')) ?? []))
}
