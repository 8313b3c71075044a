/** Guessing is slowed down, and nobody else is. */
import { once } from 'node:events'
import { createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import fc from 'fast-check'
import t from 'tap'
import type { AttemptStore } from '../../lib/stores/counters.ts'
import { memoryAttempts } from '../../lib/stores/memory.ts'
import { StoreUnavailable } from '../../lib/stores/unavailable.ts'
import { createThrottle, type Guarded, type Throttle, type ThrottleOptions } from '../../lib/throttling/throttle.ts'
import type { AttemptEvent } from '../../lib/reporting/throttle-event.ts'
import { handClock } from '../stores/hand-clock.ts'

const ALICE = 'alice@example.com'
const HOME = { ip: '192.0.2.1' }
const AWAY = { ip: '198.51.100.7' }
const SECONDS = 1_000

interface Bench {
  readonly throttle: Throttle
  readonly events: AttemptEvent[]
  readonly advance: (milliseconds: number) => void
  /** How often a password was checked. */
  readonly checks: () => number
  readonly attempt: (password: string, account?: string, client?: { ip: string }) => Promise<Guarded<boolean>>
  readonly wrong: (account?: string, client?: { ip: string }) => Promise<Guarded<boolean>>
  readonly right: (account?: string, client?: { ip: string }) => Promise<Guarded<boolean>>
}

/** A throttle in front of a password check that takes a turn of the event loop. The password is `right`. */
function bench (options: ThrottleOptions = {}): Bench {
  const { now, advance } = handClock()
  const events: AttemptEvent[] = []
  const throttle = createThrottle({ ...(options.store === undefined ? { now } : { secret: 'of all processes here' }), onEvent: (event) => events.push(event as AttemptEvent), ...options })
  let checks = 0
  const attempt: Bench['attempt'] = (password, account = ALICE, client = HOME) => throttle.guard(client, account, async () => {
    checks += 1
    await new Promise(setImmediate)
    return password === 'right'
  }, (ok) => !ok)
  return {
    throttle,
    events,
    advance,
    checks: () => checks,
    attempt,
    wrong: (account, client) => attempt('wrong', account, client),
    right: (account, client) => attempt('right', account, client),
  }
}

function times<T> (count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index))
}

const ADMITTED_WRONG = { kind: 'admitted', value: false }
const ADMITTED_RIGHT = { kind: 'admitted', value: true }

t.test('an attempt on no account in particular counts against its network only', async (t) => {
  const throttle = createThrottle({ address: { free: 2 } })
  for (const expected of ['admitted', 'admitted', 'denied']) {
    t.equal((await throttle.guard({ ip: '192.0.2.1' }, null, () => false, (right) => !right)).kind, expected)
  }
  t.equal((await throttle.guard({ ip: '192.0.2.2' }, null, () => false, (right) => !right)).kind, 'admitted', 'and locks nobody else out')
})

t.test('throttling 1: of 200 parallel wrong guesses for one account 5 are checked', async (t) => {
  const { wrong, checks } = bench({ address: false })
  const answers = await Promise.all(times(200, () => wrong()))
  t.equal(checks(), 5)
  t.equal(answers.filter(({ kind }) => kind === 'denied').length, 195)
})

t.test('throttling 1: also when every guess comes from another address', async (t) => {
  const { wrong, checks } = bench()
  await Promise.all(times(200, (index) => wrong(ALICE, { ip: `192.0.2.${index}` })))
  t.equal(checks(), 5)
})

t.test('throttling 2: of 200 parallel guesses for as many accounts from one address 20 are checked', async (t) => {
  const { wrong, checks } = bench()
  const answers = await Promise.all(times(200, (index) => wrong(`user ${index}`)))
  t.equal(checks(), 20)
  t.equal(answers.filter((answer) => answer.kind === 'denied' && answer.dimension === 'address').length, 180)
})

t.test('throttling 2: a /64 is one address, however many of its addresses are used', async (t) => {
  const { wrong, checks } = bench()
  await Promise.all(times(200, (index) => wrong(`user ${index}`, { ip: `2001:db8::${index + 1}` })))
  t.equal(checks(), 20)
})

