import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import type { FastifyInstance } from 'fastify'
import gatehouse, { authenticated, can, refusal, resource, role, THROTTLE, type ThrottleEvent } from '../../lib/index.ts'
import { memoryAttempts } from '../../lib/stores/memory.ts'
import { as, bare, keys, porch } from './porch.ts'

function guarded (app: FastifyInstance, outcome: () => unknown): void {
  app.post('/sign-in', { config: { access: 'public' } }, async (request) => ({ got: await app.gatehouse.throttle.guard(request, 'ada', outcome) }))
}

/** Its clock stands still: no lock ends while a busy machine takes its time. */
const twoGuesses = { account: { free: 2 }, address: false, now: () => 0 } as const

t.test('law 9: a handler\'s own secret is throttled, and the wrong answers are null, undefined and false', async (t) => {
  for (const wrong of [null, undefined, false]) {
    const app = await porch(t, { throttle: twoGuesses }, (app) => guarded(app, () => wrong))
    const statuses = []
    for (let guess = 0; guess < 3; guess++) statuses.push((await app.inject({ method: 'POST', url: '/sign-in' })).statusCode)
    t.same(statuses, [200, 200, 429])
    const locked = await app.inject({ method: 'POST', url: '/sign-in' })
    t.match(locked.headers['retry-after'], /^[1-9]\d*$/)
    t.equal(locked.json().code, 'too_many_attempts')
    t.match(await app.gatehouse.throttle.status({ account: 'ada' }), { account: { failures: 2 }, address: null })
    await app.gatehouse.throttle.unlock({ account: 'ada' })
    t.equal((await app.inject({ method: 'POST', url: '/sign-in' })).statusCode, 200)
  }
})

t.test('a right secret is handed back, and a check that throws was no attempt', async (t) => {
  let calls = 0
  const app = await porch(t, { throttle: twoGuesses }, (app) => guarded(app, async () => {
    if (++calls <= 5) throw new Error('database down')
    return { id: 'ada' }
  }))
  for (let guess = 0; guess < 5; guess++) t.equal((await app.inject({ method: 'POST', url: '/sign-in' })).statusCode, 500)
  t.same((await app.inject({ method: 'POST', url: '/sign-in' })).json(), { got: { id: 'ada' } })
})

t.test('law 9: a check that throws the refusal for wrong credentials said that they were wrong', async (t) => {
  const app = await porch(t, { throttle: twoGuesses }, (app) => guarded(app, () => { throw refusal('invalid_credentials', { reason: 'wrong password' }) }))
  const statuses = []
  for (let guess = 0; guess < 4; guess++) statuses.push((await app.inject({ method: 'POST', url: '/sign-in' })).statusCode)
  t.same(statuses, [401, 401, 429, 429])
})

t.test('law 9: what is no name, from a body that nobody validated, does not get around the counters of accounts', async (t) => {
  const app = await porch(t, { throttle: twoGuesses }, (app) => {
    app.post('/sign-in', { config: { access: 'public' } }, async (request) => ({
      got: await app.gatehouse.throttle.guard(request, (request.body as { name: string }).name, () => false),
    }))
  })
  const statuses = []
  for (const name of [null, 7, {}]) statuses.push((await app.inject({ method: 'POST', url: '/sign-in', payload: { name } })).statusCode)
  t.same(statuses, [200, 200, 429])
})

t.test('a wrong secret is null, whichever way it was said', async (t) => {
  for (const wrong of [null, undefined, false]) {
    const app = await porch(t, { throttle: false }, (app) => guarded(app, () => wrong))
    t.same((await app.inject({ method: 'POST', url: '/sign-in' })).json(), { got: null })
  }
})

t.test('without a throttle every guess is checked, and nothing stands in the counters', async (t) => {
  const app = await porch(t, { throttle: false }, (app) => guarded(app, () => null))
  for (let guess = 0; guess < 40; guess++) t.equal((await app.inject({ method: 'POST', url: '/sign-in' })).statusCode, 200)
  t.same(await app.gatehouse.throttle.status({ account: 'ada' }), { address: null, account: null })
  await app.gatehouse.throttle.unlock({ account: 'ada' })
})

