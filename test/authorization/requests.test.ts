/** What people most often ask of access control in a web framework, each through a real application (facts: authorization, section 5). */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { setImmediate as turn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { allOf, anyOf, authenticated, can, DECISIONS, resource, role, type DecisionEvent } from '../../lib/index.ts'
import { definePolicy, type PolicyDefinition } from '../../lib/policies/index.ts'
import { as, porch, type Porch } from '../core/porch.ts'
import { abilityOf, abilitiesOf } from './abilities.ts'

interface Row { readonly id: number, readonly authorId: string, readonly tenantId?: string, readonly status?: string }

const ROWS: readonly Row[] = [{ id: 0, authorId: 'ada' }, { id: 1, authorId: 'grace' }]

const POLICIES: readonly PolicyDefinition[] = [
  definePolicy({ role: 'author', rules: [{ action: ['read', 'update'], subject: 'Article', conditions: { authorId: '$user.id' } }] }),
  definePolicy({ role: 'admin', rules: [{ action: 'manage', subject: 'all' }] }),
]

const ADA = as({ id: 'ada', roles: ['author'] })
const ADMIN = as({ id: 'root', roles: ['admin'] })

const articles = (load = (id: string): Row | null => ROWS[Number(id)] ?? null, hidden = false) => resource('Article', { param: 'id', load, hidden })

async function status (app: Porch, url: string, headers: { authorization?: string } = ADA): Promise<number> {
  return (await app.inject({ url, headers })).statusCode
}

function decisions (t: Test): DecisionEvent[] {
  const events: DecisionEvent[] = []
  const note = (event: unknown): void => { events.push(event as DecisionEvent) }
  subscribe(DECISIONS, note)
  t.teardown(() => { unsubscribe(DECISIONS, note) })
  return events
}

t.test('authz R1: conditions are never ignored: a check that would have to ignore them stops the start', async (t) => {
  const bare = await porch(t, { policies: POLICIES }, (app) => { app.get('/articles/:id', { config: { access: can('read', 'Article') } }, () => 'all') })
  await t.rejects(async () => { await bare.ready() }, { message: /GET \/articles\/:id.*Article/ })
  const loaded = await porch(t, { policies: POLICIES }, (app) => { app.get('/articles/:id', { config: { access: can('read', articles()) } }, () => 'this one') })
  t.equal(await status(loaded, '/articles/0'), 200)
  t.equal(await status(loaded, '/articles/1'), 403)
})

t.test('authz R2: a record is loaded once, checked, and handed to the handler', async (t) => {
  const loads: string[] = []
  const article = articles((id) => {
    loads.push(id)
    return ROWS[Number(id)] ?? null
  })
  const access = allOf(can('read', article), can('update', article))
  const app = await porch(t, { policies: POLICIES }, (app) => {
    app.get('/articles/:id', { config: { access } }, (request) => {
      const row = article.whole(request)
      return { same: row === ROWS[0], again: article.whole(request) === row, may: request.can('update', article, row) }
    })
  })
  t.strictSame((await app.inject({ url: '/articles/0', headers: ADA })).json(), { same: true, again: true, may: true })
  t.strictSame(loads, ['0'])
})

t.test('authz R3: what is hidden answers as what is not there, whatever was tried', async (t) => {
  const article = articles(undefined, true)
  const app = await porch(t, { policies: POLICIES }, (app) => {
    app.get('/articles/:id', { config: { access: can('read', article) } }, () => 'read')
    app.delete('/articles/:id', { config: { access: can('delete', article) } }, () => 'gone')
  })
  for (const method of ['GET', 'DELETE'] as const) {
    const [hidden, missing] = await Promise.all(['1', '9'].map((id) => app.inject({ method, url: `/articles/${id}`, headers: ADA })))
    const told = (answer: typeof hidden) => ({ status: answer?.statusCode, body: { ...answer?.json(), instance: null } })
    t.equal(hidden?.statusCode, 404)
    t.strictSame(told(hidden), told(missing))
  }
  t.equal((await app.inject({ method: 'DELETE', url: '/articles/0', headers: ADA })).statusCode, 403, 'whoever may read it learns that this is not allowed')
})

t.test('authz R4: a missing record is not found, and not "not allowed"', async (t) => {
  const app = await porch(t, { policies: POLICIES }, (app) => { app.get('/articles/:id', { config: { access: can('read', articles()) } }, () => 'read') })
  t.equal(await status(app, '/articles/9'), 404)
  t.equal(await status(app, '/articles/9', ADMIN), 404)
  t.equal(await status(app, '/articles/1'), 403)
})

t.test('authz R5: a route that says nothing stops the start, also in a plugin that somebody registers', async (t) => {
  const app = await porch(t, { policies: POLICIES }, async (app) => {
    await app.register(async (child) => { child.get('/forgotten', () => 'open?') })
  })
  await t.rejects(async () => { await app.ready() }, { message: /GET \/forgotten/ })
})

t.test('authz R6: why it was denied is told of ordinary rules too, to those who run it and to nobody else', async (t) => {
  const events = decisions(t)
  const article = articles()
  const app = await porch(t, { policies: POLICIES }, (app) => { app.get('/articles/:id', { config: { access: can('update', article) } }, () => 'read') })
  const answer = await app.inject({ url: '/articles/1', headers: ADA })
  t.equal(answer.statusCode, 403)
  t.notMatch(answer.body, /author|rule/i)
  const why = { candidates: [{ rule: 'author/1', via: 'author', applies: 'no', failed: [{ path: 'record.authorId', operator: '$eq', lacking: false }] }] }
  t.match(events.at(-1), { outcome: 'deny', explanation: why })
  const explained = app.gatehouse.explain({ id: 'ada', roles: ['author'] }, 'update', article, { record: ROWS[1] as object })
  t.match(explained, { allowed: false, answer: { outcome: 'forbidden', code: null }, ...why })
  t.notMatch(JSON.stringify([events, explained]), /grace/, 'no value of the record')
})

t.test('authz R7: what must be asked of a database is asked before the rules, which answer at once', async (t) => {
  const article = resource('Article', {
    param: 'id',
    load: async (id) => {
      await turn()
      return ROWS[Number(id)]
    },
  })
  const environment = async () => {
    await turn()
    return { maintenance: false, region: 'eu' }
  }
  const policies = [definePolicy({
    role: 'author',
    rules: [
      { action: 'read', subject: 'Article', conditions: { authorId: '$user.id' }, environment: { region: 'eu' } },
      { action: 'read', subject: 'Article', inverted: true, environment: { maintenance: true } },
    ],
  })]
  const app = await porch(t, { policies, environment }, (app) => { app.get('/articles/:id', { config: { access: can('read', article) } }, () => 'read') })
  t.equal(await status(app, '/articles/0'), 200)
  t.equal(await status(app, '/articles/1'), 403)
  t.equal(abilityOf([{ action: 'read', subject: 'Article' }]).allows('read', 'Article', {}), true, 'no promise, which would be true')
})

t.test('authz R8: rules are data with the user\'s values in them, and never a text that is put together', async (t) => {
  const text = 'role: author\nrules: [{ action: read, subject: Article, conditions: { authorId: $user.id, tenantId: $user.org.tenant } }]\n'
  const article = resource('Article', { param: 'owner', load: (owner) => ({ authorId: owner, tenantId: 'aurora' }) })
  const app = await porch(t, { policies: { name: 'table', read: async () => [{ name: 'author.yaml', text }] } }, (app) => { app.get('/articles/of/:owner', { config: { access: can('read', article) } }, () => 'read') })
  const user = (id: unknown) => as({ id, org: { tenant: 'aurora' }, roles: ['author'] } as object)
  t.equal(await status(app, '/articles/of/ada', user('ada')), 200)
  t.equal(await status(app, '/articles/of/grace', user('ada')), 403)
  for (const hostile of ['", "authorId": "grace', '$user.id', { $ne: 'x' }, null]) t.equal(await status(app, '/articles/of/grace', user(hostile)), 403, JSON.stringify(hostile))
  t.equal(await status(app, '/articles/of/ada', as({ id: 'ada', roles: ['author'] })), 403, 'without a tenant')
})

t.test('authz R11: rows are plain objects, also frozen ones and those without a prototype', async (t) => {
  const rows = [Object.freeze({ id: 0, authorId: 'ada' }), Object.assign(Object.create(null), { id: 1, authorId: 'ada' }), { id: 2, authorId: 'ada', __caslSubjectType__: 'Other', constructor: { name: 'Other' } }]
  const app = await porch(t, { policies: POLICIES }, (app) => { app.get('/articles/:id', { config: { access: can('read', articles((id) => rows[Number(id)] as Row)) } }, () => 'read') })
  for (const id of [0, 1, 2]) t.equal(await status(app, `/articles/${id}`), 200)
  t.strictSame(Object.keys(rows[0] as object), ['id', 'authorId'], 'nothing is put onto them')
})

t.test('authz R12: a wrong use of can() is an error, and not a no or a yes', async (t) => {
  const article = articles()
  const wrong: Readonly<Record<string, readonly [action: string, on: unknown, record: unknown, message: RegExp]>> = {
    'a type': ['read', 'Article', undefined, /expected a resource/],
    'a type with a record': ['read', 'Article', ROWS[0], /expected a resource/],
    'no record': ['read', article, undefined, /expected a record of Article/],
    'a missing record': ['read', article, null, /expected a record of Article/],
    'a list': ['read', article, ROWS, /expected a record of Article/],
    'a misspelt action': ['raed', article, ROWS[0], /"raed".*Did you mean "read"\?/],
  }
  const app = await porch(t, { policies: POLICIES }, (app) => {
    app.get<{ Params: { how: string } }>('/:how', { config: { access: authenticated() } }, (request) => {
      const [action, on, record] = wrong[request.params.how] ?? ['read', article, ROWS[0]]
      try {
        return { answered: request.can(action, on as typeof article, record as object) }
      } catch (error) {
        return { threw: (error as Error).name, message: (error as Error).message }
      }
    })
  })
  const asked = async (how: string) => (await app.inject({ url: `/${encodeURIComponent(how)}`, headers: ADA })).json() as object
  t.strictSame(await asked('right'), { answered: true })
  for (const [how, [,,, message]] of Object.entries(wrong)) t.match(await asked(how), { threw: 'TypeError', message }, how)
})

t.test('authz R13: nobody is decided by another user, another tenant or an earlier role', async (t) => {
  const policies = [definePolicy({ role: 'author', rules: [{ action: 'read', subject: 'Article', conditions: { authorId: '$user.id', tenantId: '$user.tenantId' } }] })]
  const row = { id: 0, authorId: 'ada', tenantId: 'aurora' }
  const article = resource('Article', {
    param: 'id',
    load: async () => {
      await turn()
      return row
    },
  })
  const app = await porch(t, { policies }, (app) => { app.get('/articles/:id', { config: { access: can('read', article) } }, () => 'read') })
  const users = [['ada', 'aurora', 'author', 200], ['ada', 'borealis', 'author', 403], ['grace', 'aurora', 'author', 403], ['ada', 'aurora', 'reader', 403]] as const
  // All at the same time, each often, in an order that brings each after each other.
  const asked = Array.from({ length: 64 }, (_, index) => users[(index * 7 + (index >> 2)) % users.length] as typeof users[number])
  const answers = await Promise.all(asked.map(([id, tenantId, role]) => status(app, '/articles/0', as({ id, tenantId, roles: [role] }))))
  t.strictSame(answers, asked.map(([, , , expected]) => expected))
})

t.test('authz R14: with several roles the result does not depend on any order', async (t) => {
  const of = [
    { role: 'writer', rules: [{ action: 'update', subject: 'Article' }] },
    { role: 'reader', rules: [{ action: 'read', subject: 'Article' }] },
    { role: 'banned', rules: [{ action: 'update', subject: 'Article', inverted: true }] },
  ]
  const orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]
  const results = new Set<string>()
  for (const files of orders) {
    const abilities = abilitiesOf(...files.map((index) => of[index]))
    for (const order of orders) {
      const ability = abilities.of({ id: 'ada' }, order.map((index) => (of[index] as { role: string }).role))
      results.add(JSON.stringify(['read', 'update'].map((action) => ability.allows(action, 'Article', {}))))
    }
  }
  t.strictSame([...results], ['[true,false]'])
})

