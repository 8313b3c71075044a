/** Counters in a real Redis over each client: the answers of every store, one count for all processes, and a plain no while it cannot answer. */
import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import type { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import type { Allowance, CounterStore, Ladder } from '../../lib/stores/counters.ts'
import { lockAfter } from '../../lib/stores/lock.ts'
import { memoryCounters } from '../../lib/stores/memory-counters.ts'
import { redisCounters } from '../../lib/stores/redis-counters.ts'
import type { RedisClient, RedisConnection } from '../../lib/stores/redis-driver.ts'
import { CHARGE, GIVE_BACK, REFUND, SPEND, STATUS } from '../../lib/stores/redis-scripts.ts'
import { clientsOf } from '../support/redis-clients.ts'
import { redisServer } from '../support/redis-server.ts'
import { attemptsTranscript } from './attempts-transcript.ts'
import { handClock } from './hand-clock.ts'
import { quotasTranscript } from './quotas-transcript.ts'
import { countersOver, PATIENT } from './slow-motion.ts'

const UNAVAILABLE = { name: 'StoreUnavailable', code: 'FST_GATEHOUSE_STORE_UNAVAILABLE' }
const HOUR = 3_600_000
const DAY = 24 * HOUR
const LADDER: Ladder = { free: 5, base: HOUR, cap: HOUR, window: HOUR }
const FIVE: Allowance = { limit: 5, window: HOUR }

/** All that a store does. */
function everything (store: CounterStore): ReadonlyArray<() => unknown> {
  return [
    () => store.charge('k', LADDER), () => store.refund('k'), () => store.reset('k'), () => store.status('k'),
    () => store.spend('k', FIVE, 1), () => store.giveBack('k', FIVE, 1),
  ]
}

/** A connection whose commands end as a test wants. */
function connection (call: (...args: readonly unknown[]) => unknown): RedisClient {
  return { call: call as RedisClient['call'] }
}

t.test('throttling 26: both transcripts over each client', async (t) => {
  const server = await redisServer(t)
  if (server === null) return
  for (const client of clientsOf(server)) {
    await t.test(client.name, async (t) => {
      const make = await countersOver(t, client, [server.client({}, t)])
      await t.test('attempts', async (t) => attemptsTranscript(t, make))
      await t.test('quotas', async (t) => quotasTranscript(t, make))
    })
  }
})

t.test('throttling 1: of 200 parallel charges and spendings over three clients exactly the free ones pass', async (t) => {
  const server = await redisServer(t)
  if (server === null) return
  const stores = await Promise.all(clientsOf(server).map(async ({ connect }) => redisCounters({ client: await connect(t), timeout: PATIENT })))
  const inTurn = Array.from({ length: 200 }, (_value, index) => stores[index % stores.length] as CounterStore)
  const charges = await Promise.all(inTurn.map((store) => store.charge('k', LADDER)))
  t.equal(charges.filter(({ admitted }) => admitted).length, 5)
  const spendings = await Promise.all(inTurn.map((store) => store.spend('k', FIVE, 1)))
  t.equal(spendings.filter(({ allowed }) => allowed).length, 5)
})

t.test('throttling 1: of 200 parallel wrong guesses in four processes exactly five are looked at', async (t) => {
  const server = await redisServer(t)
  if (server === null) return
  const guessers = Array.from({ length: 4 }, () => guesser(t, server.url, '50'))
  await Promise.all(guessers.map(async (guesser) => t.same(await once(guesser, 'message'), ['ready', undefined])))
  const told = Promise.all(guessers.map(async (guesser) => (await once(guesser, 'message'))[0] as { verified: number, denied: number }))
  for (const guesser of guessers) guesser.send('go')
  const counts = await told
  t.equal(counts.reduce((sum, { verified }) => sum + verified, 0), 5, JSON.stringify(counts))
  t.equal(counts.reduce((sum, { denied }) => sum + denied, 0), 195)
})

t.test('throttling 10: the attempt of a process that is killed while it checks stays counted, and its key ends', async (t) => {
  const server = await redisServer(t)
  if (server === null) return
  const child = guesser(t, server.url, '1', 'never')
  t.same(await once(child, 'message'), ['ready', undefined])
  child.send('go')
  t.same(await once(child, 'message'), ['checking', undefined])
  child.kill('SIGKILL')
  await once(child, 'exit')
  const client = server.client()
  const keys = await client.keys('*')
  t.equal(keys.length, 1)
  const [key = ''] = keys
  t.match(await client.get(key), /^1 /, 'one failure')
  const left = await client.pttl(key)
  t.ok(left > 0 && left <= 60_000, 'forgotten after the window', { left })
  await server.pass(60_000)
  t.strictSame(await client.keys('*'), [])
})

t.test('throttling 27: stores with different ladders, allowances and prefixes on one connection do not touch each other', async (t) => {
  const server = await redisServer(t)
  if (server === null) return
  for (const { name, connect } of clientsOf(server)) {
    const client = await connect(t)
    const [one, other] = [redisCounters({ client, prefix: `${name} a:`, timeout: PATIENT }), redisCounters({ client, prefix: `${name} b:`, timeout: PATIENT })]
    t.match(await one.charge('k', { ...LADDER, free: 1 }), { admitted: true, failures: 1 })
    t.match(await other.charge('k', LADDER), { admitted: true, failures: 1 })
    t.match(await one.charge('k', { ...LADDER, free: 1 }), { admitted: false, failures: 1 })
    t.match(await other.charge('k', LADDER), { admitted: true, failures: 2 })
    t.match(await one.spend('k', { limit: 1, window: HOUR }, 1), { allowed: true, remaining: 0 }, 'nor do attempts and quotas of the same key')
    t.match(await other.spend('k', FIVE, 2), { allowed: true, remaining: 3 })
    await one.reset('k')
    t.match(await one.spend('k', { limit: 1, window: HOUR }, 1), { allowed: false })
  }
})

t.test('throttling 28: a server that has forgotten the scripts is told them again', async (t) => {
  const server = await redisServer(t)
  if (server === null) return
  const admin = server.client()
  for (const { name, connect } of clientsOf(server)) {
    const store = redisCounters({ client: await connect(t), prefix: `${name}:`, timeout: PATIENT })
    for (const operation of everything(store)) {
      await admin.script('FLUSH')
      await t.resolves(async () => operation(), name)
    }
    t.match(await store.charge('k', LADDER), { admitted: true, failures: 1 })
    await admin.script('FLUSH')
    t.match(await store.charge('k', LADDER), { admitted: true, failures: 2 }, 'and nothing was counted twice')
  }
})

t.test('an operation is one command, which carries no script', async (t) => {
  const sent: unknown[][] = []
  const server = await redisServer(t)
  if (server === null) return
  const redis = server.client()
  const store = redisCounters({ client: connection((...args) => { sent.push([...args]); return redis.call(...args as [string]) }), timeout: PATIENT })
  for (const operation of everything(store)) await operation()
  sent.length = 0
  for (const operation of everything(store)) await operation()
  t.same(sent.map(([command, , keys]) => [command, keys]), [['EVALSHA', 1], ['EVALSHA', 1], ['UNLINK', undefined], ['EVALSHA', 1], ['EVALSHA', 1], ['EVALSHA', 1]])
})

t.test('throttling 12, 14: keys have the prefix, and live no longer than they must', async (t) => {
  const server = await redisServer(t)
  if (server === null) return
  const client = server.client()
  const store = redisCounters({ client, timeout: PATIENT })
  const lives = async (key: string, wanted: number) => {
    const found = await client.pttl(`gatehouse:counters:${key}`)
    t.ok(found <= wanted && found > wanted - 60_000, `${key} lives ${wanted} ms`, { found })
  }
  await store.charge('a', { free: 3, base: HOUR, cap: DAY, window: 2 * HOUR })
  await lives('attempts:a', 2 * HOUR)
  for (let failures = 2; failures <= 3; failures++) await store.charge('a', { free: 3, base: 3 * HOUR, cap: DAY, window: 2 * HOUR })
  await lives('attempts:a', 5 * HOUR)
  await store.refund('a')
  await lives('attempts:a', 5 * HOUR)
  await store.charge('long', { free: 1, base: 3_653 * DAY, cap: 3_653 * DAY, window: 90 * DAY })
  await lives('attempts:long', 3_743 * DAY)

  await store.spend('a', { limit: 4, window: 4 * HOUR }, 3)
  await lives('quotas:a', 3 * HOUR)
  await store.giveBack('a', { limit: 4, window: 4 * HOUR }, 2)
  await lives('quotas:a', HOUR)
  await store.spend('long', { limit: 1, window: 3_653 * DAY }, 1)
  await lives('quotas:long', 3_653 * DAY)
  t.equal((await client.keys('*')).length, 4)

  for (let failures = 2; failures > 0; failures--) await store.refund('a')
  await store.giveBack('a', { limit: 4, window: 4 * HOUR }, 3)
  await store.refund('unknown')
  await store.giveBack('unknown', FIVE, 1)
  await store.status('unknown')
  t.strictSame((await client.keys('*')).sort(), ['gatehouse:counters:attempts:long', 'gatehouse:counters:quotas:long'])
})

t.test('throttling 14: what lasts less than a millisecond is over after the next one, and is no key for ever', async (t) => {
  const server = await redisServer(t)
  if (server === null) return
  const client = server.client()
  const store = redisCounters({ client, timeout: PATIENT })
  const ladder = { free: 1, base: 0.25, cap: 0.5, window: 0.25 }
  for (let times = 0; times < 3; times++) {
    t.equal((await store.charge('k', ladder)).admitted, true)
    t.equal((await store.spend('k', { limit: 1, window: 0.5 }, 1)).allowed, true)
    for (const key of ['attempts:k', 'quotas:k']) t.not(await client.pttl(`gatehouse:counters:${key}`), -1)
    await untilTrue(async () => (await client.keys('*')).length === 0)
  }
})

t.test('throttling 3: by the clock of the server a lock and a quota last as long as they say, and end', async (t) => {
  const server = await redisServer(t)
  if (server === null) return
  const client = server.client()
  const store = redisCounters({ client, timeout: PATIENT })
  const time = async () => {
    const [seconds, micros] = await client.time()
    return Number(seconds) * 1000 + Number(micros) / 1000
  }
  const started = Math.floor(await time())
  await store.charge('k', { free: 1, base: 400, cap: 400, window: HOUR })
  await untilTrue(async () => (await store.status('k'))?.lockedFor === 0)
  t.ok(await time() >= started + 400)
  t.match(await store.charge('k', LADDER), { admitted: true, failures: 2 })

  const spent = Math.floor(await time())
  await store.spend('k', { limit: 2, window: 800 }, 2)
  await untilTrue(async () => (await store.spend('k', { limit: 2, window: 800 }, 1)).allowed)
  t.ok(await time() >= spent + 400)
})

t.test('throttling 5: however many failures, the lock is what memory says', async (t) => {
  const server = await redisServer(t)
  if (server === null) return
  const client = server.client()
  const store = redisCounters({ client, timeout: PATIENT })
  const ladders = [{ free: 3, base: 7_000_000, cap: Number.MAX_SAFE_INTEGER, window: HOUR }, { free: 5, base: 1_000_000, cap: DAY, window: HOUR }]
  for (const ladder of ladders) {
    for (const failures of [2, 3, 4, 17, 42, 43, 44, 5_000, 1e15]) {
      await client.set('gatehouse:counters:attempts:k', `${failures - 1} ${Date.now() - 1} 0 ${HOUR}`)
      t.same(await store.charge('k', ladder), { admitted: true, failures, retryAfter: 0 })
      const lock = lockAfter(failures, ladder)
      const { lockedFor = NaN } = await store.status('k') ?? {}
      t.ok(lockedFor <= lock && lockedFor >= lock - 60_000, `failure ${failures} locks for ${lock} ms`, { lockedFor })
    }
  }
})

t.test('throttling 34: when the clock of the server is set back, nothing is locked for longer', async (t) => {
  const server = await redisServer(t)
  if (server === null) return
  const client = server.client()
  const store = redisCounters({ client, timeout: PATIENT })
  const ahead = async (key: string, value: (at: number) => string) => { await client.set(`gatehouse:counters:${key}`, value(Date.now() + 10 * HOUR)) }
  const about = (found: number | undefined, wanted: number) => t.ok(found !== undefined && found <= wanted && found > wanted - 60_000, `${wanted} ms`, { found })

  await ahead('attempts:k', (at) => `6 ${at} ${HOUR} ${2 * HOUR}`)
  about((await store.status('k'))?.lockedFor, HOUR)
  const denied = await store.charge('k', LADDER)
  t.match(denied, { admitted: false, failures: 6 })
  about(denied.retryAfter, HOUR)
  about(await client.pttl('gatehouse:counters:attempts:k'), 2 * HOUR)
  t.ok(Number((await client.get('gatehouse:counters:attempts:k'))?.split(' ')[1]) <= Date.now(), 'from now on it counts down')
  await ahead('attempts:k', (at) => `6 ${at} ${HOUR} ${2 * HOUR}`)
  await store.refund('k')
  t.same(await store.status('k'), { failures: 5, lockedFor: 0 })
  await ahead('attempts:k', (at) => `3 ${at} 0 ${HOUR}`)
  t.match(await store.charge('k', LADDER), { admitted: true, failures: 4 })

  await ahead('quotas:k', (at) => `${at} ${HOUR}`)
  const refused = await store.spend('k', FIVE, 1)
  t.match(refused, { allowed: false, remaining: 0 })
  about(refused.resetAfter, HOUR)
  about(await client.pttl('gatehouse:counters:quotas:k'), HOUR)
  t.ok(Number((await client.get('gatehouse:counters:quotas:k'))?.split(' ')[0]) <= Date.now(), 'from now on it counts down')
  await ahead('quotas:k', (at) => `${at} ${HOUR}`)
  await store.giveBack('k', FIVE, 1)
  t.match(await store.spend('k', FIVE, 1), { allowed: true, remaining: 0 })
})

t.test('throttling 26: with a clock in the hand, no sequence of operations is answered otherwise than in memory, to the last bit', async (t) => {
  const server = await redisServer(t)
  if (server === null) return
  const redis = server.client()
  const key = fc.constantFrom('a', 'b')
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('charge' as const, 'spend' as const), key, cost: fc.integer({ min: 1, max: 4 }) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('refund' as const, 'giveBack' as const), key, cost: fc.integer({ min: 1, max: 4 }) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('status' as const, 'reset' as const), key, cost: fc.constant(1) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('advance' as const), key: fc.constant(''), cost: fc.oneof(fc.constantFrom(-1, -2, -3), fc.nat(30), fc.nat(4_000)) }) }
  )
  const ladder = fc.record({ free: fc.integer({ min: 1, max: 5 }), base: fc.integer({ min: 1, max: 2_000 }), cap: fc.integer({ min: 2_000, max: 9_000 }), window: fc.integer({ min: 1, max: 9_000 }) })
  const allowance = fc.record({ limit: fc.integer({ min: 4, max: 50 }), window: fc.oneof(fc.integer({ min: 1, max: 9_000 }), fc.double({ min: 0.1, max: 9_000, noNaN: true })) })

  await fc.assert(fc.asyncProperty(ladder, allowance, fc.array(step, { minLength: 30, maxLength: 50 }), async (ladder, allowance, steps) => {
    const { now, advance } = handClock(1.8e12)
    const memory = memoryCounters({ now })
    await redis.flushall()
    const moments = [ladder.base, ladder.window, Math.round(allowance.window)] // in which something is just over
    const real = redisCounters({ client: handTimed(redis, now), timeout: PATIENT })
    for (const { do: what, key, cost } of steps) {
      if (what === 'advance') {
        advance(moments[-cost - 1] ?? cost)
        continue
      }
      const ask: Record<typeof what, (store: CounterStore) => unknown> = {
        charge: (store) => store.charge(key, ladder),
        refund: (store) => store.refund(key),
        reset: (store) => store.reset(key),
        status: (store) => store.status(key),
        spend: (store) => store.spend(key, allowance, cost),
        giveBack: (store) => store.giveBack(key, allowance, cost),
      }
      assert.deepStrictEqual(await ask[what](real), ask[what](memory), what)
    }
  }), { numRuns: 150 })
})

