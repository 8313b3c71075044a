/** Bearer tokens (RFC 6750): JWTs, or whatever their issuer can be asked about. */
import type { KeyObject } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { OptionError } from '../../option-error.ts'
import type { AuthorizationField, Found, Scheme, Verdict } from '../scheme.ts'
import { authInfoOf, checkClaims, userOf, type Claims, type TokenUser } from '../claims.ts'
import { TOKEN68 } from '../grammar.ts'
import { oauthChallenge } from '../oauth-challenge.ts'
import { isThenable } from '../thenable.ts'
import { introspectionVerifier, type IntrospectionOptions } from './introspection-verifier.ts'
import { keySetVerifier, type JwksOptions } from './key-set-verifier.ts'
import { checkFunction, checkKeys, numberWithin, textList } from './options.ts'
import { createTokenVerifier, type TokenVerifier, type VerifiedToken } from './token-verifier.ts'
import { verificationKey } from './verification-key.ts'

interface TokenOptions<U extends object> {
  /** Who issues the tokens: the exact `iss`, one or several. Required; a token without it is refused (RFC 7519 section 4.1.1). */
  readonly issuer: string | readonly string[]
  /** Seconds by which clocks may differ, 0 to 300. Default 5. */
  readonly clockTolerance?: number | undefined
  /** Characters of the longest token that is looked at. Default 8192. */
  readonly maxLength?: number | undefined
  /**
   * The user that a verified token stands for; `null` or `undefined` if there is none (any more), which is a 401. Throwing is a 503.
   * Default: the claims about the user, with `id` = `sub`.
   */
  readonly identify?: ((claims: Claims, request: FastifyRequest) => U | null | undefined | Promise<U | null | undefined>) | undefined
}

interface JwtOptions {
  /** Whom the tokens are for: the exact `aud`, one or several. Required; a token without it is refused (RFC 8725 section 3.9). */
  readonly audience: string | readonly string[]
  /** Accepted `alg`s. Default: HS256 for a secret; RS256 and PS256 for an RSA key; the one that fits for all other keys. */
  readonly algorithms?: readonly string[] | undefined
}

interface OpaqueOptions {
  /** As for a JWT; `false` if the server does not say `aud` and calls a token active only for the application that it is meant for. */
  readonly audience: string | readonly string[] | false
  readonly algorithms?: undefined
}

/**
 * One of `secret` (HMAC, at least 32 bytes), `publicKey` (PEM, certificate or KeyObject), `jwks` (where the issuer publishes its keys) and
 * `introspection` (where it says of a token whether it is active).
 */
export type BearerOptions<U extends object = TokenUser> = TokenOptions<U> & (
  | (JwtOptions & { readonly secret: string | Uint8Array, readonly publicKey?: undefined, readonly jwks?: undefined, readonly introspection?: undefined })
  | (JwtOptions & { readonly publicKey: string | Uint8Array | KeyObject, readonly secret?: undefined, readonly jwks?: undefined, readonly introspection?: undefined })
  | (JwtOptions & { readonly jwks: string | URL | JwksOptions, readonly secret?: undefined, readonly publicKey?: undefined, readonly introspection?: undefined })
  | (OpaqueOptions & { readonly introspection: IntrospectionOptions, readonly secret?: undefined, readonly publicKey?: undefined, readonly jwks?: undefined })
)

const WHERE = 'bearer()'
const SOURCES = ['secret', 'publicKey', 'jwks', 'introspection'] as const
const KNOWN = [...SOURCES, 'issuer', 'audience', 'algorithms', 'clockTolerance', 'maxLength', 'identify']
const DEFAULTS = { clockTolerance: 5, maxLength: 8192 }
const CLOCK_TOLERANCE = { min: 0, max: 300, whole: false, unit: 'seconds' }
const MAX_LENGTH = { min: 1, max: 65_536, whole: true, unit: 'characters' }

/**
 * The scheme `Bearer`: `Authorization: Bearer <token>`. A token needs `iss`, `aud`, `exp` and `sub`; a wrong one of whatever kind is a 401
 * with `error="invalid_token"` (RFC 6750 section 3.1). Several issuers are several of these schemes: the keys of one vouch for no other.
 *
 * @throws OptionError when an option does not make sense.
 */
