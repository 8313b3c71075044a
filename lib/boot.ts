/** The mistakes in registering plugins that would weaken the gatehouse, found before the first request. */
import Fastify, { type FastifyInstance } from 'fastify'
import { OptionError } from './option-error.ts'
import { proxyTrustProblem } from './proxy-trust.ts'

/** Fastify's own error handler, by which one tells whether an application has one of its own. */
export const plainErrorHandler = Fastify().errorHandler

/** Plugins that must be there first, because our hook reads what theirs prepares. */
const FIRST: Readonly<Record<string, string>> = {
  '@fastify/cookie': 'cookies would not be read yet when the user is to be known',
  '@fastify/session': 'there would be no session yet when the user is to be known',
  '@fastify/secure-session': 'there would be no session yet when the user is to be known',
}
const CORS = '@fastify/cors'

/** The instances of each server that have a gatehouse. */
const gatehouses = new WeakMap<object, FastifyInstance[]>()

export class Boot {
  readonly #app: FastifyInstance
  readonly #before: ReadonlySet<string>
  readonly #children: FastifyInstance[] = []
  #userTaken = false

  /** @throws {OptionError} when a gatehouse is nested in another */
  constructor (app: FastifyInstance) {
    this.#app = app
    this.#before = new Set([...Object.keys(FIRST), CORS].filter((name) => app.hasPlugin(name)))
    refuseNesting(app)
  }

  /** Takes note of a scope within; for Fastify's `onRegister`. */
  see (child: FastifyInstance): void {
    this.#children.push(child)
  }

  /** When everything is registered. @throws {OptionError} */
  check (): void {
    if (this.#userTaken) {
      throw new OptionError('a plugin registered after fastify-gatehouse decorates the request with "user" too. If it is @fastify/jwt: register it before fastify-gatehouse, or give it another decoratorName')
    }
    for (const [name, why] of Object.entries(FIRST)) {
      if (!this.#cameLate(name)) continue
      throw new OptionError(`${name} is registered after fastify-gatehouse: ${why}. Register ${name} first`)
    }
    const untrusted = proxyTrustProblem(this.#app)
    if (untrusted !== null) this.#app.log.warn(untrusted)
    if (this.#cameLate(CORS)) {
      this.#app.log.warn(`${CORS} is registered after fastify-gatehouse: a refusal would reach browsers without the CORS headers, and their scripts could not read it. Register ${CORS} first`)
    }
  }

  /** A plugin that decorates `request.user` later would take the user away; in practice it is `@fastify/jwt`. */
  keepUserDecorator (): void {
    // Said when everything is registered: @fastify/jwt takes a callback, and what is thrown into it could not be caught.
    const taken = (): void => { this.#userTaken = true }
    const decorate = this.#app.decorateRequest as (this: FastifyInstance, name: string | symbol, ...rest: unknown[]) => FastifyInstance
    Object.defineProperty(this.#app, 'decorateRequest', {
      configurable: true,
      writable: true,
      value (this: FastifyInstance, name: string | symbol, ...rest: unknown[]): FastifyInstance {
        if (name !== 'user') return decorate.call(this, name, ...rest)
        taken()
        return this
      },
    })
  }

  #cameLate (name: string): boolean {
    if (this.#before.has(name)) return false
    return this.#app.hasPlugin(name) || this.#children.some((child) => child.hasPlugin(name))
  }
}

function refuseNesting (app: FastifyInstance): void {
  const others = gatehouses.get(app.server) ?? []
  const other = others.find((one) => one === app || isWithin(one, app) || isWithin(app, one))
  if (other !== undefined) {
    const where = other === app ? 'twice in one scope' : isWithin(app, other) ? 'within a scope that has one already' : 'above a scope that has one already'
    throw new OptionError(`fastify-gatehouse is registered ${where}: every request there would be authenticated twice. Register it once, above both, or in sibling scopes`)
  }
  gatehouses.set(app.server, [...others, app])
}

/** A scope's instance is made from its parent's. */
function isWithin (inner: FastifyInstance, outer: FastifyInstance): boolean {
  return Object.prototype.isPrototypeOf.call(outer, inner)
}
