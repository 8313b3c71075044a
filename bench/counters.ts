/** What counting costs: memory and Redis, beside a bare Map, `@fastify/rate-limit`'s stores and `rate-limiter-flexible`. `npx tsx bench/counters.ts`, with REDIS_URL for a server. */
import { createRequire } from 'node:module'
import { performance, PerformanceObserver, type PerformanceEntry } from 'node:perf_hooks'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { Redis as Valkey } from 'iovalkey'
import { RateLimiterMemory, RateLimiterRedis } from 'rate-limiter-flexible'
import { createClient } from 'redis'
import { compared, inTurns, ratios, type Call } from './ability-rounds.ts'
import { asked, fail } from './arguments.ts'
import { memoryAttempts, memoryQuotas, redisCounters } from './built.ts'
import { rotated, shown, spreadOf } from './spread.ts'

const require = createRequire(import.meta.url)

type Incr = (key: string, done: (error: Error | null, state: unknown) => void, window: number, max: number) => void
const LocalStore = require('@fastify/rate-limit/store/LocalStore.js') as new (continueExceeding: boolean, exponentialBackoff: boolean, cache: number) => { readonly incr: Incr }
const RedisStore = require('@fastify/rate-limit/store/RedisStore.js') as new (continueExceeding: boolean, exponentialBackoff: boolean, redis: Redis, key: string) => { readonly incr: Incr }

const HOT = 10_000
const MILLION = 1_000_000
const MINUTE = 60_000
const ROUNDS = 5
const LADDER = { free: 1_000_000_000, base: 1000, cap: 1000, window: MINUTE }
const ALLOWANCE = { limit: 1_000_000_000, window: MINUTE }

/** Keys as the plugin makes them. */
const keyOf = (index: number): string => `sign-in:account:${index.toString(36).padStart(43, '0')}`
const hot = Array.from({ length: HOT }, (_, index) => keyOf(index))

/** A call that takes the next of the hot keys each time. Once a round the event loop turns, as between requests, so that timers are part of it. */
function cycling (use: (key: string) => unknown): Call {
  let next = 0
  return () => {
    use(hot[next++ % HOT] as string)
    return next % HOT === 0 ? setImmediate() : undefined
  }
}

async function memory (): Promise<void> {
  const bare = new Map<string, number>()
  const [attempts, quotas] = [memoryAttempts(), memoryQuotas()]
  const local = new LocalStore(false, false, 100_000)
  const flexible = new RateLimiterMemory({ points: 1_000_000_000, duration: 60 })
  const times = await inTurns({
    'bare Map': cycling((key) => bare.set(key, (bare.get(key) ?? 0) + 1)),
    'Map that forgets': cycling(forgetful()),
    charge: cycling((key) => attempts.charge(key, LADDER)),
    spend: cycling((key) => quotas.spend(key, ALLOWANCE, 1)),
    '@fastify/rate-limit': cycling((key) => local.incr(key, () => {}, MINUTE, 1_000_000_000)),
    'rate-limiter-flexible': cycling((key) => flexible.consume(key)),
  })
  console.log('One operation in memory, 10,000 hot keys. CPU time, as a ratio to a bare Map counter; one that forgets has to know the time.')
  console.table({ memory: compared(times) })
}

/** The least that counts within a window: by a clock that nobody sets back, in place. */
function forgetful (): (key: string) => number {
  const counters = new Map<string, { count: number, until: number }>()
  return (key) => {
    const now = performance.now()
    const known = counters.get(key)
    if (known !== undefined && known.until > now) return ++known.count
    counters.set(key, { count: 1, until: now + MINUTE })
    return 1
  }
}

/** Bytes of the heap for each key, after a full collection. */
function bytesEach (fill: () => unknown): number {
  global.gc?.()
  const before = process.memoryUsage().heapUsed
  const kept = fill()
  global.gc?.()
  const after = process.memoryUsage().heapUsed
  return kept === undefined ? 0 : (after - before) / MILLION
}

