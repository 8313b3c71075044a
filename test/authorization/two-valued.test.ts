import t from 'tap'
import { queryOf, type Language, type Question } from '../../lib/authorization/filters/two-valued.ts'
import type { Clause } from '../../lib/authorization/filter.ts'
import type { Comparison, Condition } from '../../lib/policies/condition.ts'

/** Writes what it is asked, so that the questions can be seen. */
const language: Language<string> = {
  and: (parts) => `(${parts.join(' & ')})`,
  or: (parts) => `(${parts.join(' | ')})`,
  answer: (question) => {
    const name = question.path.join('.')
    if (name === 'always') return 'every'
    if (name === 'never') return 'none'
    return `${name}:${wordsOf(question)}`
  },
}

function wordsOf (question: Question): string {
  if (question.ask === 'order') return `${question.operator}${String(question.literal)}`
  return `${question.wanted ? '' : '!'}${question.ask}`
}

function is (name: string, operator: Comparison = '$eq', value: unknown = 1): Condition {
  return { kind: 'compare', path: [name], operator, operand: { from: 'literal', value: value as string } }
}

const not = (of: Condition): Condition => ({ kind: 'not', of })
const all = (...of: Condition[]): Condition => ({ kind: 'all', of })
const any = (...of: Condition[]): Condition => ({ kind: 'any', of })
const where = (...clauses: Clause[]): string => queryOf({ kind: 'where', clauses }, language)
const only = (...allowing: Condition[]): string => where({ allowing, inverted: [] })

t.test('what must be true and what must be false', async (t) => {
  t.equal(queryOf({ kind: 'none' }, language), 'none')
  t.equal(queryOf({ kind: 'every' }, language), 'every')
  t.equal(only(is('a'), is('b')), '(a:among | b:among)')
  t.equal(where({ allowing: 'every', inverted: [is('a'), all(is('b'), not(is('c')))] }), '(a:!among & (b:!among | c:among))')
  t.equal(where({ allowing: [is('a')], inverted: [] }, { allowing: [is('b')], inverted: [any(is('c'), is('d'))] }), '(a:among & b:among & (c:!among & d:!among))')
  t.equal(only(not(not(any(is('a'), is('b'))))), '(a:among | b:among)')
})

t.test('nothing and everything vanish from what is written', async (t) => {
  t.equal(where({ allowing: 'every', inverted: [] }), 'every')
  t.equal(where({ allowing: [], inverted: [] }), 'none')
  t.equal(where(), 'every')
  t.equal(only(any(is('never'), is('a'))), 'a:among')
  t.equal(only(any(is('never'), is('never'))), 'none')
  t.equal(only(any(is('always'), is('a'))), 'every')
  t.equal(only(all(is('always'), is('a'))), 'a:among')
  t.equal(only(all(is('always'), is('always'))), 'every')
  t.equal(only(all(is('never'), is('a'))), 'none')
  t.equal(only({ kind: 'any', of: [] }), 'none', 'a part that was reported grants nothing')
})

t.test('law 11: each operator, and its opposite, which is no negation where a value is not known', async (t) => {
  const pairs: readonly [Comparison, unknown, string, string][] = [
    ['$exists', true, 'present', '!present'],
    ['$exists', false, '!present', 'present'],
    ['$eq', 1, 'among', '!among'],
    ['$ne', 1, '!among', 'among'],
    ['$in', [1], 'among', '!among'],
    ['$nin', [1], '!among', 'among'],
    ['$all', [1], 'all', '!all'],
    ['$size', 1, 'size', '!size'],
    ['$lt', 1, '$lt1', '$gte1'],
    ['$lte', 1, '$lte1', '$gt1'],
    ['$gt', 1, '$gt1', '$lte1'],
    ['$gte', 1, '$gte1', '$lt1'],
  ]
  for (const [operator, value, asTrue, asFalse] of pairs) {
    t.equal(only(is('a', operator, value)), `a:${asTrue}`)
    t.equal(only(not(is('a', operator, value))), `a:${asFalse}`)
  }
  for (const value of ['\0', '\ud800', NaN, null]) t.equal(only(is('a', '$lt', value), not(is('a', '$lt', value))), 'none', 'what stands nowhere in the order')
})

t.test('a template that is left is an error', async (t) => {
  t.throws(() => only({ kind: 'compare', path: ['a'], operator: '$eq', operand: { from: 'user', path: ['id'] } }), { name: 'TypeError', message: 'only a bound condition can become a filter' })
})
