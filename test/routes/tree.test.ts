import assert from 'node:assert/strict'
import t from 'tap'
import fc from 'fast-check'
import Fastify, { type FastifyInstance, type HTTPMethods } from 'fastify'
import gatehouse, { authenticated } from '../../lib/index.ts'
import { keys } from '../core/porch.ts'

/** What the gatehouse knows of the routes that were there before it: every one of them is named in the start-up error. */
async function earlyRoutes (routes: readonly (readonly [method: HTTPMethods | HTTPMethods[], url: string, constraints?: Record<string, string>])[]): Promise<string[]> {
  const app = Fastify()
  for (const [method, url, constraints = {}] of routes) app.route({ method, url, constraints, handler: async () => 'early' })
  await app.register(gatehouse, { schemes: [keys()] })
  app.get('/late', { config: { access: authenticated() } }, () => 'late')
  return named(app)
}

async function named (app: FastifyInstance): Promise<string[]> {
  try {
    await app.ready()
    return []
  } catch (error) {
    return [...(error as Error).message.matchAll(/^ {2}(\S+ \S+) was registered before/gm)].map((match) => match[1] as string).sort()
  } finally {
    await app.close()
  }
}

t.test('law 5: routes that were there before the gatehouse are known by method and URL', async (t) => {
  t.same(await earlyRoutes([['GET', '/'], ['POST', '/a/:id'], ['GET', '/a/:id'], ['DELETE', '/a/:id/b'], [['PUT', 'PATCH'], '/x'], ['HEAD', '/h']]), [
    'DELETE /a/:id/b', 'GET /', 'GET /a/:id', 'HEAD /h', 'PATCH /x', 'POST /a/:id', 'PUT /x',
  ])
  t.same(await earlyRoutes([]), [])
})

t.test('law 5: so are those with constraints', async (t) => {
  t.same(await earlyRoutes([['GET', '/v', { version: '1.2.0' }], ['POST', '/v'], ['GET', '/v/w', { host: 'a.example' }]]), ['GET /v', 'GET /v/w', 'POST /v'])
})

t.test('law 5: so are those whose URL ends in a star, wherever that stands', async (t) => {
  t.same(await earlyRoutes([['GET', '/c/*']]), ['GET /c/*'])
  t.same(await earlyRoutes([['GET', '/c/*'], ['GET', '/d/*'], ['POST', '/']]), ['GET /c/*', 'GET /d/*', 'POST /'])
  t.same(await earlyRoutes([['GET', '/a/:id/b/*'], ['GET', '/a/:id']]), ['GET /a/:id', 'GET /a/:id/b/*'])
  t.same(await earlyRoutes([['OPTIONS', '/c/*'], ['GET', '/x']]), ['GET /x', 'OPTIONS /c/*'])
})

t.test('law 5: so are two routes that name one parameter differently', async (t) => {
  t.match(await earlyRoutes([['GET', '/a/:x'], ['GET', '/a/:y/z']]), { length: 2 })
})

const part = fc.constantFrom('a', 'ab', 'abc', 'b', ':id', 'x-y', 'x.y', '~')
const url = fc.tuple(fc.array(part, { maxLength: 3 }), fc.boolean()).map(([parts, open]) => `/${[...parts, ...(open ? ['*'] : [])].join('/')}`)
const method = fc.constantFrom<HTTPMethods>('GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS')

t.test('law 5: whatever routes were there before, each of them is known', async (t) => {
  await fc.assert(fc.asyncProperty(fc.uniqueArray(fc.tuple(method, url), { maxLength: 8, selector: ([verb, path]) => `${verb} ${path}` }), async (routes) => {
    const kept = routes.filter(([verb, path]) => verb !== 'HEAD' || !routes.some(([other, same]) => other === 'GET' && same === path))
    assert.deepEqual(await earlyRoutes(kept), kept.map(([verb, path]) => `${verb} ${path}`).sort())
  }), { numRuns: 60 })
  t.pass()
})
