/** Quotas in policies: what may be written, in which words the rest is refused, and which of them a user has. */
import t from 'tap'
import fc from 'fast-check'
import { Ajv } from 'ajv'
import { parse } from 'yaml'
import { compileChecked, compilePolicies } from '../../lib/policies/compile.ts'
import { definePolicy, loadPolicies } from '../../lib/policies/index.ts'
import type { PolicyDefinition, QuotaRule } from '../../lib/policies/index.ts'
import { samePlaces } from '../../lib/policies/places.ts'
import { publishedSchemas } from '../../lib/policies/published-schema.ts'
import { NO_POLICY_QUOTAS, quotasFor } from '../../lib/policies/quotas.ts'
import { sourcesOf } from '../../lib/policies/read.ts'
import { quota as routeQuota } from '../../lib/throttling/quota.ts'
import { validate } from '../../lib/policies/validate.ts'
import { compiled, problemsOf } from './sources.ts'
import type { Files } from './sources.ts'

const define = (...definitions: readonly PolicyDefinition[]) => compilePolicies(sourcesOf(definitions))
const shown = ({ policy, name, limit, window }: QuotaRule): string => `${policy}: ${name} ${limit}/${window}`
const of = (files: Files, user: object | null, ...roles: readonly string[]): string[] => quotasFor(compiled(files).quotas, user, roles).map(shown)
const quota = (lines: string): string => `role: a\nquota:\n  requests: ${lines}\n`
const problems = (text: string): string[] => problemsOf(() => compiled({ 'a.yaml': text }))

const USER = { id: 'ann' }
const LIMIT = '"limit" needs a whole number from 1 to 1000000000, not'
const WINDOW = '"window" needs seconds from 0.001 to 3162240000, or a text like 30s, 1m, 1h, 1d, not'
const UNIT = 'is not a window: its unit must be one of s, m, h, d.'

t.test('a role with a quota alone is a policy, and tells where it stands', async (t) => {
  const { quotas, roles } = compiled({ 'reader.yaml': 'role: reader\nquota:\n  requests: { limit: 100, window: 60 }\n' })
  const rule = { name: 'requests', limit: 100, window: 60_000, policy: 'reader', place: { file: 'reader.yaml', line: 3, column: 3 } }
  t.strictSame(quotas, { ofRoles: new Map<string, object[]>([['anonymous', []], ['reader', [rule]]]), ofGroups: [], names: new Set(['requests']) })
  t.strictSame(roles.get('reader'), [])
})

t.test('quotas stand beside rules too, and in every sort of file', async (t) => {
  const folder = t.testdir({
    'a.yaml': 'role: a\nrules: [{ action: read, subject: A }]\nquota: { requests: { limit: 1, window: 1s } }\n',
    'b.json': '{ "role": "b", "inherits": "a", "quota": { "requests": { "limit": 2, "window": 1 } } }',
    'c.mjs': 'export default { name: "c", when: { plan: "pro" }, rules: [], quota: { requests: { limit: 3, window: 1 }, exports: { limit: 1, window: "1d" } } }',
  })
  const { quotas, roles } = await loadPolicies(folder)
  t.equal(roles.get('b')?.length, 1)
  t.strictSame([...quotas.names].sort(), ['exports', 'requests'])
  t.strictSame(quotasFor(quotas, { plan: 'pro' }, ['b']).map(shown), ['c: exports 1/86400000', 'c: requests 3/1000'])
})

t.test('a set of users may have quotas and no rules', async (t) => {
  const { groups, quotas } = compiled({ 'pro.yaml': 'when: { plan: pro }\nquota: { requests: { limit: 3, window: 1 } }\n' })
  t.match(groups, [{ name: 'pro', rules: [] }])
  t.match(quotas.ofGroups, [{ quotas: [{ policy: 'pro', name: 'requests' }] }])
  t.strictSame(compiled({ 'pro.yaml': 'when: { plan: pro }\nrules: []\n' }).quotas.ofGroups, [], 'nobody is asked whether he is in a set without quotas')
})

