/** The contract of an authentication scheme: what it finds on a request, how it verifies that, how it challenges. */
import type { FastifyRequest } from 'fastify'

/** Where credentials were sent. The client chose those in `authorization`, `header` and `query`; a cookie or certificate comes along by itself. */
export type CredentialPlace = 'authorization' | 'header' | 'query' | 'cookie' | 'certificate'

/** One `Authorization` field line, split at the first space (RFC 9110 section 11.4). `scheme` is in lower case. */
export interface AuthorizationField {
  readonly scheme: string
  readonly rest: string
}

/** What a scheme finds on a request, before anything is verified. */
export type Found<C = unknown> =
  | { readonly kind: 'nothing' }
  /** Unreadable credentials are a 401 like any wrong ones; with `invalid_request`, a proof that cannot be evaluated, they are a 400. */
  | { readonly kind: 'malformed', readonly place: CredentialPlace, readonly reason: string, readonly error?: 'invalid_request' }
  /** More than one credential of this scheme's, in places that the client chose: a 400 (RFC 6750 section 2). */
  | { readonly kind: 'two', readonly reason: string }
  /** What a browser sent along with another site's request: it is not looked at, and the answer is a 403. */
  | { readonly kind: 'cross_site', readonly place: 'cookie' | 'certificate', readonly reason: string }
  | {
    readonly kind: 'credentials'
    readonly place: CredentialPlace
    readonly credentials: C
    /** For a guessable secret: whose account it opens, as sent. */
    readonly account?: string
  }

/** What is known about how the user signed in; `expiresAt` and `authTime` are seconds since 1970. */
export interface AuthInfo {
  readonly scheme: string
  readonly scopes: readonly string[]
  readonly authTime: number | null
  readonly acr: string | null
  readonly expiresAt: number | null
}

/** What verification says. `reason` is for the log and never contains the credentials. A `verify` that throws is `unavailable`. */
export type Verdict<U = unknown> =
  | { readonly kind: 'user', readonly user: U, readonly auth?: Partial<Omit<AuthInfo, 'scheme'>>, readonly headers?: SchemeHeaders }
  /** `guessed: false`: whoever sent it had what was good once (a token that has expired, a nonce of before), so it neither counts as a failure nor ends those that there were. */
  | { readonly kind: 'invalid', readonly reason: string, readonly error?: string, readonly guessed?: false, readonly headers?: SchemeHeaders }
  | { readonly kind: 'unavailable', readonly reason: string, readonly cause?: unknown }

/** What a scheme's own protocol puts on the answer, whatever that is: `{ 'dpop-nonce': '…' }`. Names in lower case. Such an answer is not stored. */
export type SchemeHeaders = Readonly<Record<string, string>>

/** A challenge (RFC 9110 section 11.3): the scheme's name and its parameters, unquoted. A `token` value is sent bare, all others quoted. */
export interface Challenge {
  readonly scheme: string
  readonly params: readonly (readonly [name: string, value: string | { readonly token: string }])[]
}

/** Why the challenge is sent. Only the scheme that was tried carries an error. */
export type ChallengeReason =
  | { readonly kind: 'nothing_sent' }
  | { readonly kind: 'error', readonly error: string, readonly description?: string, readonly scope?: string, readonly extra?: Readonly<Record<string, string>> }

/** For whom a challenge is made. */
export interface ChallengeContext {
  readonly request: FastifyRequest
  /** The plugin's protection space, RFC 9110 section 11.5. */
  readonly realm: string
  /** Where the metadata of the protected resource are, an absolute URL (RFC 9728 section 5.1). */
  readonly resourceMetadata?: string | undefined
}

export interface Scheme<U = unknown, C = unknown> {
  /** The auth-scheme as it is sent, `Bearer`. */
  readonly name: string
  /** Token schemes are challenged first: several clients read only the first challenge. */
  readonly family: 'token' | 'password' | 'other'
  /** True: a person chose the secret, and it can be guessed; verification is throttled. */
  readonly guessable: boolean
  /** True: errors follow RFC 6750, so a 400 and a 403 carry a challenge too. */
  readonly oauth: boolean
  /** The request headers that its answers depend on, for `Vary`. */
  readonly varyOn: readonly string[]
  /** Prepares whatever does not depend on a request. Called once by each plugin that uses the scheme, before its first request. */
  prepare?: () => void | Promise<void>
  close?: () => void | Promise<void>
  /** `fields` are the request's `Authorization` field lines, parsed once for all schemes. Never throws. */
  find: (request: FastifyRequest, fields: readonly AuthorizationField[]) => Found<C>
  verify: (credentials: C, request: FastifyRequest) => Verdict<U> | Promise<Verdict<U>>
  /** For a guessable scheme: lets requests of one client with the same credentials at the same time share one verification that succeeds. See `sharedVerification`. */
  share?: <V extends { readonly kind: string }>(credentials: C, run: () => Promise<V>, request: FastifyRequest) => Promise<V>
  /** Usually one; a scheme with several algorithms sends one for each, the preferred first (RFC 7616 section 3.7). */
  challenge: (reason: ChallengeReason, context: ChallengeContext) => Challenge | readonly Challenge[]
}

/** A scheme of whatever user and credentials. */

export type AnyScheme = Scheme<any, any>
