/** A connection of each client of Redis and Valkey to the same server, which ends with its test. */
import { createClient, createCluster } from 'redis'
import { Cluster } from 'ioredis'
import { Redis as Valkey } from 'iovalkey'
import type { Test } from 'tap'
import type { RedisConnection } from '../../lib/stores/redis-driver.ts'
import type { RedisServer } from './redis-server.ts'

export interface Client {
  readonly name: string
  readonly connect: (t: Test) => Promise<RedisConnection>
}

/** Milliseconds between two tries to connect again. */
const AGAIN = 20

/** Each tries again and again while the server is down, and keeps what it is asked. */
export function clientsOf (server: RedisServer): readonly Client[] {
  return [
    { name: 'ioredis', connect: async (t) => server.client({ maxRetriesPerRequest: null }, t) },
    {
      name: 'iovalkey',
      async connect (t) {
        const client = new Valkey(server.url, { retryStrategy: () => AGAIN, maxRetriesPerRequest: null })
        client.on('error', () => {})
        t.teardown(() => client.disconnect())
        return client
      },
    },
    {
      name: 'node-redis',
      async connect (t) {
        const client = createClient({ url: server.url, socket: { reconnectStrategy: () => AGAIN } })
        client.on('error', () => {})
        t.teardown(() => client.destroy())
        return client.connect()
      },
    },
  ]
}

export function clustersOf (servers: readonly RedisServer[]): readonly Client[] {
  return [
    {
      name: 'ioredis Cluster',
      async connect (t) {
        const cluster = new Cluster(servers.map(({ url }) => url))
        t.teardown(() => cluster.disconnect())
        return cluster
      },
    },
    {
      name: 'node-redis cluster',
      async connect (t) {
        const cluster = createCluster({ rootNodes: servers.map(({ url }) => ({ url })) })
        cluster.on('error', () => {})
        t.teardown(() => cluster.destroy())
        await cluster.connect()
        return cluster
      },
    },
  ]
}
