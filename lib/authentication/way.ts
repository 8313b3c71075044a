/** The ways of signing in that a route accepts: one scheme, or several that must hold at once. */
import type { FastifyRequest } from 'fastify'
import { knownOptionsOnly, OptionError, wrongOption } from '../option-error.ts'
import type { AnyScheme } from './scheme.ts'

/** The user that the users of several schemes make together, in the order of the schemes; `null` or `undefined` if they do not belong together. */
export type Combine = (users: readonly any[], request: FastifyRequest) => object | null | undefined | Promise<object | null | undefined>

export interface Way {
  /** At least one, each with a name of its own. */
  readonly schemes: readonly AnyScheme[]
  readonly combine: Combine | null
}

/** What `requireAll` returns: it stands in a list of schemes where a scheme could. */
export interface RequireAll extends Way {
  readonly kind: 'require_all'
}

export type AcceptedScheme = AnyScheme | RequireAll

const made = new WeakSet<object>()

/**
 * Several schemes that must all hold at once, two factors for instance: a password and a token. A 401 unless each of them finds credentials
 * that are right, of one user: their `id`s are equal. Where the schemes know their users by other names (a certificate is a machine's),
 * `combine` makes one user of them all; it may return `null` (a 401: they do not belong together) and throw (a 503). Scopes and sign-in are those of
 * the first, and what expires first counts. What can be guessed is verified last.
 *
 * @throws OptionError for fewer than two schemes, and for two of one name: a client could not send both.
 */
export function requireAll (schemes: readonly AnyScheme[], options: { readonly combine?: Combine } = {}): RequireAll {
  knownOptionsOnly('requireAll([…], options)', options, ['combine'])
  const { combine = null } = options
  if (!Array.isArray(schemes) || schemes.length < 2) throw new OptionError('requireAll([…]) takes a list of two or more schemes')
  if (combine !== null && typeof combine !== 'function') throw wrongOption('requireAll: combine', combine, 'a function from the users of the schemes to the user')
  const names = schemes.map((scheme) => String(scheme?.name).toLowerCase())
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw new OptionError(`requireAll([…]): two schemes are called "${twice}"; a request can carry the credentials of one of them only`)
  const way: RequireAll = Object.freeze({ kind: 'require_all', schemes: Object.freeze([...schemes]), combine })
  made.add(way)
  return way
}

/** Whether the value was made by `requireAll`. */
export function isRequireAll (value: unknown): value is RequireAll {
  return typeof value === 'object' && value !== null && made.has(value)
}

export function waysOf (accepted: readonly AcceptedScheme[]): Way[] {
  return accepted.map((one) => isRequireAll(one) ? one : { schemes: [one], combine: null })
}

/** Every scheme of a list, each once, in order. */
export function schemesOf (accepted: readonly AcceptedScheme[]): AnyScheme[] {
  return [...new Set(waysOf(accepted).flatMap(({ schemes }) => schemes))]
}

/** Checks a list of schemes, of the plugin or of a route. */
export function checkSchemes (where: string, schemes: unknown): void {
  if (!Array.isArray(schemes)) throw new OptionError(`${where}: expected a list of schemes, as bearer(…) and basic(…) make them`)
  for (const [index, scheme] of schemes.entries()) {
    if (isRequireAll(scheme)) {
      checkSchemes(`${where}[${index}]: requireAll`, scheme.schemes)
      continue
    }
    const { name, varyOn, find, verify, challenge } = (scheme ?? {}) as Partial<AnyScheme>
    if (typeof name !== 'string' || !/^[\w!#$%&'*+.^`|~-]+$/.test(name) || !Array.isArray(varyOn) || [find, verify, challenge].some((method) => typeof method !== 'function')) {
      // Whatever was given may hold a secret, so it is not shown.
      throw new OptionError(`${where}[${index}]: this is no scheme; allowed is what bearer(…) and basic(…) make`)
    }
    if (schemes.indexOf(scheme) !== index) throw new OptionError(`${where}[${index}]: the same scheme stands in the list twice`)
  }
}
