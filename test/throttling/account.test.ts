/** The one form of all spellings of an account. */
import fc from 'fast-check'
import t from 'tap'
import { canonicalAccount } from '../../lib/throttling/account.ts'

t.test('throttling 17: spellings of one name are one account', async (t) => {
  for (const spelling of ['alice', 'Alice', 'ALICE', ' alice ', '\talice\r\n', '　ａｌｉｃｅ', 'ＡＬＩＣＥ']) {
    t.equal(canonicalAccount(spelling), 'alice', JSON.stringify(spelling))
  }
  t.equal(canonicalAccount('Zoe\u0308'), canonicalAccount('ZO\u00cb'), 'composed or not')
  t.not(canonicalAccount('alice2'), 'alice')
})

t.test('throttling 17: the form of a form is itself, for any name', async () => {
  fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (name) => {
    const form = canonicalAccount(name)
    return canonicalAccount(form) === form && canonicalAccount(` ${name.normalize('NFD')}\n`) === form
  }), { numRuns: 2_000 })
})

t.test('throttling 17: white space around a name does not hide it, however much of it', async (t) => {
  t.equal(canonicalAccount(`${' '.repeat(100_000)}Alice${'\n'.repeat(100_000)}`), 'alice')
})

t.test('throttling 18: a name made to be slow to normalize is not normalized', async (t) => {
  // Unbounded, this one takes minutes; the test would run into its time limit.
  const hostile = `A${'\u0301'.repeat(250_000)}${'\u0323'.repeat(250_000)}`
  t.equal(canonicalAccount(hostile), hostile.toLowerCase())
})
