import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import t from 'tap'
import Fastify from 'fastify'
import { DECISIONS, isHeard, listening, report, type DecisionEvent } from '../../lib/reporting/decision-event.ts'
import { quietAbout } from '../../lib/reporting/quiet-log.ts'

function eventWith (changes: Partial<DecisionEvent>): DecisionEvent {
  return {
    requestId: 'r1',
    method: 'GET',
    route: '/a',
    outcome: 'deny',
    status: 403,
    code: 'insufficient_permissions',
    reason: 'no rule',
    user: 'ada',
    roles: ['author'],
    scheme: 'Key',
    action: 'read',
    subject: 'Post',
    resourceId: '1',
    rule: null,
    place: null,
    lacking: [],
    explanation: null,
    actor: null,
    breakGlass: null,
    policy: 'v1',
    duration: 1,
    ...changes,
  }
}

function recorder () {
  const lines: [level: string, entry: object, message: string][] = []
  const at = (level: string) => (entry: object, message: string) => { lines.push([level, entry, message]) }
  return { lines, error: at('error'), warn: at('warn'), info: at('info') }
}

t.test('law 10: the server\'s fault is an error, throttling a warning, any other no information; a yes is no line', async (t) => {
  for (const [status, level] of [[503, 'error'], [500, 'error'], [429, 'warn'], [403, 'info'], [404, 'info'], [401, 'info'], [400, 'info']] as const) {
    const log = recorder()
    report(eventWith({ status }), log)
    t.match(log.lines, [[level, { access: { status } }, `refused with ${status} insufficient_permissions: no rule`]])
  }
  const log = recorder()
  report(eventWith({ outcome: 'allow', status: 200 }), log)
  t.same(log.lines, [])
})

t.test('a yes under an emergency is a warning that tells which one and why; a no is a line as ever', async (t) => {
  const log = recorder()
  const breakGlass = { policy: 'fire', reason: 'ticket 7', expiresAt: new Date(0) }
  report(eventWith({ outcome: 'allow', status: 200, breakGlass }), log)
  report(eventWith({ breakGlass }), log)
  t.match(log.lines, [
    ['warn', { access: { breakGlass } }, 'allowed under the emergency fire: ticket 7'],
    ['info', { access: { breakGlass } }, 'refused with 403 insufficient_permissions: no rule'],
  ])
})

t.test('the cause is for the log, and never in the event', async (t) => {
  const log = recorder()
  const cause = new Error('down')
  report(eventWith({ status: 503 }), log, cause)
  t.equal((log.lines[0]?.[1] as { err: unknown }).err, cause)
  report(eventWith({}), log)
  t.notOk('err' in (log.lines[1]?.[1] as object))
})

t.test('whoever listens hears of every answer', async (t) => {
  const heard: unknown[] = []
  const hear = (event: unknown) => { heard.push(event) }
  t.equal(listening(), false)
  subscribe(DECISIONS, hear)
  t.equal(listening(), true)
  const [yes, no] = [eventWith({ outcome: 'allow' }), eventWith({})]
  report(yes, recorder())
  report(no, recorder())
  unsubscribe(DECISIONS, hear)
  report(no, recorder())
  t.equal(heard.length, 2)
  t.equal(heard[0], yes)
})

t.test('a quiet log leaves out the error that was told, and nothing else', async (t) => {
  const log = recorder()
  const told = new Error('told')
  const quiet = quietAbout(log, told)
  quiet.info({ err: told }, 'once')
  quiet.error({ err: told }, 'twice')
  t.same(log.lines, [])
  quiet.info({ err: new Error('other') }, 'a')
  quiet.error({ res: 1 }, 'b')
  quiet.warn({ err: told }, 'c')
  const loose = quiet as unknown as { info: (entry?: unknown) => void }
  loose.info('text')
  loose.info(null)
  loose.info(undefined)
  t.same(log.lines.map(([level, , message]) => [level, message]), [['info', 'a'], ['error', 'b'], ['warn', 'c'], ['info', undefined], ['info', undefined], ['info', undefined]])
  t.equal(Object.getPrototypeOf(quiet), log)
})

t.test('a no is heard unless its level is switched off, in Fastify without a log and in pino; a logger of one\'s own always hears', async (t) => {
  const silent = Fastify().log
  const errorsOnly = Fastify({ logger: { level: 'error', stream: { write () {} } } }).log
  const all = Fastify({ logger: { level: 'trace', stream: { write () {} } } }).log
  const noop = () => {}
  const sameFunction = { trace: noop, info: noop, warn: noop, error: noop }
  const named = (level: string) => ({ noop: (...entry: unknown[]) => { t.comment(level, entry) } }).noop
  const own = { trace: named('trace'), info: named('info'), warn: named('warn'), error: named('error') }
  const heard = (log: Parameters<typeof isHeard>[1]) => [403, 429, 503].map((status) => isHeard(status, log))
  t.strictSame(heard(silent), [false, false, false])
  t.strictSame(heard(errorsOnly), [false, false, true])
  t.strictSame(heard(all), [true, true, true])
  t.strictSame(heard(sameFunction), [false, false, false])
  t.strictSame(heard(own), [true, true, true])
  t.strictSame(heard(recorder()), [true, true, true])
  const listener = () => {}
  subscribe(DECISIONS, listener)
  t.strictSame(heard(silent), [true, true, true])
  unsubscribe(DECISIONS, listener)
})
