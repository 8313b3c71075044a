/** What a resource says of its subject's attributes, held against what subjects.yaml declares of them. */
import type { Stored, StoredAs } from '../authorization/backend.ts'
import type { AnyResource } from '../authorization/resource.ts'
import { declaredOf, isWithin } from '../policies/declared.ts'
import type { Policy } from '../policies/policy.ts'
import { kindOf, type Attribute, type Entity } from '../policies/subjects.ts'
import { instead } from '../policies/words.ts'

/** Empty where nothing is wrong, and where the subject is not declared. */
export function declaredProblems ({ subject, masks, backend }: Pick<AnyResource, 'subject' | 'masks' | 'backend'>, policy: Policy): string[] {
  const entity = declaredOf(policy).subjects?.get(subject)
  if (entity === undefined) return []
  const masked = strangers(Object.keys(masks), entity).map((problem) => `resource('${subject}'): masks: ${problem}`)
  const { option, attributes }: Stored = backend?.stored ?? NOTHING
  const stored = [...strangers([...attributes.keys()], entity), ...misfits(attributes, entity)].map((problem) => `${backend?.name}: ${option}: ${problem}`)
  return [...masked, ...stored]
}

const NOTHING: Stored = { option: '', attributes: new Map() }

/** What is named already is not what was meant. */
function strangers (names: readonly string[], entity: Entity): string[] {
  const others = [...entity.attributes.keys()].filter((name) => !names.includes(name))
  return names.filter((name) => !isWithin(entity, name)).map((name) => `"${name}" is no attribute of ${entity.name}.${instead(name, others)}`)
}

function misfits (stored: Stored['attributes'], { name: subject, attributes }: Entity): string[] {
  return [...stored].flatMap(([name, { type, holds }]) => {
    const declared = attributes.get(name)
    return declared === undefined || fitsInto(declared, holds) ? [] : [`"${name}" of ${subject} is ${declared.type}, and is kept as ${type}: they are never equal`]
  })
}

/** No backend has a type for maps. */
function fitsInto ({ type }: Attribute, holds: StoredAs): boolean {
  return holds === 'any' || type === 'object' || holds === (type === 'array' ? 'list' : kindOf(type))
}