for (const [written, milliseconds] of [
  ['60', 60_000], ['0.001', 1], ['0.3', 300], ['1.1', 1_100], ['30s', 30_000], ['1m', 60_000], ['1h', 3_600_000], ['1d', 86_400_000], ['1.5h', 5_400_000], ['"0.5s"', 500],
  ['36600d', 3_162_240_000_000], ['3162240000', 3_162_240_000_000], ['0.001s', 1],
] as const) {
  t.test(`a window of ${written} is ${milliseconds} ms`, async (t) => {
    t.match(compiled({ 'a.yaml': quota(`{ limit: 1, window: ${written} }`) }).quotas.ofRoles.get('a'), [{ window: milliseconds }])
  })
}

const WRONG: readonly [promise: string, text: string, ...problems: string[]][] = [
  ['a quota of nothing', 'role: a\nquota:\n', 'a.yaml:2:7 "quota" must be a map; it is nothing'],
  ['an empty map', 'role: a\nquota: {}\n', 'a.yaml:2:8 "quota" is empty'],
  ['a list', 'role: a\nquota: []\n', 'a.yaml:2:8 "quota" must be a map; it is a list'],
  ['a quota that is a number', quota('100'), 'a.yaml:3:13 "requests" must be a map; it is a number: each quota stands under its name, { requests: { limit: 100, window: 1m } }'],
  ['a quota without a name', 'role: a\nquota: { limit: 5 }\n', 'a.yaml:2:17 "limit" must be a map; it is a number: each quota stands under its name, { requests: { limit: 100, window: 1m } }'],
  ['a key that is near', 'role: a\nquotas: {}\n', 'a.yaml:2:1 unknown key "quotas" in a policy. Did you mean "quota"?'],
  ['an unknown key', quota('{ limit: 1, windows: 1 }'), 'a.yaml:3:13 a quota needs "window"', 'a.yaml:3:25 unknown key "windows" in a quota. Did you mean "window"?'],
  ['an unknown key with no near word', quota('{ limit: 1, window: 1, burst: 2 }'), 'a.yaml:3:36 unknown key "burst" in a quota. Allowed: limit, window'],
  ['no limit', quota('{ window: 1 }'), 'a.yaml:3:13 a quota needs "limit"'],
  ['no window', quota('{ limit: 1 }'), 'a.yaml:3:13 a quota needs "window"'],
  ['limits that are none', quota('{ limit: 0, window: 1 }'), `a.yaml:3:22 ${LIMIT} 0`],
  ['a negative limit', quota('{ limit: -1, window: 1 }'), `a.yaml:3:22 ${LIMIT} -1`],
  ['a limit that is no whole number', quota('{ limit: 1.5, window: 1 }'), `a.yaml:3:22 ${LIMIT} 1.5`],
  ['a limit above 1e9', quota('{ limit: 1000000001, window: 1 }'), `a.yaml:3:22 ${LIMIT} 1000000001`],
  ['a limit beyond what is exact', quota('{ limit: 9007199254740993, window: 1 }'), 'a.yaml:3:22 a whole number beyond 2^53 is not exact; write it as a text'],
  ['a limit in a text', quota('{ limit: "100", window: 1 }'), `a.yaml:3:22 ${LIMIT} "100"`],
  ['a limit of nothing', quota('{ limit: , window: 1 }'), `a.yaml:3:21 ${LIMIT} nothing`],
  ['an endless limit', quota('{ limit: .inf, window: 1 }'), 'a.yaml:3:22 Infinity is not a value'],
  ['a limit that is true', quota('{ limit: true, window: 1 }'), `a.yaml:3:22 ${LIMIT} true`],
  ['a window of 0', quota('{ limit: 1, window: 0 }'), `a.yaml:3:33 ${WINDOW} 0`],
  ['a window of 0 s', quota('{ limit: 1, window: 0s }'), `a.yaml:3:33 ${WINDOW} "0s"`],
  ['a negative window', quota('{ limit: 1, window: -60 }'), `a.yaml:3:33 ${WINDOW} -60`],
  ['a negative window with a unit', quota('{ limit: 1, window: -1m }'), `a.yaml:3:33 ${WINDOW} "-1m"`],
  ['a window shorter than a millisecond', quota('{ limit: 1, window: 0.0009 }'), `a.yaml:3:33 ${WINDOW} 0.0009`],
  ['a window longer than 100 years', quota('{ limit: 1, window: 36601d }'), `a.yaml:3:33 ${WINDOW} "36601d"`],
  ['a window that is no number at all', quota(`{ limit: 1, window: ${'9'.repeat(400)}s }`), `a.yaml:3:33 ${WINDOW} "${'9'.repeat(58)}…`],
  ['a window of nothing', quota('{ limit: 1, window: }'), `a.yaml:3:32 ${WINDOW} nothing`],
  ['a window that is a list', quota('{ limit: 1, window: [1, m] }'), `a.yaml:3:33 ${WINDOW} a list`],
  ['a window that is a map', quota('{ limit: 1, window: { days: 1 } }'), `a.yaml:3:33 ${WINDOW} a map`],
  ['an empty window', quota('{ limit: 1, window: "" }'), `a.yaml:3:33 ${WINDOW} ""`],
  ['a window in words', quota('{ limit: 1, window: a minute }'), `a.yaml:3:33 ${WINDOW} "a minute"`],
  ['a window without a unit', quota('{ limit: 1, window: "60" }'), `a.yaml:3:33 "60" ${UNIT} Did you mean "60s"?`],
  ['a unit that is written out', quota('{ limit: 1, window: 10min }'), `a.yaml:3:33 "10min" ${UNIT} Did you mean "10m"?`],
  ['a unit that is written out, with a space', quota('{ limit: 1, window: 2 Hours }'), `a.yaml:3:33 "2 Hours" ${UNIT} Did you mean "2h"?`],
  ['a unit that is written out wrongly', quota('{ limit: 1, window: 2secnds }'), `a.yaml:3:33 "2secnds" ${UNIT} Did you mean "2s"?`],
  ['a capital unit', quota('{ limit: 1, window: 1D }'), `a.yaml:3:33 "1D" ${UNIT} Did you mean "1d"?`],
  ['a unit that there is not', quota('{ limit: 1, window: 1w }'), `a.yaml:3:33 "1w" ${UNIT}`],
  ['another unit that there is not', quota('{ limit: 1, window: 500ms }'), `a.yaml:3:33 "500ms" ${UNIT}`],
  ['a unit that is a word of JavaScript', quota('{ limit: 1, window: 1constructor }'), `a.yaml:3:33 "1constructor" ${UNIT}`],
  ['both values wrong', quota('{ limit: x, window: y }'), `a.yaml:3:22 ${LIMIT} "x"`, `a.yaml:3:33 ${WINDOW} "y"`],
  ['quotas of an emergency', 'breakGlass: a\nquota: { b: { limit: 0, window: 1 } }\nrules: [{ action: read, subject: A }]\n', 'a.yaml:2:1 "quota" does not go with "breakGlass": a policy with "breakGlass" has breakGlass, rules, tests'],
  ['quotas of pre-checks', 'deny: [{ code: no, when: { a: 1 } }]\nquota: { b: { limit: 1, window: 1 } }\n', 'a.yaml:2:1 "quota" does not go with "deny": a policy with "deny" has name, deny, tests'],
  ['quotas of nobody', 'quota: { b: { limit: 1, window: 1 } }\n', 'a.yaml:1:1 a policy needs "role", "when", "deny" or "breakGlass"'],
  ['a set of users without rules and quotas', 'when: { a: 1 }\n', 'a.yaml:1:1 a policy with "when" needs "rules" or "quota"'],
]

