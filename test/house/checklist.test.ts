/** Every numbered line of the checklist for authentication is in the name of a test, or has a reason why no test can be. */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import t from 'tap'

/** The letters of the checklist and how many lines each has. */
const LINES: Readonly<Record<string, number>> = { H: 11, B: 9, A: 5, D: 10, P: 16, M: 5, S: 5, R: 6, I: 5, J: 4, K: 8, L: 5, E: 4, T: 2, C: 3, G: 6 }
const MORE = ['K1a', 'K2a']

/** Lines that are the application's business and not the package's. */
const NOT_OURS: Readonly<Record<string, string>> = {
  C3: 'the session plugin makes cookies and identifiers; docs/schemes.md tells to regenerate them, and examples/passkey does',
}

const NAMES = /\bauthn ((?:[A-Z]\d+a?\b(?:, | and |; authn )?)+)/g

const lines = [...Object.entries(LINES).flatMap(([letter, count]) => Array.from({ length: count }, (_, index) => `${letter}${index + 1}`)), ...MORE]
const tests = fileURLToPath(new URL('../', import.meta.url))

t.test('every line is named by a test', async (t) => {
  const named = new Set(readdirSync(tests, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.test.ts')).flatMap((path) => namedIn(readFileSync(join(tests, path), 'utf8'))))
  t.strictSame(lines.filter((line) => !named.has(line) && NOT_OURS[line] === undefined), [])
  t.strictSame(Object.keys(NOT_OURS).filter((line) => named.has(line)), [], 'no reason is needed for what is tested')
  t.strictSame([...named].filter((line) => /^[A-Z]/.test(line) && !lines.includes(line) && !/^F\d/.test(line)), [], 'nobody names a line that there is none of')
})

t.test('numbers are read from the names of tests, several at a time', async (t) => {
  t.strictSame(namedIn("t.test('authn K1, K5 and K6: a', async\nt.test('law 2, authn H3: b'\nt.test('authn B1: x; authn B2: y'"), ['K1', 'K5', 'K6', 'H3', 'B1', 'B2'])
  t.strictSame(namedIn("// facts: authentication P4\nt.equal(a, 'authn P5 too')"), [])
})

/** Only what stands in the first line of a test counts. */
function namedIn (text: string): string[] {
  return text.split('\n').filter((line) => line.includes('.test(')).flatMap((line) => [...line.matchAll(NAMES)].flatMap(([, names = '']) => names.match(/[A-Z]\d+a?/g) ?? []))
}
