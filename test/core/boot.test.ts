import t from 'tap'
import type { FastifyInstance } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import cookie from '@fastify/cookie'
import cors from '@fastify/cors'
import jwt from '@fastify/jwt'
import gatehouse, { authenticated } from '../../lib/index.ts'
import { bare, keys, porch } from './porch.ts'

const options = { schemes: [keys()] }

t.test('a plugin that must come first and came later stops the start', async (t) => {
  const late = await porch(t, {}, (app) => app.register(cookie))
  await t.rejects(async () => await late.ready(), { code: 'FST_GATEHOUSE_OPTION', message: /@fastify\/cookie is registered after fastify-gatehouse.*Register @fastify\/cookie first/ })
  const inChild = await porch(t, {}, (app) => { app.register(async (child) => { await child.register(cookie) }) })
  await t.rejects(async () => await inChild.ready(), { message: /@fastify\/cookie/ })
  for (const name of ['@fastify/session', '@fastify/secure-session']) {
    const app = await porch(t, {}, (app) => app.register(fastifyPlugin(async () => {}, { name })))
    await t.rejects(async () => await app.ready(), { message: `${name} is registered after fastify-gatehouse: there would be no session yet when the user is to be known. Register ${name} first` })
  }
})

t.test('one that came first is welcome', async (t) => {
  const app = bare(t)
  await app.register(cookie)
  await app.register(cors)
  await app.register(gatehouse, options)
  await app.ready()
  t.same(app.lines, [])
})

t.test('@fastify/cors after the gatehouse is a warning', async (t) => {
  const app = await porch(t, {}, (app) => app.register(cors))
  await app.ready()
  t.match(app.lines, [{ level: 40, msg: /@fastify\/cors is registered after fastify-gatehouse/ }])
})

t.test('nobody else may decorate the user later; everything else may be decorated', async (t) => {
  const app = await porch(t, {}, (app) => app.register(jwt, { secret: 'x'.repeat(32) }))
  await t.rejects(async () => await app.ready(), { code: 'FST_GATEHOUSE_OPTION', message: /register it before fastify-gatehouse, or give it another decoratorName/ })
  const other = await porch(t, {}, async (app) => {
    await app.register(jwt, { secret: 'x'.repeat(32), decoratorName: 'claims' })
    app.decorateRequest('colour', null)
    app.register(async (child) => { child.decorateRequest('size', null) })
    app.get('/', { config: { access: 'public' } }, (request) => ['claims', 'colour'].map((name) => name in request))
  })
  t.same((await other.inject('/')).json(), [true, true])
})

t.test('a gatehouse within another stops the start, whichever came first', async (t) => {
  const attempt = async (...registrations: ((app: FastifyInstance) => unknown)[]) => {
    const app = bare(t)
    for (const register of registrations) await register(app)
    await app.ready()
  }
  const inChild = (app: FastifyInstance) => app.register(async (child) => { await child.register(gatehouse, options) })
  const here = (app: FastifyInstance) => app.register(gatehouse, options)
  await t.rejects(attempt(here, here), { message: /twice in one scope/ })
  await t.rejects(attempt(here, inChild), { message: /within a scope that has one already/ })
  await t.rejects(attempt(inChild, here), { message: /above a scope that has one already/ })
})

t.test('two scopes beside each other may each have a gatehouse', async (t) => {
  const app = bare(t)
  for (const prefix of ['/a', '/b']) {
    app.register(async (child) => {
      await child.register(gatehouse, { schemes: [keys()], realm: prefix })
      child.get('/x', { config: { access: authenticated() } }, () => 'x')
    }, { prefix })
  }
  t.equal((await app.inject('/a/x')).statusCode, 401)
  t.equal((await app.inject('/b/x')).statusCode, 401)
})
