/** What a handler spends without waiting for it. */
import events from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import websocket from '@fastify/websocket'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { quota } from '../../lib/index.ts'
import { Debts } from '../../lib/requests/debt.ts'
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
  return { answers, warnings: app.lines.filter(({ level, msg }) => level === 40 && msg.includes('nobody waited for request.spend')).length }
}

/** Of those that spend more than there is at once, or do something else. */
const FIRST: Readonly<Record<string, number>> = { 'forgets one of many': 429, 'forgets many': 429, 'has one in the middle of twenty that it waits for': 429, 'throws something else': 418 }
const WARNINGS: Readonly<Record<string, number>> = {
  'forgets one of many': 2,
  'forgets many': 2,
  'has one in the middle of twenty that it waits for': 2,
  'throws where nobody hears it': 2,
  'has something to do in any case, which fails': 2,
  'has something to do in any case, which fails, and goes on': 2,
  'answers before it waits': 0,
}

t.test('a handler that forgets to await request.spend is answered for with the 429, whatever it answers itself, and the log says once that nobody waits', async (t) => {
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
    'has one in the middle of twenty that it waits for': async (request) => {
      const all = Array.from({ length: 20 }, () => request.spend(one))
      await Promise.allSettled(all.filter((_, index) => index !== 10))
      return 'a'
    },
    'has something to do then': (request) => { request.spend(one).then(() => {}); return 'a' },
    'has something to do in any case': (request) => { request.spend(one).finally(() => {}); return 'a' },
    'has something to do afterwards': (request) => { request.spend(one).then(() => {}).finally(() => {}).then(() => {}); return 'a' },
    'has something to do in any case, which fails': (request) => { request.spend(one).finally(() => { throw new Error('a') }); return 'a' },
    'has something to do in any case, which fails, and goes on': async (request) => { request.spend(one).finally(() => { throw new Error('a') }); await turn(); return 'a' },
    'throws where nobody hears it': (request) => { request.spend(one).then(() => { throw new Error('a') }); return 'a' },
    'answers before it waits': async (request, reply) => { const spent = request.spend(one); reply.send('a'); await turn(); await spent; return reply },
    'catches what is not thrown': (request) => { try { request.spend(one) } catch {} return 'a' },
    'throws something else': (request) => { request.spend(one); throw Object.assign(new Error('a'), { statusCode: 418 }) },
  }
  for (const [how, handler] of Object.entries(forgetful)) {
    const { answers: [first, second], warnings } = await twice(t, handler)
    t.equal(first?.[0], FIRST[how] ?? 200, how)
    t.equal(second?.[0], 429, how)
    t.match(JSON.parse(second?.[1] ?? ''), { code: 'quota_exceeded', 'violated-policies': ['one'] }, how)
    t.equal(warnings, WARNINGS[how] ?? 1, how)
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
    'then and catch': (request) => { request.spend(one).then(() => {}).catch(() => {}); return 'a' },
    'finally and then with two': (request) => { request.spend(one).finally(() => {}).then(() => {}, () => {}); return 'a' },
    'much later': async (request) => { const spent = request.spend(one); for (let count = 0; count < 9; count++) await null; await spent.catch(() => {}); return 'a' },
    later: async (request) => { const spent = request.spend(one); await null; await spent.catch(() => {}); return 'a' },
  }
  for (const [how, handler] of Object.entries(careful)) t.same(await twice(t, handler), { answers: [[200, 'a'], [200, 'a']], warnings: 0 }, how)
  for (const handler of [async (request: FastifyRequest) => request.spend(one), (request: FastifyRequest) => request.spend(one)]) {
    t.match(await twice(t, handler), { answers: [[200, '{"remaining":0,"resetAfter":600}'], [429, /quota_exceeded/]], warnings: 0 })
  }
})

/** Counts as a sound one does, and answers some turns later. */
function slow (): QuotaStore {
  const sound = memoryQuotas()
  return {
    spend: async (...given) => {
      for (let count = 0; count < 5; count++) await turn()
      return sound.spend(...given)
    },
    giveBack: sound.giveBack,
  }
}

t.test('of a store that answers later the answer waits, unless it is out already: then the log is told', async (t) => {
  const { answers, warnings } = await twice(t, (request) => { request.spend(one); return 'a' }, slow())
  t.match(answers, [[200, 'a'], [429, /quota_exceeded/]])
  t.equal(warnings, 1)
  const app = await porch(t, { quotas: { store: slow(), secret: 'a secret of the tests, long enough' } }, (app) => {
    app.get('/', { config: { access: 'public' } }, (request, reply) => { setImmediate(() => { request.spend(one) }); reply.send('a') })
    app.get('/hijacked', { config: { access: 'public' } }, (request, reply) => { request.spend(one); reply.hijack(); reply.raw.end('a') })
  })
  const told = () => app.lines.filter(({ level, msg }) => level === 40 && msg.includes('nobody waited for request.spend'))
  for (const url of ['/', '/', '/hijacked']) {
    t.equal((await app.inject(url)).body, 'a')
    await turn()
  }
  for (let count = 0; told().length < 2 && count < 1000; count++) await turn()
  t.match(told(), [{ method: 'GET', route: '/', err: { message: String } }, { method: 'GET', route: '/hijacked', err: { message: String } }])
})

