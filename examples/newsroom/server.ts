/** `npm start`: listens, says so, and closes cleanly. */
import { demoKeys } from './api-keys.ts'
import { newsroom } from './app.ts'
import { embedded, server } from './database.ts'
import { environmentOf } from './environment.ts'
import { inMemory, onRedis } from './shared-store.ts'
import { oneLine } from './start-error.ts'
import { demoUsers, tries } from './welcome.ts'

try {
  await start()
} catch (error) {
  console.error(`newsroom could not start: ${oneLine(error)}`)
  process.exit(1)
}

async function start (): Promise<void> {
  const { host, port, logLevel, databaseUrl, redisUrl, secret, policies } = environmentOf(process.env)
  const open = databaseUrl === null ? embedded : () => server(databaseUrl)
  const shared = redisUrl === null ? inMemory() : onRedis(redisUrl)
  const keys = demoKeys()
  const app = await newsroom({ open, shared, logger: { level: logLevel }, secret, policies, keys })

  const close = (): void => { app.close().catch((error: unknown) => { console.error(error); process.exit(1) }) }
  process.once('SIGTERM', close)
  process.once('SIGINT', close)

  await app.listen({ host, port })
  console.log(`\nnewsroom listens on ${app.listeningOrigin}\n`)
  console.table(demoUsers())
  console.log(`API key: ${keys.feed.key}\nAPI key without scope: ${keys.withoutScope.key}`)
  console.log(`\n${tries(app.listeningOrigin)}\n`)
}
