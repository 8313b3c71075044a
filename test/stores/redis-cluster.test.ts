/** Counters and marks in a Redis Cluster of three nodes. */
import t from 'tap'
import { redisCounters } from '../../lib/stores/redis-counters.ts'
import { redisMarks } from '../../lib/stores/redis-marks.ts'
import { clustersOf } from '../support/redis-clients.ts'
import { redisCluster } from '../support/redis-cluster.ts'
import { attemptsTranscript } from './attempts-transcript.ts'
import { quotasTranscript } from './quotas-transcript.ts'
import { countersOver, PATIENT } from './slow-motion.ts'

t.test('throttling 26: on a cluster', async (t) => {
  const nodes = await redisCluster(t)
  if (nodes === null) return
  const connections = nodes.map((node) => node.client())

  for (const client of clustersOf(nodes)) {
    await t.test(`both transcripts over ${client.name}`, async (t) => {
      const make = await countersOver(t, client, connections)
      await t.test('attempts', async (t) => attemptsTranscript(t, make))
      await t.test('quotas', async (t) => quotasTranscript(t, make))
    })

    await t.test(`throttling 28: keys are on every node, each of which is told the scripts, over ${client.name}`, async (t) => {
      for (const node of connections) {
        await node.flushall()
        await node.script('FLUSH')
      }
      const store = redisCounters({ client: await client.connect(t), timeout: PATIENT })
      const ladder = { free: 3, base: 60_000, cap: 60_000, window: 60_000 }
      await Promise.all(Array.from({ length: 60 }, async (_value, key) => {
        const charges = await Promise.all(Array.from({ length: 5 }, () => store.charge(`${key}`, ladder)))
        t.equal(charges.filter(({ admitted }) => admitted).length, 3)
        await store.reset(`${key}`)
        await store.spend(`${key}`, { limit: 3, window: 60_000 }, 1)
      }))
      const sizes = await Promise.all(connections.map((node) => node.dbsize()))
      t.equal(sizes.reduce((sum, size) => sum + size), 60)
      t.ok(sizes.every((size) => size > 0), String(sizes))
    })

    await t.test(`marks are put once, and read together where their keys say that they belong together, over ${client.name}`, async (t) => {
      const store = redisMarks({ client: await client.connect(t), prefix: `${client.name}:`, timeout: PATIENT })
      t.strictSame([await store.putOnce('{k}a', 60_000), await store.putOnce('{k}a', 60_000)], [true, false])
      await store.put('{k}b', 'one', 60_000)
      t.strictSame([...await store.getMany(['{k}a', '{k}b', '{k}c'])], ['', 'one', null])
      await store.delete('{k}b')
      t.equal(await store.get('{k}b'), null)
    })
  }
})
