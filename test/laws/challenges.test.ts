/** Laws 1 to 3: who gets a 401, who a 403, and what a 401 carries. */
import { Response as OtherResponse } from 'undici'
import t from 'tap'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import gatehouse, { allOf, anyOf, authenticated, can, optional, scope, signedIn, stepUp } from '../../lib/index.ts'
import { basic } from '../../lib/authentication/schemes/index.ts'
import {
  ask, basicOf, build, cells, challengeFault, CREDENTIALS, linesOf, nameOf, now, prefixOf, raw, requestText, schemesOf, THROWN, tokenOf, Yards,
  type Cell, type Credential, type Walls, type Yard,
} from './matrix.ts'

const yards = new Yards(false)
t.teardown(() => yards.close())

/** What the answers on one path must be, by what the credentials come to. */
interface Due { readonly status: number, readonly code?: string }

const INVALID: Due = { status: 401, code: 'invalid_credentials' }
const NOBODY: Due = { status: 401, code: 'unauthenticated' }
const YES: Due = { status: 200 }
const SUSPENDED: Due = { status: 403, code: 'account_suspended' }
const HIDDEN: Due = { status: 404, code: 'not_found' }
const FORBIDDEN: Due = { status: 403, code: 'insufficient_permissions' }
const ARCHIVED: Due = { status: 403, code: 'article_archived' }

/** What is promised on each path, once it is known who asks; `null` is the anonymous on an optional route. */
const PATHS: Readonly<Record<string, (cell: Cell, user: string | null) => Due>> = {
  '/me': () => YES,
  '/articles/1': ({ method }, user) => method !== 'POST' || user === 'adam' ? YES : user === null ? NOBODY : FORBIDDEN,
  '/articles/2': (_cell, user) => user === 'adam' ? YES : HIDDEN,
  '/articles/3': ({ method }, user) => method !== 'POST' ? YES : user === null ? NOBODY : ARCHIVED,
  '/articles/9': () => HIDDEN,
  '/reports': (_cell, user) => user === 'rita' ? YES : user === null ? NOBODY : FORBIDDEN,
}

function due (cell: Cell, credential: Credential, path: string): Due {
  const parsed = credential.to[cell.scheme]
  switch (parsed.kind) {
    case 'invalid': return INVALID
    case 'two': return { status: 400, code: 'invalid_request' }
    case 'nothing': return cell.mode === 'required' ? NOBODY : (PATHS[path] as typeof PATHS[string])(cell, null)
    case 'user': return parsed.user === 'sven' ? SUSPENDED : (PATHS[path] as typeof PATHS[string])(cell, parsed.user)
  }
}

/** Every cell meets every credential and every path, and of the triples this share is asked, so that it does not take minutes. */
const SHARE = 11

t.test('laws 1, 2, 3: on every route, every credential gets its status, its code and its challenges', async (t) => {
  const faults: string[] = []
  let answers = 0
  let turn = 0
  for (const cell of cells()) {
    const yard = await yards.of(cell)
    turn++
    for (const [which, credential] of CREDENTIALS.entries()) {
      for (const [index, path] of Object.keys(PATHS).entries()) {
        if ((turn + which + index) % SHARE !== 0) continue
        const where = `${nameOf(cell)} ${path}, ${credential.name}`
        const wanted = due(cell, credential, path)
        const response = await ask(yard, cell, path, credential.lines)
        answers++
        if (response.statusCode !== wanted.status) faults.push(`${where}: ${response.statusCode} where ${wanted.status} is due`)
        const fault = challengeFault(response, cell.scheme)
        if (fault !== null) faults.push(`${where}: ${fault}`)
        if (cell.method === 'HEAD') {
          if (response.body !== '') faults.push(`${where}: a HEAD has a body`)
        } else if (wanted.code !== undefined && response.json().code !== wanted.code) {
          faults.push(`${where}: code ${response.json().code} where ${wanted.code} is due`)
        }
      }
    }
  }
  t.strictSame(faults.slice(0, 20), [], `${faults.length} faults in ${answers} answers`)
  t.ok(answers > 6000, `${answers} answers`)
})