t.test('throttling 3: after the free guesses one guess on each rung, and each lock doubles up to the cap', async (t) => {
  const { wrong, checks, advance } = bench()
  for (let guess = 1; guess <= 5; guess++) t.same(await wrong(), ADMITTED_WRONG)
  for (const lock of [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]) {
    t.same(await wrong(ALICE, AWAY), { kind: 'denied', retryAfter: lock, dimension: 'account' })
    advance(lock * SECONDS)
    t.same(await wrong(ALICE, AWAY), ADMITTED_WRONG)
  }
  t.equal(checks(), 18)
})

t.test('throttling 4: 1000 tries during a lock change nothing', async (t) => {
  const { wrong, throttle, advance } = bench()
  for (let guess = 1; guess <= 6; guess++) await wrong()
  const before = await throttle.status({ account: ALICE, ip: HOME.ip })
  for (let guess = 1; guess <= 1_000; guess++) await wrong()
  t.same(await throttle.status({ account: ALICE, ip: HOME.ip }), before)
  t.same(before, { account: { failures: 5, retryAfter: 1 }, address: { failures: 5, retryAfter: 0 } })
  advance(1 * SECONDS)
  t.same(await wrong(), ADMITTED_WRONG)
})

t.test('throttling 6, law 9: during a lock the right password is refused too, and not checked', async (t) => {
  const { wrong, right, checks } = bench()
  for (let guess = 1; guess <= 5; guess++) await wrong()
  t.same(await right(), { kind: 'denied', retryAfter: 1, dimension: 'account' })
  t.equal(checks(), 5)
})

t.test('throttling 7: a right password forgets the failures of the account', async (t) => {
  const { wrong, right, throttle } = bench()
  for (let guess = 1; guess <= 4; guess++) await wrong()
  t.same(await right(), ADMITTED_RIGHT)
  t.equal((await throttle.status({ account: ALICE })).account, null)
  await wrong()
  t.same((await throttle.status({ account: ALICE })).account, { failures: 1, retryAfter: 0 })
})

t.test('throttling 8: a right password takes its own charge off the address, and no other', async (t) => {
  const { wrong, right, throttle } = bench()
  for (let guess = 1; guess <= 3; guess++) await wrong(`user ${guess}`)
  await right()
  t.same((await throttle.status({ ip: HOME.ip })).address, { failures: 3, retryAfter: 0 })
})

t.test('throttling 8: signing in to one\'s own account in between does not keep a spray alive', async (t) => {
  const { wrong, right } = bench()
  let checked = 0
  for (let guess = 1; guess <= 40; guess++) {
    if ((await wrong(`user ${guess}`)).kind === 'admitted') checked += 1
    await right('mallory')
  }
  t.equal(checked, 20)
})

t.test('throttling 9: a check that throws is no attempt, and its error comes through', async (t) => {
  const { throttle, wrong } = bench()
  const down = new Error('the user store is down')
  const failing = [
    () => { throw down },
    async () => { throw down },
  ]
  await wrong()
  for (const verify of failing) {
    await t.rejects(throttle.guard(HOME, ALICE, verify, () => true), down)
    t.same(await throttle.status({ account: ALICE, ip: HOME.ip }), { account: { failures: 1, retryAfter: 0 }, address: { failures: 1, retryAfter: 0 } })
  }
  await t.rejects(throttle.guard(HOME, ALICE, () => true, () => { throw down }), down)
  t.match(await throttle.status({ account: ALICE, ip: HOME.ip }), { account: { failures: 1 }, address: { failures: 1 } }, 'nor is one whose outcome cannot be told')
})

t.test('throttling 10: an attempt that never ends stays counted, and its lock ends all the same', async (t) => {
  const { throttle, wrong, advance } = bench()
  for (let guess = 1; guess <= 5; guess++) throttle.guard(HOME, ALICE, () => new Promise<boolean>(() => {}), (ok) => !ok)
  await new Promise(setImmediate)
  t.same(await wrong(), { kind: 'denied', retryAfter: 1, dimension: 'account' })
  advance(1 * SECONDS)
  t.same(await wrong(), ADMITTED_WRONG)
  advance((24 * 3600 + 2) * SECONDS)
  t.same(await throttle.status({ account: ALICE, ip: HOME.ip }), { account: null, address: null }, 'a day after the lock of 2 s')
})

