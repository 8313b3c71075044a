/** What a decision needs of the request: the records that it names, and the fields that it writes. */
import type { FastifyRequest } from 'fastify'
import { writtenFields } from './authorization/fields.ts'
import { recordFilter } from './authorization/filter.ts'
import type { Target } from './authorization/requirement.ts'
import type { LoadContext } from './authorization/resource.ts'
import type { Passage } from './passage.ts'
import type { RoutePlan } from './route-plan.ts'

export type FoundRecord =
  /** `null`: there is no such record. */
  | { readonly kind: 'found', readonly record: object | null }
  /** The application's own error, with a 4xx status. */
  | { readonly kind: 'failed', readonly error: Error }
  /** It cannot be known. */
  | { readonly kind: 'unknown', readonly reason: string, readonly cause: unknown }

/** Loads a record, or makes the proposed one. Never rejects. */
export async function findRecord (target: Target, request: FastifyRequest, passage: Passage): Promise<FoundRecord> {
  if (target.kind === 'type') throw new TypeError('a type has no record')
  const { subject } = target.resource
  const verb = target.kind === 'proposed' ? 'propose' : 'load'
  try {
    const record: unknown = await (target.kind === 'proposed' ? target.make(request as never) : load(target, request, passage))
    if (record === null || record === undefined) {
      if (target.kind !== 'proposed') return { kind: 'found', record: null }
    } else if (typeof record === 'object' && !Array.isArray(record)) {
      return { kind: 'found', record }
    }
    // facts: authorization T8. A string would be taken for a subject type.
    return { kind: 'unknown', reason: `${verb} of ${subject} gave ${nameOf(record)} where one record is due`, cause: undefined }
  } catch (cause) {
    if (isClientError(cause)) return { kind: 'failed', error: cause }
    return { kind: 'unknown', reason: `${verb} of ${subject} failed`, cause }
  }
}

function load (target: Exclude<Target, { kind: 'type' }>, request: FastifyRequest, passage: Passage): unknown {
  const { load, param, subject } = target.resource
  const id = (request.params as Readonly<Record<string, unknown>>)[param as string]
  const context: LoadContext = { request, get where () { return recordFilter(passage.asker().ability, 'read', subject) } }
  return load?.(String(id), context)
}

const WRITING = ['POST', 'PUT', 'PATCH']

/** The fields that the request writes; `null` where that cannot be told. */
export function writtenBy (request: FastifyRequest, plan: RoutePlan): readonly string[] | null {
  if (plan.fields === false) return []
  if (plan.fields !== undefined) return namesIn(plan.fields(request))
  return WRITING.includes(request.method) ? writtenFields(request.body) : []
}

/** Throws a TypeError where the application's function gives no list of names. */
function namesIn (fields: unknown): readonly string[] {
  if (Array.isArray(fields) && fields.every((field) => typeof field === 'string')) return fields
  throw new TypeError(`the route's option "fields" gave ${nameOf(fields)} where a list of names is due`)
}

function isClientError (error: unknown): error is Error {
  const { statusCode } = (error ?? {}) as { readonly statusCode?: unknown }
  return error instanceof Error && typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500
}

function nameOf (value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  return value === null || value === undefined ? String(value) : `a ${typeof value}`
}
