/** An application behind one or two schemes of the table, requests to it, and what the laws find wrong with its answers. */
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import gatehouse, { authenticated, can, optional, scope } from '../../lib/index.ts'
import { HANDLERS, linesOf, logTo, METHODS, MODES, POLICIES, raw, requestText } from './matrix.ts'
import { challengeIn, challengesDue, type Challenging, type ComesTo, type Entry, type Fixture, type Ground, type Line, type Means, type Method, type Occasion, type Sent } from './schemes.ts'

export const PATHS = ['me', 'reports', 'scoped'] as const

/** One route of a yard, and how it is asked. */
export interface Cell {
  readonly mode: typeof MODES[number]
  readonly style: typeof HANDLERS[number]
  readonly method: Method
  readonly path: typeof PATHS[number]
}

export const CELLS: readonly Cell[] = MODES.flatMap((mode) => HANDLERS.flatMap((style) => METHODS.flatMap((method) => PATHS.map((path) => ({ mode, style, method, path })))))

export function urlOf ({ mode, style, path }: Cell): URL {
  return new URL(`http://localhost/${mode}/${style}/${path}`)
}

export interface Yard {
  readonly app: FastifyInstance
  readonly entries: readonly Entry[]
  readonly fixtures: readonly Fixture[]
  readonly log: string[]
}

export async function openYard (ground: Ground, entries: readonly Entry[]): Promise<Yard> {
  const log: string[] = []
  const fixtures = entries.map((entry) => entry.open(ground))
  const app = Fastify({ logger: { level: 'info', stream: logTo(log) } })
  for (const { before } of fixtures) await before?.(app)
  await app.register(gatehouse, { realm: 'newsroom', schemes: fixtures.map(({ accepted }) => accepted), policies: POLICIES, throttle: false })
  for (const mode of MODES) {
    for (const style of HANDLERS) {
      const isOptional = mode === 'optional'
      const accesses = { me: isOptional ? optional() : authenticated(), reports: can('read', 'Report', { optional: isOptional }), scoped: scope('reports:read', { optional: isOptional }) }
      const answer = (request: FastifyRequest) => ({ id: (request.user as { id?: string } | null)?.id ?? null })
      for (const path of PATHS) {
        app.route({
          method: ['GET', 'POST'],
          url: `/${mode}/${style}/${path}`,
          config: { access: accesses[path] },
          handler: style === 'async' ? async (request) => answer(request) : (request, reply) => { reply.send(answer(request)) },
        })
      }
    }
  }
  app.get('/thrown', { config: { access: 'public' } }, async () => { throw Object.assign(new Error('who are you?'), { statusCode: 401 }) })
  await app.ready()
  return { app, entries, fixtures, log }
}

export const UNDETERMINED = 'undetermined'

/**
 * What an answer must be. `user` is whose request it is, `tried` the scheme that had its turn and whose error a challenge may carry. Where
 * either of two could have had it, the code is `undetermined`, and so is the error.
 */
export interface Due {
  readonly status: number
  readonly code?: string
  readonly user?: string | null
  readonly tried?: Challenging
}

/** A scheme in an application, and what its client sends. */
export interface Sender {
  readonly entry: Entry
  readonly fixture: Fixture
  readonly means: Means
}

/** What these credentials get in this cell; `comesTo` where it is not what they come to by themselves. */
export function dueFor (cell: Cell, { entry: { challenges }, fixture: { user }, means }: Sender, comesTo: ComesTo | 'unavailable' = outcomeOf(means, cell)): Due {
  const tried = challenges.find(({ scheme }) => scheme === means.judge) ?? challenges[0]
  switch (comesTo) {
    case 'nothing': return anonymous(cell)
    case 'incomplete': return { status: 401, code: 'unauthenticated' }
    case 'invalid': return { status: 401, code: 'invalid_credentials', tried }
    case 'unreadable': return { status: 400, code: 'invalid_request', tried }
    case 'cross_site': return { status: 403, code: 'cross_site' }
    case 'unavailable': return { status: 503, code: 'temporarily_unavailable' }
    case 'user':
    case 'powerless':
      if (cell.path === 'scoped') return { status: 403, code: 'insufficient_scope', tried }
      if (cell.path === 'reports' && comesTo === 'powerless') return { status: 403, code: 'insufficient_permissions' }
      return { status: 200, user: comesTo === 'user' ? user : user.replace('rita', 'rolf') }
  }
}

