/** What every store of failed attempts answers, step by step: the same for memory and for any other. */
import type { Test } from 'tap'
import type { AttemptStore, Ladder } from '../../lib/stores/counters.ts'

/** An empty store under test. `wait` lets time pass, by hand or really; `slack` is how many milliseconds a step may take beside that. */
export interface StoreUnderTest {
  readonly store: AttemptStore
  readonly wait: (milliseconds: number) => void | Promise<void>
  readonly slack: number
}

export type MakeStore = (t: Test) => StoreUnderTest | Promise<StoreUnderTest>

const DAY = 86_400_000
const LADDER: Ladder = { free: 3, base: 200, cap: 500, window: 60_000 }

export async function attemptsTranscript (t: Test, makeStore: MakeStore): Promise<void> {
  async function run (t: Test): Promise<Steps> {
    return steps(t, await makeStore(t))
  }

  await t.test('throttling 3: locks follow base, 2 base, 4 base, stop at the cap, with one guess on each rung', async (t) => {
    const { admitted, denied, wait } = await run(t)
    for (const failures of [1, 2, 3]) await admitted('k', LADDER, failures)
    for (const [failures, lock] of [[3, 200], [4, 400], [5, 500], [6, 500]] as const) {
      await denied('k', LADDER, failures, lock)
      await wait(lock)
      await admitted('k', LADDER, failures + 1)
    }
  })

  await t.test('throttling 3: with one free failure the first one locks', async (t) => {
    const { admitted, denied } = await run(t)
    await admitted('k', { ...LADDER, free: 1 }, 1)
    await denied('k', { ...LADDER, free: 1 }, 1, 200)
  })

  await t.test('throttling 4: tries during a lock neither lengthen it nor count', async (t) => {
    const { admitted, denied, wait, state, store } = await run(t)
    const ladder = { ...LADDER, base: 2_000, cap: 2_000 }
    for (const failures of [1, 2, 3]) await admitted('k', ladder, failures)
    for (let tries = 0; tries < 1000; tries++) await store.charge('k', ladder)
    await state('k', 3, 2_000)
    await wait(2_000)
    await admitted('k', ladder, 4)
    await denied('k', ladder, 4, 2_000)
  })

  await t.test('throttling 1: of 200 parallel charges exactly the free ones are admitted', async (t) => {
    const { store } = await run(t)
    const ladder = { free: 5, base: 10_000, cap: 10_000, window: 10_000 }
    const charges = await Promise.all(Array.from({ length: 200 }, () => store.charge('k', ladder)))
    const numbers = charges.filter((charge) => charge.admitted).map((charge) => charge.failures)
    t.same(numbers.sort(), [1, 2, 3, 4, 5])
  })

  await t.test('throttling 9: a refund takes one failure back, and the lock with it once a free failure is left', async (t) => {
    const { admitted, denied, state, store } = await run(t)
    for (const failures of [1, 2, 3]) await admitted('k', LADDER, failures)
    await denied('k', LADDER, 3, 200)
    await store.refund('k')
    await state('k', 2, 0)
    await admitted('k', LADDER, 3)
    await denied('k', LADDER, 3, 200)
  })

  await t.test('throttling 8: a refund beyond the free failures takes back the lock that its charge set, and no failure more', async (t) => {
    const { admitted, denied, wait, store } = await run(t)
    for (const failures of [1, 2, 3]) await admitted('k', LADDER, failures)
    await wait(200)
    await admitted('k', LADDER, 4)
    await store.refund('k')
    await admitted('k', LADDER, 4)
    await denied('k', LADDER, 4, 400)
  })

  await t.test('throttling 12: a refund of the last failure forgets the key; one more makes no credit', async (t) => {
    const { admitted, unknown, store } = await run(t)
    await admitted('k', LADDER, 1)
    await store.refund('k')
    await unknown('k')
    await store.refund('k')
    await store.refund('never seen')
    await unknown('k')
    await unknown('never seen')
    await admitted('k', LADDER, 1)
  })

  await t.test('throttling 12: a refund after the failures are forgotten creates no key', async (t) => {
    const { admitted, unknown, wait, store } = await run(t)
    const ladder = { ...LADDER, window: 100 }
    await admitted('k', ladder, 1)
    await wait(100)
    await store.refund('k')
    await unknown('k')
    await admitted('k', ladder, 1)
  })

  await t.test('throttling 7: a reset forgets failures and lock', async (t) => {
    const { admitted, unknown, store } = await run(t)
    for (const failures of [1, 2, 3]) await admitted('k', LADDER, failures)
    await store.reset('k')
    await store.reset('never seen')
    await unknown('k')
    await admitted('k', LADDER, 1)
  })

  await t.test('throttling 14: failures are forgotten after the window, and each new one begins it anew', async (t) => {
    const { admitted, unknown, wait } = await run(t)
    const ladder = { ...LADDER, free: 9, window: 300 }
    await admitted('k', ladder, 1)
    await wait(200)
    await admitted('k', ladder, 2)
    await wait(200)
    await admitted('k', ladder, 3)
    await wait(300)
    await unknown('k')
    await admitted('k', ladder, 1)
  })

  await t.test('throttling 14: a lock that is longer than the window lasts to its end, and the window begins there', async (t) => {
    const { admitted, unknown, wait, denied } = await run(t)
    const ladder = { free: 1, base: 600, cap: 600, window: 1 }
    await admitted('k', ladder, 1)
    await wait(300)
    await denied('k', ladder, 1, 300)
    await wait(300)
    await wait(1)
    await unknown('k')
  })

  await t.test('throttling 14: locks of a month and of ten years neither end at once nor last for ever', async (t) => {
    const { admitted, state } = await run(t)
    for (const lock of [30 * DAY, 3653 * DAY]) {
      await admitted(`${lock}`, { free: 1, base: lock, cap: lock, window: 1_000 }, 1)
      await state(`${lock}`, 1, lock)
    }
  })

  await t.test('throttling 27: keys do not touch each other, nor do ladders', async (t) => {
    const { admitted, denied } = await run(t)
    const strict = { free: 1, base: 5_000, cap: 5_000, window: 5_000 }
    await admitted('a', strict, 1)
    await admitted('a:', LADDER, 1)
    await admitted('a:', LADDER, 2)
    await admitted('A', LADDER, 1)
    await denied('a', strict, 1, 5_000)
    await admitted('a:', LADDER, 3)
  })
}

