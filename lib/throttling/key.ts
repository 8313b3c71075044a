/** The names of counters in a store, and in events. */
import { createHmac } from 'node:crypto'
import { Recent } from '../stores/recent.ts'

/**
 * A function that makes keys: `sign-in:account:` and 43 characters of an HMAC-SHA-256. Neither the store nor a log ever holds an account's
 * name, which may be a password typed into the wrong field, or an address; and no name, however long or strange, changes the shape of a key.
 */
export function keyMaker (name: string, secret: string | Uint8Array): (kind: string, text: string) => string {
  return (kind, text) => `${name}:${kind}:${createHmac('sha256', secret).update(text).digest('base64url')}`
}

/** A longer text is hashed each time: a client may have written it, and so many bytes would be kept of each. */
const LONGEST = 128

const KEPT = 20_000

/** The same keys, of which those asked for lately are kept: a hash costs more than all else that is done to count. For names that the application knows, not for what somebody typed. */
export function keptKeys (keyOf: (kind: string, text: string) => string): (kind: string, text: string) => string {
  const kept = new Recent<string>({ room: { entries: KEPT, bytes: Infinity }, bytesOf: () => 0 })

  return (kind, text) => {
    if (text.length > LONGEST) return keyOf(kind, text)
    // No kind has a line feed in it.
    const name = `${kind}\n${text}`
    const known = kept.get(name)
    if (known !== undefined) return known
    const key = keyOf(kind, text)
    kept.put(name, key)
    return key
  }
}

/** For counters that nobody else gets to see, in the memory of this process: what is counted is the key itself, and no hash has to be made. */
export function plainKeys (keyOf: (kind: string, text: string) => string): (kind: string, text: string) => string {
  return (kind, text) => text.length > LONGEST ? keyOf(kind, text) : `${kind}\n${text}`
}
