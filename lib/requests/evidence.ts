/** What a decision needs of the request: the records that it names, and the fields that it writes. */
import type { Http2ServerRequest } from 'node:http2'
import type { FastifyRequest } from 'fastify'
import { writtenFields } from '../authorization/fields.ts'
import { recordFilter } from '../authorization/filter.ts'
import type { Target } from '../authorization/requirement.ts'
import { translated, type AnyResource, type LoadContext } from '../authorization/resource.ts'
import type { RoutePlan } from '../routes/plan.ts'
import { awaited, isThenable } from '../thenable.ts'
import type { Passage } from './passage.ts'

export type FoundRecord =
  /** `null`: there is no such record. */
  | { readonly kind: 'found', readonly record: object | null }
  | NotFound

export type NotFound =
  /** The application's own error, with a 4xx status. */
  | { readonly kind: 'failed', readonly error: Error }
  /** It cannot be known. */
  | { readonly kind: 'unknown', readonly reason: string, readonly cause: unknown }

/** Loads a record, or makes the proposed one; at once where the application does. Never throws and never rejects. */
export function findRecord (target: Target, request: FastifyRequest, passage: Passage): FoundRecord | Promise<FoundRecord> {
  if (target.kind === 'type') throw new TypeError('a type has no record')
  try {
    const record: unknown = target.kind === 'proposed' ? target.make(request as never) : load(target, request, passage)
    if (!isThenable(record)) return judged(target, record)
    return awaited(record).then((settled) => judged(target, settled), (cause: unknown) => failed(target, cause))
  } catch (cause) {
    return failed(target, cause)
  }
}

type RecordTarget = Exclude<Target, { kind: 'type' }>

function judged (target: RecordTarget, record: unknown): FoundRecord {
  if ((record === null || record === undefined) && target.kind !== 'proposed') return { kind: 'found', record: null }
  if (typeof record === 'object' && record !== null && !Array.isArray(record)) return { kind: 'found', record }
  // facts: authorization T8. A string would be taken for a subject type.
  return { kind: 'unknown', reason: `${verb(target)} of ${target.resource.subject} gave ${nameOf(record)} where one record is due`, cause: undefined }
}

function failed (target: RecordTarget, cause: unknown): FoundRecord {
  if (isClientError(cause)) return { kind: 'failed', error: cause }
  return { kind: 'unknown', reason: `${verb(target)} of ${target.resource.subject} failed`, cause }
}

function verb (target: RecordTarget): string {
  return target.kind === 'proposed' ? 'propose' : 'load'
}

function load (target: RecordTarget, request: FastifyRequest, passage: Passage): unknown {
  const { load, param } = target.resource
  const id = (request.params as Readonly<Record<string, unknown>>)[param as string]
  return load?.(String(id), new Loading(request, passage, target.resource))
}

/** A class, because a getter in an object literal would give every request a hidden class of its own, which only a full collection frees. */
class Loading implements LoadContext<unknown> {
  readonly request: FastifyRequest
  readonly #passage: Passage
  readonly #resource: AnyResource

  constructor (request: FastifyRequest, passage: Passage, resource: AnyResource) {
    this.request = request
    this.#passage = passage
    this.#resource = resource
  }

  get where (): unknown {
    const { subject, backend } = this.#resource
    return translated(recordFilter(this.#passage.asker().ability, 'read', subject), backend)
  }
}

const WRITING = ['POST', 'PUT', 'PATCH']

/** The fields that the request writes; `null` where that cannot be told. */
export function writtenBy (request: FastifyRequest, plan: RoutePlan): readonly string[] | null {
  if (plan.fields === false) return []
  if (plan.fields !== undefined) return namesIn(plan.fields(request))
  if (!WRITING.includes(request.method)) return []
  const body = bodyOf(request)
  return (body === undefined || body === null) && carriesBody(request) ? null : writtenFields(body)
}

/** The body. Parsers of forms (`@fastify/formbody`, `node:url`) give an object whose prototype is an empty object without one itself. */
export function bodyOf ({ body }: FastifyRequest): unknown {
  if (typeof body !== 'object' || body === null) return body
  const prototype = Object.getPrototypeOf(body) as object | null
  const isBare = prototype !== null && Object.getPrototypeOf(prototype) === null && Reflect.ownKeys(prototype).length === 0
  return isBare ? { ...body } : body
}

/** Whether the request has a body, also one that its parser left to the handler. Without either field there is none (RFC 9112 section 6.3), but in HTTP/2 (RFC 9113 section 8.1). */
export function carriesBody ({ headers, raw }: FastifyRequest): boolean {
  if (headers['transfer-encoding'] !== undefined) return true
  if (headers['content-length'] !== undefined) return Number(headers['content-length']) !== 0
  return raw.httpVersionMajor >= 2 && (raw as unknown as Http2ServerRequest).stream.endAfterHeaders !== true
}

/** Throws a TypeError where the application's function gives no list of names. */
function namesIn (fields: unknown): readonly string[] {
  if (Array.isArray(fields) && fields.every((field) => typeof field === 'string')) return fields
  throw new TypeError(`the route's option "fields" gave ${nameOf(fields)} where a list of names is due`)
}

export function isClientError (error: unknown): error is Error {
  const { statusCode } = (error ?? {}) as { readonly statusCode?: unknown }
  return error instanceof Error && typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500
}

export function nameOf (value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  return value === null || value === undefined ? String(value) : `a ${typeof value}`
}
