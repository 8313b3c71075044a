/** Rules that can never matter stop the start: an inverted rule always beats them, or they are there twice. */
import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import fc from 'fast-check'
import { Abilities } from '../../lib/authorization/abilities.ts'
import { compileChecked } from '../../lib/policies/compile.ts'
import type { RuleDefinition } from '../../lib/policies/define.ts'
import { sourcesOf } from '../../lib/policies/read.ts'
import { validate } from '../../lib/policies/validate.ts'
import { compiled, problemsOf, sources } from './sources.ts'
import type { Files } from './sources.ts'

const SUBJECTS = `user: { tenant: t, attributes: { id: string, t: string } }
environment: { attributes: { region: string } }
subjects:
  Doc: { tenant: t, attributes: { t: string, by: string, level: integer, title: string, body: string }, relations: { owner: { by: $user.id }, peer: { level: 1 } } }
  Log: { attributes: { by: string } }
`

/** A policy of a role from its rules, each a flow map. */
function role (name: string, rules: readonly string[], inherits?: string): string {
  return `role: ${name}\n${inherits === undefined ? '' : `inherits: ${inherits}\n`}rules:${rules.length === 0 ? ' []' : ''}\n${rules.map((rule) => `  - { ${rule} }\n`).join('')}`
}

function told (files: Files): string[] {
  return problemsOf(() => compiled({ 'subjects.yaml': SUBJECTS, ...files }))
}

const READ = 'action: read, subject: Doc'

const BEATEN: readonly { promise: string, files: Files, problems: readonly string[] }[] = [
  {
    promise: 'by an inverted rule for every record',
    files: { 'a.yaml': role('a', [`${READ}, conditions: { level: 1 }`, `${READ}, inverted: true`]) },
    problems: ['a.yaml:3:5 rule a/1 can never allow anything: the inverted rule a/2 (a.yaml:4:5) always beats it'],
  },
  {
    promise: 'by an inverted rule with the same condition, of a role that it inherits',
    files: { 'a.yaml': role('a', [`${READ}, conditions: { by: $user.id, level: 1 }`], 'b'), 'b.yaml': role('b', [], 'c'), 'c.yaml': role('c', [`${READ}, conditions: { level: 1 }, inverted: true`]) },
    problems: ['a.yaml:4:5 rule a/1 can never allow anything: the inverted rule c/1 (c.yaml:3:5) always beats it'],
  },
  {
    promise: 'by an inverted rule of anonymous, whose rules everybody has',
    files: { 'a.yaml': role('a', [READ]), 'anonymous.yaml': role('anonymous', ['action: manage, subject: all, inverted: true']) },
    problems: ['a.yaml:3:5 rule a/1 can never allow anything: the inverted rule anonymous/1 (anonymous.yaml:3:5) always beats it'],
  },
  {
    promise: 'by several inverted rules together',
    files: { 'a.yaml': role('a', ['action: [read, update], subject: [Doc, Log]', 'action: manage, subject: Log, inverted: true', 'action: read, subject: [Doc], inverted: true', 'action: update, subject: all, inverted: true']) },
    problems: ['a.yaml:3:5 rule a/1 can never allow anything: the inverted rules a/3 (a.yaml:5:5) and a/4 (a.yaml:6:5) and a/2 (a.yaml:4:5) always beat it'],
  },
  {
    promise: 'in all of its fields',
    files: { 'a.yaml': role('a', [`${READ}, fields: [title, body]`, `${READ}, fields: [body, title, level], inverted: true`]) },
    problems: ['a.yaml:3:5 rule a/1 can never allow any of its fields: the inverted rule a/2 (a.yaml:4:5) always beats it'],
  },
  {
    promise: 'by the same relation, the same environment and the same state',
    files: {
      'a.yaml': role('a', [
        'action: update, subject: Doc, relation: owner, environment: { region: eu }, state: new, conditions: { level: 3 }',
        'action: update, subject: Doc, conditions: { by: $user.id }, environment: { region: eu }, state: new, inverted: true',
      ]),
    },
    problems: ['a.yaml:3:5 rule a/1 can never allow anything: the inverted rule a/2 (a.yaml:4:5) always beats it'],
  },
  {
    promise: 'in a set of users, by a rule of the set',
    files: { 'g.yaml': 'when: { id: u }\nrules:\n  - { action: read, subject: Log }\n  - { action: read, subject: Log, inverted: true }\n  - { action: update, subject: Log }\n' },
    problems: ['g.yaml:3:5 rule g/1 can never allow anything: the inverted rule g/2 (g.yaml:4:5) always beats it'],
  },
]

for (const { promise, files, problems } of BEATEN) {
  t.test(`an allowing rule that is always beaten is an error: ${promise}`, async (t) => {
    t.strictSame(told(files), problems)
  })
}

