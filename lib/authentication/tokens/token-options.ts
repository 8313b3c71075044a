/** What the application says of the access tokens that it accepts, checked. */
import type { KeyObject } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { OptionError, wrongOption } from '../../option-error.ts'
import type { Room } from '../../stores/recent.ts'
import type { Claims, TokenUser } from '../claims.ts'
import type { ClientCertificateOptions } from '../client-certificate.ts'
import type { RevocationList } from '../revocation-list.ts'
import { checkFunction, checkKeys, numberWithin, textList } from '../schemes/options.ts'
import { introspectionVerifier, type IntrospectionOptions } from './introspection-verifier.ts'
import { keySetVerifier, type JwksOptions } from './key-set-verifier.ts'
import type { Known } from './known-users.ts'
import { createTokenVerifier } from './token-verifier.ts'
import { verificationKey } from './verification-key.ts'
import type { TokenVerifier } from './verified-token.ts'

interface TokenOptions<U extends object> {
  /** Who issues the tokens: the exact `iss`, one or several. Required; a token without it is refused (RFC 7519 section 4.1.1). */
  readonly issuer: string | readonly string[]
  /** Seconds by which clocks may differ, 0 to 300. Default 5. */
  readonly clockTolerance?: number | undefined
  /** Characters of the longest token that is looked at. Default 8192. */
  readonly maxLength?: number | undefined
  /**
   * The user that a verified token stands for; `null` or `undefined` if there is none (any more), which is a 401. Throwing is a 503.
   * Default: the claims about the user, with `id` = `sub`, or `client:<sub>` for a client that acts for itself (`sub` is its `client_id`).
   */
  readonly identify?: ((claims: Claims, request: FastifyRequest) => Known<U> | Promise<Known<U>>) | undefined
  /**
   * Seconds for which the answer of `identify` is remembered, at most until the token expires; that it is nobody, 10 at most. The user is shared
   * by requests, so it is frozen, and `identify` gets the claims only. 0 to 3600; default 0, never.
   */
  readonly identifyFor?: number | undefined
  /** Answers of `identify` that are remembered, by the token's hash. 1 to 1,000,000; default 10,000. */
  readonly identifyCacheSize?: number | undefined
  /** A list of tokens that were ended before their time, asked about each token that is right. Default none. */
  readonly revocations?: RevocationList | undefined
  /** How a proxy forwards the client's certificate. Default: it is the one of the TLS connection. */
  readonly clientCertificate?: ClientCertificateOptions | undefined
  /** Whether tokens that are not bound to a certificate are refused (RFC 8705 section 3). One that is bound always needs it. Default false. */
  readonly certificateBound?: boolean | undefined
  /** A clock in milliseconds since 1970, for what is remembered. Default `Date.now`. */
  readonly now?: (() => number) | undefined
}

interface JwtOptions {
  /** Whom the tokens are for: the exact `aud`, one or several. Required; a token without it is refused (RFC 8725 section 3.9). */
  readonly audience: string | readonly string[]
  /** Accepted `alg`s. Default: HS256 for a secret; RS256 and PS256 for an RSA key; the one that fits for all other keys. */
  readonly algorithms?: readonly string[] | undefined
  /**
   * `'at+jwt'`: only access tokens by RFC 9068 are accepted, whose `typ` tells them from an id_token, with `client_id`, `iat` and `jti`. Default:
   * whatever the issuer has signed for the audience.
   */
  readonly profile?: 'at+jwt' | undefined
  /**
   * How many tokens whose signature was found right are kept for their next use, in this process; `false` for none. Of a kept token only the signature
   * is not looked at again: its time, its revocation, what it is bound to and whether its key is still published are, at each use.
   */
  readonly cache?: TokenCacheOptions | false | undefined
}

interface OpaqueOptions {
  /** As for a JWT; `false` if the server does not say `aud` and calls a token active only for the application that it is meant for. */
  readonly audience: string | readonly string[] | false
  readonly algorithms?: undefined
  readonly profile?: undefined
  readonly cache?: undefined
}

