/** Scopes that are older than the gatehouse: Fastify gave their requests no decorators of ours. */
import { fastify, type FastifyRequest } from 'fastify'
import t from 'tap'
import gatehouse, { authenticated, optional, signedIn } from '../../lib/index.ts'
import { bearer } from '../../lib/authentication/schemes/index.ts'
import { definePolicy, deny } from '../../lib/policies/index.ts'
import { ADA } from './application.ts'
import { AUDIENCE, ISSUER, SECRET } from '../authentication/tokens.ts'

t.test('their routes answer as those of younger scopes', async (t) => {
  const app = fastify()
  t.teardown(() => app.close())
  await app.register(async (old) => {
    const seen = (request: FastifyRequest) => ({ user: request.user, auth: request.auth?.scheme ?? request.auth })
    old.get('/public', seen)
    old.get('/optional', seen)
    old.get('/required', seen)
    old.get('/late', (request) => signedIn(request))
    old.get('/late-optional', (request) => signedIn(request))
  }, { prefix: '/old' })
  await app.register(gatehouse, {
    realm: 'old',
    schemes: [bearer({ secret: SECRET, issuer: ISSUER, audience: AUDIENCE })],
    policies: [definePolicy('account-state', [deny({ code: 'suspended', when: (user: { suspended?: boolean }) => user.suspended === true })])],
    routes: { '/old/public': 'public', '/old/optional': optional(), '/old/required': authenticated(), '/old/late': 'public', '/old/late-optional': optional() },
  })
  await app.ready()

  for (const url of ['/old/public', '/old/optional']) {
    const response = await app.inject(url)
    t.equal(response.statusCode, 200, url)
    t.same(response.json(), { user: null, auth: null }, `${url}: anonymous`)
  }
  const headers = { authorization: ADA }
  t.same((await app.inject({ url: '/old/public', headers })).json(), { user: null, auth: null }, 'credentials are not looked at')
  for (const url of ['/old/optional', '/old/required', '/old/late-optional']) {
    const response = await app.inject({ url, headers })
    t.equal(response.statusCode, 200, url)
    t.match(response.body, /"id":"ada"/, url)
  }
  for (const url of ['/old/required', '/old/late', '/old/late-optional']) {
    const response = await app.inject(url)
    t.equal(response.statusCode, 401, `${url}, nothing sent`)
    t.match(response.headers['www-authenticate'], /^Bearer realm="old"/, `law 1: ${url}`)
  }
})
