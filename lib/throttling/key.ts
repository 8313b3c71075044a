/** The names of counters in a store, and in events. */
import { createHmac } from 'node:crypto'

/**
 * A function that makes keys: `sign-in:account:` and 43 characters of an HMAC-SHA-256. Neither the store nor a log ever holds an account's
 * name, which may be a password typed into the wrong field, or an address; and no name, however long or strange, changes the shape of a key.
 */
export function keyMaker (name: string, secret: string | Uint8Array): (kind: string, text: string) => string {
  return (kind, text) => `${name}:${kind}:${createHmac('sha256', secret).update(text).digest('base64url')}`
}
