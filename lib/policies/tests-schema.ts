/** The JSON Schema of tests: beside the rules of a policy, or in a file of their own. */
import { CODE, NAME, OWN_SCHEMA, policySchema } from './schema.ts'

const FIELDS = {
  title: NAME.title,
  description: NAME.description,
  $comment: 'Exactly these fields.',
  type: ['string', 'array'],
  pattern: NAME.pattern,
  minItems: 1,
  uniqueItems: true,
  items: NAME,
} as const

const EXPECTATION = {
  type: ['string', 'object'],
  title: 'an expectation',
  description: '`allow`, `deny`, the fields that are allowed, or the public code of a no.',
  if: { type: 'string' },
  then: { title: 'an expectation', enum: ['allow', 'deny'] },
  else: {
    title: 'an expectation',
    minProperties: 1,
    additionalProperties: false,
    properties: {
      allow: { ...FIELDS, description: 'Allowed, and of all fields that the policy knows exactly these.' },
      deny: { ...CODE, $comment: 'Denied, with this public code.' },
    },
  },
} as const

const TEST = {
  type: 'object',
  title: 'a test',
  description: 'As whom, given what, what is expected. What is not named is expected to be denied.',
  additionalProperties: false,
  required: ['given', 'expect'],
  properties: {
    name: { type: 'string', minLength: 1, description: 'What the test promises. By default its position.' },
    as: { type: ['object', 'null'], title: 'a user', description: 'The user. Nothing, or left out: the anonymous.' },
    environment: { type: 'object', title: 'an environment', description: 'The values of the environment.' },
    given: {
      type: ['string', 'object'],
      title: 'what is given',
      description: 'A subject and a record of it, `{ Article: { … } }`, or a subject alone.',
      pattern: NAME.pattern,
      minProperties: 1,
      propertyNames: NAME,
      additionalProperties: { type: 'object', title: 'a record' },
    },
    becomes: { type: 'object', title: '"becomes"', description: 'The attributes that an update changes, and their new values.' },
    breakGlass: { ...NAME, $comment: 'The emergency that the application grants.' },
    expect: { type: 'object', title: '"expect"', description: 'What is expected, by action.', propertyNames: NAME, additionalProperties: EXPECTATION },
  },
} as const

const TESTS = { type: 'array', description: 'The tests.', minItems: 1, items: TEST } as const

/** A policy with its tests: what editors complete. */
export const policyFileSchema = {
  ...policySchema,
  properties: { ...policySchema.properties, tests: { ...TESTS, description: 'Tests of all policies of the folder.' } },
} as const

/** A file whose name ends in `.test.yaml`, `.test.yml` or `.test.json`. */
export const testsFileSchema = {
  $schema: policySchema.$schema,
  type: 'object',
  title: 'a file of tests',
  description: 'Tests of the policies of its folder.',
  additionalProperties: false,
  required: ['tests'],
  properties: { tests: TESTS, $schema: OWN_SCHEMA },
} as const