for (const [promise, text, ...expected] of WRONG) {
  t.test(`refused: ${promise}`, async (t) => {
    t.strictSame(problems(text), expected)
  })
}

const NAME = 'is not a name of a quota: 1 to 64 printable ASCII characters without quotes and backslashes, no space at its ends'

for (const name of ['', ' a', 'a ', 'a"b', 'a\\b', 'ä', 'a\nb', 'a\u007f', 'a\u0000', '😀', 'x'.repeat(65)]) {
  t.test(`throttling 24: a quota is not called ${JSON.stringify(name)}`, async (t) => {
    const text = JSON.stringify(name)
    t.strictSame(problems(`role: a\nquota:\n  ${text}: { limit: 1, window: 1 }\n`), [`a.yaml:3:3 ${text.length > 60 ? `${text.slice(0, 59)}…` : text} ${NAME}`])
  })
}

for (const name of ['a', '60', 'per user', 'x'.repeat(64), "it's ~[100%]!", '__proto__', 'constructor', 'a,b', 'a;q=1']) {
  t.test(`a quota may be called ${name}`, async (t) => {
    t.strictSame([...compiled({ 'a.json': `{ "role": "a", "quota": { ${JSON.stringify(name)}: { "limit": 1, "window": 1 } } }` }).quotas.names], [name])
    t.strictSame(problemsOf(() => compiled({ 'a.json': `{ "role": "a", "quota": { ${JSON.stringify(name)}: { "limit": 0, "window": 1 } } }` })).length, 1, 'and what is wrong with it is told')
  })
}

