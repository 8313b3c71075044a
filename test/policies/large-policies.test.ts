/** Policies are compiled while requests wait: what is large is refused, or takes time that grows with it alone. */
import t from 'tap'
import { isTooLarge, MOST_PARTS } from '../../lib/policies/condition-size.ts'
import { compilePolicies } from '../../lib/policies/compile.ts'
import { sourcesOf } from '../../lib/policies/read.ts'
import { compiled, problemsOf } from './sources.ts'

const many = <T>(count: number, one: (index: number) => T): T[] => Array.from({ length: count }, (_nothing, index) => one(index))
const json = (...rules: readonly object[]): Record<string, string> => ({ 'a.json': JSON.stringify({ role: 'a', rules }) })
const READ = { action: 'read', subject: 'Doc' }
const TOO_LARGE = 'a condition of more than 1000 parts: write "$in" with a list in place of "$or", or an attribute that says what they have in common'

t.test('a condition has a thousand parts at most, however they are nested', async (t) => {
  const deep = (depth: number): object => depth === 0 ? { x: 1 } : { $and: [deep(depth - 1), deep(depth - 1)] }
  const large = [
    { $or: many(30_000, (index) => ({ x: index })) },
    Object.fromEntries(many(MOST_PARTS + 1, (index) => [`x${index}`, index])),
    { $not: { $nor: many(MOST_PARTS / 2, (index) => ({ x: { $gt: index } })) } },
    deep(10),
    { $or: many(200_000, () => 7) },
  ]
  for (const conditions of large) {
    t.equal(isTooLarge(conditions), true)
    t.match(problemsOf(() => compiled(json({ ...READ, conditions }))), [`a.json:1:68 ${TOO_LARGE}`])
  }
  const meant = [{ x: { $in: many(15_000, (index) => index) } }, { $or: many(499, (index) => ({ x: index })) }, deep(7)]
  for (const conditions of meant) {
    t.equal(isTooLarge(conditions), false)
    t.strictSame(problemsOf(() => compiled(json({ ...READ, conditions }))).filter((line) => line.includes('parts')), [])
  }
  for (const odd of [null, 7, 'x', [], undefined, { $or: null }, { $and: [null, 7] }]) t.equal(isTooLarge(odd), false)
})

t.test('a rule names no more pairs than can be kept', async (t) => {
  const rule = (actions: number, subjects: number): object => ({ action: many(actions, (index) => `act${index}`), subject: many(subjects, (index) => `Doc${index}`) })
  t.match(problemsOf(() => compiled(json(rule(10_001, 1)))), [/^a\.json:\d+:\d+ a rule is about more than 10000 pairs of an action and a subject: write "manage" or "all", or several rules$/])
  t.equal(problemsOf(() => compiled(json(rule(10_000, 10_000)))).length, 1)
  t.strictSame(problemsOf(() => compiled(json(rule(100, 100)))), [])
})

/** The least of three runs, in milliseconds of this process's own work, whatever else the machine does. */
function least (action: () => unknown): number {
  return Math.min(...many(3, () => {
    const began = process.cpuUsage()
    action()
    const { user } = process.cpuUsage(began)
    return user / 1000
  }))
}

const CROSSING: readonly (readonly [what: string, rules: (count: number) => object[]])[] = [
  ['conditions', (count) => [...many(count, (index) => ({ ...READ, conditions: { x: index } })), ...many(count, (index) => ({ ...READ, inverted: true, conditions: { y: index } }))]],
  ['a condition in common', (count) => [...many(count, (index) => ({ ...READ, conditions: { s: 1, x: index } })), ...many(count, (index) => ({ ...READ, inverted: true, conditions: { s: 1, [`y${index}`]: 1 } }))]],
  ['fields', (count) => [...many(count, (index) => ({ ...READ, fields: ['title', `x${index}`] })), ...many(count, (index) => ({ ...READ, inverted: true, fields: ['title', `y${index}`] }))]],
  ['conditions in common and fields', (count) => [...many(count, (index) => ({ ...READ, conditions: { s: 1, t: 1, x: index } })), ...many(count, (index) => ({ ...READ, inverted: true, conditions: { s: 1, t: 1 }, fields: [`y${index}`] }))]],
]

for (const [what, rules] of CROSSING) {
  t.test(`rules that allow and rules that forbid, with ${what}: eight times as many take no more than thirty times as long`, async (t) => {
    const [few, lot] = [400, 3_200].map((count) => sourcesOf([{ role: 'a', rules: rules(count) }])) as [ReturnType<typeof sourcesOf>, ReturnType<typeof sourcesOf>]
    compilePolicies(few)
    const small = least(() => compilePolicies(few))
    const large = least(() => compilePolicies(lot))
    t.ok(large < Math.max(small, 5) * 30, `${Math.round(small)} ms and ${Math.round(large)} ms`)
  })
}

t.test('an inverted rule that beats others is found among many, also one with many fields', async (t) => {
  const fields = many(1_200, (index) => `f${index}`)
  const rules = [...many(500, (index) => ({ ...READ, inverted: true, fields: ['f1', `y${index}`] })), { ...READ, inverted: true, fields }, { ...READ, fields: ['f1', 'f1100'] }, { ...READ, fields: ['f1', 'y7'], conditions: { x: 1 } }]
  t.match(problemsOf(() => compilePolicies(sourcesOf([{ role: 'a', rules }]))), [
    'a rule a/502 can never allow any of its fields: the inverted rule a/501 (a) always beats it',
    'a rule a/503 can never allow any of its fields: the inverted rule a/8 (a) always beats it',
  ])
})

t.test('an inverted rule that beats another is found after many that have a field in common', async (t) => {
  const rules = [
    ...many(1_500, (index) => ({ ...READ, inverted: true, fields: ['title', `y${index}`] })),
    ...many(1_500, (index) => ({ ...READ, fields: ['title', `x${index}`] })),
    { ...READ, fields: ['title', 'y1499'], conditions: { x: 1 } },
  ]
  t.strictSame(problemsOf(() => compilePolicies(sourcesOf([{ role: 'a', rules }]))), ['a rule a/3001 can never allow any of its fields: the inverted rule a/1500 (a) always beats it'])
})

t.test('a policy in which rules are hard to tell apart takes no time: what is not found by then is not told', async (t) => {
  const three = ['g1', 'g2', 'g3']
  const inverted = many(1_500, (index) => ({ ...READ, inverted: true, fields: [...three.toSpliced(index % 3, 1), `h${index}`] }))
  const rules = [...inverted, { ...READ, inverted: true, fields: three }, ...many(1_500, (index) => ({ ...READ, conditions: { x: index }, fields: three }))]
  const told = problemsOf(() => compilePolicies(sourcesOf([{ role: 'a', rules }]))).length
  t.ok(told > 0 && told < 1_500, `${told} of 1500`)
})
