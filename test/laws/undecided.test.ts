/** Laws 9 to 11: guessing is slowed down, what cannot be known is a no, and a policy that does not make sense is not put in force. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import Fastify, { type FastifyInstance } from 'fastify'
import gatehouse, { authenticated, can, resource, type GatehouseOptions } from '../../lib/index.ts'
import { basic, type AnyScheme } from '../../lib/authentication/schemes/index.ts'
import { definePolicy, deny } from '../../lib/policies/index.ts'
import { ARTICLES, basicOf, build, linesOf, logTo, POLICIES, schemesOf, told, tokenOf, type Article, type Walls, type Yard } from './matrix.ts'

async function yardOf (t: { teardown: (end: () => unknown) => void }, walls: Walls): Promise<Yard> {
  const yard = await build(walls)
  t.teardown(() => yard.app.close())
  return yard
}

const as = (user: string) => ({ authorization: `Bearer ${tokenOf(user)}` })
const ME = '/parent/required/sync/plain/me'

/** An application behind passwords whose clock the test moves, in milliseconds. */
async function guarded (t: { teardown: (end: () => unknown) => void }, throttle: GatehouseOptions['throttle'] = {}) {
  const clock = { now: 0 }
  const seen = { verified: 0 }
  const scheme = basic({
    verify: async (name, password) => {
      seen.verified++
      await new Promise((resolve) => setImmediate(resolve))
      return password === 'right' ? { id: name } : null
    },
  })
  const { app, world } = await yardOf(t, { options: { schemes: [scheme], throttle: throttle === false ? false : { now: () => clock.now, ...throttle } } })
  const guess = (password: string, name = 'rita') => app.inject({ url: ME, headers: { authorization: basicOf(name, password) } })
  return { app, world, clock, seen, guess }
}

t.test('law 9: of 200 guesses at once, five reach the verifier; all others are a 429 that says when to come back', async (t) => {
  const { seen, guess } = await guarded(t)
  const answers = await Promise.all(Array.from({ length: 200 }, (_, index) => guess(`guess ${index}`)))
  t.equal(seen.verified, 5)
  t.equal(answers.filter(({ statusCode }) => statusCode === 401).length, 5)
  const late = answers.filter(({ statusCode }) => statusCode === 429)
  t.equal(late.length, 195)
  t.ok(late.every(({ headers }) => /^[1-9]\d*$/.test(String(headers['retry-after']))), 'an integer of at least 1')
  t.ok(late.every((answer) => linesOf(answer, 'www-authenticate').length === 0), 'a 429 carries no challenge')
  t.ok(late.every(({ headers }) => headers['cache-control'] === 'no-store'))
})

t.test('law 9: Retry-After is not too early, on every rung; a locked account is locked for the right password too', async (t) => {
  const { clock, seen, guess } = await guarded(t)
  for (let index = 0; index < 5; index++) t.equal((await guess('wrong')).statusCode, 401)
  for (const wait of [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]) {
    const before = seen.verified
    const locked = await guess('right')
    t.equal(locked.statusCode, 429)
    t.equal(Number(locked.headers['retry-after']), wait)
    clock.now += wait * 1000 - 1
    const early = await guess('wrong')
    t.equal(early.statusCode, 429)
    t.equal(early.headers['retry-after'], '1', 'a last millisecond is rounded up')
    t.equal(seen.verified, before, 'nothing reached the verifier')
    clock.now += 1
    t.equal((await guess('wrong')).statusCode, 401, `after ${wait} s`)
  }
})

t.test('law 9: spellings of one name are one account, many names from one address are one address', async (t) => {
  const { seen, guess } = await guarded(t)
  for (const name of ['rita', 'RITA', ' rita', 'Rita ', 'ｒｉｔａ', 'rita']) await guess('wrong', name)
  t.equal(seen.verified, 5)
  const spray = await guarded(t)
  const answers = await Promise.all(Array.from({ length: 100 }, (_, index) => spray.guess('wrong', `user ${index}`)))
  t.equal(spray.seen.verified, 20)
  t.equal(answers.filter(({ statusCode }) => statusCode === 429).length, 80)
})

