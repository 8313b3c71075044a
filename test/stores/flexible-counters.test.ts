/** Counters over `rate-limiter-flexible`: a transcript of their own, in memory and in a real PostgreSQL. */
import { Pool } from 'pg'
import { RateLimiterMemory, RateLimiterPostgres } from 'rate-limiter-flexible'
import t, { type Test } from 'tap'
import type { RemoteCounters } from '../../lib/stores/counters.ts'
import { flexibleCounters, type FlexibleLimiter, type LimiterOptions } from '../../lib/stores/flexible-counters.ts'
import { createThrottle } from '../../lib/throttling/throttle.ts'
import { postgresServer } from '../newsroom/postgres-server.ts'

const LADDER = { free: 5, base: 60_000, cap: 200_000, window: 600_000 }
const ALLOWANCE = { limit: 3, window: 60_000 }
const UNAVAILABLE = { code: 'FST_GATEHOUSE_STORE_UNAVAILABLE' }

async function transcript (t: Test, make: () => RemoteCounters): Promise<void> {
  await t.test('throttling 1: of 200 parallel guesses exactly the free ones are admitted', async (t) => {
    const store = make()
    const charges = await Promise.all(Array.from({ length: 200 }, () => store.charge('one:account:parallel', LADDER)))
    t.equal(charges.filter(({ admitted }) => admitted).length, 5)
    t.ok(charges.every(({ admitted, retryAfter }) => admitted === (retryAfter === 0)))
    const { lockedFor, failures } = await store.status('one:account:parallel') ?? { lockedFor: 0, failures: 0 }
    t.ok(lockedFor > 50_000 && lockedFor <= 60_000, 'and they are one rung')
    t.ok(failures > 5)
  })

  await t.test('throttling 3: the locks double up to the cap', async (t) => {
    const store = make()
    for (const [lock] of [[60_000], [120_000], [200_000], [200_000]] as const) {
      for (let guess = 0; guess < 5; guess++) t.match(await store.charge('one:account:ladder', LADDER), { admitted: true, failures: guess + 1 })
      t.match(await store.charge('one:account:ladder', LADDER), { admitted: false, retryAfter: lock })
      // Its time is over: what is known of the attempts goes, and the rung stays.
      for (let taken = 0; taken < 8; taken++) await store.refund('one:account:ladder')
    }
  })

  await t.test('throttling 7: a reset forgets attempts and rungs', async (t) => {
    const store = make()
    for (let guess = 0; guess < 6; guess++) await store.charge('one:account:reset', LADDER)
    await store.reset('one:account:reset')
    t.equal(await store.status('one:account:reset'), null)
    for (let guess = 0; guess < 5; guess++) await store.charge('one:account:reset', LADDER)
    t.match(await store.charge('one:account:reset', LADDER), { admitted: false, retryAfter: 60_000 })
  })

  await t.test('throttling 12: a refund takes one back, and never makes a guess more', async (t) => {
    const store = make()
    await store.refund('one:account:refund')
    t.equal(await store.status('one:account:refund'), null)
    await store.charge('one:account:refund', LADDER)
    await store.charge('one:account:refund', LADDER)
    await store.refund('one:account:refund')
    t.same(await store.status('one:account:refund'), { failures: 1, lockedFor: 0 })
    await store.refund('one:account:refund')
    await store.refund('one:account:refund')
    t.equal(await store.status('one:account:refund'), null)
    for (let guess = 0; guess < 5; guess++) t.match(await store.charge('one:account:refund', LADDER), { admitted: true })
    t.match(await store.charge('one:account:refund', LADDER), { admitted: false })
  })

  await t.test('a quota is spent, denied and given back', async (t) => {
    const store = make()
    t.match(await store.spend('quota:user:a', ALLOWANCE, 2), { allowed: true, remaining: 1, retryAfter: 0 })
    await store.giveBack('quota:user:a', ALLOWANCE, 1)
    t.match(await store.spend('quota:user:a', ALLOWANCE, 2), { allowed: true, remaining: 0 })
    const { allowed, remaining, resetAfter, retryAfter } = await store.spend('quota:user:a', ALLOWANCE, 1)
    t.same([allowed, remaining], [false, 0])
    t.ok(retryAfter > 50_000 && retryAfter <= 60_000 && resetAfter === retryAfter)
    await store.giveBack('quota:user:b', ALLOWANCE, 1)
    await store.spend('quota:user:b', ALLOWANCE, 1)
    await store.giveBack('quota:user:b', ALLOWANCE, 1)
    t.match(await store.spend('quota:user:b', ALLOWANCE, 3), { allowed: true, remaining: 0 }, 'and never more than there was')
  })

  await t.test('throttling 1: 200 parallel wrong guesses: the verifier runs exactly five times', async (t) => {
    let checks = 0
    const throttle = createThrottle({ store: make(), secret: 'of all processes here', deadline: 60_000, address: false, account: { free: 5, base: 60 } })
    await Promise.all(Array.from({ length: 200 }, () => throttle.guard({ ip: '192.0.2.1' }, 'alice', () => { checks++; return false }, (ok) => !ok)))
    t.equal(checks, 5)
  })
}

