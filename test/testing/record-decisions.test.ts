/** What an application decided, and whether it decided what it should. */
import { AssertionError } from 'node:assert'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import t from 'tap'
import type { FastifyInstance } from 'fastify'
import { anyOf, authenticated, can, DECISIONS, refusal, resource, role, scope } from '../../lib/index.ts'
import { as, recordDecisions } from '../../lib/testing/index.ts'
import { porch } from '../core/porch.ts'

interface Teardown { teardown: (end: () => unknown) => void }
interface Post { id: number, authorId: string, open: boolean, archived: boolean }

const ADA = { id: 'ada', roles: ['author'] } as never
const ROWS: Readonly<Record<string, Post>> = {
  1: { id: 1, authorId: 'ada', open: false, archived: false },
  2: { id: 2, authorId: 'bob', open: true, archived: false },
  3: { id: 3, authorId: 'ada', open: false, archived: true },
  4: { id: 4, authorId: 'bob', open: false, archived: false },
}

/** An application, and what is recorded of it. */
async function recorded (t: Teardown) {
  const post = resource<Post>('Post', { param: 'id', load: (id) => id === 'down' ? Promise.reject(new Error('down')) : ROWS[id] })
  const note = resource<Post>('Note', { param: 'note', load: (id) => ROWS[id] })
  const app: FastifyInstance = await porch(t, {}, (app) => {
    app.get('/', { config: { access: 'public' } }, () => 'ok')
    app.get('/me', { config: { access: authenticated() } }, () => 'ok')
    app.get('/posts', { config: { access: can('read', post.list) } }, (request) => { post.filter(request); return [] })
    app.get('/posts/:id', { config: { access: can('read', post) } }, () => 'ok')
    app.patch('/posts/:id', { config: { access: can('update', post) } }, () => 'ok')
    app.post('/posts', { config: { access: can('create', post.proposed(() => ({ authorId: 'ada' }))) } }, () => 'ok')
    app.get('/either/:id/:note', { config: { access: anyOf(can('read', post), can('update', note), can('read', 'Report'), can('delete', 'Report')) } }, () => 'ok')
    app.get('/report', { config: { access: can('read', 'Report') } }, () => 'ok')
    app.get('/authors', { config: { access: role('author') } }, () => 'ok')
    app.get('/feed', { config: { access: scope('feed') } }, () => 'ok')
    app.get('/asks/:id', { config: { access: authenticated() } }, (request) => {
      const row = ROWS[(request.params as { id: string }).id] as Post
      if (!request.can('read', post, row)) return 'nothing'
      request.authorize('update', post, row)
      return 'ok'
    })
    app.get('/made', { config: { access: authenticated() } }, (request) => request.can('read', post, { authorId: 'ada' }))
    app.get('/busy', { config: { access: can('read', 'Report') } }, () => { throw refusal('too_many_attempts', { reason: 'too fast', retryAfter: 1 }) })
  })
  const recorder = recordDecisions(app)
  t.teardown(() => recorder.stop())
  return { app, recorder, ada: as(app, ADA) }
}

t.test('a route that authorized what it should is told from one that did not', async (t) => {
  const { ada, recorder } = await recorded(t)
  await ada.inject('/posts/1')
  recorder.assertAuthorized('read', 'Post')
  recorder.assertAuthorized('read', 'Post', 1)
  recorder.assertAuthorized('read', 'Post', '1')
  t.throws(() => recorder.assertAuthorized('read', 'Post', 2), new AssertionError({ message: 'nobody was allowed to read Post 2; decided was:\n  allow read Post 1 at GET /posts/:id' }))
  t.throws(() => recorder.assertAuthorized('update', 'Post'), { message: /nobody was allowed to update Post;/ })
  t.throws(() => recorder.assertAuthorized('read', 'Note'), AssertionError)
  t.throws(() => recorder.assertDenied('read', 'Post'), { message: /nobody was refused to read Post;/ })
})

t.test('a refusal is known by its public code', async (t) => {
  const { app, ada, recorder } = await recorded(t)
  await ada.inject({ method: 'PATCH', url: '/posts/3' })
  recorder.assertDenied('update', 'Post')
  recorder.assertDenied('update', 'Post', 'archived')
  t.throws(() => recorder.assertDenied('update', 'Post', 'insufficient_permissions'), { message: 'nobody was refused to update Post with insufficient_permissions; decided was:\n  deny update Post 3 (archived) at PATCH /posts/:id' })
  t.throws(() => recorder.assertAuthorized('update', 'Post'))
  await as(app, null).inject('/report')
  recorder.assertDenied('read', 'Report', 'unauthenticated')
})