t.test('whoever asks early and waits late is not told that he forgot it, as long as the store answers later', async (t) => {
  const { answers, warnings } = await twice(t, async (request) => { const spent = request.spend(one); await turn(); await spent; return 'a' }, slow())
  t.match(answers, [[200, 'a'], [429, /quota_exceeded/]])
  t.equal(warnings, 0)
})

t.test('whoever answers first and waits then, or throws, comes too late, and is answered for once', async (t) => {
  const late: readonly Handler[] = [
    async (request, reply) => { const spent = request.spend(one); reply.send('a'); await spent; return reply },
    async (request, reply) => { const spent = request.spend(one); reply.send('a'); await turn(); await spent; return reply },
    async (request, reply) => { const spent = request.spend(one); reply.send('a'); await spent.catch(() => {}); return reply },
  ]
  for (const handler of late) t.match((await twice(t, handler, slow())).answers, [[200, 'a'], [429, /quota_exceeded/]])
  const sent: unknown[] = []
  const app = await porch(t, { quotas: { store: slow(), secret: 'a secret of the tests, long enough' } }, (app) => {
    app.addHook('onSend', async (_request, reply) => { sent.push(reply.statusCode) })
    app.get('/', { config: { access: 'public' } }, async (request, reply) => { request.spend(one); reply.send('a'); throw Object.assign(new Error('late'), { statusCode: 418 }) })
  })
  t.equal((await app.inject('/')).statusCode, 418)
  t.equal((await app.inject('/')).statusCode, 429)
  for (let count = 0; count < 20; count++) await turn()
  t.same(sent, [418, 429], 'of two answers of one request one goes out')
})

t.test('an answer waits for what is spent, and not for what is done after that', async (t) => {
  const { answers } = await twice(t, (request) => { request.spend(one).then(() => new Promise(() => {})); return 'a' })
  t.match(answers, [[200, 'a'], [429, /quota_exceeded/]])
})

t.test('law 10: what cannot be counted, and what is no quota, is a 503 where nobody waits for it', async (t) => {
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

t.test('an error handler of the application never saw that 429: a redirect of the handler is no answer of it', async (t) => {
  const app = await porch(t, { quotas: { secret: 'a secret of the tests, long enough' } }, (app) => {
    app.setErrorHandler((_error, _request, reply) => reply.redirect('/sorry'))
    app.get('/', { config: { access: 'public' } }, (request, reply) => { request.spend(one); reply.redirect('/done') })
    app.get('/awaited', { config: { access: 'public' } }, async (request) => request.spend(one))
  })
  t.match(await app.inject('/'), { statusCode: 302, headers: { location: '/done' } })
  const refused = await app.inject('/')
  t.match(refused, { statusCode: 429 })
  t.notOk(refused.headers.location)
  t.match(await app.inject('/awaited'), { statusCode: 302, headers: { location: '/sorry' } }, 'what it saw it answers as it likes')
})

t.test('a debt is a promise like any other to whoever waits for it', async (t) => {
  const debts = new Debts(() => t.fail('somebody waits'))
  t.equal(await debts.owe(Promise.resolve(7)), 7)
  t.equal(await debts.owe(Promise.resolve(7)).then((seven) => seven + 1).finally(() => {}), 8)
  await t.rejects(debts.owe(Promise.reject(new Error('no'))), /no/)
  await t.rejects(debts.owe(Promise.reject(new Error('no'))).then(() => {}).finally(() => {}), /no/)
  await t.rejects(debts.owe(Promise.resolve(7)).finally(() => { throw new Error('at last') }), /at last/)
  t.equal(Object.getPrototypeOf(debts.owe(Promise.resolve(7)).then(() => {}, () => {})), Promise.prototype)
  await turn()
  t.equal(debts.open, null)
  t.equal(debts.unheard, null)
})

t.test('of what could not be spent and is forgotten some are kept, however many messages a WebSocket brings, and the log is told once', async (t) => {
  const told: unknown[] = []
  const debts = new Debts((error) => { told.push(String(error)) })
  const errors = Array.from({ length: 300 }, (_, index) => {
    const error = new Error(`${index}`)
    debts.owe(Promise.reject(error))
    return new WeakRef(error)
  })
  await turn()
  await turn()
  collect()
  t.equal(errors.filter((error) => error.deref() !== undefined).length, 100)
  t.match(debts.unheard, { error: { message: '0' } })
  t.same(told, ['Error: 0'])
})

t.test('a listener of a WebSocket catches the 429, and goes no further', async (t) => {
  const said: unknown[] = []
  const app = await porch(t, { quotas: { secret: 'a secret of the tests, long enough' } }, async (app) => {
    await app.register(websocket)
    app.register(async (app) => app.get('/', { websocket: true, config: { access: 'public' } }, (socket, request) => {
      socket.on('message', async () => {
        try {
          await request.spend(one)
          socket.send('noted')
        } catch (error) {
          socket.send((error as { code: string }).code)
        }
      })
    }))
  })
  await app.ready()
  const socket = await app.injectWS('/')
  socket.on('message', (data) => { said.push(String(data)) })
  for (const message of ['a', 'b']) {
    socket.send(message)
    await events.once(socket, 'message')
  }
  socket.terminate()
  t.same(said, ['noted', 'quota_exceeded'])
})

t.test('law 2: nothing of all this ends the process', async (t) => {
  t.same(unhandled, [])
})