t.test('law 9: a success is no failure, and what is malformed is no guess', async (t) => {
  const { app, seen, guess } = await guarded(t)
  for (let index = 0; index < 50; index++) t.equal((await guess('right')).statusCode, 200)
  for (let index = 0; index < 50; index++) t.equal((await app.inject({ url: ME, headers: { authorization: 'Basic %' } })).statusCode, 401)
  t.equal((await guess('wrong')).statusCode, 401)
  t.equal(seen.verified, 51)
})

t.test('law 9: a throttled attempt is a warning in the log, without the name', async (t) => {
  const { world, guess } = await guarded(t)
  for (let index = 0; index < 5; index++) await guess('wrong', 'zacharias')
  world.log.length = 0
  await guess('wrong', 'zacharias')
  const lines = told(world.log)
  t.equal(lines.length, 1)
  t.match(lines[0], { level: 40, access: { status: 429, code: 'too_many_attempts', reason: /account/ } })
  t.notMatch(world.log.join(''), /zacharias/)
})

t.test('law 9: the throttle that a handler asks answers the same', async (t) => {
  let verified = 0
  const { app } = await yardOf(t, {
    logged: false,
    options: { throttle: { now: () => 0 } },
    more: (app) => {
      app.post('/login', { config: { access: 'public' } }, async (request) => app.gatehouse.throttle.guard(request, 'rita', () => {
        verified++
        return null
      }) ?? {})
    },
  })
  const answers = await Promise.all(Array.from({ length: 50 }, () => app.inject({ method: 'POST', url: '/login' })))
  t.equal(verified, 5)
  const late = answers.filter(({ statusCode }) => statusCode === 429)
  t.equal(late.length, 45)
  t.ok(late.every(({ headers }) => /^[1-9]\d*$/.test(String(headers['retry-after']))))
})

/** What every answer must be where something cannot be known. */
function isUnknown (t: Test, answer: { statusCode: number, body: string, headers: Record<string, unknown> }, what: string): void {
  t.equal(answer.statusCode, 503, what)
  t.match(String(answer.headers['retry-after']), /^[1-9]\d*$/, what)
  t.equal(answer.headers['www-authenticate'], undefined, `${what}: no challenge`)
  t.equal(answer.headers['cache-control'], 'no-store', what)
  t.notMatch(answer.body, /the-cause/, `${what}: nothing of the cause`)
}

/** That the log has it once, as an error, and with its cause. */
function isTold (t: Test, yard: Yard, what: string, withCause = true): void {
  // That a store is down is told once, beside the answers that it cost.
  const lines = told(yard.world.log).filter(({ msg }) => !msg.startsWith('the counters of '))
  t.equal(lines.length, 1, `${what}: one line of log, not ${JSON.stringify(lines.map(({ msg }) => msg))}`)
  t.equal(lines[0]?.level, 50, what)
  if (withCause) t.match(JSON.stringify(lines[0]), /the-cause/, `${what}: the cause is in the log`)
  yard.world.log.length = 0
}

const cause = () => new Error('the-cause')
const [byToken] = schemesOf('bearer') as [AnyScheme]

