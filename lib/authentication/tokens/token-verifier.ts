/** Tokens verified by `@fastify/jwt`, fenced: claims that must be there are required, and every failure is a reason in plain words. */
import { fastify } from 'fastify'
import { fastifyJwt, type FastifyJWTOptions, type JWT } from '@fastify/jwt'
import { withoutTrace } from '../../refusal.ts'
import { checkClaims, type Claims } from '../claims.ts'
import { untimely } from './acceptance.ts'
import { forgeries } from './forgeries.ts'
import type { VerificationKey } from './verification-key.ts'
import type { AcceptedTokens, Later, RefusedToken, TokenVerifier } from './verified-token.ts'

/** `@fastify/jwt` skips a claim that is absent, also `aud` and `iss` (facts: authentication F2). */
const REQUIRED_CLAIMS = ['iss', 'aud', 'exp']

/** RFC 8725bis: three segments of base64url, nothing else (facts: authentication K4). */
export const COMPACT_JWS = /^[\w-]+\.[\w-]+\.[\w-]+$/

const REFUSED = 'the token was refused'
const FORGED: RefusedToken = Object.freeze({ kind: 'invalid', reason: 'the signature is wrong' })

/** For the log. Messages of the library are not used: they quote dates, and could one day quote the token. */
const REASONS: Readonly<Record<string, string>> = {
  FAST_JWT_EXPIRED: 'the token has expired',
  FAST_JWT_INACTIVE: 'the token is not valid yet',
  FAST_JWT_INVALID_ALGORITHM: 'the algorithm is not accepted',
  FAST_JWT_INVALID_CLAIM_TYPE: 'a claim is of the wrong type',
  FAST_JWT_INVALID_CLAIM_VALUE: 'the issuer or the audience is not accepted',
  FAST_JWT_INVALID_CRIT_HEADER: 'a critical header is not understood',
  FAST_JWT_INVALID_PAYLOAD: 'the claims are not an object',
  FAST_JWT_INVALID_SIGNATURE: FORGED.reason,
  FAST_JWT_MALFORMED: 'the token cannot be decoded',
  FAST_JWT_MISSING_REQUIRED_CLAIM: 'iss, aud or exp is missing',
}

/** The plugin lives on an instance of its own that never listens, so that the application can register it too, as it likes. */
export async function createTokenVerifier (options: VerificationKey & AcceptedTokens): Promise<TokenVerifier> {
  const instance = fastify({ logger: false })
  await instance.register(fastifyJwt, {
    secret: { public: options.key },
    verify: {
      algorithms: [...options.algorithms] as NonNullable<NonNullable<FastifyJWTOptions['verify']>['algorithms']>,
      allowedIss: [...options.issuers],
      allowedAud: [...options.audiences],
      requiredClaims: REQUIRED_CLAIMS,
      clockTolerance: options.clockTolerance * 1000,
    },
  })
  await instance.ready()
  // its type depends on what the application has declared for its own registration
  const jwt = instance.jwt as JWT
  // Without a callback it puts options together anew for each token. It throws all the same; and what is not told are no claims.
  const verify = (token: string): unknown => {
    let claims: unknown
    jwt.verify(token, (_error, decoded) => { claims = decoded })
    return claims
  }
  const { issuers, clockTolerance } = options
  const forged = forgeries(options)

  return function verifyToken (token) {
    if (!COMPACT_JWS.test(token)) return { kind: 'invalid', reason: 'the token is not three segments of base64url' }
    if (forged.catches(token)) return FORGED
    try {
      // A wrong token is an expected one.
      const checked = checkClaims(withoutTrace(() => verify(token)), issuers)
      if (checked.kind === 'invalid') return checked
      const { claims } = checked
      return { kind: 'claims', claims, type: undefined, later: laterOf(claims, clockTolerance) }
    } catch (error) {
      // by stage, never by a list of codes: whatever a token makes the verifier throw, it is the token that is wrong (facts: authentication F3)
      const reason = reasonOf(error)
      if (reason === FORGED.reason) forged.saw(token)
      return { kind: 'invalid', reason, ...isOutOfTime(error) ? { guessed: false } : {} }
    }
  }
}

/** Not within the function that verifies: it would keep that one's token, and what that was cut from. */
function laterOf (claims: Claims, clockTolerance: number): () => Later {
  return () => untimely(claims, { clockTolerance, now: Date.now() / 1000 }) ?? 'good'
}

/** The signature is looked at before the time. */
function isOutOfTime (error: unknown): boolean {
  return ['FAST_JWT_EXPIRED', 'FAST_JWT_INACTIVE'].includes((error as { code?: string }).code ?? '')
}

function reasonOf (error: unknown): string {
  const code = (error as { code?: unknown }).code
  return typeof code === 'string' && Object.hasOwn(REASONS, code) ? REASONS[code] as string : REFUSED
}
