/** A store that is slow, down, or neither this nor that: how long it is waited for, and what is told. */
import t from 'tap'
import { StoreUnavailable } from '../../lib/stores/unavailable.ts'
import { Outage } from '../../lib/throttling/outage.ts'
import { handClock } from '../stores/hand-clock.ts'

function watched (deadline = 60_000) {
  const { now, advance } = handClock()
  const told: string[] = []
  const outage = new Outage({ deadline, now, tell: (kind, cause) => told.push(kind === 'store_up' ? 'up' : `down: ${(cause as Error).message}`) })
  return { outage, advance, told }
}

const asIs = <T>(answer: T): T => answer
const never = (): Promise<never> => new Promise(() => {})

t.test('throttling 29: an answer is passed on, at once where it comes at once', async (t) => {
  const { outage, told } = watched()
  t.equal(outage.ask(() => 7, asIs), 7)
  t.equal(await outage.ask(async () => 8, asIs), 8)
  t.equal(await outage.ask(() => ({ then: (done: (value: number) => void) => { done(9) } }) as PromiseLike<number>, asIs), 9, 'of any thenable')
  t.same(told, [])
})

t.test('throttling 29: whatever goes wrong is StoreUnavailable with its cause, and told once', async (t) => {
  const { outage, told } = watched()
  const gone = new Error('gone')
  t.throws(() => outage.ask(() => { throw gone }, asIs), { code: 'FST_GATEHOUSE_STORE_UNAVAILABLE', cause: gone })
  await t.rejects(outage.ask(async () => { throw gone }, asIs) as Promise<never>, { code: 'FST_GATEHOUSE_STORE_UNAVAILABLE', cause: gone })
  t.throws(() => outage.ask(() => 'nonsense', () => { throw gone }), { code: 'FST_GATEHOUSE_STORE_UNAVAILABLE' })
  await t.rejects(outage.ask(async () => 'nonsense', () => { throw gone }) as Promise<never>, { code: 'FST_GATEHOUSE_STORE_UNAVAILABLE' })
  t.same(told, ['down: gone'])
})

t.test('throttling 29: what the store itself calls unavailable comes through as it is', async (t) => {
  const { outage } = watched()
  const error = new StoreUnavailable(new Error('gone'))
  t.throws(() => outage.ask(() => { throw error }, asIs), error)
})

t.test('throttling 29: it is well again when it has answered and not failed for a second; one that fails every other time is told of once', async (t) => {
  const { outage, advance, told } = watched()
  const fail = () => t.throws(() => outage.ask(() => { throw new Error('gone') }, asIs))
  for (let round = 0; round < 5; round++) {
    fail()
    outage.ask(() => 1, asIs)
    advance(500)
  }
  t.same(told, ['down: gone'])
  advance(500)
  outage.ask(() => 1, asIs)
  outage.ask(() => 1, asIs)
  t.same(told, ['down: gone', 'up'])
  fail()
  t.same(told, ['down: gone', 'up', 'down: gone'])
})

t.test('throttling 30: a silent store is waited for once, then left alone for a second, and then asked by one request', async (t) => {
  const { outage, advance, told } = watched(1)
  await t.rejects(outage.ask(never, asIs) as Promise<never>, { cause: { message: 'the store did not answer within 1 ms' } })
  t.same(told, ['down: the store did not answer within 1 ms'])
  let asked = 0
  const count = (): number => ++asked
  t.throws(() => outage.ask(count, asIs), { cause: { message: /left alone/ } })
  advance(999)
  t.throws(() => outage.ask(count, asIs), { cause: { message: /left alone/ } })
  advance(1)
  let answer: (value: number) => void = () => {}
  const probe = outage.ask(() => new Promise<number>((resolve) => { answer = resolve }), asIs)
  t.throws(() => outage.ask(count, asIs), { cause: { message: /left alone/ } }, 'the others do not wait for it')
  answer(1)
  t.equal(await probe, 1)
  t.equal(outage.ask(count, asIs), 1, 'it is back')
  t.same(told.at(-1), 'up')
})

t.test('throttling 30: an answer that lay unread while the process was busy is not late', async (t) => {
  const { outage, told } = watched(1)
  const answer = new Promise<number>((resolve) => {
    setImmediate(() => {
      const end = performance.now() + 20
      while (performance.now() < end);
      resolve(7)
    })
  })
  t.equal(await outage.ask(() => answer, asIs), 7)
  t.same(told, [])
})

t.test('throttling 30: a store whose own time is up first was silent too, and is left alone', async (t) => {
  const { outage, advance, told } = watched()
  let asked = 0
  const ask = () => outage.ask(async () => { asked++; throw new StoreUnavailable(new Error('Redis did not answer'), true) }, asIs)
  await t.rejects(ask() as Promise<never>, { code: 'FST_GATEHOUSE_STORE_UNAVAILABLE' })
  for (let again = 0; again < 5; again++) t.throws(ask, { code: 'FST_GATEHOUSE_STORE_UNAVAILABLE' })
  t.equal(asked, 1)
  advance(1000)
  await t.rejects(ask() as Promise<never>)
  t.throws(ask)
  t.same([asked, told.length], [2, 1])
})

t.test('law 7: what is told of an error of Redis has not the command, whose arguments may be a password', async (t) => {
  const error = Object.assign(new Error('ERR invalid password'), { command: { name: 'auth', args: ['the-redis-password'] } })
  t.notMatch(JSON.stringify(Object.getOwnPropertyDescriptors(new StoreUnavailable(error).cause as object)), /the-redis-password/)
  t.equal(new StoreUnavailable('gone').cause, 'gone')
})
