/** Where it is kept which tokens have ended, and counted who guesses: in the memory of the process, or on a Redis or Valkey server that several processes share. */
import { Redis } from 'ioredis'
import { memoryCounters, memoryMarks, redisCounters, redisMarks, type CounterStore, type MarkStore } from 'fastify-gatehouse/stores'
import { oneLine } from './start-error.ts'

export interface SharedStore {
  readonly marks: MarkStore
  readonly counters: CounterStore
  /** @throws {Error} when the server cannot be reached, or does not let us in */
  readonly connect: () => Promise<void>
  readonly close: () => void
}

/** Milliseconds after which a server that says nothing counts as down. */
const PATIENCE = 5000

export function inMemory (): SharedStore {
  return { marks: memoryMarks(), counters: memoryCounters(), connect: async () => {}, close: () => {} }
}

/** It is connected to again by itself when it was away. Until then nobody is signed in: there is no queue of questions, each is a 503 at once. */
export function onRedis (url: string): SharedStore {
  const client = new Redis(url, { lazyConnect: true, enableOfflineQueue: false, connectTimeout: PATIENCE, commandTimeout: PATIENCE })
  // Whoever needs the connection next gets the error.
  client.on('error', () => {})
  return {
    marks: redisMarks({ client, prefix: 'newsroom:ended:' }),
    counters: redisCounters({ client, prefix: 'newsroom:counters:' }),
    async connect () {
      // Told as an event only: why a connection failed, and that there is no such database, after which the first one would be used.
      let trouble: unknown
      client.once('error', (error) => { trouble = error })
      await client.connect().catch((error: unknown) => { trouble ??= error })
      if (trouble === undefined) return
      client.disconnect()
      throw new Error(`REDIS_URL: ${oneLine(trouble)}`)
    },
    close: () => { client.disconnect() },
  }
}
