/** The one table from which the tests of the laws are generated, and the applications that stand behind its cells. */
import { createHmac } from 'node:crypto'
import { connect, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { Writable } from 'node:stream'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest, type LightMyRequestResponse } from 'fastify'
import gatehouse, { authenticated, can, optional, Refusal, resource, scope, signedIn, stepUp, type GatehouseOptions } from '../../lib/index.ts'
import { basic, bearer } from '../../lib/authentication/schemes/index.ts'
import { parseChallenges } from '../../lib/authentication/challenge-parser.ts'
import { definePolicy, deny } from '../../lib/policies/index.ts'

export const SCHEMES = ['bearer', 'basic', 'both'] as const
export const MODES = ['required', 'optional'] as const
export const HANDLERS = ['sync', 'async'] as const
export const CONTEXTS = ['parent', 'child'] as const
/** Where the application's own error handler stands. */
export const ERROR_HANDLERS = ['none', 'parent', 'child', 'route'] as const
export const NOT_FOUND_HANDLERS = ['none', 'own'] as const
export const METHODS = ['GET', 'HEAD', 'POST'] as const

export interface Cell {
  readonly scheme: typeof SCHEMES[number]
  readonly mode: typeof MODES[number]
  readonly handler: typeof HANDLERS[number]
  readonly context: typeof CONTEXTS[number]
  readonly errorHandler: typeof ERROR_HANDLERS[number]
  readonly notFound: typeof NOT_FOUND_HANDLERS[number]
  readonly method: typeof METHODS[number]
}

/** Every cell of the table. An error handler of the child means nothing to a route of the parent. */
export function * cells (): Generator<Cell> {
  for (const scheme of SCHEMES) {
    for (const errorHandler of ERROR_HANDLERS) {
      for (const notFound of NOT_FOUND_HANDLERS) {
        for (const context of CONTEXTS) {
          if (errorHandler === 'child' && context === 'parent') continue
          for (const mode of MODES) for (const handler of HANDLERS) for (const method of METHODS) yield { scheme, mode, handler, context, errorHandler, notFound, method }
        }
      }
    }
  }
}

export function nameOf (cell: Cell): string {
  return Object.values(cell).join(' ')
}

/** The prefix of the cell's routes in its application. */
export function prefixOf (cell: Cell): string {
  return `/${cell.context}/${cell.mode}/${cell.handler}/${cell.errorHandler === 'route' ? 'own' : 'plain'}`
}

export const SECRET = 'the secret of the laws, 32 bytes long or more'
const ISSUER = 'https://issuer.example'
const AUDIENCE = 'newsroom'
export const PASSWORD = 'correct-horse-battery'

/** Seconds since 1970. */
export function now (): number {
  return Math.floor(Date.now() / 1000)
}

export function claimsOf (sub: string): Record<string, unknown> {
  return { iss: ISSUER, aud: AUDIENCE, exp: now() + 3600, sub, ...USERS[sub] }
}

/** A token made by hand, so that it can be as wrong as a test needs. */
export function token (claims: unknown, header: object = {}, secret = SECRET): string {
  const encode = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
  const input = `${encode({ alg: 'HS256', typ: 'JWT', ...header })}.${encode(claims)}`
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
}

export function tokenOf (sub: string, more: object = {}): string {
  return token({ ...claimsOf(sub), ...more })
}

export function basicOf (username: string, password = PASSWORD): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}

export const USERS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  rita: { roles: ['reader'], tenantId: 't1', suspended: false },
  adam: { roles: ['author'], tenantId: 't1', suspended: false },
  olga: { roles: ['author'], tenantId: 't2', suspended: false },
  sven: { roles: ['author'], tenantId: 't1', suspended: true },
}

type Parsed =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'invalid', readonly by: 'Bearer' | 'Basic' }
  | { readonly kind: 'two' }
  | { readonly kind: 'user', readonly user: string }

export interface Credential {
  readonly name: string
  /** The `Authorization` lines. */
  readonly lines: readonly string[]
  /** What an application that knows the scheme makes of them. */
  readonly to: Readonly<Record<Cell['scheme'], Parsed>>
}

const NOTHING: Parsed = { kind: 'nothing' }
const TWO: Parsed = { kind: 'two' }

