import assert from 'node:assert/strict'
import t from 'tap'
import fc from 'fast-check'
import { fastifyShape, KINDS, problem, problemText, Refusal, refusal, type RefusalKind } from '../../lib/refusal.ts'

const kinds = Object.keys(KINDS) as RefusalKind[]

t.test('every kind has its status, code and fixed text, and is never kept', async (t) => {
  for (const kind of kinds) {
    const no = refusal(kind, { reason: 'secret reason' })
    t.match(no, { kind, code: kind, statusCode: KINDS[kind].status, message: KINDS[kind].detail, headers: { 'cache-control': 'no-store' }, name: 'Refusal' })
    t.ok(no instanceof Error)
    t.equal(no.reason, 'secret reason')
  }
})

t.test('law 7: reason and cause are for the log alone', async (t) => {
  const no = refusal('insufficient_permissions', { reason: 'secret reason', cause: new Error('secret cause') })
  for (const text of [JSON.stringify(no), JSON.stringify({ ...no }), JSON.stringify(problem(no, '/')), JSON.stringify(fastifyShape(no)), String(no)]) t.notMatch(text, /secret/)
  t.match(no.cause, { message: 'secret cause' })
})

t.test('the text of a problem is its JSON, whatever is in it', async (t) => {
  const names = fc.option(fc.array(fc.string({ unit: 'binary', maxLength: 5 }), { maxLength: 3 }), { nil: undefined })
  const text = fc.option(fc.string({ unit: 'binary', maxLength: 5 }), { nil: undefined })
  fc.assert(fc.property(fc.constantFrom(...kinds), names, names, text, text, text, text, fc.string({ unit: 'binary' }), (kind, violated, fields, code, detail, help, action, instance) => {
    const no = refusal(kind, { reason: 'r', violated, fields, code, detail, help, details: action === undefined ? undefined : { action } })
    return problemText(no, instance) === JSON.stringify(problem(no, instance)) && problemText(no, instance, 'another') === JSON.stringify(problem(no, instance, 'another'))
  }))
  const detailed = refusal('insufficient_permissions', { reason: 'r', details: { action: 'read' } })
  t.equal(problemText(detailed, '/a'), JSON.stringify(problem(detailed, '/a')))
  t.equal(problemText(refusal('quota_exceeded', { reason: 'r', violated: ['few'] }), '/a'), JSON.stringify(problem(refusal('quota_exceeded', { reason: 'r', violated: ['few'] }), '/a')))
})

t.test('what a policy or an application adds is told', async (t) => {
  const no = refusal('forbidden_fields', { reason: 'r', code: 'c', detail: 'd', fields: ['a'], details: { action: 'read' }, help: 'https://h.example', headers: { 'x-a': '1' } })
  t.same(problem(no, '/a'), { type: 'https://h.example', title: 'Forbidden', status: 403, code: 'c', detail: 'd', instance: '/a', fields: ['a'], details: { action: 'read' } })
  t.same(fastifyShape(no), { statusCode: 403, code: 'c', error: 'Forbidden', message: 'd', fields: ['a'], details: { action: 'read' } })
  t.match(no.headers, { 'x-a': '1' })
  const bare = refusal('not_found', { reason: 'r' })
  t.same(problem(bare, '/a'), { type: 'about:blank', title: 'Not Found', status: 404, code: 'not_found', detail: 'There is nothing here.', instance: '/a' })
  t.same(fastifyShape(bare), { statusCode: 404, code: 'not_found', error: 'Not Found', message: 'There is nothing here.' })
})

t.test('law 9: a 429 and a 503 always have a Retry-After, whole seconds, at least 1 and never too early', async (t) => {
  t.equal(refusal('temporarily_unavailable', { reason: 'r' }).headers['retry-after'], '5')
  t.equal(refusal('too_many_attempts', { reason: 'r', retryAfter: 1.2 }).headers['retry-after'], '2')
  t.equal(refusal('not_found', { reason: 'r' }).headers['retry-after'], undefined)
  for (const kind of ['too_many_attempts', 'quota_exceeded'] as const) t.match(refusal(kind, { reason: 'r' }).headers['retry-after'], /^[1-9]\d*$/)
  for (const retryAfter of [NaN, Infinity, -Infinity, 0, -1]) t.match(refusal('quota_exceeded', { reason: 'r', retryAfter }).headers['retry-after'], /^[1-9]\d*$/)
  fc.assert(fc.property(fc.oneof(fc.double(), fc.integer()), (retryAfter) => {
    const header = refusal('too_many_attempts', { reason: 'r', retryAfter }).headers['retry-after'] as string
    assert.match(header, /^[1-9]\d*$/)
    if (retryAfter < 1e9) assert.ok(Number(header) >= retryAfter)
  }))
})

t.test('a refusal carries no stack, and leaves other errors theirs', async (t) => {
  const before = Error.stackTraceLimit
  t.notMatch(refusal('not_found', { reason: 'r' }).stack ?? '', /\n\s+at /)
  t.equal(Error.stackTraceLimit, before)
  t.throws(() => refusal('invalid_credential' as RefusalKind, { reason: 'r' }), { name: 'TypeError', message: /^refusal: there is no kind "invalid_credential"; allowed are invalid_request, / })
  t.throws(() => refusal('insufficient_permissions', undefined as never), { name: 'TypeError', message: 'refusal("insufficient_permissions", { reason }): the reason, for the log, is needed' })
  t.throws(() => refusal('not_found', {} as never), { name: 'TypeError' })
  t.equal(Error.stackTraceLimit, before)
  t.match(new Refusal('not_found', { reason: 'r' }).stack, /\n\s+at /)
})
