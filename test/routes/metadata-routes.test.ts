/** The metadata of protected resources, served by the plugin and named by its challenges. */
import t from 'tap'
import gatehouse, { authenticated, scope } from '../../lib/index.ts'
import { bearer } from '../../lib/authentication/schemes/index.ts'
import { token } from '../authentication/tokens.ts'
import { bare, keys, porch } from '../core/porch.ts'

const RESOURCE = { resource: 'https://api.example/mcp', authorizationServers: ['https://login.example'] }
const METADATA = 'https://api.example/.well-known/oauth-protected-resource/mcp'
const byToken = () => bearer({ secret: 'x'.repeat(32), issuer: 'https://login.example', audience: 'https://api.example/mcp' })

t.test('authn R1: everybody gets them, scripts of any origin too, whatever the request carries', async (t) => {
  const app = await porch(t, { schemes: [byToken()], protectedResources: [RESOURCE] })
  for (const headers of [{}, { authorization: 'Bearer nonsense' }, { host: 'evil.example' }]) {
    const answer = await app.inject({ url: '/.well-known/oauth-protected-resource/mcp', headers })
    t.equal(answer.statusCode, 200)
    t.match(answer.headers, { 'content-type': 'application/json; charset=utf-8', 'access-control-allow-origin': '*', 'cache-control': 'public, max-age=3600', vary: undefined })
    t.same(answer.json(), { resource: 'https://api.example/mcp', authorization_servers: ['https://login.example'], bearer_methods_supported: ['header'] })
  }
  t.match(await app.inject({ method: 'HEAD', url: '/.well-known/oauth-protected-resource/mcp' }), { statusCode: 200, body: '' })
  t.match(await app.inject({ method: 'OPTIONS', url: '/.well-known/oauth-protected-resource/mcp', headers: { origin: 'https://app.example', 'access-control-request-method': 'GET', 'access-control-request-headers': 'mcp-protocol-version' } }), { statusCode: 204, headers: { 'access-control-allow-origin': '*', 'access-control-allow-headers': '*' } })
  t.equal((await app.inject('/.well-known/oauth-protected-resource')).statusCode, 404, 'and there is nothing where no resource is')
})

t.test('authn R4: every challenge of an OAuth scheme names them, from the configuration and not from the Host header', async (t) => {
  const app = await porch(t, { schemes: [byToken(), keys()], protectedResources: [RESOURCE] }, (app) => {
    app.get('/mcp', { config: { access: scope('tools') } }, () => 'x')
  })
  const challenge = async (authorization?: string) => {
    const { statusCode, headers } = await app.inject({ url: '/mcp', headers: { host: 'evil.example', ...authorization !== undefined && { authorization } } })
    return [statusCode, headers['www-authenticate']]
  }
  const named = `Bearer realm="api", resource_metadata="${METADATA}"`
  t.same(await challenge(), [401, [named, 'Key realm="porch"']], 'authn R5: also where nothing was sent')
  const [status, lines] = await challenge('Bearer nonsense')
  t.match([status, lines], [401, [new RegExp(`^${named.replace(/[?.]/g, '\\$&')}, error="invalid_token"`), 'Key realm="porch"']])
  const claims = { iss: 'https://login.example', aud: 'https://api.example/mcp', sub: 'ada', exp: Math.floor(Date.now() / 1000) + 60 }
  const [short, challenged] = await challenge(`Bearer ${token(claims, {}, 'x'.repeat(32))}`)
  t.match([short, String(challenged)], [403, /resource_metadata=.*error="insufficient_scope".*scope="tools"/])
})

t.test('authn R2: with several resources each route names its own, and a route outside of them none', async (t) => {
  const other = { resource: 'https://api.example/files' }
  const app = await porch(t, { schemes: [byToken()], protectedResources: [RESOURCE, other] }, (app) => {
    for (const url of ['/mcp/tools', '/files', '/filesystem']) app.get(url, { config: { access: authenticated() } }, () => 'x')
  })
  const named = async (url: string) => /resource_metadata="([^"]*)"/.exec(String((await app.inject(url)).headers['www-authenticate']))?.[1]
  t.equal(await named('/mcp/tools'), METADATA)
  t.equal(await named('/files'), 'https://api.example/.well-known/oauth-protected-resource/files')
  t.equal(await named('/filesystem'), undefined)
})

t.test('under a prefix clients would not find them, so that stops the start', async (t) => {
  const app = bare(t)
  await t.rejects(async () => {
    await app.register(async (child) => { await child.register(gatehouse, { schemes: [byToken()], protectedResources: [RESOURCE] }) }, { prefix: '/api' })
    await app.ready()
  }, { message: /under the prefix \/api.*Register it at the root/ })
})
