import { strict as assert } from 'node:assert'
import t from 'tap'
import fc from 'fast-check'
import { fastify } from 'fastify'
import { protectedResourcesOf, resourceFor, type ProtectedResource, type PublishedResource } from '../../lib/routes/protected-resource.ts'

const HERE = 'protectedResources'

function published (options: ProtectedResource): PublishedResource {
  return protectedResourcesOf(HERE, [options])[0] as PublishedResource
}

function documentOf (options: ProtectedResource): Record<string, unknown> {
  return JSON.parse(published(options).document)
}

t.test('authn R1: the metadata are between host and path, the slash after a bare host is removed', async (t) => {
  const paths: ReadonlyArray<[resource: string, path: string, url: string]> = [
    ['https://api.example', '', 'https://api.example'],
    ['https://api.example/', '', 'https://api.example'],
    ['https://api.example/mcp', '/mcp', 'https://api.example'],
    ['https://api.example/v1/mcp', '/v1/mcp', 'https://api.example'],
    ['https://api.example/mcp/', '/mcp/', 'https://api.example'],
    ['https://api.example:8443/a.b~c_d-e', '/a.b~c_d-e', 'https://api.example:8443'],
    ['http://127.0.0.1:3000/mcp', '/mcp', 'http://127.0.0.1:3000'],
    ['http://localhost', '', 'http://localhost'],
    ['http://[::1]:3000', '', 'http://[::1]:3000'],
  ]
  for (const [resource, rest, origin] of paths) {
    const found = published({ resource })
    t.equal(found.path, `/.well-known/oauth-protected-resource${rest}`)
    t.equal(found.url, origin + found.path)
    t.equal(found.resource, resource)
    t.equal(documentOf({ resource })['resource'], resource, 'authn R2: and they name the identifier as it was given')
  }
})

t.test('authn R3: every member has the name that the RFC gives it', async (t) => {
  const document = documentOf({
    resource: 'https://api.example/mcp',
    authorizationServers: ['https://login.example', 'https://login.example/tenant/', 'http://127.0.0.1:4000'],
    scopesSupported: ['a:read', 'a:write'],
    bearerMethodsSupported: ['header', 'query'],
    jwksUri: 'https://api.example/jwks?v=1',
    resourceName: 'Die Redaktion „heute“',
    resourceDocumentation: 'https://api.example/docs#start',
    resourcePolicyUri: 'https://api.example/policy',
    resourceTosUri: 'https://api.example/terms',
    tlsClientCertificateBoundAccessTokens: true,
    dpopBoundAccessTokensRequired: true,
    authorizationDetailsTypesSupported: ['payment'],
    dpopSigningAlgValuesSupported: ['ES256', 'Ed25519'],
    resourceSigningAlgValuesSupported: ['PS256'],
  })
  t.strictSame(document, {
    resource: 'https://api.example/mcp',
    authorization_servers: ['https://login.example', 'https://login.example/tenant/', 'http://127.0.0.1:4000'],
    jwks_uri: 'https://api.example/jwks?v=1',
    scopes_supported: ['a:read', 'a:write'],
    bearer_methods_supported: ['header', 'query'],
    resource_signing_alg_values_supported: ['PS256'],
    resource_name: 'Die Redaktion „heute“',
    resource_documentation: 'https://api.example/docs#start',
    resource_policy_uri: 'https://api.example/policy',
    resource_tos_uri: 'https://api.example/terms',
    tls_client_certificate_bound_access_tokens: true,
    authorization_details_types_supported: ['payment'],
    dpop_signing_alg_values_supported: ['ES256', 'Ed25519'],
    dpop_bound_access_tokens_required: true,
  })
})

