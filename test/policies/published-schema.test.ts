/** The JSON Schemas that editors read: they take what the start takes, refuse what they can see to be wrong, and describe every key. */
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import fc from 'fast-check'
import { Ajv } from 'ajv'
import type { ValidateFunction } from 'ajv'
import { parse } from 'yaml'
import { COMPARISONS, CONNECTIVES, ENVIRONMENT_COMPARISONS } from '../../lib/policies/condition.ts'
import { publishedSchemas } from '../../lib/policies/published-schema.ts'
import { policySchema } from '../../lib/policies/schema.ts'
import { blocks, root } from '../docs/blocks.ts'
import { compiled, problemsOf } from './sources.ts'

const schemas = publishedSchemas()
// Strict: an unknown keyword, or one that never applies, is an error. A value may be of several types.
const ajv = new Ajv({ strict: true, allowUnionTypes: true, allErrors: true })
const CHECKS = Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, ajv.compile(schema)])) as Readonly<Record<string, ValidateFunction>>

function checkFor (file: string): ValidateFunction {
  const name = file.split('/').at(-1) as string
  const schema = /\.test\.\w+$/.test(name) ? 'tests' : /^subjects\.\w+$/.test(name) ? 'subjects' : 'policy'
  return CHECKS[`${schema}.schema.json`] as ValidateFunction
}

/** What an editor would underline. */
function underlined (file: string, text: string): string[] {
  const check = checkFor(file)
  return check(parse(text)) ? [] : (check.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`)
}

t.test('there is a schema for policies, one for subjects.yaml and one for files of tests, all draft-07', async (t) => {
  t.strictSame(Object.keys(schemas), ['policy.schema.json', 'subjects.schema.json', 'tests.schema.json'])
  for (const [name, schema] of Object.entries(schemas)) {
    t.equal(schema['$schema'], 'http://json-schema.org/draft-07/schema#')
    t.match(schema['$id'], new RegExp(`^https://.*/${name.replaceAll('.', '\\.')}$`))
    t.ok(ajv.validateSchema(schema), name)
  }
})

t.test('every policy file of this repository is valid', async (t) => {
  const folders = ['policies', 'examples', 'test/models/policies'].filter((folder) => existsSync(join(root, folder)))
  const files = folders.flatMap((folder) => readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => `${folder}/${name}`)).filter((name) => /\.(?:ya?ml|json)$/.test(name))
  t.ok(files.length >= 7, `${files.length} files`)
  for (const file of files) t.strictSame(underlined(file, readFileSync(join(root, file), 'utf8')), [], file)
})

t.test('every policy of the README and of docs is valid', async (t) => {
  const policies = blocks.filter(({ language, label }) => language === 'yaml' && label.startsWith('policies/'))
  t.ok(policies.length >= 3, `${policies.length} policies`)
  for (const { file, line, label, text } of policies) t.strictSame(underlined(label, text), [], `${file}:${line}`)
})

const RULE = 'role: a\nrules:\n  - { action: read, subject: Doc'

const RIGHT: readonly [file: string, text: string][] = [
  ['a.yaml', 'role: a\n'],
  ['a.json', '{ "$schema": "../node_modules/fastify-gatehouse/dist/schemas/policy.schema.json", "role": "a" }'],
  ['a.yaml', 'name: x\nwhen: { plan: pro, $or: [{ a: 1 }, { b.c: { $not: { $in: [1, 2] } } }] }\ndenied: { code: plan_required }\nrules: []\n'],
  ['a.yaml', 'name: x\ndeny:\n  - { code: no, when: { a: true } }\n'],
  ['a.yaml', 'breakGlass: fire\nrules:\n  - { action: manage, subject: all }\n'],
  ['a.yaml', `${RULE}, conditions: { a: $user.id, b: null, c: $$x, d: { $eq: x, $ne: 1, $lt: 5, $lte: $user.n, $gt: a, $gte: 2026-01-01, $in: [a, null], $nin: $user.l, $exists: false, $all: [$user.id], $size: 0 } } }\n`],
  ['a.yaml', `${RULE}, conditions: { $and: [{ a: 1 }], $nor: [{ a: 2 }], $not: { $or: [{ a: { $all: $user.l } }] } } }\n`],
  ['a.yaml', `${RULE}, inverted: true, reason: because, code: never_so, fields: [a, b.*] }\n`],
  ['a.yaml', `${RULE}, inverted: false, crossTenant: true, state: new, expose: true, relation: [owner, member] }\n`],
  ['a.yaml', `${RULE}, environment: { now: { $between: { from: "09:00", to: "17:30", zone: Europe/Berlin, days: [mon, fri] }, $gt: 2026-01-01 }, address: { $cidr: [10.0.0.0/8, "2001:db8::/32"], $not: { $cidr: 10.1.0.0/16 } }, region: eu, $not: { $or: [{ now: { $lt: $user.until } }] } } }\n`],
  ['a.yaml', 'role: a\ntests:\n  - { name: x, as: null, given: Doc, expect: {} }\n  - { as: { id: 1 }, environment: { now: { $date: 2026-01-01 } }, breakGlass: fire, given: { Doc: { a: [1] } }, becomes: { a: 2 }, expect: { read: allow, update: { allow: [a] }, delete: deny, publish: { deny: archived } } }\n'],
  ['a.test.yaml', 'tests:\n  - { given: Doc, expect: { read: deny } }\n'],
  ['subjects.yaml', 'user: { tenant: t, attributes: { t: string, tags: { type: array, optional: true } } }\nenvironment: { attributes: { region: { type: string, enum: [eu, us] } } }\nsubjects: { Doc: { tenant: t, attributes: { t: string, n: { type: integer, enum: [1, 2] } }, relations: { owner: { by: $user.id } } }, Log: {} }\n'],
]