function ofBearer (name: string, value: string, parsed: Parsed): Credential {
  return { name, lines: [value], to: { bearer: parsed, basic: NOTHING, both: parsed } }
}

function ofBasic (name: string, value: string, parsed: Parsed): Credential {
  return { name, lines: [value], to: { bearer: NOTHING, basic: parsed, both: parsed } }
}

/** The credentials of each kind. */
export const CREDENTIALS: readonly Credential[] = [
  { name: 'none', lines: [], to: { bearer: NOTHING, basic: NOTHING, both: NOTHING } },
  { name: 'unknown scheme', lines: ['Negotiate YII='], to: { bearer: NOTHING, basic: NOTHING, both: NOTHING } },
  { name: 'no scheme at all', lines: ['@@@ /'], to: { bearer: NOTHING, basic: NOTHING, both: NOTHING } },
  ofBearer('malformed token', 'Bearer not a token', { kind: 'invalid', by: 'Bearer' }),
  ofBearer('empty token', 'Bearer', { kind: 'invalid', by: 'Bearer' }),
  ofBearer('expired token', `Bearer ${tokenOf('rita', { exp: now() - 600 })}`, { kind: 'invalid', by: 'Bearer' }),
  ofBearer('wrong key', `Bearer ${token(claimsOf('rita'), {}, 'another secret that is also 32 bytes long')}`, { kind: 'invalid', by: 'Bearer' }),
  ofBearer('wrong audience', `Bearer ${tokenOf('rita', { aud: 'other' })}`, { kind: 'invalid', by: 'Bearer' }),
  ofBearer('wrong issuer', `Bearer ${tokenOf('rita', { iss: 'https://evil.example' })}`, { kind: 'invalid', by: 'Bearer' }),
  ofBearer('no signature', `Bearer ${token(claimsOf('rita'), { alg: 'none' }).replace(/[^.]*$/, '')}`, { kind: 'invalid', by: 'Bearer' }),
  ofBearer('token of nobody', `Bearer ${tokenOf('ghost')}`, { kind: 'invalid', by: 'Bearer' }),
  ofBasic('malformed password', 'Basic %%%', { kind: 'invalid', by: 'Basic' }),
  ofBasic('wrong password', basicOf('rita', 'wrong'), { kind: 'invalid', by: 'Basic' }),
  ofBasic('unknown user', basicOf('ghost'), { kind: 'invalid', by: 'Basic' }),
  ofBearer('reader by token', `Bearer ${tokenOf('rita')}`, { kind: 'user', user: 'rita' }),
  ofBearer('author by token', `bearer   ${tokenOf('adam')}`, { kind: 'user', user: 'adam' }),
  ofBearer('other tenant by token', `Bearer ${tokenOf('olga')}`, { kind: 'user', user: 'olga' }),
  ofBearer('suspended by token', `Bearer ${tokenOf('sven')}`, { kind: 'user', user: 'sven' }),
  ofBasic('reader by password', basicOf('rita'), { kind: 'user', user: 'rita' }),
  ofBasic('author by password', basicOf('adam'), { kind: 'user', user: 'adam' }),
  ofBasic('other tenant by password', basicOf('olga'), { kind: 'user', user: 'olga' }),
  ofBasic('suspended by password', basicOf('sven'), { kind: 'user', user: 'sven' }),
  { name: 'two at once', lines: [`Bearer ${tokenOf('rita')}`, basicOf('rita')], to: { bearer: { kind: 'user', user: 'rita' }, basic: { kind: 'user', user: 'rita' }, both: TWO } },
  { name: 'the same token twice', lines: [`Bearer ${tokenOf('rita')}`, `Bearer ${tokenOf('rita')}`], to: { bearer: TWO, basic: NOTHING, both: TWO } },
  { name: 'the same password twice', lines: [basicOf('rita'), basicOf('rita')], to: { bearer: NOTHING, basic: TWO, both: TWO } },
  { name: 'a token and an unknown scheme', lines: ['Negotiate YII=', `Bearer ${tokenOf('rita')}`], to: { bearer: { kind: 'user', user: 'rita' }, basic: NOTHING, both: { kind: 'user', user: 'rita' } } },
]

export const RULE_REASON = 'the archive is sealed by the board'

