/** What newsroom makes of its environment, and how it says what is wrong with it. */
import fc from 'fast-check'
import t from 'tap'
import { environmentOf, POLICIES } from '../../examples/newsroom/environment.ts'
import { oneLine } from '../../examples/newsroom/start-error.ts'

t.test('without any variable newsroom runs at home, and every process signs with a secret of its own', async (t) => {
  const { secret, ...rest } = environmentOf({})
  t.same(rest, { host: '127.0.0.1', port: 3000, logLevel: 'info', databaseUrl: null, redisUrl: null, policies: POLICIES })
  t.ok(Buffer.byteLength(secret) >= 32)
  t.not(environmentOf({}).secret, secret)
})

t.test('an empty variable is one that is not set', async (t) => {
  const { secret, ...rest } = environmentOf({ HOST: '', PORT: '', LOG_LEVEL: '', DATABASE_URL: '', REDIS_URL: '', JWT_SECRET: '', POLICIES: '' })
  const { secret: other, ...defaults } = environmentOf({})
  t.same(rest, defaults)
  t.not(secret, '')
  t.not(other, secret)
})

t.test('what is set counts', async (t) => {
  const set = { HOST: '::1', PORT: '0', LOG_LEVEL: 'warn', DATABASE_URL: 'postgres://u:p@h:1/d', REDIS_URL: 'rediss://:p@h:2/3', JWT_SECRET: 's', POLICIES: './policies' }
  t.same(environmentOf(set), { host: '::1', port: 0, logLevel: 'warn', databaseUrl: 'postgres://u:p@h:1/d', redisUrl: 'rediss://:p@h:2/3', secret: 's', policies: './policies' })
})

t.test('a variable that makes no sense is named, with what it could be', async (t) => {
  t.throws(() => environmentOf({ PORT: '65536' }), { message: 'PORT: expected a number from 0 to 65535, got "65536"' })
  t.throws(() => environmentOf({ LOG_LEVEL: 'loud' }), { message: 'LOG_LEVEL: expected one of trace, debug, info, warn, error, fatal, silent, got "loud"' })
  for (const url of ['nonsense', 'mysql://u:p@h/d', 'http://h']) {
    t.throws(() => environmentOf({ DATABASE_URL: url }), { message: 'DATABASE_URL: expected postgres://user:password@host:port/database' })
  }
  for (const url of ['nonsense', 'http://h', 'redis:', 'redis://', 'redis://u:p@h/one', 'redis://u:p%@h', '/run/redis.sock']) {
    t.throws(() => environmentOf({ REDIS_URL: url }), { message: 'REDIS_URL: expected redis://user:password@host:port or rediss://user:password@host:port' }, url)
  }
  for (const url of ['redis://h', 'redis://h/', 'redis://[::1]:2/3', 'rediss://u:p%20w@h']) t.equal(environmentOf({ REDIS_URL: url }).redisUrl, url)
})

t.test('any text is a port that can be listened on, or an error', async () => {
  fc.assert(fc.property(fc.oneof(fc.string({ minLength: 1 }), fc.integer().map(String)), (text) => {
    try {
      const { port } = environmentOf({ PORT: text })
      return Number.isInteger(port) && port >= 0 && port <= 65_535
    } catch (error) {
      return (error as Error).message.startsWith('PORT: ')
    }
  }))
})

t.test('an error becomes one line', async (t) => {
  t.equal(oneLine(new Error('one\n  two\n\nthree\n')), 'one; two; three')
  t.equal(oneLine(new AggregateError([new Error('the first'), new Error('the second')])), 'the first')
  t.equal(oneLine(new AggregateError([], 'none')), 'none')
  t.equal(oneLine('a text'), 'a text')
})
