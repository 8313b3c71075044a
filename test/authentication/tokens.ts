/** Tokens made by hand, so that they can be as wrong as a test needs. */
import { createHmac, sign, type KeyObject } from 'node:crypto'

export const SECRET = 'the newsroom secret, 32 bytes long or more'
export const ISSUER = 'https://issuer.example'
export const AUDIENCE = 'newsroom'

/** Claims of a token that is good for ten minutes. */
export function goodClaims (): Record<string, unknown> {
  return { iss: ISSUER, aud: AUDIENCE, exp: now() + 600, iat: now(), sub: 'ada', roles: ['editor'] }
}

export function now (): number {
  return Math.floor(Date.now() / 1000)
}

/** Signed with HMAC; `payload` may be JSON text, to say what `JSON.stringify` cannot. */
export function token (payload: unknown, header: Record<string, unknown> = {}, secret: string = SECRET): string {
  const input = signingInput({ alg: 'HS256', typ: 'JWT', ...header }, payload)
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
}

export function tokenWith (key: KeyObject, algorithm: string, payload: unknown): string {
  const input = signingInput({ alg: algorithm }, payload)
  const digest = algorithm === 'EdDSA' ? null : `sha${algorithm.slice(2)}`
  const padding = algorithm.startsWith('PS') ? { padding: 6, saltLength: -1 } : {}
  return `${input}.${sign(digest, Buffer.from(input), { key, dsaEncoding: 'ieee-p1363', ...padding }).toString('base64url')}`
}

export function signingInput (header: unknown, payload: unknown): string {
  return `${encode(header)}.${encode(payload)}`
}

function encode (value: unknown): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
}
