/** The steps from the header to the user: finding the token, and verifying it. */
import type { FastifyRequest } from 'fastify'
import type { Outcome } from '../lib/authentication/outcome.ts'
import type { AnyScheme } from '../lib/authentication/scheme.ts'
import type { Call } from './ability-rounds.ts'
import { attempt, authorizationFields, bearer, surveyCredentials } from './built.ts'
import { requestBy } from './micro-request.ts'
import { signerOf, type Algorithm } from './signer.ts'
import { CLAIMS, NAME } from './work.ts'

/** When the first of these comes again, a cache of so few has long forgotten it. */
const TOKENS = { HS256: 20_000, ES256: 4_000 } as const
const KEPT = 1_000

const USER = { id: CLAIMS.sub, tenantId: CLAIMS.tenantId, roles: CLAIMS.roles }

export async function tokenSteps (): Promise<Record<string, Call>> {
  const token = signerOf('HS256').token()
  const scheme = await schemeOf('HS256')
  return {
    'header to credentials': find(scheme, token),
    'verification, kept (HS256)': kept(scheme, token),
    'verification, every token new (HS256)': fresh(await schemeOf('HS256', KEPT), tokensOf('HS256')),
    'verification, every token new (ES256)': fresh(await schemeOf('ES256', KEPT), tokensOf('ES256')),
  }
}

async function schemeOf (algorithm: 'HS256' | 'ES256', entries?: number): Promise<AnyScheme> {
  const { key } = signerOf(algorithm)
  const given = algorithm === 'HS256' ? { secret: key } : { publicKey: key }
  const scheme = bearer({ ...given, algorithms: [algorithm], issuer: NAME, audience: NAME, ...entries !== undefined && { cache: { entries } } } as Parameters<typeof bearer>[0])
  await scheme.prepare?.()
  return scheme
}

function tokensOf (algorithm: keyof typeof TOKENS): readonly string[] {
  const signer = signerOf(algorithm satisfies Algorithm)
  return Array.from({ length: TOKENS[algorithm] }, (_, index) => signer.token({ jti: `token-${index}` }))
}

function find (scheme: AnyScheme, token: string): Call {
  const request = requestBy({ user: USER, authorization: `Bearer ${token}` })
  const ways = [{ schemes: [scheme], combine: null }]
  const call = () => surveyCredentials(request, authorizationFields(request.raw.rawHeaders), ways, [scheme])
  const survey = call()
  const found = survey.kind === 'found' ? survey.finds.found[0] : null
  if (found?.kind !== 'credentials' || found.credentials !== token) throw new Error('the token is not found')
  return call
}

function kept (scheme: AnyScheme, token: string): Call {
  const call = () => verified(scheme, token)
  // A token is kept from its second use on; what is kept are the claims, with their lists.
  rolesOf(call())
  const first = rolesOf(call())
  if (rolesOf(call()) !== first) throw new Error('the token is not kept')
  return call
}

function fresh (scheme: AnyScheme, tokens: readonly string[]): Call {
  let next = 0
  const call = () => verified(scheme, tokens[next++ % tokens.length] as string)
  const first = rolesOf(call())
  while (next < tokens.length) call()
  if (rolesOf(call()) === first) throw new Error('a token is still kept, and so not new')
  return call
}

const REQUEST: FastifyRequest = requestBy({ user: USER })

function verified (scheme: AnyScheme, token: string): Outcome {
  return attempt(scheme, { kind: 'credentials', place: 'authorization', credentials: token }, REQUEST, undefined) as Outcome
}

/** Throws where the token does not let anybody in, or somebody else. */
function rolesOf (outcome: Outcome): unknown {
  const { sub, roles } = (outcome.kind === 'user' ? outcome.user : {}) as { readonly sub?: unknown, readonly roles?: readonly string[] }
  if (sub !== CLAIMS.sub || roles?.join() !== CLAIMS.roles.join()) throw new Error(`a good token is ${outcome.kind}`)
  return roles
}
