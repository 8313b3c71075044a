/** What a handler spends without waiting for it. */
import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { quota } from '../../lib/index.ts'
import { debtOf } from '../../lib/requests/debt.ts'
import type { QuotaStore } from '../../lib/stores/counters.ts'
import { memoryQuotas } from '../../lib/stores/memory-quotas.ts'
import { porch } from '../core/porch.ts'

const one = quota('one', { limit: 1, window: 600, by: 'everybody' })
const plenty = quota('plenty', { limit: 9, window: 600, by: 'everybody' })

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const unhandled: unknown[] = []
process.on('unhandledRejection', (error) => { unhandled.push(error) })

type Handler = (request: FastifyRequest, reply: FastifyReply) => unknown

/** What two requests are answered, of which the second has nothing left to spend, and how often the log says that nobody waits. */
async function twice (t: Parameters<typeof porch>[0], handler: Handler, store: QuotaStore = memoryQuotas()): Promise<{ readonly answers: readonly (readonly [number, string])[], readonly warnings: number }> {
  const app = await porch(t, { quotas: { store, secret: 'a secret of the tests, long enough' } }, (app) => app.get('/', { config: { access: 'public' } }, handler))
  const answers: [number, string][] = []
  for (let count = 0; count < 2; count++) {
    const { statusCode, body } = await app.inject('/')
    answers.push([statusCode, body])
  }
  await turn()
  return { answers, warnings: app.lines.filter(({ level, msg }) => level === 40 && msg.includes('does not await request.spend')).length }
}

t.test('law 10: a handler that forgets to await request.spend is answered for with the 429, whatever it answers itself, and the log says why', async (t) => {
  const forgetful: Readonly<Record<string, Handler>> = {
    'returns at once': (request) => { request.spend(one); return 'a' },
    'sends at once': (request, reply) => { request.spend(one); reply.send('a') },
    'is async': async (request) => { request.spend(one); return 'a' },
    'forgets the second of two': async (request) => { await request.spend(plenty); request.spend(one); return 'a' },
    'forgets the first of many': async (request) => { request.spend(one); for (let count = 0; count < 20; count++) await request.spend(one).catch(() => {}); return 'a' },
    'forgets one of many': async (request) => {
      for (let count = 0; count < 10; count++) await request.spend(one).catch(() => {})
      request.spend(one)
      for (let count = 0; count < 10; count++) await request.spend(one).catch(() => {})
      return 'a'
    },
    'forgets many': (request) => { for (let count = 0; count < 20; count++) request.spend(one); return 'a' },
    'answers before it waits': async (request, reply) => { const spent = request.spend(one); reply.send('a'); await spent.catch(() => {}); return reply },
    'catches what is not thrown': (request) => { try { request.spend(one) } catch {} return 'a' },
    'throws something else': (request) => { request.spend(one); throw Object.assign(new Error('a'), { statusCode: 418 }) },
  }
  for (const [how, handler] of Object.entries(forgetful)) {
    const { answers: [first, second], warnings } = await twice(t, handler)
    t.equal(first?.[0] === 429, how.endsWith('many') && how !== 'forgets the first of many', how)
    t.equal(second?.[0], 429, how)
    t.match(JSON.parse(second?.[1] ?? ''), { code: 'quota_exceeded', 'violated-policies': ['one'] }, how)
    t.equal(warnings, { 'answers before it waits': 0, 'forgets one of many': 2, 'forgets many': 39 }[how] ?? 1, how)
  }
})

t.test('whoever waits for it, in whatever way, decides himself what comes of the 429', async (t) => {
  const careful: Readonly<Record<string, Handler>> = {
    catch: async (request) => { await request.spend(one).catch(() => {}); return 'a' },
    'catch, not awaited': (request) => { request.spend(one).catch(() => {}); return 'a' },
    'then with two': async (request) => request.spend(one).then(() => 'a', () => 'a'),
    finally: async (request) => { await request.spend(one).finally(() => {}).catch(() => {}); return 'a' },
    allSettled: async (request) => { await Promise.allSettled([request.spend(one)]); return 'a' },
    race: async (request) => { await Promise.race([request.spend(one)]).catch(() => {}); return 'a' },
    try: async (request) => { try { await request.spend(one) } catch {} return 'a' },
    later: async (request) => { const spent = request.spend(one); await null; await spent.catch(() => {}); return 'a' },
  }
  for (const [how, handler] of Object.entries(careful)) t.same(await twice(t, handler), { answers: [[200, 'a'], [200, 'a']], warnings: 0 }, how)
  for (const handler of [async (request: FastifyRequest) => request.spend(one), (request: FastifyRequest) => request.spend(one)]) {
    t.match(await twice(t, handler), { answers: [[200, '{"remaining":0,"resetAfter":600}'], [429, /quota_exceeded/]], warnings: 0 })
  }
})