t.test('law 1: a 401 that a handler makes, in whatever way, is challenged with the schemes of its route', async (t) => {
  const faults: string[] = []
  let turn = 0
  for (const cell of cells()) {
    const yard = await yards.of(cell)
    turn++
    const credentials = cell.scheme === 'basic' ? basicOf('rita') : `Bearer ${tokenOf('rita')}`
    for (const [index, how] of Object.keys(THROWN).entries()) {
      if ((turn + index) % 3 !== 0) continue
      for (const path of [`/thrown/${how}`, `/open/${how}`]) {
        // A signed-in user passes signedIn().
        if (path === '/thrown/signed-in') continue
        const response = await ask(yard, cell, path, path.startsWith('/thrown') ? [credentials] : [])
        const where = `${nameOf(cell)} ${path}`
        if (response.statusCode !== 401) faults.push(`${where}: ${response.statusCode} where 401 is due`)
        const fault = challengeFault(response, cell.scheme)
        if (fault !== null) faults.push(`${where}: ${fault}`)
        if (response.headers['cache-control'] !== 'no-store') faults.push(`${where}: Cache-Control is ${String(response.headers['cache-control'])}`)
      }
    }
  }
  t.strictSame(faults.slice(0, 20), [], `${faults.length} faults`)
})

/** An application with a few routes of its own, closed at the end of the test. */
async function yardOf (t: { teardown: (end: () => unknown) => void }, walls: Walls): Promise<Yard> {
  const yard = await build(walls)
  t.teardown(() => yard.app.close())
  return yard
}

const unauthorized = () => Object.assign(new Error('who are you?'), { statusCode: 401 })

t.test('law 1: a 401 from a hook is challenged: before the gatehouse, after it, in a child, in every phase', async (t) => {
  for (const phase of ['onRequest', 'preParsing', 'preValidation', 'preHandler', 'preSerialization'] as const) {
    for (const place of ['before', 'after', 'child', 'route'] as const) {
      const guard = (app: FastifyInstance) => app.addHook(phase as 'onRequest', async (request) => { if (request.url.startsWith('/hooked')) throw unauthorized() })
      const handler = () => ({ ok: true })
      const { app } = await yardOf(t, {
        scheme: 'both',
        logged: false,
        ...(place === 'before' && { before: guard }),
        more: (app) => app.register(async (child) => {
          if (place === 'after') guard(app)
          if (place === 'child') guard(child)
          const own = place === 'route' ? { [phase]: async () => { throw unauthorized() } } : {}
          child.get('/hooked', { ...own, config: { access: 'public' } }, handler)
        }),
      })
      for (const method of ['GET', 'HEAD'] as const) {
        const response = await app.inject({ method, url: '/hooked' })
        t.equal(response.statusCode, 401, `${method} ${phase} ${place}`)
        t.equal(challengeFault(response, 'both'), null, `${method} ${phase} ${place}`)
      }
    }
  }
})

t.test('law 1: a 401 from an onSend hook is challenged too, wherever the hook stands', async (t) => {
  const hooks: Record<string, (request: FastifyRequest, reply: FastifyReply, payload: unknown) => unknown> = {
    throws: () => { throw unauthorized() },
    sets: (_request, reply, payload) => {
      reply.code(401)
      return payload
    },
  }
  for (const [how, hook] of Object.entries(hooks)) {
    const { app } = await yardOf(t, {
      scheme: 'both',
      logged: false,
      more: (app) => app.register(async (child) => {
        child.addHook('onSend', async (request, reply, payload) => hook(request, reply, payload))
        child.get('/sent', { config: { access: 'public' } }, () => ({ ok: true }))
      }),
    })
    const response = await app.inject('/sent')
    t.equal(response.statusCode, 401, how)
    t.equal(challengeFault(response, 'both'), null, `${how} a 401 in onSend`)
  }
})

t.test('law 1: a 401 of a Response that is not the global one, as fetch of undici returns it, is challenged', async (t) => {
  const { app } = await yardOf(t, {
    scheme: 'both',
    logged: false,
    more: (app) => {
      app.get('/proxied', { config: { access: 'public' } }, () => new OtherResponse('who are you?', { status: 401 }) as unknown as Response)
      app.get('/leaky', { config: { access: 'public' } }, () => new OtherResponse('x', { status: 200, headers: { 'www-authenticate': 'Basic realm="upstream"' } }) as unknown as Response)
    },
  })
  const response = await app.inject('/proxied')
  t.equal(response.statusCode, 401)
  t.equal(challengeFault(response, 'both'), null)
  t.equal(challengeFault(await app.inject('/leaky'), 'both'), null, 'and a 200 of it carries none')
})