/**
 * One of `secret` (HMAC, at least 32 bytes), `publicKey` (PEM, certificate or KeyObject), `jwks` (where the issuer publishes its keys) and
 * `introspection` (where it says of a token whether it is active).
 */
export type AccessTokenOptions<U extends object = TokenUser> = TokenOptions<U> & (
  | (JwtOptions & { readonly secret: string | Uint8Array, readonly publicKey?: undefined, readonly jwks?: undefined, readonly introspection?: undefined })
  | (JwtOptions & { readonly publicKey: string | Uint8Array | KeyObject, readonly secret?: undefined, readonly jwks?: undefined, readonly introspection?: undefined })
  | (JwtOptions & { readonly jwks: string | URL | JwksOptions, readonly secret?: undefined, readonly publicKey?: undefined, readonly introspection?: undefined })
  | (OpaqueOptions & { readonly introspection: IntrospectionOptions, readonly secret?: undefined, readonly publicKey?: undefined, readonly jwks?: undefined })
)

const SOURCES = ['secret', 'publicKey', 'jwks', 'introspection'] as const

export const TOKEN_OPTIONS = [
  ...SOURCES, 'issuer', 'audience', 'algorithms', 'profile', 'cache', 'clockTolerance', 'maxLength', 'identify', 'identifyFor', 'identifyCacheSize',
  'revocations', 'clientCertificate', 'certificateBound', 'now',
] as const

const DEFAULTS = { clockTolerance: 5, maxLength: 8192, identifyFor: 0, identifyCacheSize: 10_000 }
const CACHE = { entries: 50_000, bytes: 64 * 1024 * 1024 }
const CACHE_RANGES = {
  entries: { min: 8, max: 10_000_000, whole: true, unit: 'tokens' },
  bytes: { min: 1024 * 1024, max: 4 * 1024 * 1024 * 1024, whole: true, unit: 'bytes' },
}
const RANGES = {
  clockTolerance: { min: 0, max: 300, whole: false, unit: 'seconds' },
  maxLength: { min: 1, max: 65_536, whole: true, unit: 'characters' },
  identifyFor: { min: 0, max: 3600, whole: false, unit: 'seconds' },
  identifyCacheSize: { min: 1, max: 1_000_000, whole: true, unit: 'tokens' },
}

/** How many verified tokens are kept for their next use, at most. */
export interface TokenCacheOptions {
  /** 8 to 10,000,000; default 50,000. */
  readonly entries?: number | undefined
  /** Bytes of memory, as estimated: 1,048,576 to 4,294,967,296; default 67,108,864. */
  readonly bytes?: number | undefined
}

/** The options with their defaults; `identifyFor` in milliseconds, `cache` `null` where nothing is kept. */
export interface TokenSettings<U extends object> {
  readonly maxLength: number
  readonly profile: boolean
  readonly cache: Room | null
  readonly identify: AccessTokenOptions<U>['identify']
  readonly identifyFor: number
  readonly identifyCacheSize: number
  readonly revocations: RevocationList | undefined
  readonly certificateBound: boolean
  readonly now: () => number
  /** What takes time is left to it. */
  readonly createVerifier: () => TokenVerifier | Promise<TokenVerifier>
}

/** @throws OptionError when an option does not make sense. Its names are known already. */
export function tokenSettings<U extends object> (where: string, options: AccessTokenOptions<U>): TokenSettings<U> {
  const issuers = textList(where, 'issuer', options.issuer)
  const number = (name: keyof typeof DEFAULTS) => numberWithin(where, name, options[name] ?? DEFAULTS[name], RANGES[name])
  const { identify, revocations, certificateBound = false, now = Date.now } = options
  if (typeof certificateBound !== 'boolean') throw wrongOption(`${where} certificateBound`, certificateBound, 'true or false')
  if (revocations !== undefined && typeof (revocations as Partial<RevocationList> | null)?.checkToken !== 'function') {
    throw wrongOption(`${where} revocations`, revocations, 'a list as revocationList() makes it')
  }
  checkFunction(where, 'now', now)
  checkIdentify(where, options)
  return {
    createVerifier: verifierOf(where, options, issuers, number('clockTolerance')),
    maxLength: number('maxLength'),
    profile: checkProfile(where, options),
    cache: cacheRoom(where, options),
    identify,
    identifyFor: number('identifyFor') * 1000,
    identifyCacheSize: number('identifyCacheSize'),
    revocations,
    certificateBound,
    now,
  }
}

