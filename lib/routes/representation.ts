/** Which members a route's schema gives to the body: what a PUT that leaves one out removes. */
import { isPlain, type Members } from '../authorization/field-paths.ts'

export type Representation =
  /** The schema names no property, so that each may be part of it. */
  | { readonly kind: 'all' }
  | { readonly kind: 'these', readonly names: ReadonlySet<string> }
  /** The schema may name properties where they are not looked for. */
  | { readonly kind: 'untold', readonly word: string }

const ALL: Representation = { kind: 'all' }

/** What no keyword names. */
const OTHER = 'something other than JSON Schema'

/** Keywords that may name properties somewhere else, or by a pattern. */
const ELSEWHERE = ['$ref', '$dynamicRef', '$recursiveRef', '$merge', '$patch', 'patternProperties', 'propertyNames']

/** Keywords with schemas that hold only for some bodies. They may say more of the properties that are named outside of them, but name no others. */
const BRANCHES = ['oneOf', 'anyOf', 'not', 'if', 'then', 'else']
const BRANCHES_BY_NAME = ['dependentSchemas', 'dependencies', 'selectCases']

/** The members of a body of this media type, by the route's schema of the body: JSON Schema, or by media type as OpenAPI has it (`content`). */
export function representationOf (body: unknown, mediaType: string): Representation {
  const content = contentOf(body)
  if (content === null) return membersOf(body)
  return Object.hasOwn(content, mediaType) ? membersOf(schemaIn(content[mediaType])) : { kind: 'untold', word: 'content' }
}

/** The word of a body's schema by which it may name properties elsewhere; `null` where it names them all. */
export function representationProblem (body: unknown): string | null {
  const content = contentOf(body)
  const schemas = content === null ? [body] : Object.values(content).map(schemaIn)
  const untold = schemas.map(membersOf).find(({ kind }) => kind === 'untold')
  return untold?.kind === 'untold' ? untold.word : null
}

function contentOf (body: unknown): Members | null {
  return isPlain(body) && isPlain(body['content']) ? body['content'] : null
}

function schemaIn (described: unknown): unknown {
  return isPlain(described) ? described['schema'] : described
}

function membersOf (schema: unknown): Representation {
  if (schema === undefined || schema === null) return ALL
  const along = [...holdingAlong(schema)]
  const names = new Set(along.flatMap(propertiesOf))
  for (const part of along) {
    const word = wordElsewhere(part, names)
    if (word !== null) return { kind: 'untold', word }
  }
  return along.some((part) => isPlain(part) && isPlain(part['properties'])) ? { kind: 'these', names } : ALL
}

/** The schema, and those that hold wherever it does. */
function * holdingAlong (schema: unknown): Generator<unknown> {
  yield schema
  for (const part of isPlain(schema) ? listOf(schema['allOf']) : []) yield * holdingAlong(part)
}

function propertiesOf (schema: unknown): readonly string[] {
  return isPlain(schema) && isPlain(schema['properties']) ? Object.keys(schema['properties']) : []
}

function wordElsewhere (schema: unknown, names: ReadonlySet<string>): string | null {
  if (typeof schema === 'boolean') return null
  // https://standardschema.dev: a schema of another kind says so by this key.
  if (!isPlain(schema) || '~standard' in schema || ('content' in schema && !isPlain(schema['content']))) return OTHER
  const word = ELSEWHERE.find((keyword) => schema[keyword] !== undefined)
  if (word !== undefined) return word
  return [...BRANCHES, ...BRANCHES_BY_NAME].find((keyword) => !branches(schema, keyword).every((branch) => isWithin(branch, names))) ?? null
}

/** Draft 7's `dependencies` has names of properties too, each of which is named as such or not at all. */
function branches (schema: Members, keyword: string): readonly unknown[] {
  const value = schema[keyword]
  if (value === undefined) return []
  if (!BRANCHES_BY_NAME.includes(keyword)) return listOf(value)
  return isPlain(value) ? Object.values(value).filter((branch) => !Array.isArray(branch)) : [value]
}

function listOf (value: unknown): readonly unknown[] {
  if (value === undefined) return []
  return Array.isArray(value) ? value : [value]
}

function isWithin (branch: unknown, names: ReadonlySet<string>): boolean {
  return [...holdingAlong(branch)].every((part) => propertiesOf(part).every((name) => names.has(name)) && wordElsewhere(part, names) === null)
}