const NOT_BEATEN: readonly { promise: string, files: Files }[] = [
  { promise: 'the inverted rule is a sibling\'s', files: { 'a.yaml': role('a', [READ], 'c'), 'b.yaml': role('b', [`${READ}, inverted: true`], 'c'), 'c.yaml': role('c', []) } },
  { promise: 'the inverted rule is a child\'s', files: { 'a.yaml': role('a', [READ]), 'b.yaml': role('b', [`${READ}, inverted: true`], 'a') } },
  { promise: 'the inverted rule is a set\'s', files: { 'a.yaml': role('a', [READ]), 'g.yaml': `when: { id: u }\nrules:\n  - { ${READ}, inverted: true }\n` } },
  { promise: 'a set is called like a role', files: { 'a.yaml': role('a', [READ], 'b'), 'b.yaml': role('b', []), 'g.yaml': `name: when b\nwhen: { id: u }\nrules:\n  - { ${READ}, inverted: true }\n` } },
  { promise: 'the inverted rule has a condition of its own', files: { 'a.yaml': role('a', [`${READ}, conditions: { by: $user.id }`, `${READ}, conditions: { by: $user.id, level: 1 }, inverted: true`]) } },
  { promise: 'the conditions differ', files: { 'a.yaml': role('a', [`${READ}, conditions: { level: 1 }`, `${READ}, conditions: { level: 2 }, inverted: true`]) } },
  { promise: 'an action is left', files: { 'a.yaml': role('a', ['action: [read, update], subject: Doc', `${READ}, inverted: true`]) } },
  { promise: 'every action but one is left', files: { 'a.yaml': role('a', ['action: manage, subject: Doc', `${READ}, inverted: true`]) } },
  { promise: 'a subject is left', files: { 'a.yaml': role('a', ['action: read, subject: [Doc, Log]', `${READ}, inverted: true`]) } },
  { promise: 'a field is left', files: { 'a.yaml': role('a', [`${READ}, fields: [title, body]`, `${READ}, fields: title, inverted: true`]) } },
  { promise: 'the record as a whole is left', files: { 'a.yaml': role('a', [READ, `${READ}, fields: '**', inverted: true`]) } },
  { promise: 'the inverted rule is about another state', files: { 'a.yaml': role('a', ['action: update, subject: Doc', 'action: update, subject: Doc, state: new, inverted: true']) } },
  { promise: 'the inverted rule needs another environment', files: { 'a.yaml': role('a', [READ, `${READ}, environment: { region: eu }, inverted: true`]) } },
  { promise: 'of two relations one is left', files: { 'a.yaml': role('a', [`${READ}, relation: [owner, peer]`, `${READ}, relation: owner, inverted: true`]) } },
  { promise: 'an emergency beats inverted rules', files: { 'a.yaml': role('anonymous', [`${READ}, inverted: true`]), 'fire.yaml': `breakGlass: fire\nrules:\n  - { ${READ} }\n` } },
]

for (const { promise, files } of NOT_BEATEN) {
  t.test(`an allowing rule that can allow something is none: ${promise}`, async (t) => {
    t.strictSame(told(files), [])
  })
}

