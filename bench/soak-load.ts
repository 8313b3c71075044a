/** The load of the soak: each answer is held against what it must be, and a sample of them against a server that keeps nothing. */
import { converse } from './connection.ts'
import { requestOf } from './requests.ts'
import type { Ask } from './soak-asks.ts'
import type { Version } from './soak-policies.ts'
import { VERSION_HEADER } from './soak-version.ts'

/** One in so many is asked again. */
const SAMPLE = 500
/** Wrong answers that are told one by one. */
const MOST_TOLD = 10

export interface SoakTarget {
  readonly port: number
  /** Policies by their versions, as the answers name them, each with the port of a server that has nothing else and keeps no token. */
  readonly versions: ReadonlyMap<string, { readonly version: Version, readonly port: number }>
  readonly next: () => Ask
}

export class SoakLoad {
  readonly #target: SoakTarget
  readonly byStatus: Record<string, number> = {}
  readonly byVersion: Record<Version, number> = { first: 0, second: 0 }
  /** The first wrong answers, in words. */
  readonly told: string[] = []
  answers = 0
  /** Answers that are not what they must be, or not what the other server says. */
  wrong = 0
  compared = 0
  readonly #comparing = new Set<Promise<void>>()

  constructor (target: SoakTarget) {
    this.#target = target
  }

  /** Resolves when it is over and all comparisons are done. Rejects where a connection ends. */
  async run (connections: number, end: number): Promise<void> {
    await Promise.all(Array.from({ length: connections }, () => this.#converse(end)))
    await Promise.all(this.#comparing)
  }

  #converse (end: number): Promise<void> {
    const { port, next } = this.#target
    let ask!: Ask
    let sentAt = 0
    return converse({
      port,
      next: () => {
        if (performance.now() >= end) return null
        ask = next()
        sentAt = Date.now()
        return requestOf(ask.path, ask.token)
      },
      answered: (status, _microseconds, answer) => this.#answered(ask, sentAt, status, answer),
    })
  }

  #answered (ask: Ask, sentAt: number, status: number, answer: string): void {
    this.answers++
    this.byStatus[status] = (this.byStatus[status] ?? 0) + 1
    const policy = this.#target.versions.get(headerOf(answer, VERSION_HEADER))
    if (policy === undefined) return this.#isWrong(`${ask.path} was decided under a policy that there is not: ${answer.slice(0, 500)}`)
    this.byVersion[policy.version]++
    const right = statusesOf(ask, policy.version, sentAt)
    if (!right.includes(status)) return this.#isWrong(`GET ${ask.path} under the ${policy.version} policy: ${status} and not ${right.join(' or ')}: ${answer.slice(-300)}`)
    if (this.answers % SAMPLE === 0 && ask.until === Infinity) this.#compare(ask, policy.port, status, bodyOf(answer))
  }

  #compare (ask: Ask, port: number, status: number, body: string): void {
    const comparing = this.#again(ask, port).then((other) => {
      this.compared++
      if (other.status !== status || other.body !== body) this.#isWrong(`GET ${ask.path}: ${status} ${body}, and ${other.status} ${other.body} of the server that keeps nothing`)
    }).finally(() => this.#comparing.delete(comparing))
    // It is waited for at the end, whatever it came to.
    comparing.catch((error: unknown) => this.#isWrong(`GET ${ask.path} of the server that keeps nothing: ${String(error)}`))
    this.#comparing.add(comparing)
  }

  async #again ({ path, token }: Ask, port: number): Promise<{ readonly status: number, readonly body: string }> {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers: token === null ? {} : { authorization: `Bearer ${token}` } })
    return { status: answer.status, body: await answer.text() }
  }

  #isWrong (text: string): void {
    this.wrong++
    if (this.told.length < MOST_TOLD) this.told.push(text)
  }
}

/** More than one only of a token that ended on the way. */
function statusesOf ({ status, until }: Ask, version: Version, sentAt: number): readonly number[] {
  if (sentAt >= until) return [401]
  return Date.now() < until ? [status[version]] : [status[version], 401]
}

function headerOf (answer: string, name: string): string {
  const start = answer.indexOf(`\r\n${name}: `)
  return start === -1 ? '' : answer.slice(start + name.length + 4, answer.indexOf('\r\n', start + 2))
}

function bodyOf (answer: string): string {
  return Buffer.from(answer.slice(answer.indexOf('\r\n\r\n') + 4), 'latin1').toString()
}
