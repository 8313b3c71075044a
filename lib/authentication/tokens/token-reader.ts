/** From a token to what it says, whoever verifies it: one that says that it is something else is no access token. */
import { TOKEN68 } from '../grammar.ts'
import { ReadToken } from './read-token.ts'
import { tokenTypes } from './token-type.ts'
import { reasonAgainstType } from './type-rules.ts'
import type { RefusedToken, TokenVerifier, VerifiedToken } from './verified-token.ts'

export type Reading = ReadToken | RefusedToken | Extract<VerifiedToken, { readonly kind: 'unavailable' }>

/** Synchronous if the verifier is. Never throws and never rejects, whatever a token holds. */
export type TokenReader = (token: string) => Reading | Promise<Reading>

export interface TokenReaderOptions {
  readonly verify: TokenVerifier
  /** Whether it is a JWT, which may say by its `typ` what it is; of one that a server was asked about, that server knows. */
  readonly typed: boolean
  /** Whether only access tokens by RFC 9068 are accepted. */
  readonly profile: boolean
}

/** facts: authentication B8: it goes no further. */
const NO_TOKEN68: RefusedToken = Object.freeze({ kind: 'invalid', reason: 'there is no token, or it has characters that a token cannot have' })

export function tokenReader ({ verify, typed, profile }: TokenReaderOptions): TokenReader {
  const typeOf = typed ? tokenTypes() : undefined

  return function readToken (token) {
    // Here and not where it is found: of one that is kept nobody has to look at each character again. A verifier of JWTs does so itself.
    if (!typed && !TOKEN68.test(token)) return NO_TOKEN68
    const verified = verify(token)
    return verified instanceof Promise ? verified.then((settled) => read(token, settled)) : read(token, verified)
  }

  function read (token: string, verified: VerifiedToken): Reading {
    if (verified.kind !== 'claims') return TOKEN68.test(token) ? verified : NO_TOKEN68
    const reason = typeOf === undefined ? undefined : reasonAgainstType(typeOf(token), profile, verified.claims)
    return reason === undefined ? new ReadToken(token, verified.claims, verified) : { kind: 'invalid', reason }
  }
}
