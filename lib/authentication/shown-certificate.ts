/** What is known of the certificate of a client. */
import { createHash, type X509Certificate } from 'node:crypto'

export type ClientCertificate =
  | { readonly kind: 'none' }
  | {
    readonly kind: 'certificate'
    /** SHA-256 of the DER in base64url, the `x5t#S256` of RFC 8705 section 3.1. */
    readonly thumbprint: string
    /** `null` where a proxy tells no more than the hash. */
    readonly certificate: X509Certificate | null
    /** Whether its chain leads to a CA that this server trusts, or the proxy that forwards it. Either way its holder has the key. */
    readonly verified: boolean
    /** Why it is not verified, in OpenSSL's words: `CERT_HAS_EXPIRED`. */
    readonly reason?: string
  }
  /** `reason` is for the log. */
  | { readonly kind: 'unreadable', readonly reason: string }

export const NO_CERTIFICATE: ClientCertificate = Object.freeze({ kind: 'none' })

export function thumbprintOf (der: Uint8Array): string {
  return createHash('sha256').update(der).digest('base64url')
}