t.test('authz R15: requirements are joined by "and" and "or", and who asks is known before any of them', async (t) => {
  const article = articles()
  const seen: unknown[] = []
  const app = await porch(t, { policies: POLICIES }, (app) => {
    const preHandler = async (request: { user: unknown }) => { seen.push(request.user) }
    app.get('/both/:id', { config: { access: allOf(role('author'), can('update', article)) }, preHandler }, () => 'done')
    app.get('/either/:id', { config: { access: anyOf(role('admin'), can('update', article)) }, preHandler }, () => 'done')
  })
  const answers = async (path: string) => await Promise.all([ADA, ADMIN, as({ id: 'x', roles: [] }), {}].map((headers) => status(app, `/${path}`, headers)))
  t.strictSame(await answers('both/0'), [200, 403, 403, 401])
  t.strictSame(await answers('either/0'), [200, 200, 403, 401])
  t.strictSame(await answers('either/1'), [403, 200, 403, 401])
  t.equal(seen.length, 4)
  t.notOk(seen.includes(null))
})

t.test('authz R16: hooks of a route stay, run after the decision, and not at all after a no', async (t) => {
  const ran: string[] = []
  const hook = (name: string) => async () => { ran.push(name) }
  const app = await porch(t, { policies: POLICIES }, (app) => {
    app.addHook('preHandler', hook('instance'))
    app.get('/articles/:id', { config: { access: can('read', articles()) }, preHandler: [hook('first'), hook('second')] }, () => 'read')
  })
  t.equal(await status(app, '/articles/0'), 200)
  t.strictSame(ran.splice(0), ['instance', 'first', 'second'])
  t.equal(await status(app, '/articles/1'), 403)
  t.strictSame(ran, [])
})