t.test('throttling 11: a client that hangs up before the answer has used up its guess', async (t) => {
  const { throttle } = bench()
  let answer = (): void => {}
  const checking = new Promise<void>((resolve) => { answer = resolve })
  const server = createServer((_request, response) => {
    throttle.guard(HOME, ALICE, () => checking.then(() => false), (ok) => !ok).then(() => response.end(), () => response.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())

  const client = httpRequest({ port: (server.address() as AddressInfo).port, method: 'POST' })
  client.on('error', () => {})
  client.end()
  const [, response] = await once(server, 'request')
  client.destroy()
  await once(response, 'close')
  answer()
  await new Promise(setImmediate)
  t.match((await throttle.status({ account: ALICE })).account, { failures: 1 })
})

t.test('throttling 12: a success after the address is forgotten makes no credit', async (t) => {
  const { throttle, advance, wrong } = bench()
  await throttle.guard(HOME, ALICE, () => { advance(3600 * SECONDS); return true }, (ok) => !ok)
  t.equal((await throttle.status({ ip: HOME.ip })).address, null)
  await wrong()
  t.match(await throttle.status({ ip: HOME.ip }), { address: { failures: 1 } })
})

t.test('throttling 13: a denial by the account costs the address nothing', async (t) => {
  const { wrong, throttle } = bench()
  for (let guess = 1; guess <= 5; guess++) await wrong(ALICE, AWAY)
  t.match(await wrong(ALICE, HOME), { kind: 'denied', dimension: 'account' })
  t.equal((await throttle.status({ ip: HOME.ip })).address, null)
})

t.test('throttling 13: an attempt that the address denies never touches the account', async (t) => {
  const touched: string[] = []
  const { wrong } = bench({ store: spied(memoryAttempts(), (_operation, key) => touched.push(key)) })
  for (let guess = 1; guess <= 20; guess++) await wrong(`user ${guess}`)
  touched.length = 0
  t.match(await wrong(ALICE), { kind: 'denied', dimension: 'address' })
  t.equal(touched.length, 1)
  t.match(touched[0], /:address:/)
})

t.test('throttling 17: spellings of one name share their guesses', async (t) => {
  const { wrong, checks } = bench()
  for (const spelling of ['alice', 'ALICE', ' alice ', 'ａｌｉｃｅ', 'Alice', 'aLICE', 'alice\n']) await wrong(spelling)
  t.equal(checks(), 5)
})

t.test('throttling 17: the application can say what is one name', async (t) => {
  const { throttle, wrong, checks } = bench({ canonical: (account) => account.replace(/\+.*@/, '@') })
  for (let tag = 1; tag <= 10; tag++) await wrong(`bob+${tag}@example.com`)
  t.equal(checks(), 5)
  await wrong('BOB@example.com')
  t.match((await throttle.status({ account: 'BOB@example.com' })).account, { failures: 1 }, 'and nothing else is one')
})

t.test('throttling 17, law 10: a canonical form that throws, or is none, lets nothing through, and counts nothing', async (t) => {
  const broken = new Error('no form')
  for (const canonical of [() => { throw broken }, () => undefined, async () => 'late'] as never[]) {
    const { right, checks, throttle } = bench({ canonical })
    await t.rejects(right(), { code: 'FST_GATEHOUSE_STORE_UNAVAILABLE' })
    t.equal(checks(), 0)
    t.equal((await throttle.status({ ip: HOME.ip })).address, null)
  }
})

t.test('throttling 18, law 7: whatever the name, keys have one shape, and neither name nor address is in a key or an event', async (t) => {
  const keys: string[] = []
  const { wrong, events } = bench({ store: spied(memoryAttempts(), (_operation, key) => keys.push(key)) })
  for (const name of ['hunter2', 'x'.repeat(10_240), 'a\r\nb', 'a:b', 'a\0b', '', '\ud800', '__proto__']) {
    for (let guess = 1; guess <= 6; guess++) await wrong(name, { ip: `203.0.113.${guess}` })
  }
  t.ok(keys.every((key) => /^sign-in:(address|account):[\w-]{43}$/.test(key)), 'one shape', { keys })
  t.equal(new Set(keys.filter((key) => key.includes(':account:'))).size, 8, 'names are kept apart')
  t.notMatch(JSON.stringify([keys, events]), /hunter2|xxxxxxxx|203\.0\.113/)
})

t.test('throttling 18: any two names are two keys', async () => {
  await fc.assert(fc.asyncProperty(fc.uniqueArray(fc.string(), { minLength: 2, maxLength: 2 }), async ([one = '', other = '']) => {
    const { wrong, throttle } = bench({ canonical: (account) => account })
    await wrong(one)
    return (await throttle.status({ account: other })).account === null
  }))
})

t.test('throttling 18: what is no name at all is throttled as one', async (t) => {
  const { wrong, checks } = bench()
  for (const account of [7n, 5, {}, [], ['alice'], { toString: 5 }, true]) await wrong(account as never)
  t.equal(checks(), 5)
})

t.test('throttling 19: an address that is none counts as the socket\'s', async (t) => {
  const { throttle } = bench()
  await throttle.guard({ ip: 'evil', socketAddress: HOME.ip }, ALICE, () => false, (ok) => !ok)
  await throttle.guard({ ip: undefined, socketAddress: undefined }, ALICE, () => false, (ok) => !ok)
  t.match(await throttle.status({ ip: HOME.ip }), { address: { failures: 1 } })
})

t.test('throttling 22: a denial by the address and one by the account have the same shape', async (t) => {
  const { wrong } = bench({ address: { free: 5 } })
  for (let guess = 1; guess <= 5; guess++) await wrong(ALICE, { ip: `198.51.100.${guess}` })
  for (let guess = 1; guess <= 5; guess++) await wrong(`user ${guess}`, HOME)
  t.same(await wrong(ALICE, AWAY), { kind: 'denied', retryAfter: 1, dimension: 'account' })
  t.same(await wrong('bob', HOME), { kind: 'denied', retryAfter: 1, dimension: 'address' })
})

t.test('law 9: retryAfter is whole seconds, at least 1, and never too early', async () => {
  await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 100_000 }), fc.nat(), async (lock, some) => {
    const { wrong, advance } = bench({ account: { free: 1, base: lock / 1_000, cap: 100 } })
    await wrong()
    advance(some % lock)
    const answer = await wrong()
    if (answer.kind === 'admitted') return false
    advance(answer.retryAfter * SECONDS)
    return Number.isSafeInteger(answer.retryAfter) && answer.retryAfter >= 1 && (await wrong()).kind === 'admitted'
  }))
})