t.test('law 1: a 401 in a not-found handler, and by @fastify/jwt of the application, is challenged', async (t) => {
  const { default: fastifyJwt } = await import('@fastify/jwt')
  const { app } = await yardOf(t, {
    scheme: 'both',
    logged: false,
    before: async (app) => { await app.register(fastifyJwt, { secret: 'a secret of the application itself' }) },
    more: async (app) => {
      app.setNotFoundHandler((_request, reply) => reply.code(401).send({}))
      app.get('/jwt', { config: { access: 'public' } }, async (request) => request.jwtVerify())
      await app.register(async (child) => {
        child.setNotFoundHandler(async () => { throw unauthorized() })
        child.get('/gone', { config: { access: authenticated() } }, (_request, reply) => reply.callNotFound())
      }, { prefix: '/sub' })
    },
  })
  for (const url of ['/nowhere', '/sub/nowhere', '/jwt', '/sub/gone']) {
    const response = await app.inject({ url, headers: url === '/sub/gone' ? { authorization: `Bearer ${tokenOf('rita')}` } : {} })
    t.equal(response.statusCode, 401, url)
    t.equal(challengeFault(response, 'both'), null, url)
  }
})

t.test('law 1: where only routes name schemes, a 401 of a public route is still challenged', async (t) => {
  const bare = Fastify()
  t.teardown(() => bare.close())
  await bare.register(gatehouse, { realm: 'newsroom' })
  bare.get('/login', { config: { access: 'public' } }, (_request, reply) => reply.code(401).send({}))
  bare.get('/me', { config: { access: authenticated({ schemes: schemesOf('bearer') }) } }, () => ({}))
  for (const url of ['/login', '/me']) {
    const response = await bare.inject(url)
    t.equal(response.statusCode, 401, url)
    t.equal(challengeFault(response, 'bearer'), null, url)
  }
})

t.test("law 1: the application's own well-formed challenge stays, as one line each; a malformed one is replaced", async (t) => {
  const challenge = (value: string | string[]) => (_request: FastifyRequest, reply: FastifyReply) => reply.code(401).header('www-authenticate', value).send('x')
  const kept: Record<string, string | string[]> = {
    one: 'Digest realm="x", nonce="y"', bare: 'Negotiate', two: ['Bearer realm="a"', 'Digest realm="b", qop="auth, auth-int"'], token68: 'NTLM TlRMTVNTUAAB=',
  }
  const replaced: Record<string, string | string[]> = {
    empty: '', comma: ',', 'empty-list': [], unquoted: 'Basic realm=x y', 'half-wrong': ['Digest realm="a"', '"'], realm: 'Basic realm="unterminated', param: 'realm="x"',
  }
  const { app } = await yardOf(t, {
    scheme: 'both',
    logged: false,
    more: (app) => {
      for (const [name, value] of Object.entries({ ...kept, ...replaced })) app.get(`/own/${name}`, { config: { access: 'public' } }, challenge(value))
      app.get('/own/response', { config: { access: 'public' } }, () => new Response('x', { status: 401, headers: { 'www-authenticate': 'Digest realm="x"' } }))
    },
  })
  for (const [name, value] of Object.entries(kept)) t.strictSame(linesOf(await app.inject(`/own/${name}`), 'www-authenticate'), [value].flat(), name)
  t.strictSame(linesOf(await app.inject('/own/response'), 'www-authenticate'), ['Digest realm="x"'])
  for (const name of Object.keys(replaced)) t.equal(challengeFault(await app.inject(`/own/${name}`), 'both'), null, name)
})

t.test('law 1: challenges are lines of their own on the wire, token first; also for HEAD and POST', async (t) => {
  const yard = await yards.of({ scheme: 'both', errorHandler: 'none', notFound: 'none' })
  for (const method of ['GET', 'HEAD', 'POST']) {
    const more = method === 'POST' ? ['Content-Length: 0'] : []
    const answer = await raw(yard.app, requestText(method, '/parent/required/sync/plain/me', more))
    t.equal(answer.status, 401)
    t.strictSame(answer.lines.filter((line) => /^www-authenticate:/i.test(line)), ['www-authenticate: Bearer realm="newsroom"', 'www-authenticate: Basic realm="newsroom", charset="UTF-8"'], method)
    if (method === 'HEAD') t.equal(answer.body, '')
  }
})

