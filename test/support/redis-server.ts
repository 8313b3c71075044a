/** A Redis server of the machine's own (or Valkey), started for one test on a free port with its data in a folder of its own. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis, type RedisOptions } from 'ioredis'
import type { Test } from 'tap'
import { program } from './programs.ts'
import { launchRedis, onFreePort } from './redis-process.ts'

type ConnectionOptions = Omit<RedisOptions, 'replyMapping'>

export interface RedisServer {
  /** `redis://127.0.0.1:…` */
  readonly url: string
  /** A new connection, which ends with the test, or with the part of it that is given. It tries again every few milliseconds while the server is down. */
  readonly client: (options?: ConnectionOptions, t?: Pick<Test, 'teardown'>) => Redis
  /** Kills it without a warning, as a crash does. */
  readonly stop: () => Promise<void>
  /** Starts it again on the same port with what it wrote down. */
  readonly start: () => Promise<void>
  /** It accepts connections and does not answer, until `wake`. */
  readonly hang: () => void
  readonly wake: () => void
  /** Every key has so many milliseconds less to live, as if they had passed. */
  readonly pass: (milliseconds: number) => Promise<void>
}

/** A key whose time to live becomes 0 or less is deleted by PEXPIRE. */
const LATER = `
for _, key in ipairs(redis.call('KEYS', '*')) do
  local left = redis.call('PTTL', key)
  if left >= 0 then redis.call('PEXPIRE', key, left - ARGV[1]) end
end
`

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

  const started = await onFreePort(async (port) => { child = await launchRedis(file, [...fixed, '--port', `${port}`]) })
  const url = `redis://127.0.0.1:${started}`

  const client = (options: ConnectionOptions = {}, owner: Pick<Test, 'teardown'> = t): Redis => {
    const redis = new Redis(url, { retryStrategy: () => 20, ...options })
    redis.on('error', () => {}) // what the server's end means is told by the commands
    owner.teardown(() => redis.disconnect())
    return redis
  }

  return {
    url,
    client,
    stop,
    start: async () => { child = await launchRedis(file, [...fixed, '--port', `${started}`]) },
    hang: () => { child?.kill('SIGSTOP') },
    wake: () => { child?.kill('SIGCONT') },
    async pass (milliseconds) {
      const redis = client()
      await redis.eval(LATER, 0, milliseconds)
      redis.disconnect()
    },
  }
}
