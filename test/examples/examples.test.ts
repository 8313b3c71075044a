/** The small examples answer as their comments promise. */
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { goodClaims, token } from '../authentication/tokens.ts'

process.env['LOG_LEVEL'] = 'silent'
const SECRET = 'a secret of the examples\' test, 32 bytes and more'

interface Expected {
  readonly headers?: Record<string, string>
  readonly method?: 'DELETE' | 'GET' | 'HEAD'
  readonly status: number
  readonly challenge?: RegExp
  readonly body?: unknown
}

function basic (username: string, password: string): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` }
}

function bearer (name: string, roles: readonly string[] = []): Record<string, string> {
  return { authorization: `Bearer ${token({ ...goodClaims(), iss: name, aud: name, roles }, {}, SECRET)}` }
}

async function ready (t: Test, build: (secret?: string) => Promise<FastifyInstance>): Promise<FastifyInstance> {
  const app = await build(SECRET)
  t.teardown(() => app.close())
  await app.ready()
  return app
}

async function answers (t: Test, app: FastifyInstance, url: string, { headers = {}, method = 'GET', status, challenge, body }: Expected): Promise<void> {
  const response = await app.inject({ method, url, headers })
  const what = `${method} ${url} ${headers['authorization']?.split(' ')[0] ?? 'without credentials'}`
  t.equal(response.statusCode, status, what)
  if (challenge === undefined) t.equal(response.headers['www-authenticate'], undefined, `${what}: no challenge`)
  else t.match(response.headers['www-authenticate'], challenge, `${what}: the challenge`)
  if (body !== undefined) t.match(response.json(), body, `${what}: the body`)
}

t.test('smallest: open to all, and to whoever is signed in', async (t) => {
  const { build } = await import('../../examples/smallest.ts')
  const app = await ready(t, build)
  await answers(t, app, '/health', { status: 200 })
  await answers(t, app, '/me', { status: 401, challenge: /^Basic realm="smallest"/, body: { status: 401 } })
  await answers(t, app, '/me', { headers: basic('ann', 'correct horse ann'), status: 200, body: { id: 'ann' } })
  await answers(t, app, '/me', { headers: basic('ann', 'wrong'), status: 401, challenge: /^Basic / })
  await answers(t, app, '/me', { headers: basic('bob', 'correct horse ann'), status: 401, challenge: /^Basic / })
})

t.test('url-patterns: the pages are public, the document behind them is not', async (t) => {
  const { build } = await import('../../examples/url-patterns.ts')
  const app = await ready(t, build)
  await answers(t, app, '/documentation/', { status: 200 })
  for (const url of ['/documentation/json', '/documentation/yaml', '/reports']) {
    await answers(t, app, url, { status: 401, challenge: /^Bearer realm="reports"/ })
    await answers(t, app, url, { method: 'HEAD', status: 401, challenge: /^Bearer realm="reports"/ })
    await answers(t, app, url, { headers: bearer('reports'), status: 200 })
  }
})

t.test('two-scopes: each scope has its own schemes, challenges and policies', async (t) => {
  const { build } = await import('../../examples/two-scopes.ts')
  const app = await ready(t, build)
  const olga = basic('olga', 'correct horse olga')
  await answers(t, app, '/api/orders', { status: 401, challenge: /^Bearer realm="api"/ })
  await answers(t, app, '/office/orders', { status: 401, challenge: /^Basic realm="back office"/ })

  await answers(t, app, '/api/orders', { headers: bearer('shop', ['partner']), status: 200, body: [] })
  await answers(t, app, '/api/orders', { headers: bearer('shop', ['staff']), status: 403, body: { status: 403 } })
  await answers(t, app, '/office/orders', { headers: olga, status: 200, body: [] })
  await answers(t, app, '/office/orders', { method: 'DELETE', headers: olga, status: 204 })

  await answers(t, app, '/api/orders', { headers: olga, status: 401, challenge: /^Bearer / })
  await answers(t, app, '/office/orders', { headers: bearer('shop', ['partner']), status: 401, challenge: /^Basic / })
})

t.test('support-desk: roles inside a tenant, somebody who acts as another, and an emergency', async (t) => {
  const { build } = await import('../../examples/support-desk.ts')
  const app = await ready(t, build)
  const ann = basic('ann', 'ann')
  const bob = basic('bob', 'bob')
  const ids = async (headers: Record<string, string>) => (await app.inject({ url: '/tickets', headers })).json<{ id: number }[]>().map(({ id }) => id)

  t.strictSame(await ids(ann), [1, 2, 3], 'an agent sees all of north, a customer her own of south')
  t.strictSame(await ids(bob), [1], 'and not what he opened where he is nobody')
  t.strictSame(await ids({ ...ann, 'act-as': 'bob' }), [1], 'what both may see')
  await answers(t, app, '/tickets', { headers: { ...ann, 'act-as': 'zoe' }, status: 403 })
  await answers(t, app, '/tickets/4', { headers: ann, status: 404, body: { code: 'not_found' } })
  await answers(t, app, '/tickets/2', { method: 'DELETE', headers: ann, status: 204 })
  await answers(t, app, '/tickets/1', { method: 'DELETE', headers: ann, status: 403, body: { code: 'legal_hold' } })
  await answers(t, app, '/tickets/1', { method: 'DELETE', headers: { ...ann, emergency: 'GDPR-17' }, status: 204 })
  await answers(t, app, '/tickets/1', { method: 'DELETE', headers: { ...bob, emergency: 'GDPR-17' }, status: 403 })
  await answers(t, app, '/tickets/1', { method: 'DELETE', headers: { ...ann, 'act-as': 'bob', emergency: 'GDPR-17' }, status: 403 })
})
