/** Whatever a client sends: never a 500, always one of the answers that are due, and every 401 with a well-formed challenge. */
import { request as httpRequest, Agent, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import fc from 'fast-check'
import { authenticated, can, optional } from '../../lib/index.ts'
import { basicOf, build, challengeFault, claimsOf, raw, SECRET, token, tokenOf, type Yard } from './matrix.ts'

const yard: Yard = await build({
  scheme: 'both',
  logged: false,
  more: (app, { article }) => {
    app.get('/optional', { config: { access: optional() } }, (request) => ({ user: request.user }))
    app.post('/write/:id', { config: { access: can('update', article, { optional: true }) } }, () => ({}))
    app.post('/body', { config: { access: authenticated() } }, () => ({}))
    app.get('/list', { config: { access: can('read', article.list) } }, (request) => ({ filter: article.filter(request) }))
  },
})
t.teardown(() => yard.app.close())
await yard.app.listen({ port: 0, host: '127.0.0.1' })
const agent = new Agent({ keepAlive: true, maxSockets: 4 })
t.teardown(() => agent.destroy())

const RUNS = 400
const ME = '/parent/required/sync/plain/me'

function check (answer: { statusCode: number, headers: Record<string, unknown>, body?: string }, due: readonly number[]): void {
  if (!due.includes(answer.statusCode)) throw new Error(`${answer.statusCode} where one of ${due.join(', ')} is due: ${answer.body ?? ''}`)
  const fault = challengeFault(answer, 'both')
  if (fault !== null) throw new Error(fault)
}

/** A request over a socket with these header lines, in this order, repeated names and all. */
function send (path: string, lines: readonly (readonly [string, string])[]): Promise<{ statusCode: number, headers: Record<string, unknown>, body: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({ agent, port: (yard.app.server.address() as AddressInfo).port, host: '127.0.0.1', path, headers: ['Host', 'localhost', ...lines.flat()] as never }, (incoming: IncomingMessage) => {
      const chunks: Buffer[] = []
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
      incoming.on('end', () => {
        const { 'www-authenticate': challenges } = incoming.headersDistinct
        resolve({ statusCode: incoming.statusCode as number, headers: { ...incoming.headers, 'www-authenticate': challenges }, body: Buffer.concat(chunks).toString() })
      })
    })
    outgoing.on('error', reject)
    outgoing.end()
  })
}

/** What may stand in a header field on the wire: every byte but CTLs, and tab. */
const fieldValue = fc.array(fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 0x20, max: 0x7e }) }, { weight: 1, arbitrary: fc.constantFrom(9, 0x80, 0xa0, 0xff) }), { maxLength: 60 })
  .map((codes) => String.fromCharCode(...codes.filter((code) => code !== 0x7f)))

/** Pieces from which credentials are made, in the wrong order. */
const soup = fc.array(fc.constantFrom('Bearer', 'Basic', 'bearer', 'BASIC', ' ', '  ', '\t', ',', '=', '"', ':', 'realm="x"', 'YTpi', '%', '.', 'a.b.c', tokenOf('rita'), basicOf('rita').slice(6), '\xff', 'null', '{}'), { maxLength: 8 }).map((parts) => parts.join(''))

t.test('law 2: anything in Authorization, once or several times, on a socket', async (t) => {
  await t.resolves(fc.assert(fc.asyncProperty(fc.array(fc.oneof(fieldValue, soup), { minLength: 1, maxLength: 3 }), fc.constantFrom(ME, '/optional', '/parent/required/sync/plain/articles/2'), async (values, path) => {
    const lines = values.map((value, index) => [index % 2 === 0 ? 'Authorization' : 'aUTHORIZATION', value] as const)
    check(await send(path, lines), path === ME ? [200, 400, 401] : path === '/optional' ? [200, 400, 401] : [400, 401, 404])
  }), { numRuns: RUNS }))
})

t.test('law 2: raw bytes in Authorization, which no client library would send', async (t) => {
  await t.resolves(fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 80 }), fc.constantFrom('', 'Bearer ', 'Basic '), async (bytes, scheme) => {
    const answer = await raw(yard.app, Buffer.concat([Buffer.from(`GET ${ME} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: ${scheme}`), bytes, Buffer.from('\r\n\r\n')]))
    if (answer.status !== 400 && answer.status !== 401) throw new Error(`a ${answer.status}`)
  }), { numRuns: 150 }))
})

t.test('law 2: Basic with any bytes inside', async (t) => {
  await t.resolves(fc.assert(fc.asyncProperty(fc.oneof(fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)), fc.string({ unit: 'binary', maxLength: 30 }).map((text) => Buffer.from(text))), async (bytes) => {
    check(await yard.app.inject({ url: ME, headers: { authorization: `Basic ${bytes.toString('base64')}` } }), [401])
  }), { numRuns: RUNS }))
})

const claimName = fc.oneof(fc.constantFrom('iss', 'aud', 'exp', 'nbf', 'iat', 'sub', 'roles', 'scope', 'scp', 'acr', 'auth_time', 'tenantId', 'suspended', 'id', '__proto__', 'constructor', 'toString', 'then', 'toJSON'), fc.string({ maxLength: 6 }))