t.test('law 10: what is known only after the answer is told in the log; of a store that answers later, and of one that is gone', async (t) => {
  const sound = memoryQuotas()
  const later: QuotaStore = { spend: async (...given) => { await turn(); return sound.spend(...given) }, giveBack: sound.giveBack }
  const app = await porch(t, { quotas: { store: later, secret: 'a secret of the tests, long enough' } }, (app) => app.get('/', { config: { access: 'public' } }, (request) => { request.spend(one); return 'a' }))
  t.same([(await app.inject('/')).body, (await app.inject('/')).body], ['a', 'a'])
  while (!app.lines.some(({ msg }) => msg.includes('does not await request.spend'))) await turn()
  t.match(app.lines.at(-1), { level: 40, err: { message: String } })
  const gone: QuotaStore = { spend: () => { throw new Error('gone') }, giveBack: () => {} }
  const refusing = await porch(t, { quotas: { store: gone, onStoreError: 'refuse', secret: 'a secret of the tests, long enough' } }, (app) => {
    app.get('/', { config: { access: 'public' } }, async (request) => { request.spend(one); await turn(); return 'a' })
    app.get('/none', { config: { access: 'public' } }, (request) => { request.spend({ name: 'one' } as never); return 'a' })
  })
  for (const url of ['/', '/none']) {
    const answer = await refusing.inject(url)
    t.match(answer.json(), { status: 503, code: 'temporarily_unavailable' }, url)
    t.notMatch(answer.body, /gone|expected/, 'the client is not told why')
  }
})

t.test('law 10: an error handler of the application never saw that 429: a redirect of the handler is no answer of it', async (t) => {
  const app = await porch(t, { quotas: { secret: 'a secret of the tests, long enough' } }, (app) => {
    app.setErrorHandler((_error, _request, reply) => reply.redirect('/sorry'))
    app.get('/', { config: { access: 'public' } }, (request, reply) => { request.spend(one); reply.redirect('/done') })
    app.get('/awaited', { config: { access: 'public' } }, async (request) => request.spend(one))
  })
  t.match(await app.inject('/'), { statusCode: 302, headers: { location: '/done' } })
  t.match(await app.inject('/'), { statusCode: 429 })
  t.match(await app.inject('/awaited'), { statusCode: 302, headers: { location: '/sorry' } }, 'what it saw it answers as it likes')
})

t.test('a debt is a promise like any other to whoever waits for it', async (t) => {
  const log = { warn: () => t.fail('somebody waits') }
  const debt = <T> (spend: () => T | Promise<T>): Promise<T> => debtOf(spend, () => {}, log)
  t.equal(await debt(() => 7), 7)
  t.equal(await debt(async () => 7), 7)
  await t.rejects(debt(() => { throw new Error('at once') }), /at once/)
  await t.rejects(debt(async () => { throw new Error('later') }), /later/)
  t.equal(Object.getPrototypeOf(debt(() => 7).then()), Promise.prototype)
  await turn()
})

t.test('of what could not be spent and is forgotten a few are kept, however many messages a WebSocket brings', async (t) => {
  let alive = 0
  await twice(t, async (request) => {
    const all = Array.from({ length: 100 }, () => new WeakRef(request.spend(one)))
    await turn()
    await turn()
    collect()
    alive = all.filter((debt) => debt.deref() !== undefined).length
  })
  t.equal(alive, 8)
})

t.test('law 10: nothing of all this ends the process', async (t) => {
  t.same(unhandled, [])
})