t.test('authz R17: a route has rules of its own beside those for its record, also where somebody else registered it', async (t) => {
  const article = articles()
  const loads: string[] = []
  const noted = articles((id) => {
    loads.push(id)
    return ROWS[Number(id)] ?? null
  })
  const routes = { '/admin/*': role('admin') }
  const app = await porch(t, { policies: POLICIES, routes }, async (app) => {
    app.get('/editorial/:id', { config: { access: allOf(role('admin'), can('read', noted)) } }, () => 'read')
    app.get('/articles/:id', { config: { access: can('read', article) } }, () => 'read')
    await app.register(async (child) => { child.get('/statistics', () => 'numbers') }, { prefix: '/admin' })
  })
  t.equal(await status(app, '/articles/0'), 200)
  t.equal(await status(app, '/editorial/0'), 403)
  t.strictSame(loads, [], 'law 6: the rule for the route has said no')
  t.equal(await status(app, '/editorial/0', ADMIN), 200)
  t.strictSame([await status(app, '/admin/statistics'), await status(app, '/admin/statistics', ADMIN)], [403, 200])
})

t.test('authz R18: of a thousand rules for one action and subject only those are tried that can apply', async (t) => {
  const rules = Array.from({ length: 1000 }, (_, index) => ({ action: 'read', subject: 'Doc', conditions: { id: `doc-${index}`, open: true } }))
  const ability = abilityOf([...rules, ...rules.map((rule) => ({ ...rule, subject: 'Other' }))])
  const reads: string[] = []
  const record = (id: string) => new Proxy({ id, open: true }, {
    get (target, key) {
      reads.push(String(key))
      return Reflect.get(target, key)
    },
  })
  t.equal(ability.allows('read', 'Doc', record('doc-700')), true)
  t.equal(ability.allows('read', 'Doc', record('nobody')), false)
  t.ok(reads.length < 20, `the records were read ${reads.length} times`)
  reads.length = 0
  t.equal(ability.allows('write', 'Doc', record('doc-700')), false)
  t.strictSame(reads, [], 'rules for other actions are not tried at all')
})

