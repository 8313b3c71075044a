/** A client for DPoP, written beside the server's code and not with it, that can also be as wrong as a test needs. */
import { constants, createHash, generateKeyPairSync, randomUUID, sign, type KeyObject } from 'node:crypto'
import { goodClaims, now, signingInput, token } from './tokens.ts'

export type Members = Readonly<Record<string, unknown>>

export interface ClientKey {
  readonly algorithm: string
  readonly privateKey: KeyObject
  readonly jwk: Readonly<Record<string, string>>
  readonly thumbprint: string
}

export interface Occasion {
  readonly token: string
  readonly htu?: string
  readonly claims?: Members
  readonly header?: Members
}

const CURVES: Readonly<Record<string, string>> = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' }

/** The members of a thumbprint, in the order of RFC 7638 section 3.2. */
const MEMBERS: Readonly<Record<string, readonly string[]>> = { EC: ['crv', 'kty', 'x', 'y'], OKP: ['crv', 'kty', 'x'], RSA: ['e', 'kty', 'n'] }

export function clientKey (algorithm = 'ES256', bits = 2048, publicExponent = 65_537): ClientKey {
  const { publicKey, privateKey } = pairFor(algorithm, bits, publicExponent)
  const jwk = publicKey.export({ format: 'jwk' }) as Record<string, string>
  return { algorithm, privateKey, jwk, thumbprint: thumbprint(jwk) }
}

function pairFor (algorithm: string, modulusLength: number, publicExponent: number): { publicKey: KeyObject, privateKey: KeyObject } {
  const curve = CURVES[algorithm]
  if (curve !== undefined) return generateKeyPairSync('ec', { namedCurve: curve })
  if (/^Ed/.test(algorithm)) return generateKeyPairSync('ed25519')
  return generateKeyPairSync('rsa', { modulusLength, publicExponent })
}

export function thumbprint (jwk: Readonly<Record<string, string>>): string {
  const members = (MEMBERS[jwk['kty'] as string] as readonly string[]).map((name) => [name, jwk[name]])
  return hash(JSON.stringify(Object.fromEntries(members)))
}

export function hash (text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}

/** A token that is bound to the key, or to whatever else `cnf` says. */
export function boundToken (key: ClientKey, claims: Members = {}): string {
  return token({ ...goodClaims(), cnf: { jkt: key.thumbprint }, ...claims })
}

export function proofFor (key: ClientKey, { token, htu = 'http://localhost/', claims = {}, header = {} }: Occasion): string {
  return signedProof(key, { typ: 'dpop+jwt', alg: key.algorithm, jwk: key.jwk, ...header }, { jti: randomUUID(), htm: 'GET', htu, iat: now(), ath: hash(token), ...claims })
}

/** `header` and `claims` may be JSON text, to say what `JSON.stringify` cannot. */
export function signedProof ({ algorithm, privateKey }: ClientKey, header: unknown, claims: unknown): string {
  const input = signingInput(header, claims)
  const digest = /^Ed/.test(algorithm) ? null : `sha${algorithm.slice(2)}`
  const padding = algorithm.startsWith('PS') ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST } : {}
  return `${input}.${sign(digest, Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363', ...padding }).toString('base64url')}`
}
