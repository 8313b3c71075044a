/** `GET /me/rules`: what a front end of newsroom shows is what its API does. */
import { createMongoAbility, subject } from '@casl/ability'
import { unpackRules } from '@casl/ability/extra'
import t from 'tap'
import { PEOPLE } from '../../examples/newsroom/people.ts'
import { ARTICLES } from '../../examples/newsroom/seed.ts'
import { TENANTS } from '../../examples/newsroom/tenants.ts'
import { running, type Asked } from './running.ts'

const { app, ask, raw, reset } = await running()
t.teardown(() => app.close())

const WHO = ['rex', 'abe', 'ada', 'bea', 'ida']

/** A front end: it knows CASL and what the API answers. */
async function frontEnd (as: string) {
  const { status, json } = await ask('GET /me/rules', { as })
  if (status !== 200) throw new Error(`${as}: ${status}`)
  const ability = createMongoAbility(unpackRules(json['rules']) as never)
  return (action: string, type: string, record: object = {}, field?: string) => ability.can(action, subject(type, { ...record }) as never, field)
}

/** Whether the API does it; then all is as it was. */
async function does (request: string, asked: Asked): Promise<boolean> {
  const { status } = await ask(request, asked)
  const done = status < 300
  if (done) await reset()
  return done
}

for (const as of WHO) {
  t.test(`law 12: what a front end shows ${as} of the articles is what the API does`, async (t) => {
    const can = await frontEnd(as)
    for (const article of ARTICLES) {
      const one = `/articles/${article.id}`
      const { status, json } = await ask(`GET ${one}`, { as })
      t.equal(can('read', 'Article', article), status === 200, `reads ${one}`)
      // Of an article that is hidden a front end has nothing; it has what the API lets it see of the others.
      const known = status === 200 ? json : article
      for (const change of [{ title: 'A better title' }, { body: 'Look south.' }, { status: 'published' }, { notes: 'Done.' }]) {
        const [field] = Object.keys(change)
        t.equal(can('update', 'Article', known, field), await does(`PATCH ${one}`, { as, body: change }), `changes ${field} of ${one}`)
      }
      t.equal(can('delete', 'Article', known), await does(`DELETE ${one}`, { as }), `deletes ${one}`)
    }
  })

  t.test(`law 12: and so it is of all else that ${as} may know`, async (t) => {
    const can = await frontEnd(as)
    const { json: me } = await ask('GET /me', { as })
    const proposed = { tenantId: me['tenantId'], authorId: me['id'], status: 'draft' }
    t.equal(can('create', 'Article', proposed), await does('POST /articles', { as, body: { title: 'News', body: 'Nothing happened.' } }), 'creates')
    for (const tenant of TENANTS) {
      t.equal(can('read', 'TenantSettings', tenant), (await ask(`GET /tenants/${tenant.id}/settings`, { as })).status === 200, `reads the settings of ${tenant.id}`)
    }
    t.equal(can('read', 'Analytics'), (await ask('GET /analytics', { as })).status === 200, 'reads the analytics')
    t.equal(can('read', 'Report'), false, 'the rule for reports is not exposed')
  })
}

t.test('law 7: nobody learns a rule of somebody else, or why there is one', async (t) => {
  const { text } = await ask('GET /me/rules', { as: 'abe' })
  for (const { name } of PEOPLE.filter(({ name }) => name !== 'abe')) t.notMatch(text, new RegExp(`"${name}"`))
  t.notMatch(text, /borealis|Report|delete|stay as they are|article_archived|yaml/)
})

t.test('a front end asks each time, and is told once', async (t) => {
  const first = await ask('GET /me/rules', { as: 'ada' })
  t.strictSame([first.headers.get('cache-control'), first.headers.get('vary')], ['private, no-cache', 'Authorization'])
  const tag = first.headers.get('etag') as string
  const again = await ask('GET /me/rules', { as: 'ada', headers: { 'if-none-match': tag } })
  t.strictSame([again.status, again.text, again.headers.get('etag')], [304, '', tag])
  t.equal((await ask('GET /me/rules', { as: 'abe', headers: { 'if-none-match': tag } })).status, 200, 'somebody else has other rules')
  t.equal((await ask('HEAD /me/rules', { as: 'ada' })).headers.get('etag'), tag)
})

t.test('If-None-Match may come in several lines', async (t) => {
  const { json } = await ask('POST /login', { body: { username: 'ada', password: 'correct horse ada' } })
  const tag = (await ask('GET /me/rules', { as: 'ada' })).headers.get('etag')
  const answer = await raw(`GET /me/rules HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${json['access_token']}\r\nIf-None-Match: "other"\r\nIf-None-Match: ${tag}\r\nConnection: close\r\n\r\n`)
  t.match(answer, /^HTTP\/1\.1 304 /)
  t.match(answer, /\r\n\r\n$/)
})

t.test('nobody without an account gets rules, and nobody who is suspended', async (t) => {
  const nobody = await ask('GET /me/rules')
  t.strictSame([nobody.status, nobody.code, nobody.headers.has('www-authenticate'), nobody.headers.get('cache-control')], [401, 'unauthenticated', true, 'no-store'])
  const sam = await ask('GET /me/rules', { as: 'sam' })
  t.strictSame([sam.status, sam.code, sam.headers.get('cache-control')], [403, 'account_suspended', 'no-store'])
})
