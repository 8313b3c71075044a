/** Injects requests as a user, without credentials. */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { FastifyInstance, FastifyRequest, InjectOptions, LightMyRequestResponse } from 'fastify'
import type {} from '@fastify/jwt'
import type { AuthInfo } from '../authentication/scheme.ts'
import { knownOptionsOnly, wrongOption } from '../option-error.ts'
import { letStandIn, type StandIn } from '../requests/stand-in.ts'

/** How the user signed in, as far as it matters. By default just now, with no scopes. */
export type StandInAuth = Partial<Omit<AuthInfo, 'scheme'>>

export interface As {
  /** Like the application's own `inject`. Credentials in the request are not looked at. */
  inject: (options: InjectOptions | string) => Promise<LightMyRequestResponse>
}

interface Held {
  readonly standIn: StandIn
  /** It is for one request. */
  used: boolean
}

const held = new AsyncLocalStorage<Held>()

const AUTH: readonly (keyof StandInAuth)[] = ['scopes', 'authTime', 'acr', 'expiresAt']

/**
 * Injects requests as this user, as the application knows its users (`request.user`), or as the anonymous (`null`). `request.auth.scheme` is `test`. All
 * but the credentials is as always: pre-checks, requirements, loaders, the answer. It holds for the injected request alone, not for one that
 * the application makes while it answers, and never for one that comes over a network.
 *
 * @throws {OptionError} for what is no user
 */
export function as (app: FastifyInstance, user: FastifyRequest['user'] | null, options: { readonly auth?: StandInAuth } = {}): As {
  if (typeof user !== 'object') throw wrongOption('as(app, user)', user, "a user of the application's, or null for the anonymous")
  knownOptionsOnly('as(app, user, …)', options, ['auth'])
  const { auth = {} } = options
  knownOptionsOnly('as(app, user, { auth })', auth, AUTH)
  letStandIn(taken)
  return {
    inject: async (request) => {
      const now: AuthInfo = { scheme: 'test', scopes: [], authTime: Math.floor(Date.now() / 1000), acr: null, expiresAt: null, ...auth }
      const one: Held = { standIn: { user, auth: now }, used: false }
      await app.ready()
      // What inject gives sends the request when it is first asked for its answer, which must be here.
      const response = await held.run(one, () => app.inject(request).then((answer) => answer))
      if (!one.used && response.statusCode === 401) {
        throw new TypeError('no gatehouse saw this request: its route lies outside of the scope of fastify-gatehouse, or the application has another copy of fastify-gatehouse than the test')
      }
      one.used = true
      return response
    },
  }
}

function taken (): StandIn | null {
  const one = held.getStore()
  if (one === undefined || one.used) return null
  one.used = true
  return one.standIn
}
