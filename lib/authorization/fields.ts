/** Which fields of a record may be read, at any depth. */
import { Stream } from 'node:stream'
import { DEEPEST, hasOwnForm, isList, isPlain, pathOf, setMember, type Members } from './field-paths.ts'

export { writtenFields } from './written-fields.ts'

/** What is asked of an ability about fields. */
export interface FieldAbility {
  readonly limitsFields: (action: string, type: string) => boolean
  readonly allows: (action: string, type: string, record: object, field?: string) => boolean
}

/** By the path of a field what is shown where it may not be read, made from its value. */
export type Masks = Readonly<Record<string, (value: never) => unknown>>

/** Of each copy that leaves something out, the whole record: a check on the copy is a check on the record. */
const wholes = new WeakMap<object, object>()

export function whole (record: object): object {
  return wholes.get(record) ?? record
}

/**
 * The record with only what may be read of it: itself where that is all, else a copy; of a list, each of its records. What has nothing left is
 * left out itself, and a member of a list too. The record of a class comes back as a plain object, made of what its `toJSON` returns where it has one.
 * Within a record, an instance of a class is one value. Text, bytes, streams and responses are no records, and stay as they are.
 * Of a record that may not be read nothing is shown, and no mask.
 */
export function readable<T extends object> (ability: FieldAbility, type: string, record: T, masks: Masks = {}): T {
  if (!ability.limitsFields('read', type)) return record
  return seen(record, { ability, type, masks }, new Set()) as T
}

interface Terms {
  readonly ability: FieldAbility
  readonly type: string
  readonly masks: Masks
}

function seen (value: unknown, terms: Terms, around: Set<object>): unknown {
  if (typeof value !== 'object' || value === null || isPayload(value)) return value
  const record = whole(value)
  const data = hasOwnForm(record) ? record.toJSON() : record
  if (Array.isArray(data)) return seenList(record, data, terms, around)
  return typeof data === 'object' && data !== null ? seenRecord(record, data as Members, terms) : value
}

function seenList (list: object, items: readonly unknown[], terms: Terms, around: Set<object>): unknown {
  if (around.has(list)) return []
  around.add(list)
  const copies = items.map((item) => seen(item, terms, around))
  around.delete(list)
  if (items === list && copies.every((copy, index) => copy === items[index])) return list
  wholes.set(copies, list)
  return copies
}

function seenRecord (record: object, data: Members, terms: Terms): object {
  const { ability, type } = terms
  const copy = ability.allows('read', type, record) ? new Reading(record, terms).record(data) : {}
  if (copy !== record) wholes.set(copy, record)
  return copy
}

/** Carriers of bytes, which Fastify sends as they are. */
const PAYLOADS = [Stream, ReadableStream, Response, Blob, ArrayBuffer]

function isPayload (value: object): boolean {
  return ArrayBuffer.isView(value) || PAYLOADS.some((payload) => value instanceof payload)
}

const NOTHING = Symbol('nothing of it may be seen')

/** The reading of one record. */
class Reading {
  readonly #record: object
  readonly #terms: Terms
  readonly #allowed = new Map<string, boolean>()
  /** The objects and lists that the walk is in: in itself nothing is shown again. */
  readonly #around = new Set<object>()

  constructor (record: object, terms: Terms) {
    this.#record = record
    this.#terms = terms
  }

  record (data: Members): object {
    this.#around.add(data)
    const copy = this.#members(data, null)
    return copy === data && !isPlain(data) ? { ...(data as object) } : copy
  }

  #value (value: unknown, path: string): unknown {
    if (isList(value) && value.length > 0) return this.#within(value, () => this.#items(value, path))
    if (isPlain(value) && Object.keys(value).length > 0) return this.#within(value, () => this.#filled(value, path))
    return typeof value !== 'function' && this.#allows(path) ? value : NOTHING
  }

  #within (container: object, look: () => unknown): unknown {
    if (this.#around.has(container) || this.#around.size === DEEPEST) return NOTHING
    this.#around.add(container)
    const found = look()
    this.#around.delete(container)
    return found
  }

  #items (items: readonly unknown[], path: string): unknown {
    const copies = items.map((item) => this.#value(item, path))
    if (copies.every((copy, index) => copy === items[index])) return items
    const left = copies.filter((copy) => copy !== NOTHING)
    return left.length === 0 ? NOTHING : left
  }

  #filled (members: Members, path: string): unknown {
    const copy = this.#members(members, path)
    return Object.keys(copy).length === 0 ? NOTHING : copy
  }

  /** The same object where all of it may be seen and will be the same when it is read again. */
  #members (members: Members, parent: string | null): object {
    const copy: object = Object.getPrototypeOf(members) === null ? Object.create(null) : {}
    let same = true
    for (const key of Object.keys(members)) {
      const value = members[key]
      const path = pathOf(parent, key)
      const found = this.#value(value, path)
      const shown = found === NOTHING ? this.#masked(value, path) : found
      if (shown !== NOTHING) setMember(copy, key, shown)
      if (shown !== value || Object.getOwnPropertyDescriptor(members, key)?.get !== undefined) same = false
    }
    return same ? members : copy
  }

  #masked (value: unknown, path: string): unknown {
    const { masks } = this.#terms
    const mask = Object.hasOwn(masks, path) ? masks[path] : undefined
    if (mask === undefined) return NOTHING
    try {
      const shown = mask(value as never)
      if (!(shown instanceof Promise)) return shown
      // A mask answers at once. Nobody waits for this one, so nobody would hear of its failure either.
      shown.catch(() => {})
      return NOTHING
    } catch {
      return NOTHING
    }
  }

  #allows (path: string): boolean {
    const known = this.#allowed.get(path)
    if (known !== undefined) return known
    const { ability, type } = this.#terms
    const allowed = ability.allows('read', type, this.#record, path)
    this.#allowed.set(path, allowed)
    return allowed
  }
}