function filled<T> (store: T, put: (store: T, key: string) => unknown): T {
  for (let index = 0; index < MILLION; index++) put(store, keyOf(index))
  return store
}

function keys (): void {
  if (global.gc === undefined) return console.log('Bytes for each key need --expose-gc.')
  console.log('A million keys, each used once: bytes of heap for each.')
  console.table({
    'bare Map': { bytes: bytesEach(() => filled(new Map<string, number>(), (map, key) => map.set(key, 1))).toFixed(0) },
    'memoryAttempts, room for all': { bytes: bytesEach(() => filled(memoryAttempts({ max: 4 * MILLION }), (store, key) => store.charge(key, LADDER))).toFixed(0) },
    'memoryAttempts, as it is': { bytes: bytesEach(() => filled(memoryAttempts(), (store, key) => store.charge(key, LADDER))).toFixed(0) },
    'memoryQuotas, as it is': { bytes: bytesEach(() => filled(memoryQuotas(), (store, key) => store.spend(key, ALLOWANCE, 1))).toFixed(0) },
    '@fastify/rate-limit, room for all': { bytes: bytesEach(() => filled(new LocalStore(false, false, MILLION), (store, key) => store.incr(key, () => {}, MINUTE, 5))).toFixed(0) },
  })
}

/** The longest that a store keeps the process from anything else while a million of its keys end, and twice as many come: two turns of its generations. */
async function pauses (): Promise<void> {
  const bare = () => {
    const map = new Map<string, object>()
    return (key: string) => map.set(key, { failures: 1, lockedUntil: 0, forgottenAt: map.size })
  }
  const attempts = () => {
    let now = 0
    const store = memoryAttempts({ max: 4 * MILLION, now: () => now })
    return (key: string, index: number) => {
      if (index === MILLION) now = MINUTE
      store.charge(key, { ...LADDER, window: 1000 })
    }
  }
  const table: Record<string, object> = {}
  for (const [name, make] of Object.entries({ 'bare Map, nothing forgotten': bare, memoryAttempts: attempts })) {
    const rounds: Pauses[] = []
    for (let round = 0; round < 3; round++) rounds.push(await pausesOf(make()))
    const column = (what: keyof Pauses) => shown(spreadOf(rounds.map((round) => round[what])), 1)
    table[name] = { 'longest, ms': column('all'), 'without the garbage collector': column('own'), 'CPU time, ms': column('cpu') }
  }
  console.log('The longest 256 operations while two million keys come after a million that have ended; 50 ms are allowed.')
  console.table(table)
}

interface Pauses {
  readonly all: number
  /** What the longest would be if collecting garbage took no time. */
  readonly own: number
  /** The longest by CPU time, of all threads: what others take of the cores is not in it. */
  readonly cpu: number
}

async function pausesOf (use: (key: string, index: number) => unknown): Promise<Pauses> {
  const collected: PerformanceEntry[] = []
  const observer = new PerformanceObserver((list) => collected.push(...list.getEntries()))
  for (let index = 0; index < MILLION; index++) use(keyOf(index), index)
  observer.observe({ entryTypes: ['gc'] })
  const slices: { readonly from: number, readonly to: number, readonly cpu: number }[] = []
  for (let index = MILLION; index < 3 * MILLION; index += 256) {
    const keys = Array.from({ length: 256 }, (_, next) => keyOf(index + next))
    const before = process.cpuUsage()
    const from = performance.now()
    keys.forEach((key, next) => use(key, index + next))
    const to = performance.now()
    const { user, system } = process.cpuUsage(before)
    slices.push({ from, to, cpu: (user + system) / 1000 })
  }
  await setTimeout(50)
  observer.disconnect()
  const own = slices.map(({ from, to }) => {
    const garbage = collected.filter(({ startTime }) => startTime >= from && startTime < to).reduce((sum, { duration }) => sum + duration, 0)
    return to - from - garbage
  })
  return { all: Math.max(...slices.map(({ from, to }) => to - from)), own: Math.max(...own), cpu: Math.max(...slices.map(({ cpu }) => cpu)) }
}

