/** The challenge of a scheme whose errors follow RFC 6750 section 3. */
import type { Challenge, ChallengeContext, ChallengeReason } from './scheme.ts'

/** The fixed text of each error code: RFC 6750 section 3.1, RFC 9449 sections 7.1 and 9, RFC 9470 section 3. */
const DESCRIPTIONS: Readonly<Record<string, string>> = {
  invalid_request: 'The request carries more than one credential',
  invalid_token: 'The access token is malformed, expired, revoked or not meant for this service',
  invalid_dpop_proof: 'The DPoP proof is missing, malformed, expired, used before or not made for this request',
  use_dpop_nonce: 'The DPoP proof must carry the nonce that this answer brings',
  insufficient_scope: 'The access token lacks a scope that this request needs',
  insufficient_user_authentication: 'This request needs a more recent or a stronger sign-in',
}

/** RFC 6750 section 3, `error` and `error_description`: %x20-21 / %x23-5B / %x5D-7E. */
const DESCRIPTION = /^[ !#-[\]-~]+$/

/** RFC 6750 section 3, `scope`: scope tokens of %x21 / %x23-5B / %x5D-7E with one space between them. */
const SCOPE = /^[!#-[\]-~]+(?: [!#-[\]-~]+)*$/

/**
 * `Bearer realm="…"`, with `resource_metadata` (RFC 9728 section 5.1) where there are some, and after an attempt that failed its `error`,
 * `error_description`, `scope` and whatever is `extra`. Nothing that
 * RFC 6750 does not let through is sent: a description becomes the fixed one of its code, an error `invalid_token`, a scope is left out
 * (facts: authentication B4).
 */
export function oauthChallenge (scheme: string, { realm, resourceMetadata }: Omit<ChallengeContext, 'request'>, reason: ChallengeReason): Challenge {
  const params: Array<Challenge['params'][number]> = [['realm', realm]]
  if (resourceMetadata !== undefined) params.push(['resource_metadata', resourceMetadata])
  if (reason.kind === 'nothing_sent') return { scheme, params }
  const error = DESCRIPTION.test(reason.error) ? reason.error : 'invalid_token'
  const given = reason.description
  const description = given !== undefined && DESCRIPTION.test(given) ? given : fixedDescription(error)
  params.push(['error', error])
  if (description !== undefined) params.push(['error_description', description])
  if (reason.scope !== undefined && SCOPE.test(reason.scope)) params.push(['scope', reason.scope])
  if (reason.extra !== undefined) params.push(...Object.entries(reason.extra))
  return { scheme, params }
}

function fixedDescription (error: string): string | undefined {
  return Object.hasOwn(DESCRIPTIONS, error) ? DESCRIPTIONS[error] : undefined
}
