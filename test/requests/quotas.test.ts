/** Quotas on routes: who spends what, when it is used up, and what the client is told. */
import rateLimit from '@fastify/rate-limit'
import t from 'tap'
import type { FastifyInstance, InjectOptions } from 'fastify'
import { parseList } from 'structured-headers'
import gatehouse, { authenticated, can, everyone, optional, quota, type GatehouseOptions } from '../../lib/index.ts'
import { memoryQuotas } from '../../lib/stores/memory-quotas.ts'
import type { QuotaStore } from '../../lib/stores/counters.ts'
import { as, bare, keys, porch, type Porch } from '../core/porch.ts'
import { handClock } from '../stores/hand-clock.ts'

const ada = as({ id: 'ada', roles: ['author'] })
const bob = as({ id: 'bob', roles: ['author'] })
const schemes = [keys()]
const SECRET = 'a secret of the tests, long enough'

/** An application whose counters have a clock of their own. */
async function counting (t: Parameters<typeof porch>[0], options: GatehouseOptions, routes: (app: FastifyInstance) => unknown): Promise<Porch & { readonly advance: (milliseconds: number) => void }> {
  const { now, advance } = handClock()
  const { quotas, ...others } = options
  const app = await porch(t, { schemes, ...others, quotas: { store: memoryQuotas({ now }), secret: SECRET, ...quotas } }, routes)
  return Object.assign(app, { advance })
}

async function statuses (app: FastifyInstance, count: number, request: InjectOptions): Promise<number[]> {
  const found: number[] = []
  for (let index = 0; index < count; index++) found.push((await app.inject(request)).statusCode)
  return found
}

t.test('throttling 21: what is used up is a 429 with the names of the policies, and comes back one by one', async (t) => {
  const searches = quota('searches', { limit: 3, window: 6 })
  const app = await counting(t, {}, (app) => app.get('/search', { config: { access: authenticated({ quota: searches }) } }, () => 'found'))
  t.same(await statuses(app, 3, { url: '/search', headers: ada }), [200, 200, 200])
  const denied = await app.inject({ url: '/search', headers: ada })
  t.equal(denied.statusCode, 429)
  t.match(denied.headers, { 'retry-after': '2', 'cache-control': 'no-store', 'content-type': /^application\/problem\+json/ })
  t.same(denied.json(), {
    type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
    title: 'Too Many Requests',
    status: 429,
    code: 'quota_exceeded',
    detail: 'Too many requests. Try again later.',
    instance: '/search',
    'violated-policies': ['searches'],
  })
  app.advance(1_999)
  t.same(await statuses(app, 1, { url: '/search', headers: ada }), [429], 'not a moment too early')
  app.advance(1)
  t.same(await statuses(app, 2, { url: '/search', headers: ada }), [200, 429], 'one is back, and one only')
})

t.test('throttling 23: each answer says what is left, in structured fields; of two quotas, both', async (t) => {
  const minute = quota('per minute', { limit: 2, window: 60 })
  const day = quota('day', { limit: 100, window: 86_400, by: 'network' })
  const app = await counting(t, { quotas: { every: [day] } }, (app) => app.get('/a', { config: { access: authenticated({ quota: minute }) } }, () => 'a'))
  const first = await app.inject({ url: '/a', headers: ada })
  const fields = (name: string, answer = first) => parseList(String(answer.headers[name])).map(([item, parameters]) => [item, Object.fromEntries(parameters)])
  t.same(fields('ratelimit-policy'), [['day', { q: 100, w: 86_400 }], ['per minute', { q: 2, w: 60 }]])
  t.same(fields('ratelimit'), [['day', { r: 99, t: 864 }], ['per minute', { r: 1, t: 30 }]])
  await app.inject({ url: '/a', headers: ada })
  const denied = await app.inject({ url: '/a', headers: ada })
  t.equal(denied.statusCode, 429)
  t.same(fields('ratelimit-policy', denied), fields('ratelimit-policy'))
  const told = fields('ratelimit', denied)
  t.match(told, [['day', {}], ['per minute', { r: 0 }]])
  for (const [, { t: reset }] of told as [string, { t: number }][]) t.ok(reset <= Number(denied.headers['retry-after']), 'Retry-After is not earlier than any t')
})

t.test('throttling 23: a browser of another origin may read the fields; without `fields` there are none', async (t) => {
  const few = quota('few', { limit: 1, window: 60 })
  const routes = (app: FastifyInstance) => app.get('/a', { config: { access: authenticated({ quota: few }) } }, (_request, reply) => { reply.header('access-control-allow-origin', '*').send('a') })
  const open = await counting(t, {}, routes)
  t.equal((await open.inject({ url: '/a', headers: ada })).headers['access-control-expose-headers'], 'RateLimit, RateLimit-Policy')
  const silent = await counting(t, { quotas: { fields: false } }, routes)
  const answer = await silent.inject({ url: '/a', headers: ada })
  t.notOk('ratelimit' in answer.headers || 'ratelimit-policy' in answer.headers)
  t.equal((await silent.inject({ url: '/a', headers: ada })).statusCode, 429)
})

