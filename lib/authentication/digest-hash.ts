/** The hashes of Digest (RFC 7616): what is stored of a password, what stands for a user name, and the response that both sides compute. */
import { createHash } from 'node:crypto'

export type DigestAlgorithm = 'SHA-256' | 'SHA-512-256' | 'MD5'

/** What Node.js calls the algorithms of RFC 7616 section 6.1, and how many hexadecimal digits they make. */
export const DIGEST_ALGORITHMS: Readonly<Record<DigestAlgorithm, { readonly hash: string, readonly digits: number }>> = {
  'SHA-256': { hash: 'sha256', digits: 64 },
  'SHA-512-256': { hash: 'sha512-256', digits: 64 },
  MD5: { hash: 'md5', digits: 32 },
}

/** What a response is computed from, each as it was sent: one character a byte. */
export interface DigestInput {
  readonly method: string
  readonly uri: string
  readonly nonce: string
  readonly nc: string
  readonly cnonce: string
}

/**
 * H(A1), which a server stores in place of the password (RFC 7616 section 3.4.2): lower-case hexadecimal of `username:realm:password`.
 * It opens this realm like the password itself, so keep it as secret. A changed realm needs new hashes.
 */
export function digestHash (algorithm: DigestAlgorithm, username: string, realm: string, password: string): string {
  return hash(algorithm, `${composed(username)}:${realm}:${composed(password)}`, 'utf8')
}

/** What a client sends in place of the user name when the server knows users by it (RFC 7616 section 3.4.4): lower-case hexadecimal of `username:realm`. */
export function digestUserhash (algorithm: DigestAlgorithm, username: string, realm: string): string {
  return hash(algorithm, `${composed(username)}:${realm}`, 'utf8')
}

/** RFC 7616 section 3.4.1 with the quality of protection `auth`. `ha1` is `digestHash`'s. */
export function digestResponse (algorithm: DigestAlgorithm, ha1: string, { method, uri, nonce, nc, cnonce }: DigestInput): string {
  const ha2 = hash(algorithm, `${method}:${uri}`, 'latin1')
  return hash(algorithm, `${ha1}:${nonce}:${nc}:${cnonce}:auth:${ha2}`, 'latin1')
}

/** RFC 7616 section 4: with `charset=UTF-8` a client composes characters (NFC) before it encodes them. */
function composed (text: string): string {
  return text.normalize('NFC')
}

function hash (algorithm: DigestAlgorithm, text: string, encoding: 'utf8' | 'latin1'): string {
  return createHash(DIGEST_ALGORITHMS[algorithm].hash).update(text, encoding).digest('hex')
}
