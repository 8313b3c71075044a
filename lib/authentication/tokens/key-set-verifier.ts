/** Tokens verified with the keys that their issuer publishes. */
import { decodeJwt, decodeProtectedHeader, jwtVerify, type CryptoKey, type JWSHeaderParameters, type JWTPayload, type JWTVerifyOptions, type ProtectedHeaderParameters } from 'jose'
import { didYouMean } from '../../nearest.ts'
import { OptionError } from '../../option-error.ts'
import { keySet } from '../../stores/key-set.ts'
import { checkClaims, type Claims } from '../claims.ts'
import { checkFunction, checkKeys, numberWithin, textList } from '../schemes/options.ts'
import { unacceptable, untimely } from './acceptance.ts'
import { endpointUrl } from './endpoint-url.ts'
import { COMPACT_JWS } from './token-verifier.ts'
import type { AcceptedTokens, RefusedToken, TokenVerifier, VerifiedToken } from './verified-token.ts'

/** Where an issuer publishes its keys. Durations are seconds. */
export interface JwksOptions {
  /** https only, or http for loopback. */
  readonly url: string | URL
  /** How old keys may become before they are fetched again: a key that the issuer removed stops by then. 30 to 86,400; default 600. */
  readonly maxAge?: number | undefined
  /** The shortest time between two fetches for keys that are not known. 1 to 3600; default 30. */
  readonly cooldown?: number | undefined
  /** How long keys older than `maxAge` still serve while fetching fails. 0 to 86,400; default 3600. */
  readonly maxStale?: number | undefined
  /** For one fetch. Above 0, up to 60; default 5. */
  readonly timeout?: number | undefined
  /** Called for each fetch that failed, with a reason for the log: while keys still serve, no request tells of it. */
  readonly failed?: ((reason: string, cause: unknown) => void) | undefined
  /** A clock in milliseconds since 1970. Default `Date.now`. */
  readonly now?: (() => number) | undefined
}

const KNOWN = ['url', 'maxAge', 'cooldown', 'maxStale', 'timeout', 'failed', 'now']
const DEFAULTS = { maxAge: 600, cooldown: 30, maxStale: 3600, timeout: 5 }
const RANGES = {
  maxAge: { min: 30, max: 86_400, whole: false, unit: 'seconds' },
  cooldown: { min: 1, max: 3600, whole: false, unit: 'seconds' },
  maxStale: { min: 0, max: 86_400, whole: false, unit: 'seconds' },
  timeout: { min: 0.001, max: 60, whole: false, unit: 'seconds' },
}

/** Public keys are no secret, so no HMAC is among them (facts: authentication K5). RFC 7518 section 3.1, RFC 8037, RFC 9864 section 2.2. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']
const DEFAULT_ALGORITHMS = ['RS256', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']

const REFUSED = 'the token was refused'

/** For the log, by jose's codes. Its messages are not used: they could one day quote the token. */
const REASONS: Readonly<Record<string, string>> = {
  ERR_JOSE_NOT_SUPPORTED: 'a critical header is not understood',
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: 'the signature is wrong',
}

/**
 * What a token says of itself is checked before a key is looked for, so that one that cannot be good makes no fetch, and one of another
 * issuer does not depend on this one (facts: authentication K2). Headers that bring a key or name a place for it (`jwk`, `jku`, `x5c`, `x5u`) are not looked at.
 *
 * @throws OptionError when an option does not make sense.
 */
export function keySetVerifier (where: string, given: unknown, algorithms: readonly string[] | undefined, accepted: AcceptedTokens): TokenVerifier {
  const { keys, now } = keysAt(`${where} jwks`, given)
  const allowed = allowedAlgorithms(where, algorithms)
  const { issuers, audiences, clockTolerance } = accepted
  const fixed: JWTVerifyOptions = { algorithms: allowed, issuer: [...issuers], audience: [...audiences], clockTolerance, requiredClaims: ['exp'] }

  return function verifyToken (token) {
    const decoded = decode(token)
    if (decoded.kind === 'invalid') return decoded
    const { header, payload } = decoded
    if (!allowed.includes(header.alg as string)) return invalid('the algorithm is not accepted')
    const checked = checkClaims(payload, issuers)
    if (checked.kind === 'invalid') return invalid(checked.reason)
    const time = now()
    const refused = unacceptable(checked.claims, { audiences, clockTolerance, now: time / 1000 })
    if (refused !== undefined) return refused
    return verifySignature(token, header, checked.claims, { ...fixed, currentDate: new Date(time) })
  }

  async function verifySignature (token: string, header: ProtectedHeaderParameters, claims: Claims, options: JWTVerifyOptions): Promise<VerifiedToken> {
    const answer = await keys.find(header as JWSHeaderParameters)
    if (answer.kind === 'unavailable') return answer
    if (answer.kind === 'unknown') return invalid('the issuer has no such key')
    const refused = await tryKeys(token, answer.keys, options)
    // the claims are of the very text whose signature was verified
    return refused ?? { kind: 'claims', claims, type: undefined, later: () => answer.holds() ? untimely(claims, { clockTolerance, now: now() / 1000 }) ?? 'good' : 'unknown' }
  }
}

/** Several keys fit a token only if it does not name one. `undefined`: one of them has signed it. */
async function tryKeys (token: string, keys: readonly CryptoKey[], options: JWTVerifyOptions): Promise<RefusedToken | undefined> {
  let reason = REFUSED
  for (const key of keys) {
    try {
      await jwtVerify(token, key, options)
      return undefined
    } catch (error) {
      // by stage: there is a key, so whatever goes wrong, it is the token that is refused (facts: authentication F3)
      reason = REASONS[(error as { code?: string }).code ?? ''] ?? REFUSED
    }
  }
  return invalid(reason)
}

function decode (token: string): RefusedToken | { readonly kind: 'decoded', readonly header: ProtectedHeaderParameters, readonly payload: JWTPayload } {
  if (!COMPACT_JWS.test(token)) return invalid('the token is not three segments of base64url')
  try {
    return { kind: 'decoded', header: decodeProtectedHeader(token), payload: decodeJwt(token) }
  } catch {
    return invalid('the token cannot be decoded')
  }
}

function keysAt (where: string, given: unknown) {
  const options = typeof given === 'string' || given instanceof URL ? { url: given } : given as JwksOptions
  checkKeys(where, options, KNOWN)
  const { now = Date.now, failed = () => {} } = options
  checkFunction(where, 'now', now)
  checkFunction(where, 'failed', failed)
  const milliseconds = (name: keyof typeof DEFAULTS) => numberWithin(where, name, options[name] ?? DEFAULTS[name], RANGES[name]) * 1000
  const keys = keySet({
    url: endpointUrl(`${where} url`, options.url),
    maxAge: milliseconds('maxAge'),
    cooldown: milliseconds('cooldown'),
    maxStale: milliseconds('maxStale'),
    timeout: milliseconds('timeout'),
    failed,
    now,
  })
  return { keys, now }
}

function allowedAlgorithms (where: string, given: readonly string[] | undefined): string[] {
  const algorithms = textList(where, 'algorithms', given ?? DEFAULT_ALGORITHMS)
  for (const algorithm of algorithms) {
    if (ALGORITHMS.includes(algorithm)) continue
    throw new OptionError(`${where}: the algorithm "${algorithm}" does not fit a published key.${didYouMean(algorithm, ALGORITHMS)} Allowed: ${ALGORITHMS.join(', ')}.`)
  }
  return algorithms
}

function invalid (reason: string): RefusedToken {
  return { kind: 'invalid', reason }
}
