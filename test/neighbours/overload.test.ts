/** An overloaded server: the 503 of @fastify/under-pressure, on either side of the gatehouse. */
import underPressure from '@fastify/under-pressure'
import { fastify } from 'fastify'
import t from 'tap'
import gatehouse, { authenticated } from '../../lib/index.ts'
import { bearer } from '../../lib/authentication/schemes/index.ts'
import { ADA } from './application.ts'
import { AUDIENCE, ISSUER, SECRET } from '../authentication/tokens.ts'

for (const order of ['before', 'after'] as const) {
  t.test(`law 1: registered ${order} the gatehouse, its 503 carries no challenge and keeps its Retry-After`, async (t) => {
    const app = fastify()
    t.teardown(() => app.close())
    const overloaded = { healthCheck: async () => false, healthCheckInterval: 60_000, retryAfter: 7 }
    if (order === 'before') await app.register(underPressure, overloaded)
    await app.register(gatehouse, { schemes: [bearer({ secret: SECRET, issuer: ISSUER, audience: AUDIENCE })] })
    if (order === 'after') await app.register(underPressure, overloaded)
    app.get('/me', { config: { access: authenticated() } }, () => t.fail('nobody is let through'))

    const ada = await app.inject({ url: '/me', headers: { authorization: ADA } })
    t.equal(ada.statusCode, 503)
    t.equal(ada.headers['retry-after'], '7')
    t.equal(ada.headers['www-authenticate'], undefined)
    t.equal((await app.inject('/me')).statusCode, order === 'before' ? 503 : 401, 'whoever comes first answers the stranger')
  })
}