t.test('law 1: no other status carries a challenge, even if the handler sets one', async (t) => {
  const statuses = [200, 201, 302, 400, 403, 404, 407, 418, 429, 500, 503]
  const { app } = await yardOf(t, {
    scheme: 'both',
    logged: false,
    more: (app) => {
      for (const status of statuses) {
        app.get(`/set/${status}`, { config: { access: optional() } }, (_request, reply) => reply.code(status).header('www-authenticate', 'Basic realm="x"').send('x'))
        app.get(`/throws/${status}`, { config: { access: optional() } }, async () => { throw Object.assign(new Error('x'), { statusCode: status, headers: { 'WWW-Authenticate': 'Basic realm="x"' } }) })
        app.get(`/response/${status}`, { config: { access: optional() } }, () => new Response('x', { status, headers: { 'www-authenticate': 'Basic realm="x"' } }))
      }
    },
  })
  for (const status of statuses) {
    for (const path of ['set', 'throws', 'response']) {
      for (const headers of [{}, { authorization: `Bearer ${tokenOf('rita')}` }]) {
        const response = await app.inject({ url: `/${path}/${status}`, headers })
        if (path !== 'throws' || status >= 400) t.equal(response.statusCode, status)
        t.strictSame(linesOf(response, 'www-authenticate'), [], `${path} ${status}`)
      }
    }
  }
})

t.test('law 1: the 400 for two credentials and the 403 for a scope carry the challenge of RFC 6750, of Bearer alone', async (t) => {
  for (const cell of cells()) {
    if (cell.method === 'POST' || cell.handler === 'async' || cell.notFound === 'own') continue
    const yard = await yards.of(cell)
    const where = nameOf(cell)
    if (cell.scheme !== 'basic') {
      const two = await ask(yard, cell, '/me', [`Bearer ${tokenOf('rita')}`, cell.scheme === 'both' ? basicOf('rita') : `Bearer ${tokenOf('rita')}`])
      t.equal(two.statusCode, 400)
      t.strictSame(linesOf(two, 'www-authenticate'), ['Bearer realm="newsroom", error="invalid_request", error_description="The request carries more than one credential"'], where)
      const narrow = await ask(yard, cell, '/scoped', [`Bearer ${tokenOf('rita', { scope: 'reports:write' })}`])
      t.equal(narrow.statusCode, 403)
      t.strictSame(linesOf(narrow, 'www-authenticate'), ['Bearer realm="newsroom", error="insufficient_scope", error_description="The access token lacks a scope that this request needs", scope="reports:read"'], where)
      t.equal((await ask(yard, cell, '/scoped', [`Bearer ${tokenOf('rita', { scope: 'x reports:read' })}`])).statusCode, 200)
    }
    if (cell.scheme !== 'bearer') {
      const narrow = await ask(yard, cell, '/scoped', [basicOf('rita')])
      t.equal(narrow.statusCode, 403)
      t.strictSame(linesOf(narrow, 'www-authenticate'), [], `${where}: signed in by password`)
    }
  }
})

t.test('law 1: only the scheme that was tried carries an error', async (t) => {
  const cell: Cell = { scheme: 'both', mode: 'required', handler: 'sync', context: 'parent', errorHandler: 'none', notFound: 'none', method: 'GET' }
  const yard = await yards.of(cell)
  t.strictSame(linesOf(await ask(yard, cell, '/me', [basicOf('rita', 'wrong')]), 'www-authenticate'), ['Bearer realm="newsroom"', 'Basic realm="newsroom", charset="UTF-8"'])
  t.match(linesOf(await ask(yard, cell, '/me', ['Bearer x']), 'www-authenticate')[0], /error="invalid_token"/)
})

t.test("law 1: a browser's script is spared the password dialog", async (t) => {
  const { app } = await yardOf(t, { scheme: 'basic', logged: false })
  const response = await app.inject({ url: '/parent/required/sync/plain/me', headers: { 'sec-fetch-mode': 'cors' } })
  t.strictSame(linesOf(response, 'www-authenticate'), ['xBasic realm="newsroom", charset="UTF-8"'])
})

t.test('law 1: a route that names its schemes is challenged with those, also when the handler throws', async (t) => {
  const staging = basic({ realm: 'staging', verify: (name) => name === 'rita' })
  const { app } = await yardOf(t, {
    logged: false,
    more: (app) => {
      app.get('/staging', { config: { access: authenticated({ schemes: [staging] }) } }, () => { throw unauthorized() })
    },
  })
  for (const headers of [{}, { authorization: basicOf('rita') }, { authorization: basicOf('adam') }, { authorization: `Bearer ${tokenOf('rita')}` }]) {
    const response = await app.inject({ url: '/staging', headers })
    t.equal(response.statusCode, 401)
    t.strictSame(linesOf(response, 'www-authenticate'), ['Basic realm="staging", charset="UTF-8"'])
  }
})

