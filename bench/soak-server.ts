/** A server process of the soak: `soak-server.ts <setting>`. It tells its port, its memory, and what it was not meant to do. */
import { subscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import process from 'node:process'
import { fastify } from 'fastify'
import gatehouse, { can, quota, resource } from 'fastify-gatehouse'
import { bearer } from 'fastify-gatehouse/schemes'
import { redisCounters } from 'fastify-gatehouse/stores'
import { Redis } from 'ioredis'
import { VERSION_HEADER } from './soak-version.ts'
import { find, NAME, type Article } from './work.ts'

export interface SoakSetting {
  readonly folder: string
  readonly key: string
  /** Where quotas are counted; `null`: in memory. */
  readonly redis: string | null
  /** `false`: no token is kept, and the policies stay as they are. */
  readonly live: boolean
}

export type SoakReport =
  | { readonly kind: 'listening', readonly port: number, readonly version: string }
  /** Bytes after garbage collection; `cpu`: seconds that the process has used so far. */
  | { readonly kind: 'memory', readonly heap: number, readonly rss: number, readonly cpu: number }
  | Conduct

export interface Conduct {
  readonly kind: 'conduct'
  readonly rejections: readonly string[]
  readonly warnings: readonly string[]
  /** Why policies were not put in force. */
  readonly kept: readonly string[]
  /** Policies that took the place of others. */
  readonly loaded: number
  /** Why the store of the quotas was found to be down, each time. */
  readonly outages: readonly string[]
}

export type SoakQuestion = 'memory' | 'conduct'

/** Nobody gets to half of it in the time, and each unit stays spent for seconds, so that there are always counters of many users. */
const LASTING = { limit: 20_000, window: 86_400 }

const rejections: string[] = []
const warnings: string[] = []
const kept: string[] = []
const outages: string[] = []
let loaded = 0
process.on('unhandledRejection', (reason) => { rejections.push(reason instanceof Error ? reason.stack ?? reason.message : String(reason)) })
process.on('warning', ({ name, message }) => { warnings.push(`${name}: ${message}`) })
subscribe('fastify-gatehouse:policy', (event) => {
  const { outcome, trigger, problems } = event as { readonly outcome: string, readonly trigger: string, readonly problems: readonly string[] }
  if (outcome === 'kept') kept.push(problems.join('; '))
  if (outcome === 'loaded' && trigger !== 'start') loaded++
})
subscribe('fastify-gatehouse:throttle', (event) => {
  const { kind, cause } = event as { readonly kind: string, readonly cause: unknown }
  if (kind === 'store_down') outages.push(`${process.uptime().toFixed(0)} s: ${String((cause as Error).cause ?? cause)}`)
})

const { folder, key, redis, live } = JSON.parse(process.argv[2] as string) as SoakSetting
const article = resource<Article>('Article', { param: 'id', load: find })
const app = fastify()
// Right before the gatehouse takes the policy that is in force.
app.addHook('onRequest', (_request, reply, done) => {
  reply.header(VERSION_HEADER, app.gatehouse.version)
  done()
})
await app.register(gatehouse, {
  realm: NAME,
  schemes: [bearer({ secret: key, issuer: NAME, audience: NAME, ...!live && { cache: false } })],
  policies: folder,
  reload: { watch: live },
  quotas: { every: [quota('all', LASTING)], ...redis !== null && { store: redisCounters({ client: await connected(redis) }), secret: key } },
  // From the hundredth wrong token on the 401 of an address would be a 429.
  throttle: { credentials: false },
})
app.get('/articles/:id', { config: { access: can('read', article) } }, async (request) => article.of(request))
app.get('/updates/:id', { config: { access: can('update', article) } }, async (request) => article.of(request))
await app.listen({ port: 0, host: '127.0.0.1' })

process.on('message', (question: SoakQuestion) => tell(question === 'memory' ? memory() : { kind: 'conduct', rejections, warnings, kept, loaded, outages }))
// Whoever started it is gone.
process.on('disconnect', () => process.exit())
tell({ kind: 'listening', port: (app.server.address() as AddressInfo).port, version: app.gatehouse.version as string })

/** As `docs/stores.md` has it. */
async function connected (url: string): Promise<Redis> {
  const client = new Redis(url, { enableOfflineQueue: false })
  // What its end means the commands tell.
  client.on('error', () => {})
  await once(client, 'ready')
  return client
}

function memory (): SoakReport {
  const collect = globalThis.gc as () => void
  collect()
  collect()
  const { user, system } = process.cpuUsage()
  return { kind: 'memory', heap: process.memoryUsage().heapUsed, rss: process.memoryUsage.rss(), cpu: (user + system) / 1e6 }
}

function tell (report: SoakReport): void {
  process.send?.(report)
}