function verifierOf (where: string, options: AccessTokenOptions<object>, issuers: readonly string[], clockTolerance: number): TokenSettings<object>['createVerifier'] {
  const { jwks, introspection, algorithms, audience } = options
  checkSources(where, SOURCES.filter((name) => options[name] !== undefined))
  if (introspection !== undefined) {
    if (algorithms !== undefined) throw new OptionError(`${where}: \`algorithms\` is for tokens that are verified here; with \`introspection\` the server verifies them.`)
    const audiences = audience === false ? false : textList(where, 'audience', audience)
    const verifier = introspectionVerifier(where, introspection, { issuers, audiences, clockTolerance })
    return () => verifier
  }
  const accepted = { issuers, audiences: textList(where, 'audience', audience), clockTolerance }
  if (jwks !== undefined) {
    const verifier = keySetVerifier(where, jwks, algorithms, accepted)
    return () => verifier
  }
  const key = verificationKey(where, options)
  return () => createTokenVerifier({ ...key, ...accepted })
}

/** Exactly one source says what a token is worth. */
function checkSources (where: string, given: readonly string[]): void {
  if (given.length === 0) {
    throw new OptionError(`${where}: give \`secret\` (at least 32 bytes) or \`publicKey\` (PEM); neither was given, nor \`jwks\`, nor \`introspection\`.`)
  }
  if (given.length > 1) {
    throw new OptionError(`${where}: give one of ${SOURCES.join(', ')}; ${given.join(' and ')} were given. Several issuers are several ${where}.`)
  }
}

function checkProfile (where: string, { profile, introspection }: { readonly profile?: unknown, readonly introspection?: unknown }): boolean {
  if (profile === undefined) return false
  if (profile !== 'at+jwt') throw wrongOption(`${where} profile`, profile, "'at+jwt' (RFC 9068), or nothing")
  if (introspection !== undefined) throw new OptionError(`${where}: \`profile\` is for JWTs; with \`introspection\` the server says what a token is.`)
  return true
}

function cacheRoom (where: string, { cache, introspection }: { readonly cache?: TokenCacheOptions | false | undefined, readonly introspection?: unknown }): Room | null {
  if (introspection !== undefined) {
    if (cache === undefined) return null
    throw new OptionError(`${where}: \`cache\` is for tokens that are verified here; how long an answer of the server counts, \`introspection.cacheFor\` says.`)
  }
  if (cache === false) return null
  const given = cache === undefined ? {} : cache
  if (typeof given !== 'object' || given === null) throw wrongOption(`${where} cache`, given, 'false, or an object with entries and bytes')
  checkKeys(`${where} cache`, given, Object.keys(CACHE))
  const number = (name: keyof typeof CACHE) => numberWithin(`${where} cache`, name, given[name] ?? CACHE[name], CACHE_RANGES[name])
  return { entries: number('entries'), bytes: number('bytes') }
}

/** What is remembered must depend on the token and on nothing else. */
function checkIdentify (where: string, { identify, identifyFor = 0, identifyCacheSize }: AccessTokenOptions<object>): void {
  if (identify !== undefined) checkFunction(where, 'identify', identify)
  if (identifyFor === 0) {
    if (identifyCacheSize !== undefined) throw new OptionError(`${where}: \`identifyCacheSize\` means nothing without \`identifyFor\`.`)
    return
  }
  if (identify === undefined) throw new OptionError(`${where}: \`identifyFor\` means nothing without \`identify\`; the claims need no look-up.`)
  if (identify.length > 1) {
    throw new OptionError(`${where}: with \`identifyFor\` the answer of \`identify\` serves other requests too, so it must not take the request: declare one parameter, the claims.`)
  }
}
