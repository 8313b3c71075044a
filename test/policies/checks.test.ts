/** Every check that the facts list for the start (authorization 4.8), by name; the exact words of most stand in validation.test.ts. */
import t from 'tap'
import { can } from '../../lib/index.ts'
import { keys, porch } from '../core/porch.ts'
import { compilePolicies } from '../../lib/policies/compile.ts'
import { definePolicy, defineSubjects, loadPolicies } from '../../lib/policies/index.ts'
import { sourcesOf } from '../../lib/policies/read.ts'
import { compiled, problemsOf, sources } from './sources.ts'
import type { Files } from './sources.ts'

const SUBJECTS = `user: { tenant: t, attributes: { id: string, t: string, plan: { type: string, enum: [free, pro] } } }
environment: { attributes: { region: string } }
subjects:
  Doc: { tenant: t, attributes: { t: string, by: string, level: integer, status: { type: string, enum: [draft, published] } }, relations: { owner: { by: $user.id } } }
  Log: { attributes: { by: string } }
`

/** So that there is something to forbid. */
const AUDITOR = 'role: auditor\nrules:\n  - { action: read, subject: Log }\n'

const rule = (keys: string, action = 'update'): string => `role: a\nrules:\n  - { action: ${action}, subject: Doc, ${keys} }\n`

const CHECKS: readonly [check: string, file: string, text: string, ...problems: string[]][] = [
  ['unknown keys', 'a.yaml', rule('condition: { by: x }'), 'a.yaml:3:37 unknown key "condition" in a rule. Did you mean "conditions"?'],
  ['unknown operators', 'a.yaml', rule('conditions: { level: { $gtt: 1 } }'), 'a.yaml:3:60 unknown operator "$gtt". Did you mean "$gt"?'],
  ['unknown operators of the environment', 'a.yaml', rule('environment: { address: { $cdir: 10.0.0.0/8 } }'), 'a.yaml:3:63 unknown operator "$cdir". Did you mean "$cidr"?'],
  ['unknown subjects', 'a.yaml', 'role: a\nrules:\n  - { action: read, subject: Dok }\n', 'a.yaml:3:30 unknown subject "Dok". Did you mean "Doc"?'],
  ['unknown actions, which only tests and routes can name', 'a.yaml', `${rule('fields: by')}tests:\n  - { given: Doc, expect: { updat: allow } }\n`, 'a.yaml:5:29 no rule mentions the action "updat". Did you mean "update"?'],
  ['unknown roles', 'a.yaml', 'role: a\ninherits: anonymos\nrules: []\n', 'a.yaml:2:11 unknown role "anonymos". Allowed: auditor, a'],
  ['unknown roles of tests', 'a.yaml', 'role: author\ntests:\n  - { as: { roles: [autor] }, given: Doc, expect: {} }\n', 'a.yaml:3:21 no policy defines the role "autor". Did you mean "author"?'],
  ['value types of operators', 'a.yaml', rule('conditions: { level: { $in: 1 } }'), 'a.yaml:3:65 "$in" needs a list or a template, not 1'],
  ['attributes against their declaration', 'a.yaml', rule('conditions: { lvl: 1 }'), 'a.yaml:3:51 unknown attribute "lvl" of Doc. Did you mean "level"?'],
  ['values against their declaration', 'a.yaml', rule('conditions: { level: "1" }'), 'a.yaml:3:58 "level" of Doc is integer: "1" does not fit'],
  ['values against their enumeration', 'a.yaml', rule('conditions: { status: { $in: [draft, publishd] } }'), 'a.yaml:3:66 "publishd" is no value of "status" of Doc. Did you mean "published"?'],
  ['templates against the attributes of the user', 'a.yaml', rule('conditions: { by: $user.ids }'), 'a.yaml:3:55 unknown attribute "ids" of the user. Did you mean "id"?'],
  ['templates against the environment', 'a.yaml', rule('conditions: { by: $environment.regoin }'), 'a.yaml:3:55 unknown attribute "regoin" of the environment. Did you mean "region"?'],
  ['attributes of the environment', 'a.yaml', rule('environment: { regoin: eu }'), 'a.yaml:3:52 unknown attribute "regoin" of the environment. Did you mean "region"?'],
  ['an empty condition', 'a.yaml', rule('conditions: {}'), 'a.yaml:3:49 "conditions" is empty; leave "conditions" out to apply to every record'],
  ['an empty "when"', 'a.yaml', 'when: {}\nrules: []\n', 'a.yaml:1:7 "when" is empty'],
  ['circles of inheritance', 'a.yaml', 'role: a\ninherits: a\n', 'a.yaml:2:11 roles inherit in a circle: a > a'],
  ['rules that are shadowed', 'a.yaml', `${rule('conditions: { level: 1 }')}  - { inverted: true, action: update, subject: Doc }\n`, 'a.yaml:3:5 rule a/1 can never allow anything: the inverted rule a/2 (a.yaml:4:5) always beats it'],
  ['rules that are there twice', 'a.yaml', `${rule('fields: by')}  - { action: update, subject: Doc, fields: [by] }\n`, 'a.yaml:4:5 rule a/2 says the same as a/1 (a.yaml:3:5)'],
  ['rules that are unreachable: their condition is never true', 'a.yaml', rule('conditions: { $and: [{ level: 1 }, { level: 2 }] }'), 'a.yaml:3:81 no "level" is 1 and 2 at once: this can never be true'],
  ['rules that are unreachable: they are about a state that there never is', 'a.yaml', rule('state: new', '[read, create]'), 'a.yaml:3:52 "state: new" never matters to "read", "create": only what changes a record gives it a new state'],
  ['rules that are unreachable for one of their actions', 'a.yaml', rule('state: new, inverted: true', '[create, update]') + '  - { action: [create, update], subject: Doc }\n', 'a.yaml:3:54 "state: new" never matters to "create": only what changes a record gives it a new state'],
  ['a code that nobody is ever told', 'a.yaml', 'when: { plan: pro }\ndenied: { code: plan_required }\nrules:\n  - { inverted: true, action: read, subject: Log }\n', 'a.yaml:2:1 "denied" is never told: no rule of the policy allows anything'],
  ['patterns that take forever', 'a.yaml', rule('conditions: { by: { $regex: "^(a+)+$" } }'), 'a.yaml:3:57 "$regex" is refused: a pattern can take seconds for one value (ReDoS); compare with "$eq" or "$in"'],
  ['states', 'a.yaml', rule('state: next'), 'a.yaml:3:44 "next" is not a state. Did you mean "new"?'],
  ['relations', 'a.yaml', rule('relation: owners'), 'a.yaml:3:47 unknown relation "owners" of Doc. Did you mean "owner"?'],
  ['relations of a subject that has none', 'a.yaml', 'role: a\nrules:\n  - { action: read, subject: Log, relation: owner }\n', 'a.yaml:3:45 Log has no relations: declare "owner" in subjects.yaml, subjects: { Log: { relations: { owner: … } } }'],
  ['an emergency that allows nothing', 'a.yaml', 'breakGlass: fire\nrules: []\n', 'a.yaml:1:1 a policy with "breakGlass" needs "rules"'],
  ['an emergency that forbids', 'a.yaml', 'breakGlass: fire\nrules:\n  - { inverted: true, action: read, subject: Log }\n', 'a.yaml:3:7 an inverted rule cannot be part of "breakGlass", which only lifts what others forbid'],
  ['rules of an emergency that a front end should know', 'a.yaml', 'breakGlass: fire\nrules:\n  - { action: read, subject: Log, expose: true }\n', 'a.yaml:3:35 "expose" on a rule of "breakGlass": the front end is never told of an emergency'],
]

