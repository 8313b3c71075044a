/** What is known of the client once its credentials were looked at. */
import type { FastifyRequest } from 'fastify'
import type { AnyScheme, AuthInfo, CredentialPlace, SchemeHeaders, Verdict } from './scheme.ts'

/** A guess that was not let through to the verifier; `retryAfter` is in the guard's unit, `dimension` what was counted. */
export interface Throttled {
  readonly kind: 'throttled'
  readonly retryAfter: number
  readonly dimension: string
}

/**
 * Stands before the verification of a guessable secret. `verify` never rejects: what went wrong in the scheme is a verdict `unavailable`.
 * `account` is whose secret is tried, as sent, if the scheme knows.
 */
export type Guard = (
  request: FastifyRequest,
  scheme: AnyScheme,
  account: string | undefined,
  verify: () => Promise<Verdict>
) => Promise<Verdict | Throttled>

export interface Unavailable {
  readonly kind: 'unavailable'
  readonly scheme: AnyScheme
  readonly reason: string
  readonly cause: unknown
}

/** More than one credential of the client's own choice. `reason`, where one scheme found them both. */
export interface Two {
  readonly kind: 'two'
  readonly schemes: readonly AnyScheme[]
  readonly reason: string
}

export interface SignedIn {
  readonly kind: 'user'
  readonly user: object
  readonly auth: AuthInfo
  readonly scheme: AnyScheme
  readonly place: CredentialPlace
  readonly headers: SchemeHeaders | undefined
}

export interface Invalid {
  readonly kind: 'invalid'
  readonly scheme: AnyScheme
  readonly error: string
  readonly reason: string
  /** Whether it may have been a guess, and not something that was good once. */
  readonly guessed: boolean
  readonly headers: SchemeHeaders | undefined
}

/** A `reason` is for the log and never holds credentials. */
export type Outcome =
  | { readonly kind: 'nothing' }
  | SignedIn
  | Invalid
  /** Some of the credentials that must come together are missing; nothing was verified. */
  | { readonly kind: 'incomplete', readonly reason: string }
  | { readonly kind: 'cross_site', readonly scheme: AnyScheme, readonly reason: string }
  | { readonly kind: 'throttled', readonly retryAfter: number, readonly scheme: AnyScheme, readonly dimension: string }
  | Two
  | Unavailable
