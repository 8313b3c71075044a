/** A resource: a typed key that names a subject, loads one record of it, and gives it back checked. */
import type { FastifyRequest } from 'fastify'
import { knownOptionsOnly, OptionError, wrongOption } from '../option-error.ts'
import type { Backend } from './backend.ts'
import { checkDisclosure, type Disclosure } from './disclosure.ts'
import { readable, whole, type Masks } from './fields.ts'
import { listFilter, type RecordFilter } from './filter.ts'
import type { KyselyWhere } from './filters/kysely.ts'
import type { MemoryWhere } from './filters/memory.ts'
import type { SqlWhere } from './filters/postgresql.ts'
import type { PrismaWhere } from './filters/prisma.ts'
import type { SqliteWhere } from './filters/sqlite.ts'
import { MANAGE_IS_FOR_RULES, type Target } from './requirement.ts'
import { standingOf } from './standing.ts'

export interface LoadContext<F = RecordFilter> {
  readonly request: FastifyRequest
  /** The condition of what this user may read, for loading a hidden and a missing record by one and the same query. */
  readonly where: F
}

export interface ResourceOptions<T extends object, F = RecordFilter> {
  /** The route parameter that names the record, `id` for `/articles/:id`. Needed with `load`. */
  readonly param?: string
  /** Finds the record; `null` or `undefined` when there is none. A throw is a 503, unless the error carries a 4xx `statusCode` of its own. */
  readonly load?: (id: string, context: LoadContext<F>) => T | null | undefined | Promise<T | null | undefined>
  /** Who may not read the record is told that it does not exist. Default `false`. */
  readonly hidden?: boolean
  /** By field, `ssn` or `address.street`, what is shown of a value that may not be read, instead of leaving it out: `{ ssn: () => '***' }`. What a mask throws leaves it out. */
  readonly masks?: Masks
  readonly disclose?: Disclosure
  /** The store of the records, from `fastify-gatehouse/filters`: `where` and `filter` are in its words, and a rule that it cannot express stops the start. Default: none, and they are a neutral `RecordFilter`. */
  readonly backend?: Backend<F>
}

export interface Resource<T extends object = object, S extends string = string, F = RecordFilter> {
  readonly kind: 'resource'
  readonly subject: S
  readonly param: string | null
  readonly hidden: boolean
  readonly disclose: Disclosure | null
  readonly masks: Masks
  readonly load: ResourceOptions<T, F>['load'] | null
  readonly backend: Backend<F> | null
  /** The one record of the route. */
  readonly record: Target
  /** All records of this subject that the user may act on: `can('read', article.list)`. The handler must ask for `listed` or `filter`. */
  readonly list: Target
  /** A record to be created: `can('create', article.proposed((request) => ({ … })))`. */
  proposed: (make: (request: FastifyRequest) => T | Partial<T> | Promise<T | Partial<T>>) => Target
  /** The route's record, already loaded and allowed; fields that the user may not read are left out. Throws a TypeError where the route declares no such resource, and the refusal where `anyOf` let the request through for another reason. */
  of: (request: FastifyRequest) => Partial<T>
  /** The same record with all its fields. */
  whole: (request: FastifyRequest) => T
  /** The route's record as it will be: merged with the body of a PATCH, or replaced by that of a PUT but for what the user may not write; itself where nothing changes it. Write this. Throws like `of`. */
  next: (request: FastifyRequest) => T
  /** The route's record, and how the request changes it where the body alone does not say so: `can('publish', article.changing((request, article) => ({ ...article, status: 'published' })))`. */
  changing: (change: (request: FastifyRequest, record: T) => Partial<T> | null | Promise<Partial<T> | null>) => Target
  /** A record of one's own (a row of a list, one just created); fields that the user may not read are left out. */
  readable: (request: FastifyRequest, record: Partial<T>) => Partial<T>
  /** Which records the action (default `read`) is allowed on, in the words of the backend. */
  filter: (request: FastifyRequest, action?: string) => F
  /**
   * Asks `query` for the records that the action (default `read`) is allowed on, and leaves out of each the fields that the user may not read.
   * Where the action is allowed on none there is no query. Rejects with a TypeError when `query` gives no list.
   */
  listed: (request: FastifyRequest, query: (where: F) => Rows<T> | Promise<Rows<T>>, action?: string) => Promise<Partial<T>[]>
}

type Rows<T> = readonly Partial<T>[]

// A list of resources mixes record types that only each resource itself can name.

export type AnyResource = Resource<any, string, any>

/** A target and its resource know each other, so one of them is there first. Getters would do too, but make V8 search for each property of a resource in a table. */
type Writable<T> = { -readonly [Name in keyof T]: T[Name] }

type Stored<T extends object, F> = ResourceOptions<T, F> & { readonly backend: Backend<F> }

const OPTIONS = ['param', 'load', 'hidden', 'masks', 'disclose', 'backend']