t.test('law 2: any claims in a token that is signed right', async (t) => {
  await t.resolves(fc.assert(fc.asyncProperty(fc.dictionary(claimName, fc.jsonValue({ maxDepth: 2 })), fc.boolean(), fc.constantFrom(ME, '/parent/required/sync/plain/articles/2', '/parent/required/sync/plain/reports', '/parent/required/sync/plain/scoped', '/parent/required/sync/plain/fresh', '/list'), async (claims, whole, url) => {
    const payload = JSON.stringify(whole ? { ...claimsOf('rita'), ...claims } : claims)
    check(await yard.app.inject({ url, headers: { authorization: `Bearer ${token(payload)}` } }), [200, 401, 403, 404])
  }), { numRuns: 2 * RUNS }))
})

t.test('law 2: any JSON as header and payload of a signed token, and any text in place of it', async (t) => {
  await t.resolves(fc.assert(fc.asyncProperty(fc.oneof(fc.jsonValue().map((value) => JSON.stringify(value)), fc.string()), fc.oneof(fc.dictionary(fc.constantFrom('alg', 'typ', 'kid', 'crit', 'jwk', 'jku', 'x5u', 'b64', 'zip', '__proto__'), fc.jsonValue({ maxDepth: 1 })), fc.constant({})), async (payload, header) => {
    check(await yard.app.inject({ url: ME, headers: { authorization: `Bearer ${token(payload, header as object, SECRET)}` } }), [401])
  }), { numRuns: RUNS }))
})

const contentType = fc.constantFrom('application/json', 'application/json; charset=utf-8', 'text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'nonsense', 'application/merge-patch+json', '')

t.test('law 2: any body, from a stranger and from a user', async (t) => {
  const body = fc.oneof(fc.json(), fc.string(), fc.uint8Array().map((bytes) => Buffer.from(bytes)), fc.constantFrom('null', '[]', '[null]', '0', '""', '{"__proto__":{"x":1}}', '{"constructor":{"prototype":{}}}', '{"":1}', `${'['.repeat(2000)}${']'.repeat(2000)}`))
  await t.resolves(fc.assert(fc.asyncProperty(body, contentType, fc.constantFrom('none', 'rita', 'adam'), fc.constantFrom('/write/1', '/write/2', '/write/3', '/body'), async (payload, type, user, url) => {
    const answer = await yard.app.inject({ method: 'POST', url, payload, headers: { 'content-type': type, ...(user !== 'none' && { authorization: `Bearer ${tokenOf(user)}` }) } })
    check(answer, user === 'none' && url === '/body' ? [401] : [200, 400, 401, 403, 404, 413, 415])
  }), { numRuns: RUNS }))
})

t.test('law 2: any path and query', async (t) => {
  const path = fc.oneof(fc.webPath(), fc.string({ unit: 'binary', maxLength: 40 }).map((text) => `/${encodeURIComponent(text.replace(/[\ud800-\udfff]/g, ''))}`), fc.array(fc.constantFrom('/', '..', '.', '%2e', '%2f', '%00', '%', '%zz', ';', '?', '#', '//', 'articles', '2', 'parent', '*', ':id', '\\'), { maxLength: 10 }).map((parts) => `/${parts.join('')}`))
  await t.resolves(fc.assert(fc.asyncProperty(path, fc.constantFrom('', '/parent/required/sync/plain/articles'), fc.constantFrom('GET', 'HEAD', 'POST', 'OPTIONS', 'DELETE', 'PUT', 'PATCH'), fc.boolean(), async (rest, prefix, method, known) => {
    const answer = await raw(yard.app, `${method} ${prefix}${rest.replace(/[\s#]/g, '')} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${known ? `Authorization: Bearer ${tokenOf('olga')}\r\n` : ''}\r\n`)
    if (![200, 400, 401, 403, 404, 414, 431].includes(answer.status)) throw new Error(`a ${answer.status}`)
    if (answer.body.includes('the-secret-of-the-draft')) throw new Error('the draft got out')
  }), { numRuns: RUNS / 2 }))
})

t.test('law 2: any Accept, Cookie, Origin, Range and Sec-Fetch-Mode beside a refusal', async (t) => {
  const accept = fc.oneof(fieldValue, fc.array(fc.constantFrom('text/html', 'application/json', '*/*', 'text/*', ';q=', '0', '1', '0.5', ',', ';', '=', '"', 'NaN', '-1', '/', '*'), { maxLength: 12 }).map((parts) => parts.join('')))
  const name = fc.constantFrom('Accept', 'Cookie', 'Origin', 'Range', 'Sec-Fetch-Mode', 'X-Requested-With', 'If-None-Match', 'X-Forwarded-For', 'Accept-Language', '__proto__')
  await t.resolves(fc.assert(fc.asyncProperty(fc.array(fc.tuple(name, accept), { maxLength: 4 }), async (lines) => {
    const answer = await send(ME, lines)
    if (answer.statusCode !== 401) throw new Error(`a ${answer.statusCode}`)
    const plain = [answer.headers['www-authenticate']].flat().map((line) => String(line).replace(/^xBasic/, 'Basic'))
    check({ ...answer, headers: { ...answer.headers, 'www-authenticate': plain } }, [401])
    if (!/^(?:application\/problem\+json|text\/html); charset=utf-8$/.test(String(answer.headers['content-type']))) throw new Error(String(answer.headers['content-type']))
  }), { numRuns: RUNS }))
})
