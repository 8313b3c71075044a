/** Under which keys a store holds what has ended: hashes, so that it learns nobody's name and no token. */
import { createHash } from 'node:crypto'

/** A JWT in its compact form (RFC 7515 section 3.1); the group is what is signed. */
const SIGNED = /^([\w-]+\.[\w-]+)\.[\w-]+$/

/** A signature can be written in several ways (the spare bits of base64url, the second `s` of ECDSA), and the token would be another one each time. */
export function withoutSignature (token: string): string {
  return SIGNED.exec(token)?.[1] ?? token
}

/** In a cluster what is in braces decides where a key is: both keys of a token are in one place, so that one command reads them. */
export function userTag (issuer: string, subject: string): string {
  return `{${hash(issuer, subject)}}`
}

export function userKey (tag: string): string {
  return `${tag}:u`
}

export function tokenKey (tag: string, by: 'jti' | 'token', text: string): string {
  return `${tag}:t:${hash(by, text)}`
}

export function apiKeyKey (prefix: string): string {
  return `k:${hash('key', prefix)}`
}

/** As JSON no two lists of texts are the same bytes. */
function hash (...texts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(texts)).digest('base64url')
}
