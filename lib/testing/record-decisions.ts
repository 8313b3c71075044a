/** Records what an application decides, and asserts that it decided what it should. */
import { AssertionError } from 'node:assert'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { FastifyInstance } from 'fastify'
import { parts, subjectOf, type Can } from '../authorization/requirement.ts'
import { refusedNo } from '../requests/refusal-of.ts'
import { DECISIONS, type DecisionEvent } from '../reporting/decision-event.ts'
import { takeNotes, testimonyOf, type AskedDecision, type Testimony } from '../requests/witness.ts'

/** One decision: of a route's declaration, or one that a handler asked for. */
interface Decided {
  readonly outcome: 'allow' | 'deny'
  readonly action: string
  readonly subject: string
  /** The record's, where it is known. */
  readonly id: string | null
  /** The public code of a no. */
  readonly code: string | null
  /** `GET /articles/:id` */
  readonly route: string
}

interface Recorded {
  readonly event: DecisionEvent
  readonly decided: readonly Decided[]
  /** The subjects whose list filter was asked for. */
  readonly listed: readonly string[]
  /** Whether anything but the sign-in was asked. */
  readonly isJudged: boolean
}

export interface DecisionRecorder {
  /** The events so far, as on the diagnostics channel. */
  readonly events: readonly DecisionEvent[]
  /** Throws unless the action was allowed on a record of the subject (on this one, where an id is given). */
  assertAuthorized: (action: string, subject: string, id?: string | number) => void
  /** Throws unless the action was refused on the subject (with this public code, where one is given). A part that was down is no refusal. */
  assertDenied: (action: string, subject: string, code?: string) => void
  /** Throws unless a handler asked for the filter of a list of the subject. */
  assertListed: (subject: string) => void
  /**
   * Throws unless every answer other than a refusal came after a decision: by the route's declaration (`can`, `role`, `scope`, `stepUp`) or one that its
   * handler asked for. Public routes, and those in `except` (`['GET /me']`), may do without.
   */
  assertEveryRouteDecided: (options?: { readonly except?: readonly string[] }) => void
  /** Forgets all events so far. */
  clear: () => void
  /** Records no more. */
  stop: () => void
}

/** Records the decisions of this application and of no other, from now on until `stop()`. */
export function recordDecisions (app: FastifyInstance): DecisionRecorder {
  takeNotes()
  const recorded: Recorded[] = []
  const listener = (message: unknown): void => {
    const event = message as DecisionEvent
    const testimony = testimonyOf(event)
    if (testimony !== undefined && testimony.request.server.server === app.server) recorded.push(recordOf(event, testimony))
  }
  subscribe(DECISIONS, listener)

  const decided = (): Decided[] => recorded.flatMap((one) => one.decided)
  return {
    get events () { return recorded.map(({ event }) => event) },
    assertAuthorized: (action, subject, id) => {
      const isMeant = (one: Decided): boolean => one.outcome === 'allow' && one.action === action && one.subject === subject && (id === undefined || one.id === String(id))
      if (!decided().some(isMeant)) fail(`nobody was allowed to ${action} ${nameOf(subject, id)}`, decided())
    },
    assertDenied: (action, subject, code) => {
      const isMeant = (one: Decided): boolean => one.outcome === 'deny' && one.action === action && one.subject === subject && (code === undefined || one.code === code)
      if (!decided().some(isMeant)) fail(`nobody was refused to ${action} ${subject}${code === undefined ? '' : ` with ${code}`}`, decided())
    },
    assertListed: (subject) => {
      if (!recorded.some(({ listed }) => listed.includes(subject))) fail(`no list of ${subject} was filtered`, decided())
    },
    assertEveryRouteDecided: ({ except = [] } = {}) => {
      if (recorded.length === 0) throw new AssertionError({ message: 'no request was recorded, so nothing is known of any route' })
      const routes = recorded.filter(({ event, isJudged }) => event.outcome === 'allow' && !isJudged).map(({ event }) => routeOf(event))
      const undecided = [...new Set(routes)].filter((route) => !except.includes(route))
      if (undecided.length > 0) throw new AssertionError({ message: `answered without a decision of the policy: ${undecided.join(', ')}` })
    },
    clear: () => { recorded.length = 0 },
    stop: () => { unsubscribe(DECISIONS, listener) },
  }
}

function recordOf (event: DecisionEvent, testimony: Testimony): Recorded {
  const { passage, asked } = testimony
  const { plan } = passage
  const judged = [...parts(plan.requirement)].some(({ kind }) => kind === 'can' || kind === 'role' || kind === 'scope' || kind === 'step_up')
  return {
    event,
    decided: [...byRoute(event, testimony), ...asked.map((one) => byHandler(event, testimony, one))],
    listed: plan.lists.filter((resource) => passage.asked?.has(resource) === true).map(({ subject }) => subject),
    isJudged: plan.mode === 'public' || judged || asked.length > 0,
  }
}

function byRoute (event: DecisionEvent, testimony: Testimony): Decided[] {
  const { outcome, action, subject, resourceId: id, code, status } = event
  const route = routeOf(event)
  if (outcome === 'allow') return allowed(testimony).map((can) => ({ outcome, action: can.action, subject: subjectOf(can.target), id: idIn(can, testimony), code, route }))
  return action === null || subject === null || status === 429 || status >= 500 ? [] : [{ outcome, action, subject, id, code, route }]
}

/** Of alternatives those that hold. */
function allowed ({ passage }: Testimony): Can[] {
  const { plan, records, withheld } = passage
  const cans = [...parts(plan.requirement)].filter((part) => part.kind === 'can')
  return cans.filter(({ action, target }) => {
    if (target.kind === 'type' || target.kind === 'list') return passage.asker().ability.ever(action, subjectOf(target))
    return (records.get(target) ?? null) !== null && !withheld.has(target)
  })
}

function idIn ({ target }: Can, { request }: Testimony): string | null {
  if (target.kind !== 'record') return null
  return String((request.params as Readonly<Record<string, unknown>>)[target.resource.param as string])
}

function byHandler (event: DecisionEvent, { passage }: Testimony, { action, resource, record, no }: AskedDecision): Decided {
  const { id } = record as { readonly id?: unknown }
  return {
    outcome: no === null ? 'allow' : 'deny',
    action,
    subject: resource.subject,
    id: typeof id === 'string' || typeof id === 'number' ? String(id) : null,
    code: no === null ? null : refusedNo(no, passage.plan, []).refusal.code,
    route: routeOf(event),
  }
}

function routeOf ({ method, route }: DecisionEvent): string {
  return `${method} ${route}`
}

function nameOf (subject: string, id: string | number | undefined): string {
  return id === undefined ? subject : `${subject} ${id}`
}

function fail (message: string, decided: readonly Decided[]): never {
  const lines = decided.map(({ outcome, action, subject, id, code, route }) => `  ${outcome} ${action} ${nameOf(subject, id ?? undefined)}${code === null ? '' : ` (${code})`} at ${route}`)
  throw new AssertionError({ message: `${message}; decided was:\n${lines.join('\n') || '  nothing'}` })
}
