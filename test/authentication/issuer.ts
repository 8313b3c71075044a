/** An issuer of tokens: its keys, the server that publishes them, and tokens signed with any of them. */
import { constants, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { json, jsonServer, type JsonServer } from '../stores/json-server.ts'
import { signingInput } from './tokens.ts'

export interface IssuerKey {
  readonly kid: string | undefined
  readonly algorithm: string
  readonly privateKey: KeyObject
  readonly jwk: Record<string, unknown>
}

const CURVES: Readonly<Record<string, string>> = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' }

export function issuerKey (algorithm: string, kid?: string, more: Record<string, unknown> = {}): IssuerKey {
  const { publicKey, privateKey } = pairFor(algorithm)
  return { kid, algorithm, privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), ...kid === undefined ? {} : { kid }, ...more } }
}

function pairFor (algorithm: string): { publicKey: KeyObject, privateKey: KeyObject } {
  const curve = CURVES[algorithm]
  if (curve !== undefined) return generateKeyPairSync('ec', { namedCurve: curve })
  if (/^Ed/.test(algorithm)) return generateKeyPairSync('ed25519')
  return generateKeyPairSync('rsa', { modulusLength: 2048 })
}

export function signed ({ kid, algorithm, privateKey }: IssuerKey, payload: unknown, header: Record<string, unknown> = {}): string {
  const input = signingInput({ alg: algorithm, ...kid === undefined ? {} : { kid }, ...header }, payload)
  const digest = /^Ed/.test(algorithm) ? null : `sha${algorithm.slice(2)}`
  const padding = algorithm.startsWith('PS') ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST } : {}
  return `${input}.${sign(digest, Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363', ...padding }).toString('base64url')}`
}

export function published (...keys: readonly IssuerKey[]) {
  return json({ keys: keys.map(({ jwk }) => jwk) })
}

export async function keyServer (t: Parameters<typeof jsonServer>[0], ...keys: readonly IssuerKey[]): Promise<JsonServer> {
  return jsonServer(t, published(...keys))
}
