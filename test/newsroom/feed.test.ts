/** newsroom's feed, for programs with an API key. */
import t from 'tap'
import { running } from './running.ts'

t.test('the feed', async (t) => {
  const { app, ask, keys } = await running()
  t.teardown(() => app.close())
  const { feed, withoutScope } = keys
  const by = (headers: Record<string, string>) => ask('GET /feed', { headers })

  await t.test('a key with the scope gets it, from either place', async (t) => {
    for (const headers of [{ 'x-api-key': feed.key }, { authorization: `ApiKey ${feed.key}` }] as Record<string, string>[]) {
      const { status, json, headers: answered } = await by(headers)
      t.equal(status, 200)
      t.same(json['items'], [{ id: 4, title: 'Harbour reopens' }, { id: 1, title: 'Northern lights tonight' }])
      t.match(answered.get('vary'), /X-API-Key/)
      t.match(answered.get('cache-control'), /private/)
    }
  })

  await t.test('a key without the scope is a 403, with no challenge', async (t) => {
    const { status, code, headers } = await by({ 'x-api-key': withoutScope.key })
    t.same([status, code, headers.get('www-authenticate')], [403, 'insufficient_scope', null])
  })

  await t.test('no key, a wrong one and half of one are a 401 with a challenge', async (t) => {
    const wrong = [{}, { 'x-api-key': '' }, { 'x-api-key': 'nonsense' }, { 'x-api-key': `${feed.key}x` }, { 'x-api-key': feed.prefix }, { authorization: `ApiKey ${feed.prefix}.${withoutScope.key.split('.')[1]}` }]
    for (const headers of wrong as Record<string, string>[]) {
      const { status, headers: answered } = await by(headers)
      t.equal(status, 401, JSON.stringify(Object.keys(headers)))
      t.equal(answered.get('www-authenticate'), 'ApiKey realm="newsroom"')
    }
  })

  await t.test('a key and a token at once are a 400; a token alone is nothing sent', async (t) => {
    t.match(await ask('GET /feed', { as: 'rex', headers: { 'x-api-key': feed.key } }), { status: 400, code: 'invalid_request' })
    t.match(await ask('GET /feed', { as: 'rex' }), { status: 401, code: 'unauthenticated' })
  })

  await t.test('a key opens no other route', async (t) => {
    t.match(await ask('GET /me', { headers: { 'x-api-key': feed.key } }), { status: 401 })
  })
})
