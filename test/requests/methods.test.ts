import t from 'tap'
import type { FastifyRequest } from 'fastify'
import { optional, resource, signedIn } from '../../lib/index.ts'
import { as, porch } from '../core/porch.ts'

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

t.test('law 4: of a hidden subject a record that was not found is refused as one that may not be read', async (t) => {
  for (const headers of [ada, {}]) {
    for (const record of [null, undefined]) {
      const asked = (record: unknown) => handling(t, (request) => request.authorize('update', note, record as never), headers)
      const { instance: _, ...missing } = await asked(record)
      const { instance: __, ...hidden } = await asked({ authorId: 'grace' })
      t.match(missing, { status: 404, code: 'not_found' })
      t.same(missing, hidden)
      t.match(await handling(t, (request) => request.can('read', note, record as never), headers), { got: false })
    }
  }
  t.match(await handling(t, (request) => request.can('raed', note, null as never), ada), { status: 500 }, 'a typo is told all the same')
})

t.test('law 10: a promise is no record: it has none of the values that a rule would ask about', async (t) => {
  for (const record of [Promise.resolve({ archived: true }), { then: () => {} }]) {
    for (const resource of [post, note]) {
      t.match(await handling(t, (request) => request.can('read', resource, record), as({ id: 'root', roles: ['admin'] })), { status: 500, message: /^expected a record of (Post|Note), and got a promise of one: await it/ })
    }
  }
  t.match(await handling(t, (request) => request.can('read', post, { authorId: 'ada', then: 'later' }), ada), { got: true })
})

t.test('law 11: "manage" is no action to ask for: it would pass by every rule that forbids one action', async (t) => {
  const policies = [{ role: 'author', rules: [{ action: 'manage', subject: 'Post' }, { action: 'delete', subject: 'Post', inverted: true, conditions: { archived: true } }] }]
  const app = await porch(t, { policies }, (app) => {
    app.get('/can', { config: { access: optional() } }, (request) => request.can('manage', post, { archived: true }))
    app.get('/authorize', { config: { access: optional() } }, (request) => request.authorize('manage', post, { archived: true }))
  })
  for (const url of ['/can', '/authorize']) t.match((await app.inject({ url, headers: ada })).json(), { statusCode: 500, message: 'request.can("manage", Post, …): name the action; "manage" is for rules, and would ignore those that forbid a single action' })
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