/** Also on an optional route the anonymous may not read reports, and then it is a 401. */
export function anonymous ({ mode, path }: Cell): Due {
  return mode === 'optional' && path === 'me' ? { status: 200, user: null } : { status: 401, code: 'unauthenticated' }
}

export function outcomeOf ({ comesTo }: Means, { method }: Cell): ComesTo {
  return typeof comesTo === 'string' ? comesTo : comesTo[method]
}

export function occasionOf ({ app }: Yard, cell: Cell): Occasion {
  return { method: cell.method, url: urlOf(cell), challenges: async () => linesOf(await app.inject({ url: '/required/sync/me', headers: { host: 'localhost' } }), 'www-authenticate') }
}

export interface Answer {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: string
}

export const NOTHING: Sent = { lines: [], secrets: [] }

/** A request of one of the application's own pages, unless its lines say otherwise. On the wire each line stays one. */
export async function ask ({ app }: Yard, cell: Cell, sent: Sent, way: 'injected' | 'wire' = 'injected'): Promise<Answer> {
  const site: readonly Line[] = sent.lines.some(([name]) => name === 'sec-fetch-site') ? [] : [['sec-fetch-site', 'same-origin']]
  const target = urlOf(cell).pathname + (sent.query === undefined ? '' : `?${sent.query}`)
  const lines = [...sent.lines, ...site]
  if (way === 'wire') return onTheWire(app, cell, target, lines)
  return app.inject({ method: cell.method, url: target, headers: headersFrom([['host', 'localhost'], ...lines]) as Record<string, string> })
}

async function onTheWire (app: FastifyInstance, { method }: Cell, target: string, lines: readonly Line[]): Promise<Answer> {
  const length: readonly Line[] = method === 'POST' ? [['content-length', '0']] : []
  const answer = await raw(app, requestText(method, target, [...lines, ...length].map(([name, value]) => `${name}: ${value}`)))
  const head = answer.lines.map((line): Line => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()])
  return { statusCode: answer.status, headers: headersFrom(head), body: answer.body }
}

/** Lines of one name are a list, except cookies, which Node.js joins. */
function headersFrom (lines: readonly Line[]): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {}
  for (const [name, value] of lines) {
    const before = headers[name]
    headers[name] = before === undefined ? value : name === 'cookie' ? `${String(before)}; ${value}` : [before, value].flat()
  }
  return headers
}

/** Asks, and says what the laws find wrong with the answer: one sentence each. */
export async function faultsAt (yard: Yard, cell: Cell, sent: Sent, due: Due, way?: 'injected' | 'wire'): Promise<string[]> {
  yard.log.length = 0
  const answer = await ask(yard, cell, sent, way)
  const told = yard.log.map((line) => JSON.parse(line) as LogLine).filter(({ reqId, msg }) => reqId !== undefined && msg !== 'incoming request' && msg !== 'request completed')
  return [
    ...law2(cell, answer, due),
    ...law1(yard, answer, due),
    ...law8(yard, answer),
    ...law7(answer, sent, told),
  ]
}

/** Law 1 for a 401 that a handler throws, where nobody was asked who he is. */
export async function faultsOfThrown (yard: Yard): Promise<string[]> {
  const answer = await yard.app.inject({ url: '/thrown', headers: { host: 'localhost' } })
  return law1(yard, answer, { status: 401 })
}

interface LogLine {
  readonly level: number
  readonly reqId?: string
  readonly msg: string
  readonly access?: { readonly reason: string, readonly status: number }
}

/** Laws 2, 3 and 10: the status, its code, and whose request it is. */
function law2 ({ method }: Cell, { statusCode, headers, body }: Answer, due: Due): string[] {
  const faults: string[] = []
  if (statusCode !== due.status) return [`a ${statusCode} where a ${due.status} is due: ${body}`]
  if (method === 'HEAD') {
    if (body !== '') faults.push(`a HEAD has the body ${body}`)
  } else {
    const { code, id } = JSON.parse(body) as { code?: string, id?: string | null }
    if (code !== due.code && due.code !== UNDETERMINED) faults.push(`the code ${code} where ${due.code} is due`)
    if (id !== due.user) faults.push(`the request is ${id}'s, and ${due.user}'s it is`)
  }
  if (statusCode === 503 && !/^[1-9]\d*$/.test(String(headers['retry-after']))) faults.push(`a 503 with Retry-After ${String(headers['retry-after'])}`)
  return faults
}