t.test('throttling 29: while the server is down everything is refused within the deadline; when it is back, and empty, counting begins anew', async (t) => {
  const server = await redisServer(t)
  if (server === null) return
  for (const { name, connect } of clientsOf(server)) {
    const client = await connect(t)
    const store = redisCounters({ client, timeout: 200 })
    const patient = redisCounters({ client, timeout: PATIENT })
    for (let failures = 1; failures <= 5; failures++) await patient.charge('k', LADDER)
    t.match(await patient.charge('k', LADDER), { admitted: false, failures: 5 })
    await server.stop()
    for (const operation of everything(store)) await t.rejects(async () => operation(), UNAVAILABLE, name)
    await server.start()
    await patient.reset('k') // behind what the connection kept for later
    t.match(await patient.charge('k', LADDER), { admitted: true, failures: 1 }, `${name} goes on by itself`)
    await patient.reset('k')
  }
})

t.test('throttling 30: so it is while the server hangs', async (t) => {
  const server = await redisServer(t)
  if (server === null) return
  for (const { name, connect } of clientsOf(server)) {
    const client = await connect(t)
    const store = redisCounters({ client, prefix: `${name}:`, timeout: 200 })
    const patient = redisCounters({ client, prefix: `${name}:`, timeout: PATIENT })
    await patient.charge('k', LADDER)
    server.hang()
    for (const operation of everything(store)) await t.rejects(async () => operation(), { ...UNAVAILABLE, cause: { message: /^Redis did not answer [A-Z]+ within 200 ms$/ } }, name)
    server.wake()
    t.match(await patient.charge('k', LADDER), { admitted: true }, `${name} goes on by itself`)
  }
})