t.test('law 10: a scheme that cannot verify is a 503, whatever it does', async (t) => {
  const thrown: Record<string, AnyScheme['verify']> = {
    throws: () => { throw cause() },
    rejects: async () => { throw cause() },
    'rejects with nothing': async () => { throw undefined }, // eslint-disable-line no-throw-literal
    'throws a text': () => { throw 'the-cause' }, // eslint-disable-line no-throw-literal
    'throws a 401 of its own': () => { throw Object.assign(cause(), { statusCode: 401 }) },
    unavailable: () => ({ kind: 'unavailable', reason: 'down', cause: cause() }),
  }
  const garbage: Record<string, unknown> = {
    undefined,
    null: null,
    true: true,
    text: 'user',
    'an empty object': {},
    'another kind': { kind: 'ok' },
    'no user': { kind: 'user' },
    'user null': { kind: 'user', user: null },
    'user text': { kind: 'user', user: 'rita' },
    'user list': { kind: 'user', user: [] },
    'scopes text': { kind: 'user', user: { id: 'x' }, auth: { scopes: 'xreports:readx' } },
  }
  for (const guessable of [false, true]) {
    for (const [name, verify] of [...Object.entries(thrown), ...Object.entries(garbage).map(([name, value]) => [`returns ${name}`, () => value as never] as const)]) {
      const yard = await yardOf(t, { options: { schemes: [{ ...byToken, guessable, verify }], throttle: { now: () => 0 } } })
      yard.world.log.length = 0
      const what = `${name}${guessable ? ', behind the throttle' : ''}`
      isUnknown(t, await yard.app.inject({ url: '/parent/required/sync/plain/scoped', headers: as('rita') }), what)
      isTold(t, yard, what, /throws|rejects$|unavailable/.test(name))
      t.equal(yard.world.handled, 0, what)
      for (let index = 0; index < 6; index++) t.equal((await yard.app.inject({ url: ME, headers: as('rita') })).statusCode, 503, `${what}: it is no failed attempt`)
    }
  }
})

t.test('law 10: a time of sign-in that is none never passes a step-up', async (t) => {
  for (const authTime of ['now', new Date().toISOString(), NaN, Infinity, {}, true, -Infinity]) {
    const yard = await yardOf(t, { options: { schemes: [{ ...byToken, verify: () => ({ kind: 'user', user: { id: 'x' }, auth: { acr: 'gold', authTime: authTime as never } }) }] } })
    const { statusCode } = await yard.app.inject({ url: '/parent/required/sync/plain/fresh', headers: as('rita') })
    t.ok(statusCode === 401 || statusCode === 503, `${String(authTime)}: ${statusCode}`)
  }
})

t.test('law 10: a scheme whose find throws is a 503; one whose challenge does is never a 401 without one', async (t) => {
  const find = await yardOf(t, { options: { schemes: [{ ...byToken, find: () => { throw cause() } }] } })
  isUnknown(t, await find.app.inject(ME), 'find')
  const challenges: Record<string, AnyScheme['challenge']> = {
    throws: () => { throw cause() }, null: () => null as never, 'no token': () => ({ scheme: 'a b', params: [] }), 'no params': () => ({ scheme: 'X' }) as never,
  }
  for (const [name, challenge] of Object.entries(challenges)) {
    const yard = await yardOf(t, { options: { schemes: [{ ...byToken, challenge }] } })
    const answer = await yard.app.inject(ME)
    t.notMatch(answer.body, /the-cause|properties|iterable|a b/, `${name}: nothing of the cause`)
    t.ok(answer.statusCode === 503 || (answer.statusCode === 401 && linesOf(answer, 'www-authenticate').length > 0), `${name}: ${answer.statusCode} with ${linesOf(answer, 'www-authenticate').length} challenges`)
  }
})

