import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import t from 'tap'
import { allOf, authenticated, can, DECISIONS, optional, resource, role, type DecisionEvent } from '../../lib/index.ts'
import { definePolicy } from '../../lib/policies/define.ts'
import { as, POLICIES, porch } from '../core/porch.ts'

const posts: Record<string, object> = { 1: { authorId: 'ada' }, 2: { authorId: 'grace' }, 3: {} }
const post = resource('Post', { param: 'id', load: (id) => posts[id] ?? null })
const ada = as({ id: 'ada', roles: ['author'] })

const heard: DecisionEvent[] = []
const hear = (event: unknown) => { heard.push(event as DecisionEvent) }

t.before(() => subscribe(DECISIONS, hear))
t.teardown(() => unsubscribe(DECISIONS, hear))

async function application (t: Parameters<typeof porch>[0]) {
  return porch(t, { policies: [...POLICIES, { name: 'state', deny: [{ code: 'suspended', when: (user: { suspended?: boolean }) => user.suspended === true }] }] }, (app) => {
    app.get('/posts/:id', { config: { access: can('read', post) } }, () => 'post')
    app.get('/posts', { config: { access: can('read', post.list) } }, (request) => post.filter(request).kind)
    app.get('/maybe/:id?', { config: { access: can('read', post) } }, () => 'maybe')
    app.get('/report', { config: { access: can('read', 'Report') } }, () => 'report')
    app.get('/me', { config: { access: authenticated() } }, (request) => { request.user = null as never; return 'me' })
    app.get('/both/:id', { config: { access: allOf(role('author'), can('update', post)) } }, () => 'both')
    app.get('/open', { config: { access: optional() } }, () => 'open')
    app.get('/public', { config: { access: 'public' } }, () => 'public')
  })
}

/** The event of one request. */
async function eventAfter (app: Awaited<ReturnType<typeof application>>, url: string, headers = {}): Promise<DecisionEvent | undefined> {
  heard.length = 0
  await app.inject({ url, headers })
  t.ok(heard.length <= 1, 'one event for an answer')
  return heard[0]
}

t.test('a yes tells who did what, and by which rule', async (t) => {
  const app = await application(t)
  const event = await eventAfter(app, '/posts/1', ada)
  t.match(event, {
    method: 'GET',
    route: '/posts/:id',
    outcome: 'allow',
    status: 200,
    code: null,
    reason: null,
    user: 'ada',
    scheme: 'Key',
    action: 'read',
    subject: 'Post',
    resourceId: '1',
    rule: 'author/1',
    place: 'author',
    lacking: [],
    policy: app.gatehouse.policy?.version as string,
    requestId: /./,
  })
  t.ok(event !== undefined && event.duration >= 0)
  t.match(await eventAfter(app, '/report', ada), { action: 'read', subject: 'Report', resourceId: null, rule: 'author/2' })
  t.match(await eventAfter(app, '/posts', ada), { subject: 'Post', resourceId: null, rule: null, place: null })
  t.match(await eventAfter(app, '/open'), { user: null, scheme: null, action: null, subject: null })
})

t.test('a no tells the rule and the reason, and what rules lacked', async (t) => {
  const app = await application(t)
  t.match(await eventAfter(app, '/posts/2', ada), { outcome: 'deny', status: 403, code: 'insufficient_permissions', reason: 'no rule allows "read" on this Post', resourceId: '2', rule: null })
  t.match(await eventAfter(app, '/posts/3', ada), { status: 403, lacking: { length: 2 } })
  t.ok(heard[0]?.lacking.includes('author/1 needs a value of the record'))
  t.match(await eventAfter(app, '/posts/9', ada), { status: 404, code: 'not_found', resourceId: '9' })
  t.match(await eventAfter(app, '/posts/1'), { status: 401, code: 'unauthenticated', user: null, reason: 'nothing was sent' })
  t.match(await eventAfter(app, '/both/1', ada), { status: 403, action: 'update', rule: 'author/3', place: 'author' }, 'the record lacks what the inverted rule needs')
  t.match(await eventAfter(app, '/both/1', as({ id: 1 })), { status: 403, reason: 'needs the role author', user: '1' })
  t.match(await eventAfter(app, '/report', as({ suspended: true })), { status: 403, code: 'suspended', user: null, action: 'read' })
})