t.test('property: a policy takes the names, limits and windows that quota() of a route takes', async () => {
  const name = fc.oneof(fc.string({ maxLength: 3 }), fc.string({ unit: fc.constantFrom('a', ' ', '"', '~', '\\', 'é', '!', '[', ']', '#', '\t'), maxLength: 70 }), fc.nat(70).map((length) => 'x'.repeat(length)))
  const limit = fc.oneof(fc.integer({ min: -2, max: 3 }), fc.constantFrom(1e9, 1e9 + 1, 0.5), fc.integer({ min: 1, max: 1e9 }))
  const window = fc.oneof(fc.constantFrom(0, -1, 0.001, 0.0009, 3_162_240_000, 3_162_240_001), fc.double({ min: 0.001, max: 1e6, noNaN: true }))
  fc.assert(fc.property(name, limit, window, (name, limit, window) => {
    const attempt = (action: () => { limit: number, window: number } | undefined) => {
      try {
        return JSON.stringify(action(), ['limit', 'window'])
      } catch {
        return 'refused'
      }
    }
    const ofRoute = attempt(() => routeQuota(name, { limit, window }).allowance)
    const ofPolicy = attempt(() => define({ role: 'a', quota: { [name]: { limit, window } } }).quotas.ofRoles.get('a')?.[0])
    if (ofRoute !== ofPolicy) throw new Error(`a route: ${ofRoute}, a policy: ${ofPolicy}`)
  }), { numRuns: 500 })
})

t.test('property: a window is as long in whichever unit it is written', async () => {
  const window = (written: string) => compiled({ 'a.yaml': quota(`{ limit: 1, window: ${written} }`) }).quotas.ofRoles.get('a')?.[0]?.window
  fc.assert(fc.property(fc.constantFrom(['s', 1] as const, ['m', 60] as const, ['h', 3_600] as const, ['d', 86_400] as const), fc.integer({ min: 1, max: 36_600 }), ([unit, seconds], amount) => {
    return window(`${amount}${unit}`) === amount * seconds * 1000 && window(`${amount * seconds}`) === amount * seconds * 1000
  }), { numRuns: 100 })
})

t.test('throttling 14: property: whatever a quota says, it has a limit and a window that can be counted with, or is refused', async () => {
  const value = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.double(), fc.bigInt(), fc.constantFrom('1m', '60', '1e3s', '.5s', '1.s', ' 1s', '1s\n', '٣s', undefined), fc.func(fc.nat()), fc.date())
  fc.assert(fc.property(value, value, fc.constantFrom('role', 'when'), (limit, window, kind) => {
    const content = { [kind]: kind === 'role' ? 'a' : { a: 1 }, quota: { q: { limit, window } } }
    let found: QuotaRule | undefined
    const problems = problemsOf(() => {
      const { ofRoles, ofGroups } = compilePolicies([{ file: 'a', content, locate: () => ({ file: 'a' }) }]).quotas
      found = ofRoles.get('a')?.[0] ?? ofGroups[0]?.quotas[0]
    })
    if (found === undefined) return problems.length > 0
    return Number.isInteger(found.limit) && found.limit >= 1 && found.limit <= 1e9 && Number.isInteger(found.window) && found.window >= 1 && found.window <= 3_162_240_000_000
  }), { numRuns: 1000 })
})

t.test('without lines the path is told', async (t) => {
  t.strictSame(problemsOf(() => define({ role: 'a', quota: { q: { limit: 0, window: 1 } } })), [`a quota.q.limit: ${LIMIT} 0`])
  t.strictSame(problemsOf(() => define({ role: 'a', quota: { q: { limit: undefined as unknown as number, window: 1 } } })), ['a quota.q.limit: "limit" is undefined: its value was lost; to have no such key, leave it out'])
  t.strictSame(problemsOf(() => define({ role: 'a', quota: { q: { limit: 5n as unknown as number, window: [5n] as unknown as number } } })), [`a quota.q.limit: ${LIMIT} 5n`, `a quota.q.window: ${WINDOW} a list`])
})

