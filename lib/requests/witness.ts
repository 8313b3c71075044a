/** Where a test may watch what is decided: an event holds ids and names only, and a test asks whose they are. Without a test nothing is kept. */
import type { FastifyRequest } from 'fastify'
import type { No } from '../authorization/decision.ts'
import type { AnyResource } from '../authorization/resource.ts'
import type { DecisionEvent } from '../reporting/decision-event.ts'
import type { Passage } from './passage.ts'

/** A decision that a handler asked for. */
export interface AskedDecision {
  readonly action: string
  readonly resource: AnyResource
  readonly record: object
  readonly no: No | null
}

/** What is behind an event. */
export interface Testimony {
  readonly request: FastifyRequest
  readonly passage: Passage
  readonly asked: readonly AskedDecision[]
}

interface Notes {
  readonly events: WeakMap<DecisionEvent, Omit<Testimony, 'asked'>>
  readonly asked: WeakMap<Passage, AskedDecision[]>
}

let notes: Notes | null = null

/** From now on notes are taken. Only `fastify-gatehouse/testing` calls it. */
export function takeNotes (): void {
  notes ??= { events: new WeakMap(), asked: new WeakMap() }
}

export function noted (event: DecisionEvent, request: FastifyRequest, passage: Passage): DecisionEvent {
  notes?.events.set(event, { request, passage })
  return event
}

export function noteDecision (passage: Passage, decision: AskedDecision): void {
  if (notes === null) return
  const others = notes.asked.get(passage)
  if (others === undefined) notes.asked.set(passage, [decision])
  else others.push(decision)
}

/** `undefined` for an event of before. */
export function testimonyOf (event: DecisionEvent): Testimony | undefined {
  const found = notes?.events.get(event)
  return found === undefined ? undefined : { ...found, asked: notes?.asked.get(found.passage) ?? [] }
}