for (const [file, text] of RIGHT) {
  t.test(`an editor takes ${JSON.stringify(text).slice(0, 150)}`, async (t) => {
    t.strictSame(underlined(file, text), [])
  })
}

const WRONG: readonly [file: string, text: string, at: string][] = [
  ['a.yaml', 'rules: []\n', ''],
  ['a.yaml', 'role: a\nrolle: b\n', ''],
  ['a.yaml', 'role: a\nwhen: { a: 1 }\nrules: []\n', ''],
  ['a.yaml', 'role: a\ndenied: { code: x }\n', ''],
  ['a.yaml', 'when: { a: 1 }\n', ''],
  ['a.yaml', 'when: {}\nrules: []\n', '/when'],
  ['a.yaml', 'breakGlass: fire\n', ''],
  ['a.yaml', 'breakGlass: fire\nrules: []\n', '/rules'],
  ['a.yaml', 'name: x\ndeny: []\n', '/deny'],
  ['a.yaml', 'role: a\ninherits: "a,b"\n', '/inherits'],
  ['a.yaml', 'role: a\nrules:\n  - { action: read }\n', '/rules/0'],
  ['a.yaml', `${RULE}, condition: { a: 1 } }\n`, '/rules/0'],
  ['a.yaml', `${RULE}, reason: x }\n`, '/rules/0'],
  ['a.yaml', `${RULE}, inverted: false, code: x }\n`, '/rules/0'],
  ['a.yaml', `${RULE}, inverted: true, crossTenant: true }\n`, '/rules/0'],
  ['a.yaml', `${RULE}, inverted: yes }\n`, '/rules/0/inverted'],
  ['a.yaml', `${RULE}, inverted: true, code: Not-A-Code }\n`, '/rules/0/code'],
  ['a.yaml', `${RULE}, state: next }\n`, '/rules/0/state'],
  ['a.yaml', `${RULE}, fields: [] }\n`, '/rules/0/fields'],
  ['a.yaml', `${RULE}, conditions: {} }\n`, '/rules/0/conditions'],
  ['a.yaml', `${RULE}, conditions: { a: { $gtt: 1 } } }\n`, '/rules/0/conditions/a'],
  ['a.yaml', `${RULE}, conditions: { a: { $regex: "^a" } } }\n`, '/rules/0/conditions/a'],
  ['a.yaml', `${RULE}, conditions: { $eq: 1 } }\n`, '/rules/0/conditions'],
  ['a.yaml', `${RULE}, conditions: { $or: { a: 1 } } }\n`, '/rules/0/conditions/$or'],
  ['a.yaml', `${RULE}, conditions: { $and: [] } }\n`, '/rules/0/conditions/$and'],
  ['a.yaml', `${RULE}, conditions: { $not: [] } }\n`, '/rules/0/conditions/$not'],
  ['a.yaml', `${RULE}, conditions: { a: [1] } }\n`, '/rules/0/conditions/a'],
  ['a.yaml', `${RULE}, conditions: { a: {} } }\n`, '/rules/0/conditions/a'],
  ['a.yaml', `${RULE}, conditions: { a: { b: 1 } } }\n`, '/rules/0/conditions/a'],
  ['a.yaml', `${RULE}, conditions: { a..b: 1 } }\n`, '/rules/0/conditions'],
  ['a.yaml', `${RULE}, conditions: { a.$b: 1 } }\n`, '/rules/0/conditions'],
  ['a.yaml', `${RULE}, conditions: { a: $usr.id } }\n`, '/rules/0/conditions/a'],
  ['a.yaml', `${RULE}, conditions: { a: "x $user.id" } }\n`, '/rules/0/conditions/a'],
  ['a.yaml', `${RULE}, conditions: { a: "{{ user.id }}" } }\n`, '/rules/0/conditions/a'],
  ['a.yaml', `${RULE}, conditions: { a: { $in: x } } }\n`, '/rules/0/conditions/a/$in'],
  ['a.yaml', `${RULE}, conditions: { a: { $in: [] } } }\n`, '/rules/0/conditions/a/$in'],
  ['a.yaml', `${RULE}, conditions: { a: { $in: [$user.id] } } }\n`, '/rules/0/conditions/a/$in/0'],
  ['a.yaml', `${RULE}, conditions: { a: { $all: [null] } } }\n`, '/rules/0/conditions/a/$all/0'],
  ['a.yaml', `${RULE}, conditions: { a: { $lt: true } } }\n`, '/rules/0/conditions/a/$lt'],
  ['a.yaml', `${RULE}, conditions: { a: { $exists: 1 } } }\n`, '/rules/0/conditions/a/$exists'],
  ['a.yaml', `${RULE}, conditions: { a: { $size: -1 } } }\n`, '/rules/0/conditions/a/$size'],
  ['a.yaml', `${RULE}, conditions: { a: { $not: 1 } } }\n`, '/rules/0/conditions/a/$not'],
  ['a.yaml', `${RULE}, conditions: { a: { $cidr: 10.0.0.0/8 } } }\n`, '/rules/0/conditions/a'],
  ['a.yaml', `${RULE}, environment: { now: { $between: { from: "9:00", to: "17:00", zone: UTC } } } }\n`, '/rules/0/environment/now/$between/from'],
  ['a.yaml', `${RULE}, environment: { now: { $between: { from: "09:00", to: "17:00" } } } }\n`, '/rules/0/environment/now/$between'],
  ['a.yaml', `${RULE}, environment: { region: { $between: { from: "09:00", to: "17:00", zone: UTC, days: [monday] } } } }\n`, '/rules/0/environment/region/$between/days/0'],
  ['a.yaml', 'role: a\ntests:\n  - { given: Doc, expect: { read: allowed } }\n', '/tests/0/expect/read'],
  ['a.yaml', 'role: a\ntests:\n  - { given: Doc, expekt: {} }\n', '/tests/0'],
  ['a.test.yaml', 'role: a\ntests:\n  - { given: Doc, expect: {} }\n', ''],
  ['subjects.yaml', 'subjects: { Doc: { attributes: { a: int } } }\n', '/subjects/Doc/attributes/a'],
  ['subjects.yaml', 'subjects: { Doc: { attributes: { a: { enum: [a] } } } }\n', '/subjects/Doc/attributes/a'],
  ['subjects.yaml', 'subjects: { Doc: { relations: { owner: {} } } }\n', '/subjects/Doc/relations/owner'],
  ['subjects.yaml', 'subject: {}\n', ''],
]

