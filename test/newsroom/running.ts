/** A newsroom that listens, and the clients of the end-to-end tests. */
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import type { FastifyInstance } from 'fastify'
import { demoKeys, type DemoKeys } from '../../examples/newsroom/api-keys.ts'
import { newsroom, type NewsroomOptions } from '../../examples/newsroom/app.ts'
import { embedded, type Database, type Query } from '../../examples/newsroom/database.ts'
import { passwordOf } from '../../examples/newsroom/people.ts'
import { inMemory, type SharedStore } from '../../examples/newsroom/shared-store.ts'
import { seed } from '../../examples/newsroom/seed.ts'

export interface Answer {
  readonly status: number
  /** The `code` of a refusal, else `null`. */
  readonly code: string | null
  readonly headers: Headers
  /** The raw text, and the object where it is JSON. */
  readonly text: string
  readonly json: Record<string, any>
}

export interface Asked {
  /** Signed in as this person, with a token fresh from the login. */
  readonly as?: string | undefined
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** Asks `GET /articles/1`, as the API client that it is unless `headers` say something else. */
export type Ask = (request: string, asked?: Asked) => Promise<Answer>

export interface Running {
  readonly app: FastifyInstance
  readonly database: Database
  readonly keys: DemoKeys
  readonly ask: Ask
  /** The bytes of the answer to the bytes of a request on a socket of its own. */
  readonly raw: (request: string) => Promise<string>
  /** The articles as they were at the start. */
  readonly reset: () => Promise<void>
}

export const SECRET = 'a secret for the tests of newsroom, long enough'

export interface RunningOptions {
  /** Default: an embedded database. */
  readonly open?: () => Promise<Database>
  /** Stands between the application and its queries. */
  readonly meddle?: (query: Query) => Query
  /** Default: in memory. */
  readonly shared?: SharedStore
  /** Default: nothing is logged. */
  readonly logger?: NonNullable<NewsroomOptions['logger']>
}

export async function running ({ open = embedded, meddle = (query) => query, shared = inMemory(), logger = false }: RunningOptions = {}): Promise<Running> {
  const database = closedOnce(await open())
  const keys = demoKeys()
  const app = await newsroom({ open: async () => ({ ...database, query: meddle(database.query) }), shared, logger, secret: SECRET, keys })
  await app.listen({ host: '127.0.0.1', port: 0 })
  return {
    app,
    database,
    keys,
    ask: client(app.listeningOrigin),
    raw: (request) => exchange(app, request),
    async reset () {
      await database.query('DELETE FROM articles')
      await seed(database)
    },
  }
}

/** A test may close it before its application does. */
function closedOnce (database: Database): Database {
  let closing: Promise<void> | undefined
  return { ...database, close: () => (closing ??= database.close()) }
}

/** Tokens are asked for once for each person, and once more after they signed out. */
export function client (origin: string): Ask {
  const tokens = new Map<string, Promise<string>>()

  const ask: Ask = async (request, { as, body, headers = {} } = {}) => {
    const [method = '', path = ''] = request.split(' ')
    const response = await fetch(`${origin}${path}`, {
      method,
      redirect: 'manual',
      headers: {
        ...(as !== undefined && { authorization: `Bearer ${await tokenOf(as)}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    if (as !== undefined && path === '/logout') tokens.delete(as)
    const text = await response.text()
    const json = response.headers.get('content-type')?.includes('json') === true && text !== '' ? JSON.parse(text) : {}
    return { status: response.status, code: typeof json.code === 'string' ? json.code : null, headers: response.headers, text, json }
  }

  function tokenOf (name: string): Promise<string> {
    const known = tokens.get(name)
    if (known !== undefined) return known
    const token = ask('POST /login', { body: { username: name, password: passwordOf(name) } }).then(({ json }) => json['access_token'] as string)
    tokens.set(name, token)
    return token
  }

  return ask
}

export interface Tokens {
  readonly access: string
  readonly refresh: string
}

/** Signs in with the person's own password, with no regard to the tokens of `as`. */
export async function signIn (ask: Ask, name: string): Promise<Tokens> {
  return tokensOf(await ask('POST /login', { body: { username: name, password: passwordOf(name) } }))
}

/** The tokens of an answer that brings them. */
export function tokensOf ({ json }: Answer): Tokens {
  return { access: json['access_token'], refresh: json['refresh_token'] }
}

/** The header that carries an access token. */
export function by (access: string): { readonly headers: { readonly authorization: string } } {
  return { headers: { authorization: `Bearer ${access}` } }
}

async function exchange (app: FastifyInstance, request: string): Promise<string> {
  const { port } = app.server.address() as { readonly port: number }
  const socket = connect({ host: '127.0.0.1', port })
  socket.write(request)
  return await text(socket)
}
