/** A server of the soak in a process of its own, and what can be asked of it. */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { nodeOfServer } from './cores.ts'
import type { SoakQuestion, SoakReport, SoakSetting } from './soak-server.ts'

const SERVER = fileURLToPath(new URL('./soak-server.ts', import.meta.url))
/** Without the paths of the project, so that the package is what users get: `dist/`, compiled. */
const TSCONFIG = fileURLToPath(new URL('./tsconfig.json', import.meta.url))

type Told<K> = Extract<SoakReport, { readonly kind: K }>

export class SoakServer {
  readonly port: number
  /** Of the policy at its start. */
  readonly version: string
  readonly #child: ChildProcess

  private constructor (child: ChildProcess, { port, version }: Told<'listening'>) {
    this.port = port
    this.version = version
    this.#child = child
  }

  static async start (setting: SoakSetting): Promise<SoakServer> {
    const child = fork(SERVER, [JSON.stringify(setting)], {
      ...nodeOfServer(['--expose-gc', '--import', 'tsx']),
      env: { ...process.env, NODE_ENV: 'production', TSX_TSCONFIG_PATH: TSCONFIG },
    })
    return new SoakServer(child, await told(child, 'listening'))
  }

  async ask<K extends SoakQuestion> (question: K): Promise<Told<K>> {
    this.#child.send(question)
    return told(this.#child, question)
  }

  stop (): void {
    this.#child.kill()
  }
}

async function told<K extends SoakReport['kind']> (child: ChildProcess, kind: K): Promise<Told<K>> {
  const heard = new AbortController()
  const { signal } = heard
  // What was not heard rejects when nobody listens any more.
  const exit = once(child, 'exit', { signal }).catch(() => [null])
  const [report] = await Promise.race([once(child, 'message', { signal }).catch(() => [null]), exit]) as [SoakReport | number | null]
  heard.abort()
  if (typeof report !== 'object' || report?.kind !== kind) throw new Error(`a server of the soak ended, or did not tell its ${kind}`)
  return report as Told<K>
}