t.test('a scheme that cannot know made no attempt; one that says no did', async (t) => {
  let answer: object = { kind: 'unavailable', reason: 'user store down' }
  const app = await porch(t, { throttle: twoGuesses, schemes: [keys({ guessable: true, verify: () => answer as never })] }, (app) => {
    app.get('/', { config: { access: authenticated() } }, () => 'in')
  })
  const status = async () => (await app.inject({ url: '/', headers: as({}) })).statusCode
  for (let guess = 0; guess < 5; guess++) t.equal(await status(), 503)
  answer = { kind: 'invalid', reason: 'wrong' }
  t.same([await status(), await status(), await status()], [401, 401, 429])
})

t.test('throttling: an answer that says that nothing was guessed neither counts nor ends what was counted', async (t) => {
  let answer: object = { kind: 'invalid', reason: 'wrong' }
  const app = await porch(t, { throttle: { account: { free: 3 }, address: false, now: () => 0 }, schemes: [keys({ guessable: true, verify: () => answer as never })] }, (app) => {
    app.get('/', { config: { access: authenticated() } }, () => 'in')
  })
  const status = async () => (await app.inject({ url: '/', headers: as({}) })).statusCode
  const stale = { kind: 'invalid', reason: 'the nonce has expired', guessed: false }
  t.same([await status(), await status()], [401, 401])
  answer = stale
  for (let replay = 0; replay < 5; replay++) t.equal(await status(), 401)
  answer = { kind: 'invalid', reason: 'wrong' }
  t.same([await status(), await status()], [401, 429])
})

t.test('law 10: a throttle that fails lets nobody by', async (t) => {
  const down = () => Promise.reject(new Error('counters down'))
  const app = await porch(t, { throttle: { onStoreError: 'refuse', secret: 'of all processes here', store: { charge: down, refund: down, reset: down, status: down } as never }, schemes: [keys({ guessable: true })] }, (app) => {
    app.get('/', { config: { access: authenticated() } }, () => 'in')
    guarded(app, () => ({ id: 'ada' }))
    app.get('/status', { config: { access: 'public' } }, async () => app.gatehouse.throttle.status({ account: 'ada' }))
  })
  t.equal((await app.inject({ url: '/', headers: as({}) })).statusCode, 503)
  t.equal((await app.inject({ url: '/status' })).statusCode, 503)
  t.equal((await app.inject({ method: 'POST', url: '/sign-in' })).statusCode, 503)
})

t.test('a folder of policies is read again, and only a policy that fits is put in force', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const write = (text: string) => writeFile(join(folder, 'author.yaml'), text)
  await write('role: author\nrules: [{ action: read, subject: Report }]\n')
  const app = await porch(t, { policies: pathToFileURL(`${folder}/`) }, (app) => {
    app.get('/', { config: { access: can('read', 'Report') } }, () => 'report')
    app.get('/a', { config: { access: role('author') } }, () => 'a')
  })
  const status = async () => (await app.inject({ url: '/', headers: as({ roles: ['author'] }) })).statusCode
  t.equal(await status(), 200)
  const { policy } = app.gatehouse
  t.match(policy?.version, /^[0-9a-f]{12}$/)

  await write('role: author\nrules: [{ action: read }]\n')
  await t.rejects(app.gatehouse.reload(), { code: 'FST_GATEHOUSE_POLICY' })
  await write('role: author\nrules: [{ action: read, subject: Reports }]\n')
  await t.rejects(app.gatehouse.reload(), { code: 'FST_GATEHOUSE_OPTION', message: /the new policy does not fit the routes:\n.*no rule mentions the subject "Report"\. Did you mean "Reports"\?/ })
  t.equal(app.gatehouse.policy, policy, 'law 11: the policy in force stays in force')
  t.equal(await status(), 200)

  await writeFile(join(folder, 'chief.yaml'), 'role: chief\nrules: [{ action: read, subject: Report }]\n')
  await write('role: author\nrules: []\n')
  const { version } = await app.gatehouse.reload()
  t.not(version, policy?.version)
  t.equal(await status(), 403)
})

t.test('without policies there is none in force, none to reload, and a rule allows nothing', async (t) => {
  const app = bare(t)
  await app.register(gatehouse, { schemes: [keys()] })
  const post = resource('Post')
  app.get('/', { config: { access: authenticated() } }, (request) => request.can('read', post, {}))
  t.equal((await app.inject({ url: '/', headers: as({ roles: ['admin'] }) })).body, 'false')
  t.equal(app.gatehouse.policy, null)
  await t.rejects(app.gatehouse.reload(), { code: 'FST_GATEHOUSE_OPTION', message: /there is nothing to reload/ })
})