for (const [file, text, at] of WRONG) {
  t.test(`an editor underlines ${JSON.stringify(text)}`, async (t) => {
    const found = underlined(file, text)
    t.ok(found.some((line) => line.startsWith(`${at} `)), found.join('\n'))
    t.not(problemsOf(() => compiled({ [file]: text })).length, 0, 'and the start refuses it')
  })
}

interface Schema {
  readonly title?: string
  readonly description?: string
  readonly $ref?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly [keyword: string]: unknown
}

/** Every schema in a schema, with the way to it. */
function * within (schema: Schema, at = ''): Generator<[at: string, schema: Schema]> {
  yield [at, schema]
  for (const [keyword, value] of Object.entries(schema)) {
    const maps = ['properties', 'patternProperties', 'definitions'].includes(keyword) ? Object.entries(value as object) : []
    for (const [key, inner] of maps) yield * within(inner as Schema, `${at}/${keyword}/${key}`)
    if (['items', 'additionalProperties', 'propertyNames', 'if', 'then', 'else'].includes(keyword) && typeof value === 'object') yield * within(value as Schema, `${at}/${keyword}`)
    if (['anyOf', 'allOf'].includes(keyword)) for (const [index, inner] of (value as Schema[]).entries()) yield * within(inner, `${at}/${keyword}/${index}`)
  }
}

