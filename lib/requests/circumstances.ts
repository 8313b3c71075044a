/** What is around the user of a request: the environment, somebody who acts as him, and an emergency that was granted to him. */
import type { FastifyRequest } from 'fastify'

/** An emergency: for its time, the rules of a policy with this `breakGlass` beat what others forbid. Every answer under it is logged. */
export interface BreakGlass {
  /** The name that the policy gives to the emergency. */
  readonly policy: string
  /** Why, for the audit: a sentence, the number of a ticket. */
  readonly reason: string
  readonly expiresAt: Date
}

/** The functions of the application that tell of them; `null`: it has none. */
export interface Tellers {
  readonly environment: ((request: FastifyRequest) => unknown) | null
  readonly actor: ((user: object, request: FastifyRequest) => unknown) | null
  readonly breakGlass: ((user: object, request: FastifyRequest) => unknown) | null
}

export interface Circumstances {
  readonly environment: object
  /** Who really asks, where he acts as the user. */
  readonly actor: object | null
  readonly breakGlass: BreakGlass | null
}

/** Whether the application tells anything of a request beyond its user. */
export function hasCircumstances ({ environment, actor, breakGlass }: Tellers): boolean {
  return environment !== null || actor !== null || breakGlass !== null
}

/** What is known of every request. */
export function plainCircumstances (request: FastifyRequest): Circumstances {
  return new PlainCircumstances(request)
}

/** Most policies never ask for the environment. */
class PlainCircumstances implements Circumstances {
  readonly actor = null
  readonly breakGlass = null
  readonly #request: FastifyRequest
  #environment: object | null = null

  constructor (request: FastifyRequest) {
    this.#request = request
  }

  /** The moment and the address are those of when they were first asked for. */
  get environment (): object {
    return (this.#environment ??= new Environment(this.#request))
  }
}

/** Asks the application; `user` is `null` for the anonymous, as whom nobody acts. Rejects with what it throws, and with a TypeError for what makes no sense. */
export async function circumstancesOf (request: FastifyRequest, user: object | null, tellers: Tellers): Promise<Circumstances> {
  const [told, actor, granted] = await Promise.all([
    tellers.environment?.(request),
    user === null ? null : tellers.actor?.(user, request),
    user === null ? null : tellers.breakGlass?.(user, request),
  ])
  return {
    environment: told === undefined ? new Environment(request) : Object.assign(new Environment(request), objectOf('environment', told)),
    // A look-up that found nobody gives `undefined`; then nobody knows whose rights to add.
    actor: actor === null || tellers.actor === null ? null : objectOf('actor', actor),
    // The emergency of one is not the emergency of another.
    breakGlass: actor === null || tellers.actor === null ? inForce(granted ?? null) : null,
  }
}

/** One object shape for every request. The application may tell the time and the address in its own way. */
class Environment {
  now: Date
  /** `undefined` on a Unix socket: rules that need it then lack it. */
  address: string | undefined
  constructor (request: FastifyRequest) {
    this.now = new Date()
    this.address = unmapped(request.ip)
  }
}

/** An IPv4 client of an IPv6 socket has his IPv4 address (RFC 4291 section 2.5.5.2), whichever way a rule compares it. */
function unmapped (address: string | undefined): string | undefined {
  return address?.startsWith('::ffff:') === true && address.includes('.') ? address.slice('::ffff:'.length) : address
}

function objectOf (option: string, given: unknown): object {
  if (typeof given === 'object' && !Array.isArray(given)) return given as object
  throw new TypeError(`the option "${option}" gave a ${Array.isArray(given) ? 'list' : typeof given} where an object is due`)
}

function inForce (granted: unknown): BreakGlass | null {
  if (granted === null) return null
  const { policy, reason, expiresAt } = granted as Partial<BreakGlass>
  if (typeof policy !== 'string' || typeof reason !== 'string' || reason.trim() === '' || !(expiresAt instanceof Date) || Number.isNaN(expiresAt.getTime())) {
    throw new TypeError('the option "breakGlass" gave something else than { policy, reason, expiresAt: Date }')
  }
  return expiresAt.getTime() > Date.now() ? { policy, reason, expiresAt } : null
}