t.test('a quota is each user\'s own; of the anonymous it is their network\'s', async (t) => {
  const few = quota('few', { limit: 1, window: 60 })
  const app = await counting(t, {}, (app) => app.get('/a', { config: { access: optional({ quota: few }) } }, () => 'a'))
  t.same(await statuses(app, 2, { url: '/a', headers: ada }), [200, 429])
  t.same(await statuses(app, 2, { url: '/a', headers: bob }), [200, 429])
  t.same(await statuses(app, 2, { url: '/a' }), [200, 429])
  t.same(await statuses(app, 2, { url: '/a', remoteAddress: '192.0.2.1' }), [200, 429])
  t.same(await statuses(app, 1, { url: '/a', remoteAddress: '::ffff:192.0.2.1' }), [429], 'throttling 19: the same address in another form')
})

t.test('the id 1 of one scheme and the id "1" of another are one user', async (t) => {
  const few = quota('few', { limit: 1, window: 60 })
  const app = await counting(t, {}, (app) => app.get('/a', { config: { access: authenticated({ quota: few }) } }, () => 'a'))
  t.same(await statuses(app, 1, { url: '/a', headers: as({ id: 1 }) }), [200])
  t.same(await statuses(app, 1, { url: '/a', headers: as({ id: '1' }) }), [429])
  t.same(await statuses(app, 2, { url: '/a', headers: as({ sub: 's' }) }), [200, 429], 'a subject is an id too')
})

t.test('law 10: a user without an id, a cost that is none and an owner that is none are a 503', async (t) => {
  const routes = (app: FastifyInstance) => {
    app.get('/user', { config: { access: authenticated({ quota: quota('user', { limit: 1, window: 1 }) }) } }, () => 'a')
    app.get('/cost', { config: { access: authenticated({ quota: quota('cost', { limit: 1, window: 1, cost: () => NaN }) }) } }, () => 'a')
    app.get('/by', { config: { access: authenticated({ quota: quota('by', { limit: 1, window: 1, by: () => 7 as never }) }) } }, () => 'a')
    app.get('/throws', { config: { access: authenticated({ quota: quota('throws', { limit: 1, window: 1, by: () => { throw new Error('gone') } }) }) } }, () => 'a')
  }
  const app = await counting(t, {}, routes)
  for (const url of ['/user', '/cost', '/by', '/throws']) {
    const answer = await app.inject({ url, headers: as({ roles: [] }) })
    t.match(answer, { statusCode: 503, headers: { 'retry-after': /^[1-9]/ } }, url)
    t.equal(answer.json().code, 'temporarily_unavailable')
  }
  const nobody = await counting(t, { quotas: { identity: () => NaN } }, routes)
  t.equal((await nobody.inject({ url: '/user', headers: as({ id: 'ada' }) })).statusCode, 503, 'a number that is none')
  const own = await counting(t, { quotas: { identity: (user: { name: string }) => user.name } }, routes)
  t.same(await statuses(own, 2, { url: '/user', headers: as({ name: 'ada' }) }), [200, 429])
})

t.test('law 10: where the roles cannot be told, whose quotas a policy gives is not known: a 503', async (t) => {
  const policies = [{ role: 'clerk', rules: [{ action: 'read', subject: 'Page' }], quota: { requests: { limit: 5, window: 60 } } }]
  const app = await counting(t, { policies, roles: () => { throw new Error('gone') } }, (app) => {
    app.get('/in', { config: { access: authenticated() } }, () => 'in')
  })
  t.match(await app.inject({ url: '/in', headers: as({ id: 'ada' }) }), { statusCode: 503, headers: { 'retry-after': /^[1-9]/ } })
})

t.test('throttling 25: HEAD and GET share, routes with one quota share, and those with `eachRoute` do not', async (t) => {
  const shared = quota('shared', { limit: 2, window: 60 })
  const own = quota('own', { limit: 1, window: 60, eachRoute: true })
  const app = await counting(t, {}, (app) => {
    for (const name of ['a', 'b']) {
      app.get(`/shared/${name}`, { config: { access: authenticated({ quota: shared }) } }, () => name)
      app.get(`/own/${name}/:id`, { config: { access: authenticated({ quota: own }) } }, () => name)
    }
  })
  t.same([await statuses(app, 1, { url: '/shared/a', headers: ada }), await statuses(app, 2, { url: '/shared/b', method: 'HEAD', headers: ada })].flat(), [200, 200, 429])
  t.same([await statuses(app, 1, { url: '/own/a/1', headers: ada }), await statuses(app, 1, { url: '/own/a/2', method: 'HEAD', headers: ada }), await statuses(app, 1, { url: '/own/b/1', headers: ada })].flat(), [200, 429, 200])
})

