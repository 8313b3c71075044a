/** Whether claims that hold by themselves are meant for us and for now. */
import type { Claims } from '../claims.ts'
import type { RefusedToken } from './verified-token.ts'

export interface Time {
  /** Seconds by which clocks may differ. */
  readonly clockTolerance: number
  /** Seconds since 1970. */
  readonly now: number
}

export interface Terms extends Time {
  /** One of them must be in `aud`; `false` if whoever said the claims has seen to that. */
  readonly audiences: readonly string[] | false
}

/** Why the claims are not accepted; `undefined` if they are (RFC 7519 sections 4.1.3 to 4.1.5, facts: authentication K3). */
export function unacceptable (claims: Claims, terms: Terms): RefusedToken | undefined {
  const { audiences } = terms
  if (audiences !== false && !isFor(claims['aud'], audiences)) return { kind: 'invalid', reason: 'the audience is not accepted' }
  return untimely(claims, terms)
}

/** Why the claims do not hold now; `undefined` if they do. */
export function untimely (claims: Claims, { clockTolerance, now }: Time): RefusedToken | undefined {
  if (claims.exp <= now - clockTolerance) return { kind: 'invalid', reason: 'the token has expired', guessed: false }
  const notBefore = claims['nbf'] as number | undefined
  if (notBefore !== undefined && notBefore > now + clockTolerance) return { kind: 'invalid', reason: 'the token is not valid yet', guessed: false }
  return undefined
}

function isFor (aud: unknown, audiences: readonly string[]): boolean {
  const named: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
  return named.every((name) => typeof name === 'string') && named.some((name) => audiences.includes(name as string))
}