t.test('throttling 29: the deadline is 250 milliseconds unless it is given', async (t) => {
  stayAwake(t)
  const store = redisCounters({ client: connection(() => new Promise(() => {})) })
  await t.rejects(async () => store.status('k'), { ...UNAVAILABLE, cause: { message: 'Redis did not answer EVALSHA within 250 ms' } })
})

t.test('law 10: what is no answer is none', async (t) => {
  const answers: ReadonlyArray<readonly [what: string, answer: unknown]> = [
    ['nothing', undefined], ['null', null], ['a text', '1'], ['a number', 1], ['an object', {}], ['no numbers', []], ['too few', ['1'].slice(1)],
    ['too many', ['1', '1', '1', '1', '1']], ['numbers', [1, 1, 1, 1]], ['no text of a number', ['1', '1', 'x', '1']], ['emptiness', ['1', '', '1', '1']],
    ['not a number', ['1', 'nan', 'nan', 'nan']], ['no end', ['1', 'inf', 'inf', 'inf']], ['below zero', ['1', '-1', '-1', '-1']], ['another number', ['0x1', '0x1', '0x1', '0x1']],
  ]
  for (const [what, answer] of answers) {
    for (const operation of everything(redisCounters({ client: connection(async () => answer) }))) {
      if (what === 'a number' && /reset/.test(String(operation))) continue
      await t.rejects(async () => operation(), UNAVAILABLE, `${what} to ${String(operation)}`)
    }
  }
  for (const yes of ['2', '0.5', '1e+300']) {
    await t.rejects(async () => redisCounters({ client: connection(async () => [yes, '1', '0']) }).charge('k', LADDER), UNAVAILABLE, `neither yes nor no: ${yes}`)
    await t.rejects(async () => redisCounters({ client: connection(async () => [yes, '1', '0', '0']) }).spend('k', FIVE, 1), UNAVAILABLE, `neither yes nor no: ${yes}`)
  }
})