t.test('law 9: a lock that ends at this very moment is announced as a second', async (t) => {
  for (const retryAfter of [0, 0.2, -5]) {
    const { wrong } = bench({ store: { ...memoryAttempts(), charge: () => ({ admitted: false, failures: 5, retryAfter }) } })
    t.match(await wrong(), { kind: 'denied', retryAfter: 1 })
  }
})

t.test('throttling 1: without a listener, on the clock of the machine, the sixth guess is denied', async (t) => {
  const throttle = createThrottle({ account: { base: 600 } })
  const guess = () => throttle.guard(HOME, ALICE, () => false, (ok) => !ok)
  for (let count = 1; count <= 5; count++) t.same(await guess(), ADMITTED_WRONG)
  t.match(await guess(), { kind: 'denied', dimension: 'account' })
})

t.test('throttling 36: a failure, the lock that it sets and a denial are reported', async (t) => {
  const { wrong, events, right } = bench({ account: { free: 2, base: 1.5 } })
  await right()
  t.same(events, [], 'a success is not')
  await wrong()
  await wrong()
  await wrong()
  const account = { throttle: 'sign-in', dimension: 'account', key: events[1]?.key }
  const address = { throttle: 'sign-in', dimension: 'address', key: events[0]?.key }
  t.same(events, [
    { kind: 'failure', ...address, failures: 1, retryAfter: 0 },
    { kind: 'failure', ...account, failures: 1, retryAfter: 0 },
    { kind: 'failure', ...address, failures: 2, retryAfter: 0 },
    { kind: 'failure', ...account, failures: 2, retryAfter: 0 },
    { kind: 'locked', ...account, failures: 2, retryAfter: 2 },
    { kind: 'denied', ...account, failures: 2, retryAfter: 2 },
  ])
})

t.test('throttling 36: a listener that throws or rejects changes nothing', async (t) => {
  for (const onEvent of [() => { throw new Error('disk full') }, async () => { throw new Error('disk full') }]) {
    const { wrong } = bench({ onEvent })
    for (let guess = 1; guess <= 5; guess++) t.same(await wrong(), ADMITTED_WRONG)
    t.match(await wrong(), { kind: 'denied' })
  }
})