t.test('throttling 37: a throttle for one-time codes counts apart from sign-ins, and a right password does not clear it', async (t) => {
  const app = await porch(t, { throttle: twoGuesses, throttles: { otp: { address: false, account: { free: 3 }, now: () => 0 } } }, (app) => {
    app.post('/sign-in', { config: { access: 'public' } }, async (request) => ({ got: await app.gatehouse.throttle.guard(request, 'ada', () => request.body) }))
    app.post('/code', { config: { access: 'public' } }, async (request) => ({ got: await app.gatehouse.throttleOf('otp').guard(request, 'ada', () => request.body) }))
  })
  const post = async (url: string, payload: string) => (await app.inject({ method: 'POST', url, payload, headers: { 'content-type': 'application/json' } })).statusCode
  t.same([await post('/code', 'false'), await post('/code', 'false')], [200, 200])
  t.same([await post('/sign-in', 'false'), await post('/sign-in', '{}')], [200, 200])
  t.match(await app.gatehouse.throttleOf('otp').status({ account: 'ada' }), { account: { failures: 2 } })
  t.same([await post('/code', 'false'), await post('/code', '{}')], [200, 429])
  t.equal(await post('/sign-in', '{}'), 200)
  await app.gatehouse.throttleOf('otp').unlock({ account: 'ada' })
  t.equal(await post('/code', '{}'), 200)
  t.throws(() => app.gatehouse.throttleOf('otq'), { code: 'FST_GATEHOUSE_OPTION', message: /no throttle "otq"; there are credentials, otp, and more where the option "throttles" names them\. Did you mean "otp"/ })
  const none = await porch(t, {})
  t.throws(() => none.gatehouse.throttleOf('otp'), { message: /there are credentials, and more/ })
  await t.rejects(porch(t, { throttles: { otp: { fre: 5 } as never } }), { message: /^throttles\.otp: there is no option 'fre'; allowed are store, / })
  await t.rejects(porch(t, { throttle: { credentails: { free: 5 } } as never }), { message: /^throttle: there is no option 'credentails'; allowed are name, .*, credentials\. Did you mean "credentials"\?$/ })
  await t.rejects(porch(t, { throttles: { otp: { onEvent: 7 } as never } }), { message: /^throttles\.otp\.onEvent/ })
  await t.rejects(porch(t, { throttle: null as never }), { message: /^throttle: null was given/ })
})

t.test('throttling 35: who signs in gets the cookie of a known device, once, and the answer is not stored', async (t) => {
  const app = await porch(t, { throttle: { ...twoGuesses, device: { cookie: 'known' } } }, (app) => {
    app.post('/sign-in', { config: { access: 'public' } }, async (request) => ({ got: await app.gatehouse.throttle.guard(request, 'ada', () => request.body) }))
  }, { trustProxy: '127.0.0.1' })
  const post = (payload: string, headers = {}) => app.inject({ method: 'POST', url: '/sign-in', payload, headers: { 'content-type': 'application/json', ...headers } })
  t.equal((await post('false')).headers['set-cookie'], undefined)
  const signedIn = await post('{}', { 'x-forwarded-proto': 'https' })
  const cookie = String(signedIn.headers['set-cookie'])
  t.match(cookie, /^known-[\w-]{11}=.*; HttpOnly; SameSite=Lax; Secure$/)
  t.equal(signedIn.headers['cache-control'], 'no-store')
  t.notMatch((await post('{}')).headers['set-cookie'], /Secure/)
  const device = { cookie: cookie.split(';', 1)[0] }
  t.equal((await post('{}', device)).headers['set-cookie'], undefined)
  for (let guess = 0; guess < 3; guess++) await post('false')
  t.equal((await post('{}')).statusCode, 429)
  t.equal((await post('{}', device)).statusCode, 200, 'strangers have locked the account, and not its owner')
})

