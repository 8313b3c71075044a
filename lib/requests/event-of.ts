/** From a request's passage to the event that tells of it, to whoever listens. */
// The global one is a getter, which would be called with each reading.
import { performance } from 'node:perf_hooks'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { explain } from '../authorization/explanation.ts'
import { subjectOf } from '../authorization/requirement.ts'
import { lackingTexts, placeText } from '../authorization/why-not.ts'
import { isHeard, listening, report, type DecisionEvent } from '../reporting/decision-event.ts'
import type { Passage } from './passage.ts'
import { noted } from './witness.ts'

/** Ids come from the URL and are cut at this length. */
const LONGEST_ID = 200

/** Of more rules about one action and subject a log line would only grow. */
const MOST_CANDIDATES = 20

/**
 * Tells of an answer, of a no once: before it is sent, because whoever hangs up would choose what there is to read afterwards. An emergency is always told, a no
 * if the log or somebody else hears it, a yes only if somebody else does and the request `isKnown` to be for a route.
 */
export function tell (request: FastifyRequest, reply: FastifyReply, passage: Passage, isKnown: boolean): void {
  if (passage.isTold) return
  const { refusal } = passage
  const isEmergency = (passage.circumstances?.breakGlass ?? null) !== null
  if (!isEmergency && !(refusal === null ? listening() && isKnown : isHeard(reply.statusCode, request.log))) return
  passage.isTold = refusal !== null
  report(eventOf(request, reply, passage), request.log, refusal?.cause)
}

export function eventOf (request: FastifyRequest, reply: FastifyReply, passage: Passage): DecisionEvent {
  const { plan, refusal, scheme } = passage
  const no = refusal === null ? null : passage.no
  const can = no?.part.kind === 'can' ? no.part : plan.can
  const rule = no === null ? passage.rule : no.rule
  return noted({
    requestId: request.id,
    method: request.method,
    route: plan.url,
    outcome: refusal === null ? 'allow' : 'deny',
    status: reply.statusCode,
    code: refusal?.code ?? null,
    reason: refusal?.reason ?? null,
    user: (request.auth ?? null) === null ? null : idOf(request.user),
    roles: passage.roles,
    scheme: scheme?.name ?? null,
    action: can?.action ?? null,
    subject: can === null ? null : subjectOf(can.target),
    resourceId: resourceId(request, passage),
    rule: rule?.id ?? null,
    place: rule === null ? null : placeText(rule.place),
    lacking: lackingOf(no, passage),
    explanation: explanationOf(no, passage),
    actor: idOf(passage.circumstances?.actor),
    breakGlass: passage.circumstances?.breakGlass ?? null,
    policy: passage.abilities.policy.version,
    duration: performance.now() - passage.startedAt,
  }, request, passage)
}

/** Of a no that rules gave, also the memberships that counted for nothing; the application's own function, which tells them, may throw. */
function lackingOf (no: Passage['no'], passage: Passage): DecisionEvent['lacking'] {
  const lacking = lackingTexts(passage.lacking)
  if (no === null || no.asked === null) return lacking
  try {
    return [...lacking, ...passage.membershipMistakes]
  } catch {
    return lacking
  }
}

/** It asks of the record what the decision may never have come to, and a getter of the application's may throw: then there is none, but the event all the same. */
function explanationOf (no: Passage['no'], passage: Passage): DecisionEvent['explanation'] {
  if (no === null || no.asked === null) return null
  try {
    return explain(passage.asker().ability, passage.held, no.asked, MOST_CANDIDATES)
  } catch {
    return null
  }
}

function idOf (user: unknown): string | null {
  const { id } = (user ?? {}) as { readonly id?: unknown }
  return typeof id === 'string' || typeof id === 'number' ? String(id).slice(0, LONGEST_ID) : null
}

function resourceId (request: FastifyRequest, { plan }: Passage): string | null {
  const target = plan.targets.find(({ kind }) => kind === 'record')
  if (target === undefined || target.kind === 'type' || target.resource.param === null) return null
  const id = (request.params as Readonly<Record<string, unknown>> | undefined)?.[target.resource.param]
  return id === undefined ? null : String(id).slice(0, LONGEST_ID)
}
