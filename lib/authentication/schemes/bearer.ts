/** Bearer tokens (RFC 6750). */
import type { FastifyRequest } from 'fastify'
import { tokensOf, type CheckedToken, type TokenSource } from '../access-tokens.ts'
import type { TokenUser } from '../claims.ts'
import { oauthChallenge } from '../oauth-challenge.ts'
import type { Scheme, Verdict } from '../scheme.ts'
import { TOKEN_PLACES, tokenFinder, type TokenPlaces } from '../token-places.ts'

export type BearerOptions<U extends object = TokenUser> = TokenPlaces & TokenSource<U>

const WHERE = 'bearer()'
const BEARER = Object.freeze({ kind: 'bearer' } as const)

/**
 * The scheme `Bearer`: `Authorization: Bearer <token>`, and where the options say so a cookie, the query or a WebSocket's subprotocol. A wrong
 * token of whatever kind is a 401 with `error="invalid_token"` (RFC 6750 section 3.1). Several issuers are several of these schemes: the
 * keys of one vouch for no other.
 *
 * @throws OptionError when an option does not make sense.
 */
export function bearer<U extends object = TokenUser> (options: BearerOptions<U>): Scheme<U, string> {
  const tokens = tokensOf<U>(WHERE, options, TOKEN_PLACES)
  const { varyOn, find } = tokenFinder(WHERE, options, tokens.maxLength)

  return {
    name: 'Bearer',
    family: 'token',
    guessable: false,
    oauth: true,
    varyOn: [...varyOn, ...tokens.varyOn],
    prepare: () => tokens.prepare(),
    find,

    verify (token, request) {
      const checked = tokens.check(token, request, BEARER)
      return checked instanceof Promise ? checked.then((settled) => conclude(settled, request)) : conclude(checked, request)
    },

    challenge: (reason, context) => oauthChallenge('Bearer', context, reason),
  }

  function conclude (checked: CheckedToken, request: FastifyRequest): Verdict<U> | Promise<Verdict<U>> {
    if (checked.kind === 'token') return tokens.conclude(checked, request)
    return checked.kind === 'invalid' ? { ...checked, error: 'invalid_token' } : checked
  }
}
