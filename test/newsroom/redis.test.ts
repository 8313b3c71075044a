/** newsroom with its records on a PostgreSQL server and what has ended on a Redis server, where several processes act as one. */
import { Writable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { server } from '../../examples/newsroom/database.ts'
import { onRedis, type SharedStore } from '../../examples/newsroom/shared-store.ts'
import { redisServer } from '../support/redis-server.ts'
import { postgresServer } from './postgres-server.ts'
import { run, start } from './program.ts'
import { by, client, running, SECRET, signIn, tokensOf, type Answer, type Running } from './running.ts'

const PASSWORD = 'hunter2'

t.test('two newsrooms on one PostgreSQL and one Redis', async (t) => {
  const postgres = await postgresServer(t)
  const redis = await redisServer(t, `requirepass ${PASSWORD}`)
  if (postgres === null || redis === null) return
  const url = redis.url.replace('//', `//:${PASSWORD}@`)

  let isThere = true
  /** While Redis is there, what a busy machine was told too late is asked again; when it is not, that is an answer. */
  const patient = ({ marks, ...store }: SharedStore): SharedStore => {
    const again = <A extends unknown[], R> (ask: (...given: A) => R | Promise<R>) => async (...given: A): Promise<R> => {
      for (;;) {
        try {
          return await ask(...given)
        } catch (error) {
          if (!isThere) throw error
          await pause(5)
        }
      }
    }
    const { put, putOnce, get, getMany, delete: remove } = marks
    return { ...store, marks: { put: again(put), putOnce, get: again(get), getMany: again(getMany), delete: again(remove) } }
  }

  let log = ''
  const stream = new Writable({ write (chunk, _encoding, done) { log += String(chunk); done() } })
  const room = (): Promise<Running> => running({ open: () => server(postgres.url), shared: patient(onRedis(url)), logger: { level: 'trace', stream } })
  const [one, two] = await Promise.all([room(), room()])
  t.teardown(() => Promise.all([one.app.close(), two.app.close()]))

  const refresh = ({ ask }: Running, token: string): Promise<Answer> => ask('POST /token', { body: { refresh_token: token } })
  const statusOf = async ({ ask }: Running, request: string, access: string): Promise<number> => (await ask(request, by(access))).status
  const sidOf = (access: string): string => one.app.jwt.decode<{ sid: string }>(access)?.sid ?? ''

  await t.test('who signs out of one is signed out of the other', async (t) => {
    const first = await signIn(one.ask, 'rex')
    const second = tokensOf(await refresh(two, first.refresh))
    t.equal(await statusOf(one, 'GET /me', second.access), 200)
    t.equal(await statusOf(one, 'POST /logout', first.access), 204)
    for (const newsroom of [one, two]) {
      for (const { access } of [first, second]) t.match(await newsroom.ask('GET /me', by(access)), { status: 401, code: 'invalid_credentials' })
      t.equal((await refresh(newsroom, second.refresh)).status, 401)
    }
  })

  await t.test('a refresh token that is used on both ends its family on both', async (t) => {
    const first = await signIn(one.ask, 'rex')
    const second = tokensOf(await refresh(one, first.refresh))
    t.equal((await refresh(two, first.refresh)).status, 401)
    for (const { access } of [first, second]) t.equal(await statusOf(one, 'GET /me', access), 401)
    t.equal((await refresh(one, second.refresh)).status, 401)
  })

  await t.test('of fifty uses at once on both one wins, and the others end the family', async (t) => {
    const first = await signIn(one.ask, 'abe')
    const answers = await Promise.all(Array.from({ length: 50 }, (_, use) => refresh(use % 2 === 0 ? one : two, first.refresh)))
    const won = answers.filter(({ status }) => status === 200)
    t.equal(won.length, 1)
    t.equal(answers.filter(({ status }) => status === 401).length, 49)
    const next = tokensOf(won[0] as Answer)
    for (const { access } of [first, next]) t.equal(await statusOf(two, 'GET /me', access), 401)
    t.equal((await refresh(two, next.refresh)).status, 401)
  })

  await t.test('a family that ends while it is refreshed gets no new token', async (t) => {
    const { access, refresh: token } = await signIn(one.ask, 'abe')
    const answers: Answer[] = []
    let refreshed: Promise<unknown> = Promise.resolve()
    await one.database.transaction(async (query) => {
      await query('UPDATE families SET ended = true WHERE id = $1', [sidOf(access)])
      refreshed = refresh(two, token).then((answer) => answers.push(answer))
      const isWaiting = async (): Promise<boolean> => (await query("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'")).length > 0
      while (answers.length === 0 && !await isWaiting()) await pause(5)
    })
    await refreshed
    t.match(answers, [{ status: 401 }])
    t.match(await one.database.query('SELECT count(*)::integer AS n FROM refresh_tokens WHERE family = $1', [sidOf(access)]), [{ n: 1 }])

    for (let round = 1; round <= 20; round++) {
      const tokens = await signIn(one.ask, 'ida')
      const [refreshed, signedOut] = await Promise.all([refresh(two, tokens.refresh), one.ask('POST /logout', by(tokens.access))])
      t.equal(signedOut.status, 204)
      if (refreshed.status !== 200) continue
      const next = tokensOf(refreshed)
      t.same([await statusOf(two, 'GET /me', next.access), (await refresh(two, next.refresh)).status], [401, 401], 'whoever was first')
    }
  })

  await t.test('law 10: without Redis nobody is signed in, and everybody is as soon as it is back', async (t) => {
    const tokens = await signIn(one.ask, 'rex')
    const out = async (): Promise<void> => {
      for (const request of ['GET /me', 'GET /articles', 'GET /articles/1', 'POST /logout']) {
        const { status, code, headers } = await one.ask(request, by(tokens.access))
        t.same({ status, code }, { status: 503, code: 'temporarily_unavailable' }, request)
        t.ok(headers.has('retry-after'))
      }
      t.equal(await statusOf(one, 'GET /', tokens.access), 200, 'what is public works')
      t.equal((await one.ask('GET /articles')).status, 200, 'and so does what is optional, for nobody')
      t.equal(await statusOf(one, 'GET /me', 'nonsense'), 401, 'a wrong token needs no look-up')
    }
    const back = async (): Promise<void> => {
      for (const newsroom of [one, two]) {
        while (await statusOf(newsroom, 'GET /me', tokens.access) !== 200) await pause(20)
      }
    }

    isThere = false
    redis.hang()
    await out()
    redis.wake()
    await back()

    await redis.stop()
    await out()
    const used = await signIn(one.ask, 'abe')
    const next = tokensOf(await refresh(one, used.refresh))
    t.match(await refresh(one, used.refresh), { status: 503 }, 'a family whose end could not be told everywhere')
    await redis.start()
    await back()
    isThere = true
    t.match(await refresh(one, used.refresh), { status: 401 }, 'is told at the next try')
    for (const { access } of [used, next]) t.equal(await statusOf(two, 'GET /me', access), 401)

    isThere = false
    const admin = redis.client({ password: PASSWORD })
    await admin.config('SET', 'requirepass', 'another')
    await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    await out()
    await admin.config('SET', 'requirepass', PASSWORD)
    await back()
    isThere = true
  })

  await t.test('law 7: no secret is in the log, nor a token in Redis', async (t) => {
    t.ok(log.includes('the revocation list could not be asked'))
    t.notOk(log.includes(PASSWORD))
    t.notMatch(log, /newsroom_refresh_[\w-]|eyJ[\w-]+\.[\w-]+\.[\w-]+|correct horse/)
    const keys = await redis.client({ password: PASSWORD }).keys('*')
    t.ok(keys.length > 0)
    for (const key of keys) t.match(key, /^newsroom:(?:ended:\{[\w-]{43}\}:[\w:-]+|counters:[\w:-]+:[\w-]{43})$/)
  })

  await t.test('npm start shares them too, and closes cleanly', async (t) => {
    const { access } = await signIn(one.ask, 'rex')
    const { origin, end } = await start(t, { DATABASE_URL: postgres.url, REDIS_URL: url, JWT_SECRET: SECRET })
    const ask = client(origin)
    // Its own Redis may be too late on a busy machine: then it is a 503, and the next try counts.
    const me = async (): Promise<number> => {
      for (;;) {
        const { status } = await ask('GET /me', by(access))
        if (status !== 503) return status
      }
    }
    t.equal(await me(), 200)
    t.equal(await statusOf(one, 'POST /logout', access), 204)
    t.equal(await me(), 401)
    const { code, signal, stderr } = await end('SIGTERM')
    t.same({ code, signal, stderr }, { code: 0, signal: null, stderr: '' })
  })

  await t.test('a Redis that does not let newsroom in ends it in one line', async (t) => {
    const wrong = { nobody: redis.url, wrong: url.replace(PASSWORD, 'swordfish'), database: `${url}/99` }
    const ended = await Promise.all(Object.entries(wrong).map(async ([name, wrongUrl]) => ({ name, ...await run({ REDIS_URL: wrongUrl }) })))
    for (const { name, code, stderr } of ended) {
      t.equal(code, 1, name)
      t.match(stderr, /^newsroom could not start: REDIS_URL: .+\n$/)
      t.equal(stderr.split('\n').length, 2, 'one line')
      t.notMatch(stderr, /hunter2|swordfish|\n\s+at /)
    }
  })
})
