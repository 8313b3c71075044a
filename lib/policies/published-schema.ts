/** The JSON Schemas that editors read: what the structure is checked against, with the words of conditions and the keys that go together. */
import { CONDITION_DEFINITIONS, publishedCondition } from './published-conditions.ts'
import type { JsonSchema } from './published-conditions.ts'
import { QUOTA_BOUNDS, WINDOW_TEXT } from './quotas.ts'
import { POLICY_KEYS, policySchema, subjectsSchema } from './schema.ts'
import { policyFileSchema, testsFileSchema } from './tests-schema.ts'

type Properties = Readonly<Record<string, JsonSchema>>

/** Where the files of the package are served. Nothing fetches them: no schema refers to another one. */
const BASE = 'https://unpkg.com/fastify-gatehouse/dist/schemas/'

/** Draft-07, which every editor knows; by file name. */
export function publishedSchemas (): Readonly<Record<string, JsonSchema>> {
  const { record, environment } = CONDITION_DEFINITIONS
  return {
    'policy.schema.json': fileSchema('policy.schema.json', { ...published(policyFileSchema), ...togetherAtTheTop() }, { definitions: { ...record, ...environment } }),
    'subjects.schema.json': fileSchema('subjects.schema.json', published(subjectsSchema), { definitions: record }),
    'tests.schema.json': fileSchema('tests.schema.json', published(testsFileSchema)),
  }
}

function fileSchema (name: string, { $schema, title, description, ...rest }: JsonSchema, definitions: JsonSchema = {}): JsonSchema {
  return { $schema, $id: BASE + name, title, description, ...rest, ...definitions }
}

/** Of a value, messages tell what it must be like; editors tell what its key means (`$comment`), and know every word of a condition. */
function published (schema: JsonSchema, key = ''): JsonSchema {
  if (schema['title'] === policySchema.properties.when.title) return publishedCondition(key === 'environment' ? 'environment' : 'record', String(schema['description']))
  const { quota } = policySchema.properties
  const { limit, window } = quota.additionalProperties.properties
  if (schema === limit) return { type: 'integer', description: limit.description, ...QUOTA_BOUNDS.limit }
  if (schema === window) return { type: ['number', 'string'], description: window.description, ...QUOTA_BOUNDS.window, pattern: WINDOW_TEXT }
  const { $comment, if: aText, then: text, else: other, ...rest } = schema
  const copy: JsonSchema = Object.fromEntries(Object.entries(rest).map(([keyword, value]) => [keyword, publishedKeyword(keyword, value)]))
  const described: JsonSchema = $comment === undefined ? copy : { ...copy, description: $comment }
  if (aText !== undefined) return textOr(described, text as JsonSchema, other as JsonSchema)
  return schema['title'] === policySchema.properties.rules.items.title ? { ...described, ...togetherInARule() } : described
}

/** Editors complete from both, also where nothing is written yet. */
function textOr ({ type: _, ...common }: JsonSchema, text: JsonSchema, other: JsonSchema): JsonSchema {
  return { ...common, anyOf: [{ type: 'string', ...published(text) }, { type: 'object', ...published(other) }] }
}

function publishedKeyword (keyword: string, value: unknown): unknown {
  switch (keyword) {
    case 'properties':
      return Object.fromEntries(Object.entries(value as Properties).map(([key, schema]) => [key, published(schema, key)]))
    case 'items':
    case 'additionalProperties':
      return value === false ? false : published(value as JsonSchema)
    // Editors would offer its title as a key.
    case 'propertyNames':
      return { pattern: (value as JsonSchema)['pattern'] }
    default:
      return value
  }
}

/** In strict mode ajv wants each required key named among the properties. */
const requires = (key: string): JsonSchema => ({ required: [key], properties: { [key]: true } })

const NEEDS: Readonly<Record<keyof typeof POLICY_KEYS, JsonSchema>> = {
  role: {},
  when: { anyOf: [requires('rules'), requires('quota')] },
  deny: {},
  breakGlass: { required: ['rules'], properties: { rules: { type: 'array', minItems: 1 } } },
}

/** One of the sorts of policies, with the keys that go with it. */
function togetherAtTheTop (): JsonSchema {
  const sorts = Object.entries(POLICY_KEYS) as [keyof typeof POLICY_KEYS, readonly string[]][]
  const always = Object.keys(policyFileSchema.properties).filter((key) => !sorts.some(([, keys]) => keys.includes(key)))
  return {
    anyOf: sorts.map(([sort]) => requires(sort)),
    allOf: sorts.map(([sort, keys]) => ({ if: requires(sort), then: { propertyNames: { enum: [...keys, ...always] }, ...NEEDS[sort] } })),
  }
}

/** Some keys are for inverted rules only, and one is for the others. */
function togetherInARule (): JsonSchema {
  const keys = Object.keys(policySchema.properties.rules.items.properties)
  const without = (...others: readonly string[]): JsonSchema => ({ propertyNames: { enum: keys.filter((key) => !others.includes(key)) } })
  return { if: { required: ['inverted'], properties: { inverted: { const: true } } }, then: without('crossTenant'), else: without('reason', 'code') }
}