t.test('law 10: a loader that fails is a 503, unless its error has a 4xx status of its own', async (t) => {
  const loads: Record<string, [load: () => unknown, status: number, withCause?: boolean]> = {
    throws: [() => { throw cause() }, 503],
    rejects: [async () => { throw cause() }, 503],
    'a 500': [() => { throw Object.assign(cause(), { statusCode: 500 }) }, 503],
    'a 302': [() => { throw Object.assign(cause(), { statusCode: 302 }) }, 503],
    'a text as status': [() => { throw Object.assign(cause(), { statusCode: '404' }) }, 503],
    'a plain object with 404': [() => { throw { statusCode: 404, message: 'the-cause' } }, 503], // eslint-disable-line no-throw-literal
    nothing: [() => { throw undefined }, 503, false], // eslint-disable-line no-throw-literal
    'a text': [() => 'Article', 503, false],
    'a list': [() => [ARTICLES[0]], 503, false],
    'a number': [() => 0, 503, false],
    false: [() => false, 503, false],
    'a 400': [() => { throw Object.assign(new Error('bad id'), { statusCode: 400 }) }, 400],
    'a 404': [() => { throw Object.assign(new Error('gone'), { statusCode: 404 }) }, 404],
    'a 410': [async () => { throw Object.assign(new Error('gone'), { statusCode: 410 }) }, 410],
    'a 401': [() => { throw Object.assign(new Error('who?'), { statusCode: 401 }) }, 401],
    'a getter that throws': [() => ({ get status () { throw cause() } }), 503],
  }
  for (const errorHandler of ['none', 'parent'] as const) {
    for (const [name, [load, status, withCause = true]] of Object.entries(loads)) {
      const article = resource<Article>('Article', { param: 'id', hidden: true, load: load as never })
      let handled = 0
      const yard = await yardOf(t, {
        errorHandler,
        more: (app) => {
          app.get('/loaded/:id', { config: { access: can('read', article) } }, () => { handled++ })
        },
      })
      yard.world.log.length = 0
      const answer = await yard.app.inject({ url: '/loaded/1', headers: as('rita') })
      if (status === 503) {
        isUnknown(t, answer, `${name}, ${errorHandler}`)
        isTold(t, yard, `${name}, ${errorHandler}`, withCause)
      } else {
        t.equal(answer.statusCode, status, name)
      }
      t.equal(handled, 0)
    }
  }
})

t.test('law 10: a user, roles, fields or a proposed record that cannot be read are a 503', async (t) => {
  const breaking = { get tenantId () { throw cause() } }
  const cases: Record<string, GatehouseOptions> = {
    'the user': { schemes: [{ ...byToken, verify: () => ({ kind: 'user', user: Object.assign(Object.create(breaking), { id: 'x', roles: ['author'] }) }) }] },
    'its roles': { schemes: [{ ...byToken, verify: () => ({ kind: 'user', user: { get roles () { throw cause() } } }) }] },
    'the option roles': { roles: () => { throw cause() } },
  }
  for (const [name, options] of Object.entries(cases)) {
    const yard = await yardOf(t, { options })
    yard.world.log.length = 0
    isUnknown(t, await yard.app.inject({ url: '/parent/required/sync/plain/articles/2', headers: as('adam') }), name)
    isTold(t, yard, name)
  }
  const yard = await yardOf(t, {
    more: (app, { article }) => {
      app.post('/fields/:id', { config: { access: can('update', article, { fields: () => { throw cause() } }) } }, () => ({}))
      app.post('/no-fields/:id', { config: { access: can('update', article, { fields: () => undefined as never }) } }, () => ({}))
      app.post('/proposed', { config: { access: can('update', article.proposed(() => { throw cause() })) } }, () => ({}))
      app.get('/asked', { config: { access: authenticated() } }, (request) => ({ can: request.can('read', article, { get status () { throw cause() } }) }))
      app.get('/authorized', { config: { access: authenticated() } }, (request) => request.authorize('read', article, { get status () { throw cause() } }))
    },
  })
  for (const [method, url] of [['POST', '/fields/2'], ['POST', '/proposed'], ['GET', '/asked'], ['GET', '/authorized']] as const) {
    yard.world.log.length = 0
    isUnknown(t, await yard.app.inject({ method, url, headers: as('adam') }), url)
    isTold(t, yard, url)
  }
  t.not((await yard.app.inject({ method: 'POST', url: '/no-fields/2', headers: as('adam') })).statusCode, 500)
})

