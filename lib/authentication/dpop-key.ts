/** The public key that a proof brings along. An attacker chooses it, so it is fenced before any arithmetic is done with it. */
import { createHash } from 'node:crypto'

/** The members that make the key, and no other, in the order of RFC 7638 section 3.2. */
export type ProofKey =
  | { readonly crv: string, readonly kty: 'EC', readonly x: string, readonly y: string }
  | { readonly crv: string, readonly kty: 'OKP', readonly x: string }
  | { readonly e: string, readonly kty: 'RSA', readonly n: string }

export type ReadKey =
  | { readonly kind: 'key', readonly key: ProofKey }
  | { readonly kind: 'invalid', readonly reason: string }

type Form =
  | { readonly kty: 'RSA' }
  | { readonly kty: 'EC' | 'OKP', readonly crv: string, readonly characters: number }

const RSA: Form = { kty: 'RSA' }
const ED25519: Form = { kty: 'OKP', crv: 'Ed25519', characters: 43 }

/** What key an algorithm needs; `characters` of base64url in one coordinate. RFC 7518 section 3.1, RFC 8037 section 3.1, RFC 9864 section 2.2. */
const FORMS: Readonly<Record<string, Form>> = {
  ES256: { kty: 'EC', crv: 'P-256', characters: 43 },
  ES384: { kty: 'EC', crv: 'P-384', characters: 64 },
  ES512: { kty: 'EC', crv: 'P-521', characters: 88 },
  PS256: RSA,
  PS384: RSA,
  PS512: RSA,
  RS256: RSA,
  RS384: RSA,
  RS512: RSA,
  EdDSA: ED25519,
  Ed25519: ED25519,
}

/** The algorithms that a proof can be signed with. None of them is symmetric. */
export const PROOF_ALGORITHMS: readonly string[] = Object.keys(FORMS)

/** RFC 7518 sections 6.2.2, 6.3.2 and 6.4.1. */
const PRIVATE = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

/** The cost of an RSA signature grows with the modulus, and with an exponent other than the usual one. */
const RSA_BITS = { min: 2048, max: 4096 }
const EXPONENT = 'AQAB'
const MODULUS = /^[\w-]{342,683}$/

const BASE64URL = /^[\w-]+$/

/** `algorithm` is one of `PROOF_ALGORITHMS`. */
export function readProofKey (algorithm: string, jwk: unknown): ReadKey {
  if (typeof jwk !== 'object' || jwk === null || Array.isArray(jwk)) return invalid('the proof has no key')
  if (PRIVATE.some((name) => Object.hasOwn(jwk, name))) return invalid('the key in the proof is private or symmetric')
  const key = keyOf(FORMS[algorithm] as Form, jwk as Readonly<Record<string, unknown>>)
  return key === null ? invalid(`the key in the proof does not fit ${algorithm}, or has a size that is not accepted`) : { kind: 'key', key }
}

/** RFC 7638 with SHA-256, in base64url. */
export function thumbprintOf (key: ProofKey): string {
  return createHash('sha256').update(JSON.stringify(key)).digest('base64url')
}

function keyOf (form: Form, { kty, crv, x, y, e, n }: Readonly<Record<string, unknown>>): ProofKey | null {
  if (kty !== form.kty) return null
  if (form.kty === 'RSA') return e === EXPONENT && isModulus(n) ? { e, kty: 'RSA', n } : null
  if (crv !== form.crv || !isCoordinate(x, form.characters)) return null
  if (form.kty === 'OKP') return { crv: form.crv, kty: 'OKP', x }
  return isCoordinate(y, form.characters) ? { crv: form.crv, kty: 'EC', x, y } : null
}

function isCoordinate (value: unknown, characters: number): value is string {
  return typeof value === 'string' && value.length === characters && BASE64URL.test(value)
}

/** Without a leading zero (RFC 7518 section 2, Base64urlUInt). */
function isModulus (value: unknown): value is string {
  if (typeof value !== 'string' || !MODULUS.test(value)) return false
  const bytes = Buffer.from(value, 'base64url')
  const first = bytes[0] as number
  const bits = bytes.length * 8 - (Math.clz32(first) - 24)
  return first !== 0 && bits >= RSA_BITS.min && bits <= RSA_BITS.max
}

function invalid (reason: string): ReadKey {
  return { kind: 'invalid', reason }
}