t.test('definePolicy knows quotas', async (t) => {
  const pro = definePolicy({ name: 'pro', when: { plan: 'pro' }, quota: { requests: { limit: 10, window: '1m' } } })
  const reader = definePolicy({ role: 'reader', quota: { requests: { limit: 5, window: 60 } } })
  t.ok(Object.isFrozen(pro.quota.requests))
  t.strictSame(quotasFor(define(pro, reader).quotas, { plan: 'pro' }, ['reader']).map(shown), ['pro: requests 10/60000'])
  // @ts-expect-error -- a unit that there is not
  t.not(problemsOf(() => define({ role: 'reader', quota: { requests: { limit: 5, window: '1w' } } })).length, 0)
  // @ts-expect-error -- neither rules nor quotas
  t.not(problemsOf(() => define({ name: 'pro', when: { plan: 'pro' } })).length, 0)
})

t.test('a quota beside a "when" that asks for the environment is refused: it would be nobody\'s', async (t) => {
  const beside = (when: string) => problems(`when: ${when}\nquota: { requests: { limit: 1, window: 1 } }\n`)
  const told = ['a.yaml:2:1 "quota" stands beside a "when" that asks for the environment, which is told only after quotas are charged']
  for (const when of ['{ region: $environment.region }', '{ $not: { region: $environment.region } }', '{ $or: [{ plan: pro }, { $and: [{ a: 1 }, { b: { $in: $environment.list } }] }] }']) t.strictSame(beside(when), told, when)
  for (const when of ['{ plan: pro }', '{ plan: $user.wanted, $nor: [{ a: 1 }, { b: $user.id }] }']) t.strictSame(beside(when), [], when)
  t.strictSame(problems('when: { region: $environment.region }\nrules: []\n'), [], 'without quotas it may')
})

t.test('a quota that a more generous one always comes with is refused: it would never count', async (t) => {
  const files = (more: Files): string[] => problemsOf(() => compiled({ 'anonymous.yaml': 'role: anonymous\nquota: { requests: { limit: 10, window: 60 } }\n', ...more }))
  const told = (name: string) => [`${name}.yaml:2:10 the quota "requests" of ${name} never counts: that of anonymous (anonymous.yaml:2:10), which comes with it, is more generous`]
  t.strictSame(files({ 'reader.yaml': 'role: reader\nquota: { requests: { limit: 9, window: 60 } }\n' }), told('reader'))
  t.strictSame(files({ 'reader.yaml': 'role: reader\nquota: { requests: { limit: 5, window: 30 } }\n' }), told('reader'), 'as fast, but with a smaller burst')
  t.strictSame(files({ 'pro.yaml': 'when: { plan: pro }\nquota: { requests: { limit: 9, window: 60 } }\n' }), told('pro'), 'also of a set of users')
  t.strictSame(files({ 'reader.yaml': 'role: reader\nquota: { requests: { limit: 10, window: 60 }, other: { limit: 1, window: 60 } }\n' }), [], 'the same again does no harm')
  t.strictSame(files({ 'reader.yaml': 'role: reader\nquota: { requests: { limit: 11, window: 60 } }\n', 'pro.yaml': 'when: { plan: pro }\nquota: { requests: { limit: 10.0, window: 60 } }\n' }), [])
  t.strictSame(files({ 'b.yaml': 'role: b\ninherits: c\nquota: { requests: { limit: 20, window: 60 } }\n', 'c.yaml': 'role: c\ninherits: d\n', 'd.yaml': 'role: d\nquota: { requests: { limit: 21, window: 60 } }\n' }), [
    'b.yaml:3:10 the quota "requests" of b never counts: that of d (d.yaml:2:10), which comes with it, is more generous',
  ])
  t.strictSame(problemsOf(() => compiled({ 'pro.yaml': 'when: { plan: pro }\nquota: { requests: { limit: 9, window: 60 } }\n', 'big.yaml': 'role: big\nquota: { requests: { limit: 10, window: 60 } }\n' })), [], 'not everyone of a set has the role')
})

