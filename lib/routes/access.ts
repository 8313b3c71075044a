/** What a route declares in `config.access`: a requirement, and what is special to the route. */
import type { FastifyRequest } from 'fastify'
import type { AcceptedScheme } from '../authentication/way.ts'
import type { Disclosure } from '../authorization/disclosure.ts'
import type { RecordFilter } from '../authorization/filter.ts'
import type { Requirement, Target } from '../authorization/requirement.ts'
import { resource as makeResource, type AnyResource, type Resource, type ResourceOptions } from '../authorization/resource.ts'
import { knownOptionsOnly, OptionError, wrongOption } from '../option-error.ts'
import type { Quota } from '../throttling/quota.ts'

/** What is special to a route; always the last argument. */
export interface RouteOptions {
  /** `true`: nothing sent is anonymous, with the role `anonymous`; invalid credentials are still a 401. Default `false`. */
  readonly optional?: boolean
  /** The schemes that this route accepts, in place of the plugin's list; `requireAll([a, b])` demands several at once. */
  readonly schemes?: readonly AcceptedScheme[]
  /** What refusals on this route may disclose. */
  readonly disclose?: Disclosure
  /** The codes of pre-checks that do not apply to this route, `['account_suspended']`. */
  readonly despite?: readonly string[]
  /** Which fields the request writes. Default: the members of a POST, PUT or PATCH body. `false`: none, the handler sees to it. */
  readonly fields?: false | ((request: FastifyRequest) => readonly string[])
  /** What requests to this route spend, beside the quotas of the plugin and of the policies. `false`: they spend nothing, not even of those. */
  readonly quota?: Quota | readonly Quota[] | false
}

/** A declaration, made by one of the functions below. */
export interface Access {
  readonly requirement: Requirement
  readonly options: RouteOptions
}

export type Declaration = 'public' | Access

/** The options of a route, as a list for messages. */
export const ROUTE_OPTIONS: readonly (keyof RouteOptions)[] = ['optional', 'schemes', 'disclose', 'despite', 'fields', 'quota']

const made = new WeakSet<object>()

/** Whether the value was made by one of the functions below; a look-alike is not accepted. */
export function isAccess (value: unknown): value is Access {
  return typeof value === 'object' && value !== null && made.has(value)
}

export const PUBLIC: Access = access({ kind: 'public' }, {})

/** `'public'` with quotas: everyone, whose credentials are not looked at. What would be counted by user is counted by network. */
export function everyone (options: Pick<RouteOptions, 'quota'>): Access {
  knownOptionsOnly('everyone', options, ['quota'])
  return access({ kind: 'public' }, options)
}

/** Credentials are looked at, and nothing sent is anonymous. */
export function optional (options: Omit<RouteOptions, 'optional'> = {}): Access {
  return access({ kind: 'optional' }, { ...options, optional: true })
}

/** Anyone who is signed in. */
export function authenticated (options: RouteOptions = {}): Access {
  return access({ kind: 'authenticated' }, options)
}

/**
 * Whoever may do the action, in CASL's words: on a subject as a whole (`'Report'`), on the one record that a resource loads (`article`),
 * on a list of records (`article.list`), or on a record to be created (`article.proposed((request) => ({ … }))`).
 */
export function can (action: string, on: string | AnyResource | Target, options: RouteOptions = {}): Access {
  if (typeof action !== 'string' || action === '') throw wrongOption('can(action, …)', action, "an action's name")
  return access({ kind: 'can', action, target: targetOf(on) }, options)
}

/** Whoever has one of these roles, also by inheritance. */
export function role (...names: [string, ...(string | RouteOptions)[]]): Access {
  const [roles, options] = split<string>(names)
  return access({ kind: 'role', roles: strings('role', roles) }, options)
}

/** Credentials that carry all of these scopes (RFC 6749 section 3.3). */
export function scope (...names: [string, ...(string | RouteOptions)[]]): Access {
  const [scopes, options] = split<string>(names)
  return access({ kind: 'scope', scopes: strings('scope', scopes) }, options)
}

