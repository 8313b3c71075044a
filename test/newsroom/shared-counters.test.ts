/** Two newsroom processes with one Redis count guesses and requests as one, and each by itself while it is away. */
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { passwordOf } from '../../examples/newsroom/people.ts'
import { redisServer } from '../support/redis-server.ts'
import { start } from './program.ts'
import { by, client, SECRET, signIn, type Answer, type Ask } from './running.ts'

/** Milliseconds after which the connection itself gives a command up; whoever waits for the counters is answered long before. */
const DRIVERS_PATIENCE = 5_000

t.test('two newsrooms with one Redis', async (t) => {
  const redis = await redisServer(t)
  if (redis === null) return
  const settings = { REDIS_URL: redis.url, JWT_SECRET: SECRET, LOG_LEVEL: 'trace' }
  const processes = await Promise.all([start(t, settings), start(t, settings)])
  const [one, two] = processes.map(({ origin }) => client(origin)) as [Ask, Ask]
  const inTurn = (index: number): Ask => index % 2 === 0 ? one : two

  const attempt = (ask: Ask, name: string, password: string, cookie?: string): Promise<Answer> =>
    ask('POST /login', { body: { username: name, password }, ...(cookie !== undefined && { headers: { cookie } }) })
  const right = async (ask: Ask, name: string, cookie?: string): Promise<number> => (await attempt(ask, name, passwordOf(name), cookie)).status
  const wrong = async (ask: Ask, name: string, cookie?: string): Promise<number> => (await attempt(ask, name, 'wrong', cookie)).status
  const wrongInTurn = async (count: number, name: string, cookie?: string): Promise<number[]> => {
    const found: number[] = []
    for (let guess = 0; guess < count; guess++) found.push(await wrong(inTurn(guess), name, cookie))
    return found
  }
  /** The cookie by which the device is known afterwards. */
  const cookieOf = ({ headers }: Answer): string => headers.get('set-cookie')?.split(';', 1)[0] ?? ''
  const forget = async (): Promise<void> => { await redis.client().flushall() }

  // The first of all requests take longest, and the first scripts are sent twice: that is not to be taken for a Redis that is late.
  for (const ask of [one, two]) t.equal(await right(ask, 'ida'), 200)

  await t.test('throttling 1: of 200 parallel wrong passwords for one account five are answered with 401 and 195 with 429', async (t) => {
    const answers = await Promise.all(Array.from({ length: 200 }, (_, guess) => attempt(inTurn(guess), 'rex', `guess ${guess}`)))
    t.equal(answers.filter(({ status, code }) => status === 401 && code === 'invalid_credentials').length, 5)
    const denied = answers.filter(({ status, code }) => status === 429 && code === 'too_many_attempts')
    t.equal(denied.length, 195)
    t.ok(denied.every(({ headers }) => /^[1-9]\d*$/.test(headers.get('retry-after') ?? '')), 'each says when to come back')
  })

  await t.test('throttling 6, law 9: then the right password is a 429 at both, and nobody else\'s is', async (t) => {
    t.same([await right(one, 'rex'), await right(two, 'rex')], [429, 429])
    t.same([await right(one, 'abe'), await right(two, 'abe')], [200, 200])
  })

  await t.test('throttling 7: a right password at one forgets the failures at the other', async (t) => {
    await forget()
    for (let round = 0; round < 2; round++) {
      t.same([...await wrongInTurn(4, 'rex'), await right(inTurn(round), 'rex')], [401, 401, 401, 401, 200])
    }
  })

  await t.test('throttling 35: on a device that one of them knows the owner gets in at the other while the account is locked', async (t) => {
    await forget()
    const cookie = cookieOf(await attempt(one, 'rex', passwordOf('rex')))
    const strangers = cookieOf(await attempt(one, 'abe', passwordOf('abe')))
    t.match(cookie, /^gatehouse-device-[\w-]{11}=./)
    t.same(await wrongInTurn(6, 'rex'), [401, 401, 401, 401, 401, 429])
    t.same([await right(two, 'rex'), await right(two, 'rex', strangers), await right(two, 'rex', `${cookie}x`)], [429, 429, 429])
    const known = await attempt(two, 'rex', passwordOf('rex'), cookie)
    t.equal(known.status, 200)
    t.equal(known.headers.get('set-cookie'), null, 'and needs no other cookie')
    t.equal(await right(one, 'rex', cookie), 200)
    t.equal(await right(one, 'rex'), 429, 'what is known of the device opens the account to nobody else')
  })

  await t.test('throttling 1: of 120 parallel requests a quota of 60 lets 60 through', async (t) => {
    await forget()
    const { access } = await signIn(one, 'abe')
    const since = performance.now()
    const answers = await Promise.all(Array.from({ length: 120 }, (_, request) => inTurn(request)('GET /analytics', by(access))))
    // One a second comes back.
    const most = 60 + Math.ceil((performance.now() - since) / 1000)
    const allowed = answers.filter(({ status }) => status === 200).length
    t.ok(allowed >= 60 && allowed <= most, `${allowed} of 60 to ${most}`)
    const denied = answers.filter(({ status, code }) => status === 429 && code === 'quota_exceeded')
    t.equal(allowed + denied.length, 120)
    t.ok(denied.every(({ json }) => json['violated-policies'][0] === 'counts'))
    t.equal((await two('GET /analytics', { as: 'ida' })).status, 200, 'and is each user\'s own')
  })

  await t.test('throttling 18, law 7: a password that is typed where the name belongs is in no key', async (t) => {
    await forget()
    t.same(await wrongInTurn(6, 'swordfish'), [401, 401, 401, 401, 401, 429])
    const keys = await redis.client().keys('*')
    t.ok(keys.length > 0)
    for (const key of keys) t.match(key, /^newsroom:counters:attempts:sign-in:(?:address|account):[\w-]{43}$/)
  })

  const { access } = await signIn(one, 'ida')
  /** The connections are there again. */
  const back = async (): Promise<void> => {
    for (const ask of [one, two]) {
      while ((await ask('GET /me', by(access))).status !== 200) await pause(20)
    }
  }
  /** A process says that its counters are back to whoever asks them a second after they last failed. */
  const toldSo = async (): Promise<void> => {
    const since = performance.now()
    const everybody = (): Promise<unknown> => Promise.all([one, two].flatMap((ask) => [right(ask, 'ida'), refresh(ask)]))
    while (performance.now() - since < 1_000) await everybody()
    await everybody()
  }
  const refresh = async (ask: Ask): Promise<number> => (await ask('POST /token', { body: { refresh_token: 'none' } })).status

  /** Redis is away: each answers, and counts by itself. */
  const alone = async (t: Test, name: string): Promise<void> => {
    for (const ask of [one, two]) {
      const since = performance.now()
      t.equal(await right(ask, 'ada'), 200, 'whoever is right signs in')
      t.same([await wrong(ask, name), await wrong(ask, name), await wrong(ask, name), await right(ask, name)], [401, 401, 429, 429], 'who guesses has half of the guesses')
      t.equal(await refresh(ask), 401, 'and quotas are counted too')
      t.ok(performance.now() - since < 6 * DRIVERS_PATIENCE, 'nobody waits until the connection gives up')
    }
  }

  await t.test('throttling 30: while Redis hangs nobody waits for it, and each counts more strictly', async (t) => {
    await forget()
    redis.hang()
    await alone(t, 'bea')
    redis.wake()
    await back()
    await toldSo()
  })

  await t.test('throttling 29: while Redis is gone too; what was locked then stays so, and when it is back it counts for both again', async (t) => {
    await redis.stop()
    await alone(t, 'sam')
    await redis.start()
    await back()
    t.same([await right(one, 'sam'), await right(two, 'sam')], [429, 429], 'the new Redis knows nothing of it')
    await toldSo()
    t.same([...await wrongInTurn(6, 'rex'), await right(one, 'rex'), await right(two, 'rex')], [401, 401, 401, 401, 401, 429, 429, 429])
  })

  await t.test('throttling 29, 33, 36: each closes cleanly, and said once that the counters are gone and once that they are back; no secret is in the log', async (t) => {
    for (const { end } of processes) {
      const { code, stdout, stderr } = await end('SIGTERM')
      t.same({ code, stderr }, { code: 0, stderr: '' })
      const lines = stdout.split('\n').filter((line) => line.startsWith('{'))
      const told = lines.map((line) => JSON.parse(line).msg as string)
      for (const counters of ['sign-in', 'quotas']) {
        const gone = `the counters of ${counters} cannot be reached; meanwhile requests are counted in the memory of this process, more strictly`
        const back = `the counters of ${counters} answer again`
        t.strictSame(told.filter((line) => line.startsWith(`the counters of ${counters} `)), [gone, back, gone, back])
      }
      t.notMatch(lines.join('\n'), /correct horse|guess \d|swordfish|eyJ/)
    }
  })
})
