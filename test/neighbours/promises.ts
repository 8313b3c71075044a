/** What an application promises in whatever order its neighbours were registered. */
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { WebSocket } from 'ws'
import { ADA, FRONT_END } from './application.ts'

const CHALLENGE = /^Bearer realm="neighbours"/
const token = { authorization: ADA }
const origin = { origin: FRONT_END }

/** Requests that every order answers alike. `challenged` where the answer carries a `WWW-Authenticate`. */
const ANSWERS = [
  { what: 'a public route', method: 'GET', url: '/health', headers: {}, status: 200, challenged: false },
  { what: 'a public route with a stale token', method: 'GET', url: '/health', headers: { authorization: 'Bearer x.y.z' }, status: 200, challenged: false },
  { what: 'nothing sent', method: 'GET', url: '/me', headers: {}, status: 401, challenged: true },
  { what: 'a wrong token', method: 'GET', url: '/me', headers: { authorization: 'Bearer x.y.z' }, status: 401, challenged: true },
  { what: 'a good token', method: 'GET', url: '/me', headers: token, status: 200, challenged: false },
  { what: 'HEAD, nothing sent', method: 'HEAD', url: '/me', headers: {}, status: 401, challenged: true },
  { what: 'HEAD, a good token', method: 'HEAD', url: '/me', headers: token, status: 200, challenged: false },
  { what: 'a record of one\'s own', method: 'GET', url: '/articles/1', headers: token, status: 200, challenged: false },
  { what: 'a hidden record', method: 'GET', url: '/articles/2', headers: token, status: 404, challenged: false },
  { what: 'a missing record', method: 'GET', url: '/articles/3', headers: token, status: 404, challenged: false },
  { what: 'a record for the anonymous', method: 'GET', url: '/articles/1', headers: {}, status: 401, challenged: true },
  { what: 'a known user who may not', method: 'DELETE', url: '/articles/1', headers: token, status: 403, challenged: false },
  { what: 'an unknown URL', method: 'GET', url: '/nowhere', headers: {}, status: 404, challenged: false },
  { what: 'a page of @fastify/swagger-ui, public by URL pattern', method: 'GET', url: '/documentation/', headers: {}, status: 200, challenged: false },
  { what: 'its document, nothing sent', method: 'GET', url: '/documentation/json', headers: {}, status: 401, challenged: true },
  { what: 'its document', method: 'GET', url: '/documentation/json', headers: token, status: 200, challenged: false },
  { what: 'the status of @fastify/under-pressure, public by URL pattern', method: 'GET', url: '/status', headers: {}, status: 200, challenged: false },
] as const

export async function answersRight (t: Test, app: FastifyInstance): Promise<void> {
  for (const { what, method, url, headers, status, challenged } of ANSWERS) {
    const response = await app.inject({ method, url, headers })
    t.equal(response.statusCode, status, what)
    const challenge = response.headers['www-authenticate']
    if (challenged) t.match(String(challenge), CHALLENGE, `${what}: challenged`)
    else t.equal(challenge, undefined, `${what}: not challenged`)
    if (method === 'HEAD') t.equal(response.body, '', `${what}: no body`)
  }
}

/** A browser's preflight needs no credentials; an OPTIONS that is none follows the law or is refused by @fastify/cors. */
export async function passesPreflights (t: Test, app: FastifyInstance): Promise<void> {
  const response = await app.inject({ method: 'OPTIONS', url: '/articles/1', headers: { ...origin, 'access-control-request-method': 'DELETE' } })
  t.equal(response.statusCode, 204, 'a preflight')
  t.equal(response.headers['access-control-allow-origin'], FRONT_END)
  t.equal(response.headers['www-authenticate'], undefined)
  const other = await app.inject({ method: 'OPTIONS', url: '/articles/1' })
  t.ok([400, 401].includes(other.statusCode), `an OPTIONS that is no preflight: ${other.statusCode}`)
}

/** A browser's script can read the refusal and its challenge. */
export async function showsRefusalsAcrossOrigins (t: Test, app: FastifyInstance): Promise<void> {
  const response = await app.inject({ url: '/me', headers: origin })
  t.equal(response.statusCode, 401)
  t.equal(response.headers['access-control-allow-origin'], FRONT_END)
  t.equal(response.headers['access-control-allow-credentials'], 'true')
  const exposed = String(response.headers['access-control-expose-headers']).split(', ')
  for (const name of ['WWW-Authenticate', 'Retry-After', 'RateLimit', 'RateLimit-Policy']) t.ok(exposed.includes(name), `exposed: ${name}`)
  const vary = String(response.headers['vary']).split(', ')
  for (const name of ['Authorization', 'Accept']) t.ok(vary.includes(name), `varies on ${name}`)
}

/** Whoever was let in too often gets the 429 of @fastify/rate-limit; strangers get their 401 and use nothing up. */
export async function limitsRates (t: Test, app: FastifyInstance): Promise<void> {
  for (const attempt of [1, 2, 3]) t.equal((await app.inject('/limited')).statusCode, 401, `stranger, attempt ${attempt}`)
  t.equal((await app.inject({ url: '/limited', headers: token })).statusCode, 200)
  const response = await app.inject({ url: '/limited', headers: token })
  t.equal(response.statusCode, 429)
  t.ok(Number(response.headers['retry-after']) >= 1, 'Retry-After')
  t.equal(response.headers['www-authenticate'], undefined, 'a 429 is not challenged')
  t.equal((await app.inject('/limited')).statusCode, 401, 'also now')
}

/** The headers of @fastify/helmet stand beside ours. */
export async function keepsHelmetsHeaders (t: Test, app: FastifyInstance): Promise<void> {
  const response = await app.inject({ url: '/me', headers: token })
  t.equal(response.statusCode, 200)
  t.equal(response.headers['x-content-type-options'], 'nosniff')
}

/** A session lives its own life beside the token. */
export async function keepsSessions (t: Test, app: FastifyInstance): Promise<void> {
  const first = await app.inject('/visits')
  t.same(first.json(), { visits: 1, signedIn: false })
  const cookie = first.cookies.map(({ name, value }) => `${name}=${encodeURIComponent(value)}`).join('; ')
  const second = await app.inject({ url: '/visits', headers: { ...token, cookie } })
  t.same(second.json(), { visits: 2, signedIn: true })
}

/** Over a real socket: a stranger's upgrade is refused before it happens, and nothing of it stays. */
export async function guardsWebsockets (t: Test, app: FastifyInstance): Promise<void> {
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const url = `ws://127.0.0.1:${port}/socket`

  const signal = AbortSignal.timeout(60_000)
  const stranger = new WebSocket(url)
  const [, response] = await once(stranger, 'unexpected-response', { signal }) as [unknown, IncomingMessage]
  t.equal(response.statusCode, 401)
  t.match(response.headers['www-authenticate'], CHALLENGE)
  t.equal(app.websocketServer.clients.size, 0, 'no upgrade happened')
  const { socket } = response
  t.teardown(() => socket.destroy())
  response.resume()
  if (!socket.destroyed) await once(socket, 'close', { signal })
  t.ok(socket.destroyed, 'the server ends the refused connection')

  const ada = new WebSocket(url, { headers: token })
  const [greeting] = await once(ada, 'message', { signal })
  t.equal(String(greeting), 'welcome, ada')
  ada.close()
  await once(ada, 'close', { signal })
}
