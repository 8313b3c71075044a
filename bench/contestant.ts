/** A scenario's server in a process of its own: started, checked, warmed up and measured. */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { check } from './check.ts'
import { nodeOfServer } from './cores.ts'
import { load, type Load, type Loaded } from './load.ts'
import { requestsOf } from './requests.ts'
import type { Scenario } from './scenarios.ts'
import type { Question, Report } from './server.ts'
import { signerOf } from './signer.ts'

const SERVER = fileURLToPath(new URL('./server.ts', import.meta.url))
/** Without the paths of the project, so that the package is what users get: `dist/`, compiled. */
const TSCONFIG = fileURLToPath(new URL('./tsconfig.json', import.meta.url))

/** As many requests as the compiler of V8 wants to see before it is done; whoever is slow does fewer. */
const WARM_UP = { seconds: 5, most: 100_000 }

/** What a server did under load for a moment. */
export interface Piece {
  /** CPU time of its process, user and system, in microseconds. */
  readonly cpu: number
  readonly answers: number
  readonly seconds: number
  /** Milliseconds. */
  readonly p99: number
  /** Resident memory afterwards, in bytes. */
  readonly rss: number
}

type Listening = Extract<Report, { readonly kind: 'listening' }>

export class Contestant {
  readonly scenario: Scenario
  /** What it told at its start. */
  readonly start: Listening
  readonly #child: ChildProcess
  readonly #next: () => string

  private constructor (scenario: Scenario, child: ChildProcess, start: Listening) {
    this.scenario = scenario
    this.start = start
    this.#child = child
    this.#next = requestsOf(scenario.path, scenario.sends, scenario.setting.algorithm)
  }

  static async start (scenario: Scenario, flags: readonly string[] = []): Promise<Contestant> {
    const { stack, setting } = scenario
    const child = fork(SERVER, [stack, JSON.stringify({ ...setting, key: signerOf(setting.algorithm).key })], {
      ...nodeOfServer([...flags, '--import', 'tsx']),
      env: { ...process.env, NODE_ENV: 'production', TSX_TSCONFIG_PATH: TSCONFIG },
    })
    const [report] = await Promise.race([once(child, 'message'), once(child, 'exit')]) as [Report | number | null]
    if (typeof report !== 'object' || report?.kind !== 'listening') throw new Error(`the server of "${scenario.name}" did not start`)
    return new Contestant(scenario, child, report)
  }

  async check (): Promise<void> {
    await check(this.scenario, this.start.port)
  }

  async warmUp (connections: number): Promise<void> {
    await this.load({ connections, ...WARM_UP })
  }

  async piece (connections: number, seconds: number): Promise<Piece> {
    const before = await this.#ask('used')
    const loaded = await this.load({ connections, seconds, most: Infinity })
    const after = await this.#ask('used')
    return { ...loaded, cpu: after.cpu - before.cpu, rss: after.rss }
  }

  /** Rejects unless every answer has the scenario's status. */
  async load (load_: Load, next = this.#next): Promise<Loaded> {
    const { status, name } = this.scenario
    try {
      return await load(load_, { port: this.start.port, next, status })
    } catch (error) {
      throw new Error(`${name}: ${(error as Error).message}`, { cause: error })
    }
  }

  /** Bytes after garbage collection, of a process that was started with `--expose-gc`. */
  async heap (): Promise<number> {
    return (await this.#ask('heap')).heap
  }

  stop (): void {
    this.#child.kill()
  }

  async #ask<K extends Question> (question: K): Promise<Extract<Report, { readonly kind: K }>> {
    this.#child.send(question)
    const [report] = await once(this.#child, 'message') as [Report]
    if (report.kind !== question) throw new Error(`${this.scenario.name}: asked for "${question}" and got "${report.kind}"`)
    return report as Extract<Report, { readonly kind: K }>
  }
}
