/** The schemes that come with the package, and the contract for writing another: `fastify-gatehouse/schemes`. */
export { basic, type BasicOptions } from './basic.ts'
export { bearer, type BearerOptions } from './bearer.ts'
export type { Claims, TokenUser } from '../claims.ts'
export { sharedVerification, type ShareVerification } from '../shared-verification.ts'
export type {
  AnyScheme, AuthInfo, AuthorizationField, Challenge, ChallengeContext, ChallengeReason, CredentialPlace, Found, Scheme, Verdict,
} from '../scheme.ts'
