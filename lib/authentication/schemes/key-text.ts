/** The text of an API key, `<prefix>.<secret>`: how it is made, read and hashed. */
import { createHash, createHmac, randomBytes } from 'node:crypto'
import { OptionError } from '../../option-error.ts'

export interface KeyText {
  /** Names the key; not secret. */
  readonly prefix: string
  /** The whole key, without a `secret-token:` in front. */
  readonly key: string
}

/** The longest text that is looked at, in characters. */
export const MAX_KEY_LENGTH = 512

/** Bytes of a secret that is made here. */
const SECRET_BYTES = 32

/** Bytes that a pepper must have at least, RFC 2104 section 3: the length of the hash. */
const PEPPER_BYTES = 32

/** The URI scheme of RFC 8959 section 2, in any case (RFC 3986 section 3.1); what scans repositories for secrets looks for it. */
const SECRET_TOKEN = /^secret-token:/i

const PREFIX = /^[0-9A-Za-z][0-9A-Za-z_-]{0,63}$/

/** 22 characters of base64url hold the 128 bits that make a slow hash unnecessary (facts: authentication K1a). */
const KEY = /^([0-9A-Za-z][0-9A-Za-z_-]{0,63})\.[0-9A-Za-z_-]{22,}$/

/** `null`: it is no key. */
export function readKey (text: string): KeyText | null {
  if (text.length > MAX_KEY_LENGTH) return null
  const key = text.replace(SECRET_TOKEN, '')
  const prefix = KEY.exec(key)?.[1]
  return prefix === undefined ? null : { prefix, key }
}

/** SHA-256 of the whole key; with a pepper HMAC-SHA-256, so that stolen hashes tell nothing about whether a key is right. */
export function digestOf (key: string, pepper: string | Uint8Array | undefined): Buffer {
  return (pepper === undefined ? createHash('sha256') : createHmac('sha256', pepper)).update(key).digest()
}

/** @throws OptionError unless `pepper` is left out or has at least 32 bytes. It is a secret, so it is not shown. */
export function checkPepper (where: string, pepper: unknown): void {
  if (pepper === undefined) return
  if (typeof pepper !== 'string' && !(pepper instanceof Uint8Array)) throw new OptionError(`${where} pepper: it must be a text or a Buffer.`)
  const bytes = Buffer.from(pepper).length
  if (bytes < PEPPER_BYTES) throw new OptionError(`${where} pepper: it has ${bytes} bytes; at least ${PEPPER_BYTES} are needed. \`openssl rand -base64 ${PEPPER_BYTES}\` makes one.`)
}

/**
 * A new API key, `<prefix>.<secret>` with 32 random bytes as base64url. Show `key` to its owner once and keep only `hash`, which is hex of
 * SHA-256, or of HMAC-SHA-256 when there is a `pepper`.
 *
 * `prefix` names this one key in `lookup`, so each key needs its own: 1 to 64 letters, digits, `_` and `-`, the first a letter or digit.
 *
 * @throws OptionError when the prefix or the pepper (at least 32 bytes) is not fit for use.
 */
export function createApiKey (prefix: string, options: { readonly pepper?: string | Uint8Array | undefined } = {}): { readonly key: string, readonly hash: string } {
  if (typeof prefix !== 'string' || !PREFIX.test(prefix)) {
    throw new OptionError('createApiKey(): the prefix must have 1 to 64 letters, digits, "_" and "-", the first a letter or a digit.')
  }
  checkPepper('createApiKey()', options.pepper)
  const key = `${prefix}.${randomBytes(SECRET_BYTES).toString('base64url')}`
  return { key, hash: digestOf(key, options.pepper).toString('hex') }
}
