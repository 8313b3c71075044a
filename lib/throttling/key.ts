/** The names of counters in a store, and in events. */
import { createHmac } from 'node:crypto'
import type { Dimension } from './ladder.ts'

/**
 * A function that makes keys: `sign-in:account:` and 43 characters of an HMAC-SHA-256. Neither the store nor a log ever holds an account's
 * name, which may be a password typed into the wrong field, or an address; and no name, however long or strange, changes the shape of a key.
 */
export function keyMaker (name: string, secret: string | Uint8Array): (dimension: Dimension, text: string) => string {
  return (dimension, text) => `${name}:${dimension}:${createHmac('sha256', secret).update(text).digest('base64url')}`
}
