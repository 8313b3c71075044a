/** Mistakes that are nearly right: the message names what was meant. */
import t from 'tap'
import { compiled, problemsOf } from './sources.ts'

const rule = (lines: string): string => `role: a\nrules:\n  - action: read\n    subject: T\n    ${lines}\n`

const CASES: readonly { promise: string, text: string, problems: readonly string[] }[] = [
  { promise: 'an operator without its sign', text: rule('conditions: { a: { in: [1] } }'), problems: ['5:24 unknown operator "in". Did you mean "$in"?'] },
  { promise: 'an operator without its sign beside one with it', text: rule('conditions: { a: { $gt: 1, lt: 5 } }'), problems: ['5:32 unknown operator "lt". Did you mean "$lt"?'] },
  { promise: 'an operator of the environment without its sign', text: rule('environment: { address: { cidr: 10.0.0.0/8 } }'), problems: ['5:31 unknown operator "cidr". Did you mean "$cidr"?'] },
  { promise: 'a connective without its sign', text: rule('conditions: { or: [{ a: 1 }, { b: 2 }] }'), problems: ['5:19 unknown operator "or". Did you mean "$or"?'] },
  { promise: 'a denial without its sign', text: rule('conditions: { a: { not: { $eq: 1 } } }'), problems: ['5:24 unknown operator "not". Did you mean "$not"?'] },
  { promise: 'a word that is near to one that is there, and to one that is not', text: 'role: a\nrule:\n  - { action: read, subject: T }\n', problems: ['2:1 unknown key "rule" in a policy. Did you mean "rules"?'] },
  { promise: 'a word that is near only to one that is there', text: rule('subjct: U'), problems: ['5:5 unknown key "subjct" in a rule. Did you mean "subject"?'] },
]

for (const { promise, text, problems } of CASES) {
  t.test(`law 11: ${promise} stops the start`, async (t) => {
    t.strictSame(problemsOf(() => compiled({ 'a.yaml': text })), problems.map((problem) => `a.yaml:${problem}`))
  })
}

t.test('an attribute may be called like an operator', async (t) => {
  t.equal(compiled({ 'a.yaml': rule('conditions: { or: 1, size: { $gt: 2 }, in.not: 3, not: { $ne: 4 } }') }).roles.get('a')?.length, 1)
})
