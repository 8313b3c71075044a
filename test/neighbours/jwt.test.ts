/** An application that uses @fastify/jwt itself, to sign its tokens, keeps working. */
import jwt from '@fastify/jwt'
import { fastify, type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import gatehouse, { authenticated } from '../../lib/index.ts'
import { bearer } from '../../lib/authentication/schemes/index.ts'
import { AUDIENCE, ISSUER, SECRET } from '../authentication/tokens.ts'

const options = { realm: 'own tokens', schemes: [bearer({ secret: SECRET, issuer: ISSUER, audience: AUDIENCE })] }
const sign = { iss: ISSUER, aud: AUDIENCE, expiresIn: '10 minutes' }

function routes (app: FastifyInstance): void {
  app.post('/login', { config: { access: 'public' } }, () => ({ token: app.jwt.sign({ sub: 'ada', roles: ['reader'] }, { ...sign, aud: AUDIENCE }) }))
  app.get('/me', { config: { access: authenticated() } }, (request) => request.user)
}

async function signsIn (t: Test, app: FastifyInstance): Promise<Record<string, string>> {
  const stranger = await app.inject('/me')
  t.equal(stranger.statusCode, 401)
  t.match(stranger.headers['www-authenticate'], /^Bearer realm="own tokens"/)
  const { token } = (await app.inject({ method: 'POST', url: '/login' })).json() as { token: string }
  const headers = { authorization: `Bearer ${token}` }
  const me = await app.inject({ url: '/me', headers })
  t.equal(me.statusCode, 200)
  t.match(me.json(), { id: 'ada', roles: ['reader'] })
  return headers
}

t.test('registered before the gatehouse, under its default name', async (t) => {
  const app = fastify()
  t.teardown(() => app.close())
  await app.register(jwt, { secret: SECRET })
  await app.register(gatehouse, options)
  routes(app)
  app.get('/claims', { config: { access: authenticated() } }, async (request) => await request.jwtVerify())
  app.get('/raw', { config: { access: 'public' } }, async (request) => await request.jwtVerify())
  const headers = await signsIn(t, app)
  t.match((await app.inject({ url: '/claims', headers })).json(), { sub: 'ada', iss: ISSUER }, 'jwtVerify of the application still works')

  const thrown = await app.inject('/raw')
  t.equal(thrown.statusCode, 401, 'law 1: a 401 that @fastify/jwt throws in a handler')
  t.match(thrown.headers['www-authenticate'], /^Bearer realm="own tokens"/, 'law 1: is challenged')
})

for (const order of ['before', 'after'] as const) {
  t.test(`registered ${order} the gatehouse, under another name`, async (t) => {
    const app = fastify()
    t.teardown(() => app.close())
    const own = { secret: SECRET, decoratorName: 'claims' }
    if (order === 'before') await app.register(jwt, own)
    await app.register(gatehouse, options)
    if (order === 'after') await app.register(jwt, own)
    routes(app)
    app.get('/claims', { config: { access: authenticated() } }, async (request) => {
      await request.jwtVerify()
      return { user: request.user, claims: (request as unknown as { claims: object }).claims }
    })
    const headers = await signsIn(t, app)
    t.match((await app.inject({ url: '/claims', headers })).json(), { user: { id: 'ada' }, claims: { sub: 'ada', aud: AUDIENCE } })
  })
}

t.test('registered after the gatehouse under the same name, here or below, it stops the start', async (t) => {
  const mend = { code: 'FST_GATEHOUSE_OPTION', message: /@fastify\/jwt: register it before fastify-gatehouse, or give it another decoratorName/ }
  for (const where of ['here', 'below']) {
    const app = fastify()
    t.teardown(() => app.close())
    app.register(gatehouse, options)
    if (where === 'here') app.register(jwt, { secret: SECRET })
    else app.register(async (below) => { await below.register(jwt, { secret: SECRET }) })
    await t.rejects(async () => await app.ready(), mend, where)
  }
})
