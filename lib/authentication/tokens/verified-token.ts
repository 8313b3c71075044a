/** What a verifier of tokens says of one, whichever way it verifies. */
import type { Claims } from '../claims.ts'

/** The tokens that are accepted, whoever verifies them. */
export interface AcceptedTokens {
  readonly issuers: readonly string[]
  readonly audiences: readonly string[]
  /** Seconds. */
  readonly clockTolerance: number
}

export interface RefusedToken {
  readonly kind: 'invalid'
  /** For the log. */
  readonly reason: string
  /** It was good once, or will be. */
  readonly guessed?: false
}

export type VerifiedToken =
  /** `type` is how its issuer says that it is to be sent (`token_type`); `undefined` if it says nothing. */
  | { readonly kind: 'claims', readonly claims: Claims, readonly type: unknown, readonly later: () => Later }
  | RefusedToken
  | { readonly kind: 'unavailable', readonly reason: string, readonly cause?: unknown }

/** What is to be said of the same token at its next use, its signature not being looked at: `'unknown'` where whoever vouched for it must be asked. */
export type Later = 'good' | 'unknown' | RefusedToken

/** Of a token that is not known any longer than for one use. */
export const askAgain = (): Later => 'unknown'

/** Synchronous if all that it needs is here. Never throws and never rejects, whatever a token holds. */
export type TokenVerifier = (token: string) => VerifiedToken | Promise<VerifiedToken>
