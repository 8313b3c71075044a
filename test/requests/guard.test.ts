import { Readable } from 'node:stream'
import t from 'tap'
import type { FastifyReply, FastifyRequest } from 'fastify'
import gatehouse, { authenticated, can, optional, Refusal, resource, role, scope } from '../../lib/index.ts'
import { as, bare, keys, porch } from '../core/porch.ts'

const post = resource('Post')
const ada = as({ id: 'ada', roles: ['author'] })
const no = () => new Refusal('not_found', { reason: 'r', headers: { 'x-extra': 'kept' } })

t.test('law 7: an error handler of the application may change body and type, and redirect; a 2xx is replaced', async (t) => {
  const app = await porch(t, {}, (app) => {
    app.setErrorHandler((_error, request, reply) => {
      const { as } = request.query as { as?: string }
      if (as === 'redirect') return reply.redirect('/sign-in')
      if (as === 'nowhere') return reply.code(302).send('no location')
      if (as === 'ok') return reply.code(200).header('content-encoding', 'identity').send({ fine: true })
      if (as === 'stream') return reply.code(500).send(Readable.from(['internals']))
      return reply.code(404).type('text/plain').send('mine')
    })
    app.get('/', { config: { access: optional() } }, () => { throw no() })
  })
  const answer = (as: string) => app.inject(`/?as=${as}`)
  t.match(await answer('redirect'), { statusCode: 302, headers: { location: '/sign-in', 'cache-control': 'no-store', 'x-extra': 'kept' } })
  t.match(await answer(''), { statusCode: 404, body: 'mine', headers: { 'content-type': /text\/plain/, 'cache-control': 'no-store' } })
  for (const as of ['ok', 'nowhere', 'stream']) {
    const { statusCode, headers, body } = await answer(as)
    t.match({ statusCode, headers, code: JSON.parse(body).code }, { statusCode: 404, headers: { 'content-type': /problem\+json/, 'x-extra': 'kept' }, code: 'not_found' }, as)
    t.equal(headers['content-encoding'], undefined)
  }
})

t.test('a stream in place of a refusal is destroyed', async (t) => {
  const stream = new Readable({ read () {} })
  const app = await porch(t, {}, (app) => {
    app.setErrorHandler((_error, _request, reply) => reply.code(200).send(stream))
    app.get('/', { config: { access: optional() } }, () => { throw no() })
  })
  t.equal((await app.inject('/')).statusCode, 404)
  t.equal(stream.destroyed, true)
})

t.test('a Response is taken apart, so that the laws hold for it too', async (t) => {
  const used = async () => {
    const response = new Response('used')
    await response.text()
    return response
  }
  const app = await porch(t, {}, (app) => {
    app.get('/401', { config: { access: optional() } }, () => new Response('who?', { status: 401, headers: { 'x-a': '1' } }))
    app.get('/empty', { config: { access: optional() } }, () => new Response(null, { status: 204 }))
    app.get('/used', { config: { access: optional() } }, used)
  })
  t.match(await app.inject('/401'), { statusCode: 401, body: 'who?', headers: { 'www-authenticate': ['Key realm="porch"'], 'x-a': '1', 'cache-control': 'no-store' } })
  t.equal((await app.inject('/empty')).statusCode, 204)
  t.equal((await app.inject('/used')).statusCode, 500)
})

t.test('law 12: a list whose handler never asks for its filter is a 503, unless it has nothing to say', async (t) => {
  const app = await porch(t, {}, (app) => {
    app.get('/forgot', { config: { access: can('read', post.list) } }, () => [{ secret: true }])
    app.get('/asked', { config: { access: can('read', post.list) } }, (request) => post.filter(request).kind)
    app.get('/one', { config: { access: can('read', post.list) } }, (request) => [request.can('read', post, {})])
    app.get('/304', { config: { access: can('read', post.list) } }, (_request, reply) => reply.code(304).send())
  })
  const status = async (url: string) => (await app.inject({ url, headers: ada })).statusCode
  t.same(await Promise.all(['/forgot', '/asked', '/one', '/304'].map(status)), [503, 200, 200, 304])
  t.notMatch((await app.inject({ url: '/forgot', headers: ada })).body, /secret/)
})