t.test('law 10: a key that holds something else is refused', async (t) => {
  const server = await redisServer(t)
  if (server === null) return
  const client = server.client()
  const store = redisCounters({ client, timeout: PATIENT })
  for (const key of ['attempts:k', 'quotas:k']) await client.rpush(`gatehouse:counters:${key}`, 'one')
  for (const [index, operation] of everything(store).entries()) {
    if (index !== 2) await t.rejects(async () => operation(), { ...UNAVAILABLE, cause: { message: /WRONGTYPE/ } })
  }
  for (const key of ['attempts:k', 'quotas:k']) await client.set(`gatehouse:counters:${key}`, 'one two')
  for (const [index, operation] of everything(store).entries()) {
    if (index !== 2) await t.rejects(async () => operation(), UNAVAILABLE)
  }
  for (const key of ['attempts:k', 'quotas:k']) t.equal(await client.get(`gatehouse:counters:${key}`), 'one two', 'and is left as it is')
  await store.reset('k')
  t.match(await store.charge('k', LADDER), { admitted: true, failures: 1 }, 'a reset mends it')
})

t.test('law 10: a script that fails for another reason is not sent again', async (t) => {
  const sent: unknown[] = []
  for (const fault of [new Error('ERR something'), new Error('not NOSCRIPT'), 'NOSCRIPT', null]) {
    const store = redisCounters({ client: connection(async (command) => { sent.push(command); throw fault }) })
    await t.rejects(async () => store.charge('k', LADDER), { ...UNAVAILABLE, cause: fault as object })
  }
  t.same(sent, ['EVALSHA', 'EVALSHA', 'EVALSHA', 'EVALSHA'])
})

