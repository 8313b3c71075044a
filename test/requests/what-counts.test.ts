/** What counts as a wrong secret, and what nobody can learn from how it is counted. */
import cors from '@fastify/cors'
import t, { type Test } from 'tap'
import gatehouse, { authenticated, can } from '../../lib/index.ts'
import { basic } from '../../lib/authentication/schemes/index.ts'
import { bare } from '../core/porch.ts'

const PEOPLE: Readonly<Record<string, string>> = { ada: 'right' }
const FREE = 3

async function guarded (t: Test, verify = async (name: string, password: string): Promise<object | null> => PEOPLE[name] === password ? { id: name, roles: [] } : null) {
  const app = bare(t)
  await app.register(cors)
  await app.register(gatehouse, {
    schemes: [basic({ verify })],
    policies: [{ role: 'reader', rules: [{ action: 'read', subject: 'Report' }] }],
    throttle: { address: { free: FREE }, account: { free: FREE }, now: () => 0 },
  })
  app.get('/', { config: { access: authenticated() } }, () => 'in')
  app.get('/report', { config: { access: can('read', 'Report') } }, () => 'report')
  app.get('/broken', { config: { access: authenticated() } }, () => { throw new Error('broken') })
  app.post('/', { schema: { body: { type: 'object', required: ['a'] } }, config: { access: authenticated() } }, () => 'in')
  return app
}

function sent (name: string, password: string): { authorization: string } {
  return { authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}` }
}

t.test('throttling 15: no credentials, a preflight, a 400, 403, 404 and 5xx count for nothing; a wrong password and an unknown name do', async (t) => {
  const app = await guarded(t)
  const counted = async () => {
    const { address, account } = await app.gatehouse.throttle.status({ ip: '127.0.0.1', account: 'ada' })
    return [address?.failures ?? 0, account?.failures ?? 0]
  }
  const right = sent('ada', 'right')
  const nothing = [
    [401, { url: '/' }],
    [204, { method: 'OPTIONS', url: '/', headers: { origin: 'https://a.example', 'access-control-request-method': 'GET' } }],
    [400, { method: 'POST', url: '/', headers: right, payload: {} }],
    [403, { url: '/report', headers: right }],
    [404, { url: '/nowhere', headers: right }],
    [500, { url: '/broken', headers: right }],
    [200, { url: '/', headers: right }],
  ] as const
  for (const [status, request] of nothing) {
    for (let again = 0; again <= FREE; again++) t.equal((await app.inject(request as object)).statusCode, status)
    t.same(await counted(), [0, 0], String(status))
  }
  await app.inject({ url: '/', headers: sent('ada', 'wrong') })
  t.same(await counted(), [1, 1])
  await app.inject({ url: '/', headers: sent('nobody', 'wrong') })
  t.same(await counted(), [2, 1])
})

t.test('throttling 15: a check that cannot be made counts for nothing', async (t) => {
  const app = await guarded(t, async () => { throw new Error('no database') })
  for (let again = 0; again <= FREE; again++) t.equal((await app.inject({ url: '/', headers: sent('ada', 'right') })).statusCode, 503)
  t.same(await app.gatehouse.throttle.status({ ip: '127.0.0.1', account: 'ada' }), { address: null, account: null })
})

t.test('throttling 16: a name that there is and one that there is not get the same answers, to the byte, and the same counts', async (t) => {
  const answers = async (name: string): Promise<unknown[]> => {
    const app = await guarded(t)
    const told: unknown[] = []
    for (let guess = 0; guess < FREE + 2; guess++) {
      const { statusCode, headers: { date, ...headers }, body } = await app.inject({ url: '/', headers: sent(name, 'wrong') })
      told.push({ statusCode, headers, body, counted: await app.gatehouse.throttle.status({ account: name }) })
    }
    return told
  }
  const known = await answers('ada')
  t.same(known, await answers('eve'))
  t.match(known, [{ statusCode: 401 }, { statusCode: 401 }, { statusCode: 401 }, { statusCode: 429 }, { statusCode: 429 }])
})

t.test('throttling 22: the 429 of a sign-in says neither what was counted nor how much is left', async (t) => {
  const app = await guarded(t)
  for (let guess = 0; guess < FREE; guess++) await app.inject({ url: '/', headers: sent('ada', 'wrong') })
  const byBoth = await app.inject({ url: '/', headers: sent('ada', 'wrong') })
  const byNetwork = await app.inject({ url: '/', headers: sent('bob', 'wrong') })
  const byAccount = await app.inject({ url: '/', headers: sent('ada', 'wrong'), remoteAddress: '192.0.2.1' })
  for (const { statusCode, headers, body } of [byBoth, byNetwork, byAccount]) {
    t.equal(statusCode, 429)
    t.equal(body, byBoth.body)
    t.same(Object.keys(headers).filter((name) => name.startsWith('ratelimit')), [])
    t.equal(headers['retry-after'], byBoth.headers['retry-after'])
  }
})