t.test('throttling 36: unlock frees an account, an address, or both', async (t) => {
  const { wrong, right, throttle } = bench({ address: { free: 5 } })
  const lock = async () => { for (let guess = 1; guess <= 6; guess++) await wrong() }
  await lock()
  await throttle.unlock({ account: 'Alice@Example.com' })
  t.match(await right(), { kind: 'denied', dimension: 'address' })
  await throttle.unlock({ ip: `::ffff:${HOME.ip}` })
  t.same(await right(), ADMITTED_RIGHT)
  await lock()
  await throttle.unlock({ account: ALICE, ip: HOME.ip })
  t.same(await right(), ADMITTED_RIGHT)
})

t.test('throttling 36: status and unlock of nobody are refused', async (t) => {
  const { throttle } = bench()
  await t.rejects(throttle.unlock({} as never), { code: 'FST_GATEHOUSE_OPTION', message: /neither account nor ip/ })
  await t.rejects(throttle.status({ acount: ALICE } as never), { code: 'FST_GATEHOUSE_OPTION', message: /Did you mean "account"/ })
})

t.test('a dimension that is switched off is not counted', async (t) => {
  const address = bench({ account: false })
  for (let guess = 1; guess <= 20; guess++) t.same(await address.wrong(), ADMITTED_WRONG)
  t.match(await address.wrong(), { kind: 'denied', dimension: 'address' })
  t.equal((await address.throttle.status({ account: ALICE })).account, null)

  const account = bench({ address: false })
  for (let guess = 1; guess <= 50; guess++) t.same(await account.wrong(`user ${guess}`), ADMITTED_WRONG)
  t.equal((await account.throttle.status({ ip: HOME.ip })).address, null)
})

t.test('a check whose outcome is not said to be good counts as a failure', async (t) => {
  const { throttle } = bench()
  await throttle.guard(HOME, ALICE, () => false, () => undefined as never)
  t.match((await throttle.status({ account: ALICE })).account, { failures: 1 })
})

t.test('throttling 37: throttles with two names count apart on one store, and a success clears only its own', async (t) => {
  const store = memoryAttempts()
  const secret = 'sixteen bytes or more'
  const password = bench({ store, secret, name: 'password' })
  const otp = bench({ store, secret, name: 'otp' })
  for (let guess = 1; guess <= 4; guess++) {
    await password.wrong()
    await otp.wrong()
  }
  await password.right()
  t.match(await otp.throttle.status({ account: ALICE, ip: HOME.ip }), { account: { failures: 4 }, address: { failures: 4 } })
  t.equal((await password.throttle.status({ account: ALICE })).account, null)
})

t.test('processes that share a store and a secret share their counters, those with secrets of their own do not', async (t) => {
  const store = memoryAttempts()
  const secret = Buffer.alloc(32, 'shared')
  await bench({ store, secret }).wrong()
  t.match((await bench({ store, secret }).throttle.status({ account: ALICE })).account, { failures: 1 })
  t.equal((await bench({ store, secret: Buffer.alloc(32, 'another') }).throttle.status({ account: ALICE })).account, null)
})

t.test('throttling 32: when locks fill the memory, strangers are denied and it is reported once', async (t) => {
  const { wrong, events } = bench({ account: false, address: { free: 1, base: 60, cap: 60 }, max: 100 })
  const from = (index: number) => wrong(ALICE, { ip: `10.0.0.${index}` })
  for (let index = 0; index < 100; index++) t.same(await from(index), ADMITTED_WRONG)
  events.length = 0
  t.same(await from(100), { kind: 'denied', retryAfter: 60, dimension: 'address' })
  t.same(await from(101), { kind: 'denied', retryAfter: 60, dimension: 'address' })
  t.match(events, [
    { kind: 'overflow', dimension: 'address', key: /^sign-in:address:/, failures: 0, retryAfter: 60 },
    { kind: 'denied', failures: 0 },
    { kind: 'denied', failures: 0 },
  ])
  t.equal(events.length, 3)
})

t.test('law 10: a store that cannot answer is no denial and no success, and the check does not run', async (t) => {
  const cause = new Error('connection refused')
  for (const fail of [() => { throw cause }, async () => { throw cause }]) {
    for (const dimension of ['address', 'account']) {
      const { right, checks, throttle } = bench({ onStoreError: 'refuse', store: spied(memoryAttempts(), (operation, key) => operation === 'charge' && key.includes(dimension) ? fail() : undefined) })
      await t.rejects(right(), { name: 'StoreUnavailable', code: 'FST_GATEHOUSE_STORE_UNAVAILABLE', message: 'A store could not answer', cause })
      t.equal(checks(), 0)
      t.same(await throttle.status({ account: ALICE, ip: HOME.ip }), { account: null, address: null }, `nothing stays counted when the ${dimension} fails`)
    }
  }
})

