/** The throttle in an application that listens: clients that hang up, stores that fail, and what is told of it. */
import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { connect, constants } from 'node:http2'
import type { AddressInfo } from 'node:net'
import Fastify, { type FastifyRequest } from 'fastify'
import t, { type Test } from 'tap'
import gatehouse, { authenticated, everyone, type GatehouseOptions } from '../../lib/index.ts'
import { basic } from '../../lib/authentication/schemes/index.ts'
import { porch, type Porch } from '../core/porch.ts'

const NAME = 'ada@example.com'
const sent = (name: string, password: string): { authorization: string } => ({ authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}` })

/** A password of a form and one of HTTP Basic, which `check` looks at. */
async function guarded (t: Test, throttle: GatehouseOptions['throttle'], check: (password: string) => Promise<object | null>): Promise<Porch> {
  return porch(t, { throttle: throttle as never, schemes: [basic({ verify: async (_name, password) => check(password) })] }, (app) => {
    app.get('/', { config: { access: authenticated() } }, () => 'in')
    app.post('/sign-in', { config: { access: 'public' } }, async (request) => {
      const { name, password } = request.body as { name: string, password: string }
      return { got: await app.gatehouse.throttle.guard(request, name, () => check(password)) }
    })
  })
}

t.test('throttling 11: over a socket, a client that hangs up before the answer has used up its guess', async (t) => {
  const form = JSON.stringify({ name: NAME, password: 'wrong' })
  const requests = {
    form: { method: 'POST', path: '/sign-in', headers: { 'content-type': 'application/json', 'content-length': form.length }, body: form },
    basic: { method: 'GET', path: '/', headers: sent(NAME, 'wrong'), body: '' },
  }
  for (const [what, { body, ...request }] of Object.entries(requests)) {
    let begun = (): void => {}
    let answer = (): void => {}
    const checking = new Promise<void>((resolve) => { begun = resolve })
    const answered = new Promise<void>((resolve) => { answer = resolve })
    const app = await guarded(t, { now: () => 0 }, async () => { begun(); await answered; return null })
    const closed = new Promise<void>((resolve) => { app.server.once('connection', (socket) => { socket.once('close', () => resolve()) }) })
    await app.listen({ port: 0, host: '127.0.0.1' })

    const client = httpRequest({ port: (app.server.address() as AddressInfo).port, ...request })
    client.on('error', () => {})
    client.end(body)
    await checking
    client.destroy()
    await closed
    answer()
    await new Promise(setImmediate)
    t.match(await app.gatehouse.throttle.status({ account: NAME, ip: '127.0.0.1' }), { account: { failures: 1 }, address: { failures: 1 } }, what)
  }
})

t.test('throttling 18, law 7: neither name nor password is in a line of the log, whatever comes of the attempt', async (t) => {
  let isDown = false
  const app = await guarded(t, { account: { free: 2 }, hardStop: 2, now: () => 0 }, async (password) => {
    if (isDown) throw new Error('no database')
    return password === 'right' ? { id: 'a' } : null
  })
  for (const name of [NAME, 'x'.repeat(10_240), 'swordfish\r\nlevel: 60', 'swordfish:\0']) {
    for (const password of ['hunter2', 'hunter2', 'right']) {
      await app.inject({ method: 'POST', url: '/sign-in', payload: { name, password } })
      await app.inject({ url: '/', headers: sent(name, password) })
    }
  }
  isDown = true
  await app.inject({ method: 'POST', url: '/sign-in', payload: { name: 'swordfish', password: 'hunter2' } })
  const log = JSON.stringify(app.lines)
  for (const line of [/wrong secrets in a row/, /refused with 429/, /no database/]) t.match(log, line)
  t.notMatch(log, /ada@|xxxxxxxx|swordfish|hunter2/)
})

t.test('throttling 29: with `refuse` a store that fails is a 503 with Retry-After, whose body says nothing of it; it is told once', async (t) => {
  let isDown = true
  let checks = 0
  const ask = async (): Promise<{ admitted: boolean, failures: number, retryAfter: number }> => {
    if (isDown) throw new Error('connect ECONNREFUSED 10.0.0.7:6379')
    return { admitted: true, failures: 1, retryAfter: 0 }
  }
  const store = { charge: ask, refund: async () => {}, reset: async () => {}, status: async () => null }
  const app = await guarded(t, { store, secret: 'of all processes here', onStoreError: 'refuse' }, async () => { checks++; return { id: 'ada' } })
  const requests = [{ method: 'POST', url: '/sign-in', payload: { name: NAME, password: 'right' } }, { url: '/', headers: sent(NAME, 'right') }] as const
  for (const request of [...requests, ...requests]) {
    const answer = await app.inject(request as object)
    t.match(answer, { statusCode: 503, headers: { 'retry-after': /^[1-9]\d*$/, 'cache-control': 'no-store' } })
    t.equal(answer.json().code, 'temporarily_unavailable')
    t.notMatch(answer.body, /ECONNREFUSED|10\.0\.0\.7/)
  }
  t.equal(checks, 0)
  isDown = false
  for (const request of requests) t.equal((await app.inject(request as object)).statusCode, 200, 'and it recovers by itself')
  const told = app.lines.filter(({ msg }) => msg.startsWith('the counters of sign-in'))
  t.match(told, [{ level: 50, msg: /cannot be reached; meanwhile requests are refused/, err: { message: /.+/ } }])
  t.equal(told.length, 1)
})

t.test('throttling 11: who hangs up before his secret is even looked at is counted by his own network', async (t) => {
  let hold = (): void => {}
  let release = (): void => {}
  const held = new Promise<void>((resolve) => { hold = resolve })
  const released = new Promise<void>((resolve) => { release = resolve })
  let checked = (): void => {}
  const checking = new Promise<void>((resolve) => { checked = resolve })
  // Without a log, which would ask for the address first.
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(gatehouse, { schemes: [basic({ verify: () => null })], throttle: { now: () => 0 } })
  app.addHook('preHandler', async () => { hold(); await released })
  app.post('/sign-in', { config: { access: 'public' } }, (request) => app.gatehouse.throttle.guard(request, NAME, () => { checked(); return null }))
  const closed = new Promise<void>((resolve) => { app.server.once('connection', (socket) => { socket.once('close', () => resolve()) }) })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const form = JSON.stringify({ name: NAME, password: 'wrong' })
  const client = httpRequest({ port: (app.server.address() as AddressInfo).port, method: 'POST', path: '/sign-in', headers: { 'content-type': 'application/json', 'content-length': form.length } })
  client.on('error', () => {})
  client.end(form)
  await held
  client.destroy()
  await closed
  release()
  await checking
  await new Promise(setImmediate)
  t.match(await app.gatehouse.throttle.status({ account: NAME, ip: '127.0.0.1' }), { account: { failures: 1 }, address: { failures: 1 } })
})

t.test('throttling 11: over HTTP/2 too, who takes his request back is counted by his own network', async (t) => {
  let hold = (): void => {}
  let release = (): void => {}
  const held = new Promise<void>((resolve) => { hold = resolve })
  const released = new Promise<void>((resolve) => { release = resolve })
  const app = Fastify({ http2: true })
  t.teardown(() => app.close())
  await app.register(gatehouse, { schemes: [basic({ verify: () => null })], throttle: { now: () => 0 } })
  let counted = (): void => {}
  const counting = new Promise<void>((resolve) => { counted = resolve })
  app.addHook('preHandler', async (request) => {
    const closed = once(request.raw.stream, 'close')
    hold()
    await closed
    await released
  })
  app.get('/sign-in', { config: { access: everyone({}) } }, async (request) => {
    await app.gatehouse.throttle.guard(request as unknown as FastifyRequest, NAME, () => null)
    counted()
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const client = connect(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}`)
  t.teardown(() => { client.destroy() })
  const stream = client.request({ ':path': '/sign-in' })
  stream.on('error', () => {})
  await held
  stream.close(constants.NGHTTP2_CANCEL)
  await once(stream, 'close')
  release()
  await counting
  t.match(await app.gatehouse.throttle.status({ account: NAME, ip: '127.0.0.1' }), { account: { failures: 1 }, address: { failures: 1 } })
})