t.test('law 8: what depends on a cookie or key is private, what depends on Authorization says so', async (t) => {
  const cookie = keys({ name: 'Cookie', varyOn: ['Cookie'] })
  const app = await porch(t, {}, (app) => {
    const handler = (_request: FastifyRequest, reply: FastifyReply) => reply.header('cache-control', 'public, max-age=9').send('x')
    app.get('/key', { config: { access: optional() } }, handler)
    app.get('/cookie', { config: { access: optional({ schemes: [cookie] }) } }, handler)
    app.get('/connection', { config: { access: optional({ schemes: [keys({ name: 'Certificate', varyOn: [] })] }) } }, handler)
    app.get('/public', { config: { access: 'public' } }, handler)
  })
  const headers = async (url: string) => {
    const { 'cache-control': control, vary } = (await app.inject(url)).headers
    return [control, vary]
  }
  t.same(await headers('/key'), ['public, max-age=9', 'Authorization'])
  t.same(await headers('/cookie'), ['private, max-age=9', 'Cookie'])
  t.same(await headers('/connection'), ['private, max-age=9', undefined], 'no header tells a cache of a client certificate')
  t.same(await headers('/public'), ['public, max-age=9', undefined])
})

t.test('authn P12, P15: what the protocol of a scheme puts on an answer is there on every answer, which is then not stored', async (t) => {
  const nonced = keys({ verify: (sent) => sent === 'ok' ? { kind: 'user', user: {}, headers: { 'dpop-nonce': 'n1' } } : { kind: 'invalid', reason: 'no', headers: { 'dpop-nonce': 'n2' } } })
  const app = bare(t)
  app.addHook('onRequest', async (_request, reply) => { reply.header('access-control-allow-origin', '*') })
  await app.register(gatehouse, { schemes: [nonced] })
  app.get('/', { config: { access: authenticated() } }, (_request, reply) => reply.header('cache-control', 'public, max-age=9').send('x'))
  app.get('/never', { config: { access: role('admin') } }, () => 'x')
  const answer = async (url: string, key: string) => {
    const { statusCode, headers } = await app.inject({ url, headers: { authorization: `Key ${key}` } })
    return [statusCode, headers['dpop-nonce'], headers['cache-control'], /dpop-nonce/.test(String(headers['access-control-expose-headers']))]
  }
  t.same(await answer('/', 'ok'), [200, 'n1', 'no-store', true], 'authn P15: also to a script of another origin')
  t.same(await answer('/', 'bad'), [401, 'n2', 'no-store', true])
  t.same(await answer('/never', 'ok'), [403, 'n1', 'no-store', true])
})

t.test('authn B7: an answer to credentials in the URL is not stored', async (t) => {
  const byUrl = keys({ find: (request) => request.query === undefined ? { kind: 'nothing' } : { kind: 'credentials', place: 'query', credentials: 'e30' } })
  const app = await porch(t, { schemes: [byUrl] }, (app) => {
    app.get('/', { config: { access: authenticated() } }, (_request, reply) => reply.header('cache-control', 'public, max-age=9').send('x'))
  })
  t.match((await app.inject('/?key=e30')).headers, { 'cache-control': 'no-store' })
})

