/** Checks the attributes that a condition names against what subjects.yaml declares. */
import { ENVIRONMENT_COMPARISONS } from './condition.ts'
import type { Comparison, EnvironmentComparison, Path, Scalar, WrittenOperand } from './condition.ts'
import { isNoInstant } from './instant.ts'
import { addressText } from './networks.ts'
import type { AttributeType } from './schema.ts'
import { Slips } from './slips.ts'
import { ENVIRONMENT_ALONE, fits, kindOf } from './subjects.ts'
import type { Attribute, Entity } from './subjects.ts'
import { instead, quoted } from './words.ts'

/**
 * What is known about the records that a condition is asked about: nothing; each of these subjects has the attribute;
 * (a rule for `all`) some of them do, and the others lack the value; or the entity may have others besides.
 */
export type Shape =
  | { readonly kind: 'undeclared' }
  | { readonly kind: 'each', readonly entities: readonly Entity[] }
  | { readonly kind: 'some', readonly entities: readonly Entity[] }
  | { readonly kind: 'open', readonly entities: readonly [Entity] }

/** Which operators mean something for a type. */
const EQUALITY: readonly Comparison[] = ['$eq', '$ne', '$in', '$nin', '$exists']
const ORDER: readonly Comparison[] = [...EQUALITY, '$lt', '$lte', '$gt', '$gte']
const OPERATORS: Readonly<Record<AttributeType, readonly (Comparison | EnvironmentComparison)[]>> = {
  string: ORDER,
  integer: ORDER,
  number: ORDER,
  date: [...ORDER, '$between'],
  address: [...EQUALITY, '$cidr'],
  boolean: EQUALITY,
  array: ['$all', '$size', '$exists'],
  object: ['$exists'],
}

const LIST_OPERATORS: readonly Comparison[] = ['$in', '$nin', '$all']
const ORDERING: readonly Comparison[] = ['$lt', '$lte', '$gt', '$gte']

/** The attribute that a path names; `'inside'` for a path that goes into a declared object, about which nothing is known. */
export function attributeAt (entity: Entity, path: Path): Attribute | 'inside' | null {
  const declared = entity.attributes.get(path.join('.'))
  if (declared !== undefined) return declared
  for (let length = 1; length < path.length; length++) {
    if (entity.attributes.get(path.slice(0, length).join('.'))?.type === 'object') return 'inside'
  }
  return null
}

/** Why this path is no attribute of these records, or `null`. */
export function pathProblem (path: Path, shape: Shape): string | null {
  if (shape.kind === 'undeclared') return null
  const lacking = shape.entities.filter((entity) => attributeAt(entity, path) === null)
  if (lacking.length === 0 || (shape.kind === 'some' && lacking.length < shape.entities.length)) return null
  const name = path.join('.')
  if (shape.kind === 'open') return slipProblem(name, shape.entities[0])
  const known = new Set(lacking.flatMap((entity) => [...entity.attributes.keys()]))
  const owner = shape.kind === 'each' ? `of ${lacking.map((entity) => entity.name).join(', ')}` : 'of any subject'
  return `unknown attribute ${quoted(name)} ${owner}.${instead(name, known)}`
}

/** Other attributes are as good as the known ones, but not one that differs from them by a slip. */
function slipProblem (name: string, { name: owner, attributes }: Entity): string | null {
  const known = [...attributes.keys()]
  const meant = known.find((one) => one === name.toLowerCase()) ?? new Slips(known).meantBy(name.toLowerCase())
  return meant === undefined ? null : `unknown attribute ${quoted(name)} of ${owner}. Did you mean ${quoted(meant)}?`
}

/** What the values of a comparison may come from, where declared. */
export interface Declared {
  readonly shape: Shape
  readonly user: Entity | null
  readonly environment: Entity | null
}

/** Why this comparison cannot be meant, or `null`. */
export function comparisonProblem (path: Path, operator: Comparison, operand: WrittenOperand, declared: Declared): string | null {
  if (operand.from === 'literal') {
    const values = Array.isArray(operand.value) ? operand.value as readonly Scalar[] : [operand.value as Scalar]
    const bare = bareTemplate(values, declared)
    if (bare !== null) return bare
    return isDeclared(path, declared.shape) ? ofEach(path, declared.shape, (attribute, name) => literalProblem(operator, attribute, values, name)) : dateProblem(values)
  }
  const { from, path: wanted, item = false } = operand
  const template = `$${from}.${wanted.join('.')}`
  const source = sourceOf(from, declared)
  const unknown = pathProblem(wanted, source)
  if (unknown !== null) return unknown
  const given = (source.kind === 'undeclared' ? null : attributeAt(source.entities[0] as Entity, wanted)) ?? 'inside'
  if (given !== 'inside') {
    const problem = templateProblem(operator, given, template, item)
    if (problem !== null) return problem
  }
  return ofEach(path, declared.shape, (attribute, name) => typesProblem(operator, attribute, given, name, template))
}

function sourceOf (from: 'user' | 'environment', { user, environment }: Declared): Shape {
  const entity = from === 'user' ? user : environment
  if (entity !== null) return { kind: 'each', entities: [entity] }
  return from === 'user' ? { kind: 'undeclared' } : { kind: 'open', entities: [ENVIRONMENT_ALONE] }
}

