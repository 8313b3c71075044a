/** Where a test may say who is signed in, in place of credentials. Nobody can say so over a network, nor while no test does. */
import type { IncomingMessage } from 'node:http'
import type { Outcome } from '../authentication/outcome.ts'
import type { AnyScheme, AuthInfo } from '../authentication/scheme.ts'

export interface StandIn {
  /** `null`: the anonymous. */
  readonly user: object | null
  readonly auth: AuthInfo
}

/** Whom the injected request at hand stands for; `null`: it has to show credentials. Only `fastify-gatehouse/testing` ever sets it. */
let asked: (() => StandIn | null) | null = null

export function letStandIn (ask: () => StandIn | null): void {
  asked = ask
}

/** The outcome of authentication for a request that a test injects; `null` for every other one. `schemes` are those of the route. */
export function standIn (raw: IncomingMessage, schemes: readonly AnyScheme[]): Outcome | null {
  if (asked === null || !isInjected(raw)) return null
  const given = asked()
  if (given === null) return null
  const { user, auth } = given
  // Challenges are made by a scheme: the first of the route stands for the one that was not used.
  return user === null ? { kind: 'nothing' } : { kind: 'user', user, auth, scheme: schemes[0] as AnyScheme, place: 'authorization', headers: undefined }
}

/** Whether light-my-request made it. What comes over a network is made by Node.js, and no header adds a property to it. */
function isInjected (raw: object): boolean {
  return (raw as { readonly isLightMyRequest?: unknown }).isLightMyRequest === true || '_lightMyRequest' in raw
}
