/** The key that tokens are verified with, fit for the algorithms that may be used with it. */
import { createPublicKey, KeyObject, type AsymmetricKeyDetails } from 'node:crypto'
import { didYouMean } from '../../nearest.ts'
import { OptionError } from '../../option-error.ts'
import { textList } from '../schemes/options.ts'

export interface KeyOptions {
  readonly secret?: string | Uint8Array | undefined
  readonly publicKey?: string | Uint8Array | KeyObject | undefined
  readonly algorithms?: readonly string[] | undefined
}

export interface VerificationKey {
  /** The secret's bytes, or the public key as SPKI in PEM. */
  readonly key: Buffer
  readonly algorithms: readonly string[]
}

interface KeyKind {
  readonly name: string
  readonly allowed: readonly string[]
  readonly default: readonly string[]
}

/** Bytes that a secret must have at least, RFC 7518 section 3.2. */
const SECRET_BYTES: Readonly<Record<string, number>> = { HS256: 32, HS384: 48, HS512: 64 }

/** RFC 7518 section 3.3. */
const RSA_BITS = 2048

const SECRET: KeyKind = { name: 'a secret', allowed: Object.keys(SECRET_BYTES), default: ['HS256'] }

/** By `asymmetricKeyType`, for an elliptic curve by its name. RFC 7518 section 3.1, RFC 8037 section 3.1. */
const PUBLIC_KEYS: Readonly<Record<string, KeyKind>> = {
  rsa: { name: 'an RSA key', allowed: ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'], default: ['RS256', 'PS256'] },
  prime256v1: { name: 'a P-256 key', allowed: ['ES256'], default: ['ES256'] },
  secp384r1: { name: 'a P-384 key', allowed: ['ES384'], default: ['ES384'] },
  secp521r1: { name: 'a P-521 key', allowed: ['ES512'], default: ['ES512'] },
  ed25519: { name: 'an Ed25519 key', allowed: ['EdDSA'], default: ['EdDSA'] },
  ed448: { name: 'an Ed448 key', allowed: ['EdDSA'], default: ['EdDSA'] },
}

/** Secrets that are long enough and known to everybody: the samples of jwt.io. */
const PUBLISHED_SECRETS = new Set([
  'a-string-secret-at-least-256-bits-long',
  'a-valid-string-secret-that-is-at-least-384-bits-long',
  'a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long',
])

/** The key is the one that is given. @throws OptionError when the key or an algorithm is not fit for use (facts: authentication K1, K5). */
export function verificationKey (where: string, { secret, publicKey, algorithms }: KeyOptions): VerificationKey {
  if (publicKey !== undefined) return fromPublicKey(where, publicKey, algorithms)
  return fromSecret(where, secret, algorithms)
}

function fromSecret (where: string, secret: unknown, given: readonly string[] | undefined): VerificationKey {
  if (typeof secret !== 'string' && !(secret instanceof Uint8Array)) {
    throw new OptionError(`${where}: \`secret\` must be a text or a Buffer, not ${secret === null ? 'null' : typeof secret}.`)
  }
  const key = Buffer.from(secret)
  const text = key.toString('latin1').trim()
  if (text.includes('-----BEGIN ') || (/^[{[]/.test(text) && text.includes('"kty"'))) {
    throw new OptionError(`${where}: \`secret\` is a key in PEM or JWK form. Give a public key, in PEM, as \`publicKey\`.`)
  }
  if (PUBLISHED_SECRETS.has(text)) throw new OptionError(`${where}: \`secret\` is a published sample that everybody knows. Make your own.`)
  const algorithms = algorithmsFor(where, SECRET, given)
  const needed = Math.max(...algorithms.map((algorithm) => SECRET_BYTES[algorithm] as number))
  if (key.length < needed) {
    throw new OptionError(`${where}: \`secret\` has ${key.length} bytes; ${algorithms.join(', ')} needs at least ${needed} (RFC 7518 section 3.2). \`openssl rand -base64 ${needed}\` makes one.`)
  }
  return { key, algorithms }
}

function fromPublicKey (where: string, given: unknown, algorithms: readonly string[] | undefined): VerificationKey {
  const key = readPublicKey(where, given)
  const type = key.asymmetricKeyType as string
  const { namedCurve, modulusLength } = key.asymmetricKeyDetails as AsymmetricKeyDetails
  const kind = PUBLIC_KEYS[namedCurve ?? type]
  if (kind === undefined) {
    throw new OptionError(`${where}: \`publicKey\` is of the kind ${namedCurve ?? type}; tokens are verified with rsa, P-256, P-384, P-521, ed25519 or ed448.`)
  }
  if (modulusLength !== undefined && modulusLength < RSA_BITS) {
    throw new OptionError(`${where}: \`publicKey\` is an RSA key of ${modulusLength} bits; at least ${RSA_BITS} are needed (RFC 7518 section 3.3).`)
  }
  return {
    key: Buffer.from(key.export({ type: 'spki', format: 'pem' })),
    algorithms: algorithmsFor(where, kind, algorithms),
  }
}

function readPublicKey (where: string, given: unknown): KeyObject {
  if (given instanceof KeyObject) {
    if (given.type === 'public') return given
    throw new OptionError(`${where}: \`publicKey\` is a ${given.type} key. Only the public half belongs here.`)
  }
  if (typeof given !== 'string' && !(given instanceof Uint8Array)) {
    throw new OptionError(`${where}: \`publicKey\` must be a PEM text, a Buffer of it, or a KeyObject, not ${given === null ? 'null' : typeof given}.`)
  }
  const pem = Buffer.from(given)
  // createPublicKey would quietly take the public half of it
  if (pem.includes('PRIVATE KEY-----')) throw new OptionError(`${where}: \`publicKey\` is a private key. Only the public half belongs here.`)
  try {
    return createPublicKey(pem)
  } catch {
    throw new OptionError(`${where}: \`publicKey\` could not be read; it must be a public key or a certificate in PEM.`)
  }
}

function algorithmsFor (where: string, kind: KeyKind, given: readonly string[] | undefined): readonly string[] {
  if (given === undefined) return kind.default
  const algorithms = textList(where, 'algorithms', given)
  for (const algorithm of algorithms) {
    if (kind.allowed.includes(algorithm)) continue
    throw new OptionError(`${where}: the algorithm "${algorithm}" does not fit ${kind.name}.${didYouMean(algorithm, kind.allowed)} Allowed: ${kind.allowed.join(', ')}.`)
  }
  return algorithms
}
