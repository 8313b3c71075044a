/** Marks in a real Redis: the answers of every store, one first among all processes, and a plain no while it cannot answer. */
import { spawnSync } from 'node:child_process'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { redisMarks, type RedisClient } from '../../lib/stores/redis-marks.ts'
import { clientsOf } from '../support/redis-clients.ts'
import { redisServer } from '../support/redis-server.ts'
import { marksTranscript } from './marks-transcript.ts'

const UNAVAILABLE = { name: 'StoreUnavailable', code: 'FST_GATEHOUSE_STORE_UNAVAILABLE' }

const SILENT = { ...UNAVAILABLE, cause: { message: /^Redis did not answer [A-Z]+ within 200 ms$/ } }

/** Far above what a busy machine needs, where a test is not about time. */
const PATIENT = 20_000

/** All that a store does. */
function everything (store: ReturnType<typeof redisMarks>): ReadonlyArray<() => unknown> {
  return [() => store.putOnce('a', 9_000), () => store.put('a', 'one', 9_000), () => store.get('a'), () => store.getMany(['a', 'b']), () => store.delete('a')]
}

/** A connection whose commands end as a test wants. */
function connection (call: (...args: readonly unknown[]) => unknown): RedisClient {
  return { call: call as RedisClient['call'] }
}

t.test('throttling 26: the transcript over each client', async (t) => {
  const server = await redisServer(t)
  if (server === null) return
  let stores = 0
  for (const { name, connect } of clientsOf(server)) {
    await t.test(name, async (t) => {
      const client = await connect(t)
      await marksTranscript(t, () => ({
        store: redisMarks({ client, prefix: `${stores++}:`, timeout: PATIENT }),
        wait: server.pass,
        short: 20_000,
      }))
    })
  }
})

t.test('of 200 who put the same mark at the same time over two connections one is the first', async (t) => {
  const server = await redisServer(t)
  if (server === null) return
  const stores = [server.client(), server.client()].map((client) => redisMarks({ client, timeout: PATIENT }))
  for (let round = 0; round < 5; round++) {
    const answers = await Promise.all(Array.from({ length: 100 }, () => stores.map((store) => store.putOnce(`round ${round}`, 60_000))).flat())
    t.equal(answers.filter((first) => first === true).length, 1)
    t.equal(answers.filter((first) => first === false).length, 199)
  }
})

t.test('keys have the prefix, their time to live is that of the mark, and each operation is one command', async (t) => {
  const server = await redisServer(t)
  if (server === null) return
  const client = server.client()
  const store = redisMarks({ client, timeout: PATIENT })
  const named = redisMarks({ client, prefix: 'archive:', timeout: PATIENT })
  await store.putOnce('a', 60_000)
  await named.put('b', 'one', 90_000)
  t.strictSame((await client.keys('*')).sort(), ['archive:b', 'gatehouse:marks:a'])
  const [first, second] = [await client.pttl('gatehouse:marks:a'), await client.pttl('archive:b')]
  t.ok(first > 30_000 && first <= 60_000, String(first))
  t.ok(second > 60_000 && second <= 90_000, String(second))

  const commands = async () => Number(/total_commands_processed:(\d+)/.exec(await client.info('stats'))?.[1])
  for (const operation of everything(store)) {
    const before = await commands()
    await operation()
    t.equal(await commands() - before, 2, 'itself and the one that counts')
  }
})

t.test('a connection of ioredis with a keyPrefix of its own works alike', async (t) => {
  const server = await redisServer(t)
  if (server === null) return
  const client = server.client({ keyPrefix: 'app:' })
  const store = redisMarks({ client, prefix: '', timeout: PATIENT })
  await store.put('a', 'one', 60_000)
  t.strictSame([...await store.getMany(['a', 'b'])], ['one', null])
  t.strictSame(await server.client().keys('*'), ['app:a'])
})

