/** What every store of quotas answers, step by step: the same for memory and for any other. */
import type { Test } from 'tap'
import type { Allowance, QuotaStore } from '../../lib/stores/counters.ts'

/** An empty store under test. `wait` lets time pass, by hand or really; `slack` is how many milliseconds a step may take beside that. */
export interface QuotasUnderTest {
  readonly store: QuotaStore
  readonly wait: (milliseconds: number) => void | Promise<void>
  readonly slack: number
}

export type MakeQuotas = (t: Test) => QuotasUnderTest | Promise<QuotasUnderTest>

const DAY = 86_400_000
/** A unit comes back every 200 milliseconds. */
const FIVE: Allowance = { limit: 5, window: 1_000 }

export async function quotasTranscript (t: Test, makeQuotas: MakeQuotas): Promise<void> {
  async function run (t: Test): Promise<Steps> {
    return steps(t, await makeQuotas(t))
  }

  await t.test('throttling 23: the units may be used at once, and come back one by one', async (t) => {
    const { allowed, denied, wait } = await run(t)
    for (const remaining of [4, 3, 2, 1, 0]) await allowed('k', FIVE, 1, remaining, 200 * (5 - remaining))
    await denied('k', FIVE, 1, { remaining: 0, resetAfter: 1_000, retryAfter: 200 })
    await wait(200)
    await allowed('k', FIVE, 1, 0, 1_000)
    await denied('k', FIVE, 1, { remaining: 0, resetAfter: 1_000, retryAfter: 200 })
    await wait(600)
    await allowed('k', FIVE, 1, 2, 600)
    await wait(600)
    await allowed('k', FIVE, 1, 4, 200)
  })

  await t.test('a limit that does not divide its window allows as many as it says', async (t) => {
    const { store } = await run(t)
    const odd: readonly Allowance[] = [{ limit: 3, window: 20_000 }, { limit: 7, window: 100_000 }, { limit: 11, window: 1_000_003 }, { limit: 30, window: 700_000 }, { limit: 49, window: 3_600_000 }]
    for (const allowance of odd) {
      const allowed = []
      for (let request = 0; request < allowance.limit + 2; request++) allowed.push((await store.spend(`${allowance.limit}`, allowance, 1)).allowed)
      t.equal(allowed.filter(Boolean).length, allowance.limit, `${allowance.limit} in ${allowance.window} ms`)
      t.strictSame(allowed.slice(-2), [false, false])
    }
  })

  await t.test('throttling 1: of 200 parallel requests exactly the limit is allowed', async (t) => {
    const { store } = await run(t)
    const spendings = await Promise.all(Array.from({ length: 200 }, () => store.spend('k', { limit: 5, window: 600_000 }, 1)))
    const left = spendings.filter(({ allowed }) => allowed).map(({ remaining }) => remaining)
    t.same(left.sort(), [0, 1, 2, 3, 4])
  })

  await t.test('a request may cost several units, all or none of them', async (t) => {
    const { allowed, denied, wait } = await run(t)
    await allowed('k', FIVE, 3, 2, 600)
    await denied('k', FIVE, 3, { remaining: 2, resetAfter: 600, retryAfter: 200 })
    await allowed('k', FIVE, 2, 0, 1_000)
    await denied('k', FIVE, 5, { remaining: 0, resetAfter: 1_000, retryAfter: 1_000 })
    await wait(1_000)
    await allowed('k', FIVE, 5, 0, 1_000)
  })

  await t.test('throttling 4: requests that are denied change nothing', async (t) => {
    const { allowed, denied, wait, store } = await run(t)
    const allowance = { limit: 2, window: 4_000 }
    await allowed('k', allowance, 2, 0, 4_000)
    for (let tries = 0; tries < 500; tries++) await store.spend('k', allowance, 1)
    await denied('k', allowance, 1, { remaining: 0, resetAfter: 4_000, retryAfter: 2_000 })
    await wait(2_000)
    await allowed('k', allowance, 1, 0, 4_000)
  })

  await t.test('what is given back can be spent again', async (t) => {
    const { allowed, denied, store } = await run(t)
    await allowed('k', FIVE, 4, 1, 800)
    await store.giveBack('k', FIVE, 2)
    await allowed('k', FIVE, 3, 0, 1_000)
    await store.giveBack('k', FIVE, 3)
    await denied('k', FIVE, 4, { remaining: 3, resetAfter: 400, retryAfter: 200 })
  })

  await t.test('throttling 12: giving back makes no more than the allowance, for nobody who is unknown, and nothing of what came back by itself', async (t) => {
    const { allowed, denied, wait, store } = await run(t)
    await store.giveBack('never seen', FIVE, 5)
    await allowed('never seen', FIVE, 5, 0, 1_000)
    await denied('never seen', FIVE, 1, { remaining: 0, resetAfter: 1_000, retryAfter: 200 })

    await allowed('twice', FIVE, 2, 3, 400)
    for (let time = 0; time < 3; time++) await store.giveBack('twice', FIVE, 2)
    await allowed('twice', FIVE, 5, 0, 1_000)
    await denied('twice', FIVE, 1, { remaining: 0, resetAfter: 1_000, retryAfter: 200 })

    await allowed('late', FIVE, 5, 0, 1_000)
    await wait(1_000)
    await store.giveBack('late', FIVE, 5)
    await allowed('late', FIVE, 5, 0, 1_000)
    await denied('late', FIVE, 1, { remaining: 0, resetAfter: 1_000, retryAfter: 200 })
  })

  await t.test('throttling 14: windows of a month and of ten years neither end at once nor last for ever', async (t) => {
    const { allowed, denied } = await run(t)
    for (const window of [30 * DAY, 3653 * DAY]) {
      await allowed(`${window}`, { limit: 1, window }, 1, 0, window)
      await denied(`${window}`, { limit: 1, window }, 1, { remaining: 0, resetAfter: window, retryAfter: window })
    }
  })

  await t.test('throttling 27: keys do not touch each other, nor do allowances', async (t) => {
    const { allowed, denied } = await run(t)
    const strict = { limit: 1, window: 5_000 }
    await allowed('a', strict, 1, 0, 5_000)
    await allowed('a:', FIVE, 1, 4, 200)
    await allowed('A', FIVE, 1, 4, 200)
    await denied('a', strict, 1, { remaining: 0, resetAfter: 5_000, retryAfter: 5_000 })
    await allowed('a:', FIVE, 1, 3, 400)
  })

  await t.test('an allowance may change: what was spent stays spent until it would have come back', async (t) => {
    const { allowed, denied, wait } = await run(t)
    await allowed('k', { limit: 10, window: 10_000 }, 8, 2, 8_000)
    await denied('k', { limit: 4, window: 4_000 }, 1, { remaining: 0, resetAfter: 8_000, retryAfter: 5_000 })
    await allowed('k', { limit: 20, window: 20_000 }, 1, 11, 9_000)
    await wait(9_000)
    await allowed('k', { limit: 4, window: 4_000 }, 4, 0, 4_000)
  })

  await t.test('law 10: a cost or an allowance with which nothing could be counted is refused, and nothing is counted', async (t) => {
    const { allowed, store } = await run(t)
    const wrong: ReadonlyArray<readonly [Allowance, cost: number]> = [
      [FIVE, 0], [FIVE, -1], [FIVE, 6], [FIVE, 1.5], [FIVE, NaN], [FIVE, '1' as never], [FIVE, undefined as never],
      [{ ...FIVE, limit: 0 }, 1], [{ ...FIVE, limit: 2.5 }, 1], [{ ...FIVE, limit: NaN }, 1], [{ ...FIVE, limit: Infinity }, 1],
      [{ ...FIVE, window: 0 }, 1], [{ ...FIVE, window: -1 }, 1], [{ ...FIVE, window: NaN }, 1], [{ ...FIVE, window: Infinity }, 1],
    ]
    for (const [allowance, cost] of wrong) {
      await t.rejects(async () => store.spend('k', allowance, cost), { code: 'FST_GATEHOUSE_STORE_UNAVAILABLE' }, `spend ${cost} of ${JSON.stringify(allowance)}`)
      await t.rejects(async () => store.giveBack('k', allowance, cost), { code: 'FST_GATEHOUSE_STORE_UNAVAILABLE' }, `give back ${cost} of ${JSON.stringify(allowance)}`)
    }
    await allowed('k', FIVE, 1, 4, 200)
  })
}

