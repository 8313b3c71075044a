/** The schemes that come with the package, and the contract for writing another: `fastify-gatehouse/schemes`. */
export { apiKey, type ApiKeyOptions } from './api-key.ts'
export { createApiKey } from './key-text.ts'
export type { KeyRecord } from './key-record.ts'
export { session, type SessionOptions } from './session.ts'
export type { SessionCookie } from './session-cookie.ts'
export { basic, type BasicOptions } from './basic.ts'
export { bearer, type BearerOptions } from './bearer.ts'
export type { IntrospectionOptions } from './introspection-verifier.ts'
export type { JwksOptions } from './key-set-verifier.ts'
export { digest, digestHash, digestUserhash, type DigestAlgorithm, type DigestLookup, type DigestOptions, type DigestRecord } from './digest.ts'
export type { Claims, TokenUser } from '../claims.ts'
export { sharedVerification, type ShareVerification } from '../shared-verification.ts'
export type {
  AnyScheme, AuthInfo, AuthorizationField, Challenge, ChallengeContext, ChallengeReason, CredentialPlace, Found, Scheme, Verdict,
} from '../scheme.ts'