t.test('law 10: while the server is down everything is refused within the deadline; when it is back all goes on by itself', async (t) => {
  const server = await redisServer(t, 'appendonly yes', 'appendfsync always')
  if (server === null) return
  // The connection itself would wait for ever.
  const store = redisMarks({ client: server.client({ maxRetriesPerRequest: null }), timeout: 200 })
  await untilTrue(async () => store.putOnce('used', 60_000).then(() => true, () => false)) // also one that was told too late is there
  await server.stop()
  await Promise.all(everything(store).map((operation) => t.rejects(async () => operation(), SILENT, 'and no connection keeps anybody waiting')))
  for (const operation of everything(store)) await t.rejects(async () => operation(), UNAVAILABLE)
  await server.start()
  await untilTrue(async () => await store.get('used').catch(() => null) === '')
  t.equal(await redisMarks({ client: server.client(), timeout: PATIENT }).putOnce('used', 60_000), false, 'what was used before the crash is still used')
})

t.test('law 10: so it is while the server hangs, and while a connection does not queue what it cannot send', async (t) => {
  const server = await redisServer(t)
  if (server === null) return
  const queueing = redisMarks({ client: server.client(), timeout: 200 })
  const failing = redisMarks({ client: server.client({ enableOfflineQueue: false }), timeout: 200 })
  for (const store of [queueing, failing]) await untilTrue(async () => store.putOnce('a', 60_000).then(() => true, () => false))
  server.hang()
  for (const store of [queueing, failing]) {
    await Promise.all(everything(store).map((operation) => t.rejects(async () => operation(), SILENT)))
    for (const operation of everything(store)) await t.rejects(async () => operation(), UNAVAILABLE)
  }
  server.wake()
  for (const store of [queueing, failing]) await untilTrue(async () => await store.getMany(['x']).catch(() => null) !== null)
  await server.stop()
  for (const operation of everything(failing)) await t.rejects(async () => operation(), UNAVAILABLE)
})

t.test('law 10: a server that is full and does not evict turns new marks away and keeps the others', async (t) => {
  const server = await redisServer(t, 'maxmemory-policy noeviction')
  if (server === null) return
  const client = server.client()
  const store = redisMarks({ client, timeout: PATIENT })
  await store.putOnce('a', 60_000)
  await client.config('SET', 'maxmemory', '1')
  await t.rejects(store.putOnce('b', 60_000), { ...UNAVAILABLE, cause: { message: /^OOM/ } })
  t.equal(await store.get('a'), '')
})

t.test('law 10: a key of another kind is refused', async (t) => {
  const server = await redisServer(t)
  if (server === null) return
  const client = server.client()
  const store = redisMarks({ client, timeout: PATIENT })
  await client.rpush('gatehouse:marks:list', 'one')
  await t.rejects(async () => store.get('list'), { ...UNAVAILABLE, cause: { message: /^WRONGTYPE/ } })
  t.equal(await store.putOnce('list', 60_000), false, 'whatever is there, it is there')
})

t.test('law 10: what is no answer is none', async (t) => {
  const answers: ReadonlyArray<readonly [what: string, answer: unknown]> = [
    ['nothing', undefined], ['a boolean', true], ['an object', {}], ['bytes', Buffer.from('OK')], ['another status', 'QUEUED'],
    ['too few values', ['one']], ['too many values', ['one', 'two', 'three']], ['no texts', ['one', 2]], ['a number', 1],
  ]
  for (const [what, answer] of answers) {
    const store = redisMarks({ client: connection(async () => answer) })
    await t.rejects(async () => store.putOnce('a', 1), UNAVAILABLE, what)
    await t.rejects(async () => store.put('a', 'one', 1), UNAVAILABLE, what)
    await t.rejects(async () => store.getMany(['a', 'b']), UNAVAILABLE, what)
    if (typeof answer !== 'string') await t.rejects(async () => store.get('a'), UNAVAILABLE, what)
    if (typeof answer !== 'number') await t.rejects(async () => store.delete('a'), UNAVAILABLE, what)
  }
  await t.rejects(async () => redisMarks({ client: connection(async () => null) }).put('a', 'one', 1), UNAVAILABLE, 'what was not put')
})

