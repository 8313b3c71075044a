import t from 'tap'
import type { FastifyRequest } from 'fastify'
import { optional, resource, signedIn } from '../../lib/index.ts'
import { as, porch } from './porch.ts'

const post = resource('Post')
const note = resource('Note', { hidden: true })
const ada = as({ id: 'ada', roles: ['author'] })

/** What the handler of an optional route gives back, or the refusal. */
async function handling (t: Parameters<typeof porch>[0], handler: (request: FastifyRequest) => unknown, headers: Record<string, string> = {}) {
  const app = await porch(t, {}, (app) => app.get('/', { config: { access: optional() } }, async (request) => ({ got: handler(request) })))
  const answer = await app.inject({ url: '/', headers })
  return { status: answer.statusCode, ...answer.json(), challenge: answer.headers['www-authenticate'] }
}

t.test('a handler may ask about any record, and gets yes or no', async (t) => {
  const ask = (request: FastifyRequest) => [request.can('read', post, { authorId: 'ada' }), request.can('update', post, { authorId: 'ada', archived: true }), request.can('read', note, { open: true })]
  t.match(await handling(t, ask, ada), { got: [true, false, true] })
  t.match(await handling(t, ask), { got: [false, false, true] })
})

t.test('an action that nobody knows is a mistake, not a no; one of the four that everybody knows is a no', async (t) => {
  t.match(await handling(t, (request) => request.can('raed', post, {}), ada), { status: 500, message: 'no rule mentions the action "raed". Did you mean "read"?' })
  t.match(await handling(t, (request) => request.can('delete', post, { authorId: 'ada' }), ada), { got: false })
})

t.test('law 3: authorize refuses the known user with a 403 or a hidden 404, and the anonymous with the 401', async (t) => {
  t.match(await handling(t, (request) => request.authorize('read', post, { authorId: 'ada' }) ?? 'allowed', ada), { status: 200, got: 'allowed' })
  t.match(await handling(t, (request) => request.authorize('update', post, { authorId: 'ada', archived: true }), ada), { status: 403, code: 'archived' })
  t.match(await handling(t, (request) => request.authorize('update', note, { authorId: 'grace' }), ada), { status: 404, code: 'not_found' })
  t.match(await handling(t, (request) => request.authorize('update', post, { open: true, archived: true })), { status: 401, code: 'unauthenticated', challenge: /^Key/ })
  t.match(await handling(t, (request) => request.authorize('read', note, { open: false })), { status: 404, code: 'not_found' })
})

t.test('authz T1: neither a type nor a missing record can be asked about', async (t) => {
  for (const wrong of ['Post', null, undefined, { kind: 'record' }, () => {}]) {
    t.match(await handling(t, (request) => request.can('read', wrong as never, {}), ada), { status: 500, message: 'expected a resource, as resource(…) makes it' })
  }
  for (const record of [null, undefined, 'Post', 7, [{ authorId: 'ada' }]]) {
    t.match(await handling(t, (request) => request.can('read', post, record as never), ada), { status: 500, message: 'expected a record of Post' })
  }
})

t.test('law 10: a record that throws when it is asked is a 503', async (t) => {
  const lazy = { get authorId (): string { throw new Error('lazy relation') } }
  const answer = await handling(t, (request) => request.can('read', post, lazy), ada)
  t.match(answer, { status: 503, code: 'temporarily_unavailable' })
  t.notMatch(JSON.stringify(answer), /lazy/)
})

t.test('signedIn gives the user, or the 401', async (t) => {
  t.match(await handling(t, (request) => signedIn(request), ada), { status: 200, got: { id: 'ada' } })
  t.match(await handling(t, (request) => signedIn(request)), { status: 401, code: 'unauthenticated', challenge: /^Key/ })
  t.match(await handling(t, (request) => { request.user = null as never; return signedIn(request) }, ada), { status: 401 })
})
