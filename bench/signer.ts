/** Signed tokens (RFC 7519) of each algorithm, and the key that a server checks them with. */
import { createHmac, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto'
import { CLAIMS } from './work.ts'

export type Algorithm = 'HS256' | 'RS256' | 'ES256' | 'EdDSA'

export interface Signer {
  /** The secret, or the public key in PEM. */
  readonly key: string
  /** A token that is good for four hours. `claims` beside those that all have. */
  readonly token: (claims?: object) => string
}

const MAKE: Readonly<Record<Algorithm, () => Signer>> = {
  HS256: () => withSecret(randomBytes(32).toString('base64')),
  RS256: () => withKeys('RS256', generateKeyPairSync('rsa', { modulusLength: 2048 })),
  ES256: () => withKeys('ES256', generateKeyPairSync('ec', { namedCurve: 'P-256' })),
  EdDSA: () => withKeys('EdDSA', generateKeyPairSync('ed25519')),
}

/** One for each algorithm, whose key the servers have. */
export const signerOf = eachOnce()

/** Another one, whose tokens look right and are not: no server has its key. */
export const forgerOf = eachOnce()

function eachOnce (): (algorithm: Algorithm) => Signer {
  const made = new Map<Algorithm, Signer>()
  return (algorithm) => {
    const signer = made.get(algorithm) ?? MAKE[algorithm]()
    made.set(algorithm, signer)
    return signer
  }
}

function withSecret (key: string): Signer {
  return {
    key,
    token (claims) {
      const input = inputOf('HS256', claims)
      return `${input}.${createHmac('sha256', key).update(input).digest('base64url')}`
    },
  }
}

function withKeys (algorithm: Algorithm, { publicKey, privateKey }: { readonly publicKey: KeyObject, readonly privateKey: KeyObject }): Signer {
  const digest = algorithm === 'EdDSA' ? null : 'sha256'
  return {
    key: publicKey.export({ type: 'spki', format: 'pem' }) as string,
    token (claims) {
      const input = inputOf(algorithm, claims)
      return `${input}.${sign(digest, Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
    },
  }
}

function inputOf (alg: Algorithm, claims: object = {}): string {
  const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url')
  const iat = Math.floor(Date.now() / 1000)
  return `${encode({ alg, typ: 'JWT' })}.${encode({ ...CLAIMS, iat, exp: iat + 4 * 3600, ...claims })}`
}
