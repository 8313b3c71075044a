import t from 'tap'
import { didYouMean, nearest } from '../../lib/nearest.ts'

t.test('the nearest known word is found, whatever its case', async (t) => {
  t.equal(nearest('raed', ['update', 'read', 'ready']), 'read')
  t.equal(nearest('ARTICEL', ['Article', 'Comment']), 'Article')
  t.equal(nearest('artic', new Set(['Article'])), 'Article')
})

t.test('what is too far from every known word is near to none', async (t) => {
  t.equal(nearest('read', ['delete', 'publish']), undefined)
  t.equal(nearest('x', []), undefined)
  t.equal(nearest('insufficient_permission', ['insufficient_permits']), 'insufficient_permits', 'a long word may differ in a third of its letters')
})

t.test('a question is asked only where there is a word to ask about', async (t) => {
  t.equal(didYouMean('raed', ['read']), ' Did you mean "read"?')
  t.equal(didYouMean('read', ['publish']), '')
})