const PLANS: Files = {
  'anonymous.yaml': 'role: anonymous\nquota: { requests: { limit: 10, window: 60 } }\n',
  'reader.yaml': 'role: reader\nquota: { requests: { limit: 20, window: 60 }, exports: { limit: 1, window: 1d } }\n',
  'author.yaml': 'role: author\ninherits: reader\nquota: { exports: { limit: 5, window: 1d } }\n',
  'guest.yaml': 'role: guest\n',
  'pro.yaml': 'when: { plan: pro }\nquota: { requests: { limit: 100, window: 60 } }\n',
  'own.yaml': 'when: { limitedTo: $user.id }\nquota: { own: { limit: 1, window: 1 } }\n',
}
const ANONYMOUS = ['anonymous: requests 10/60000']

t.test('the anonymous have the quotas of anonymous, whatever roles are told, and are in no set of users', async (t) => {
  t.strictSame(of(PLANS, null), ANONYMOUS)
  t.strictSame(of(PLANS, null, 'author'), ANONYMOUS)
  t.strictSame(of({ 'pro.yaml': 'when: { plan: { $exists: false } }\nquota: { q: { limit: 1, window: 1 } }\n' }, null), [])
})

t.test('a role has the quotas of those that it inherits, and of anonymous', async (t) => {
  t.strictSame(of(PLANS, USER, 'reader'), ['reader: exports 1/86400000', 'reader: requests 20/60000'])
  t.strictSame(of(PLANS, USER, 'author'), ['author: exports 5/86400000', 'reader: requests 20/60000'])
  t.strictSame(of(PLANS, USER, 'guest'), ANONYMOUS)
  t.strictSame(of(PLANS, USER, 'guest', 'author', 'reader', 'author'), ['author: exports 5/86400000', 'reader: requests 20/60000'])
})

t.test('whoever has no role, or none that the policy knows, has those of anonymous', async (t) => {
  t.strictSame(of(PLANS, USER), ANONYMOUS)
  t.strictSame(of(PLANS, USER, 'nobody', 'constructor'), ANONYMOUS)
  t.strictSame(of(PLANS, USER, 'nobody', 'reader'), ['reader: exports 1/86400000', 'reader: requests 20/60000'])
})

t.test('a set of users is those whom its "when" describes, and nobody who lacks a value that it needs', async (t) => {
  t.strictSame(of(PLANS, { plan: 'pro' }), ['pro: requests 100/60000'])
  t.strictSame(of(PLANS, { plan: 'pro' }, 'author'), ['author: exports 5/86400000', 'pro: requests 100/60000'])
  for (const user of [{}, { plan: 'free' }, { plan: null }, { plan: ['pro'] }, { limitedTo: 'ann' }, { id: 'ann' }, { limitedTo: 'ann', id: 'abe' }]) t.strictSame(of(PLANS, user), ANONYMOUS, JSON.stringify(user))
  t.strictSame(of(PLANS, { limitedTo: 'ann', id: 'ann' }), ['own: own 1/1000', ...ANONYMOUS])
  t.strictSame(of({ 'not-pro.yaml': 'when: { $not: { plan: pro } }\nquota: { q: { limit: 1, window: 1 } }\n' }, {}), [], 'a value that is lacking is not another one')
})

t.test('of one name the most generous counts: by rate, then by limit, then by the name of the policy', async (t) => {
  const two = (a: string, b: string): string[] => of({ 'a.yaml': `role: a\nquota: { q: ${a} }\n`, 'b.yaml': `role: b\nquota: { q: ${b} }\n` }, USER, 'b', 'a')
  t.strictSame(two('{ limit: 10, window: 60 }', '{ limit: 11, window: 60 }'), ['b: q 11/60000'])
  t.strictSame(two('{ limit: 10, window: 60 }', '{ limit: 10, window: 59 }'), ['b: q 10/59000'])
  t.strictSame(two('{ limit: 2, window: 1 }', '{ limit: 100, window: 60 }'), ['a: q 2/1000'], 'the rate comes before the limit')
  t.strictSame(two('{ limit: 1, window: 3 }', '{ limit: 20, window: 1m }'), ['b: q 20/60000'], 'the same rate')
  t.strictSame(two('{ limit: 20, window: 1m }', '{ limit: 1, window: 3 }'), ['a: q 20/60000'])
  t.strictSame(two('{ limit: 1, window: 1m }', '{ limit: 1, window: 60 }'), ['a: q 1/60000'])
  t.strictSame(of({ 'x.yaml': 'name: b\nwhen: { a: 1 }\nquota: { q: { limit: 1, window: 1 } }\n', 'y.yaml': 'name: a\nwhen: { a: 1 }\nquota: { q: { limit: 1, window: 1 } }\n' }, { a: 1 }), ['a: q 1/1000'])
})