t.test('throttling 25: several quotas of one route all count; who is within one is stopped by the other', async (t) => {
  const [burst, day] = [quota('burst', { limit: 2, window: 2 }), quota('day', { limit: 3, window: 86_400 })]
  const app = await counting(t, {}, (app) => app.get('/a', { config: { access: authenticated({ quota: [burst, day] }) } }, () => 'a'))
  const violated = async () => (await app.inject({ url: '/a', headers: ada })).json()['violated-policies']
  t.same(await statuses(app, 2, { url: '/a', headers: ada }), [200, 200])
  t.same(await violated(), ['burst'])
  app.advance(2_000)
  t.same(await statuses(app, 1, { url: '/a', headers: ada }), [200])
  t.same(await violated(), ['day'])
})

t.test('throttling 25: beside @fastify/rate-limit, before it and after it, each counts by itself', async (t) => {
  const few = quota('few', { limit: 2, window: 60 })
  for (const order of ['before', 'after']) {
    const app = bare(t)
    const theirs = async (): Promise<void> => { await app.register(rateLimit, { max: 100, timeWindow: 600_000 }) }
    if (order === 'after') await theirs()
    await app.register(gatehouse, { schemes, quotas: { store: memoryQuotas({ now: () => 0 }), secret: SECRET } })
    if (order === 'before') await theirs()
    app.get('/ours', { config: { access: authenticated({ quota: few }), rateLimit: { max: 5, timeWindow: 600_000 } } as object }, () => 'a')
    app.get('/theirs', { config: { access: authenticated({ quota: quota('many', { limit: 5, window: 60 }) }), rateLimit: { max: 2, timeWindow: 600_000 } } as object }, () => 'a')
    for (const [url, code] of [['/ours', 'quota_exceeded'], ['/theirs', undefined]] as const) {
      t.same(await statuses(app, 3, { url, headers: ada }), [200, 200, 429], `the gatehouse ${order}: ${url}`)
      t.equal((await app.inject({ url, headers: ada })).json().code, code)
    }
  }
})

t.test('throttling 25: two scopes with a gatehouse each do not count for each other', async (t) => {
  const app = bare(t)
  const few = quota('few', { limit: 1, window: 600 })
  for (const prefix of ['/a', '/b']) {
    app.register(async (child) => {
      await child.register(gatehouse, { schemes, quotas: { every: [few] }, throttle: { account: { free: 1, base: 600, cap: 600 }, address: false } })
      child.get('/x', { config: { access: authenticated() } }, () => 'x')
      child.post('/sign-in', { config: { access: 'public' } }, async (request) => ({ got: await child.gatehouse.throttle.guard(request, 'ada', () => false) }))
    }, { prefix })
  }
  for (const prefix of ['/a', '/b']) {
    t.same(await statuses(app, 2, { url: `${prefix}/x`, headers: ada }), [200, 429], prefix)
    t.same(await statuses(app, 2, { url: `${prefix}/sign-in`, method: 'POST' }), [200, 429], prefix)
  }
  t.same(await statuses(app, 2, { url: '/nowhere' }), [404, 404], 'nor do they for what is outside')
})

t.test('what a request costs may depend on it: nothing, several units, or all that there is', async (t) => {
  const units = quota('units', { limit: 10, window: 60, cost: (request) => Number((request.query as { cost: string }).cost) })
  const app = await counting(t, {}, (app) => app.get('/a', { config: { access: authenticated({ quota: units }) } }, () => 'a'))
  const left = async (cost: number) => (await app.inject({ url: `/a?cost=${cost}`, headers: ada })).headers['ratelimit']
  t.equal(await left(0), undefined)
  t.match(await left(4), /r=6/)
  t.match(await left(6), /r=0/)
  t.equal((await app.inject({ url: '/a?cost=1', headers: ada })).statusCode, 429)
  t.equal((await app.inject({ url: '/a?cost=0', headers: ada })).statusCode, 200)
  t.equal((await app.inject({ url: '/a?cost=1000', headers: bob })).statusCode, 200, 'more than the limit counts as the limit')
  t.equal((await app.inject({ url: '/a?cost=1', headers: bob })).statusCode, 429)
})

t.test('whose requests count together can be said by a function; null: the request does not count', async (t) => {
  const tenant = quota('tenant', { limit: 1, window: 60, by: (request) => (request.user as { tenant?: string }).tenant ?? null })
  const app = await counting(t, {}, (app) => app.get('/a', { config: { access: authenticated({ quota: tenant }) } }, () => 'a'))
  t.same(await statuses(app, 1, { url: '/a', headers: as({ id: 1, tenant: 'north' }) }), [200])
  t.same(await statuses(app, 1, { url: '/a', headers: as({ id: 2, tenant: 'north' }) }), [429])
  t.same(await statuses(app, 3, { url: '/a', headers: as({ id: 3 }) }), [200, 200, 200])
})

t.test('who is denied by one quota has spent nothing of another', async (t) => {
  const few = quota('few', { limit: 1, window: 60 })
  const many = quota('many', { limit: 3, window: 60 })
  const app = await counting(t, {}, (app) => {
    app.get('/a', { config: { access: authenticated({ quota: [few, many] }) } }, () => 'a')
    app.get('/b', { config: { access: authenticated({ quota: many }) } }, () => 'b')
  })
  t.same(await statuses(app, 6, { url: '/a', headers: ada }), [200, 429, 429, 429, 429, 429])
  t.same(await statuses(app, 3, { url: '/b', headers: ada }), [200, 200, 429])
})