t.test('law 10: a connection that throws, answers at once, or fails late harms nobody', async (t) => {
  const down = new Error('down')
  for (const call of [() => { throw down }, async () => { throw down }]) {
    await t.rejects(async () => redisMarks({ client: connection(call) }).get('a'), { ...UNAVAILABLE, cause: down })
  }
  t.equal(await redisMarks({ client: connection(() => 'one') }).get('a'), 'one')

  let failLate = (_reason: unknown): void => {}
  stayAwake(t)
  const late = new Promise((_resolve, reject) => { failLate = reject })
  const unhandled: unknown[] = []
  const note = (reason: unknown): void => { unhandled.push(reason) }
  process.on('unhandledRejection', note)
  t.teardown(() => process.off('unhandledRejection', note))
  await t.rejects(async () => redisMarks({ client: connection(() => late), timeout: 1 }).get('a'), { ...UNAVAILABLE, cause: { message: 'Redis did not answer GET within 1 ms' } })
  failLate(down)
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
  t.same(unhandled, [])
})

t.test('an answer that came in time is one, though the process was too busy to read it', async (t) => {
  const server = await redisServer(t)
  if (server === null) return
  const client = server.client()
  const store = redisMarks({ client, timeout: 100 })
  await client.set('gatehouse:marks:a', 'one')
  const answer = store.get('a')
  await new Promise(setImmediate) // the command is on its way
  const busyUntil = performance.now() + 1_000
  while (performance.now() < busyUntil);
  t.equal(await answer, 'one')
})

t.test('law 10: no more than 10,000 commands wait for a connection that is down', async (t) => {
  stayAwake(t)
  const sent: Array<(answer: unknown) => void> = []
  let isDown = true
  const store = redisMarks({ client: connection(() => isDown ? new Promise((resolve) => sent.push(resolve)) : 'one'), timeout: 1 })
  const refused = await Promise.allSettled(Array.from({ length: 10_050 }, () => store.get('a')))
  t.equal(refused.filter(({ status }) => status === 'rejected').length, 10_050)
  t.equal(sent.length, 10_000)
  t.match(refused.at(-1), { reason: { ...UNAVAILABLE, cause: { message: '10000 commands wait for Redis already' } } })
  isDown = false
  for (const answer of sent.splice(0)) answer(null)
  await untilTrue(async () => await store.get('a').catch(() => null) === 'one') // once they were answered there is room
})

t.test('law 10: a server that was silent is left alone for a moment, so that nobody waits for it; then one asks whether it is there again', async (t) => {
  stayAwake(t)
  let sent = 0
  let isSilent = true
  const store = redisMarks({ client: connection(() => { sent += 1; return isSilent ? new Promise(() => {}) : 'one' }), timeout: 20 })
  const leftAlone = { ...UNAVAILABLE, cause: { message: 'the store was silent, and is left alone for a moment' } }
  await t.rejects(async () => store.get('a'), { ...UNAVAILABLE, cause: { message: 'Redis did not answer GET within 20 ms' } })
  for (const operation of everything(store)) await t.rejects(async () => operation(), leftAlone)
  t.equal(sent, 1, 'nothing was sent meanwhile')

  await untilTrue(async () => {
    const answers = await Promise.allSettled([store.get('a'), store.get('b'), store.get('c')])
    // Which of them asks is whose turn it was when the moment was over.
    const messages = answers.map((answer) => ((answer as PromiseRejectedResult).reason as { cause: Error }).cause.message)
    return sent > 1 && t.same(messages.sort(), ['Redis did not answer GET within 20 ms', leftAlone.cause.message, leftAlone.cause.message])
  })
  t.equal(sent, 2, 'one asked, and waited; the others did not')

  isSilent = false
  await untilTrue(async () => await store.get('a').catch(() => null) === 'one')
  t.same(await Promise.all([store.get('a'), store.get('b')]), ['one', 'one'], 'all ask again')
})