t.test('a policy without quotas costs nothing: everyone is given the same empty list', async (t) => {
  const { quotas } = compiled({ 'a.yaml': 'role: a\nrules: [{ action: read, subject: A }]\n', 'pro.yaml': 'when: { plan: pro }\nrules: []\n' })
  t.equal(quotas, NO_POLICY_QUOTAS)
  const user = new Proxy({}, { get: () => { throw new Error('the user was asked') } })
  t.equal(quotasFor(quotas, user, ['a']), quotasFor(NO_POLICY_QUOTAS, null, []))
  t.strictSame(quotasFor(quotas, null, []), [])
})

t.test('where one list says it all, it is given as it is', async (t) => {
  const { quotas } = compiled(PLANS)
  t.equal(quotasFor(quotas, USER, ['author', 'author', 'nobody']), quotas.ofRoles.get('author'))
  t.equal(quotasFor(quotas, USER, []), quotas.ofRoles.get('anonymous'))
  t.strictSame(quotasFor({ ...quotas, ofRoles: new Map() }, USER, []), [])
})

t.test('quotas count in the version', async (t) => {
  const version = (lines: string) => compiled({ 'a.yaml': `role: a\n${lines}` }).version
  const versions = ['', 'quota: { q: { limit: 1, window: 60 } }\n', 'quota: { q: { limit: 2, window: 60 } }\n', 'quota: { q: { limit: 1, window: 61 } }\n', 'quota: { p: { limit: 1, window: 60 } }\n'].map(version)
  t.equal(new Set(versions).size, versions.length)
  t.equal(version('quota:\n  # a comment\n  q: { window: 60, limit: 1 }\n'), versions[1])
})

t.test('a quota that has moved within its file stands in another place', async (t) => {
  const role = (comment: string) => compiled({ 'a.yaml': `role: a\n${comment}quota: { q: { limit: 1, window: 60 } }\n` })
  const group = (comment: string) => compiled({ 'a.yaml': `when: { a: 1 }\n${comment}quota: { q: { limit: 1, window: 60 } }\n` })
  for (const made of [role, group]) {
    t.ok(samePlaces(made(''), made('')))
    t.notOk(samePlaces(made(''), made('# why\n')))
    t.equal(made('').version, made('# why\n').version)
  }
})

const schema = publishedSchemas()['policy.schema.json'] as { readonly properties: { readonly quota: Readonly<Record<string, unknown>> }, readonly allOf: readonly { readonly if: object, readonly then: { readonly propertyNames: { readonly enum: readonly string[] } } }[] }
const check = new Ajv({ strict: true, allowUnionTypes: true, allErrors: true }).compile(schema)

t.test('an editor completes quotas for roles and sets of users, and for nobody else', async (t) => {
  t.strictSame(schema.properties.quota, {
    type: 'object',
    title: '"quota"',
    description: 'The quotas by their names, which clients are told. Of several with one name a user has the most generous.',
    minProperties: 1,
    propertyNames: { pattern: '^[!#-[\\]-~](?:[ !#-[\\]-~]{0,62}[!#-[\\]-~])?$' },
    additionalProperties: {
      type: 'object',
      title: 'a quota',
      description: 'How much of it there is.',
      additionalProperties: false,
      required: ['limit', 'window'],
      properties: {
        limit: { type: 'integer', description: 'The most requests in the time of `window`; they come back one by one.', minimum: 1, maximum: 1_000_000_000 },
        window: { type: ['number', 'string'], description: 'The time: seconds, or a text like `30s`, `1m`, `1h`, `1d`.', minimum: 0.001, maximum: 3_162_240_000, pattern: '^[0-9]+(?:\\.[0-9]+)?[smhd]$' },
      },
    },
  })
  const sorts = schema.allOf.map(({ if: sort, then }) => [JSON.stringify(sort), then.propertyNames.enum.includes('quota')] as const)
  t.strictSame(sorts.map(([sort, has]) => [/"required":\["(\w+)"\]/.exec(sort)?.[1], has]), [['role', true], ['when', true], ['deny', false], ['breakGlass', false]])
})