t.test('networks are counted before it is known who asks, also requests that are then refused; users are not', async (t) => {
  const network = quota('network', { limit: 4, window: 60, by: 'network' })
  const user = quota('user', { limit: 2, window: 60 })
  const app = await counting(t, { quotas: { every: [network] }, policies: [{ role: 'author', rules: [{ action: 'read', subject: 'Report' }] }] }, (app) => {
    app.get('/a', { config: { access: authenticated({ quota: user }) } }, () => 'a')
    app.get('/report', { config: { access: can('read', 'Report', { quota: user }) } }, () => 'report')
  })
  t.same(await statuses(app, 2, { url: '/a' }), [401, 401])
  t.same(await statuses(app, 1, { url: '/report', headers: as({ id: 'eve', roles: [] }) }), [403], 'a no of the policy was counted')
  t.same(await statuses(app, 1, { url: '/a', headers: as({ id: 'eve', roles: [] }) }), [200])
  t.same(await statuses(app, 1, { url: '/a', headers: ada }), [429])
  t.same(await statuses(app, 3, { url: '/a', headers: as({ id: 'eve', roles: [] }), remoteAddress: '192.0.2.7' }), [429, 429, 429])
})

t.test('everybody together', async (t) => {
  const all = quota('all', { limit: 2, window: 60, by: 'everybody' })
  const app = await counting(t, { quotas: { every: [all] } }, (app) => app.get('/a', { config: { access: authenticated() } }, () => 'a'))
  t.same([await statuses(app, 1, { url: '/a', headers: ada }), await statuses(app, 2, { url: '/a', headers: bob, remoteAddress: '192.0.2.7' })].flat(), [200, 200, 429])
})

t.test('throttling 25: a public route has the quotas that it names, an unknown URL those of all, and a route with `false` none', async (t) => {
  const all = quota('all', { limit: 2, window: 60 })
  const sends = quota('sends', { limit: 1, window: 60 })
  const app = await counting(t, { quotas: { every: [all] }, policies: [{ role: 'anonymous', quota: { requests: { limit: 1, window: 60 } } }] }, (app) => {
    app.get('/health', { config: { access: 'public' } }, () => 'ok')
    app.post('/contact', { config: { access: everyone({ quota: sends }) } }, () => 'sent')
    app.get('/free', { config: { access: authenticated({ quota: false }) } }, () => 'free')
    app.setNotFoundHandler((_request, reply) => { reply.code(404).send({ own: true }) })
  })
  t.same(await statuses(app, 5, { url: '/health' }), [200, 200, 200, 200, 200])
  t.same(await statuses(app, 2, { url: '/contact', method: 'POST', headers: ada }), [200, 429])
  t.same(await statuses(app, 3, { url: '/nowhere' }), [404, 404, 429])
  t.same(await statuses(app, 5, { url: '/free', headers: ada }), [200, 200, 200, 200, 200])
})

t.test('policies give quotas by role and by plan: of each name the most generous one', async (t) => {
  const policies = [
    { role: 'reader', quota: { requests: { limit: 1, window: 60 } } },
    { role: 'author', inherits: 'reader', quota: { requests: { limit: 2, window: '1m' } } },
    { name: 'pro', when: { plan: 'pro' }, quota: { requests: { limit: 3, window: 60 }, exports: { limit: 1, window: '1d' } } },
  ]
  const app = await counting(t, { policies: policies as never }, (app) => app.get('/a', { config: { access: authenticated() } }, () => 'a'))
  t.same(await statuses(app, 2, { url: '/a', headers: as({ id: 1, roles: ['reader'] }) }), [200, 429])
  t.same(await statuses(app, 3, { url: '/a', headers: as({ id: 2, roles: ['author'] }) }), [200, 200, 429])
  const pro = await app.inject({ url: '/a', headers: as({ id: 3, roles: ['reader'], plan: 'pro' }) })
  t.equal(pro.headers['ratelimit-policy'], '"exports";q=1;w=86400, "requests";q=3;w=60')
  const denied = await app.inject({ url: '/a', headers: as({ id: 3, roles: ['reader'], plan: 'pro' }) })
  t.same(denied.json()['violated-policies'], ['exports'])
})

t.test('who is anonymous has the quota of the role `anonymous`, by network; who is known by no such role has the same, by user', async (t) => {
  const policies = [{ role: 'anonymous', quota: { requests: { limit: 1, window: 60 } } }, { role: 'reader', quota: { requests: { limit: 2, window: 60 } } }]
  const app = await counting(t, { policies: policies as never }, (app) => app.get('/a', { config: { access: optional() } }, () => 'a'))
  t.same(await statuses(app, 2, { url: '/a' }), [200, 429])
  t.same(await statuses(app, 2, { url: '/a', remoteAddress: '192.0.2.1' }), [200, 429])
  t.same(await statuses(app, 3, { url: '/a', headers: as({ id: 1, roles: ['reader'] }) }), [200, 200, 429])
  t.same(await statuses(app, 2, { url: '/a', headers: as({ id: 2, roles: ['unknown'] }) }), [200, 429])
})

