/** A Redis server of the soak's own, on a free port, which is ended and started again while it is used. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { launchRedis, onFreePort } from '../test/support/redis-process.ts'

export class RedisServer {
  readonly url: string
  readonly #args: readonly string[]
  readonly #folder: string
  #child: ChildProcess
  #restarts = 0
  #restarting: Promise<void> = Promise.resolve()

  private constructor (url: string, args: readonly string[], folder: string, child: ChildProcess) {
    this.url = url
    this.#args = args
    this.#folder = folder
    this.#child = child
  }

  static async start (): Promise<RedisServer> {
    const folder = await mkdtemp(join(tmpdir(), 'soak-redis-'))
    const argsAt = (port: number): readonly string[] => ['--bind', '127.0.0.1', '--port', String(port), '--dir', folder, '--save', '']
    let child: ChildProcess | undefined
    const port = await onFreePort(async (free) => { child = await launch(argsAt(free)) })
    return new RedisServer(`redis://127.0.0.1:${port}`, argsAt(port), folder, child as unknown as ChildProcess)
  }

  get restarts (): number {
    return this.#restarts
  }

  /** Ended in good order and killed in turn, and away for some milliseconds; what it had counted is gone. */
  restart (away: number): Promise<void> {
    return (this.#restarting = this.#restart(away))
  }

  async #restart (away: number): Promise<void> {
    await this.#end(this.#restarts % 2 === 0 ? 'SIGTERM' : 'SIGKILL')
    await pause(away)
    this.#child = await launch(this.#args)
    this.#restarts++
  }

  async stop (): Promise<void> {
    await this.#restarting
    await this.#end('SIGKILL')
    await rm(this.#folder, { recursive: true, force: true })
  }

  async #end (signal: NodeJS.Signals): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'close')
    this.#child.kill(signal)
    await ended
  }
}

/** It ends with the soak, however that ends. */
async function launch (args: readonly string[]): Promise<ChildProcess> {
  const child = await launchRedis('redis-server', args)
  const end = (): void => { child.kill('SIGKILL') }
  process.once('exit', end)
  child.once('close', () => process.off('exit', end))
  return child
}