t.test('options that make no sense stop the start and name the mend', async (t) => {
  const client = connection(async () => null)
  const unfit: readonly unknown[] = [undefined, null, 5, {}, [], () => {}, Promise.resolve(client), { set () {}, get () {} }]
  for (const given of unfit) {
    t.throws(() => redisCounters({ client: given as RedisConnection }), {
      code: 'FST_GATEHOUSE_OPTION',
      message: 'redisCounters.client: it is no connection of ioredis, iovalkey or redis (node-redis); give it an open one, as in `redisCounters({ client: new Redis(url) })`.',
    })
  }
  t.throws(() => redisCounters({ client, prefix: '{all}:' }), { code: 'FST_GATEHOUSE_OPTION', message: /redisCounters\.prefix: '{all}:' was given; allowed is a text without braces/ })
  t.throws(() => redisCounters({ client, timeout: 0.5 }), { code: 'FST_GATEHOUSE_OPTION', message: /redisCounters\.timeout: 0\.5 was given; allowed is an integer of milliseconds from 1 to 60000/ })
  t.throws(() => redisCounters({ client, timeot: 5 } as never), { code: 'FST_GATEHOUSE_OPTION', message: /there is no option 'timeot'.* Did you mean "timeout"\?/ })
  for (const given of ['redis://:hush@host', { client: 'redis://:hush@host' }, { client: { url: 'redis://:hush@host' } }]) {
    t.throws(() => redisCounters(given as never), { code: 'FST_GATEHOUSE_OPTION', message: /^((?!hush).)*$/ }, 'no password is shown')
  }
})