t.test('law 10: a pre-check that cannot decide is a 503', async (t) => {
  for (const when of [() => { throw cause() }, () => 'yes' as never, () => undefined as never, () => Promise.resolve(false) as never]) {
    const yard = await yardOf(t, { options: { policies: [...POLICIES, definePolicy('broken', [deny({ code: 'broken', when })])] } })
    yard.world.log.length = 0
    isUnknown(t, await yard.app.inject({ url: ME, headers: as('rita') }), String(when))
    isTold(t, yard, String(when), String(when).includes('throw'))
    t.equal((await yard.app.inject(ME)).statusCode, 401, 'nobody to check')
  }
})

t.test('law 10: counters that cannot be reached are a 503, before and after the secret is checked', async (t) => {
  const fails = async () => { throw cause() }
  const admitted = { admitted: true, failures: 1, retryAfter: 0 }
  const stores = {
    charge: { charge: fails, refund: () => {}, reset: () => {}, status: () => null },
    'charge with garbage': { charge: () => ({ admitted: 'yes' }) as never, refund: () => {}, reset: () => {}, status: () => null },
    'charge with nothing': { charge: () => undefined as never, refund: () => {}, reset: () => {}, status: () => null },
    settle: { charge: () => admitted, refund: fails, reset: fails, status: () => null },
  }
  for (const [name, store] of Object.entries(stores)) {
    let checked = 0
    const yard = await yardOf(t, {
      scheme: 'basic',
      options: { throttle: { onStoreError: 'refuse', secret: 'of all processes here', store } },
      more: (app) => {
        app.post('/login', { config: { access: 'public' } }, async (request) => app.gatehouse.throttle.guard(request, 'rita', () => {
          checked++
          return { ok: true }
        }))
      },
    })
    for (const [method, url] of [['GET', ME], ['POST', '/login']] as const) {
      yard.world.log.length = 0
      isUnknown(t, await yard.app.inject({ method, url, headers: { authorization: basicOf('rita') } }), `${name} ${url}`)
      isTold(t, yard, `${name} ${url}`, !name.startsWith('charge with'))
    }
    t.equal(checked, name === 'settle' ? 1 : 0, `${name}: no secret is checked that cannot be counted`)
    t.equal(yard.world.handled, 0)
  }
})

/** Mistakes in a policy, and what the message must say. */
const MISTAKES: Readonly<Record<string, [yaml: string, message: RegExp]>> = {
  'unknown key': ['role: a\nrules:\n  - action: read\n    subject: Article\n    condition: { x: 1 }\n', /condition/],
  'unknown operator': ['role: a\nrules:\n  - action: read\n    subject: Article\n    conditions: { x: { $equals: 1 } }\n', /\$equals/],
  'unknown role': ['role: a\ninherits: nobody\nrules: []\n', /nobody/],
  'unknown template': ['role: a\nrules:\n  - action: read\n    subject: Article\n    conditions: { x: $usr.id }\n', /\$usr/],
  'empty condition': ['role: a\nrules:\n  - action: read\n    subject: Article\n    conditions: {}\n', /empty|conditions/],
  'no yaml': ['role: [\n', /./],
  'twice the same key': ['role: a\nrole: b\nrules: []\n', /./],
  'a role twice': ['role: reader\nrules: []\n', /defined twice/],
}

const SOUND = 'role: reader\nrules:\n  - action: read\n    subject: Article\n    conditions: { status: published }\n'

function folder (t: { teardown: (end: () => unknown) => void }): string {
  const path = mkdtempSync(join(tmpdir(), 'laws-'))
  t.teardown(() => rmSync(path, { recursive: true }))
  writeFileSync(join(path, 'reader.yaml'), SOUND)
  return path
}

async function governed (t: { teardown: (end: () => unknown) => void }, policies: string): Promise<FastifyInstance> {
  const article = resource<Article>('Article', { param: 'id', load: (id) => ARTICLES.find((one) => one.id === id) })
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(gatehouse, { schemes: schemesOf('bearer'), policies })
  app.get('/articles/:id', { config: { access: can('read', article) } }, () => ({}))
  return app
}

