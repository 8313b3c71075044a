/** Fields: which of a record may be read, and which of a body may not be written. */
import type { RequestAbility } from './ability.ts'

/** Of each copy that leaves something out, the whole record: a check on the copy is a check on the record. */
const wholes = new WeakMap<object, object>()

export function whole (record: object): object {
  return wholes.get(record) ?? record
}

/** The record with only the fields that may be read: itself where that is all of them, else a copy. */
export function readable<T extends object> (ability: RequestAbility, type: string, record: T): T {
  if (!ability.limitsFields('read', type)) return record
  const visible: Record<string, unknown> = {}
  let left = 0
  for (const [field, value] of Object.entries(record)) {
    if (ability.allows('read', type, record, field)) visible[field] = value
    else left++
  }
  if (left === 0) return record
  wholes.set(visible, record)
  return visible as T
}

/** The fields that a body writes; `null` where that cannot be told (text, bytes, a list of something other than objects). */
export function writtenFields (body: unknown): readonly string[] | null {
  if (body === undefined || body === null) return []
  if (Array.isArray(body)) return fieldsOfAll(body)
  if (!isPlain(body)) return null
  return Object.keys(body)
}

function fieldsOfAll (items: readonly unknown[]): readonly string[] | null {
  const fields = new Set<string>()
  for (const item of items) {
    if (!isPlain(item)) return null
    for (const field of Object.keys(item)) fields.add(field)
  }
  return [...fields]
}

function isPlain (value: unknown): value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