t.test('authn R3: what is empty, false or absent is left out', async (t) => {
  const empty = {
    authorizationServers: [],
    scopesSupported: [],
    authorizationDetailsTypesSupported: [],
    dpopSigningAlgValuesSupported: [],
    resourceSigningAlgValuesSupported: [],
    tlsClientCertificateBoundAccessTokens: false,
    dpopBoundAccessTokensRequired: false,
    jwksUri: undefined,
    resourceName: undefined,
  }
  const resource = 'https://api.example'
  t.strictSame(documentOf({ resource, ...empty }), { resource, bearer_methods_supported: ['header'] })
  t.strictSame(documentOf({ resource, bearerMethodsSupported: undefined }), { resource, bearer_methods_supported: ['header'] })
  t.strictSame(documentOf({ resource, bearerMethodsSupported: [] }), { resource })
})

t.test('authn R6: the scopes are those that the application names, and no others', async (t) => {
  t.notOk('scopes_supported' in documentOf({ resource: 'https://api.example' }))
  t.strictSame(documentOf({ resource: 'https://api.example', scopesSupported: ['b', 'a'] })['scopes_supported'], ['b', 'a'])
})

t.test('what was made does not change with what it was made of', async (t) => {
  const scopesSupported = ['a']
  const { document } = published({ resource: 'https://api.example', scopesSupported })
  scopesSupported.push('b')
  t.strictSame(JSON.parse(document).scopes_supported, ['a'])
})

