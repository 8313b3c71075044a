/** Laws 4 to 6: what is hidden, what is closed, and what never happens once the answer is no. */
import { connect, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import t from 'tap'
import Fastify, { type FastifyInstance } from 'fastify'
import gatehouse, { allOf, anyOf, authenticated, can, optional, resource, role, scope, signedIn } from '../../lib/index.ts'
import {
  ARTICLES, ask, basicOf, build, cells, CREDENTIALS, linesOf, METHODS, nameOf, raw, readAnswer, requestText, schemesOf, tokenOf, Yards,
  type Article, type RawAnswer, type Walls, type Yard,
} from './matrix.ts'

const yards = new Yards(false)
t.teardown(() => yards.close())

async function yardOf (t: { teardown: (end: () => unknown) => void }, walls: Walls): Promise<Yard> {
  const yard = await build({ logged: false, ...walls })
  t.teardown(() => yard.app.close())
  return yard
}

const as = (user: string, more: object = {}) => ({ authorization: `Bearer ${tokenOf(user, more)}` })

/** Headers that may differ between two answers to the same request. */
const OWN = /^(?:date|x-request-id|ratelimit[a-z-]*):/i

function comparable ({ status, lines, body }: RawAnswer) {
  return { status, lines: lines.filter((line) => !OWN.test(line)), body }
}

t.test('law 4: a hidden article answers as one that does not exist, in every cell, to everyone, with as many look-ups', async (t) => {
  const faults: string[] = []
  let compared = 0
  let turn = 0
  for (const cell of cells()) {
    const yard = await yards.of(cell)
    turn++
    for (const [which, credential] of CREDENTIALS.entries()) {
      if ((turn + which) % 5 !== 0) continue
      const parsed = credential.to[cell.scheme]
      if (parsed.kind === 'user' && parsed.user === 'adam') continue
      const seen = []
      for (const missing of [false, true]) {
        if (missing) yard.world.missing.add('2')
        yard.world.lookups = 0
        yard.world.handled = 0
        const response = await ask(yard, cell, '/articles/2', credential.lines)
        const headers = Object.entries(response.headers).filter(([name]) => !OWN.test(`${name}:`)).map(([name, value]) => `${name}: ${String(value)}`).sort()
        seen.push({ status: response.statusCode, headers, body: response.body, lookups: yard.world.lookups, handled: yard.world.handled })
        yard.world.missing.clear()
      }
      compared++
      if (JSON.stringify(seen[0]) !== JSON.stringify(seen[1])) faults.push(`${nameOf(cell)}, ${credential.name}: ${JSON.stringify(seen)}`)
      if (seen[0]?.handled !== 0) faults.push(`${nameOf(cell)}, ${credential.name}: the handler ran`)
      const lookups = parsed.kind === 'user' ? parsed.user === 'sven' ? 0 : 1 : parsed.kind === 'nothing' && cell.mode === 'optional' ? 1 : 0
      if (seen[0]?.lookups !== lookups) faults.push(`${nameOf(cell)}, ${credential.name}: ${seen[0]?.lookups} look-ups where ${lookups} are due`)
    }
  }
  t.strictSame(faults.slice(0, 10), [], `${faults.length} faults in ${compared} comparisons`)
  t.ok(compared > 2000, `${compared} comparisons`)
})

t.test('law 4: the bytes on the wire are the same, whoever answers', async (t) => {
  for (const errorHandler of ['none', 'parent', 'child'] as const) {
    for (const notFound of ['none', 'own'] as const) {
      const yard = await yards.of({ scheme: 'both', errorHandler, notFound })
      for (const method of METHODS) {
        for (const prefix of ['/parent/required/sync/plain', '/parent/optional/async/own', '/child/required/async/plain', '/child/optional/sync/plain']) {
          for (const line of [`Authorization: Bearer ${tokenOf('rita')}`, `Authorization: ${basicOf('olga')}`, 'X-Nobody: yes']) {
            for (const accept of ['*/*', 'text/html']) {
              const lines = [line, `Accept: ${accept}`, ...(method === 'POST' ? ['Content-Length: 0'] : [])]
              const hidden = await raw(yard.app, requestText(method, `${prefix}/articles/2`, lines))
              yard.world.missing.add('2')
              const missing = await raw(yard.app, requestText(method, `${prefix}/articles/2`, lines))
              yard.world.missing.clear()
              t.strictSame(comparable(hidden), comparable(missing), `${method} ${prefix} ${accept} ${line.slice(0, 24)}`)
              t.equal(hidden.status, line.startsWith('X-') && prefix.includes('required') ? 401 : 404)
            }
          }
        }
      }
    }
  }
})

t.test('law 4: what the application discloses says nothing of a hidden record', async (t) => {
  const { app, world } = await yardOf(t, { options: { disclose: { details: true, reasonHeader: 'X-Reason', help: 'https://help.example/{code}' } } })
  const answers = []
  for (const missing of [false, true]) {
    if (missing) world.missing.add('2')
    const { headers, body } = await app.inject({ url: '/parent/required/sync/plain/articles/2', headers: as('rita') })
    delete headers['date']
    answers.push({ headers, body })
  }
  t.strictSame(answers[0], answers[1])
  t.equal(answers[0]?.headers['x-reason'], undefined)
  t.notMatch(answers[0]?.body, /details|Article/)
})

t.test('law 4: a missing record is never answered by the not-found handler of the application', async (t) => {
  const { app } = await yardOf(t, { notFound: 'own' })
  for (const id of ['2', '9']) t.equal((await app.inject({ url: `/parent/required/sync/plain/articles/${id}`, headers: as('rita') })).headers['x-not-found'], undefined, id)
  t.equal((await app.inject('/no/such/url')).headers['x-not-found'], 'own')
})

t.test('law 4: a hidden record stays as good as missing where another requirement lets the request in', async (t) => {
  let gone = false
  let lookups = 0
  const handed: unknown[] = []
  const find = (id: string) => ARTICLES.find((one) => one.id === id)
  const first = resource<Article>('Article', {
    param: 'a',
    hidden: true,
    load: (id) => {
      lookups++
      return gone ? null : find(id)
    },
  })
  const second = resource<Article>('Article', { param: 'b', hidden: true, load: (id) => find(id) })
  const { app } = await yardOf(t, {
    more: (app) => {
      app.get('/any/:a/:b', { config: { access: anyOf(can('read', first), can('read', second)) } }, (request) => {
        try {
          handed.push(first.of(request))
        } catch { }
        return { b: second.of(request).id }
      })
      app.get('/all/:a/:b', { config: { access: allOf(can('read', first), can('read', second)) } }, () => ({}))
    },
  })
  for (const url of ['/any/2/1', '/any/2/2', '/all/2/1', '/all/1/2', '/all/2/9']) {
    const answers = []
    for (gone of [false, true]) {
      lookups = 0
      const { statusCode, body } = await app.inject({ url, headers: as('rita') })
      answers.push({ statusCode, body, lookups })
    }
    if (url !== '/all/1/2') t.strictSame(answers[0], answers[1], url)
  }
  t.strictSame(handed, [], 'the handler never gets the hidden record')
})

t.test('law 4: a loader may ask for the user by itself, and its 401 is a whole one', async (t) => {
  const mine = resource<Article>('Article', {
    param: 'id',
    hidden: true,
    load: (id, { request }) => {
      signedIn(request)
      return ARTICLES.find((one) => one.id === id)
    },
  })
  const { app } = await yardOf(t, {
    more: (app) => {
      app.get('/mine/:id', { config: { access: can('read', mine, { optional: true }) } }, (request) => mine.of(request))
    },
  })
  const response = await app.inject('/mine/1')
  t.equal(response.statusCode, 401)
  t.strictSame(linesOf(response, 'www-authenticate'), ['Bearer realm="newsroom"'])
  t.equal(response.headers['content-type'], 'application/problem+json; charset=utf-8')
  t.equal(response.body === '' ? '' : response.json().code, 'unauthenticated')
  t.equal((await app.inject({ url: '/mine/1', headers: as('rita') })).statusCode, 200)
})

t.test('law 4: a hidden subject that this user may never read is not looked up for any id', async (t) => {
  let lookups = 0
  const report = resource('Report', {
    param: 'id',
    hidden: true,
    load: () => {
      lookups++
      return {}
    },
  })
  const { app } = await yardOf(t, {
    more: (app) => {
      app.get('/report/:id', { config: { access: can('read', report) } }, () => ({}))
    },
  })
  t.equal((await app.inject({ url: '/report/1', headers: as('adam') })).statusCode, 404)
  t.equal(lookups, 0)
  t.equal((await app.inject({ url: '/report/1', headers: as('rita') })).statusCode, 200)
})

t.test('law 5: an undeclared route stops the start, and the error lists every one of them', async (t) => {
  const app = Fastify()
  await app.register(gatehouse, { schemes: schemesOf('bearer') })
  app.get('/one', () => 'x')
  app.post('/two', { config: {} }, () => 'x')
  app.put('/three', { config: { access: undefined as never } }, () => 'x')
  app.get('/fine', { config: { access: 'public' } }, () => 'x')
  await app.register(async (child) => {
    child.delete('/four/:id', () => 'x')
  }, { prefix: '/sub' })
  const error = await app.ready().then(() => null, (error: Error) => error)
  t.ok(error, 'the application does not start')
  for (const route of ['GET /one', 'POST /two', 'PUT /three', 'DELETE /sub/four/:id']) t.ok(error?.message.includes(`${route} declares nothing`), route)
  t.notMatch(error?.message, /fine/)
  t.notMatch(error?.message, /HEAD/, 'a HEAD that Fastify added is not told of by itself')
})

t.test('law 5: a route for OPTIONS on everything, and a HEAD of its own, must declare something too', async (t) => {
  type Add = (app: FastifyInstance) => unknown
  const undeclared: Record<string, Add> = {
    'all *': (app) => app.all('*', () => 'x'),
    'options *': (app) => app.options('*', () => 'x'),
    'GET and OPTIONS *': (app) => app.route({ method: ['GET', 'OPTIONS'], url: '*', handler: () => 'x' }),
    'options of a child': (app) => app.register(async (child: FastifyInstance) => { child.options('*', () => 'x') }, { prefix: '/sub' }),
    'OPTIONS /x': (app) => app.options('/x', () => 'x'),
    'own HEAD': (app) => {
      app.head('/h', () => 'x')
      app.get('/h', { config: { access: 'public' } }, () => 'x')
    },
  }
  for (const [name, add] of Object.entries(undeclared)) {
    const app = Fastify()
    await app.register(gatehouse, { schemes: schemesOf('bearer') })
    await add(app)
    await t.rejects(async () => await app.ready(), { code: 'FST_GATEHOUSE_OPTION', message: /declares nothing/ }, name)
  }
})

t.test('law 5: only the preflight route of @fastify/cors passes, and only for preflights', async (t) => {
  const { default: cors } = await import('@fastify/cors')
  const { app } = await yardOf(t, {
    before: async (app) => { await app.register(cors, { preflight: true, origin: 'https://shop.example' }) },
    more: (app) => {
      app.options('/options', { config: { access: authenticated() } }, () => ({ reached: true }))
    },
  })
  const preflight = { origin: 'https://shop.example', 'access-control-request-method': 'GET' }
  t.equal((await app.inject({ method: 'OPTIONS', url: '/parent/required/sync/plain/me', headers: preflight })).statusCode, 204)
  t.equal((await app.inject({ method: 'OPTIONS', url: '/parent/required/sync/plain/me' })).statusCode, 400, '@fastify/cors itself refuses what is no preflight')
  const refused = await app.inject({ url: '/parent/required/sync/plain/me', headers: { origin: 'https://shop.example' } })
  t.equal(refused.statusCode, 401)
  t.match(refused.headers['access-control-expose-headers'], /WWW-Authenticate/)
  t.equal((await app.inject({ method: 'OPTIONS', url: '/options', headers: { origin: 'https://shop.example' } })).statusCode, 400)
})

t.test('law 5: a route that was registered early stops the start; one whose config is replaced is closed', async (t) => {
  const early = Fastify()
  early.get('/early', { config: { access: 'public' } }, () => 'x')
  await early.register(async (child) => { child.post('/child', () => 'x') }, { prefix: '/sub' })
  await early.register(gatehouse, { schemes: schemesOf('bearer') })
  await t.rejects(async () => await early.ready(), { message: /GET \/early was registered before[^]*POST \/sub\/child was registered before/ })

  let handled = 0
  const replaced = Fastify()
  t.teardown(() => replaced.close())
  await replaced.register(gatehouse, { schemes: schemesOf('bearer') })
  replaced.addHook('onRoute', (route) => { if (route.url === '/replaced') route.config = { access: 'public' } })
  replaced.get('/replaced', { config: { access: 'public' } }, () => { handled++ })
  const started = await replaced.ready().then(() => true, () => false)
  if (started) {
    for (const [headers, status] of [[{}, 401], [as('rita'), 403]] as const) {
      for (const method of ['GET', 'HEAD', 'POST', 'OPTIONS'] as const) {
        const response = await replaced.inject({ method, url: '/replaced', headers })
        t.equal(response.statusCode, method === 'GET' || method === 'HEAD' ? status : 404, method)
      }
    }
  }
  t.equal(handled, 0)
})

t.test('law 6: the handler never runs where the answer is no, and nothing is loaded after one', async (t) => {
  const faults: string[] = []
  let turn = 0
  for (const cell of cells()) {
    const yard = await yards.of(cell)
    turn++
    for (const [which, credential] of CREDENTIALS.entries()) {
      for (const [index, path] of ['/me', '/articles/1', '/articles/3', '/articles/9', '/reports'].entries()) {
        if ((turn + which + index) % 11 !== 0) continue
        Object.assign(yard.world, { handled: 0, lookups: 0 })
        const { statusCode } = await ask(yard, cell, path, credential.lines)
        const where = `${nameOf(cell)} ${path}, ${credential.name}: ${statusCode}`
        if (yard.world.handled !== Number(statusCode === 200)) faults.push(`${where}, and the handler ran ${yard.world.handled} times`)
        const parsed = credential.to[cell.scheme]
        const early = parsed.kind === 'invalid' || parsed.kind === 'two' || (parsed.kind === 'user' && parsed.user === 'sven') || (parsed.kind === 'nothing' && cell.mode === 'required')
        if (yard.world.lookups !== Number(path.startsWith('/articles') && !early)) faults.push(`${where}, and ${yard.world.lookups} look-ups`)
      }
    }
  }
  t.strictSame(faults.slice(0, 10), [], `${faults.length} faults`)
})

t.test('law 6: a no that needs no record comes before any look-up, in whatever order it stands', async (t) => {
  const { app, world } = await yardOf(t, {
    more: (app, { article }) => {
      app.get('/a/:id', { config: { access: allOf(can('read', article), role('author')) } }, () => ({}))
      app.get('/b/:id', { config: { access: allOf(scope('x'), can('read', article)) } }, () => ({}))
      app.get('/c/:id', { config: { access: allOf(anyOf(can('read', article), role('author')), scope('x')) } }, () => ({}))
    },
  })
  for (const url of ['/a/1', '/b/1', '/c/1']) {
    t.equal((await app.inject({ url, headers: as('rita') })).statusCode, 403, url)
    t.equal(world.lookups, 0, url)
  }
})

t.test('law 6: an invalid body of a hidden record is a 400 whether or not the record exists, after authentication', async (t) => {
  const { app, world } = await yardOf(t, {
    more: (app, { article }) => {
      app.post('/strict/:id', { schema: { body: { type: 'object', required: ['title'] } }, config: { access: can('update', article) } }, () => ({}))
    },
  })
  for (const id of ['2', '9']) {
    t.equal((await app.inject({ method: 'POST', url: `/strict/${id}`, headers: as('olga'), payload: {} })).statusCode, 400)
    t.equal((await app.inject({ method: 'POST', url: `/strict/${id}`, payload: {} })).statusCode, 401)
    t.equal((await app.inject({ method: 'POST', url: `/strict/${id}`, headers: as('olga'), payload: { title: 'x' } })).statusCode, 404)
  }
  t.equal(world.lookups, 2)
})

t.test('law 6: no body is read before the user is known: the 401 is there before the body ends', async (t) => {
  let parsed = 0
  const { app } = await yardOf(t, {
    scheme: 'both',
    more: (app) => {
      app.addHook('preParsing', async (_request, _reply, payload) => {
        parsed++
        return payload
      })
    },
  })
  if (!app.server.listening) await app.listen({ port: 0, host: '127.0.0.1' })
  const bodies = { 'never ending, of known length': 'Content-Length: 1000000000\r\n\r\n{"title":', chunked: 'Transfer-Encoding: chunked\r\n\r\n5\r\n{"a":\r\n', 'never begun': 'Content-Length: 7\r\n\r\n' }
  for (const [name, rest] of Object.entries(bodies)) {
    for (const [credentials, status] of [['X-None: 1', 401], ['Authorization: Bearer x', 401], [`Authorization: ${basicOf('rita', 'wrong')}`, 401], [`Authorization: Bearer ${tokenOf('sven')}`, 403]] as const) {
      const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
      socket.on('error', () => {})
      socket.write(`POST /parent/required/sync/plain/articles/2 HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${credentials}\r\n${rest}`)
      const [chunk] = await once(socket, 'data') as [Buffer]
      socket.destroy()
      t.equal(readAnswer(chunk.toString('latin1')).status, status, `${name}, ${credentials.slice(0, 20)}`)
    }
  }
  t.equal(parsed, 0)
})

t.test('law 6: a body that is too large, of an unknown type or no JSON is a 401 from the anonymous, not a 400, 413 or 415', async (t) => {
  const { app } = await yardOf(t, {})
  const url = '/parent/required/sync/plain/me'
  for (const [type, payload] of [['application/json', 'x'.repeat(2_000_000)], ['application/nonsense', 'x'], ['application/json', '{'], ['', 'x']] as const) {
    t.equal((await app.inject({ method: 'POST', url, headers: { 'content-type': type }, payload })).statusCode, 401)
    t.not((await app.inject({ method: 'POST', url, headers: { 'content-type': type, ...as('rita') }, payload })).statusCode, 500)
  }
})

t.test('law 6: the handler of a list that forgets its filter never gets its answer through', async (t) => {
  const { app } = await yardOf(t, {
    more: (app, { article }) => {
      app.get('/list', { config: { access: can('read', article.list) } }, () => ARTICLES)
      app.get('/list-response', { config: { access: can('read', article.list) } }, () => new Response(JSON.stringify(ARTICLES)))
      app.get('/list-filtered', { config: { access: can('read', article.list) } }, (request) => [article.filter(request).kind])
      app.get('/open-list', { config: { access: optional() } }, () => [])
    },
  })
  for (const url of ['/list', '/list-response']) {
    const response = await app.inject({ url, headers: as('rita') })
    t.equal(response.statusCode, 503, url)
    t.notMatch(response.body, /secret|seen by all/)
  }
  t.equal((await app.inject({ url: '/list-filtered', headers: as('rita') })).statusCode, 200)
})