/** The rules of the tests. Drafts are their authors' own tenant's; archived articles stay as they are. */
export const POLICIES = [
  definePolicy({
    role: 'anonymous',
    rules: [
      { action: 'read', subject: 'Article', conditions: { status: { $in: ['published', 'archived'] } } },
      { action: 'update', subject: 'Article', conditions: { status: 'archived' }, inverted: true, reason: RULE_REASON, code: 'article_archived' },
    ],
  }),
  definePolicy({ role: 'reader', rules: [{ action: 'read', subject: 'Report' }] }),
  definePolicy({
    role: 'author',
    rules: [{ action: ['read', 'update'], subject: 'Article', conditions: { tenantId: '$user.tenantId' } }],
  }),
  definePolicy('account-state', [deny({ code: 'account_suspended', when: (user: { suspended?: boolean }) => user.suspended === true })]),
]

export interface Article {
  readonly id: string
  readonly tenantId: string
  readonly status: string
  readonly body: string
}

export const ARTICLES: readonly Article[] = [
  { id: '1', tenantId: 't1', status: 'published', body: 'seen by all' },
  { id: '2', tenantId: 't1', status: 'draft', body: 'the-secret-of-the-draft' },
  { id: '3', tenantId: 't1', status: 'archived', body: 'old' },
]

/** What the tests of one application change and count. */
export interface World {
  /** Ids that the store does not know, whatever it holds. */
  readonly missing: Set<string>
  lookups: number
  handled: number
  readonly log: string[]
}

export interface Yard {
  readonly app: FastifyInstance
  readonly world: World
  readonly article: ReturnType<typeof resource<Article>>
}

/** How many verified tokens are kept: as many as by default, none, or so few that they push each other out. */
const CACHES = [undefined, false, { entries: 8 }] as const
let opened = 0

/** Each application in turn keeps its tokens in another way: no answer may depend on it. */
export function schemesOf (kind: Cell['scheme']): NonNullable<GatehouseOptions['schemes']> {
  const cache = CACHES[opened++ % CACHES.length]
  const byToken = bearer({ secret: SECRET, issuer: ISSUER, audience: AUDIENCE, cache, identify: (claims) => known(claims.sub) && { ...claims, id: claims.sub } })
  const byPassword = basic({ verify: async (username, password) => password === PASSWORD ? known(username) && { id: username, ...USERS[username] } : null })
  // The password first: the order of challenges must not depend on it.
  return kind === 'both' ? [byPassword, byToken] : [kind === 'bearer' ? byToken : byPassword]
}

function known (name: string): true | null {
  return Object.hasOwn(USERS, name) ? true : null
}

export interface Walls {
  readonly scheme?: Cell['scheme']
  readonly errorHandler?: 'none' | 'parent' | 'child'
  readonly notFound?: Cell['notFound']
  readonly options?: GatehouseOptions
  /** The routes of the whole table, or only those at `/parent/required/sync/plain`. Default `'one'`. */
  readonly routes?: 'all' | 'one'
  /** Whether `world.log` is kept. Default true. */
  readonly logged?: boolean
  /** Adds what only one test needs, after the gatehouse. */
  readonly more?: (app: FastifyInstance, yard: Yard) => unknown
  /** The same, before the gatehouse. */
  readonly before?: (app: FastifyInstance) => unknown
}

/** An application with the routes of all cells that share its walls, at `prefixOf(cell)`. */
export async function build (walls: Walls = {}): Promise<Yard> {
  const { scheme = 'bearer', errorHandler = 'none', notFound = 'none', options = {}, routes = 'one', logged = true, more, before } = walls
  const world: World = { missing: new Set(), lookups: 0, handled: 0, log: [] }
  const app = Fastify({ logger: logged && { level: 'trace', stream: logTo(world.log) } })
  const article = resource<Article>('Article', {
    param: 'id',
    hidden: true,
    load: (id) => {
      world.lookups++
      return world.missing.has(id) ? null : ARTICLES.find((one) => one.id === id)
    },
  })
  const yard: Yard = { app, world, article }

  await before?.(app)
  await app.register(gatehouse, { realm: 'newsroom', schemes: schemesOf(scheme), policies: POLICIES, throttle: false, ...options })
  if (errorHandler === 'parent') app.setErrorHandler(ownErrorHandler)
  if (notFound === 'own') app.setNotFoundHandler((_request, reply) => reply.code(404).header('x-not-found', 'own').send({ nothing: 'of ours' }))
  addRoutes(app, 'parent', yard, routes)
  if (routes === 'all') {
    await app.register(async (child: FastifyInstance) => {
      if (errorHandler === 'child') child.setErrorHandler(ownErrorHandler)
      addRoutes(child, 'child', yard, routes)
    })
  }
  await more?.(app, yard)
  await app.ready()
  return yard
}