t.test('law 11: a policy that does not make sense stops the start', async (t) => {
  for (const [name, [yaml, message]] of Object.entries(MISTAKES)) {
    const path = folder(t)
    writeFileSync(join(path, 'wrong.yaml'), yaml)
    await t.rejects(async () => await governed(t, path), { code: 'FST_GATEHOUSE_POLICY', message }, name)
  }
})

t.test('law 11: a reload of one leaves the policy in force; a sound one is put in force', async (t) => {
  const path = folder(t)
  const app = await governed(t, path)
  const statuses = async () => [(await app.inject({ url: '/articles/1', headers: as('rita') })).statusCode, (await app.inject({ url: '/articles/2', headers: as('rita') })).statusCode]
  t.strictSame(await statuses(), [200, 403])
  const before = app.gatehouse.policy?.version

  for (const [name, [yaml]] of Object.entries(MISTAKES)) {
    writeFileSync(join(path, 'wrong.yaml'), yaml)
    await t.rejects(app.gatehouse.reload(), { code: 'FST_GATEHOUSE_POLICY' }, name)
    t.equal(app.gatehouse.policy?.version, before, name)
    t.strictSame(await statuses(), [200, 403], name)
  }
  rmSync(join(path, 'wrong.yaml'))

  writeFileSync(join(path, 'reader.yaml'), 'role: reader\nrules:\n  - action: read\n    subject: Comment\n')
  await t.rejects(app.gatehouse.reload(), { code: 'FST_GATEHOUSE_OPTION', message: /Article/ }, 'a policy that no longer fits the routes')
  t.strictSame(await statuses(), [200, 403])

  rmSync(join(path, 'reader.yaml'))
  await t.rejects(app.gatehouse.reload(), { code: 'FST_GATEHOUSE_POLICY' }, 'an empty folder')
  t.strictSame(await statuses(), [200, 403])

  writeFileSync(join(path, 'reader.yaml'), SOUND.replace('published', 'draft'))
  const { version } = await app.gatehouse.reload()
  t.not(version, before)
  t.strictSame(await statuses(), [403, 200])
})

t.test('law 11: where a value is lacking the allowing rule does not apply, the inverted one does, and the log says so', async (t) => {
  const policies = [definePolicy({
    role: 'reader',
    rules: [
      { action: 'read', subject: 'Article', conditions: { tenantId: '$user.tenantId' } },
      { action: 'update', subject: 'Article' },
      { action: 'update', subject: 'Article', inverted: true, conditions: { tenantId: { $ne: '$user.tenantId' } } },
      { action: 'delete', subject: 'Article', conditions: { status: { $ne: 'archived' } } },
      { action: 'approve', subject: 'Article' },
      { action: 'approve', subject: 'Article', inverted: true, conditions: { status: 'archived' } },
    ],
  })]
  const bare = resource<object>('Article', { param: 'id', load: () => ({ id: 1 }) })
  const log: string[] = []
  const app = Fastify({ logger: { stream: logTo(log) } })
  t.teardown(() => app.close())
  await app.register(gatehouse, { schemes: [{ ...byToken, verify: () => ({ kind: 'user', user: { id: 'x', roles: ['reader'] } }) }], policies })
  for (const action of ['read', 'update', 'delete', 'approve']) app.get(`/${action}/:id`, { config: { access: can(action, bare) } }, () => ({}))
  for (const [action, lacking] of [['read', 'reader/1 needs user.tenantId'], ['update', 'reader/3 needs user.tenantId'], ['delete', 'reader/4 needs a value of the record'], ['approve', 'reader/6 needs a value of the record']] as const) {
    log.length = 0
    t.equal((await app.inject({ url: `/${action}/1`, headers: as('rita') })).statusCode, 403, action)
    t.ok((told(log).find(({ access }) => access !== undefined)?.access?.['lacking'] as string[]).includes(lacking), `${action}: ${lacking}`)
  }
})