/** A sign-in of one of these classes, at most `maxAge` seconds ago (RFC 9470). Asked last, only of a user whom everything else allows. */
export function stepUp (required: { readonly acr?: string | readonly string[], readonly maxAge?: number }, options: RouteOptions = {}): Access {
  knownOptionsOnly('stepUp', required, ['acr', 'maxAge'])
  const acr = required.acr === undefined ? [] : strings('stepUp: acr', [required.acr].flat())
  const maxAge = required.maxAge ?? null
  if (maxAge !== null && !(Number.isInteger(maxAge) && maxAge >= 0)) throw wrongOption('stepUp: maxAge', maxAge, 'whole seconds, 0 or more')
  if (acr.length === 0 && maxAge === null) throw new OptionError('stepUp needs "acr", "maxAge", or both')
  return access({ kind: 'step_up', acr, maxAge }, options)
}

/** Whoever meets all of these. */
export function allOf (...parts: [Access, ...(Access | RouteOptions)[]]): Access {
  const [of, options] = splitParts('allOf', parts)
  return access({ kind: 'all_of', of }, options)
}

/** Whoever meets one of these; if nobody's is met, the most useful no is the answer. */
export function anyOf (...parts: [Access, ...(Access | RouteOptions)[]]): Access {
  const [of, options] = splitParts('anyOf', parts)
  return access({ kind: 'any_of', of }, options)
}

/** The functions above, typed by the application's own actions and subjects. It does nothing at run time. */
export function typed<W extends { actions: string, subjects: object }> (): Typed<W> {
  return { can, resource: makeResource, role } as unknown as Typed<W>
}

export interface Typed<W extends { actions: string, subjects: object, roles?: string }> {
  can: (action: W['actions'], on: (keyof W['subjects'] & string) | AnyResource | Target, options?: RouteOptions) => Access
  resource: <S extends keyof W['subjects'] & string, F = RecordFilter>(subject: S, options?: ResourceOptions<W['subjects'][S] & object, F>) => Resource<W['subjects'][S] & object, S, F>
  role: (...names: [NonNullable<W['roles']> & string, ...((NonNullable<W['roles']> & string) | RouteOptions)[]]) => Access
}

function access (requirement: Requirement, options: RouteOptions): Access {
  const value = Object.freeze({ requirement, options: Object.freeze({ ...options }) })
  made.add(value)
  return value
}

function targetOf (on: string | AnyResource | Target): Target {
  if (typeof on === 'string' && on !== '') return { kind: 'type', subject: on }
  const { kind } = (on ?? {}) as Partial<AnyResource | Target>
  if (kind === 'resource') return (on as AnyResource).record
  if (kind === 'record' || kind === 'list' || kind === 'proposed') return on as Target
  throw wrongOption('can(…, subject)', on, "a subject's name, a resource, its .list or .proposed(…)")
}

function split<T> (given: readonly (T | RouteOptions)[]): [T[], RouteOptions] {
  const last = given.at(-1)
  if (typeof last === 'object' && last !== null && !isAccess(last)) return [given.slice(0, -1) as T[], last]
  return [given as T[], {}]
}

function strings (name: string, given: readonly unknown[]): string[] {
  if (given.length === 0 || given.some((value) => typeof value !== 'string' || value === '')) throw new OptionError(`${name}: one or more names are needed, none of them empty`)
  return given as string[]
}

function splitParts (name: string, given: readonly (Access | RouteOptions)[]): [Requirement[], RouteOptions] {
  const [parts, options] = split<Access>(given)
  if (parts.length === 0) throw new OptionError(`${name}(…) takes one or more requirements`)
  const of = parts.map((part) => {
    if ((part as unknown) === 'public') throw new OptionError(`${name}: 'public' cannot be part of it: a route is public or it is not`)
    if (!isAccess(part)) throw new OptionError(`${name}: expected what can(), role(), scope() and the like return, got ${typeof part}`)
    const { requirement, options: own } = part
    if (requirement.kind === 'public' || requirement.kind === 'optional' || own.optional !== undefined) {
      throw new OptionError(`${name}: 'public' and 'optional' cannot be part of it; give { optional: true } as the last argument of ${name}`)
    }
    const [extra] = Object.keys(own)
    if (extra !== undefined) throw new OptionError(`${name}: the option "${extra}" of a part would be lost; give it as the last argument of ${name}`)
    return requirement
  })
  return [of, options]
}
