/** Orders that would weaken the gatehouse stop the start with the mend, or warn. */
import { Writable } from 'node:stream'
import secureSession from '@fastify/secure-session'
import { fastify } from 'fastify'
import t from 'tap'
import gatehouse from '../../lib/index.ts'
import { build, furnish, gatehouseOptions, type Part } from './application.ts'
import { passesPreflights } from './promises.ts'

const HERE: readonly Part[] = ['swagger', 'swaggerUi', 'underPressure', 'websocket', 'rateLimit', 'autoload']

t.test('a cookie or session plugin after the gatehouse stops the start', async (t) => {
  await t.rejects(build(['gatehouse', 'cookie', 'session', ...HERE]), {
    code: 'FST_GATEHOUSE_OPTION', message: /@fastify\/cookie is registered after fastify-gatehouse: .*Register @fastify\/cookie first/,
  })
  await t.rejects(build(['cookie', 'gatehouse', 'session', ...HERE]), {
    code: 'FST_GATEHOUSE_OPTION', message: /@fastify\/session is registered after fastify-gatehouse: .*Register @fastify\/session first/,
  })
  await t.rejects(async () => {
    const app = fastify()
    t.teardown(() => app.close())
    await app.register(gatehouse, { realm: 'late' })
    await app.register(secureSession, { key: Buffer.alloc(32, 1) })
    await app.ready()
  }, { code: 'FST_GATEHOUSE_OPTION', message: /Register @fastify\/(secure-session|cookie) first/ })
})

t.test('a session plugin in a scope below, registered later, stops the start too', async (t) => {
  const app = fastify()
  t.teardown(() => app.close())
  await app.register(gatehouse, { realm: 'late' })
  app.register(async (scope) => { await furnish(scope as never, ['cookie']) })
  await t.rejects(async () => await app.ready(), { code: 'FST_GATEHOUSE_OPTION', message: /@fastify\/cookie is registered after/ })
})

t.test('@fastify/cors after the gatehouse warns; preflights pass all the same', async (t) => {
  const lines: string[] = []
  const stream = new Writable({
    write (chunk, _encoding, done) {
      lines.push(String(chunk))
      done()
    }
  })
  const order: Part[] = ['cookie', 'session', 'gatehouse', 'cors', ...HERE]
  const app = await build(order, { logger: { level: 'warn', stream } })
  t.teardown(() => app.close())
  const warnings = lines.filter((line) => line.includes('@fastify/cors is registered after fastify-gatehouse'))
  t.equal(warnings.length, 1, lines.join(''))
  t.equal((JSON.parse(warnings[0] ?? '{}') as { level?: number }).level, 40)
  await passesPreflights(t, app)
  t.equal((await app.inject('/me')).statusCode, 401)
})

t.test('routes that were there before the gatehouse and have no URL pattern stop the start, each by its name', async (t) => {
  await t.rejects(build(['cookie', 'session', 'websocket', 'autoload', 'swagger', 'swaggerUi', 'underPressure', 'gatehouse']), {
    code: 'FST_GATEHOUSE_OPTION',
    message: /GET \/me\/? was registered before fastify-gatehouse, where it could not be seen, and stays closed/,
  })
})

t.test('a neighbour\'s route without a URL pattern stops the start, before and after', async (t) => {
  const { routes: { '/status': _left, ...routes } = {}, ...options } = gatehouseOptions()
  for (const statusFirst of [true, false]) {
    const app = fastify()
    t.teardown(() => app.close())
    if (statusFirst) await furnish(app as never, ['underPressure'])
    await t.rejects(async () => {
      await app.register(gatehouse, { ...options, routes })
      if (!statusFirst) await furnish(app as never, ['underPressure'])
      await furnish(app as never, ['swagger', 'swaggerUi'])
      await app.ready()
    }, { code: 'FST_GATEHOUSE_OPTION', message: /GET \/status / })
  }
})

t.test('a pattern for a neighbour that is not there stops the start', async (t) => {
  await t.rejects(build(['cookie', 'session', 'gatehouse', 'underPressure', 'websocket', 'autoload']), {
    code: 'FST_GATEHOUSE_OPTION', message: /routes\["\/documentation\/\*"\] covers no route/,
  })
})

t.test('the gatehouse twice in one scope, or below itself, stops the start', async (t) => {
  await t.rejects(build(['gatehouse', 'gatehouse', ...HERE]), { code: 'FST_GATEHOUSE_OPTION', message: /twice in one scope/ })
  const app = fastify()
  t.teardown(() => app.close())
  await app.register(gatehouse, { realm: 'outer' })
  await t.rejects(async () => {
    await app.register(async (scope) => { await scope.register(gatehouse, { realm: 'inner' }) })
  }, { code: 'FST_GATEHOUSE_OPTION', message: /within a scope that has one already/ })
})
