/** The record as a request would leave it. */
import { ancestors, DEEPEST, isList, isPlain, memberOf, pathOf, setMember, type Members } from './field-paths.ts'

/**
 * After a PATCH whose body is merged into the record (RFC 7396): objects are merged, all else takes the place of what was there, also a list.
 * Other than in RFC 7396 section 2, `null` does not remove a field but becomes its value, as a column does; a condition knows no value either way, except
 * one that names `null`. The record itself without a body. `null` where it cannot be told: a body that is no object (RFC 6902), names a field by its
 * path (`"address.street"`, which some stores take apart), also in an object that is new, or has objects within objects at more than 100 levels.
 */
export function changed (record: object, body: unknown): object | null {
  if (body === undefined || body === null) return record
  if (!isTold(record, body)) return null
  return merged(record, body)
}

function merged (record: object, body: Members): object {
  const next = copyOf(record)
  for (const [key, value] of Object.entries(body)) {
    const old = memberOf(record, key)
    setMember(next, key, isPlain(old) && isPlain(value) ? merged(old, value) : value)
  }
  return next
}

/**
 * After a PUT: what the body leaves out is gone (RFC 9110 section 9.3.4), where the user may write it and it is part of the representation that clients
 * are given (`represented`: fields, each with all that is in it; left out: every field). All else stays, at any depth. A list that the body
 * leaves out goes only if all of it may. Fields of a class's prototype stay. The record itself, or `null`, as for `changed`.
 */
export function replaced (record: object, body: unknown, mayWrite: (field: string) => boolean, represented?: ReadonlySet<string>): object | null {
  if (body === undefined || body === null) return record
  if (!isTold(record, body)) return null
  return replacedMembers(record, body, null, { goes: (path) => mayWrite(path) && isRepresented(path, represented), around: new Set() })
}

function isRepresented (path: string, represented: ReadonlySet<string> | undefined): boolean {
  return represented === undefined || represented.has(path) || [...ancestors(path)].some((ancestor) => represented.has(ancestor))
}

interface Replacing {
  readonly goes: (path: string) => boolean
  /** The objects and lists that the walk is in: what contains itself stays. */
  readonly around: Set<object>
}

const EMPTY: Members = Object.freeze(Object.create(null) as Members)

function replacedMembers (record: object, body: Members, parent: string | null, replacing: Replacing): object {
  const { around } = replacing
  const next = copyOf(record)
  around.add(record)
  for (const key of Object.keys(record)) {
    if (Object.hasOwn(body, key)) continue
    const old = memberOf(record, key)
    const left = remains(old, pathOf(parent, key), replacing)
    if (left === GONE) Reflect.deleteProperty(next, key)
    else if (left !== old) setMember(next, key, left)
  }
  for (const [key, value] of Object.entries(body)) {
    const old = memberOf(record, key)
    const both = isPlain(old) && isPlain(value) && !around.has(old)
    setMember(next, key, both ? replacedMembers(old, value, pathOf(parent, key), replacing) : value)
  }
  around.delete(record)
  return next
}

const GONE = Symbol('gone')

/** What a body that does not name a value leaves of it. */
function remains (old: unknown, path: string, replacing: Replacing): unknown {
  if (!isPlain(old) || !isFilled(old)) return vanishes(old, path, replacing) ? GONE : old
  if (isBeyond(old, replacing)) return old
  const left = replacedMembers(old, EMPTY, path, replacing)
  const keys = Object.keys(left)
  if (keys.length === 0) return GONE
  return keys.length === Object.keys(old).length && keys.every((key) => memberOf(left, key) === memberOf(old, key)) ? old : left
}

/** Whether the user may remove a value with all that is in it. */
function vanishes (old: unknown, path: string, replacing: Replacing): boolean {
  if (isPlain(old) && isFilled(old)) {
    return Object.keys(old).every((key) => within(old, replacing, () => vanishes(memberOf(old, key), pathOf(path, key), replacing)))
  }
  if (!replacing.goes(path)) return false
  return !isList(old) || within(old, replacing, () => old.every((item) => vanishes(item, path, replacing)))
}

function within (container: object, replacing: Replacing, look: () => boolean): boolean {
  if (isBeyond(container, replacing)) return false
  replacing.around.add(container)
  const found = look()
  replacing.around.delete(container)
  return found
}

function isBeyond (container: object, { around }: Replacing): boolean {
  return around.has(container) || around.size > DEEPEST
}

/**
 * The fields of a record that a body replaces as a whole although it names only what is in them: a list by a list, and a list, a text or an instance of a class
 * by an object. Whoever may write `comments.text` may not for that alone remove everybody's comments. They are written too, besides `writtenFields(body)`;
 * the client named each of them.
 */
export function overwrittenFields (record: object, body: unknown): readonly string[] {
  return isPlain(body) ? [...overwritten(record, body, null)] : []
}

function * overwritten (record: object, body: Members, parent: string | null): Generator<string> {
  for (const [key, value] of Object.entries(body)) {
    const old = memberOf(record, key)
    const path = pathOf(parent, key)
    if (!isFilled(value) || isEmpty(old)) continue
    if (isPlain(old) && isPlain(value)) yield * overwritten(old, value, path)
    else yield path
  }
}

/** Something is in it that is named by a longer path. */
function isFilled (value: unknown): value is Members | readonly unknown[] {
  return (isPlain(value) || isList(value)) && Object.keys(value).length > 0
}

/** Nothing is there that could be lost. */
function isEmpty (value: unknown): boolean {
  return value === undefined || value === null || ((isPlain(value) || isList(value)) && !isFilled(value))
}

/** Whether a body can be merged into a record at all. */
function isTold (record: object, body: unknown): body is Members {
  return isPlain(body) && isMergeable(record, body, 0)
}

function isMergeable (record: object, body: Members, depth: number): boolean {
  if (depth > DEEPEST) return false
  return Object.entries(body).every(([key, value]) => {
    const old = memberOf(record, key)
    if (key.includes('.') && old === undefined) return false
    return !isPlain(value) || isMergeable(isPlain(old) ? old : EMPTY, value, depth + 1)
  })
}

/** A copy that can be changed, with the same prototype, so that the getters of its class go on working. */
function copyOf (record: object): object {
  const copy: object = Object.create(Object.getPrototypeOf(record) as object | null)
  for (const key of Reflect.ownKeys(record)) {
    const property = Object.getOwnPropertyDescriptor(record, key) as PropertyDescriptor
    Object.defineProperty(copy, key, 'value' in property ? { ...property, writable: true, configurable: true } : { ...property, configurable: true })
  }
  return copy
}