/** A text that names an attribute, and lacks the `$` of a template. */
function bareTemplate (values: readonly Scalar[], declared: Declared): string | null {
  for (const from of ['user', 'environment'] as const) {
    const entity = declared[from]
    const bare = values.find((value) => typeof value === 'string' && value.startsWith(`${from}.`) && entity?.attributes.has(value.slice(`${from}.`.length)) === true)
    if (bare !== undefined) return `${quoted(bare)} is a text like any other. Did you mean ${quoted(`$${String(bare)}`)}?`
  }
  return null
}

/** Why an operator of the environment does not fit the attribute, or `null`. */
export function operatorTypeProblem (path: Path, operator: EnvironmentComparison, shape: Shape): string | null {
  return ofEach(path, shape, ({ type }, name) => OPERATORS[type].includes(operator) ? null : operatorProblem(operator, type, name))
}

/** The first problem with the attribute of one of the entities. */
function ofEach (path: Path, shape: Shape, problemOf: (attribute: Attribute, name: string) => string | null): string | null {
  if (shape.kind !== 'each' && shape.kind !== 'open') return null
  for (const entity of shape.entities) {
    const attribute = attributeAt(entity, path)
    if (attribute === null || attribute === 'inside') continue
    const problem = problemOf(attribute, `"${path.join('.')}" of ${entity.name}`)
    if (problem !== null) return problem
  }
  return null
}

/** Whether something is known of the attribute, of whatever subject. */
function isDeclared (path: Path, shape: Shape): boolean {
  return shape.kind !== 'undeclared' && shape.entities.some((entity) => typeof (attributeAt(entity, path) ?? '') === 'object')
}

/** Of what may be a date, as nothing is known of it. It would be compared with no date. */
function dateProblem (values: readonly Scalar[]): string | null {
  const odd = values.find((value) => typeof value === 'string' && isNoInstant(value))
  return odd === undefined ? null : `${quoted(odd)} is written like a date, and there is no such date; for a text declare the attribute as string`
}

function templateProblem (operator: Comparison, { type }: Attribute, template: string, item: boolean): string | null {
  if (item) return kindOf(type) === null ? `"${operator}" needs single values in its list: ${template} is ${type}` : null
  if (LIST_OPERATORS.includes(operator)) return type === 'array' ? null : `"${operator}" needs a list: ${template} is ${type}`
  if (kindOf(type) === null) return `"${operator}" needs a single value: ${template} is ${type}`
  if (ORDERING.includes(operator) && type === 'boolean') return `"${operator}" needs a number or a text: ${template} is boolean`
  return null
}

function typesProblem (operator: Comparison, { type }: Attribute, users: Attribute | 'inside', name: string, template: string): string | null {
  if (!OPERATORS[type].includes(operator)) return operatorProblem(operator, type, name)
  if (users === 'inside' || users.type === 'array' || type === 'array' || kindOf(users.type) === kindOf(type)) return null
  return `${template} is ${users.type}, ${name} is ${type}: they are never equal`
}

function literalProblem (operator: Comparison, attribute: Attribute, values: readonly Scalar[], name: string): string | null {
  const { type } = attribute
  if (!OPERATORS[type].includes(operator)) return operatorProblem(operator, type, name)
  if (operator === '$exists' || type === 'array') return null
  const between = type === 'integer' && ORDERING.includes(operator) ? 'number' : type
  const odd = values.find((value) => value !== null && !fits(value, between))
  if (odd !== undefined) return `${name} is ${type}: ${quoted(odd)} does not fit${type === 'date' ? '; write a date that exists, "2026-01-31", or with a time "2026-01-31T09:00:00Z"' : ''}`
  const address = type === 'address' ? addressProblem(values, name) : null
  if (address !== null) return address
  const allowed = attribute.enum
  const unknown = allowed === null ? undefined : values.find((value) => value !== null && !allowed.includes(value))
  if (allowed === null || unknown === undefined) return null
  return `${quoted(unknown)} is no value of ${name}.${instead(String(unknown), allowed.map(String))}`
}

/** Addresses are compared letter by letter: of a network, or of one written otherwise, none is ever the same. */
function addressProblem (values: readonly Scalar[], name: string): string | null {
  const odd = values.find((value) => typeof value === 'string' && addressText(value) !== value)
  if (odd === undefined) return null
  const written = addressText(odd as string)
  const instead = written === null ? '"$cidr", or for all others "$not: { $cidr: … }", takes networks and addresses' : `write ${quoted(written)}, or "$cidr", which knows all forms`
  return `${name} is one address, as ${quoted('10.0.0.1')} or ${quoted('2001:db8::1')}, and never ${quoted(odd)}: ${instead}`
}

function operatorProblem (operator: Comparison | EnvironmentComparison, type: AttributeType, name: string): string {
  const allowed = OPERATORS[type].filter((other) => (ENVIRONMENT_COMPARISONS as readonly string[]).includes(operator) || !(ENVIRONMENT_COMPARISONS as readonly string[]).includes(other))
  return `"${operator}" does not fit ${name}, which is ${type}. Allowed: ${allowed.join(', ')}`
}