t.test('a part that was down, a throttled request and an unknown route are no refusals of the policy', async (t) => {
  const { ada, recorder } = await recorded(t)
  t.equal((await ada.inject('/posts/down')).statusCode, 503)
  t.equal((await ada.inject('/busy')).statusCode, 429)
  t.equal((await ada.inject('/feed')).statusCode, 403)
  await ada.inject('/nowhere')
  t.equal(recorder.events.length, 3)
  t.throws(() => recorder.assertDenied('read', 'Post'), { message: /decided was:\n {2}nothing$/ })
  t.throws(() => recorder.assertDenied('read', 'Report'))
})

t.test('lists, proposed records and whole subjects are decided too', async (t) => {
  const { ada, recorder } = await recorded(t)
  t.throws(() => recorder.assertListed('Post'), { message: 'no list of Post was filtered; decided was:\n  nothing' })
  await ada.inject('/posts')
  recorder.assertListed('Post')
  t.throws(() => recorder.assertListed('Note'))
  t.throws(() => recorder.assertAuthorized('create', 'Post'))
  await ada.inject({ method: 'POST', url: '/posts' })
  recorder.assertAuthorized('create', 'Post')
  await ada.inject('/report')
  recorder.assertAuthorized('read', 'Report')
  recorder.assertAuthorized('read', 'Post')
})

t.test('of alternatives those count that hold', async (t) => {
  const { ada, recorder } = await recorded(t)
  t.equal((await ada.inject('/either/9/1')).statusCode, 200)
  t.throws(() => recorder.assertAuthorized('read', 'Post'), 'there is no such post')
  recorder.assertAuthorized('update', 'Note', 1)
  recorder.assertAuthorized('read', 'Report')
  t.throws(() => recorder.assertAuthorized('delete', 'Report'))
  recorder.clear()
  t.equal((await ada.inject('/either/1/2')).statusCode, 200)
  recorder.assertAuthorized('read', 'Post', 1)
  t.throws(() => recorder.assertAuthorized('update', 'Note'), 'it is another\'s')
})

t.test('decisions that a handler asks for count like those of its route', async (t) => {
  const { ada, recorder } = await recorded(t)
  t.equal((await ada.inject('/asks/1')).body, 'ok')
  recorder.assertAuthorized('read', 'Post', 1)
  recorder.assertAuthorized('update', 'Post', 1)
  t.equal((await ada.inject('/asks/3')).statusCode, 403)
  recorder.assertDenied('update', 'Post', 'archived')
  t.equal((await ada.inject('/asks/4')).body, 'nothing')
  recorder.assertDenied('read', 'Post', 'insufficient_permissions')
  recorder.clear()
  await ada.inject('/made')
  recorder.assertAuthorized('read', 'Post')
  t.throws(() => recorder.assertAuthorized('read', 'Post', 1), { message: /allow read Post at GET \/made$/ })
})

t.test('every answer came after a decision, or is named', async (t) => {
  const { app, ada, recorder } = await recorded(t)
  t.throws(() => recorder.assertEveryRouteDecided(), { message: 'no request was recorded, so nothing is known of any route' })
  for (const url of ['/', '/posts', '/posts/1', '/report', '/authors', '/asks/1']) t.equal((await ada.inject(url)).statusCode, 200)
  await as(app, ADA, { auth: { scopes: ['feed'] } }).inject('/feed')
  await as(app, null).inject('/me')
  recorder.assertEveryRouteDecided()
  await ada.inject('/me')
  await ada.inject('/me')
  t.throws(() => recorder.assertEveryRouteDecided(), new AssertionError({ message: 'answered without a decision of the policy: GET /me' }))
  recorder.assertEveryRouteDecided({ except: ['GET /me'] })
})

t.test('another application\'s decisions are not recorded, nor anything after the end', async (t) => {
  const { ada, recorder } = await recorded(t)
  const other = await recorded(t)
  await other.ada.inject('/posts/1')
  t.strictSame(recorder.events, [])
  t.match(other.recorder.events, [{ route: '/posts/:id', outcome: 'allow', user: 'ada', scheme: 'Key' }])
  await ada.inject('/posts/1')
  recorder.stop()
  await ada.inject('/posts/1')
  t.equal(recorder.events.length, 1)
  t.equal(other.recorder.events.length, 1)
})

t.test('an event that somebody else publishes is none of ours', async (t) => {
  const { ada, recorder } = await recorded(t)
  const events: unknown[] = []
  const listener = (event: unknown): void => { events.push(event) }
  subscribe(DECISIONS, listener)
  t.teardown(() => unsubscribe(DECISIONS, listener))
  await ada.inject('/report')
  const { channel } = await import('node:diagnostics_channel')
  channel(DECISIONS).publish({ ...events[0] as object })
  t.equal(events.length, 2)
  t.equal(recorder.events.length, 1)
})