interface Steps extends QuotasUnderTest {
  readonly allowed: (key: string, allowance: Allowance, cost: number, remaining: number, resetAfter: number) => Promise<void>
  readonly denied: (key: string, allowance: Allowance, cost: number, answer: { readonly remaining: number, readonly resetAfter: number, readonly retryAfter: number }) => Promise<void>
}

function steps (t: Test, made: QuotasUnderTest): Steps {
  const { store, slack } = made

  function about (found: number, wanted: number, what: string): void {
    t.ok(found <= wanted && found >= wanted - slack, `${what} is ${wanted}`, { found, wanted, slack })
  }

  return {
    ...made,
    async allowed (key, allowance, cost, remaining, resetAfter) {
      const spending = await store.spend(key, allowance, cost)
      t.match(spending, { allowed: true, remaining, retryAfter: 0 }, `${cost} of ${key} is allowed`)
      about(spending.resetAfter, resetAfter, 'resetAfter')
    },
    async denied (key, allowance, cost, { remaining, resetAfter, retryAfter }) {
      const spending = await store.spend(key, allowance, cost)
      t.match(spending, { allowed: false, remaining }, `${cost} of ${key} is denied`)
      about(spending.resetAfter, resetAfter, 'resetAfter')
      about(spending.retryAfter, retryAfter, 'retryAfter')
    },
  }
}
