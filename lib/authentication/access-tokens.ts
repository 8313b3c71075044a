/** Access tokens, however they were sent: whether one is right, may be used by who sent it, still counts, and whom it stands for. */
import type { FastifyRequest } from 'fastify'
import { OptionError } from '../option-error.ts'
import { awaited, isThenable } from '../thenable.ts'
import type { Claims, TokenUser } from './claims.ts'
import { certificateReader } from './client-certificate.ts'
import type { Verdict } from './scheme.ts'
import { checkKeys } from './schemes/options.ts'
import { reasonAgainstSender, type Possession } from './tokens/binding.ts'
import { keptTokens } from './tokens/kept-tokens.ts'
import { knownUsers, type Known } from './tokens/known-users.ts'
import { ReadToken } from './tokens/read-token.ts'
import { TOKEN_OPTIONS, tokenSettings, type AccessTokenOptions } from './tokens/token-options.ts'
import { tokenReader, type Reading, type TokenReader } from './tokens/token-reader.ts'

export type { AccessTokenOptions, TokenCacheOptions } from './tokens/token-options.ts'
export type { Possession } from './tokens/binding.ts'

const WHERE = 'accessTokens()'

/** `reason` is for the log; the client is to see `invalid_token`, whatever it was. */
export type CheckedToken =
  | { readonly kind: 'token', readonly token: string, readonly claims: Claims }
  | { readonly kind: 'invalid', readonly reason: string, readonly guessed?: false }
  | { readonly kind: 'unavailable', readonly reason: string, readonly cause?: unknown }

/** For schemes, which find tokens. Several may share one: its keys, its caches and what it remembers. */
export interface AccessTokens<U extends object = object> {
  /** Characters of the longest token that is looked at. */
  readonly maxLength: number
  /** The request headers, besides those of the scheme, that the verdict depends on: the one in which a proxy forwards the client's certificate. */
  readonly varyOn: readonly string[]
  /** Each scheme that uses them calls it; it prepares once. */
  prepare: () => Promise<void>
  /**
   * Step one: signature, claims, and that the token is bound to what was shown and to nothing else. Nothing of the application is asked.
   * Synchronous if all that it needs is here.
   */
  check: (token: string, request: FastifyRequest, shown: Possession) => CheckedToken | Promise<CheckedToken>
  /** Step two: whether it was revoked, and whom it stands for. Rejects, or throws, as `identify` does. */
  conclude: (checked: { readonly token: string, readonly claims: Claims }, request: FastifyRequest) => Verdict<U> | Promise<Verdict<U>>
}

/** The options of a scheme of access tokens: those of `accessTokens()` themselves, or as `tokens` what it has made, to be shared by schemes. */
export type TokenSource<U extends object = TokenUser> =
  | (AccessTokenOptions<U> & { readonly tokens?: undefined })
  | ({ readonly tokens: AccessTokens<U> } & { readonly [Name in Exclude<typeof TOKEN_OPTIONS[number], 'now'>]?: undefined })

/**
 * The tokens of one issuer (or of several that share a key), for one or more schemes: `bearer({ tokens })` and `dpop({ tokens })`. A token
 * needs `iss`, `aud`, `exp` and `sub`. One that is bound to a key or a certificate (`cnf`) is of use only to whoever shows that too.
 *
 * @throws OptionError when an option does not make sense.
 */
export function accessTokens<U extends object = TokenUser> (options: AccessTokenOptions<U>): AccessTokens<U> {
  checkKeys(WHERE, options, TOKEN_OPTIONS)
  return createAccessTokens(WHERE, options)
}

/** For the factory of a scheme, whose own options are `own`. @throws OptionError when an option does not make sense, or both forms were given. */
export function tokensOf<U extends object> (where: string, options: TokenSource<U>, own: readonly string[]): AccessTokens<U> {
  checkKeys(where, options, [...TOKEN_OPTIONS, 'tokens', ...own])
  const { tokens } = options
  if (tokens === undefined) return createAccessTokens(where, options)
  const twice = TOKEN_OPTIONS.filter((name) => !own.includes(name) && (options as Readonly<Record<string, unknown>>)[name] !== undefined)
  if (twice.length > 0) throw new OptionError(`${where}: \`tokens\` was given, so ${twice.join(', ')} must be given to accessTokens(), not here.`)
  if (typeof (tokens as Partial<AccessTokens> | null)?.conclude !== 'function') throw new OptionError(`${where}: \`tokens\` must be what accessTokens() makes.`)
  return tokens
}

function createAccessTokens<U extends object> (where: string, options: AccessTokenOptions<U>): AccessTokens<U> {
  const { createVerifier, maxLength, profile, cache, identify, identifyFor, identifyCacheSize, revocations, certificateBound, now } = tokenSettings(where, options)
  const certificateOf = certificateReader(`${where} clientCertificate`, options.clientCertificate)
  const remembered = identify === undefined || identifyFor === 0
    ? undefined
    : knownUsers<U>({ identify: identify as (claims: Claims) => Known<U>, keepFor: identifyFor, size: identifyCacheSize, now })

  let reader: TokenReader | undefined
  let prepared: Promise<void> | undefined

  return {
    maxLength,
    varyOn: options.clientCertificate === undefined ? [] : [options.clientCertificate.header],

    prepare () {
      prepared ??= prepareReader()
      return prepared
    },

    check (token, request, shown) {
      if (reader === undefined) throw new Error(`${where} was asked before it was prepared.`)
      const reading = reader(token)
      return reading instanceof Promise ? reading.then((settled) => judge(settled, request, shown)) : judge(reading, request, shown)
    },

    conclude (checked, request) {
      // What somebody else has checked is read here.
      const read = checked instanceof ReadToken ? checked : new ReadToken(checked.token, checked.claims)
      if (revocations === undefined) return identified(read, request)
      return revocations.checkToken(read.token, read.claims, request).then(
        (reason) => reason === null ? identified(read, request) : noLongerGood(reason),
        (cause) => ({ kind: 'unavailable', reason: 'the revocation list could not be asked', cause })
      )
    },
  }

  async function prepareReader (): Promise<void> {
    const verify = await createVerifier()
    const read = tokenReader({ verify, typed: options.introspection === undefined, profile })
    reader = cache === null ? read : keptTokens(read, cache)
  }

  function judge (reading: Reading, request: FastifyRequest, shown: Possession): CheckedToken {
    if (reading.kind !== 'token') return reading
    const { confirmation, type } = reading
    const certificate = confirmation.kind === 'bound' && confirmation.certificate !== undefined ? certificateOf(request) : undefined
    const reason = reasonAgainstSender({ confirmation, type, shown, certificate, certificateBound })
    return reason === undefined ? reading : { kind: 'invalid', reason }
  }

  function identified (read: ReadToken, request: FastifyRequest): Verdict<U> | Promise<Verdict<U>> {
    if (identify === undefined) return signedIn(read.user as unknown as U, read)
    const user = remembered === undefined ? identify({ ...read.claims }, request) : remembered(read.token, { ...read.claims })
    return isThenable(user) ? awaited(user).then((known) => signedIn(known, read)) : signedIn(user, read)
  }
}

function signedIn<U extends object> (user: Known<U>, { auth }: ReadToken): Verdict<U> {
  if (user === null || user === undefined) return noLongerGood('nobody is known by this token')
  return { kind: 'user', user, auth }
}

/** The token is genuine. */
function noLongerGood (reason: string): Verdict<never> {
  return { kind: 'invalid', error: 'invalid_token', reason, guessed: false }
}
