/** Laws 7 and 8: what a refusal tells to whom, and that it is never cached. */
import t from 'tap'
import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply } from 'fastify'
import gatehouse, { authenticated, can, optional, Refusal, resource, role, scope } from '../../lib/index.ts'
import type { AnyScheme } from '../../lib/authentication/schemes/index.ts'
import {
  ask, basicOf, build, cells, CREDENTIALS, linesOf, logTo, nameOf, PASSWORD, POLICIES, raw, requestText, RULE_REASON, SECRET, schemesOf, told, tokenOf, Yards,
  type Walls, type Yard,
} from './matrix.ts'

const yards = new Yards(true)
t.teardown(() => yards.close())

async function yardOf (t: { teardown: (end: () => unknown) => void }, walls: Walls): Promise<Yard> {
  const yard = await build(walls)
  t.teardown(() => yard.app.close())
  return yard
}

const as = (user: string, more: object = {}) => ({ authorization: `Bearer ${tokenOf(user, more)}` })

/** All that the client must not learn: of rules, roles, attributes, records, schemes' reasons. */
const INSIDE = new RegExp([RULE_REASON, 'anonymous/', 'author(?!i[sz])', 'reader', 'tenant', 'secret', 'Article', 'expired', 'signature', 'audience', 'issuer', 'rule', 'pre-check', 'account-state', 't1', 'ghost', 'rita'].join('|'), 'i')

/** The one text for whatever is wrong with a token. Beside it only the policy's public code names anything. */
const FIXED = 'The access token is malformed, expired, revoked or not meant for this service'