t.test('a wrong option says what was given, where, and what is allowed', async (t) => {
  const resource = 'https://api.example/mcp'
  const wrong: ReadonlyArray<[given: unknown, message: RegExp]> = [
    ['https://api.example', /^protectedResources: 'https:\/\/api\.example' was given; allowed is a list of resources/],
    [{ resource }, /allowed is a list of resources/],
    [null, /null was given; allowed is a list/],
    [[resource], /^protectedResources\[0\]: .* allowed is an object with resource, authorizationServers/],
    [[null], /^protectedResources\[0\]: null was given/],
    [[{ resource, scopeSupported: [] }], /there is no option 'scopeSupported'; .* Did you mean "scopesSupported"\?/],
    [[{ resource, authorization_servers: [] }], /Did you mean "authorizationServers"\?/],
    [[{}], /^protectedResources\[0\]\.resource: undefined was given; allowed is an absolute URL/],
    [[{ resource: new URL(resource) }], /\.resource: .* allowed is an absolute URL/],
    [[{ resource: '/mcp' }], /allowed is an absolute URL/],
    [[{ resource: 'http://api.example/mcp' }], /allowed is a URL with https:, or http: for localhost/],
    [[{ resource: 'urn:newsroom' }], /allowed is a URL with https:/],
    [[{ resource: 'https://me:hunter2@api.example/' }], /the URL holds credentials/],
    [[{ resource: 'https://api.example/mcp?a=b' }], /allowed is a URL without query and fragment/],
    [[{ resource: 'https://api.example/mcp?' }], /allowed is a URL without query and fragment/],
    [[{ resource: 'https://api.example/mcp#a' }], /allowed is a URL without query and fragment/],
    [[{ resource: 'https://api.example#' }], /allowed is a URL without query and fragment/],
    [[{ resource: 'https://API.example/mcp' }], /allowed is a URL in its normal form, 'https:\/\/api\.example\/mcp'\.$/],
    [[{ resource: 'https://api.example:443' }], /normal form, 'https:\/\/api\.example\/'\.$/],
    [[{ resource: 'https://api.example/a/../mcp' }], /normal form, 'https:\/\/api\.example\/mcp'\.$/],
    [[{ resource: ' https://api.example' }], /normal form/],
    [[{ resource: 'https://bücher.example' }], /normal form, 'https:\/\/xn--bcher-kva\.example\/'/],
    [[{ resource: 'https://api.example/:tenant' }], /allowed is a URL whose path has letters, digits and/],
    [[{ resource: 'https://api.example/*' }], /whose path has/],
    [[{ resource: 'https://api.example/caf%C3%A9' }], /whose path has/],
    [[{ resource: 'https://api.example/a//b' }], /no empty segment/],
    [[{ resource: 'https://api.example//' }], /no empty segment/],
    [[{ resource, authorizationServers: 'https://login.example' }], /^protectedResources\[0\]\.authorizationServers: 'https:\/\/login\.example' was given; allowed is a list/],
    [[{ resource, authorizationServers: ['https://a.example', 'http://b.example'] }], /authorizationServers\[1\]: 'http:\/\/b\.example' was given; allowed is a URL with https:/],
    [[{ resource, authorizationServers: ['https://a.example?b'] }], /allowed is a URL without query and fragment/],
    [[{ resource, authorizationServers: [7] }], /authorizationServers\[0\]: 7 was given; allowed is an absolute URL/],
    [[{ resource, scopesSupported: ['a b'] }], /scopesSupported\[0\]: 'a b' was given; allowed is a scope/],
    [[{ resource, scopesSupported: ['a', ''] }], /scopesSupported\[1\]: '' was given/],
    [[{ resource, scopesSupported: ['a"b'] }], /allowed is a scope/],
    [[{ resource, bearerMethodsSupported: ['body'] }], /bearerMethodsSupported\[0\]: 'body' was given; allowed is 'header' or 'query'/],
    [[{ resource, jwksUri: 'jwks' }], /jwksUri: 'jwks' was given; allowed is an absolute URL/],
    [[{ resource, resourceName: '' }], /resourceName: '' was given; allowed is a text/],
    [[{ resource, resourceDocumentation: 'javascript:alert(1)' }], /resourceDocumentation: .* allowed is a URL with https:/],
    [[{ resource, resourcePolicyUri: 7 }], /resourcePolicyUri: 7/],
    [[{ resource, resourceTosUri: 'terms' }], /resourceTosUri: 'terms'/],
    [[{ resource, tlsClientCertificateBoundAccessTokens: 'yes' }], /tlsClientCertificateBoundAccessTokens: 'yes' was given; allowed is true or false/],
    [[{ resource, dpopBoundAccessTokensRequired: 1 }], /dpopBoundAccessTokensRequired: 1/],
    [[{ resource, authorizationDetailsTypesSupported: [''] }], /authorizationDetailsTypesSupported\[0\]: ''/],
    [[{ resource, dpopSigningAlgValuesSupported: ['none'] }], /dpopSigningAlgValuesSupported\[0\]: 'none' was given; allowed is the name of a JWS algorithm/],
    [[{ resource, resourceSigningAlgValuesSupported: ['None'] }], /resourceSigningAlgValuesSupported\[0\]: 'None'/],
    [[{ resource, resourceSigningAlgValuesSupported: ['ES 256'] }], /resourceSigningAlgValuesSupported\[0\]/],
  ]
  for (const [given, message] of wrong) {
    t.throws(() => protectedResourcesOf(HERE, given), { code: 'FST_GATEHOUSE_OPTION', message }, String(message))
    try {
      protectedResourcesOf(HERE, given)
    } catch (error) {
      t.notMatch((error as Error).message, /hunter2/)
    }
  }
})

t.test('authn R1: two resources with one place are refused', async (t) => {
  const pairs = [
    ['https://api.example', 'https://api.example/'],
    ['https://api.example/mcp', 'https://api.example/mcp'],
    ['https://api.example/mcp', 'https://api.example/mcp/'],
    ['https://one.example/mcp', 'https://two.example/mcp'],
  ]
  for (const [one, two] of pairs) {
    t.throws(() => protectedResourcesOf(HERE, [{ resource: one }, { resource: 'https://api.example/other' }, { resource: two }]), {
      code: 'FST_GATEHOUSE_OPTION',
      message: `protectedResources[2].resource: the metadata of ${two} and of ${one} have the same path`,
    }, `${one} ${two}`)
  }
  t.strictSame(protectedResourcesOf(HERE, []), [])
})

