/** A stack in its own server process: started once, checked, then measured slice by slice. */
import { deepEqual, equal } from 'node:assert/strict'
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import autocannon from 'autocannon'
import type { Report } from './server.ts'
import { STACKS, type Stack } from './stacks.ts'
import { find, token } from './work.ts'

const SERVER = fileURLToPath(new URL('./server.ts', import.meta.url))
/** Without the paths of the project, so that the package is what users get: `dist/`, compiled. */
const TSCONFIG = fileURLToPath(new URL('./tsconfig.json', import.meta.url))

const WARM_UP = 30_000

export interface Slice {
  /** CPU time of the server process, user and system, in microseconds per request. */
  readonly cpu: number
  /** Requests a second. */
  readonly rate: number
  /** Milliseconds. */
  readonly p99: number
}

export interface Load {
  /** Seconds. */
  readonly duration: number
  readonly connections: number
}

export class Contestant {
  readonly stack: Stack
  readonly #child: ChildProcess
  readonly #url: string

  private constructor (stack: Stack, child: ChildProcess, port: number) {
    this.stack = stack
    this.#child = child
    this.#url = `http://127.0.0.1:${port}/articles`
  }

  static async start (stack: Stack): Promise<Contestant> {
    const child = fork(SERVER, [stack], {
      execArgv: ['--import', 'tsx'],
      env: { ...process.env, NODE_ENV: 'production', TSX_TSCONFIG_PATH: TSCONFIG },
    })
    const [report] = await Promise.race([once(child, 'message'), once(child, 'exit')]) as [Report | number | null]
    if (typeof report !== 'object' || report?.kind !== 'listening') throw new Error(`the server of "${stack}" did not start`)
    return new Contestant(stack, child, report.port)
  }

  /** Rejects unless the stack answers as it should: nothing is measured that does not do its work. */
  async check (): Promise<void> {
    const { authenticates, authorizes } = STACKS[this.stack]
    const good = await this.#get('1', token())
    equal(good.status, 200, `${this.stack}: a good token`)
    deepEqual(await good.json(), find('1'))
    equal((await this.#get('1')).status, authenticates ? 401 : 200, `${this.stack}: no token`)
    equal((await this.#get('1', token('another secret, also of 32 bytes or more'))).status, authenticates ? 401 : 200, `${this.stack}: a forged token`)
    equal((await this.#get('2', token())).status, authorizes ? 403 : 200, `${this.stack}: another tenant's article`)
    if (authorizes) equal((await this.#get('3', token())).status, 404, `${this.stack}: no article`)
  }

  /** As many requests as the compiler of V8 wants to see before it is done; a busy machine takes longer for them. */
  async warmUp (connections: number): Promise<void> {
    await this.#load({ amount: WARM_UP, connections })
  }

  async measure ({ duration, connections }: Load): Promise<Slice> {
    const before = await this.#cpu()
    const result = await this.#load({ duration, connections })
    const used = await this.#cpu() - before
    return { cpu: used / result['2xx'], rate: result['2xx'] / result.duration, p99: result.latency.p99 }
  }

  stop (): void {
    this.#child.kill()
  }

  /** Rejects unless every answer is a 2xx. */
  async #load (load: { readonly connections: number, readonly duration?: number, readonly amount?: number }): Promise<autocannon.Result> {
    const result = await autocannon({ ...load, url: `${this.#url}/1`, headers: { authorization: `Bearer ${token()}` } })
    const { errors, timeouts, non2xx } = result
    if (errors + timeouts + non2xx > 0 || result['2xx'] === 0) throw new Error(`${this.stack}: ${errors} errors, ${timeouts} time-outs, ${non2xx} answers that are no 2xx`)
    return result
  }

  #get (id: string, token?: string): Promise<Response> {
    return fetch(`${this.#url}/${id}`, { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } })
  }

  async #cpu (): Promise<number> {
    this.#child.send('cpu')
    const [report] = await once(this.#child, 'message') as [Report]
    if (report.kind !== 'cpu') throw new Error(`${this.stack}: expected its CPU time`)
    return report.microseconds
  }
}