const TWICE: readonly { promise: string, files: Files, problems: readonly string[] }[] = [
  {
    promise: 'in one policy, whatever the order of its words',
    files: { 'a.yaml': role('a', ['action: [read, update], subject: [Doc, Log], conditions: { by: { $lt: x }, $and: [{ by: { $ne: b } }] }', 'conditions: { $and: [{ by: { $ne: b } }, { by: { $lt: x } }] }, subject: [Log, Doc], action: [update, read]', `${READ}, fields: [title, body]`, `${READ}, fields: [body, title]`]) },
    problems: ['a.yaml:4:5 rule a/2 says the same as a/1 (a.yaml:3:5)', 'a.yaml:6:5 rule a/4 says the same as a/3 (a.yaml:5:5)'],
  },
  {
    promise: 'in a role and one that it inherits',
    files: { 'a.yaml': role('a', [READ], 'b'), 'b.yaml': role('b', [], 'c'), 'c.yaml': role('c', [READ]) },
    problems: ['a.yaml:4:5 rule a/1 says the same as c/1 (c.yaml:3:5)'],
  },
  {
    promise: 'also where the reasons differ, of which one would be told',
    files: { 'a.yaml': role('a', [`${READ}, inverted: true, conditions: { level: 1 }, code: one`, `${READ}, inverted: true, conditions: { level: 1 }, reason: two`, READ]) },
    problems: ['a.yaml:4:5 rule a/2 says the same as a/1 (a.yaml:3:5)'],
  },
  {
    promise: 'three times',
    files: { 'a.yaml': role('a', [READ, READ, READ]) },
    problems: ['a.yaml:4:5 rule a/2 says the same as a/1 (a.yaml:3:5)', 'a.yaml:5:5 rule a/3 says the same as a/1 (a.yaml:3:5)'],
  },
  {
    promise: 'in a role and in anonymous, of a subject without a tenant',
    files: { 'a.yaml': role('a', ['action: read, subject: Log']), 'anonymous.yaml': role('anonymous', ['action: read, subject: Log']) },
    problems: ['a.yaml:3:5 rule a/1 says the same as anonymous/1 (anonymous.yaml:3:5)'],
  },
  {
    promise: 'in a role and in anonymous, across tenants',
    files: { 'a.yaml': role('a', [`${READ}, crossTenant: true`]), 'anonymous.yaml': role('anonymous', [`${READ}, crossTenant: true`]) },
    problems: ['a.yaml:3:5 rule a/1 says the same as anonymous/1 (anonymous.yaml:3:5)'],
  },
  {
    promise: 'in a set of users and in anonymous',
    files: { 'g.yaml': `when: { id: u }\nrules:\n  - { ${READ} }\n`, 'anonymous.yaml': role('anonymous', [READ]) },
    problems: ['g.yaml:3:5 rule g/1 says the same as anonymous/1 (anonymous.yaml:3:5)'],
  },
  {
    promise: 'in an emergency',
    files: { 'fire.yaml': `breakGlass: fire\nrules:\n  - { ${READ} }\n  - { ${READ} }\n` },
    problems: ['fire.yaml:4:5 rule fire/2 says the same as fire/1 (fire.yaml:3:5)'],
  },
]

for (const { promise, files, problems } of TWICE) {
  t.test(`the same rule twice is an error: ${promise}`, async (t) => {
    t.strictSame(told(files), problems)
  })
}

t.test('rules that differ in one thing are not the same', async (t) => {
  const rules = ['', ', conditions: { level: 1 }', ', fields: title', ', crossTenant: true', ', state: new', ', environment: { region: eu }', ', relation: owner', ', relation: peer, conditions: { level: 2 }']
  t.strictSame(told({ 'a.yaml': role('a', [...rules.map((rest) => `action: update, subject: Doc${rest}`), 'action: publish, subject: Doc', 'action: update, subject: Log']) }).filter((line) => /same/.test(line)), [])
})

t.test('a large number is not the text that looks like it', async (t) => {
  const rule = (n: unknown) => ({ action: 'read', subject: 'Doc', conditions: { n } })
  t.strictSame(validate(sourcesOf([{ role: 'a', rules: [rule(9007199254740993n), rule('9007199254740993n'), rule('9007199254740993')] }])).senseless, [])
  t.equal(validate(sourcesOf([{ role: 'a', rules: [rule(9007199254740993n), rule(9007199254740993n)] }])).senseless.length, 1)
})

t.test('roles that do not meet may say the same, and so may an emergency, and a role what anonymous says within the tenant', async (t) => {
  t.strictSame(told({ 'a.yaml': role('a', [READ], 'c'), 'b.yaml': role('b', [READ], 'c'), 'c.yaml': role('c', []) }), [])
  t.strictSame(told({ 'a.yaml': role('a', [READ]), 'anonymous.yaml': role('anonymous', [READ]) }), [])
  t.strictSame(told({ 'anonymous.yaml': role('anonymous', [READ]), 'fire.yaml': `breakGlass: fire\nrules:\n  - { ${READ} }\n` }), [])
})

t.test('they are told together with all else that is wrong, and with mistakes of the tests', async (t) => {
  const files = { 'a.yaml': `${role('a', [READ, READ])}tests:\n  - { given: Dok, expect: {} }\n` }
  t.match(told(files), [/a\.yaml:4:5 rule a\/2 says the same/, /unknown subject "Dok"/])
})

t.test('without lines they are told by name', async (t) => {
  const rules = [{ action: 'read', subject: 'A' }, { action: 'read', subject: 'A', inverted: true }]
  t.strictSame(validate(sourcesOf([{ role: 'a', rules }])).senseless.map(({ message }) => message), ['rule a/1 can never allow anything: the inverted rule a/2 (a) always beats it'])
})

interface Ruled {
  readonly role?: string
  readonly name?: string
  readonly inherits?: string | readonly string[]
  readonly when?: object
  readonly rules: readonly RuleDefinition[]
}

const RECORDS = ['x', 'y'].flatMap((t) => ['u', 'v', undefined].map((by) => ({ t, by, title: 'a', body: 'b' })))
const AROUND = [{ environment: { region: 'eu' } }, { environment: { region: 'us' }, memberships: [{ tenant: 'y', roles: ['a', 'b'] }] }, { memberships: [{ tenant: 'x', roles: ['c'] }] }]
const FIELDS = [undefined, 'title', 'body']

