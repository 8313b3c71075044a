/** Bearer tokens (RFC 6750) that are JWTs, verified with a local secret or public key. */
import type { KeyObject } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import type { AuthorizationField, Found, Scheme, Verdict } from '../scheme.ts'
import { authInfoOf, checkClaims, userOf, type Claims, type TokenUser } from '../claims.ts'
import { TOKEN68 } from '../grammar.ts'
import { oauthChallenge } from '../oauth-challenge.ts'
import { isThenable } from '../thenable.ts'
import { checkFunction, checkKeys, numberWithin, textList } from './options.ts'
import { createTokenVerifier, type TokenVerifier } from './token-verifier.ts'
import { verificationKey } from './verification-key.ts'

interface TokenOptions<U extends object> {
  /** Who issues the tokens: the exact `iss`, one or several. Required; a token without it is refused (RFC 7519 section 4.1.1). */
  readonly issuer: string | readonly string[]
  /** Whom the tokens are for: the exact `aud`, one or several. Required; a token without it is refused (RFC 8725 section 3.9). */
  readonly audience: string | readonly string[]
  /** Accepted `alg`s. Default: HS256 for a secret; RS256 and PS256 for an RSA key; the one that fits for all other keys. */
  readonly algorithms?: readonly string[] | undefined
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

/** One of `secret` (HMAC, at least 32 bytes) and `publicKey` (PEM, certificate or KeyObject). */
export type BearerOptions<U extends object = TokenUser> = TokenOptions<U> & (
  | { readonly secret: string | Uint8Array, readonly publicKey?: undefined }
  | { readonly publicKey: string | Uint8Array | KeyObject, readonly secret?: undefined }
)

const WHERE = 'bearer()'
const KNOWN = ['secret', 'publicKey', 'issuer', 'audience', 'algorithms', 'clockTolerance', 'maxLength', 'identify']
const DEFAULTS = { clockTolerance: 5, maxLength: 8192 }
const CLOCK_TOLERANCE = { min: 0, max: 300, whole: false, unit: 'seconds' }
const MAX_LENGTH = { min: 1, max: 65_536, whole: true, unit: 'characters' }

/**
 * The scheme `Bearer`: `Authorization: Bearer <JWT>`. A token needs `iss`, `aud`, `exp` and `sub`; a wrong one of whatever kind is a 401
 * with `error="invalid_token"` (RFC 6750 section 3.1).
 *
 * @throws OptionError when an option does not make sense.
 */
export function bearer<U extends object = TokenUser> (options: BearerOptions<U>): Scheme<U, string> {
  checkKeys(WHERE, options, KNOWN)
  const key = verificationKey(WHERE, options)
  const issuers = textList(WHERE, 'issuer', options.issuer)
  const audiences = textList(WHERE, 'audience', options.audience)
  const clockTolerance = numberWithin(WHERE, 'clockTolerance', options.clockTolerance ?? DEFAULTS.clockTolerance, CLOCK_TOLERANCE)
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
      verifier ??= await createTokenVerifier({ ...key, issuers, audiences, clockTolerance })
    },

    find: (_request, fields) => findToken(fields, maxLength),

    verify (token, request) {
      if (verifier === undefined) throw new Error('bearer() was asked before it was prepared.')
      const verified = verifier(token)
      if (verified.kind === 'invalid') return invalid(verified.reason)
      const checked = checkClaims(verified.payload, issuers)
      if (checked.kind === 'invalid') return invalid(checked.reason)
      const { claims } = checked
      if (identify === undefined) return signedIn(userOf(claims) as unknown as U, claims)
      const user = identify(claims, request)
      return isThenable(user) ? Promise.resolve(user).then((known) => signedIn(known, claims)) : signedIn(user, claims)
    },

    challenge: (reason, { realm }) => oauthChallenge('Bearer', realm, reason),
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