/** The same scripts on the same server, except that they have the time of a clock in the hand, by which the server forgets no key. */
function handTimed (redis: Redis, now: () => number): RedisClient {
  const scripts = new Map([CHARGE, REFUND, STATUS, SPEND, GIVE_BACK].map(({ text, sha1 }) => [
    sha1,
    text.replace("redis.call('TIME')", "{string.match(ARGV[#ARGV], '(%d+):(%d+)')}").replace(/, 'PX', .*/, ')'),
  ]))
  return {
    async call (command, ...args) {
      if (command !== 'EVALSHA') return redis.call(command, ...args)
      const [sha1, ...rest] = args
      const time = now()
      return redis.call('EVAL', scripts.get(String(sha1)) ?? '', ...rest, `${Math.floor(time / 1000)}:${time % 1000 * 1000}`)
    },
  }
}

/** A process with a throttle of its own, which says `ready`, and guesses when it is told so. */
function guesser (t: Test, ...args: readonly string[]): ChildProcess {
  const child = fork(fileURLToPath(new URL('guesser.ts', import.meta.url)), args, { execArgv: ['--import', import.meta.resolve('tsx')], env: { ...process.env, _TAPJS_PROCESSINFO_COVERAGE_: '0' } })
  t.teardown(() => child.kill('SIGKILL'))
  return child
}

/** The deadline of a store does not keep a process going, and in these tests nothing else does. */
function stayAwake (t: Test): void {
  const timer = setInterval(() => {}, 1_000)
  t.teardown(() => clearInterval(timer))
}

/** Asks until it is true; the runner's own time-out ends a test in which it never is. */
async function untilTrue (ask: () => Promise<boolean>): Promise<void> {
  while (!await ask()) await pause(5)
}