/** Law 1: the challenges of a 401, and which of them carries an error. */
function law1 ({ entries }: Yard, answer: Answer, { tried, code }: Due): string[] {
  const lines = linesOf(answer, 'www-authenticate')
  const parsed = lines.map(challengeIn)
  const shown = JSON.stringify(lines)
  if (parsed.includes(null)) return [`what is not one well-formed challenge a line: ${shown}`]
  const challenges = parsed as Array<NonNullable<typeof parsed[number]>>
  const erring = challenges.filter(({ params }) => params.has('error') || params.has('stale'))
  const names = (of: typeof challenges) => of.map(({ scheme }) => scheme)
  const oauth = new Set(entries.flatMap((entry) => entry.challenges.filter((one) => one.oauth).map(({ scheme }) => scheme)))
  switch (answer.statusCode) {
    case 401: {
      const due = challengesDue(entries)
      if (JSON.stringify(names(challenges)) !== JSON.stringify(due)) return [`challenges of ${shown} where ${due.join(', ')} are due`]
      if (challenges.some(({ params }) => params.get('realm') !== 'newsroom')) return [`a challenge without the realm: ${shown}`]
      if (erring.some(({ scheme }) => scheme !== tried?.scheme)) return [`an error in the challenge of a scheme that was not tried: ${shown}`]
      return tried?.oauth === true && erring.length !== 1 && code !== UNDETERMINED ? [`no error in the challenge of the scheme that was tried: ${shown}`] : []
    }
    case 400: {
      const errors = challenges.map(({ params }) => params.get('error'))
      if (!names(challenges).every((name) => oauth.has(name)) || errors.some((error) => error !== 'invalid_request')) return [`a 400 carries ${shown}`]
      return tried?.oauth === true && challenges.length === 0 ? ['a 400 of RFC 6750 without its challenge'] : []
    }
    case 403: {
      const due = tried?.oauth === true ? [tried.scheme] : []
      if (JSON.stringify(names(challenges)) !== JSON.stringify(due)) return [`a 403 carries ${shown} where ${JSON.stringify(due)} is due`]
      return challenges.every(({ params }) => params.get('error') === 'insufficient_scope') ? [] : [`a 403 carries ${shown}`]
    }
    default:
      return lines.length === 0 ? [] : [`a ${answer.statusCode} carries ${shown}`]
  }
}

/** Law 7: the client learns nothing of the reason, and nobody of the secret. */
function law7 ({ statusCode, headers, body }: Answer, { secrets }: Sent, told: readonly LogLine[]): string[] {
  const faults: string[] = []
  const logged = JSON.stringify(told)
  for (const secret of secrets) if (logged.includes(secret)) faults.push(`the log holds ${secret}`)
  if (statusCode < 400) return told.length === 0 ? faults : [...faults, `a yes writes a line: ${logged}`]

  const shown = JSON.stringify(headers) + body
  for (const secret of secrets) if (shown.includes(secret)) faults.push(`the client is sent ${secret}`)
  const [line] = told
  if (line?.access === undefined || told.length !== 1) return [...faults, `${told.length} lines of log: ${logged}`]
  const { reason, status } = line.access
  if (status !== statusCode) faults.push(`the log says ${status}`)
  if (reason === '') faults.push('the log has no reason')
  if (shown.includes(reason) || /the-cause|db\.internal/.test(shown)) faults.push(`the client learns the reason: ${shown}`)
  if (line.level !== (statusCode === 503 ? 50 : 30)) faults.push(`level ${line.level}`)
  return faults
}

/** Law 8: a refusal is never stored, and what an answer depended on is said. */
function law8 ({ entries }: Yard, { statusCode, headers }: Answer): string[] {
  const faults: string[] = []
  const caching = String(headers['cache-control'] ?? '')
  if (statusCode >= 400 && caching !== 'no-store') faults.push(`a ${statusCode} with Cache-Control "${caching}"`)
  if (entries.some((entry) => entry.private) && !/\b(?:private|no-store)\b/.test(caching)) faults.push(`a ${statusCode} that is not private: "${caching}"`)
  const vary = new Set(linesOf({ headers }, 'vary').join(',').toLowerCase().split(',').map((name) => name.trim()))
  for (const name of entries.flatMap(({ varyOn }) => varyOn)) if (!vary.has(name)) faults.push(`Vary "${[...vary].join(', ')}" without ${name}`)
  return faults
}