interface Rate {
  /** Operations a second. */
  readonly rate: number
  /** CPU time of this process for one of them, in microseconds. */
  readonly cpu: number
}

/** With so many in flight. */
async function rateOf (operation: () => Promise<unknown>, inFlight: number): Promise<Rate> {
  const count = inFlight === 1 ? 2_000 : 20_000
  let started = 0
  const before = performance.now()
  const used = process.cpuUsage()
  await Promise.all(Array.from({ length: inFlight }, async () => {
    while (started++ < count) await operation()
  }))
  const { user, system } = process.cpuUsage(used)
  return { rate: count / ((performance.now() - before) / 1000), cpu: (user + system) / count }
}

async function redis (url: string): Promise<void> {
  const [io, valkey, node] = [new Redis(url), new Valkey(url), await createClient({ url }).connect()]
  const stores = { ioredis: redisCounters({ client: io, timeout: 60_000 }), iovalkey: redisCounters({ client: valkey, timeout: 60_000 }), redis: redisCounters({ client: node as never, timeout: 60_000 }) }
  const flexible = new RateLimiterRedis({ storeClient: io, points: 1_000_000_000, duration: 60 })
  const local = new RedisStore(false, false, io, 'bench:')
  const contestants: Record<string, () => Promise<unknown>> = {
    'rate-limiter-flexible, ioredis': () => flexible.consume(hot[Math.floor(Math.random() * HOT)] as string),
    '@fastify/rate-limit, ioredis': () => new Promise((resolve) => { local.incr(hot[Math.floor(Math.random() * HOT)] as string, resolve, MINUTE, 1_000_000_000) }),
    ...Object.fromEntries(Object.entries(stores).flatMap(([name, store]) => [
      [`charge, ${name}`, () => store.charge(hot[Math.floor(Math.random() * HOT)] as string, LADDER)],
      [`spend, ${name}`, () => store.spend(hot[Math.floor(Math.random() * HOT)] as string, ALLOWANCE, 1)],
    ])),
  }
  for (const inFlight of [1, 64, 512]) {
    const found: Record<string, Rate[]> = {}
    for (let round = -1; round < ROUNDS; round++) {
      for (const [name, operation] of rotated(Object.entries(contestants), round + 1)) {
        const rate = await rateOf(operation, inFlight)
        if (round >= 0) (found[name] ??= []).push(rate)
      }
    }
    const of = (name: string, what: keyof Rate) => (found[name] as Rate[]).map((rate) => rate[what])
    const first = 'rate-limiter-flexible, ioredis'
    console.log(`Redis, ${inFlight} in flight: operations a second, CPU time of this process for one, and both as ratios to rate-limiter-flexible.`)
    console.table(Object.fromEntries(Object.keys(found).map((name) => [name, {
      'a second': Math.round(spreadOf(of(name, 'rate')).median),
      ratio: shown(ratios(of(name, 'rate'), of(first, 'rate')), 2),
      'CPU us': spreadOf(of(name, 'cpu')).median.toFixed(0),
      'CPU ratio': shown(ratios(of(name, 'cpu'), of(first, 'cpu')), 2),
    }])))
  }
  io.disconnect()
  valkey.disconnect()
  node.destroy()
}

/** Before anything is measured. */
async function mustAnswer (url: string): Promise<void> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 })
  // What is wrong is thrown as well.
  client.on('error', () => {})
  try {
    await client.connect()
    await client.ping()
  } catch (error) {
    fail(`REDIS_URL: no Redis answers at ${url}: ${(error as Error).message}`)
  } finally {
    client.disconnect()
  }
}

asked({})
const url = process.env['REDIS_URL']
if (url === undefined) console.log('Redis is not measured, because REDIS_URL is not set.')
else await mustAnswer(url)
await memory()
keys()
await pauses()
if (url !== undefined) await redis(url)