t.test('law 3: of whom nobody signed in, a user that somebody else has put on the request gives no quota of a plan', async (t) => {
  const policies = [{ role: 'anonymous', quota: { requests: { limit: 1, window: 60 } } }, { name: 'pro', when: { plan: 'pro' }, quota: { requests: { limit: 5, window: 60 } } }]
  const app = bare(t)
  app.addHook('onRequest', async (request) => { request.user = { id: 'ada', plan: 'pro' } as never })
  await app.register(gatehouse, { schemes, policies: policies as never })
  app.get('/a', { config: { access: optional() } }, () => 'a')
  t.same(await statuses(app, 2, { url: '/a' }), [200, 429])
})

t.test('request.spend: of any quota, at any cost, in any handler', async (t) => {
  const messages = quota('messages', { limit: 3, window: 6 })
  const app = await counting(t, {}, (app) => {
    app.get('/a', { config: { access: authenticated() } }, async (request) => request.spend(messages, Number((request.query as { cost?: string }).cost ?? 1)))
    app.get('/public', { config: { access: 'public' } }, async (request) => request.spend(messages))
  })
  t.same((await app.inject({ url: '/a', headers: ada })).json(), { remaining: 2, resetAfter: 2 })
  const second = await app.inject({ url: '/a?cost=2', headers: ada })
  t.same(second.json(), { remaining: 0, resetAfter: 6 })
  t.equal(second.headers['ratelimit'], '"messages";r=0;t=6')
  t.same((await app.inject({ url: '/a?cost=0', headers: ada })).json(), { remaining: 3, resetAfter: 0 }, 'what costs nothing is not looked up')
  t.equal((await app.inject({ url: '/a', headers: ada })).json().code, 'quota_exceeded')
  t.same(await statuses(app, 4, { url: '/public' }), [200, 200, 200, 429])
})

t.test('throttling 29: a store of quotas that fails: counted in memory by half, a 503, or no limit, as the application chose; told once', async (t) => {
  const ten = quota('ten', { limit: 10, window: 60 })
  const wanted = { memory: [...Array(5).fill(200), 429, 429], refuse: Array(7).fill(503), allow: Array(7).fill(200) } as const
  const fails: Record<string, () => unknown> = { throws: () => { throw new Error('gone') }, rejects: async () => { throw new Error('gone') }, nonsense: () => ({ allowed: 'yes' }) }
  for (const [how, spend] of Object.entries(fails)) {
    for (const onStoreError of ['memory', 'refuse', 'allow'] as const) {
      let works = false
      const sound = memoryQuotas()
      const store = { spend: (...given: Parameters<QuotaStore['spend']>) => works ? sound.spend(...given) : spend(), giveBack: () => {} } as QuotaStore
      const app = await counting(t, { quotas: { store, onStoreError } }, (app) => app.get('/a', { config: { access: authenticated({ quota: ten }) } }, () => 'a'))
      t.same(await statuses(app, 7, { url: '/a', headers: ada }), wanted[onStoreError], `${how}, ${onStoreError}`)
      if (onStoreError === 'refuse') {
        const refused = await app.inject({ url: '/a', headers: ada })
        t.match(refused.headers, { 'retry-after': /^[1-9]\d*$/, 'cache-control': 'no-store' })
        t.notMatch(refused.body, /gone/, 'the client is not told why')
      }
      works = true
      t.same(await statuses(app, 7, { url: '/a', headers: ada }), Array(7).fill(200), 'and it recovers by itself')
      const told = app.lines.filter(({ msg }) => /^the counters of quotas/.test(msg)).map(({ msg }) => msg)
      t.match(told, [/cannot be reached; meanwhile requests are/])
      t.equal(told.length, 1, 'one line, not one for each request')
    }
  }
})

t.test('throttling 24: what cannot be sent is no name, and other options are checked at the start', async (t) => {
  for (const name of ['', 'é', 'a"b', 'a\\b', ' a', 'a ', 'a\nb', 'x'.repeat(65), null, 7]) t.throws(() => quota(name as string, { limit: 1, window: 1 }), { code: 'FST_GATEHOUSE_OPTION', message: /1 to 64 printable ASCII/ }, String(name))
  const wrong: [object, RegExp][] = [
    [{ limit: 0, window: 1 }, /limit: 0 was given; allowed is an integer from 1/],
    [{ limit: 1.5, window: 1 }, /limit/], [{ limit: 2e9, window: 1 }, /limit/], [{ limit: '1', window: 1 }, /limit/],
    [{ limit: 1, window: 0 }, /window: 0 was given/], [{ limit: 1, window: NaN }, /window/], [{ limit: 1, window: 1e300 }, /window/], [{ limit: 1, window: '1m' }, /window/],
    [{ limit: 1, window: 1, by: 'users' }, /by: 'users' was given; allowed is "user", "network"/],
    [{ limit: 1, window: 1, cost: -1 }, /cost/], [{ limit: 1, window: 1, cost: 2 }, /a cost of 2 is above the limit of 1/],
    [{ limit: 1, window: 1, eachRoute: 'yes' }, /eachRoute/],
    [{ limit: 1, windw: 1 }, /windw.*Did you mean "window"/],
  ]
  for (const [options, message] of wrong) t.throws(() => quota('a', options as never), { code: 'FST_GATEHOUSE_OPTION', message })
})

