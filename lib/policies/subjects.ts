/** What subjects.yaml declares: the attributes of the user and of each subject, and where their tenant is kept. */
import type { Scalar } from './condition.ts'
import type { PlainMap } from './plain-data.ts'
import type { Keys } from './policy.ts'
import type { Report } from './problems.ts'
import type { AttributeType } from './schema.ts'
import { instantOf } from './instant.ts'
import { readPath } from './path.ts'
import { instead, quoted } from './words.ts'

export interface Attribute {
  readonly type: AttributeType
  readonly enum: readonly Scalar[] | null
}

/** A subject, or the user. */
export interface Entity {
  readonly name: string
  /** The attribute that holds the tenant. */
  readonly tenant: string | null
  readonly attributes: ReadonlyMap<string, Attribute>
}

/** `null`: not declared, so nothing can be said about it. */
export interface Declarations {
  readonly user: Entity | null
  readonly subjects: ReadonlyMap<string, Entity> | null
  readonly environment: Entity | null
}

export const NOTHING_DECLARED: Declarations = { user: null, subjects: null, environment: null }

/** What the gatehouse itself knows of every request: when it came, and from which address. */
const BUILT_IN: ReadonlyMap<string, Attribute> = new Map([
  ['now', { type: 'date', enum: null }],
  ['address', { type: 'address', enum: null }],
])

/** The environment where nothing is declared: of what else there may be nothing is known. */
export const ENVIRONMENT_ALONE: Entity = { name: 'the environment', tenant: null, attributes: BUILT_IN }

/** The content as the schema wants it. */
export interface SubjectsContent {
  readonly user?: EntityContent
  readonly subjects?: Readonly<Record<string, EntityContent>>
  readonly environment?: EntityContent
}

interface EntityContent {
  readonly tenant?: string
  readonly relations?: Readonly<Record<string, PlainMap>>
  readonly attributes?: Readonly<Record<string, AttributeType | AttributeContent>>
}

interface AttributeContent {
  readonly type: AttributeType
  readonly enum?: readonly Scalar[]
}

export function declarationsOf (content: SubjectsContent, report: Report): Declarations {
  const user = content.user === undefined ? null : entityOf('the user', content.user, ['user'], report)
  const environment = environmentOf(content.environment, report)
  if (content.subjects === undefined) return { user, subjects: null, environment }
  const subjects = new Map<string, Entity>()
  for (const [name, declared] of Object.entries(content.subjects)) {
    const entity = entityOf(name, declared, ['subjects', name], report)
    subjects.set(name, entity)
    checkTenant(entity, user, ['subjects', name, 'tenant'], report)
  }
  return { user, subjects, environment }
}

function environmentOf (content: EntityContent | undefined, report: Report): Entity {
  const declared = entityOf('the environment', content ?? {}, ['environment'], report)
  for (const [name, { type }] of BUILT_IN) {
    if (declared.attributes.has(name)) report(['environment', 'attributes', name], `"${name}" is known by itself, as ${type}`, 'key')
  }
  return { ...declared, attributes: new Map([...declared.attributes, ...BUILT_IN]) }
}

function entityOf (name: string, content: EntityContent, at: Keys, report: Report): Entity {
  const attributes = new Map<string, Attribute>()
  for (const [attribute, declared] of Object.entries(content.attributes ?? {})) {
    const path = [...at, 'attributes', attribute]
    const read = readPath(attribute)
    if (read.kind === 'wrong') report(path, read.message, 'key')
    attributes.set(attribute, attributeOf(attribute, declared, path, report))
  }
  const tenant = content.tenant ?? null
  if (tenant !== null && !attributes.has(tenant)) {
    report([...at, 'tenant'], `unknown attribute ${quoted(tenant)} of ${name}.${instead(tenant, attributes.keys())}`)
  }
  return { name, tenant, attributes }
}

function attributeOf (name: string, content: AttributeType | AttributeContent, at: Keys, report: Report): Attribute {
  if (typeof content === 'string') return { type: content, enum: null }
  const { type, enum: values = null } = content
  values?.forEach((value, index) => {
    if (!fits(value, type)) report([...at, 'enum', index], `${quoted(name)} is ${type}: ${quoted(value)} does not fit`)
  })
  return { type, enum: values }
}

/** Records of a tenant are kept apart by comparing the two attributes, so both sides need one, of one kind. */
function checkTenant (entity: Entity, user: Entity | null, at: Keys, report: Report): void {
  if (entity.tenant === null) return
  if (user === null || user.tenant === null) return report(at, `${entity.name} belongs to a tenant, so "user" needs a "tenant" too`)
  const own = entity.attributes.get(entity.tenant)
  const users = user.attributes.get(user.tenant)
  if (own === undefined || users === undefined) return
  if (kindOf(own.type) === null || kindOf(own.type) !== kindOf(users.type)) {
    report(at, `the tenant of ${entity.name} is ${own.type}, the user's is ${users.type}: they are never equal`)
  }
}

/** Values of one kind can be compared: `null` for those that cannot be compared at all. */
export function kindOf (type: AttributeType): 'text' | 'number' | 'boolean' | null {
  switch (type) {
    case 'string': case 'date': case 'address': return 'text'
    case 'integer': case 'number': return 'number'
    case 'boolean': return 'boolean'
    default: return null
  }
}

/** Whether a literal can be a value of this type. */
export function fits (value: Scalar, type: AttributeType): boolean {
  switch (type) {
    case 'string': case 'address': return typeof value === 'string'
    case 'date': return typeof value === 'string' && !Number.isNaN(instantOf(value))
    case 'integer': return typeof value === 'bigint' || Number.isInteger(value)
    case 'number': return typeof value === 'bigint' || typeof value === 'number'
    case 'boolean': return typeof value === 'boolean'
    default: return false
  }
}
