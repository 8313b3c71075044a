/** Counters on a real server for tests about time: a thousand times slower, so that a busy machine is never too slow, and older by hand, so that nobody waits. */
import type { Redis } from 'ioredis'
import type { Test } from 'tap'
import type { AttemptStore, QuotaStore } from '../../lib/stores/counters.ts'
import { redisCounters } from '../../lib/stores/redis-counters.ts'
import type { Client } from '../support/redis-clients.ts'

const FACTOR = 1_000

/** Far above what a busy machine needs, where a test is not about time. */
export const PATIENT = 20_000

export interface CountersUnderTest {
  readonly store: AttemptStore & QuotaStore
  readonly wait: (milliseconds: number) => Promise<void>
  readonly slack: number
}

/** Makes one empty store after the other over one connection. `nodes`: connections to every server that holds some of the keys. */
export async function countersOver (t: Test, client: Client, nodes: readonly Redis[]): Promise<() => CountersUnderTest> {
  const connection = await client.connect(t)
  let stores = 0
  return () => {
    const prefix = `${client.name} ${stores++}:`
    return {
      store: inSlowMotion(redisCounters({ client: connection, prefix, timeout: PATIENT })),
      wait: async (milliseconds) => { await Promise.all(nodes.map((node) => node.eval(AGE, 0, prefix, milliseconds * FACTOR))) },
      slack: 50,
    }
  }
}

// Each value says when it was written, attempts in their second field, quotas in their first.
const AGE = `
for _, key in ipairs(redis.call('KEYS', ARGV[1] .. '*')) do
  local left = redis.call('PTTL', key) - ARGV[2]
  local fields = {}
  for field in string.gmatch(redis.call('GET', key), '%S+') do table.insert(fields, field) end
  local written = string.find(key, ':attempts:', 1, true) and 2 or 1
  fields[written] = string.format('%.17g', fields[written] - ARGV[2])
  if left > 0 then
    redis.call('SET', key, table.concat(fields, ' '), 'PX', string.format('%.0f', left))
  else
    redis.call('DEL', key)
  end
end
`

function inSlowMotion (store: AttemptStore & QuotaStore): AttemptStore & QuotaStore {
  return {
    async charge (key, { free, base, cap, window }) {
      const charge = await store.charge(key, { free, base: base * FACTOR, cap: cap * FACTOR, window: window * FACTOR })
      return { ...charge, retryAfter: charge.retryAfter / FACTOR }
    },
    refund: store.refund,
    reset: store.reset,
    async status (key) {
      const state = await store.status(key)
      return state === null ? null : { ...state, lockedFor: state.lockedFor / FACTOR }
    },
    async spend (key, { limit, window }, cost) {
      const spending = await store.spend(key, { limit, window: window * FACTOR }, cost)
      return { ...spending, resetAfter: spending.resetAfter / FACTOR, retryAfter: spending.retryAfter / FACTOR }
    },
    giveBack: (key, { limit, window }, cost) => store.giveBack(key, { limit, window: window * FACTOR }, cost),
  }
}