t.test('in memory', async (t) => {
  await transcript(t, () => flexibleCounters({ limiter: (options) => new RateLimiterMemory(options) as unknown as FlexibleLimiter }))
})

t.test('in PostgreSQL', async (t) => {
  const server = await postgresServer(t)
  if (server === null) return
  const pool = new Pool({ connectionString: server.url })
  pool.on('error', () => {}) // what the server's end means to a connection that is being closed
  let tables = 0
  const limiterOf = (tableName: string) => (options: LimiterOptions) => new Promise<FlexibleLimiter>((resolve, reject) => {
    const limiter = new RateLimiterPostgres({ storeClient: pool, storeType: 'pool', tableName, clearExpiredByTimeout: false, ...options }, (error?: Error) => {
      if (error === undefined || error === null) resolve(limiter as unknown as FlexibleLimiter)
      else reject(error)
    })
  })
  await transcript(t, () => flexibleCounters({ limiter: limiterOf(`counters_${tables++}`) }))
  await pool.end()
})

t.test('law 10: whatever a limiter fails with is StoreUnavailable, and one that could not be made is made again', async (t) => {
  const gone = new Error('gone')
  const fails = async (): Promise<never> => { throw gone }
  const broken = { consume: fails, penalty: fails, reward: fails, block: fails, get: fails, delete: fails }
  const store = flexibleCounters({ limiter: () => broken })
  for (const operation of [() => store.charge('a', LADDER), () => store.refund('a'), () => store.reset('a'), () => store.status('a'), () => store.spend('a', ALLOWANCE, 1), () => store.giveBack('a', ALLOWANCE, 1)]) {
    await t.rejects(operation() as Promise<never>, { ...UNAVAILABLE, cause: gone })
  }
  for (const nonsense of [undefined, null, 7, {}, { consumedPoints: 1 }]) {
    const odd = flexibleCounters({ limiter: () => ({ ...broken, consume: async () => { throw nonsense } }) })
    await t.rejects(odd.charge('a', LADDER), UNAVAILABLE, 'what is no answer is no denial')
  }
  let tries = 0
  const late = flexibleCounters({ limiter: (options) => { if (++tries === 1) throw gone; return new RateLimiterMemory(options) as unknown as FlexibleLimiter } })
  await t.rejects(late.charge('a', LADDER), { ...UNAVAILABLE, cause: gone })
  t.match(await late.charge('a', LADDER), { admitted: true })
})

t.test('options that make no sense stop the start', async (t) => {
  t.throws(() => flexibleCounters({ limiter: {} } as never), { code: 'FST_GATEHOUSE_OPTION', message: /^flexibleCounters\.limiter: .*a function/ })
  t.throws(() => flexibleCounters({ limitr: () => {} } as never), { message: /Did you mean "limiter"/ })
})

t.test('throttling 8: a refund takes back its own charge alone, also where others are charged while it looks', async (t) => {
  let meanwhile = async (): Promise<unknown> => null
  const store = flexibleCounters({
    limiter: (options) => {
      const limiter = new RateLimiterMemory(options)
      const get = limiter.get.bind(limiter)
      limiter.get = async (key) => {
        const known = await get(key)
        const next = meanwhile
        meanwhile = async () => null
        await next()
        return known
      }
      return limiter
    },
  })
  const key = 'one:address:network'
  await store.charge(key, LADDER)
  meanwhile = async () => Promise.all([store.charge(key, LADDER), store.charge(key, LADDER)])
  await store.refund(key)
  t.match(await store.status(key), { failures: 2 })
  await store.spend(key, ALLOWANCE, 1)
  meanwhile = async () => store.spend(key, ALLOWANCE, 1)
  await store.giveBack(key, ALLOWANCE, 1)
  t.match(await store.spend(key, ALLOWANCE, 1), { remaining: 1 }, 'two are spent')
})
