import t from 'tap'
import type { No } from '../../lib/authorization/decision.ts'
import { allOf, anyOf, authenticated, can, resource, role, scope, stepUp } from '../../lib/index.ts'
import { refusedNo } from '../../lib/requests/refusal-of.ts'
import type { RoutePlan } from '../../lib/routes/plan.ts'
import { as, keys, porch } from '../core/porch.ts'

const post = resource('Post', { param: 'id', load: (id) => id === '9' ? null : { authorId: 'grace', open: false } })
const hidden = resource('Note', { param: 'id', load: () => ({ authorId: 'grace' }), hidden: true })
const ada = as({ id: 'ada', roles: ['author'] })

/** A scheme beside `Key` that reads a header of its own. */
const header = keys({
  name: 'Header',
  oauth: true,
  varyOn: ['X-Key'],
  find: ({ headers }) => headers['x-key'] === undefined ? { kind: 'nothing' } : { kind: 'credentials', place: 'header', credentials: String(headers['x-key']) },
})

t.test('two credentials are a 400, challenged by those whose errors follow RFC 6750', async (t) => {
  const app = await porch(t, { schemes: [keys(), header] }, (app) => app.get('/', { config: { access: authenticated() } }, () => 'x'))
  const answer = await app.inject({ url: '/', headers: { ...ada, 'x-key': 'e30' } })
  t.match({ status: answer.statusCode, code: answer.json().code, challenge: String(answer.headers['www-authenticate']) }, { status: 400, code: 'invalid_request', challenge: /error="invalid_request"/ })
  t.ok(app.lines.some(({ access }) => access?.reason === 'more than one credential was sent: Header and Key'))
})

t.test('the help page of a 400 for credentials is told as that of any other refusal', async (t) => {
  const app = await porch(t, { schemes: [keys(), header], disclose: { help: 'https://h.example/{code}' } }, (app) => app.get('/', { config: { access: authenticated() } }, () => 'x'))
  t.equal((await app.inject({ url: '/', headers: { ...ada, 'x-key': 'e30' } })).json().type, 'https://h.example/invalid_request')
})

t.test('a step-up tells the client what kind and age of sign-in it takes', async (t) => {
  const app = await porch(t, { schemes: [keys({ challenge: (reason) => ({ scheme: 'Key', params: reason.kind === 'error' ? [['error', reason.error], ...Object.entries(reason.extra ?? {})] : [] }) })] }, (app) => {
    app.get('/both', { config: { access: stepUp({ acr: ['mfa', 'hwk'], maxAge: 60 }) } }, () => 'x')
    app.get('/acr', { config: { access: stepUp({ acr: 'mfa' }) } }, () => 'x')
    app.get('/age', { config: { access: stepUp({ maxAge: 60 }) } }, () => 'x')
  })
  const challenge = async (url: string, auth = {}) => {
    const { statusCode, headers } = await app.inject({ url, headers: as({}, auth) })
    return `${statusCode} ${String(headers['www-authenticate'] ?? '')}`
  }
  t.equal(await challenge('/both'), '401 Key error="insufficient_user_authentication", acr_values="mfa hwk", max_age="60"')
  t.equal(await challenge('/acr'), '401 Key error="insufficient_user_authentication", acr_values="mfa"')
  t.equal(await challenge('/age', { authTime: 1 }), '401 Key error="insufficient_user_authentication", max_age="60"')
  t.equal(await challenge('/both', { acr: 'mfa', authTime: Math.floor(Date.now() / 1000) }), '200 ')
})

t.test('law 7: details, reason and help are told where the application discloses them, and only of what is not hidden', async (t) => {
  const disclose = { details: true, reasonHeader: 'X-Reason', help: 'https://h.example/{code}?{code}' }
  const app = await porch(t, { disclose, refusals: { details: { archived: 'Archived – for good.' } } }, (app) => {
    app.get('/role', { config: { access: role('admin') } }, () => 'x')
    app.get('/scope', { config: { access: scope('a', 'b') } }, () => 'x')
    app.get('/posts/:id', { config: { access: can('read', post) } }, () => 'x')
    app.get('/notes/:id', { config: { access: can('read', hidden) } }, () => 'x')
    app.get('/step', { config: { access: allOf(authenticated(), stepUp({ maxAge: 1 })) } }, () => 'x')
    app.get('/quiet', { config: { access: role('admin', { disclose: { details: false } }) } }, () => 'x')
    app.get('/archived', { config: { access: authenticated() } }, (request) => request.authorize('update', post, { authorId: 'ada', archived: true }))
  })
  const answer = async (url: string) => {
    const { statusCode, headers } = await app.inject({ url, headers: ada })
    const body = (await app.inject({ url, headers: ada })).json()
    return { status: statusCode, details: body.details, type: body.type, reason: headers['x-reason'], detail: body.detail }
  }
  const currentRoles = ['author', 'anonymous']
  t.match(await answer('/role'), { status: 403, details: { requiredRoles: ['admin'], currentRoles }, type: 'https://h.example/insufficient_permissions?insufficient_permissions', reason: 'needs the role admin' })
  t.match(await answer('/scope'), { status: 403, details: { requiredScopes: ['a', 'b'] } })
  t.match(await answer('/posts/1'), { status: 403, details: { action: 'read', subject: 'Post', currentRoles } })
  t.match(await answer('/step'), { status: 401, reason: /older/ })
  t.match(await answer('/archived'), { status: 403, type: 'https://h.example/archived?archived', detail: 'Archived – for good.' })
  for (const url of ['/notes/1', '/posts/9']) {
    const { details, reason, status } = await answer(url)
    t.same({ details, reason, status }, { details: undefined, reason: undefined, status: 404 })
  }
  t.equal((await answer('/quiet')).details, undefined)
})

t.test('a reason in a header is no longer than a sentence, whatever the client has written', async (t) => {
  const plan = { disclose: { reasonHeader: 'X-Reason' } } as RoutePlan
  const sent = (reason: string): string | string[] | undefined => {
    const no: No = { kind: 'no', as: 'fields', reason, rule: null, code: null, part: { kind: 'authenticated' }, fields: [], asked: null }
    return refusedNo(no, plan, []).refusal.headers['x-reason']
  }
  const fields = Array.from({ length: 900 }, () => 'é'.repeat(500)).join(', ')
  t.equal(sent(`the fields ${fields} may not be written`)?.length, 500)
  t.match(sent(`the fields ${fields} may not be written`), /^the fields \?+\.\.\.$/)
  t.equal(sent('a'.repeat(500)), 'a'.repeat(500))
  t.equal(sent('a\r\nb: c'), 'a??b: c')
})

t.test('what a pre-check refuses tells the user\'s roles, where details are disclosed', async (t) => {
  const app = await porch(t, { disclose: { details: true }, policies: [{ role: 'author' }, { name: 'state', deny: [{ code: 'suspended', when: { suspended: true } }] }] }, (app) => {
    app.get('/', { config: { access: authenticated() } }, () => 'x')
  })
  t.match((await app.inject({ url: '/', headers: as({ suspended: true, roles: ['author'] }) })).json(), { status: 403, code: 'suspended', details: { currentRoles: ['author', 'anonymous'] } })
})

t.test('a record that an alternative let in, but its own part does not, is not handed out', async (t) => {
  const app = await porch(t, {}, (app) => {
    app.get('/posts/:id', { config: { access: anyOf(role('author'), can('read', post)) } }, (request) => post.of(request))
  })
  t.equal((await app.inject({ url: '/posts/1', headers: ada })).statusCode, 403)
  t.equal((await app.inject({ url: '/posts/9', headers: ada })).statusCode, 404)
})