t.test('authn R2: a route belongs to the resource whose path is the longest beginning of its own, by segments', async (t) => {
  const resources = protectedResourcesOf(HERE, ['', '/mcp', '/mcp/admin/', '/api/v1'].map((path) => ({ resource: `https://api.example${path}` })))
  const of = (url: string, among = resources) => resourceFor(url, among)?.resource
  t.equal(of('/mcp'), 'https://api.example/mcp')
  t.equal(of('/mcp/'), 'https://api.example/mcp')
  t.equal(of('/mcp/:id'), 'https://api.example/mcp')
  t.equal(of('/mcp/*'), 'https://api.example/mcp')
  t.equal(of('/mcp/admin'), 'https://api.example/mcp/admin/')
  t.equal(of('/mcp/admin/users'), 'https://api.example/mcp/admin/')
  t.equal(of('/mcpx'), 'https://api.example')
  t.equal(of('/api'), 'https://api.example')
  t.equal(of('/api/:version/x'), 'https://api.example', 'a parameter may be anything')
  t.equal(of('/'), 'https://api.example')
  t.equal(of(''), 'https://api.example')
  t.equal(of('*'), 'https://api.example')
  const without = resources.slice(1)
  t.equal(of('/other', without), undefined)
  t.equal(of('/mcp', without), 'https://api.example/mcp')
  t.equal(of('/mcp/admin', [...without].reverse()), 'https://api.example/mcp/admin/', 'in whatever order')
})

t.test('authn R2: a single resource is that of every route, none is that of none', async (t) => {
  const resources = protectedResourcesOf(HERE, [{ resource: 'https://api.example/behind/a/proxy' }])
  t.equal(resourceFor('/mcp', resources)?.resource, 'https://api.example/behind/a/proxy')
  t.equal(resourceFor('/mcp', []), undefined)
})

const segment = fc.stringMatching(/^[\w.~!$&'()+,;=@-]{1,8}$/).filter((text) => !/^\.\.?$/.test(text))
const path = fc.tuple(fc.array(segment, { maxLength: 4 }), fc.boolean()).map(([segments, slash]) => `/${segments.join('/')}${slash && segments.length > 0 ? '/' : ''}`)

t.test('authn R1, R2: whatever path is taken, the router serves it under the URL that is told, and its own routes belong to it', async (t) => {
  await fc.assert(fc.asyncProperty(path, async (path) => {
    const [found] = protectedResourcesOf(HERE, [{ resource: `https://api.example${path}` }]) as [PublishedResource]
    const others = protectedResourcesOf(HERE, [{ resource: 'https://api.example/another/one' }])
    assert.equal(resourceFor(`${path}/x`, [...others, found]), found)
    const app = fastify()
    app.get(found.path, (_request, reply) => reply.type('application/json').send(found.document))
    const response = await app.inject({ url: new URL(found.url).pathname })
    assert.equal(response.statusCode, 200, found.path)
    assert.equal(response.json().resource, found.resource)
    await app.close()
  }), { numRuns: 60 })
  t.pass()
})

t.test('authn R4: whatever is given, it is refused, or its URL begins as the identifier does', async (t) => {
  const hostile = fc.oneof(fc.webUrl({ withQueryParameters: true, withFragments: true }), fc.string({ unit: 'binary' }), fc.string().map((rest) => `https://api.example/${rest}`), fc.anything())
  fc.assert(fc.property(hostile, (resource) => {
    try {
      const { url } = published({ resource } as ProtectedResource)
      assert.ok(/^[!-~]+$/.test(url) && !/["\\]/.test(url))
      assert.equal(new URL(url).origin, new URL(resource as string).origin)
    } catch (error) {
      assert.equal((error as { code?: unknown }).code, 'FST_GATEHOUSE_OPTION')
    }
  }), { numRuns: 200 })
  t.pass()
})