t.test('law 10: a node of a cluster that hangs takes the others with it for nobody', async (t) => {
  stayAwake(t)
  const client = connection((_command, key) => String(key).endsWith('hangs') ? new Promise(() => {}) : 'one')
  const store = redisMarks({ client, timeout: 50 })
  const hanging = t.rejects(async () => store.get('hangs'), { ...UNAVAILABLE, cause: { message: 'Redis did not answer GET within 50 ms' } })
  t.equal(await store.get('well'), 'one')
  await hanging
  t.equal(await store.get('well'), 'one', 'it is not left alone')
})

t.test('law 10: a server that says no at once is asked each time', async (t) => {
  let sent = 0
  const store = redisMarks({ client: connection(async () => { sent += 1; throw new Error('READONLY') }) })
  for (const operation of everything(store)) await t.rejects(async () => operation(), { ...UNAVAILABLE, cause: { message: 'READONLY' } })
  t.equal(sent, everything(store).length)
})

t.test('a question under way does not keep the process from ending', async (t) => {
  const marks = new URL('../../lib/stores/redis-marks.ts', import.meta.url)
  const program = `
    import { redisMarks } from ${JSON.stringify(marks.href)}
    redisMarks({ client: { call: () => new Promise(() => {}) }, timeout: 60000 }).get('a')
  `
  const { status, stderr, signal } = spawnSync(process.execPath, [...process.execArgv, '--input-type=module', '--eval', program], { encoding: 'utf8', timeout: 180_000 }) // kept going, it would end with the error that nobody waits for
  t.equal(status, 0, `${signal} ${stderr}`)
})

t.test('a time that cannot be kept is not sent', async (t) => {
  const sent: unknown[] = []
  const store = redisMarks({ client: connection(async (...args) => { sent.push(args) }) })
  for (const ttl of [0, 1.5, NaN, '5 EX 9' as never]) await t.rejects(async () => store.putOnce('a', ttl), UNAVAILABLE)
  t.same(sent, [])
})

t.test('options that make no sense stop the start and name the mend', async (t) => {
  const client = connection(async () => null)
  const wrong: ReadonlyArray<readonly [options: unknown, says: RegExp]> = [
    [undefined, /redisMarks: the options must be an object with client, prefix, timeout/],
    [{}, /redisMarks\.client: it is no connection of ioredis, iovalkey or redis \(node-redis\); give it an open one, as in `redisMarks\(\{ client: new Redis\(url\) \}\)`/],
    [client, /redisMarks: a connection was given; allowed is an object with it, as in `redisMarks\(\{ client \}\)`/],
    [{ client: null }, /redisMarks\.client: it is no connection of ioredis, iovalkey or redis/],
    [{ client, prefx: 'a' }, /there is no option 'prefx'.* Did you mean "prefix"\?/],
    [{ client, prefix: 5 }, /redisMarks\.prefix: 5 was given; allowed is a text without braces/],
    [{ client, prefix: '{gate}:' }, /redisMarks\.prefix: '{gate}:' was given/],
    [{ client, timeout: 0 }, /redisMarks\.timeout: 0 was given; allowed is an integer of milliseconds from 1 to 60000/],
    [{ client, timeout: 0.5 }, /redisMarks\.timeout: 0\.5 was given/],
    [{ client, timeout: 60_001 }, /redisMarks\.timeout: 60001 was given/],
    [{ client, timeout: '500' }, /redisMarks\.timeout: '500' was given/],
  ]
  for (const [options, message] of wrong) t.throws(() => redisMarks(options as never), { code: 'FST_GATEHOUSE_OPTION', message })
  for (const options of ['redis://:hush@host', { client: 'redis://:hush@host' }, ['redis://:hush@host']]) {
    t.throws(() => redisMarks(options as never), { code: 'FST_GATEHOUSE_OPTION', message: /^((?!hush).)*$/ }, 'no password is shown')
  }
})

/** The deadline of a store does not keep a process going, and in these tests nothing else does. */
function stayAwake (t: Test): void {
  const timer = setInterval(() => {}, 1_000)
  t.teardown(() => clearInterval(timer))
}

/** Asks until it is true; the runner's own time-out ends a test in which it never is. */
async function untilTrue (ask: () => Promise<boolean>): Promise<void> {
  while (!await ask()) await pause(10)
}
