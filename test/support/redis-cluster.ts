/** A Redis Cluster (or Valkey's) of three nodes, started for one test. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import type { Test } from 'tap'
import { redisServer, type RedisServer } from './redis-server.ts'

/** The slots of a cluster, in three parts. */
const SLOTS = [[0, 5_460], [5_461, 10_922], [10_923, 16_383]] as const

/** The nodes, when all of them agree that the cluster works. `null` where there is no Redis: then the test says so and returns; under `CI=true` it fails. */
export async function redisCluster (t: Test): Promise<readonly RedisServer[] | null> {
  const nodes: RedisServer[] = []
  while (nodes.length < SLOTS.length) {
    const node = await redisServer(t, 'cluster-enabled yes', 'cluster-node-timeout 20000', 'cluster-announce-ip 127.0.0.1')
    if (node === null) return null
    nodes.push(node)
  }
  const clients = nodes.map((node) => node.client())
  for (const [index, [first, last]] of SLOTS.entries()) {
    await clients[index]?.cluster('SET-CONFIG-EPOCH', index + 1)
    await clients[index]?.call('CLUSTER', 'ADDSLOTSRANGE', first, last)
  }
  for (const { url } of nodes.slice(1)) await clients[0]?.cluster('MEET', '127.0.0.1', Number(new URL(url).port))
  for (const client of clients) {
    while (!isWhole(await info(client))) await pause(10)
    client.disconnect()
  }
  return nodes
}

async function info (client: Redis): Promise<string> {
  return String(await client.cluster('INFO'))
}

function isWhole (info: string): boolean {
  return /cluster_state:ok/.test(info) && /cluster_slots_ok:16384/.test(info) && /cluster_known_nodes:3/.test(info) && /cluster_size:3/.test(info)
}