/** An application's own error handler: its own body, and the error's status. */
function ownErrorHandler (error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const { statusCode = 500, code = 'unknown' } = error as { statusCode?: number, code?: string }
  reply.code(statusCode).type('application/json').send(JSON.stringify({ own: true, code, refusal: error instanceof Refusal, path: request.url }))
}

/** Ways in which a handler can make a 401 by itself. */
export const THROWN: Readonly<Record<string, (request: FastifyRequest, reply: FastifyReply) => unknown>> = {
  'plain-error': () => { throw Object.assign(new Error('who are you?'), { statusCode: 401 }) },
  code: (_request, reply) => reply.code(401).send({ who: 'are you?' }),
  empty: (_request, reply) => reply.code(401).send(),
  response: () => new Response('who are you?', { status: 401 }),
  'response-empty': () => new Response(null, { status: 401 }),
  'signed-in': (request) => signedIn(request),
  garbage: (_request, reply) => reply.code(401).header('www-authenticate', 'no, "challenge').send('x'),
  'response-garbage': () => new Response('x', { status: 401, headers: { 'www-authenticate': '=' } }),
}

function addRoutes (app: FastifyInstance, context: Cell['context'], { world, article }: Yard, routes: 'all' | 'one'): void {
  for (const mode of MODES) {
    for (const style of HANDLERS) {
      for (const own of ['plain', 'own'] as const) {
        if (routes === 'one' && !(mode === 'required' && style === 'sync' && own === 'plain')) continue
        const prefix = `/${context}/${mode}/${style}/${own}`
        const isOptional = mode === 'optional'
        const counted = (work: (request: FastifyRequest, reply: FastifyReply) => unknown) => handlerOf(style, (request, reply) => {
          world.handled++
          return work(request, reply)
        })
        const route = (method: 'GET' | 'POST', url: string, access: ReturnType<typeof authenticated> | 'public', work: Parameters<typeof counted>[0]) => app.route({
          method, url: `${prefix}${url}`, config: { access }, handler: counted(work), ...(own === 'own' && { errorHandler: ownErrorHandler }),
        })
        for (const method of ['GET', 'POST'] as const) {
          route(method, '/me', isOptional ? optional() : authenticated(), (request) => ({ id: (request.user as { id?: string } | null)?.id ?? null }))
          route(method, '/articles/:id', can(method === 'GET' ? 'read' : 'update', article, { optional: isOptional, fields: false }), (request) => article.of(request))
          route(method, '/reports', can('read', 'Report', { optional: isOptional }), () => ({ reports: [] }))
          for (const [how, work] of Object.entries(THROWN)) {
            route(method, `/thrown/${how}`, isOptional ? optional() : authenticated(), work)
            route(method, `/open/${how}`, 'public', work)
          }
        }
        route('GET', '/scoped', scope('reports:read', { optional: isOptional }), () => ({}))
        route('GET', '/fresh', stepUp({ maxAge: 60, acr: 'gold' }, { optional: isOptional }), () => ({}))
      }
    }
  }
}

function handlerOf (style: Cell['handler'], work: (request: FastifyRequest, reply: FastifyReply) => unknown) {
  if (style === 'async') return async (request: FastifyRequest, reply: FastifyReply) => work(request, reply)
  return (request: FastifyRequest, reply: FastifyReply): void => {
    const answer = work(request, reply)
    if (answer !== reply) reply.send(answer)
  }
}

/** A stream that keeps each line that is logged. */
export function logTo (lines: string[]): Writable {
  return new Writable({
    write (chunk, _encoding, done) {
      lines.push(String(chunk))
      done()
    },
  })
}