t.test('an editor underlines what is refused, and nothing else', async (t) => {
  for (const text of ['role: a\nquota: { q: { limit: 1, window: 1.5h } }\n', 'when: { a: 1 }\nquota: { q: { limit: 1000000000, window: 0.001 } }\n', 'when: { a: 1 }\nrules: []\nquota: { q: { limit: 1, window: 60 } }\n']) {
    t.ok(check(parse(text)), text)
    t.strictSame(problems(text), [])
  }
  // Of a text it cannot see how long it is, and of a condition not that it asks for the environment.
  const unseen = ['a window of 0 s', 'a window longer than 100 years', 'a window that is no number at all']
  for (const [promise, text] of WRONG) if (!unseen.includes(promise)) t.notOk(check(parse(text)), text)
  t.notOk(check({ role: 'a', quota: { ' a': { limit: 1, window: 1 } } }))
})

t.test('property: a role more never makes a quota less generous, takes none away, and the order of roles changes nothing', async () => {
  const roles = ['anonymous', 'a', 'b', 'c', 'd']
  const quotas = fc.dictionary(fc.constantFrom('p', 'q', 'r'), fc.record({ limit: fc.integer({ min: 1, max: 6 }), window: fc.integer({ min: 1, max: 3 }) }), { noNullPrototype: true })
  const described = fc.dictionary(fc.constantFrom('x', 'y'), quotas.filter((map) => Object.keys(map).length > 0), { noNullPrototype: true })
  // Nobody inherits from a role after it, so there are no circles.
  const inherited = fc.tuple(...roles.map((_, index) => fc.subarray(roles.slice(1, Math.max(1, index)))))
  const given = fc.record({ own: fc.tuple(...roles.map(() => quotas)), inherited, described, user: fc.record({ x: fc.boolean(), y: fc.boolean() }), held: fc.uniqueArray(fc.constantFrom(...roles, 'unknown')), more: fc.constantFrom(...roles, 'unknown') })
  let compared = 0
  fc.assert(fc.property(given, ({ own, inherited, described, user, held, more }) => {
    const definitions = [
      ...roles.map((role, index) => ({ role, inherits: inherited[index] ?? [], quota: own[index] ?? {} })).map(({ role, inherits, quota }) => ({
        role, ...(inherits.length === 0 ? {} : { inherits }), ...(Object.keys(quota).length === 0 ? {} : { quota }),
      })),
      ...Object.entries(described).map(([name, quota]) => ({ name, when: { [name]: true }, quota })),
    ]
    // Also quotas that never count are compiled.
    const policy = compileChecked(validate(sourcesOf(definitions)))
    const before = quotasFor(policy.quotas, user, held)
    const after = quotasFor(policy.quotas, user, [...held, more])
    compared += before.length
    for (const one of before) {
      const other = after.find(({ name }) => name === one.name)
      if (other === undefined || other.limit / other.window < one.limit / one.window) throw new Error(`${shown(one)} became ${other === undefined ? 'nothing' : shown(other)}`)
    }
    const names = after.map(({ name }) => name)
    if (String(names) !== String([...new Set(names)].sort())) throw new Error(`not sorted, or not each once: ${names.join()}`)
    if (JSON.stringify(after) !== JSON.stringify(quotasFor(policy.quotas, user, [more, ...held.toReversed()]))) throw new Error('the order of roles matters')
    // The model: everything that the user has anything to do with, and the best of it.
    const lineage = new Set(['anonymous', ...[...held, more].filter((role) => role !== 'unknown')])
    for (const role of lineage) for (const parent of inherited[roles.indexOf(role)] ?? []) lineage.add(parent)
    const all = [...[...lineage].map((role) => own[roles.indexOf(role)] ?? {}), ...Object.entries(described).filter(([name]) => user[name as 'x' | 'y']).map(([, quota]) => quota)]
    for (const name of ['p', 'q', 'r']) {
      const best = all.flatMap((map) => map[name] ?? []).toSorted((a, b) => b.limit / b.window - a.limit / a.window || b.limit - a.limit)[0]
      const found = after.find((one) => one.name === name)
      if (found?.limit !== best?.limit || found?.window !== (best === undefined ? undefined : best.window * 1000)) throw new Error(`${name}: ${JSON.stringify(found)} in place of ${JSON.stringify(best)}`)
    }
  }), { numRuns: 1000 })
  t.ok(compared > 1000, `${compared} were compared`)
})