t.test('law 10: an answer that is none is no admission', async (t) => {
  for (const nonsense of [undefined, null, {}, true, { admitted: 1, failures: 1, retryAfter: 0 }, { admitted: true, failures: NaN, retryAfter: 0 }, { admitted: false, failures: 1, retryAfter: Infinity }]) {
    const { right, checks } = bench({ onStoreError: 'refuse', store: { ...memoryAttempts(), charge: () => nonsense as never } })
    await t.rejects(right(), StoreUnavailable)
    t.equal(checks(), 0)
  }
})

t.test('law 10: a store that fails afterwards withholds what the check found', async (t) => {
  for (const failing of ['reset', 'refund']) {
    const { right } = bench({ onStoreError: 'refuse', store: spied(memoryAttempts(), (operation) => { if (operation === failing) throw new Error('gone') }) })
    await t.rejects(right(), StoreUnavailable, failing)
  }
})

t.test('law 10: a refund that fails at a denial is the store\'s error too', async (t) => {
  const { wrong } = bench({ onStoreError: 'refuse', store: spied(memoryAttempts(), (operation) => { if (operation === 'refund') throw new Error('gone') }) })
  for (let guess = 1; guess <= 5; guess++) t.same(await wrong(), ADMITTED_WRONG)
  await t.rejects(wrong(), StoreUnavailable)
})

t.test('the error of the check is not replaced by one of the store', async (t) => {
  const down = new Error('the user store is down')
  const { throttle } = bench({ onStoreError: 'refuse', store: spied(memoryAttempts(), (operation) => { if (operation === 'refund') throw new Error('gone') }) })
  await t.rejects(throttle.guard(HOME, ALICE, () => { throw down }, () => true), down)
})

t.test('status and unlock say so when the store cannot answer; a store may answer nothing with undefined', async (t) => {
  const { throttle } = bench({ onStoreError: 'refuse', store: spied(memoryAttempts(), () => { throw new Error('gone') }) })
  await t.rejects(throttle.status({ account: ALICE }), StoreUnavailable)
  await t.rejects(throttle.unlock({ account: ALICE }), StoreUnavailable)
  const { throttle: other } = bench({ store: { ...memoryAttempts(), status: () => undefined as never } })
  t.equal((await other.status({ account: ALICE })).account, null)
})

/** The store, with `before` called in front of every operation. */
t.test('throttling 35: who signed in on this device still gets in while strangers lock the account; a stranger with another cookie does not', async (t) => {
  const { now, advance } = handClock()
  const throttle = createThrottle({ now, address: false, device: { ladder: { free: 2 } } })
  let checks = 0
  const attempt = (right: boolean, cookies?: string) => throttle.guard({ ip: HOME.ip, cookies, secure: true }, ALICE, () => { checks++; return right }, (ok) => !ok)
  const first = await attempt(true)
  const cookie = (first as { cookie?: string }).cookie?.split(';', 1)[0]
  t.match((first as { cookie?: string }).cookie, /; Secure$/)
  for (let guess = 0; guess < 9; guess++) await attempt(false)
  t.match(await attempt(true), { kind: 'denied', dimension: 'account' })
  t.match(await attempt(true, `${cookie}x`), { kind: 'denied', dimension: 'account' })
  const before = checks
  t.same(await attempt(true, cookie), { kind: 'admitted', value: true }, 'and needs no other cookie')
  t.equal(checks, before + 1)
  t.same(await attempt(false, cookie), { kind: 'admitted', value: false })
  t.same(await attempt(false, cookie), { kind: 'admitted', value: false })
  t.match(await attempt(true, cookie), { kind: 'denied', dimension: 'device' }, 'each cookie has its own lock')
  t.match(await attempt(true), { kind: 'denied', dimension: 'account' }, 'what happens on the device leaves strangers out')
  advance(1_000)
  t.same(await attempt(true, cookie), { kind: 'admitted', value: true })
  t.same(await attempt(false, cookie), { kind: 'admitted', value: false })
  t.same(await attempt(false, cookie), { kind: 'admitted', value: false }, 'a right secret forgets the failures of the device')
})

