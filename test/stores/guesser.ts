/** A process that guesses when it is told to: all its guesses at the same time, and then it says how many were looked at; or it says when the first is looked at, which never ends. */
import { Redis } from 'ioredis'
import { redisCounters } from '../../lib/stores/redis-counters.ts'
import { createThrottle } from '../../lib/throttling/throttle.ts'

const [url = '', guesses = '', ending = ''] = process.argv.slice(2)
const client = new Redis(url)
const minute = { free: 5, base: 60, cap: 60, window: 60 }
const throttle = createThrottle({
  store: redisCounters({ client, timeout: 20_000 }),
  deadline: 20_000,
  onStoreError: 'refuse',
  secret: 'a secret that all of them share',
  address: false,
  account: minute,
})

process.once('message', async () => {
  let verified = 0
  const guarded = await Promise.all(Array.from({ length: Number(guesses) }, () => throttle.guard({ ip: '192.0.2.1' }, 'victim', async () => {
    verified += 1
    if (ending === 'never') {
      process.send?.('checking')
      await new Promise(() => {})
    }
    return false
  }, (right) => !right)))
  process.send?.({ verified, denied: guarded.filter(({ kind }) => kind === 'denied').length })
  client.disconnect()
  process.disconnect()
})

await client.ping()
process.send?.('ready')
