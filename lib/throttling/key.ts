/** The names of counters in a store, and in events. */
import { createHmac } from 'node:crypto'

/**
 * A function that makes keys: `sign-in:account:` and 43 characters of an HMAC-SHA-256. Neither the store nor a log ever holds an account's
 * name, which may be a password typed into the wrong field, or an address; and no name, however long or strange, changes the shape of a key.
 */
export function keyMaker (name: string, secret: string | Uint8Array): (kind: string, text: string) => string {
  return (kind, text) => `${name}:${kind}:${createHmac('sha256', secret).update(text).digest('base64url')}`
}

/** Makes the key under which an owner is counted: the kind of owner, what is counted, and his name. No kind has a line feed in it. */
export type CounterKey = (kind: string, scope: string, name: string) => string

/** A longer text is hashed each time: a client may have written it, and so many bytes would be kept of each. */
const LONGEST = 128

const KEPT = 20_000

/** Keys that nobody can read. */
export function hashedKeys (keyOf: (kind: string, text: string) => string): CounterKey {
  return (kind, scope, name) => keyOf(kind, `${scope}\n${name}`)
}

/** For counters that nobody else gets to see, in the memory of this process: what is counted is the key itself, and no hash has to be made. */
export function plainKeys (hashed: CounterKey): CounterKey {
  return (kind, scope, name) => isLong(scope, name) ? hashed(kind, scope, name) : `${kind}\n${scope}\n${name}`
}

/** The same keys, of which those asked for lately are kept: to make one costs more than all else that is done to count. For names that the application knows, not for what somebody typed. */
export function keptKeys (keyOf: CounterKey): CounterKey {
  let young = new Kept()
  let old = new Kept()

  return (kind, scope, name) => {
    if (isLong(scope, name)) return keyOf(kind, scope, name)
    const known = young.get(kind, scope, name)
    if (known !== undefined) return known
    const key = old.get(kind, scope, name) ?? keyOf(kind, scope, name)
    if (young.size >= KEPT / 2) {
      old = young
      young = new Kept()
    }
    young.put(kind, scope, name, key)
    return key
  }
}

function isLong (scope: string, name: string): boolean {
  return scope.length + name.length > LONGEST
}

/** Found without putting one text together: that would have to be hashed each time. */
class Kept {
  size = 0
  readonly #kinds = new Map<string, Map<string, Map<string, string>>>()

  get (kind: string, scope: string, name: string): string | undefined {
    return this.#kinds.get(kind)?.get(scope)?.get(name)
  }

  put (kind: string, scope: string, name: string, key: string): void {
    const scopes = within(this.#kinds, kind)
    within(scopes, scope).set(name, key)
    this.size += 1
  }
}

function within<V> (maps: Map<string, Map<string, V>>, name: string): Map<string, V> {
  let map = maps.get(name)
  if (map === undefined) maps.set(name, map = new Map())
  return map
}
