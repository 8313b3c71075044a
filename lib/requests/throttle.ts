/** A throttle as requests meet it: in front of a check of a handler's own, and of a scheme's verification. */
import type { Socket } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Invalid, Outcome, Throttled } from '../authentication/outcome.ts'
import type { Verdict } from '../authentication/scheme.ts'
import { refusal } from '../refusal.ts'
import { StoreUnavailable } from '../stores/unavailable.ts'
import type { Guarded, Throttle, Whose } from '../throttling/throttle.ts'

/** The throttle, for secrets that a handler checks itself: a password form, a one-time code. */
export interface HandlerThrottle {
  /**
   * Runs `verify` unless the client's network or the account is locked. `null`, `undefined`, `false`, and a thrown error of the status 401
   * are a wrong secret, which stays counted; it resolves to `null`, or rejects with that error. Anything else is a right one and is returned.
   * A `verify` that throws another error was no attempt. Rejects with the 429, and with the 503 when the counters cannot be reached.
   */
  guard: <T>(request: FastifyRequest, account: string, verify: () => T | Promise<T>) => Promise<Exclude<T, false | null | undefined> | null>
  unlock: Throttle['unlock']
  status: Throttle['status']
}

/** Cookies that were issued to a request, for its answer. */
const ISSUED = new WeakMap<FastifyRequest, readonly string[]>()
const NO_COOKIES: readonly string[] = []

/** Puts the cookies that verifying has issued on the answer, once. */
export function issueCookies (request: FastifyRequest, reply: FastifyReply): void {
  for (const cookie of issuedCookies(request)) reply.header('set-cookie', cookie).header('cache-control', 'no-store')
  ISSUED.delete(request)
}

function issuedCookies (request: FastifyRequest): readonly string[] {
  return ISSUED.get(request) ?? NO_COOKIES
}

/** Which sockets have been asked for the address of the other side. */
const ASKED = Symbol('fastify-gatehouse.asked')

/**
 * Who hangs up is counted by his own address all the same: Node.js knows that of a socket that is gone if it was asked for it before, but a stream of
 * HTTP/2 that was reset has no socket any more.
 */
export function keepAddress (request: FastifyRequest): void {
  const { raw } = request
  if (raw.httpVersionMajor >= 2) {
    Object.defineProperty(request, 'ip', { value: request.ip, configurable: true })
    return
  }
  // That of a WebSocket in a test has none.
  const socket = raw.socket as Socket & { [ASKED]?: string | undefined } | undefined
  // Once for all requests of a connection.
  if (socket !== undefined && !(ASKED in socket)) socket[ASKED] = socket.remoteAddress
}

export class RequestThrottle implements HandlerThrottle {
  readonly #throttle: Throttle | null

  /** `null`: it is switched off, and everything is checked. */
  constructor (throttle: Throttle | null) {
    this.#throttle = throttle
  }

  async guard<T> (request: FastifyRequest, account: string, verify: () => T | Promise<T>): Promise<Exclude<T, false | null | undefined> | null> {
    if (typeof verify !== 'function') throw new TypeError('throttle.guard(request, account, verify): verify must be a function')
    // What is no text, from a body that nobody validated, is nobody's name; it must not get around the accounts' counters.
    const name = typeof account === 'string' ? account : ''
    const result = await this.#guarded(request, name, () => attempt(verify), isWrong).catch((cause: unknown) => {
      if (cause instanceof StoreUnavailable) throw refusal('temporarily_unavailable', { reason: 'the failed attempts cannot be counted', cause })
      throw cause
    })
    if (result.kind === 'denied') throw refusal('too_many_attempts', { reason: `too many failed attempts by ${result.dimension}`, retryAfter: result.retryAfter })
    const { value } = result
    if (value instanceof WrongSecret) throw value.error
    return isWrong(value) ? null : value as never
  }

  async unlock (whose: Whose): Promise<void> {
    await this.#throttle?.unlock(whose)
  }

  async status (whose: Whose): ReturnType<Throttle['status']> {
    return await this.#throttle?.status(whose) ?? { address: null, account: null }
  }

  /** A scheme's verification behind the throttle. A verdict `unavailable` was no attempt, nor one that says that nothing was guessed. */
  async verdict (request: FastifyRequest, account: string | null, verify: () => Promise<Verdict>): Promise<Verdict | Throttled> {
    try {
      const result = await this.#guarded(request, account, () => verify().then(unlessNoAttempt), (verdict) => verdict.kind === 'invalid')
      if (result.kind === 'admitted') return result.value
      return { kind: 'throttled', retryAfter: result.retryAfter, dimension: result.dimension }
    } catch (error) {
      if (error instanceof NoAttempt) return error.verdict
      throw error
    }
  }

  /**
   * Counts credentials that were found wrong, unless they could be guessed (which was counted before) or were good once. The outcome itself, or the
   * denial in its place. Never rejects: where nothing can be counted, what is wrong stays wrong.
   */
  counted (request: FastifyRequest, outcome: Outcome): Outcome | Promise<Outcome> {
    // A 400 is no wrong credential.
    const counts = outcome.kind === 'invalid' && outcome.guessed && !outcome.scheme.guessable && outcome.error !== 'invalid_request'
    return counts ? this.#count(request, outcome) : outcome
  }

  async #count (request: FastifyRequest, outcome: Invalid): Promise<Outcome> {
    const { scheme } = outcome
    try {
      const result = await this.#guarded(request, null, () => null, () => true)
      return result.kind === 'admitted' ? outcome : { kind: 'throttled', retryAfter: result.retryAfter, dimension: result.dimension, scheme }
    } catch {
      return outcome
    }
  }

  async #guarded<T> (request: FastifyRequest, account: string | null, verify: () => T | Promise<T>, failed: (value: T) => boolean): Promise<Guarded<T>> {
    if (this.#throttle === null) return { kind: 'admitted', value: await verify() }
    const client = { ip: request.ip, socketAddress: request.socket.remoteAddress, cookies: request.headers.cookie, secure: request.protocol === 'https' }
    const result = await this.#throttle.guard(client, account, verify, failed)
    if (result.kind === 'admitted' && result.cookie !== undefined) ISSUED.set(request, [...issuedCookies(request), result.cookie])
    return result
  }
}

function isWrong (value: unknown): boolean {
  return value === null || value === undefined || value === false || value instanceof WrongSecret
}

/** An error that says in a verification's place that the secret was wrong: it counts as a failure, and is thrown afterwards. */
class WrongSecret {
  readonly error: unknown
  constructor (error: unknown) {
    this.error = error
  }
}

async function attempt<T> (verify: () => T | Promise<T>): Promise<T | WrongSecret> {
  try {
    return await verify()
  } catch (error) {
    if (says401(error)) return new WrongSecret(error)
    throw error
  }
}

/** Carries a verdict `unavailable` past the throttle, which takes the charge back when a verification throws. */
class NoAttempt extends Error {
  readonly verdict: Verdict
  constructor (verdict: Verdict) {
    super('nothing was found out about the secret')
    this.verdict = verdict
  }
}

function unlessNoAttempt (verdict: Verdict): Verdict {
  if (verdict.kind === 'unavailable' || (verdict.kind === 'invalid' && verdict.guessed === false)) throw new NoAttempt(verdict)
  return verdict
}

/** An error of a handler's check that says "wrong" by its status, as those of http-errors and ours do. */
function says401 (error: unknown): boolean {
  const { statusCode, status } = Object(error) as { readonly statusCode?: unknown, readonly status?: unknown }
  return (statusCode ?? status) === 401
}