t.test('law 7: the client learns the kind of refusal; the log has the reason, once, at the right level, and no secret', async (t) => {
  const faults: string[] = []
  let refusals = 0
  let turn = 0
  for (const cell of cells()) {
    const yard = await yards.of(cell)
    turn++
    for (const [which, credential] of CREDENTIALS.entries()) {
      for (const [index, path] of ['/me', '/articles/1', '/articles/2', '/articles/3', '/articles/9', '/reports', '/thrown/signed-in', '/open/signed-in'].entries()) {
        if ((turn + which + index) % 19 !== 0) continue
        yard.world.log.length = 0
        const response = await ask(yard, cell, `${path}?password=query-secret`, credential.lines)
        if (response.statusCode === 200) continue
        refusals++
        const where = `${nameOf(cell)} ${path}, ${credential.name}`
        const shown = JSON.stringify({ ...response.headers, body: response.body.replace(/"(?:instance|path)":"[^"]*"/, '') })
        const leak = INSIDE.exec(shown.replaceAll('newsroom', '').replace(FIXED, '').replace('article_archived', ''))
        if (leak !== null) faults.push(`${where}: the client learns "${leak[0]}": ${shown}`)
        const lines = told(yard.world.log)
        if (lines.length !== 1) faults.push(`${where}: ${lines.length} lines of log: ${JSON.stringify(lines.map(({ msg }) => msg))}`)
        const [line] = lines
        if (line?.access?.['reason'] === undefined || line.access['status'] !== response.statusCode) faults.push(`${where}: the log has no reason`)
        if (line?.level !== 30) faults.push(`${where}: level ${line?.level}`)
        const text = yard.world.log.filter((entry) => !entry.includes('"msg":"incoming request"')).join('')
        for (const secret of [PASSWORD, SECRET, 'the-secret-of-the-draft', 'query-secret', ...credential.lines.map((sent) => sent.split(' ').at(-1) as string).filter((sent) => sent.length > 8)]) {
          if (text.includes(secret)) faults.push(`${where}: the log holds ${secret}`)
        }
      }
    }
  }
  t.strictSame(faults.slice(0, 10), [], `${faults.length} faults in ${refusals} refusals`)
  t.ok(refusals > 2000, `${refusals} refusals`)
})

t.test('law 7: the log of a no by a rule says which rule, where it stands and why', async (t) => {
  const { app, world } = await yardOf(t, {})
  const archived = await app.inject({ method: 'POST', url: '/parent/required/sync/plain/articles/3', headers: as('adam') })
  t.strictSame(archived.json(), { type: 'about:blank', title: 'Forbidden', status: 403, code: 'article_archived', detail: 'You may not do this.', instance: '/parent/required/sync/plain/articles/3' })
  const [line] = told(world.log)
  t.match(line, { level: 30, access: { outcome: 'deny', status: 403, code: 'article_archived', user: 'adam', scheme: 'Bearer', action: 'update', subject: 'Article', resourceId: '3', rule: 'anonymous/2' } })
  t.ok(String(line?.access?.['reason']).includes(RULE_REASON))
})

t.test('law 7: what is disclosed is what the application disclosed, and where', async (t) => {
  const { app } = await yardOf(t, {
    more: (app) => {
      app.get('/told', { config: { access: role('author', { disclose: { details: true, reasonHeader: 'X-Reason', help: 'https://help.example/{code}' } }) } }, () => ({}))
      app.get('/untold', { config: { access: role('author') } }, () => ({}))
      app.get('/scope', { config: { access: scope('a', 'b', { disclose: { details: true } }) } }, () => ({}))
    },
  })
  const open = await app.inject({ url: '/told', headers: as('rita') })
  t.match(open.json(), { type: 'https://help.example/insufficient_permissions', details: { requiredRoles: ['author'], currentRoles: ['reader', 'anonymous'] } })
  t.equal(open.headers['x-reason'], 'needs the role author')
  const stranger = await app.inject('/told')
  t.equal(stranger.json().details, undefined)
  t.equal(stranger.headers['x-reason'], undefined, 'a stranger is told nothing')
  const closed = await app.inject({ url: '/untold', headers: as('rita') })
  t.equal(closed.headers['x-reason'], undefined)
  t.strictSame(Object.keys(closed.json()), ['type', 'title', 'status', 'code', 'detail', 'instance'])
  t.strictSame((await app.inject({ url: '/scope', headers: as('rita') })).json().details, { requiredScopes: ['a', 'b'] })
})

t.test('law 7: instance is the path, however the request names it, and never holds what stands beside it', async (t) => {
  const { app } = await yardOf(t, { logged: false })
  const path = '/parent/required/sync/plain/me'
  for (const target of [path, `${path}?token=topsecret`, `${path}?`, `http://user:topsecret@evil.example${path}`, `http://evil.example${path}?topsecret`]) {
    const answer = await raw(app, requestText('GET', target))
    t.equal(answer.status, 401, target)
    t.equal(JSON.parse(answer.body).instance, path, target)
  }
})

t.test("law 7: the application's own error handler gets one error whose reason no serializer passes on", async (t) => {
  const caught: FastifyError[] = []
  const { app } = await yardOf(t, {
    logged: false,
    before: (app) => {
      app.setErrorHandler((error: FastifyError, _request, reply) => {
        caught.push(error)
        reply.send({ ...error, message: error.message })
      })
    },
  })
  const response = await app.inject({ method: 'POST', url: '/parent/required/sync/plain/articles/3', headers: as('adam') })
  t.equal(response.statusCode, 403)
  t.notMatch(response.body, /sealed/)
  t.equal(caught.length, 1)
  t.ok(caught[0] instanceof Refusal)
  t.match(caught[0], { statusCode: 403, code: 'article_archived' })
  t.notMatch(JSON.stringify(caught[0]), /sealed/)
  t.match((caught[0] as unknown as Refusal).reason, /sealed/)
})

/** Error handlers of applications that make a mess of a refusal. */
const MESSES: Readonly<Record<string, (reply: FastifyReply) => unknown>> = {
  'a 200': (reply) => reply.code(200).send({ fine: true }),
  'a 204': (reply) => reply.code(204).send(),
  'a 500': (reply) => reply.code(500).send({ oops: true }),
  'another 4xx': (reply) => reply.code(418).send({ tea: true }),
  'a throw': () => { throw new Error('the error handler failed') },
  'a Response': (reply) => reply.send(new Response('fine', { status: 200 })),
  'a stream': (reply) => reply.code(200).send(new Blob(['fine']).stream()),
  'a redirect without a place': (reply) => reply.code(302).send(),
  'headers taken away': (reply) => {
    reply.header('cache-control', 'public, max-age=600').header('www-authenticate', 'Digest realm="mine"').header('retry-after', '0')
    return reply.code(200).send('x')
  },
}

t.test("law 7: an application's error handler may change the body, not the no", async (t) => {
  for (const place of ['parent', 'child', 'route'] as const) {
    for (const [name, mess] of Object.entries(MESSES)) {
      const handler = (error: Error, _request: unknown, reply: FastifyReply) => error instanceof Refusal ? mess(reply) : reply.send(error)
      const { app } = await yardOf(t, {
        logged: false,
        more: (app) => app.register(async (child: FastifyInstance) => {
          if (place === 'parent') app.setErrorHandler(handler)
          if (place === 'child') child.setErrorHandler(handler)
          child.get('/mess', { config: { access: role('author') }, ...(place === 'route' && { errorHandler: handler }) }, () => ({ secret: true }))
        }),
      })
      for (const [headers, status] of [[{}, 401], [as('rita'), 403]] as const) {
        for (const method of ['GET', 'HEAD'] as const) {
          const response = await app.inject({ method, url: '/mess', headers })
          t.equal(response.statusCode, status, `${name} in the ${place}, ${method}`)
          t.equal(response.headers['cache-control'], 'no-store', `${name} in the ${place}, ${method}`)
          t.strictSame(linesOf(response, 'www-authenticate'), status === 401 ? ['Bearer realm="newsroom"'] : [], `${name} in the ${place}, ${method}`)
          t.notMatch(response.body, /fine|oops|tea|failed/)
        }
      }
    }
  }
})

t.test("law 7: an application's error handler may redirect, and the law's headers stay", async (t) => {
  const { app } = await yardOf(t, {
    logged: false,
    before: (app) => {
      app.setErrorHandler((_error, _request, reply) => reply.redirect('/login', 303))
    },
  })
  const response = await app.inject('/parent/required/sync/plain/me')
  t.equal(response.statusCode, 303)
  t.equal(response.headers.location, '/login')
  t.equal(response.headers['cache-control'], 'no-store')
  t.equal(response.headers['www-authenticate'], undefined)
})

t.test("law 7: the answer is in the shape that the client prefers, or in Fastify's own where the application keeps it", async (t) => {
  const { app } = await yardOf(t, { logged: false })
  const url = '/parent/required/sync/plain/me'
  const page = await app.inject({ url, headers: { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' } })
  t.equal(page.headers['content-type'], 'text/html; charset=utf-8')
  t.equal(page.headers['x-robots-tag'], 'noindex')
  for (const accept of ['*/*', 'application/json', 'text/html;q=0', 'text/html;q=0.1, application/json', ';;;', 'text/html;q=nonsense, */*', '']) {
    t.match((await app.inject({ url, headers: { accept } })).statusCode, 401, accept)
  }
  const plain = await yardOf(t, { logged: false, options: { refusals: { format: 'fastify', html: false } } })
  const response = await plain.app.inject({ url, headers: { accept: 'text/html' } })
  t.strictSame(response.json(), { statusCode: 401, code: 'unauthenticated', error: 'Unauthorized', message: 'Sign in to continue.' })
  t.equal(response.headers.vary, 'Authorization')
})

/** A scheme that reads a cookie, as an application would write it. */
const session: AnyScheme = {
  name: 'Session',
  family: 'other',
  guessable: false,
  oauth: false,
  varyOn: ['Cookie'],
  find: (request) => {
    const value = /(?:^|; )sid=([^;]*)/.exec(request.headers.cookie ?? '')?.[1]
    return value === undefined ? { kind: 'nothing' } : { kind: 'credentials', place: 'cookie', credentials: value }
  },
  verify: (value) => value === 'good' ? { kind: 'user', user: { id: 'rita', roles: ['reader'] } } : { kind: 'invalid', reason: 'no such session' },
  challenge: () => ({ scheme: 'Session', params: [['realm', 'newsroom']] }),
}

/** The names in a Vary header, in lower case. */
function varyOf (headers: Readonly<Record<string, unknown>>): string[] {
  return String(headers['vary'] ?? '').split(',').map((name) => name.trim().toLowerCase()).filter((name) => name !== '').sort()
}

t.test('law 8: no refusal is cached, and every answer that depended on credentials says so, in every cell', async (t) => {
  const faults: string[] = []
  let turn = 0
  for (const cell of cells()) {
    const yard = await yards.of(cell)
    yard.world.log.length = 0
    turn++
    for (const [which, credential] of CREDENTIALS.entries()) {
      for (const [index, path] of ['/me', '/articles/1', '/articles/2', '/reports', '/thrown/plain-error', '/open/code', '/open/response'].entries()) {
        if ((turn + which + index) % 17 !== 0) continue
        const { statusCode, headers } = await ask(yard, cell, path, credential.lines)
        const where = `${nameOf(cell)} ${path}, ${credential.name}: ${statusCode}`
        if (statusCode !== 200 && headers['cache-control'] !== 'no-store') faults.push(`${where} with Cache-Control ${String(headers['cache-control'])}`)
        if (!path.startsWith('/open') && !varyOf(headers).includes('authorization')) faults.push(`${where} with Vary ${String(headers.vary)}`)
      }
    }
  }
  t.strictSame(faults.slice(0, 10), [], `${faults.length} faults`)
})

t.test('law 8: Vary is merged with what the application has set', async (t) => {
  const given: Record<string, [given: string | string[] | undefined, vary: string[]]> = {
    none: [undefined, ['authorization']],
    other: ['Accept-Language', ['accept-language', 'authorization']],
    list: [['Origin', 'Accept-Encoding'], ['accept-encoding', 'authorization', 'origin']],
    same: ['AUTHORIZATION, Origin', ['authorization', 'origin']],
    star: ['*', ['*']],
    'star-in-a-list': ['Origin, *', ['*', 'origin']],
    empty: ['', ['authorization']],
  }
  const { app } = await yardOf(t, {
    logged: false,
    more: (app) => {
      for (const [name, [vary]] of Object.entries(given)) {
        const set = (reply: FastifyReply) => vary === undefined ? reply : reply.header('vary', vary)
        app.get(`/vary/${name}`, { config: { access: authenticated() } }, (_request, reply) => set(reply).send('x'))
        app.get(`/no/${name}`, { config: { access: role('author') }, onRequest: async (_request, reply) => { set(reply) } }, () => 'x')
        app.get(`/response/${name}`, { config: { access: authenticated() } }, () => new Response('x', { headers: vary === undefined ? {} : { vary: [vary].flat().join(', ') } }))
      }
    },
  })
  for (const [name, [, vary]] of Object.entries(given)) {
    t.strictSame(varyOf((await app.inject({ url: `/vary/${name}`, headers: as('rita') })).headers), vary, name)
    t.strictSame(varyOf((await app.inject({ url: `/response/${name}`, headers: as('rita') })).headers), vary, `${name}, a Response`)
  }
})

t.test('law 8: what depended on a cookie is private, and what is no-store stays so', async (t) => {
  const given: Record<string, [given: string | undefined, due: RegExp]> = {
    none: [undefined, /^private$/],
    public: ['public, max-age=60', /^private, max-age=60$/],
    shared: ['s-maxage=60, max-age=5', /^private, max-age=5$/],
    private: ['private, max-age=5', /^private, max-age=5$/],
    'no-store': ['no-store', /^no-store$/],
    upper: ['PUBLIC', /^private$/],
    'no-cache': ['no-cache', /^private, no-cache$/],
  }
  const { app } = await yardOf(t, {
    logged: false,
    options: { schemes: [...schemesOf('bearer'), session] },
    more: (app) => {
      for (const [name, [value]] of Object.entries(given)) {
        const set = (reply: FastifyReply) => value === undefined ? reply : reply.header('cache-control', value)
        app.get(`/cookie/${name}`, { config: { access: optional() } }, (_request, reply) => set(reply).send('x'))
        app.get(`/fails/${name}`, { config: { access: optional() } }, (_request, reply) => {
          set(reply)
          throw new Error('x')
        })
        app.get(`/open/${name}`, { config: { access: 'public' } }, (_request, reply) => set(reply).send('x'))
        app.get(`/token/${name}`, { config: { access: optional({ schemes: schemesOf('bearer') }) } }, (_request, reply) => set(reply).send('x'))
      }
    },
  })
  for (const [name, [value, due]] of Object.entries(given)) {
    for (const headers of [{ cookie: 'sid=good' }, {}, as('rita')]) {
      for (const path of ['cookie', 'fails']) {
        const response = await app.inject({ url: `/${path}/${name}`, headers })
        t.match(response.headers['cache-control'], due, `${path} ${name}`)
        t.strictSame(varyOf(response.headers), ['authorization', 'cookie'], `${path} ${name}`)
      }
    }
    t.equal((await app.inject({ url: `/open/${name}`, headers: { cookie: 'sid=good' } })).headers['cache-control'], value, `public ${name}`)
    t.equal((await app.inject({ url: `/token/${name}`, headers: as('rita') })).headers['cache-control'], value, `token ${name}`)
  }
  const refused = await app.inject({ url: '/parent/required/sync/plain/me', headers: { cookie: 'sid=stale' } })
  t.equal(refused.statusCode, 401)
  t.equal(refused.headers['cache-control'], 'no-store')
  t.strictSame(varyOf(refused.headers), ['accept', 'authorization', 'cookie'])
  t.strictSame(linesOf(refused, 'www-authenticate'), ['Bearer realm="newsroom"', 'Session realm="newsroom"'])
  t.equal((await app.inject({ url: '/parent/required/sync/plain/me', headers: { cookie: 'sid=stale', ...as('rita') } })).statusCode, 200, 'a cookie beside a token is ignored')
})

t.test('law 7: a 503 is the server\'s fault in the log, with its cause, and the client sees nothing of it', async (t) => {
  const log: string[] = []
  const app = Fastify({ logger: { level: 'trace', stream: logTo(log) } })
  t.teardown(() => app.close())
  const broken = resource<object>('Article', { param: 'id', load: () => { throw new Error('password=hunter2 at db.internal:5432') } })
  await app.register(gatehouse, { schemes: schemesOf('both'), policies: POLICIES })
  app.get('/a/:id', { config: { access: can('read', broken) } }, () => ({}))
  const response = await app.inject({ url: '/a/1', headers: { authorization: basicOf('rita') } })
  t.equal(response.statusCode, 503)
  t.notMatch(response.body + JSON.stringify(response.headers), /hunter2|db\.internal/)
  const lines = told(log)
  t.equal(lines.length, 1)
  t.match(lines[0], { level: 50, err: { message: /db\.internal/ } })
})
