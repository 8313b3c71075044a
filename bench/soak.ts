/** The soak: a server at saturation while its policies and its Redis come and go, and whether it stays right and as small as it was. `npx tsx bench/soak.ts --minutes 10 --connections 128` */
import { cpus } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import { asked, numberOf } from './arguments.ts'
import { pinLoad } from './cores.ts'
import { signerOf } from './signer.ts'
import { asks } from './soak-asks.ts'
import { SoakLoad } from './soak-load.ts'
import { PolicyFolder, type Version } from './soak-policies.ts'
import { SoakServer } from './soak-process.ts'
import { RedisServer } from './soak-redis.ts'
import { printSoak, type Memory } from './soak-table.ts'

/** Milliseconds that Redis is away. The first time is long: the counters in memory that take its place are full before memory is watched. */
const AWAY = 2000
const AWAY_AT_FIRST = 35_000

const VERSIONS: readonly Version[] = ['first', 'second']
/** In less nothing can be said of the memory. */
const LEAST_MINUTES = 2

const given = asked({ options: { minutes: '10', connections: '128' } })
const seconds = Math.round(numberOf(given, 'minutes', LEAST_MINUTES, false) * 60)
const connections = numberOf(given, 'connections', 1)

// What was started ends with it.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
const undo: (() => unknown)[] = []
const over = new AbortController()
try {
  await soak()
} finally {
  over.abort()
  for (const step of undo.reverse()) await step()
}

async function soak (): Promise<void> {
  const redis = await RedisServer.start()
  undo.push(() => redis.stop())
  const folder = await folderOf('first')
  const live = await serverOf(folder, redis.url)
  const others = await Promise.all(VERSIONS.map(async (version) => ({ version, server: await serverOf(await folderOf(version), null) })))
  const versions = new Map(others.map(({ version, server }) => [server.version, { version, port: server.port }]))
  if (versions.size !== 2 || versions.get(live.version)?.version !== 'first') throw new Error('the policies are not those that they should be')

  pinLoad()
  console.log(`Node.js ${process.version}, ${cpus().length} cores, ${cpus()[0]?.model ?? 'unknown'}; ${seconds} s, ${connections} connections`)
  const load = new SoakLoad({ port: live.port, versions, next: asks(seconds) })
  const began = performance.now()
  const [, { samples, writes }] = await Promise.all([load.run(connections, began + seconds * 1000), events(began, { live, folder, redis, load })])
  // What was written last is in force by then.
  await pause(1000)
  if (!printSoak({ load, samples, writes, restarts: redis.restarts, conduct: await live.ask('conduct') })) process.exitCode = 1
}

interface Parts {
  readonly live: SoakServer
  readonly folder: PolicyFolder
  readonly redis: RedisServer
  readonly load: SoakLoad
}

/** What happens meanwhile: every ten seconds a sample of the memory and another policy, every minute a restart of Redis. */
async function events (began: number, { live, folder, redis, load }: Parts): Promise<{ readonly samples: readonly Memory[], readonly writes: number }> {
  const samples: Memory[] = []
  const restarting: Promise<void>[] = []
  let writes = 0
  let { cpu: used } = await live.ask('memory')
  for (let second = 1; second <= seconds; second++) {
    await pause(Math.max(0, began + second * 1000 - performance.now()), undefined, { signal: over.signal })
    if (second % 10 === 5) await folder.write(VERSIONS[++writes % 2] as Version)
    if (second === 10) restarting.push(redis.restart(AWAY_AT_FIRST))
    else if (second % 60 === 10) restarting.push(redis.restart(AWAY))
    if (second % 10 !== 0) continue
    const { heap, rss, cpu } = await live.ask('memory')
    console.log(`${second} s: ${load.answers.toLocaleString('en')} answers, heap ${(heap / 1e6).toFixed(1)} MB, RSS ${(rss / 1e6).toFixed(0)} MB, CPU ${((cpu - used) * 10).toFixed(0)} % of a core`)
    samples.push({ second, heap, rss })
    used = cpu
  }
  await Promise.all(restarting)
  return { samples, writes }
}

async function folderOf (version: Version): Promise<PolicyFolder> {
  const folder = await PolicyFolder.make(version)
  undo.push(() => folder.remove())
  return folder
}

/** The one that is under load counts in Redis, keeps tokens and reloads; the others do nothing of it. */
async function serverOf ({ path }: PolicyFolder, redis: string | null): Promise<SoakServer> {
  const server = await SoakServer.start({ folder: path, key: signerOf('HS256').key, redis, live: redis !== null })
  undo.push(() => server.stop())
  return server
}