/** The lines of the log that tell of a no: a decision, or an error. Fastify's two lines about every request are none, and neither is the one about the policy that came in force. */
export function told (log: readonly string[]): Array<{ level: number, msg: string, access?: Record<string, unknown>, err?: { message: string } }> {
  return log.map((line) => JSON.parse(line)).filter(({ msg, policy }) => msg !== 'incoming request' && msg !== 'request completed' && policy === undefined)
}

/** Applications by their walls, each built once. */
export class Yards {
  readonly #built = new Map<string, Promise<Yard>>()
  readonly #logged: boolean

  constructor (logged: boolean) {
    this.#logged = logged
  }

  of ({ scheme, errorHandler, notFound }: Pick<Cell, 'scheme' | 'errorHandler' | 'notFound'>): Promise<Yard> {
    const wall = errorHandler === 'route' ? 'none' : errorHandler
    const key = `${scheme} ${wall} ${notFound}`
    const known = this.#built.get(key)
    if (known !== undefined) return known
    const built = build({ scheme, errorHandler: wall, notFound, logged: this.#logged, routes: 'all' })
    this.#built.set(key, built)
    return built
  }

  async close (): Promise<void> {
    for (const yard of this.#built.values()) await (await yard).app.close()
  }
}

/** One request of a cell. */
export function ask ({ app }: Yard, cell: Cell, path: string, lines: readonly string[] = [], headers: Record<string, string> = {}): Promise<LightMyRequestResponse> {
  return app.inject({
    method: cell.method,
    url: `${prefixOf(cell)}${path}`,
    headers: { ...headers, ...(lines.length > 0 && { authorization: lines.length === 1 ? lines[0] as string : [...lines] as never }) },
  })
}

/** The lines of a header, as they would stand on the wire. */
export function linesOf (response: { readonly headers: Readonly<Record<string, unknown>> }, name: string): string[] {
  const value = response.headers[name]
  return value === undefined ? [] : [value].flat().map(String)
}

/** What law 1 finds wrong with the challenges of an answer, or `null`. */
export function challengeFault (response: { readonly statusCode: number, readonly headers: Readonly<Record<string, unknown>> }, scheme: Cell['scheme']): string | null {
  const lines = linesOf(response, 'www-authenticate')
  const { statusCode } = response
  if (statusCode !== 401) {
    if (lines.length === 0) return null
    const error = /^Bearer realm="newsroom", error="(invalid_request|insufficient_scope)"/.exec(lines[0] as string)?.[1]
    if (lines.length === 1 && ((statusCode === 400 && error === 'invalid_request') || (statusCode === 403 && error === 'insufficient_scope'))) return null
    return `a ${statusCode} carries ${JSON.stringify(lines)}`
  }
  const parsed = lines.map((line) => parseChallenges(line))
  if (parsed.some((challenges) => challenges?.length !== 1)) return `not one well-formed challenge a line: ${JSON.stringify(lines)}`
  const names = parsed.map((challenges) => challenges?.[0]?.scheme)
  const due = scheme === 'both' ? ['Bearer', 'Basic'] : [scheme === 'bearer' ? 'Bearer' : 'Basic']
  if (JSON.stringify(names) !== JSON.stringify(due)) return `challenges of ${JSON.stringify(names)} where ${JSON.stringify(due)} are due`
  return null
}

export interface RawAnswer {
  readonly status: number
  /** The head's lines without the status line, in the order in which they came. */
  readonly lines: readonly string[]
  readonly body: string
}

/** Sends exactly these bytes over a socket, and reads until the server closes it. */
export async function raw (app: FastifyInstance, bytes: string | Buffer): Promise<RawAnswer> {
  if (!app.server.listening) await app.listen({ port: 0, host: '127.0.0.1' })
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.on('error', () => {})
  socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
  await once(socket, 'close')
  return readAnswer(Buffer.concat(chunks).toString('latin1'))
}

export function readAnswer (text: string): RawAnswer {
  const end = text.indexOf('\r\n\r\n')
  const [first = '', ...lines] = text.slice(0, end).split('\r\n')
  return { status: Number(first.split(' ')[1]), lines, body: text.slice(end + 4) }
}

/** The text of a request without a body that closes its connection. */
export function requestText (method: string, path: string, lines: readonly string[] = []): string {
  return [`${method} ${path} HTTP/1.1`, 'Host: localhost', 'Connection: close', ...lines, '', ''].join('\r\n')
}
