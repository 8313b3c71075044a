/** Whether a token that is bound to a key or to a certificate was sent by whoever holds that (RFC 7800 section 3.1). */
import type { ClientCertificate } from '../client-certificate.ts'

/** What the sender has shown to hold besides the token. `thumbprint`: of the key that signed the proof, RFC 7638 with SHA-256 in base64url. */
export type Possession =
  | { readonly kind: 'bearer' }
  | { readonly kind: 'dpop', readonly thumbprint: string }

/** What a token is bound to, by its claim `cnf`: thumbprints in base64url. */
export type Confirmation =
  | { readonly kind: 'none' }
  | { readonly kind: 'bound', readonly key: string | undefined, readonly certificate: string | undefined }
  | { readonly kind: 'unreadable' }

/** All that the decision needs. */
export interface Binding {
  readonly confirmation: Confirmation
  /** How the token is to be sent, if its issuer says so: `token_type`, RFC 7662 section 2.2. */
  readonly type: unknown
  readonly shown: Possession
  /** Looked for only where it counts: `undefined` where it was not. */
  readonly certificate: ClientCertificate | undefined
  /** Whether tokens must be bound to a certificate. */
  readonly certificateBound: boolean
}

const NONE: Confirmation = Object.freeze({ kind: 'none' })
const UNBOUND = Object.freeze({ key: undefined, certificate: undefined })
const UNREADABLE: Confirmation = Object.freeze({ kind: 'unreadable' })

/**
 * Members that are not known are passed over beside one that is. A confirmation of unknown members only, or none at all, cannot be checked
 * (facts: authentication M4).
 */
export function confirmationOf (cnf: unknown): Confirmation {
  if (cnf === undefined) return NONE
  if (typeof cnf !== 'object' || cnf === null) return UNREADABLE
  const { jkt: key, 'x5t#S256': certificate } = cnf as Readonly<Record<string, unknown>>
  if (key === undefined && certificate === undefined) return UNREADABLE
  return isThumbprint(key) && isThumbprint(certificate) ? { kind: 'bound', key, certificate } : UNREADABLE
}

/** Why the token must not be used by who sent it, for the log; `undefined` if it may (facts: authentication P8, P10, M1, M2, M4). */
export function reasonAgainstSender (binding: Binding): string | undefined {
  const { confirmation, type, shown } = binding
  if (confirmation.kind === 'unreadable') return 'the token is bound to something that cannot be checked'
  const { key, certificate } = confirmation.kind === 'bound' ? confirmation : UNBOUND
  return reasonAgainstType(type, shown) ?? reasonAgainstKey(key, shown) ?? reasonAgainstCertificate(certificate, binding)
}

/** RFC 7662 section 2.2 leaves the type out or takes it from RFC 6749 section 5.1, in any case. `DPoP` must not be downgraded (RFC 9449 section 7.2). */
function reasonAgainstType (type: unknown, shown: Possession): string | undefined {
  if (type === undefined) return undefined
  const name = typeof type === 'string' ? type.toLowerCase() : ''
  if (name === 'dpop' && shown.kind === 'bearer') return 'the token is for DPoP, not for a bearer'
  return name === 'bearer' || name === 'dpop' ? undefined : 'the type of the token is not known'
}

function reasonAgainstKey (bound: string | undefined, shown: Possession): string | undefined {
  if (shown.kind === 'bearer') return bound === undefined ? undefined : 'the token is bound to a key, which a bearer does not show'
  if (bound === undefined) return 'the token is not bound to the key of a proof'
  return bound === shown.thumbprint ? undefined : 'the token is bound to another key'
}

function reasonAgainstCertificate (bound: string | undefined, { certificate, certificateBound }: Binding): string | undefined {
  if (bound === undefined) return certificateBound ? 'the token is not bound to a certificate' : undefined
  if (certificate?.kind === 'unreadable') return `the token is bound to a certificate, and the one shown cannot be read: ${certificate.reason}`
  if (certificate?.kind !== 'certificate') return 'the token is bound to a certificate, and none was shown'
  return certificate.thumbprint === bound ? undefined : 'the token is bound to another certificate'
}

function isThumbprint (value: unknown): value is string | undefined {
  return value === undefined || (typeof value === 'string' && value !== '')
}