/** Makes a resource. Throws FST_GATEHOUSE_OPTION when an option does not make sense. */
export function resource<T extends object, S extends string = string> (subject: S, options?: ResourceOptions<T> & { readonly backend?: never }): Resource<T, S>
export function resource<T extends object, S extends string, F> (subject: S, options: Stored<T, F>): Resource<T, S, F>
// Where the type of the record is named, TypeScript infers no other: the words of each backend are told one by one.
export function resource<T extends object> (subject: string, options: Stored<T, PrismaWhere>): Resource<T, string, PrismaWhere>
export function resource<T extends object> (subject: string, options: Stored<T, SqlWhere>): Resource<T, string, SqlWhere>
export function resource<T extends object> (subject: string, options: Stored<T, SqliteWhere>): Resource<T, string, SqliteWhere>
export function resource<T extends object> (subject: string, options: Stored<T, KyselyWhere>): Resource<T, string, KyselyWhere>
export function resource<T extends object> (subject: string, options: Stored<T, MemoryWhere>): Resource<T, string, MemoryWhere>
/** Of a backend with words of its own they are not known here: name all three types, or see `typed`. */
export function resource<T extends object> (subject: string, options: Stored<T, unknown>): Resource<T, string, unknown>
// The last one is what `typeof resource` stands for, and what the compiler speaks of where none fits.
export function resource<T extends object, S extends string = string, F = RecordFilter> (subject: S, options?: ResourceOptions<T, F>): Resource<T, S, F>
export function resource<T extends object, S extends string = string, F = RecordFilter> (subject: S, options: ResourceOptions<T, F> = {}): Resource<T, S, F> {
  check(subject, options)
  const { masks = {} } = options
  const backend = options.backend ?? null
  const record = { kind: 'record' } as Writable<Extract<Target, { kind: 'record' }>>
  const list = { kind: 'list' } as Writable<Extract<Target, { kind: 'list' }>>
  const self: Resource<T, S, F> = {
    kind: 'resource',
    subject,
    param: options.param ?? null,
    hidden: options.hidden ?? false,
    disclose: options.disclose ?? null,
    masks: Object.freeze({ ...masks }),
    load: options.load ?? null,
    backend,
    record,
    list,
    proposed: (make) => Object.freeze({ kind: 'proposed', resource: self, make: make as (request: never) => object }),
    of: (request) => self.readable(request, self.whole(request)),
    whole: (request) => loaded(request, self) as T,
    readable: (request, row) => {
      const { ability } = standingOf(request).asker()
      return readable(ability, subject, whole(row as T) as T, masks)
    },
    next: (request) => nextOf(request, self) as T,
    changing: (change) => Object.freeze({ kind: 'record', resource: self, change: change as (request: never, record: never) => unknown }),
    filter: (request, action = 'read') => translated(asked(request, self, action), backend),
    listed: async (request, query, action = 'read') => {
      const filter = asked(request, self, action)
      if (filter.kind === 'none') return []
      const rows: unknown = await query(translated(filter, backend))
      if (!Array.isArray(rows)) throw new TypeError(`the query of ${subject}.listed gave no list of records, but a value of the type ${typeof rows}`)
      return rows.map((row: Partial<T>) => self.readable(request, row))
    },
  }
  for (const target of [record, list]) {
    target.resource = self
    Object.freeze(target)
  }
  return Object.freeze(self)
}

/** The filter in the words of the backend; without one it is neutral. */
export function translated<F> (filter: RecordFilter, backend: Backend<F> | null): F {
  return backend === null ? filter as F : backend.translate(filter)
}

function asked (request: FastifyRequest, resource: AnyResource, action: string): RecordFilter {
  if (action === 'manage') throw new TypeError(`a filter for "manage" on ${resource.subject}: ${MANAGE_IS_FOR_RULES}`)
  const standing = standingOf(request)
  standing.asked?.add(resource)
  return listFilter(standing.asker().ability, action, resource.subject, resource.hidden)
}

function loaded (request: FastifyRequest, wanted: AnyResource): object {
  return found(request, wanted).record
}

function nextOf (request: FastifyRequest, wanted: AnyResource): object {
  const { target, record } = found(request, wanted)
  return standingOf(request).nexts.get(target)?.record ?? record
}

function found (request: FastifyRequest, wanted: AnyResource): { readonly target: Target, readonly record: object } {
  const { records, withheld } = standingOf(request)
  for (const [target, record] of records) {
    if (target.kind === 'type' || target.resource !== wanted) continue
    const no = withheld.get(target)
    if (no !== undefined) throw no()
    if (record !== null) return { target, record }
  }
  throw new TypeError(`${wanted.subject} was not loaded: this route must declare can(action, …) on this resource`)
}

function check (subject: unknown, options: object): void {
  if (typeof subject !== 'string' || subject === '') throw wrongOption('resource(subject, …)', subject, "a subject's name")
  const where = `resource('${subject}')`
  knownOptionsOnly(where, options, OPTIONS)
  const { param, load, hidden, masks, disclose, backend } = options as ResourceOptions<object>
  if ((param === undefined) !== (load === undefined)) {
    throw new OptionError(`${where}: "param" and "load" go together: the route parameter, and how to find its record`)
  }
  if (load !== undefined && typeof load !== 'function') throw wrongOption(`${where}: load`, load, 'a function from the id to a record')
  if (param !== undefined && (typeof param !== 'string' || param === '')) throw wrongOption(`${where}: param`, param, 'the name of a route parameter')
  if (hidden !== undefined && typeof hidden !== 'boolean') throw wrongOption(`${where}: hidden`, hidden, 'true or false')
  if (masks !== undefined && !isMasks(masks)) throw wrongOption(`${where}: masks`, masks, 'an object from fields to functions of their values')
  if (disclose !== undefined) checkDisclosure(`${where}: disclose`, disclose)
  if (backend !== undefined && !isBackend(backend)) throw wrongOption(`${where}: backend`, backend, 'what postgresql(…), sqlite(…) and the like from fastify-gatehouse/filters return')
}

function isMasks (given: unknown): given is Masks {
  return typeof given === 'object' && given !== null && Object.values(given).every((mask) => typeof mask === 'function')
}

function isBackend (given: unknown): given is Backend {
  const { name, problem, translate } = (given ?? {}) as Partial<Backend>
  return typeof name === 'string' && typeof problem === 'function' && typeof translate === 'function'
}
