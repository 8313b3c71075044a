/** Tokens of whatever form, verified by asking the server that issued them. */
import { decodeJwt } from 'jose'
import { OptionError } from '../../option-error.ts'
import { introspectionClient } from '../../stores/introspection.ts'
import { checkClaims } from '../claims.ts'
import { checkFunction, checkKeys, numberWithin } from '../schemes/options.ts'
import { unacceptable } from './acceptance.ts'
import { endpointUrl } from './endpoint-url.ts'
import { askAgain, type AcceptedTokens, type RefusedToken, type TokenVerifier, type VerifiedToken } from './verified-token.ts'

/** Where to ask about tokens, and as whom (RFC 7662). Durations are seconds. */
export interface IntrospectionOptions {
  /** https only, or http for loopback. */
  readonly endpoint: string | URL
  /** The application's own credentials there, sent with Basic (RFC 6749 section 2.3.1). */
  readonly clientId: string
  readonly clientSecret: string
  /**
   * How long an active token is not asked about again, at most until it expires: a revoked one lives on as long. 0 (always ask) to 3600;
   * default 30.
   */
  readonly cacheFor?: number | undefined
  /** How long a token that is not active is not asked about again. 0 to 300; default 10. */
  readonly inactiveFor?: number | undefined
  /** Tokens that are remembered, by their hash: as many active ones, and as many inactive ones. 1 to 1,000,000; default 10,000. */
  readonly cacheSize?: number | undefined
  /** For one request. Above 0, up to 60; default 5. */
  readonly timeout?: number | undefined
  /** A clock in milliseconds since 1970. Default `Date.now`. */
  readonly now?: (() => number) | undefined
}

/** What is accepted; without audiences if only the server's answer counts. */
export type AcceptedAnswers = Omit<AcceptedTokens, 'audiences'> & { readonly audiences: readonly string[] | false }

const KNOWN = ['endpoint', 'clientId', 'clientSecret', 'cacheFor', 'inactiveFor', 'cacheSize', 'timeout', 'now']
const DEFAULTS = { cacheFor: 30, inactiveFor: 10, cacheSize: 10_000, timeout: 5 }
const RANGES = {
  cacheFor: { min: 0, max: 3600, whole: false, unit: 'seconds' },
  inactiveFor: { min: 0, max: 300, whole: false, unit: 'seconds' },
  cacheSize: { min: 1, max: 1_000_000, whole: true, unit: 'tokens' },
  timeout: { min: 0.001, max: 60, whole: false, unit: 'seconds' },
}

/**
 * The answer is checked as the claims of a JWT are (facts: authentication I3). One without `iss` is the issuer's whose endpoint this is: the
 * first of `issuers`. A JWT that names another issuer is refused unasked, so that no server gets to see tokens of another one.
 *
 * @throws OptionError when an option does not make sense.
 */
export function introspectionVerifier (where: string, given: unknown, { issuers, audiences, clockTolerance }: AcceptedAnswers): TokenVerifier {
  const { client, now } = clientOf(`${where} introspection`, given)

  return async function verifyToken (token): Promise<VerifiedToken> {
    const named = issuerNamedIn(token)
    if (named !== undefined && !issuers.includes(named)) return invalid('the issuer is not accepted')
    const answer = await client.ask(token)
    if (answer.kind === 'unavailable') return answer
    if (answer.kind === 'inactive') return invalid('the token is not active')
    const { active: _active, token_type: type, ...said } = answer.claims
    // some servers say of refresh tokens too that they are active
    if (said['token_use'] !== undefined && said['token_use'] !== 'access_token') return invalid('the token is not an access token: token_use says that it is something else')
    const checked = checkClaims({ iss: issuers[0], ...ofClient(said), ...said }, issuers)
    if (checked.kind === 'invalid') return invalid(checked.reason)
    return unacceptable(checked.claims, { audiences, clockTolerance, now: now() / 1000 }) ?? { kind: 'claims', claims: checked.claims, type, later: askAgain }
  }
}

/** A token that a client has for itself may come without `sub` (RFC 7662 section 2.2). With a `username` it is a person's. */
function ofClient ({ sub, username, client_id: client }: Readonly<Record<string, unknown>>): { readonly sub?: string } {
  return sub === undefined && username === undefined && typeof client === 'string' ? { sub: client } : {}
}

function issuerNamedIn (token: string): string | undefined {
  try {
    return decodeJwt(token).iss
  } catch {
    return undefined
  }
}

function clientOf (where: string, given: unknown) {
  checkKeys(where, given, KNOWN)
  const options = given as IntrospectionOptions
  const { now = Date.now } = options
  checkFunction(where, 'now', now)
  const number = (name: keyof typeof DEFAULTS) => numberWithin(where, name, options[name] ?? DEFAULTS[name], RANGES[name])
  const client = introspectionClient({
    endpoint: endpointUrl(`${where} endpoint`, options.endpoint),
    clientId: requiredText(where, 'clientId', options.clientId),
    clientSecret: requiredText(where, 'clientSecret', options.clientSecret),
    cacheFor: number('cacheFor') * 1000,
    inactiveFor: number('inactiveFor') * 1000,
    cacheSize: number('cacheSize'),
    timeout: number('timeout') * 1000,
    now,
  })
  return { client, now }
}

/** What was given is not shown: it may be the secret. */
function requiredText (where: string, name: string, value: unknown): string {
  if (typeof value !== 'string' || value === '') throw new OptionError(`${where}: \`${name}\` is required: a text that is not empty.`)
  return value
}

function invalid (reason: string): RefusedToken {
  return { kind: 'invalid', reason }
}
