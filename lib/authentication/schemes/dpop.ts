/** Tokens that are bound to a key of the client's, which signs a proof for each request (RFC 9449). */
import { createHash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { tokensOf, type TokenSource } from '../access-tokens.ts'
import type { TokenUser } from '../claims.ts'
import { thumbprintOf } from '../dpop-key.ts'
import { dpopSettings, PROOF_OPTIONS, type DpopProofOptions } from '../dpop-options.ts'
import { isSigned, proofLines, readProof, reasonAgainst, type Proof } from '../dpop-proof.ts'
import { TOKEN68 } from '../grammar.ts'
import { oauthChallenge } from '../oauth-challenge.ts'
import type { Nonces } from '../rolling-nonce.ts'
import type { AuthorizationField, Found, Scheme, Verdict } from '../scheme.ts'

export type { DpopNonceOptions, DpopProofOptions } from '../dpop-options.ts'

export type DpopOptions<U extends object = TokenUser> = DpopProofOptions & TokenSource<U>

/** What was sent in `Authorization` and in each `DPoP` line. */
export interface DpopCredentials {
  readonly token: string
  readonly proofs: readonly string[]
}

const WHERE = 'dpop()'

/** A mark outlives the proof by this many seconds, so that neither rounding nor a clock that is set back lets a replay pass. */
const SPARE = 60

/**
 * The scheme `DPoP`: `Authorization: DPoP <token>` and one `DPoP` header with a proof. A token that is wrong, or bound to another key or to none,
 * is a 401 with `error="invalid_token"`; a proof that is missing, wrong or used before one with `error="invalid_dpop_proof"` (RFC 9449 section 7.1).
 *
 * @throws OptionError when an option does not make sense.
 */
export function dpop<U extends object = TokenUser> (options: DpopOptions<U>): Scheme<U, DpopCredentials> {
  const tokens = tokensOf<U>(WHERE, options, PROOF_OPTIONS)
  const { algorithms, addresses, maxAge, maxFuture, noncesAt, marks, now } = dpopSettings(WHERE, options)
  const markFor = Math.ceil((maxAge + maxFuture + SPARE) * 1000)

  return {
    name: 'DPoP',
    family: 'token',
    guessable: false,
    oauth: true,
    varyOn: ['Authorization', 'DPoP', ...tokens.varyOn],

    prepare: () => tokens.prepare(),

    find: (request, fields) => findToken(request, fields, tokens.maxLength),

    async verify ({ token, proofs }, request) {
      const time = now()
      const nonces = noncesAt?.(time)
      const read = readProof(proofs, algorithms)
      if (read.kind === 'invalid') return withNonce(badProof(read.reason), undefined, nonces)
      return withNonce(await judge(token, read.proof, request, time, nonces), read.proof.nonce, nonces)
    },

    challenge (reason, context) {
      const { scheme, params } = oauthChallenge('DPoP', context, reason)
      return { scheme, params: [...params, ['algs', algorithms.join(' ')]] }
    },
  }

  /**
   * Cheapest first, and nothing dear for strangers. The nonce comes before the token: it is compared with what everybody may know, so the answer
   * says nothing of the token, and who has to come again has cost no signature and no question to the issuer. The proof's signature comes after
   * the token, so that only who holds a good one can have it checked with a key of their choice; and before the mark, so that nobody can use up
   * the proofs of another's key.
   */
  async function judge (token: string, proof: Proof, request: FastifyRequest, time: number, nonces: Nonces | undefined): Promise<Verdict<U>> {
    const reason = reasonAgainst(proof, { request, token, addresses, time, maxAge, maxFuture })
    if (reason !== undefined) return badProof(reason)
    if (nonces !== undefined && proof.nonce !== nonces.current && proof.nonce !== nonces.previous) {
      return { kind: 'invalid', error: 'use_dpop_nonce', reason: 'the proof has no nonce, or none that counts now', guessed: false }
    }
    const thumbprint = thumbprintOf(proof.key)
    const checked = await tokens.check(token, request, { kind: 'dpop', thumbprint })
    if (checked.kind === 'unavailable') return checked
    if (checked.kind === 'invalid') return { ...checked, error: 'invalid_token' }
    if (!await isSigned(proof)) return badProof('the signature of the proof is wrong')
    const first = await putOnce(markOf(thumbprint, proof))
    if (first !== true) return first
    // A replay that had to wait for an answer may have come late enough to find no mark; then it is too old by now.
    if (now() / 1000 - proof.iat > maxAge) return badProof('the proof became too old while it was checked')
    return tokens.conclude(checked, request)
  }

  /** `true` for the first use of a proof. */
  async function putOnce (mark: string): Promise<true | Verdict<never>> {
    const unavailable = { kind: 'unavailable', reason: 'the store of used proofs could not answer' } as const
    try {
      const first: unknown = await marks.putOnce(mark, markFor)
      if (first === true) return true
      if (first === false) return badProof('the proof was used before')
      return { ...unavailable, cause: new TypeError('putOnce answered neither true nor false') }
    } catch (cause) {
      return { ...unavailable, cause }
    }
  }
}

/** RFC 9449 section 7.1: `DPoP` and one token68. A missing or doubled proof is for `verify` to refuse, with the proof's own error. */
function findToken (request: FastifyRequest, fields: readonly AuthorizationField[], maxLength: number): Found<DpopCredentials> {
  const field = fields.find(({ scheme }) => scheme === 'dpop')
  if (field === undefined) return { kind: 'nothing' }
  const token = field.rest
  if (token.length > maxLength) return malformed(`the token is longer than ${maxLength} characters`)
  if (!TOKEN68.test(token)) return malformed('there is no token, or it has characters that a token cannot have')
  return { kind: 'credentials', place: 'authorization', credentials: { token, proofs: proofLines(request.raw.rawHeaders) } }
}

/** One use of a proof, bound to its key: no client can use up another's. A hash, so that its length is the server's choice (RFC 9449 section 11.1). */
function markOf (thumbprint: string, { htu, jti }: Proof): string {
  return `dpop|${createHash('sha256').update(`${thumbprint} ${htu} ${jti}`).digest('base64url')}`
}

/** Who sent the nonce of now knows it already; everybody else is told, whatever the verdict (RFC 9449 section 8.2). */
function withNonce<U> (verdict: Verdict<U>, sent: unknown, nonces: Nonces | undefined): Verdict<U> {
  if (nonces === undefined || sent === nonces.current || verdict.kind === 'unavailable') return verdict
  return { ...verdict, headers: { ...verdict.headers, 'dpop-nonce': nonces.current } }
}

function badProof (reason: string): Verdict<never> {
  return invalid('invalid_dpop_proof', reason)
}

function invalid (error: string, reason: string): Verdict<never> {
  return { kind: 'invalid', error, reason }
}

function malformed (reason: string): Found<never> {
  return { kind: 'malformed', place: 'authorization', reason }
}