t.test('authz R19: a policy changes while the application runs, and a request in flight keeps its own', async (t) => {
  const RULE = 'role: author\nrules: [{ action: read, subject: Article, conditions: { authorId: $user.id } }]\n'
  let text = RULE
  let arrived = (): void => {}
  const inLoader = new Promise<void>((resolve) => { arrived = resolve })
  let go = (): void => {}
  const gate = new Promise<void>((resolve) => { go = resolve })
  const slow = resource('Article', {
    param: 'id',
    load: async (id) => {
      arrived()
      await gate
      return ROWS[Number(id)]
    },
  })
  const app = await porch(t, { policies: { name: 'table', read: async () => [{ name: 'author.yaml', text }] } }, (app) => {
    app.get('/slow/:id', { config: { access: can('read', slow) } }, () => 'read')
    app.get('/articles/:id', { config: { access: can('read', articles()) } }, () => 'read')
  })
  t.equal(await status(app, '/articles/0'), 200)
  const { version } = app.gatehouse
  const waiting = status(app, '/slow/0')
  await inLoader
  text = RULE.replace('authorId: $user.id', 'status: published')
  t.not((await app.gatehouse.reload()).version, version)
  t.equal(await status(app, '/articles/0'), 403)
  go()
  t.equal(await waiting, 200)
  text = RULE.replace('conditions', 'condition')
  await t.rejects(app.gatehouse.reload(), { message: /author\.yaml:2:\d+.*Did you mean "conditions"\?/ })
  t.equal(await status(app, '/articles/0'), 403, 'what makes no sense does not come in force')
})