t.test('every key has a description, which editors show', async (t) => {
  for (const [name, schema] of Object.entries(schemas)) {
    for (const [at, { properties = {} }] of within(schema as Schema)) {
      if (/^\/(?:anyOf|allOf)|\/if$/.test(at)) continue
      for (const [key, property] of Object.entries(properties)) t.match(property.description, /^[A-Z].*\.$/, `${name}${at} ${key}`)
    }
  }
})

t.test('a description tells what the key means, and not what messages say of its value', async (t) => {
  const text = JSON.stringify(schemas)
  t.notMatch(text, /\$comment/)
  const { properties } = schemas['policy.schema.json'] as Schema
  t.match(properties?.['role']?.description, /The role that the rules are for/)
  t.equal(policySchema.properties.role.description, 'not empty, no commas, no control characters, no white space at its ends')
})

t.test('references lead to definitions of the same file, and all of those are used', async (t) => {
  for (const [name, schema] of Object.entries(schemas)) {
    const used = new Set([...within(schema as Schema)].flatMap(([, { $ref }]) => $ref === undefined ? [] : [$ref.replace('#/definitions/', '')]))
    t.strictSame([...used].sort(), Object.keys(schema['definitions'] ?? {}).sort(), name)
  }
})

t.test('names of keys are not limited to a title, which editors would offer as a key', async (t) => {
  for (const [name, schema] of Object.entries(schemas)) {
    for (const [at, { title }] of within(schema as Schema)) if (at.endsWith('/propertyNames')) t.equal(title, undefined, `${name}${at}`)
  }
})

t.test('an editor knows every operator, and those of the environment only there', async (t) => {
  const { definitions } = schemas['policy.schema.json'] as unknown as { readonly definitions: Readonly<Record<string, Schema>> }
  const keys = (name: string) => Object.keys(definitions[name]?.properties ?? {}).sort()
  t.strictSame(keys('comparison'), [...COMPARISONS, '$not'].sort())
  t.strictSame(keys('operators'), keys('comparison'))
  t.strictSame(keys('environmentComparison'), [...COMPARISONS, ...ENVIRONMENT_COMPARISONS, '$not'].sort())
  t.strictSame(keys('condition'), [...CONNECTIVES].sort())
  t.strictSame(keys('environmentCondition'), [...CONNECTIVES, 'address', 'now'].sort())
})

t.test('property: what the start takes, an editor takes', async (t) => {
  const scalar = fc.constantFrom<unknown>(1, 0, -1.5, 'a', '', '$$a', '$user.id', '$environment.region', 'a', 2, 'b', '$usr', 'a$user.id', true, null, [1], ['a', null], ['$user.id'], [], {}, '$user.l')
  const path = fc.constantFrom('a', 'a.b', 'now', 'a', 'a..b', 'x y', ' x', 'a,b')
  const operator = fc.constantFrom(...COMPARISONS, '$cidr', '$not', '$gtt')
  const map = (key: fc.Arbitrary<string>, value: fc.Arbitrary<unknown>) => fc.dictionary(key, value, { minKeys: 1, maxKeys: 2, noNullPrototype: true })
  const { condition } = fc.letrec<{ condition: object }>((tie) => ({
    condition: fc.oneof(
      { depthSize: 'small' },
      map(path, fc.oneof(scalar, map(operator, scalar), map(fc.constant('$not'), map(operator, scalar)))),
      map(fc.constantFrom('$and', '$or', '$nor', '$not'), fc.oneof(fc.array(tie('condition'), { maxLength: 2 }), tie('condition'), scalar))
    ),
  }))
  let taken = 0
  fc.assert(fc.property(condition, fc.constantFrom('conditions', 'environment'), (raw, where) => {
    const policy = { role: 'a', rules: [{ action: 'read', subject: 'Doc', [where]: raw }] }
    const text = JSON.stringify(policy)
    if (problemsOf(() => compiled({ 'a.json': text })).some((line) => !line.includes('can never be'))) return
    taken++
    if (underlined('a.json', text).length > 0) throw new Error(underlined('a.json', text).join('\n'))
  }), { numRuns: 3000 })
  t.ok(taken > 100, `${taken}`)
})

t.test('the script writes them as they are', async (t) => {
  const folder = t.testdir({})
  execFileSync(process.execPath, ['--import', 'tsx', join(root, 'scripts', 'write-schemas.ts'), join(folder, 'schemas')], { cwd: root, env: { ...process.env, _TAPJS_PROCESSINFO_COVERAGE_: '0' } })
  for (const [name, schema] of Object.entries(schemas)) t.strictSame(JSON.parse(readFileSync(join(folder, 'schemas', name), 'utf8')), JSON.parse(JSON.stringify(schema)))
})