for (const [check, file, text, ...problems] of CHECKS) {
  t.test(`law 11: the start tells ${check}`, async (t) => {
    t.strictSame(problemsOf(() => compiled({ 'subjects.yaml': SUBJECTS, 'auditor.yaml': AUDITOR, [file]: text })), problems)
  })
}

t.test('law 11: what is declared and not used is no mistake', async (t) => {
  t.strictSame(problemsOf(() => compiled({ 'subjects.yaml': SUBJECTS, 'a.yaml': 'role: a\nrules: []\n', 'b.yaml': 'role: b\n' })), [])
  t.strictSame(problemsOf(() => compiled({ 'a.yaml': `${rule('state: new')}  - { action: [publish, manage], subject: Doc, state: new }\n  - { action: read, subject: Doc, state: old }\n` })), [])
  t.strictSame(problemsOf(() => compiled({ 'fire.yaml': 'breakGlass: fire\nrules:\n  - { action: read, subject: Log, expose: false }\n' })), [])
})

t.test('law 11: a route whose action, subject or role no rule mentions stops the start', async (t) => {
  const policies = [definePolicy({ role: 'author', rules: [{ action: 'read', subject: 'Doc' }] })]
  const starting = (access: ReturnType<typeof can>) => porch(t, { schemes: [keys()], policies }, (app) => app.get('/', { config: { access } }, () => '')).then((app) => app.ready()).then(() => '', (error: Error) => error.message)
  t.match(await starting(can('raed', 'Doc')), /no rule mentions the action "raed"\. Did you mean "read"\?/)
  t.match(await starting(can('read', 'Dok')), /no rule mentions the subject "Dok"\. Did you mean "Doc"\?/)
  t.match(await starting(can('update', 'Doc')), /no rule allows anybody to "update" a Doc: the route would be closed to everyone/)
  t.equal(await starting(can('read', 'Doc')), '')
})

