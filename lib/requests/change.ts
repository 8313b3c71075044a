/** The record as a request would leave it, for a decision on what it becomes. */
import type { FastifyRequest } from 'fastify'
import type { Next } from '../authorization/decision.ts'
import { isPlain } from '../authorization/field-paths.ts'
import { changed, overwrittenFields, replaced } from '../authorization/next-state.ts'
import type { Target } from '../authorization/requirement.ts'
import { representationOf } from '../routes/representation.ts'
import { awaited, isThenable } from '../thenable.ts'
import { bodyOf, carriesBody, isClientError, nameOf, type NotFound } from './evidence.ts'
import type { Passage } from './passage.ts'

export type FoundChange =
  /** `null`: the record stays as it is. */
  | { readonly kind: 'found', readonly next: Next | null }
  | NotFound

type Changing = Extract<Target, { kind: 'record' }>

const UNCHANGED: FoundChange = { kind: 'found', next: null }
const UNTOLD: FoundChange = { kind: 'found', next: { record: null, overwritten: [] } }

/** By the target's own `change`, or else by the body of a PATCH or PUT. Never throws and never rejects. */
export function findChange (target: Target, record: object, action: string, request: FastifyRequest, passage: Passage): FoundChange | Promise<FoundChange> {
  if (target.kind !== 'record') return UNCHANGED
  try {
    if (target.change === undefined) return byBody(target, record, action, request, passage)
    const next: unknown = target.change(request as never, record as never)
    if (!isThenable(next)) return judged(target, next)
    return awaited(next).then((settled) => judged(target, settled), (cause: unknown) => failed(target, cause))
  } catch (cause) {
    return failed(target, cause)
  }
}

function judged (target: Changing, next: unknown): FoundChange {
  if (next === null || next === undefined) return UNCHANGED
  if (typeof next === 'object' && !Array.isArray(next)) return { kind: 'found', next: { record: next, overwritten: [] } }
  return { kind: 'unknown', reason: `change of ${target.resource.subject} gave ${nameOf(next)} where one record is due`, cause: undefined }
}

function failed (target: Changing, cause: unknown): FoundChange {
  return isClientError(cause) ? { kind: 'failed', error: cause } : { kind: 'unknown', reason: `change of ${target.resource.subject} failed`, cause }
}

/** Only an object says what becomes of the record. What anything else does (text, bytes, RFC 6902, what a parser leaves to the handler) only the handler knows. */
function byBody ({ resource: { subject } }: Changing, record: object, action: string, request: FastifyRequest, passage: Passage): FoundChange {
  const { method } = request
  if (method !== 'PATCH' && method !== 'PUT') return UNCHANGED
  const body = bodyOf(request)
  if (body === undefined && !carriesBody(request)) return UNCHANGED
  if (!isPlain(body)) return UNTOLD
  const { ability } = passage.asker()
  const next = method === 'PATCH' ? changed(record, body) : replaced(record, body, (field) => ability.allows(action, subject, record, field), represented(request))
  if (next === null) return UNTOLD
  return { kind: 'found', next: { record: next, overwritten: passage.plan.fields === false ? [] : overwrittenFields(record, body) } }
}

const NOTHING: ReadonlySet<string> = new Set()

/** The members that the route's schema gives to the body: without one all that the record has, and where that cannot be told none, so that nothing goes. */
function represented ({ headers, routeOptions }: FastifyRequest): ReadonlySet<string> | undefined {
  const mediaType = `${headers['content-type']}`.replace(/;.*/s, '').trim().toLowerCase()
  const told = representationOf(routeOptions.schema?.body, mediaType)
  if (told.kind === 'all') return undefined
  return told.kind === 'these' ? told.names : NOTHING
}