t.test('authz R6: a no of the rules is explained, with the rules that were asked and without a value; any other answer is not', async (t) => {
  const app = await application(t)
  const event = await eventAfter(app, '/posts/2', ada)
  t.match(event?.explanation, {
    allowed: false,
    action: 'read',
    subject: 'Post',
    rule: null,
    more: 0,
    candidates: [{ rule: 'anonymous/1', via: 'author > anonymous', applies: 'unknown', failed: [{ path: 'record.open', lacking: true }] }, { rule: 'author/1', applies: 'no', via: 'author', failed: [{ path: 'record.authorId', operator: '$eq', lacking: false }] }],
  })
  t.notMatch(JSON.stringify(event?.explanation), /grace|ada/)
  t.match((await eventAfter(app, '/both/1', ada))?.explanation, { action: 'update', rule: 'author/3' })
  t.match((await eventAfter(app, '/report', as({ id: 'x' })))?.explanation, { subject: 'Report', allowed: false, candidates: [] })
  for (const [url, headers] of [['/posts/1', ada], ['/posts/9', ada], ['/posts/1', {}], ['/both/1', as({ id: 1 })], ['/report', as({ suspended: true })]] as const) t.equal((await eventAfter(app, url, headers))?.explanation, null, url)
})

t.test('of many rules that were asked the first are told', async (t) => {
  const app = await porch(t, { policies: [{ role: 'author', rules: Array.from({ length: 100 }, (_, id) => ({ action: 'read', subject: 'Post', conditions: { id } })) }] }, (app) => app.get('/posts/:id', { config: { access: can('read', post) } }, () => 'post'))
  t.match((await eventAfter(app, '/posts/1', ada))?.explanation, { candidates: { length: 20 }, more: 80 })
})

t.test('what a client chooses is cut, and what is no id is none', async (t) => {
  const app = await application(t)
  const long = 'x'.repeat(5000)
  t.equal((await eventAfter(app, '/posts/1', as({ id: long, roles: ['admin'] })))?.user?.length, 200)
  t.ok(((await eventAfter(app, `/posts/${'y'.repeat(90)}`, ada))?.resourceId?.length ?? 0) <= 200)
  for (const id of [{}, null, true, ['a']]) t.equal((await eventAfter(app, '/posts/1', as({ id, roles: ['admin'] })))?.user, null)
})

t.test('where the URL leaves the id out, there is none to tell, and no such record', async (t) => {
  t.match(await eventAfter(await application(t), '/maybe', as({ roles: ['admin'] })), { status: 404, resourceId: null })
})

t.test('a handler that takes the user away leaves its answer whole', async (t) => {
  const app = await application(t)
  heard.length = 0
  const answer = await app.inject({ url: '/me', headers: ada })
  t.equal(answer.statusCode, 200)
  t.equal(answer.body, 'me')
})

t.test('an answer of a public route or an unknown URL is told only where it is a no', async (t) => {
  const app = await application(t)
  t.match(await eventAfter(app, '/public'), { outcome: 'allow', route: '/public' })
  t.equal(await eventAfter(app, '/unknown'), undefined)
})

t.test('law 10: what an explanation would ask of a record, and the decision did not, cannot change the answer', async (t) => {
  const record = { a: 2, get b (): number { throw new Error('not loaded') } }
  const post = resource('Post', { param: 'id', load: () => record })
  const app = await porch(t, { policies: [definePolicy({ role: 'author', rules: [{ action: 'read', subject: 'Post', conditions: { a: 1, b: 1 } }] })] }, (app) => {
    app.get('/posts/:id', { config: { access: can('read', post) } }, () => 'post')
  })
  const answer = await app.inject({ url: '/posts/1', headers: as({ id: 'ada', roles: ['author'] }) })
  t.equal(answer.statusCode, 403)
  t.match(app.lines.find(({ access }) => access !== undefined), { access: { status: 403, explanation: null } })
})

t.test('a no of rules tells the memberships that counted for nothing', async (t) => {
  const app = await application(t)
  const mel = (memberships: unknown) => as({ id: 'mel', memberships })
  t.match(await eventAfter(app, '/posts/2', mel([{ tenantId: 'a', roles: ['author'] }, { tenant: 'a', roles: ['auther'] }])), { outcome: 'deny', lacking: { length: 3, 1: 'memberships[0] has no tenant', 2: 'memberships[1] has the role "auther", which no policy defines' } })
  t.match(await eventAfter(app, '/posts/2', mel([{ tenant: 'a', roles: ['author'] }])), { outcome: 'deny', lacking: { length: 1 } })
  t.match(await eventAfter(app, '/me', mel('none')), { outcome: 'allow', lacking: { length: 0 } }, 'a yes needs no such reading')
})

t.test('where the application cannot tell the memberships a second time, the event is there all the same', async (t) => {
  let times = 0
  const app = await porch(t, { policies: POLICIES, memberships: () => { if (times++ > 0) throw new Error('not again'); return [] } }, (app) => {
    app.get('/posts/:id', { config: { access: can('update', post) } }, () => 'post')
  })
  t.match(await eventAfter(app, '/posts/2', ada), { outcome: 'deny', status: 403, lacking: [] })
})
