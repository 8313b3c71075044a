import t from 'tap'
import { authenticated } from '../../lib/index.ts'
import { definePolicy, deny } from '../../lib/policies/define.ts'
import { as, keys, porch } from '../core/porch.ts'

const suspended = definePolicy('account-state', [
  deny({ code: 'account_suspended', when: (user: { suspended?: boolean }) => user.suspended === true }),
  deny({ code: 'terms_changed', when: (user: { terms?: string }) => user.terms === 'old' }),
])

t.test('a pre-check holds on every route, except where the route says despite; the others still hold there', async (t) => {
  const app = await porch(t, { policies: [suspended] }, (app) => {
    app.get('/', { config: { access: authenticated() } }, () => 'in')
    app.get('/me', { config: { access: authenticated({ despite: ['account_suspended'] }) } }, () => 'in')
  })
  const code = async (url: string, user: object) => {
    const { statusCode, body } = await app.inject({ url, headers: as(user) })
    return statusCode === 200 ? 200 : JSON.parse(body).code
  }
  t.equal(await code('/', { id: 'ann' }), 200)
  t.equal(await code('/', { id: 'sam', suspended: true }), 'account_suspended')
  t.equal(await code('/me', { id: 'sam', suspended: true }), 200)
  t.equal(await code('/me', { id: 'sam', suspended: true, terms: 'old' }), 'terms_changed')
})

t.test('authn 6: a proof that cannot be evaluated is a 400, without a challenge where RFC 6750 does not define one', async (t) => {
  const unreadable = keys({ find: () => ({ kind: 'malformed', place: 'authorization', reason: 'a parameter is missing', error: 'invalid_request' }) })
  const app = await porch(t, { schemes: [unreadable] }, (app) => app.get('/', { config: { access: authenticated() } }, () => 'in'))
  const { statusCode, body, headers } = await app.inject({ url: '/', headers: as({ id: 'ann' }) })
  t.equal(statusCode, 400)
  t.equal(JSON.parse(body).code, 'invalid_request')
  t.equal(headers['www-authenticate'], undefined)
})

t.test('a scheme is closed with the application', async (t) => {
  let closed = 0
  const app = await porch(t, { schemes: [keys({ close: () => { closed++ } }), keys({ name: 'Other' })] }, (app) => app.get('/', { config: { access: authenticated() } }, () => 'in'))
  await app.ready()
  await app.close()
  t.equal(closed, 1)
})