/** What everybody may do, asked of every record, state and field: the record as a whole stands first of each three. */
function verdicts (policies: readonly Ruled[]): boolean[] {
  const abilities = new Abilities(compileChecked(validate([...sources({ 'subjects.yaml': SUBJECTS }), ...sourcesOf(policies)])))
  return [{ id: 'u', t: 'x' }, { id: 'v' }].flatMap((user) => [['a'], ['b', 'c'], []].flatMap((roles) => AROUND.flatMap((around) => {
    const ability = abilities.of(user, roles, around)
    return ['read', 'update'].flatMap((action) => ['Doc', 'Log'].flatMap((subject) => (['old', 'new'] as const).flatMap((state) => RECORDS.flatMap((record) => {
      return FIELDS.map((field) => ability.allows(action, subject, record, field, state))
    }))))
  })))
}

t.test('property: whatever rule is told of, without it nothing changes', async (t) => {
  const special = fc.constantFrom<Partial<RuleDefinition>>({}, {}, {}, {}, { environment: { region: 'eu' } }, { state: 'old' }, { state: 'new' }, { crossTenant: true }, { fields: 'title' }, { fields: ['title', 'body'] })
  const conditions = fc.constantFrom({}, {}, { by: '$user.id' }, { by: 'u' }, { by: { $ne: 'u' }, $or: [{ by: 'v' }, { by: { $exists: false } }] })
  const ruleOf = fc.tuple(fc.constantFrom('read', 'update', 'manage', ['read', 'update']), fc.constantFrom('Doc', 'Doc', 'Log', ['Doc', 'Log']), fc.boolean(), special, conditions)
    .map(([action, subject, inverted, { crossTenant, ...special }, conditions]): RuleDefinition => ({
      action,
      subject,
      ...(subject === 'Doc' && special),
      ...(subject === 'Doc' && crossTenant === true && !inverted && { crossTenant }),
      ...(Object.keys(conditions).length > 0 && { conditions }),
      ...(inverted && { inverted }),
    }))
  const rules = fc.array(ruleOf, { maxLength: 3 })
  const policiesOf = fc.tuple(rules, rules, rules, rules, rules).map(([a, b, c, anonymous, set]): Ruled[] => [
    { role: 'a', inherits: 'b', rules: a }, { role: 'b', rules: b }, { role: 'c', inherits: ['b'], rules: c }, { role: 'anonymous', rules: anonymous }, { name: 'set', when: { id: 'u' }, rules: set },
  ])
  const seen = { anything: 0, fields: 0, same: 0 }
  fc.assert(fc.property(policiesOf, (policies) => {
    const { senseless } = validate([...sources({ 'subjects.yaml': SUBJECTS }), ...sourcesOf(policies)])
    for (const { message } of senseless) {
      const [, policy, number, kind] = /^rule (\w+)\/(\d+) (can never allow anything|can never allow any of|says the same)/.exec(message) ?? []
      if (policy === undefined) continue
      const without = policies.map((one) => (one.role ?? one.name) === policy ? { ...one, rules: one.rules.filter((_rule, index) => index !== Number(number) - 1) } : one)
      const [before, after] = [verdicts(policies), verdicts(without)]
      const fieldsOnly = kind === 'can never allow any of'
      const kept = (all: boolean[]) => fieldsOnly ? all.filter((_verdict, index) => index % FIELDS.length > 0) : all
      if (!isDeepStrictEqual(kept(before), kept(after))) throw new Error(message)
      seen[fieldsOnly ? 'fields' : kind === 'says the same' ? 'same' : 'anything']++
    }
  }), { numRuns: 120 })
  t.ok(seen.anything > 10 && seen.same > 0, JSON.stringify(seen))
})

t.test('of thousands of rules on one action and subject each is told of, or none', async (t) => {
  const rules = Array.from({ length: 5000 }, (_, index) => [
    { action: 'read', subject: 'Doc', conditions: { tenant: 't', by: `u${index}` } },
    { action: 'read', subject: 'Doc', conditions: { tenant: 't', by: `v${index}` }, inverted: true },
  ]).flat()
  t.strictSame(validate(sourcesOf([{ role: 'a', rules }])).senseless, [])
  const roles = Array.from({ length: 1000 }, (_, index) => ({ role: `r${index}`, ...(index > 0 && { inherits: `r${index - 1}` }), rules: [{ action: `act${index}`, subject: 'Doc' }, { action: 'read', subject: 'Doc', conditions: { level: index } }] }))
  t.equal(validate(sourcesOf([...roles, { role: 'last', inherits: 'r999', rules: [{ action: 'act0', subject: 'Doc' }] }])).senseless.length, 1)
})
