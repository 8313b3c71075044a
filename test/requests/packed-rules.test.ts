/** A route that tells a front end the rules of its user. */
import { createMongoAbility, subject } from '@casl/ability'
import { unpackRules } from '@casl/ability/extra'
import fc from 'fast-check'
import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import t from 'tap'
import { authenticated, optional, packedRules, sendPackedRules, type GatehouseOptions } from '../../lib/index.ts'
import { definePolicy } from '../../lib/policies/index.ts'
import { as, bare, porch } from '../core/porch.ts'

const POLICIES = [
  definePolicy({ role: 'anonymous', rules: [{ action: 'read', subject: 'Post', conditions: { open: true }, expose: true }] }),
  definePolicy({
    role: 'author',
    rules: [
      { action: 'update', subject: 'Post', conditions: { authorId: '$user.id' }, expose: true },
      { action: 'read', subject: 'Report' },
      { action: 'update', subject: 'Post', inverted: true, conditions: { archived: true }, code: 'archived', expose: true },
    ],
  }),
  definePolicy({ role: 'support', rules: [{ action: 'update', subject: 'Post', expose: true }, { action: 'ban', subject: 'User', expose: true }] }),
]

const ada = { id: 'ada', roles: ['author'] }

function front (t: Parameters<typeof porch>[0], options: GatehouseOptions = {}) {
  return porch(t, { policies: POLICIES, ...options }, (app) => {
    app.get('/rules', { config: { access: authenticated() } }, sendPackedRules)
    app.post('/rules', { config: { access: authenticated() } }, sendPackedRules)
    app.get('/plain', { config: { access: optional() } }, (request) => packedRules(request))
  })
}

/** What CASL in a browser makes of an answer. */
function abilityFrom (answer: LightMyRequestResponse) {
  const ability = createMongoAbility(unpackRules(answer.json().rules) as never)
  return (action: string, post: object) => ability.can(action, subject('Post', { ...post }) as never)
}

