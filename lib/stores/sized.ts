/** Tells how much a store holds, without making the store slow. */

const COUNT = Symbol('count')

interface Counting {
  readonly [COUNT]: () => number
}

/**
 * Where each object has a getter of its own, V8 can't tell by the shape of one what its properties are, and searches for them with each use. So all
 * stores have this one.
 */
function count (this: Counting): number {
  return this[COUNT]()
}

/** The same store, which tells its `size`. */
export function sized<S extends object> (store: S, size: () => number): S & { readonly size: number } {
  return Object.defineProperties(store, { [COUNT]: { value: size }, size: { get: count, enumerable: true } }) as S & { readonly size: number }
}