t.test('without an account there is no device', async (t) => {
  const throttle = createThrottle({ device: {} })
  t.same(await throttle.guard(HOME, null, () => true, () => false), { kind: 'admitted', value: true })
})

t.test('throttling 36: a hundred failures in a row are reported once, of the account and not of the network', async (t) => {
  const { wrong, events, advance, right } = bench({ address: { free: 1000 }, account: { free: 1, base: 1, cap: 1 }, hardStop: 100 })
  for (let count = 0; count < 102; count++) {
    await wrong()
    advance(1_000)
  }
  const stops = events.filter(({ kind }) => kind === 'hard_stop')
  t.match(stops, [{ dimension: 'account', failures: 100, retryAfter: 1 }])
  t.equal(stops.length, 1)
  await right()
  const never = bench({ hardStop: false, account: { free: 200 }, address: false })
  for (let count = 0; count < 120; count++) await never.wrong()
  t.notOk(never.events.some(({ kind }) => kind === 'hard_stop'))
  const early = bench({ hardStop: 2, address: false })
  await early.wrong()
  await early.wrong()
  t.match(early.events.at(-1), { kind: 'hard_stop', retryAfter: 0 }, 'a failure that sets no lock')
})

t.test('throttling 29: while the store is down it is counted in memory with half of the free failures, and a lock of that time holds', async (t) => {
  let isDown = true
  const sound = memoryAttempts()
  const { wrong, right, checks, throttle, events } = bench({ store: spied(sound, () => { if (isDown) throw new Error('gone') }), address: false, account: { base: 600 } })
  for (let guess = 0; guess < 2; guess++) t.same(await wrong(), ADMITTED_WRONG)
  t.match(await wrong(), { kind: 'denied', dimension: 'account' })
  t.equal(checks(), 2)
  t.match(await throttle.status({ account: ALICE }), { account: { failures: 2 } })
  isDown = false
  t.match(await right(), { kind: 'denied' }, 'the store is back, and knows nothing of it')
  t.match(await throttle.status({ account: ALICE }), { account: { failures: 2 } })
  await throttle.unlock({ account: ALICE })
  t.same(await right(), ADMITTED_RIGHT)
  t.equal(events.filter(({ kind }) => kind as string === 'store_down').length, 1)
})

t.test('throttling 29: what was charged is settled where it was charged; what cannot be taken back stays counted', async (t) => {
  let isDown = false
  const sound = memoryAttempts()
  const store = spied(sound, () => { if (isDown) throw new Error('gone') })
  const throttle = createThrottle({ store, secret: 'of all processes here', account: { free: 9 } })
  const guess = (during: () => void, right: boolean) => throttle.guard(HOME, ALICE, () => { during(); return right }, (ok) => !ok)
  t.same(await guess(() => { isDown = true }, true), ADMITTED_RIGHT, 'right is right, though it cannot be taken back')
  isDown = false
  t.match(await throttle.status({ account: ALICE, ip: HOME.ip }), { account: { failures: 1 }, address: { failures: 1 } })
  isDown = true
  t.same(await guess(() => {}, true), ADMITTED_RIGHT, 'charged and settled in memory')
  t.match(await throttle.status({ account: ALICE, ip: HOME.ip }), { account: null, address: null })
  await t.rejects(throttle.guard(HOME, ALICE, () => { throw new Error('no database') }, () => false), { message: 'no database' })
  t.match(await throttle.status({ account: ALICE, ip: HOME.ip }), { account: null, address: null }, 'what was no attempt stays counted nowhere')
})

t.test('throttling 29: of the store and the memory the worse is told', async (t) => {
  let isDown = false
  const sound = memoryAttempts()
  const { wrong, throttle } = bench({ store: spied(sound, () => { if (isDown) throw new Error('gone') }), address: false })
  for (let guess = 0; guess < 3; guess++) await wrong()
  isDown = true
  await wrong()
  isDown = false
  t.match(await throttle.status({ account: ALICE }), { account: { failures: 3, retryAfter: 0 } })
})

function spied (store: AttemptStore, before: (operation: string, key: string) => unknown): AttemptStore {
  return {
    async charge (key, ladder) { await before('charge', key); return store.charge(key, ladder) },
    async refund (key) { await before('refund', key); return store.refund(key) },
    async reset (key) { await before('reset', key); return store.reset(key) },
    async status (key) { await before('status', key); return store.status(key) },
  }
}