interface Steps extends StoreUnderTest {
  readonly admitted: (key: string, ladder: Ladder, failures: number) => Promise<void>
  readonly denied: (key: string, ladder: Ladder, failures: number, retryAfter: number) => Promise<void>
  readonly state: (key: string, failures: number, lockedFor: number) => Promise<void>
  readonly unknown: (key: string) => Promise<void>
}

function steps (t: Test, made: StoreUnderTest): Steps {
  const { store, slack } = made

  function about (found: number, wanted: number, what: string): void {
    t.ok(found <= wanted && found >= wanted - slack, `${what} is ${wanted}`, { found, wanted, slack })
  }

  return {
    ...made,
    async admitted (key, ladder, failures) {
      t.same(await store.charge(key, ladder), { admitted: true, failures, retryAfter: 0 }, `failure ${failures} of ${key} is admitted`)
    },
    async denied (key, ladder, failures, retryAfter) {
      const charge = await store.charge(key, ladder)
      t.match(charge, { admitted: false, failures }, `${key} is locked at failure ${failures}`)
      about(charge.retryAfter, retryAfter, 'retryAfter')
    },
    async state (key, failures, lockedFor) {
      const found = await store.status(key)
      t.equal(found?.failures, failures, `${key} has ${failures} failures`)
      about(found?.lockedFor ?? NaN, lockedFor, 'lockedFor')
    },
    async unknown (key) {
      t.equal(await store.status(key), null, `nothing is known of ${key}`)
    },
  }
}
