/** The words of conditions, as JSON Schema for editors. */
import type { Comparison, EnvironmentComparison } from './condition.ts'
import { DAYS } from './hours.ts'

export type JsonSchema = { readonly [keyword: string]: unknown }

/** What a condition is about. */
export type About = 'record' | 'environment'

/** A condition that stands at a key; parts within it refer to `CONDITION_DEFINITIONS`. */
export function publishedCondition (about: About, description: string): JsonSchema {
  const part = { $ref: `#/definitions/${DEFINITION[about].condition}` }
  const list = { type: 'array', minItems: 1, items: part }
  return {
    type: 'object',
    title: 'a condition',
    description,
    minProperties: 1,
    additionalProperties: false,
    properties: {
      ...KNOWN[about],
      $and: { description: 'All of these hold.', ...list },
      $or: { description: 'At least one of these holds.', ...list },
      $nor: { description: 'None of these holds.', ...list },
      $not: { description: 'This does not hold.', allOf: [part] },
    },
    patternProperties: { [`^${except(Object.keys(KNOWN[about]))}${PATH}`]: { $ref: `#/definitions/${DEFINITION[about].comparison}` } },
  }
}

const DEFINITION = {
  record: { condition: 'condition', comparison: 'comparison', operators: 'operators' },
  environment: { condition: 'environmentCondition', comparison: 'environmentComparison', operators: 'environmentOperators' },
} as const satisfies Record<About, object>

const SEGMENT = '(?![\\s$])[^.,\\p{Cc}]+(?<!\\s)'
const PATH = `${SEGMENT}(?:\\.${SEGMENT})*$`

const KNOWN: Readonly<Record<About, Readonly<Record<string, JsonSchema>>>> = {
  record: {},
  environment: {
    now: { description: 'When the request came.', allOf: [{ $ref: '#/definitions/environmentComparison' }] },
    address: { description: 'The address of the client.', allOf: [{ $ref: '#/definitions/environmentComparison' }] },
  },
}

/** One key is described by one schema only. */
function except (known: readonly string[]): string {
  return known.length === 0 ? '' : `(?!(?:${known.join('|')})$)`
}

/** As template.ts reads them: a template stands alone, and `$$` begins a text that starts with `$`. */
const INSIDE = '[\\s\\S]*(?:\\$\\{?\\s*(?:user|environment)\\b|\\{\\{\\s*(?:user|environment)\\b)'
const PLAIN = `\\$\\$|(?!\\$)(?!${INSIDE})`
const TEMPLATE = '\\$(?:user|environment)\\.[^.$]'

const value = (...type: string[]): JsonSchema => ({ type, pattern: `^(?:${PLAIN}|${TEMPLATE})`, examples: ['$user.id'] })
const item = (...type: string[]): JsonSchema => ({ type, pattern: `^(?:${PLAIN})` })
const listOf = (items: JsonSchema): JsonSchema => ({ type: ['array', 'string'], minItems: 1, items, pattern: `^${TEMPLATE}` })

const SCALAR = ['string', 'number', 'boolean', 'null']
const ORDERED = ['string', 'number']

const COMPARISON_OPERATORS: Readonly<Record<Comparison, JsonSchema>> = {
  $eq: { description: 'Is this value.', ...value(...SCALAR) },
  $ne: { description: 'Is another value than this; a missing one is neither.', ...value(...SCALAR) },
  $lt: { description: 'Is less than this number, text or date.', ...value(...ORDERED) },
  $lte: { description: 'Is less than this number, text or date, or equal to it.', ...value(...ORDERED) },
  $gt: { description: 'Is greater than this number, text or date.', ...value(...ORDERED) },
  $gte: { description: 'Is greater than this number, text or date, or equal to it.', ...value(...ORDERED) },
  $in: { description: 'Is one of these values.', ...listOf(item(...SCALAR)) },
  $nin: { description: 'Is none of these values; a missing one is neither.', ...listOf(item(...SCALAR)) },
  $exists: { description: 'True: there is a value. False: it is missing or null.', type: 'boolean' },
  $all: { description: 'Is a list that holds all of these values.', ...listOf(value('string', 'number', 'boolean')) },
  $size: { description: 'Is a list of so many values.', type: 'integer', minimum: 0 },
}

const TIME = { type: 'string', pattern: '^(?:[01]\\d|2[0-3]):[0-5]\\d$' }

const ENVIRONMENT_OPERATORS: Readonly<Record<EnvironmentComparison, JsonSchema>> = {
  $cidr: { description: 'Is an address in one of these networks.', type: ['string', 'array'], minItems: 1, items: { type: 'string' }, examples: ['10.0.0.0/8'] },
  $between: {
    description: 'Is an instant within these hours of the day.',
    type: 'object',
    additionalProperties: false,
    required: ['from', 'to', 'zone'],
    properties: {
      from: { description: 'The first minute.', ...TIME, examples: ['09:00'] },
      to: { description: 'The end, which is not within; earlier than "from": on the next day.', ...TIME, examples: ['17:30'] },
      zone: { description: 'The time zone of these hours.', type: 'string', minLength: 1, examples: ['Europe/Berlin', 'UTC'] },
      days: { description: 'The days on which the hours begin. Left out: every day.', type: 'array', minItems: 1, uniqueItems: true, items: { enum: DAYS } },
    },
  },
}

function operators (about: About): JsonSchema {
  return {
    minProperties: 1,
    additionalProperties: false,
    properties: {
      ...COMPARISON_OPERATORS,
      ...about === 'environment' ? ENVIRONMENT_OPERATORS : {},
      $not: { description: 'None of these operators, together, holds.', allOf: [{ $ref: `#/definitions/${DEFINITION[about].operators}` }] },
    },
  }
}

function definitions (about: About): Readonly<Record<string, JsonSchema>> {
  const { condition, comparison, operators: map } = DEFINITION[about]
  return {
    [condition]: publishedCondition(about, 'A condition within another one.'),
    [comparison]: { title: 'a value or operators', description: 'The value that it must be, or a map of operators.', ...value(...SCALAR, 'object'), ...operators(about) },
    [map]: { title: 'operators', description: 'All of these must hold.', type: 'object', ...operators(about) },
  }
}

/** What the parts of conditions refer to. */
export const CONDITION_DEFINITIONS: Readonly<Record<About, Readonly<Record<string, JsonSchema>>>> = { record: definitions('record'), environment: definitions('environment') }