t.test('options of quotas that make no sense stop the start', async (t) => {
  const one = quota('one', { limit: 1, window: 1 })
  const wrong: [unknown, RegExp][] = [
    [{ every: [{ name: 'a', limit: 1, window: 1 }] }, /quotas\.every: expected what quota\(/],
    [{ every: [one, one] }, /"one" stands in the list twice/],
    [{ store: {} }, /quotas\.store: .*lacks spend, giveBack/],
    [{ store: memoryQuotas() }, /quotas\.secret/],
    [{ deadline: 0 }, /quotas\.deadline/], [{ onStoreError: 'alow' }, /quotas\.onStoreError/], [{ identity: 'id' }, /quotas\.identity/],
    [{ ipv6Prefix: 20 }, /quotas\.ipv6Prefix/], [{ secret: 'short' }, /quotas\.secret: 5 bytes/], [{ fields: 1 }, /quotas\.fields/], [{ evry: [] }, /evry.*Did you mean "every"/], [null, /quotas/],
  ]
  for (const [quotas, message] of wrong) await t.rejects(porch(t, { schemes, quotas: quotas as never }), { code: 'FST_GATEHOUSE_OPTION', message })
})

/** Routes are looked at when the application is ready. */
async function ready (...given: Parameters<typeof porch>): Promise<void> {
  await (await porch(...given)).ready()
}

t.test('two quotas with one name, of routes or of a route and a policy, stop the start', async (t) => {
  const routes = (...quotas: readonly unknown[]) => (app: FastifyInstance) => quotas.forEach((quota, index) => app.get(`/${index}`, { config: { access: authenticated({ quota: quota as never }) } }, () => 'a'))
  const make = () => quota('requests', { limit: 1, window: 1 })
  await t.rejects(ready(t, { schemes }, routes(make(), make())), { message: /two quotas have the name "requests", that of GET \/0 and that of GET \/1: make one, and give it to all routes that share it$/ })
  await t.rejects(ready(t, { schemes, quotas: { every: [make()] } }, routes(make(), make())), { message: /one route must be mended:\n.*that of quotas\.every and that of GET \/0: make one/ })
  await t.rejects(ready(t, { schemes, policies: [{ role: 'reader', quota: { requests: { limit: 1, window: 1 } } }] }, routes(make())), { message: /a quota of the routes \(GET \/0\) and one of the policies have the name "requests"/ })
  await t.rejects(ready(t, { schemes }, routes('requests')), { message: /quota: expected what quota\(/ })
  t.throws(() => everyone({ schemes } as never), { code: 'FST_GATEHOUSE_OPTION' })
  const shared = make()
  await t.resolves(ready(t, { schemes }, routes(shared, [shared], false)))
})

t.test('a quota that stands beside the declaration of its route would count nothing, and stops the start', async (t) => {
  const few = quota('few', { limit: 1, window: 60 })
  for (const beside of [few, [few]]) {
    await t.rejects(ready(t, { schemes }, (app) => app.get('/a', { config: { access: authenticated(), quota: beside } as never }, () => 'a')), { message: /one route must be mended:\n {2}GET \/a: config\.quota counts nothing: give it to config\.access, as in authenticated\(\{ quota \}\)$/ })
  }
  await t.resolves(ready(t, { schemes }, (app) => app.get('/a', { config: { access: authenticated(), quota: { of: 'another plugin' } } as never }, () => 'a')))
})

t.test('request.spend: of another quota by the same name nothing is spent, and who wrote it is told', async (t) => {
  const [own, limit, window] = [quota('own', { limit: 5, window: 60 }), quota('own', { limit: 3, window: 60 }), quota('own', { limit: 5, window: 30 })]
  const app = await counting(t, {}, (app) => {
    for (const [url, other] of Object.entries({ '/limit': limit, '/window': window, '/same': own })) {
      app.get(url, { config: { access: authenticated({ quota: own }) } }, async (request) => request.spend(other))
    }
  })
  for (const url of ['/limit', '/window']) {
    const answer = await app.inject({ url, headers: ada })
    t.equal(answer.statusCode, 500)
    t.match(answer.json(), { message: 'request.spend(quota): another quota of this request has the name "own" too: make one, or give it another name' })
  }
  t.match((await app.inject({ url: '/same', headers: ada })).json(), { remaining: 1 })
})

t.test('throttling 29: what cannot be given back stays spent, and is nobody\'s error', async (t) => {
  const gone = { throws: () => { throw new Error('gone') }, rejects: async () => { throw new Error('gone') } }
  for (const [how, giveBack] of Object.entries(gone)) {
    const sound = memoryQuotas()
    const store = { spend: async (...given: Parameters<QuotaStore['spend']>) => sound.spend(...given), giveBack }
    const few = quota('few', { limit: 1, window: 600 })
    const many = quota('many', { limit: 3, window: 600 })
    const app = await counting(t, { quotas: { store } }, (app) => app.get('/a', { config: { access: authenticated({ quota: [few, many] }) } }, () => 'a'))
    t.same(await statuses(app, 2, { url: '/a', headers: ada }), [200, 429], how)
    const last = await app.inject({ url: '/a', headers: ada })
    t.same(last.json()['violated-policies'], ['few'])
    t.match((await app.inject({ url: '/a', headers: ada })).json()['violated-policies'], ['few', 'many'])
  }
})

t.test('law 10: of two stores\' answers one fails: the other is given back', async (t) => {
  let calls = 0
  const back: string[] = []
  const sound = memoryQuotas()
  const store: QuotaStore = {
    spend: async (...given) => { if (++calls === 2) throw new Error('gone'); return sound.spend(...given) },
    giveBack: (...given) => { back.push(given[0]); sound.giveBack(...given) },
  }
  const [one, two] = [quota('one', { limit: 1, window: 600 }), quota('two', { limit: 1, window: 600 })]
  const app = await counting(t, { quotas: { store, onStoreError: 'refuse' } }, (app) => app.get('/a', { config: { access: authenticated({ quota: [one, two] }) } }, () => 'a'))
  t.same(await statuses(app, 3, { url: '/a', headers: ada }), [503, 200, 429])
  t.equal(back.length, 1)
})

t.test('where no limit could be found, everything is left', async (t) => {
  const few = quota('few', { limit: 7, window: 60 })
  const store = { spend: async () => { throw new Error('gone') }, giveBack: () => {} }
  const app = await counting(t, { quotas: { store, onStoreError: 'allow' } }, (app) => app.get('/a', { config: { access: 'public' } }, async (request) => request.spend(few)))
  const answer = await app.inject('/a')
  t.same(answer.json(), { remaining: 7, resetAfter: 0 })
  t.notOk('ratelimit' in answer.headers)
})

t.test('what each request of several has spent stands in the fields, also that of a handler beside the route\'s', async (t) => {
  const [one, two] = [quota('one', { limit: 5, window: 2.5 }), quota('two', { limit: 5, window: 60 })]
  const app = await counting(t, {}, (app) => app.get('/a', { config: { access: authenticated({ quota: one }) } }, async (request) => request.spend(two)))
  const { headers } = await app.inject({ url: '/a', headers: ada })
  t.equal(headers['ratelimit-policy'], '"one";q=5, "two";q=5;w=60', 'a window that is no whole seconds is not told')
  t.equal(headers['ratelimit'], '"one";r=4;t=1, "two";r=4;t=12')
})

t.test('throttling 21: in Fastify\'s own shape the names of the policies are there too', async (t) => {
  const few = quota('few', { limit: 1, window: 60 })
  const app = await counting(t, { refusals: { format: 'fastify' } }, (app) => app.get('/a', { config: { access: authenticated({ quota: few }) } }, () => 'a'))
  await app.inject({ url: '/a', headers: ada })
  t.match((await app.inject({ url: '/a', headers: ada })).json(), { statusCode: 429, code: 'quota_exceeded', 'violated-policies': ['few'] })
})

t.test('what costs nothing is not counted before authentication either', async (t) => {
  const writes = quota('writes', { limit: 1, window: 60, by: 'network', cost: ({ method }) => method === 'GET' ? 0 : 1 })
  const app = await counting(t, {}, (app) => {
    app.get('/a', { config: { access: everyone({ quota: writes }) } }, () => 'a')
    app.post('/a', { config: { access: everyone({ quota: writes }) } }, () => 'a')
  })
  t.same(await statuses(app, 3, { url: '/a' }), [200, 200, 200])
  t.same(await statuses(app, 2, { url: '/a', method: 'POST' }), [200, 429])
})

t.test('law 10: what a handler spends and nobody can count is a 503; what is no quota is told to who wrote it', async (t) => {
  const throws = quota('throws', { limit: 1, window: 60, by: () => { throw new Error('gone') } })
  const few = quota('few', { limit: 1, window: 60 })
  const app = await counting(t, {}, (app) => {
    app.get('/throws', { config: { access: 'public' } }, async (request) => request.spend(throws))
    app.get('/cost', { config: { access: 'public' } }, async (request) => request.spend(few, NaN))
    app.get('/none', { config: { access: 'public' } }, async (request) => request.spend({ name: 'few' } as never))
  })
  for (const url of ['/throws', '/cost']) t.match((await app.inject(url)).json(), { status: 503, code: 'temporarily_unavailable' }, url)
  t.match((await app.inject('/none')).json(), { statusCode: 500, message: 'request.spend(quota): expected what quota(name, { limit, window }) returns' })
})

t.test('law 10: a store that answers at once, and for the second quota not, keeps nothing of the first', async (t) => {
  let calls = 0
  const sound = memoryQuotas()
  const store: QuotaStore = { spend: (...given) => { if (++calls === 2) throw new Error('gone'); return sound.spend(...given) }, giveBack: sound.giveBack }
  const [one, two] = [quota('one', { limit: 1, window: 600 }), quota('two', { limit: 1, window: 600 })]
  const app = await counting(t, { quotas: { store, onStoreError: 'refuse' } }, (app) => app.get('/a', { config: { access: authenticated({ quota: [one, two] }) } }, () => 'a'))
  t.same(await statuses(app, 3, { url: '/a', headers: ada }), [503, 200, 429])
})

t.test('throttling 23: the same quota on the route and in the handler is told once, as it is at last, however often it is spent', async (t) => {
  const searches = quota('searches', { limit: 2000, window: 2000 })
  const app = await counting(t, {}, (app) => app.get('/a', { config: { access: authenticated({ quota: searches }) } }, async (request) => {
    for (let index = 0; index < 1000; index++) await request.spend(searches)
    return 'a'
  }))
  t.match((await app.inject({ url: '/a', headers: ada })).headers, { ratelimit: '"searches";r=999;t=1001', 'ratelimit-policy': '"searches";q=2000;w=2000' })
})

t.test('throttling 23: a 429 tells of the other quotas what is left of them once they were given back', async (t) => {
  const [much, few] = [quota('much', { limit: 10, window: 100 }), quota('few', { limit: 1, window: 100 })]
  const app = await counting(t, {}, (app) => app.get('/a', { config: { access: authenticated({ quota: [much, few] }) } }, () => 'a'))
  t.same(await statuses(app, 1, { url: '/a', headers: ada }), [200])
  t.match(await app.inject({ url: '/a', headers: ada }), { statusCode: 429, headers: { ratelimit: '"much";r=9;t=10, "few";r=0;t=100' } })
  t.match(await app.inject({ url: '/a', headers: ada }), { statusCode: 429, headers: { ratelimit: '"much";r=9;t=10, "few";r=0;t=100' } })
})

t.test('throttling 23: a handler that catches the 429 of what it wanted to spend tells the times as they are', async (t) => {
  const [day, burst] = [quota('day', { limit: 10, window: 86_400 }), quota('burst', { limit: 1, window: 5 })]
  const app = await counting(t, {}, (app) => app.get('/a', { config: { access: authenticated({ quota: day }) } }, async (request) => {
    await request.spend(burst)
    return request.spend(burst).then(() => 'spent', () => 'caught')
  }))
  t.match(await app.inject({ url: '/a', headers: ada }), { statusCode: 200, payload: 'caught', headers: { ratelimit: '"day";r=9;t=8640, "burst";r=0;t=5' } })
})

t.test('two quotas of one name and other limits do not count for each other; nor do two plans of one user', async (t) => {
  const [day, burst] = [quota('export', { limit: 1, window: 86_400 }), quota('export', { limit: 1, window: 1 })]
  const policies = [
    { role: 'free', quota: { requests: { limit: 1, window: '1s' } } },
    { role: 'pro', quota: { requests: { limit: 5, window: '1h' } } },
  ] as never
  const app = await counting(t, { policies }, (app) => {
    app.get('/day', { config: { access: 'public' } }, async (request) => request.spend(day))
    app.get('/burst', { config: { access: 'public' } }, async (request) => request.spend(burst))
    app.get('/plan', { config: { access: authenticated() } }, () => 'a')
  })
  t.same([...await statuses(app, 1, { url: '/day' }), ...await statuses(app, 2, { url: '/burst' })], [200, 200, 429])
  const plan = (role: string, count: number) => statuses(app, count, { url: '/plan', headers: as({ id: 'ada', roles: [role] }) })
  t.same([await plan('pro', 6), await plan('free', 2)], [[200, 200, 200, 200, 200, 429], [200, 429]])
  app.advance(1000)
  t.same(await plan('free', 1), [200], 'what was spent as pro does not lock him out')
})

t.test('throttling 29: while the store is down too, whoever is denied by one quota has spent nothing of the others', async (t) => {
  const down: QuotaStore = { spend: () => { throw new Error('gone') }, giveBack: () => { throw new Error('gone') } }
  const [much, few] = [quota('much', { limit: 8, window: 100_000_000, cost: 2 }), quota('few', { limit: 2, window: 100_000_000 })]
  const app = await counting(t, { quotas: { store: down } }, (app) => {
    app.get('/both', { config: { access: authenticated({ quota: [much, few] }) } }, () => 'a')
    app.get('/much', { config: { access: authenticated({ quota: much }) } }, () => 'a')
  })
  t.same(await statuses(app, 5, { url: '/both', headers: ada }), [200, 429, 429, 429, 429])
  t.same(await statuses(app, 2, { url: '/much', headers: ada }), [200, 429], 'half of the limit, of which one request was spent')
})
