/** A Redis server of the machine's own (or Valkey), started for one test on a free port with its data in a folder of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Redis, type RedisOptions } from 'ioredis'
import type { Test } from 'tap'
import { program } from './programs.ts'

type ConnectionOptions = Omit<RedisOptions, 'replyMapping'>

export interface RedisServer {
  /** `redis://127.0.0.1:…` */
  readonly url: string
  /** A new connection, which ends with the test. It tries again every few milliseconds while the server is down. */
  readonly client: (options?: ConnectionOptions) => Redis
  /** Kills it without a warning, as a crash does. */
  readonly stop: () => Promise<void>
  /** Starts it again on the same port with what it wrote down. */
  readonly start: () => Promise<void>
  /** It accepts connections and does not answer, until `wake`. */
  readonly hang: () => void
  readonly wake: () => void
  /** Resolves when so many milliseconds have passed by the server's own clock. */
  readonly passed: (milliseconds: number) => Promise<void>
}

/** Below the ports that outgoing connections are given, so that none takes it while the server is down. */
const PORTS = [16_000, 32_000] as const
const TRIES = 20

/** `settings` are lines of redis.conf, as in `redisServer(t, 'appendonly yes')`. `null` where there is none: then the test says so and returns; under `CI=true` it fails. */
export async function redisServer (t: Test, ...settings: readonly string[]): Promise<RedisServer | null> {
  const file = program(t, 'redis-server')
  if (file === null) return null
  const folder = await mkdtemp(join(tmpdir(), 'redis-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const fixed = ['--bind', '127.0.0.1', '--dir', folder, '--save', '', ...settings.flatMap((line) => `--${line}`.split(' '))]

  let child: ChildProcess | null = null
  const stop = async (): Promise<void> => {
    if (child === null) return
    const ended = once(child, 'close')
    child.kill('SIGKILL')
    child = null
    await ended
  }
  t.teardown(stop)

  const started = await onFreePort(async (port) => { child = await launch(file, [...fixed, '--port', `${port}`]) })
  const url = `redis://127.0.0.1:${started}`

  const client = (options: ConnectionOptions = {}): Redis => {
    const redis = new Redis(url, { retryStrategy: () => 20, ...options })
    redis.on('error', () => {}) // what the server's end means is told by the commands
    t.teardown(() => redis.disconnect())
    return redis
  }

  return {
    url,
    client,
    stop,
    start: async () => { child = await launch(file, [...fixed, '--port', `${started}`]) },
    hang: () => { child?.kill('SIGSTOP') },
    wake: () => { child?.kill('SIGCONT') },
    async passed (milliseconds) {
      const redis = client()
      const time = async (): Promise<number> => {
        const [seconds, micros] = await redis.time()
        return Number(seconds) * 1000 + Number(micros) / 1000
      }
      const end = await time() + milliseconds
      // a key is still there in the very millisecond in which its time is over
      while (await time() <= end + 1) await pause(5)
      redis.disconnect()
    },
  }
}

async function onFreePort (start: (port: number) => Promise<void>, tries = TRIES): Promise<number> {
  const port = randomInt(...PORTS)
  try {
    await start(port)
    return port
  } catch (error) {
    if (tries === 1) throw error
    return onFreePort(start, tries - 1)
  }
}

/** Resolves as soon as it accepts connections. */
async function launch (file: string, args: readonly string[]): Promise<ChildProcess> {
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  return new Promise((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      said = (said + chunk).slice(-10_000)
      if (/ready to accept connections/i.test(said)) resolve(child)
    })
    child.once('error', reject)
    child.once('close', () => reject(new Error(`Redis did not start: ${said}`)))
  })
}