t.test('a browser gets a page that no search engine keeps, and across origins the headers it needs', async (t) => {
  const app = await porch(t, {}, (app) => {
    app.addHook('onRequest', async (_request, reply) => { reply.header('access-control-allow-origin', '*') })
    app.get('/', { config: { access: authenticated() } }, () => 'x')
  })
  const page = await app.inject({ url: '/', headers: { ...ada, authorization: 'Key nonsense', accept: 'text/html' } })
  t.match(page.headers, { 'content-type': 'text/html; charset=utf-8', 'x-robots-tag': 'noindex', vary: 'Authorization, Accept', 'www-authenticate': ['Key realm="porch", error="invalid_credentials"'] })
  const plain = await porch(t, { refusals: { html: false } }, (app) => app.get('/', { config: { access: authenticated() } }, () => 'x'))
  t.match((await plain.inject({ url: '/', headers: { accept: 'text/html' } })).headers, { 'content-type': /problem/, vary: 'Authorization' })
})

t.test('a refusal depends on Accept too, and says so once, beside what is said already', async (t) => {
  const app = await porch(t, { schemes: [keys({ varyOn: ['accept', 'Authorization'] })] }, (app) => {
    app.get('/', { config: { access: authenticated() } }, () => 'x')
    app.get('/said', { config: { access: authenticated() }, onRequest: async (_request, reply) => { reply.header('vary', 'Origin, accept') } }, () => 'x')
    app.get('/open', { config: { access: 'public' } }, (_request, reply) => reply.code(401).send('x'))
  })
  t.equal((await app.inject('/')).headers.vary, 'Authorization, Accept')
  t.equal((await app.inject({ url: '/', headers: ada })).headers.vary, 'accept, Authorization')
  t.equal((await app.inject({ url: '/said', headers: ada })).headers.vary, 'Origin, accept, Authorization')
  t.equal((await app.inject('/open')).headers.vary, 'Accept')
})

t.test('across origins a script may read the headers of a refusal', async (t) => {
  const app = bare(t)
  app.addHook('onRequest', async (_request, reply) => { reply.headers({ 'access-control-allow-origin': 'https://a.example', 'access-control-expose-headers': 'ETag' }) })
  await app.register(gatehouse, { schemes: [keys()] })
  app.get('/', { config: { access: authenticated() } }, () => 'x')
  t.match((await app.inject('/')).headers, { 'access-control-expose-headers': 'ETag, WWW-Authenticate, Retry-After, RateLimit, RateLimit-Policy' })
  t.match((await app.inject({ url: '/', headers: ada })).headers, { 'access-control-expose-headers': 'ETag' })
})

t.test('law 1: a challenge of the application\'s own stays if it is one, and a scheme that fails to make its own gets the plainest', async (t) => {
  const app = await porch(t, { realm: 'porch', schemes: [keys({ challenge: () => { throw new Error('x') } })] }, (app) => {
    app.get('/own', { config: { access: optional() } }, (_request, reply) => reply.code(401).header('www-authenticate', 'Own realm="mine"').send('x'))
    app.get('/bad', { config: { access: optional() } }, (_request, reply) => reply.code(401).header('www-authenticate', 'Own realm="').send('x'))
  })
  t.equal(String((await app.inject('/own')).headers['www-authenticate']), 'Own realm="mine"')
  t.equal(String((await app.inject('/bad')).headers['www-authenticate']), 'Key realm="porch"')
})

t.test('a refusal that the application answers with nothing at all gets its body', async (t) => {
  const app = await porch(t, {}, (app) => {
    app.setErrorHandler((_error, _request, reply) => reply.code(204).send())
    app.get('/', { config: { access: optional() } }, () => { throw no() })
  })
  t.match((await app.inject('/')).json(), { code: 'not_found' })
})

t.test('a challenge of RFC 6750 stands on the 403 of an OAuth scheme, and on no other', async (t) => {
  for (const oauth of [true, false]) {
    const app = await porch(t, { schemes: [keys({ oauth })] }, (app) => app.get('/', { config: { access: scope('a') } }, () => 'x'))
    const { statusCode, headers } = await app.inject({ url: '/', headers: as({}, { scopes: ['b'] }) })
    t.match({ statusCode, challenge: String(headers['www-authenticate'] ?? 'none') }, { statusCode: 403, challenge: oauth ? 'Key realm="porch", error="insufficient_scope"' : 'none' })
  }
})