export function bearer<U extends object = TokenUser> (options: BearerOptions<U>): Scheme<U, string> {
  checkKeys(WHERE, options, KNOWN)
  const issuers = textList(WHERE, 'issuer', options.issuer)
  const createVerifier = verifierOf(options, issuers)
  const maxLength = numberWithin(WHERE, 'maxLength', options.maxLength ?? DEFAULTS.maxLength, MAX_LENGTH)
  const { identify } = options
  if (identify !== undefined) checkFunction(WHERE, 'identify', identify)

  let verifier: TokenVerifier | undefined

  return {
    name: 'Bearer',
    family: 'token',
    guessable: false,
    oauth: true,
    varyOn: ['Authorization'],

    async prepare () {
      verifier ??= await createVerifier()
    },

    find: (_request, fields) => findToken(fields, maxLength),

    verify (token, request) {
      if (verifier === undefined) throw new Error('bearer() was asked before it was prepared.')
      const verified = verifier(token)
      return verified instanceof Promise ? verified.then((settled) => conclude(settled, request)) : conclude(verified, request)
    },

    challenge: (reason, context) => oauthChallenge('Bearer', context, reason),
  }

  function conclude (verified: VerifiedToken, request: FastifyRequest): Verdict<U> | Promise<Verdict<U>> {
    if (verified.kind === 'unavailable') return verified
    if (verified.kind === 'invalid') return invalid(verified.reason)
    const checked = checkClaims(verified.payload, issuers)
    if (checked.kind === 'invalid') return invalid(checked.reason)
    const { claims } = checked
    // RFC 9449 section 7.2, RFC 8705 section 3: who holds such a token has not shown that it is theirs
    if (claims['cnf'] !== undefined) return invalid('the token is bound to a key, which a bearer does not show')
    if (identify === undefined) return signedIn(userOf(claims) as unknown as U, claims)
    const user = identify(claims, request)
    return isThenable(user) ? Promise.resolve(user).then((known) => signedIn(known, claims)) : signedIn(user, claims)
  }
}

/** All options are checked at once; what takes time is left to the function that comes back. */
function verifierOf (options: BearerOptions<object>, issuers: readonly string[]): () => TokenVerifier | Promise<TokenVerifier> {
  const { jwks, introspection, algorithms, audience } = options
  checkSources(SOURCES.filter((name) => options[name] !== undefined))
  const clockTolerance = numberWithin(WHERE, 'clockTolerance', options.clockTolerance ?? DEFAULTS.clockTolerance, CLOCK_TOLERANCE)
  if (introspection !== undefined) {
    if (algorithms !== undefined) throw new OptionError(`${WHERE}: \`algorithms\` is for tokens that are verified here; with \`introspection\` the server verifies them.`)
    const audiences = audience === false ? false : textList(WHERE, 'audience', audience)
    const verifier = introspectionVerifier(WHERE, introspection, { issuers, audiences, clockTolerance })
    return () => verifier
  }
  const accepted = { issuers, audiences: textList(WHERE, 'audience', audience), clockTolerance }
  if (jwks !== undefined) {
    const verifier = keySetVerifier(WHERE, jwks, algorithms, accepted)
    return () => verifier
  }
  const key = verificationKey(WHERE, options)
  return () => createTokenVerifier({ ...key, ...accepted })
}

/** Exactly one source says what a token is worth. */
function checkSources (given: readonly string[]): void {
  if (given.length === 0) {
    throw new OptionError(`${WHERE}: give \`secret\` (at least 32 bytes) or \`publicKey\` (PEM); neither was given, nor \`jwks\`, nor \`introspection\`.`)
  }
  if (given.length > 1) {
    throw new OptionError(`${WHERE}: give one of ${SOURCES.join(', ')}; ${given.join(' and ')} were given. Several issuers are several bearer() schemes.`)
  }
}

/** RFC 6750 section 2.1: `Bearer` and one token68. */
function findToken (fields: readonly AuthorizationField[], maxLength: number): Found<string> {
  for (const { scheme, rest } of fields) {
    if (scheme !== 'bearer') continue
    if (rest.length > maxLength) return malformed(`the token is longer than ${maxLength} characters`)
    if (!TOKEN68.test(rest)) return malformed('there is no token, or it has characters that a token cannot have')
    return { kind: 'credentials', place: 'authorization', credentials: rest }
  }
  return { kind: 'nothing' }
}

function signedIn<U extends object> (user: U | null | undefined, claims: Claims): Verdict<U> {
  if (user === null || user === undefined) return invalid('nobody is known by this token')
  return { kind: 'user', user, auth: authInfoOf(claims) }
}

function invalid (reason: string): Verdict<never> {
  return { kind: 'invalid', error: 'invalid_token', reason }
}

function malformed (reason: string): Found<never> {
  return { kind: 'malformed', place: 'authorization', reason }
}