t.test('the route answers with the user\'s own rules, and CASL in a browser reads them', async (t) => {
  const app = await front(t)
  const answer = await app.inject({ url: '/rules', headers: as(ada) })
  t.equal(answer.statusCode, 200)
  t.equal(answer.headers['content-type'], 'application/json; charset=utf-8')
  const can = abilityFrom(answer)
  t.equal(can('read', { open: true }), true)
  t.equal(can('read', { open: false }), false)
  t.equal(can('update', { authorId: 'ada', archived: false }), true)
  t.equal(can('update', { authorId: 'ada', archived: true }), false)
  t.equal(can('update', { authorId: 'abe', archived: false }), false)
  t.notMatch(answer.body, /Report|support|ban|"archived","/)
})

t.test('law 8: the answer is kept by this client only, and asked for each time', async (t) => {
  const app = await front(t)
  const { headers } = await app.inject({ url: '/rules', headers: as(ada) })
  t.equal(headers['cache-control'], 'private, no-cache')
  t.equal(headers['vary'], 'Authorization')
  t.match(headers['etag'], /^W\/"[\w-]{22}"$/)
})

t.test('law 1: without credentials there are no rules but a 401', async (t) => {
  const app = await front(t)
  const answer = await app.inject('/rules')
  t.strictSame([answer.statusCode, answer.headers['etag'], answer.headers['www-authenticate'] !== undefined], [401, undefined, true])
})

t.test('the anonymous have rules too, where a route lets them in', async (t) => {
  const app = await front(t)
  t.strictSame((await app.inject('/plain')).json(), [['read', 'Post', { open: true, 'open.0': { $exists: false } }]])
})

/** The answer to a client that has `known`. */
function asking (app: FastifyInstance, known: string | readonly string[], method: 'GET' | 'HEAD' | 'POST' = 'GET', user: object = ada) {
  return app.inject({ method, url: '/rules', headers: { ...as(user), 'if-none-match': known as string } })
}

t.test('who has the rules already gets a 304 (RFC 9110 section 13.1.2)', async (t) => {
  const app = await front(t)
  const { headers } = await app.inject({ url: '/rules', headers: as(ada) })
  const tag = headers['etag'] as string
  const strong = tag.slice(2)
  for (const known of [tag, strong, '*', ' * ', `"other", ${tag}`, `W/"other",${strong},"third"`, `"with, comma", ${tag}`]) {
    const answer = await asking(app, known)
    t.strictSame([answer.statusCode, answer.body], [304, ''], known)
    t.strictSame([answer.headers['etag'], answer.headers['cache-control'], answer.headers['vary'], answer.headers['content-type']], [tag, 'private, no-cache', 'Authorization', undefined])
  }
  t.equal((await asking(app, tag, 'HEAD')).statusCode, 304)
})

t.test('everybody else gets the rules', async (t) => {
  const app = await front(t)
  const tag = (await app.inject({ url: '/rules', headers: as(ada) })).headers['etag'] as string
  for (const known of ['', '"', '""', '"other"', tag.replaceAll('"', ''), `${tag.slice(0, -2)}"`, '*, "other"', '"*"', tag.toLowerCase()]) {
    t.equal((await asking(app, known)).statusCode, 200, known)
  }
  t.equal((await asking(app, tag, 'POST')).statusCode, 200, 'the condition is one of GET and HEAD')
})

t.test('whatever If-None-Match says, it is answered', async (t) => {
  const app = await front(t)
  await fc.assert(fc.asyncProperty(fc.array(fc.constantFrom('"', ',', ' ', 'W/', '*', 'x', '\\', '\t', 'é'), { maxLength: 30 }), async (parts) => {
    const known = parts.join('')
    return (await asking(app, known)).statusCode === (known.trim() === '*' ? 304 : 200)
  }), { numRuns: 200 })
})

t.test('other rules have another tag, and the same rules the same', async (t) => {
  const app = await front(t)
  const tagOf = async (user: object) => (await app.inject({ url: '/rules', headers: as(user) })).headers['etag']
  t.equal(await tagOf(ada), await tagOf({ ...ada, name: 'Ada' }))
  t.not(await tagOf(ada), await tagOf({ ...ada, id: 'abe' }))
  t.not(await tagOf(ada), await tagOf({ ...ada, roles: ['author', 'support'] }))
  t.equal(await tagOf({ ...ada, roles: ['author', 'support'] }), await tagOf({ ...ada, roles: ['support', 'author'] }))
})

t.test('who acts as another gets what both may', async (t) => {
  const app = await front(t, { actor: (user) => (user as { actor?: object }).actor ?? null })
  const can = abilityFrom(await app.inject({ url: '/rules', headers: as({ ...ada, actor: { id: 'sue', roles: ['support'] } }) }))
  t.equal(can('update', { authorId: 'ada', archived: false }), true)
  t.equal(can('update', { authorId: 'abe', archived: false }), false, 'ada may not')
  const without = abilityFrom(await app.inject({ url: '/rules', headers: as({ ...ada, actor: { id: 'sue', roles: [] } }) }))
  t.equal(without('update', { authorId: 'ada', archived: false }), false, 'sue may not')
})

t.test('law 10: roles that cannot be told are a 503', async (t) => {
  const app = await front(t, { roles: () => { throw new Error('the directory is down') } })
  const answer = await app.inject({ url: '/rules', headers: as(ada) })
  t.strictSame([answer.statusCode, answer.json().code, answer.headers['etag']], [503, 'temporarily_unavailable', undefined])
  t.notMatch(answer.body, /directory/)
})

t.test('a request that never passed the gatehouse has no rules', async (t) => {
  const app = bare(t)
  app.get('/rules', sendPackedRules)
  t.match((await app.inject('/rules')).json(), { statusCode: 500, message: /register fastify-gatehouse in this scope or above it/ })
})

t.test('law 11: a rule that is exposed and cannot be said stops the start and the reload', async (t) => {
  const told = { role: 'author', rules: [{ action: 'read', subject: 'Post', conditions: { title: 'x' }, expose: true }] }
  const untold = definePolicy({ role: 'author', rules: [{ action: 'read', subject: 'Post', conditions: { at: '2026-01-01' }, expose: true }] })
  const error = { code: 'FST_GATEHOUSE_POLICY', message: /^author author\/1: "expose: true" cannot be kept, .* "at" is compared with a date/ }
  await t.rejects(async () => { await (await porch(t, { policies: [untold] })).ready() }, error)
  let policy: object = told
  const app = await porch(t, { policies: { name: 'a table', read: async () => [{ name: 'author.json', text: JSON.stringify(policy) }] } })
  await app.ready()
  const before = app.gatehouse.version
  policy = untold
  await t.rejects(app.gatehouse.reload(), { code: 'FST_GATEHOUSE_POLICY', message: /"expose: true" cannot be kept/ })
  t.equal(app.gatehouse.version, before)
})
