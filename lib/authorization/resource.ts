/** A resource: a typed key that names a subject, loads one record of it, and gives it back checked. */
import type { FastifyRequest } from 'fastify'
import { knownOptionsOnly, OptionError, wrongOption } from '../option-error.ts'
import { checkDisclosure, type Disclosure } from './disclosure.ts'
import { readable, whole } from './fields.ts'
import { listFilter, type RecordFilter } from './filter.ts'
import type { Target } from './requirement.ts'
import { standingOf } from './standing.ts'

export interface LoadContext {
  readonly request: FastifyRequest
  /** The condition of what this user may read, for loading a hidden and a missing record by one and the same query. */
  readonly where: RecordFilter
}

export interface ResourceOptions<T extends object> {
  /** The route parameter that names the record, `id` for `/articles/:id`. Needed with `load`. */
  readonly param?: string
  /** Finds the record; `null` or `undefined` when there is none. A throw is a 503, unless the error carries a 4xx `statusCode` of its own. */
  readonly load?: (id: string, context: LoadContext) => T | null | undefined | Promise<T | null | undefined>
  /** Who may not read the record is told that it does not exist. Default `false`. */
  readonly hidden?: boolean
  readonly disclose?: Disclosure
}

export interface Resource<T extends object = object, S extends string = string> {
  readonly kind: 'resource'
  readonly subject: S
  readonly param: string | null
  readonly hidden: boolean
  readonly disclose: Disclosure | null
  readonly load: ResourceOptions<T>['load'] | null
  /** The one record of the route. */
  readonly record: Target
  /** All records of this subject that the user may act on: `can('read', article.list)`. The handler must ask for `filter`. */
  readonly list: Target
  /** A record to be created: `can('create', article.proposed((request) => ({ … })))`. */
  proposed: (make: (request: FastifyRequest) => T | Partial<T> | Promise<T | Partial<T>>) => Target
  /** The route's record, already loaded and allowed; fields that the user may not read are left out. Throws a TypeError where the route declares no such resource, and the refusal where `anyOf` let the request through for another reason. */
  of: (request: FastifyRequest) => Partial<T>
  /** The same record with all its fields. */
  whole: (request: FastifyRequest) => T
  /** A record of one's own (a row of a list, one just created); fields that the user may not read are left out. */
  readable: (request: FastifyRequest, record: Partial<T>) => Partial<T>
  /** Which records the action (default `read`) is allowed on, for one of `fastify-gatehouse/filters`. */
  filter: (request: FastifyRequest, action?: string) => RecordFilter
}

// A list of resources mixes record types that only each resource itself can name.

export type AnyResource = Resource<any, string>

const OPTIONS = ['param', 'load', 'hidden', 'disclose']

/** Makes a resource. Throws FST_GATEHOUSE_OPTION when an option does not make sense. */
export function resource<T extends object, S extends string = string> (subject: S, options: ResourceOptions<T> = {}): Resource<T, S> {
  check(subject, options)
  const self: Resource<T, S> = {
    kind: 'resource',
    subject,
    param: options.param ?? null,
    hidden: options.hidden ?? false,
    disclose: options.disclose ?? null,
    load: options.load ?? null,
    get record () { return record },
    get list () { return list },
    proposed: (make) => Object.freeze({ kind: 'proposed', resource: self, make: make as (request: never) => object }),
    of: (request) => self.readable(request, self.whole(request)),
    whole: (request) => loaded(request, self) as T,
    readable: (request, row) => {
      const { ability } = standingOf(request).asker()
      return readable(ability, subject, whole(row as T) as T)
    },
    filter: (request, action = 'read') => {
      const standing = standingOf(request)
      standing.asked?.add(self)
      return listFilter(standing.asker().ability, action, subject, self.hidden)
    },
  }
  const record: Target = Object.freeze({ kind: 'record', resource: self })
  const list: Target = Object.freeze({ kind: 'list', resource: self })
  return Object.freeze(self)
}

function loaded (request: FastifyRequest, wanted: AnyResource): object {
  const { records, withheld } = standingOf(request)
  for (const [target, record] of records) {
    if (target.kind === 'type' || target.resource !== wanted) continue
    const no = withheld.get(target)
    if (no !== undefined) throw no()
    if (record !== null) return record
  }
  throw new TypeError(`${wanted.subject} was not loaded: this route must declare can(action, …) on this resource`)
}

function check (subject: unknown, options: object): void {
  if (typeof subject !== 'string' || subject === '') throw wrongOption('resource(subject, …)', subject, "a subject's name")
  const where = `resource('${subject}')`
  knownOptionsOnly(where, options, OPTIONS)
  const { param, load, hidden, disclose } = options as ResourceOptions<object>
  if ((param === undefined) !== (load === undefined)) {
    throw new OptionError(`${where}: "param" and "load" go together: the route parameter, and how to find its record`)
  }
  if (load !== undefined && typeof load !== 'function') throw wrongOption(`${where}: load`, load, 'a function from the id to a record')
  if (param !== undefined && (typeof param !== 'string' || param === '')) throw wrongOption(`${where}: param`, param, 'the name of a route parameter')
  if (hidden !== undefined && typeof hidden !== 'boolean') throw wrongOption(`${where}: hidden`, hidden, 'true or false')
  if (disclose !== undefined) checkDisclosure(`${where}: disclose`, disclose)
}