const FORMS: readonly [name: string, file: string, text: string, problem: string][] = [
  ['a key twice, deep inside', 'a.yaml', rule('conditions: { by: x, by: y }'), 'a.yaml:3:58 this key is written twice; the first stands in line 3'],
  ['a key twice, once in quotes', 'a.yaml', 'role: a\n"role": b\n', 'a.yaml:2:1 this key is written twice; the first stands in line 1'],
  ['a merge key', 'a.yaml', rule('<<: { expose: true }'), 'a.yaml:3:37 "<<" merges nothing in YAML 1.2: write the keys out'],
  ['a merge key among conditions', 'a.yaml', rule('conditions: { <<: { by: x }, level: 1 }'), 'a.yaml:3:51 "<<" merges nothing in YAML 1.2: write the keys out'],
  ['an anchor', 'a.yaml', 'role: &name a\n', 'a.yaml:1:7 anchors and aliases are not allowed: write the value out where it is used'],
  ['an alias that is not there', 'a.yaml', 'role: *name\n', 'a.yaml:1:7 anchors and aliases are not allowed: write the value out where it is used; a text that begins with "*" needs quotes'],
  ['a tab', 'a.yaml', 'role: a\nrules:\n\t- { action: read, subject: Doc }\n', 'a.yaml:3:1 tab characters must not be used in indentation: write spaces'],
  ['a second document', 'a.yaml', 'role: a\n---\n', 'a.yaml:2:1 a policy file holds one YAML document; put the second one into a file of its own'],
  ['a trailing comma in a map', 'a.json', '{\n  "role": "a",\n}', 'a.json:3:1 expected a key in double quotes, found "}"'],
  ['a trailing comma in a list', 'a.json', '{ "role": "a", "rules": [\n  ,] }', 'a.json:2:3 expected a value, found ","'],
  ['a comment in JSON', 'a.json', '{ "role": "a" // the role\n}', 'a.json:1:15 expected "," or "}", found "/"'],
]

for (const [name, file, text, problem] of FORMS) {
  t.test(`law 11: a file with ${name} is refused, with its place`, async (t) => {
    t.strictSame(problemsOf(() => sources({ [file]: text })), [problem])
  })
}

t.test('a key in quotes is what it says', async (t) => {
  t.strictSame(sources({ 'a.yaml': '"<<": 1\n' })[0]?.content, Object.assign(Object.create(null), { '<<': 1 }))
})

t.test('a file may name its JSON Schema, and that is not among the words that a message lists', async (t) => {
  const $schema = '../node_modules/fastify-gatehouse/dist/schemas/policy.schema.json'
  const files: Files = {
    'a.json': JSON.stringify({ $schema, role: 'a' }),
    'b.yaml': `$schema: ${$schema}\nwhen: { plan: pro }\nrules: []\n`,
    'c.test.json': JSON.stringify({ $schema, tests: [{ given: 'Doc', expect: {} }] }),
    'subjects.json': JSON.stringify({ $schema, subjects: { Doc: {} } }),
  }
  t.strictSame(problemsOf(() => compiled(files)), [])
  t.notMatch(problemsOf(() => compiled({ ...files, 'a.json': '{ "$schema": 1, "xyzzyx": 1, "role": "a" }' })).join(), /Allowed:[^,]*\$schema|tests, \$schema/)
})

t.test('policies that are given as a list declare their subjects in it', async (t) => {
  const subjects = defineSubjects({
    user: { attributes: { id: 'string' } },
    subjects: { Doc: { attributes: { by: 'string', status: { type: 'string', enum: ['draft', 'published'] } }, relations: { owner: { by: '$user.id' } } } },
    environment: { attributes: { region: { type: 'string', optional: true } } },
  })
  const policy = (conditions: object) => definePolicy({ role: 'a', rules: [{ action: 'read', subject: 'Doc', relation: 'owner', environment: { region: 'eu' }, fields: '*', conditions: { ...conditions } }] })
  t.match((await loadPolicies([policy({ status: 'draft' }), subjects])).roles.get('a'), [{ fields: ['by', 'status'] }])
  const lines = (...definitions: object[]) => problemsOf(() => compilePolicies(sourcesOf(definitions)))
  t.strictSame(lines(subjects, policy({ status: 'drafft' })), ['a rules[0].conditions.status: "drafft" is no value of "status" of Doc. Did you mean "draft"?'])
  t.strictSame(lines(subjects, subjects, policy({ status: 'draft' })), ['subjects the subjects are declared twice; the other file is subjects'])
  t.strictSame(lines({ subjects: { Doc: { atributes: {} } } }, { role: 'a' }), ['subjects subjects.Doc.atributes: unknown key "atributes" in a subject. Did you mean "attributes"?'])
})

t.test('defineSubjects makes frozen copies, and its mistakes are found while typing', async (t) => {
  const given = { subjects: { Doc: { attributes: { by: 'string' as 'string' | 'integer' } } } }
  const subjects = defineSubjects(given)
  given.subjects.Doc.attributes.by = 'integer'
  t.strictSame(subjects, { subjects: { Doc: { attributes: { by: 'string' } } } })
  t.throws(() => { (subjects as typeof given).subjects.Doc.attributes.by = 'integer' }, TypeError)
  // @ts-expect-error: no such type
  defineSubjects({ subjects: { Doc: { attributes: { by: 'strng' } } } })
  // @ts-expect-error: no such key
  defineSubjects({ subjects: { Doc: { atributes: {} } } })
})