t.test('law 3: step-up is the only 401 of a known user, and asked last', async (t) => {
  const { app, article } = await yardOf(t, {
    logged: false,
    more: (app, { article }) => {
      app.get('/both/:id', { config: { access: allOf(stepUp({ maxAge: 60 }), can('update', article)) } }, () => ({}))
      app.get('/either/:id', { config: { access: anyOf(stepUp({ maxAge: 60 }), can('update', article)) } }, () => ({}))
      app.get('/scoped/:id', { config: { access: allOf(stepUp({ acr: 'gold' }), scope('a')) } }, () => ({}))
    },
  })
  t.equal(article.subject, 'Article')
  const as = async (url: string, user: string, more: object = {}) => app.inject({ url, headers: { authorization: `Bearer ${tokenOf(user, more)}` } })
  const fresh = await as('/both/2', 'adam')
  t.equal(fresh.statusCode, 401)
  t.equal(fresh.json().code, 'insufficient_user_authentication')
  t.strictSame(linesOf(fresh, 'www-authenticate'), ['Bearer realm="newsroom", error="insufficient_user_authentication", error_description="This request needs a more recent or a stronger sign-in", max_age="60"'])
  t.equal((await as('/both/2', 'adam', { auth_time: now() - 10 })).statusCode, 200)
  t.equal((await as('/both/1', 'rita')).statusCode, 403, 'whom the policy forbids is not asked to sign in again')
  t.equal((await as('/both/2', 'rita')).statusCode, 404, 'nor is who may not know of the record')
  t.equal((await as('/both/9', 'adam')).statusCode, 404, 'nor is who asks for one that is not there')
  t.equal((await as('/either/1', 'rita')).statusCode, 403)
  t.equal((await as('/scoped/1', 'rita')).statusCode, 403)
  t.equal((await as('/scoped/1', 'rita', { scope: 'a' })).statusCode, 401)
})

t.test('law 3: request.authorize and signedIn follow it: the known user gets a 403 or a 404, the anonymous a 401', async (t) => {
  const { app } = await yardOf(t, {
    logged: false,
    more: (app, { article }) => {
      for (const [name, access] of Object.entries({ required: authenticated(), optional: optional() })) {
        app.get(`/${name}/authorize/:status`, { config: { access } }, (request) => {
          const { status } = request.params as { status: string }
          request.authorize('update', article, { tenantId: 't1', status })
          return { ok: true }
        })
        app.get(`/${name}/signed-in`, { config: { access } }, (request) => ({ id: (signedIn(request) as { id: string }).id }))
      }
    },
  })
  const status = async (url: string, user?: string) => (await app.inject({ url, headers: user === undefined ? {} : { authorization: `Bearer ${tokenOf(user)}` } })).statusCode
  t.equal(await status('/optional/authorize/published'), 401)
  t.equal(await status('/optional/authorize/draft'), 404)
  t.equal(await status('/optional/authorize/draft', 'rita'), 404)
  t.equal(await status('/optional/authorize/archived', 'adam'), 403)
  t.equal(await status('/optional/authorize/draft', 'adam'), 200)
  t.equal(await status('/required/authorize/published', 'rita'), 403)
  t.equal(await status('/optional/signed-in'), 401)
  t.equal(await status('/optional/signed-in', 'rita'), 200)
  t.equal(await status('/required/signed-in', 'rita'), 200)
})

t.test('law 2: on a public route credentials are not looked at, so that a stale one is no 401', async (t) => {
  const { app } = await yardOf(t, {
    logged: false,
    more: (app) => {
      app.get('/open', { config: { access: 'public' } }, (request) => ({ user: request.user, auth: request.auth }))
    },
  })
  for (const { lines, name } of CREDENTIALS) {
    const response = await app.inject({ url: '/open', headers: lines.length === 0 ? {} : { authorization: [...lines] as never } })
    t.equal(response.statusCode, 200, name)
    t.strictSame(response.json(), { user: null, auth: null }, name)
  }
})

t.test('the matrix has the routes that it names', async (t) => {
  const [cell] = cells()
  t.equal(prefixOf(cell as Cell), '/parent/required/sync/plain')
  t.equal([...cells()].length, 504)
})