t.test('throttling 36: events are told to the listener and to the channel; what matters is in the log', async (t) => {
  const told: string[] = []
  const listen = (event: unknown): void => { told.push((event as ThrottleEvent).kind) }
  subscribe(THROTTLE, listen)
  t.teardown(() => unsubscribe(THROTTLE, listen))
  const heard: string[] = []
  const app = await porch(t, { throttle: { ...twoGuesses, hardStop: 2, onEvent: ({ kind }) => heard.push(kind) } }, (app) => guarded(app, () => false))
  for (let guess = 0; guess < 3; guess++) await app.inject({ method: 'POST', url: '/sign-in' })
  t.same(told, ['failure', 'failure', 'locked', 'hard_stop', 'denied'])
  t.same(heard, told)
  t.same(app.lines.filter(({ level }) => level === 40).map(({ msg }) => msg.split(':')[0]), ['2 wrong secrets in a row for one account of sign-in', 'refused with 429 too_many_attempts'])
})

t.test('law 9: an error of the status 401 says that the secret was wrong, whoever made it, and stays an answer of its own', async (t) => {
  for (const thrown of [Object.assign(new Error('no'), { statusCode: 401 }), Object.assign(new Error('no'), { status: 401 }), refusal('unauthenticated', { reason: 'wrong' })]) {
    const app = await porch(t, { throttle: twoGuesses }, (app) => guarded(app, () => { throw thrown }))
    const found = []
    for (let guess = 0; guess < 3; guess++) found.push((await app.inject({ method: 'POST', url: '/sign-in' })).statusCode)
    t.same(found, [401, 401, 429])
  }
})

t.test('law 10: an error that says nothing of the kind, and what is no error, was no attempt', async (t) => {
  for (const thrown of ['401', undefined, null, 401, { statusCode: '401' }]) {
    const app = await porch(t, { throttle: twoGuesses }, (app) => guarded(app, () => { throw thrown }))
    for (let guess = 0; guess < 3; guess++) await app.inject({ method: 'POST', url: '/sign-in' })
    t.equal((await app.gatehouse.throttle.status({ account: 'ada' })).account, null)
  }
})

t.test('what is no check is told to who wrote it', async (t) => {
  const app = await porch(t, {}, (app) => guarded(app, true as never))
  t.match((await app.inject({ method: 'POST', url: '/sign-in' })).json(), { statusCode: 500, message: 'throttle.guard(request, account, verify): verify must be a function' })
})

t.test('throttles of other secrets have the store and the secret of the first, and their own where they say so', async (t) => {
  const charged: string[] = []
  const spied = (name: string) => ({ ...memoryAttempts(), charge: (key: string) => { charged.push(`${name} ${key.slice(0, key.lastIndexOf(':'))}`); return { admitted: true, failures: 1, retryAfter: 0 } } })
  const own = spied('own')
  const app = await porch(t, { throttle: { store: spied('first'), secret: 'of all processes here' }, throttles: { otp: {}, recovery: { store: own, address: false }, local: { max: 100 } } }, (app) => {
    app.post('/:name', { config: { access: 'public' } }, async (request) => ({ got: await app.gatehouse.throttleOf((request.params as { name: string }).name).guard(request, 'ada', () => null) }))
  })
  await app.inject({ method: 'POST', url: '/otp' })
  await app.inject({ method: 'POST', url: '/recovery' })
  await app.inject({ method: 'POST', url: '/local' })
  t.same(charged, ['first otp:address', 'first otp:account', 'own recovery:account'])
  await porch(t, { throttle: false, throttles: { otp: {} } }, () => {})
})

t.test('throttles that are none, and names that are none, stop the start', async (t) => {
  const cases: [object, RegExp][] = [
    [{ otp: false }, /^throttles\.otp/], [{ otp: null }, /^throttles\.otp/], [{ free: 5 }, /^throttles\.free/],
    [{ '': {} }, /^throttles\[""\]: that is no name/], [{ 'a b': {} }, /^throttles\["a b"\]: that is no name/],
    [{ otp: { name: 'sign-in' } }, /^throttles\.otp: there is no option 'name': its name is "otp"/],
  ]
  for (const name of ['codes', 'codes-credentials']) {
    await t.rejects(porch(t, { throttle: { name: 'codes' }, throttles: { [name]: {} } }, () => {}), { code: 'FST_GATEHOUSE_OPTION', message: `throttles["${name}"]: that name is one of the option "throttle"; allowed is another.` })
  }
  for (const [throttles, message] of cases) await t.rejects(porch(t, { throttles: throttles as never }, () => {}), { code: 'FST_GATEHOUSE_OPTION', message }, String(message))
})
