/** Paths of fields within records and bodies: `address.street`, and `comments.text` for every comment of a list. */

/** Deeper than this nobody looks: what lies there is not shown, and whether it is written cannot be told. */
export const DEEPEST = 100

export type Members = Readonly<Record<string, unknown>>

/** The path of a member; `null` is the record itself. */
export function pathOf (parent: string | null, key: string): string {
  return parent === null ? key : `${parent}.${key}`
}

/** The paths that a path lies in, outermost first: of `a.b.c`, `a` and `a.b`. */
export function * ancestors (path: string): Generator<string> {
  for (let dot = path.indexOf('.'); dot !== -1; dot = path.indexOf('.', dot + 1)) yield path.slice(0, dot)
}

/** A map of values. An instance of a class is a value itself, as is what says on its own how it is serialized. */
export function isPlain (value: unknown): value is Members {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return (prototype === Object.prototype || prototype === null) && !hasOwnForm(value)
}

export function isList (value: unknown): value is readonly unknown[] {
  return Array.isArray(value) && !hasOwnForm(value)
}

/** `JSON.stringify` shows what `toJSON` returns instead of the members. */
export function hasOwnForm (value: object): value is { readonly toJSON: () => unknown } {
  return typeof (value as { readonly toJSON?: unknown }).toJSON === 'function'
}

/** A member as data; `__proto__` and `constructor` are names like any other, and what an object inherits from Object is none of it. */
export function memberOf (value: object, key: string): unknown {
  return Object.hasOwn(value, key) || !(key in Object.prototype) ? (value as Members)[key] : undefined
}

/** Sets a member, whatever its name and whatever stood there; assigning to `__proto__` would change what the object is. */
export function setMember (target: object, key: PropertyKey, value: unknown): void {
  Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true })
}
