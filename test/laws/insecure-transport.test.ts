/** The one exception to laws 2 and 3: an application may refuse credentials over plain HTTP, right and wrong ones alike. */
import Fastify from 'fastify'
import t from 'tap'
import gatehouse, { authenticated, optional, type GatehouseOptions } from '../../lib/index.ts'
import { basic } from '../../lib/authentication/schemes/index.ts'

const RIGHT = `Basic ${Buffer.from('ann:correct horse ann').toString('base64')}`
const WRONG = `Basic ${Buffer.from('ann:wrong').toString('base64')}`

async function application (t: Tap, options: Partial<GatehouseOptions> = {}) {
  let verified = 0
  const app = Fastify({ trustProxy: '127.0.0.1' })
  t.teardown(() => app.close())
  await app.register(gatehouse, {
    realm: 'newsroom',
    schemes: [basic({
      verify (username, password) {
        verified++
        return password === `correct horse ${username}`
      },
    })],
    insecureTransport: 'refuse',
    ...options,
  })
  app.get('/public', { config: { access: 'public' } }, () => 'open')
  app.get('/me', { config: { access: authenticated() } }, (request) => request.user)
  app.get('/who', { config: { access: optional() } }, (request) => request.user ?? 'nobody')
  return { app, verified: () => verified }
}

type Tap = Pick<typeof t, 'teardown'>

t.test('authn T1: credentials over plain HTTP are refused, right, wrong and unreadable ones by one and the same answer', async (t) => {
  const { app, verified } = await application(t)
  const answers = await Promise.all([RIGHT, WRONG, 'Basic %%%'].map((authorization) => app.inject({ url: '/me', headers: { authorization } })))
  for (const { statusCode, body, headers } of answers) {
    t.equal(statusCode, 403)
    t.equal(JSON.parse(body).code, 'insecure_transport')
    t.equal(body, answers[0]?.body)
    t.equal(headers['www-authenticate'], undefined)
    t.equal(headers['cache-control'], 'no-store')
  }
  t.equal(verified(), 0, 'the verifier never sees them')
  t.equal((await app.inject({ url: '/who', headers: { authorization: RIGHT } })).statusCode, 403, 'also where credentials are optional')
})

t.test('authn T1: who sends nothing is challenged as ever, and public routes do not look', async (t) => {
  const { app } = await application(t)
  t.equal((await app.inject('/me')).statusCode, 401)
  t.equal((await app.inject('/who')).statusCode, 200)
  t.equal((await app.inject({ url: '/public', headers: { authorization: RIGHT } })).statusCode, 200)
  t.equal((await app.inject({ url: '/me', headers: { authorization: 'Unknown x' } })).statusCode, 401, 'a scheme that nobody knows is nothing sent')
})

t.test('authn T1: over TLS, also where a trusted proxy ends it, credentials are looked at', async (t) => {
  const { app } = await application(t)
  const over = (protocol: string, authorization: string) => app.inject({ url: '/me', headers: { authorization, 'x-forwarded-proto': protocol } })
  t.equal((await over('https', RIGHT)).statusCode, 200)
  t.equal((await over('https', WRONG)).statusCode, 401)
  t.equal((await over('http', RIGHT)).statusCode, 403)
})

t.test('unless the application says so, plain HTTP is not asked about', async (t) => {
  const { app } = await application(t, { insecureTransport: 'allow' })
  t.equal((await app.inject({ url: '/me', headers: { authorization: RIGHT } })).statusCode, 200)
})

t.test('a value that is neither is refused when the plugin is registered', async (t) => {
  await t.rejects(async () => { await application(t, { insecureTransport: 'deny' as never }) }, { code: 'FST_GATEHOUSE_OPTION', message: /insecureTransport: 'deny' was given; allowed is 'allow' or 'refuse'/ })
})
