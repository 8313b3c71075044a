/** Client libraries as they are, against a real provider and over real sockets: they sign in, and get over a 401. */
import { randomBytes } from 'node:crypto'
import * as oauth from 'oauth4webapi'
import * as openid from 'openid-client'
import t, { type Test } from 'tap'
import gatehouse, { authenticated, scope } from '../../lib/index.ts'
import { accessTokens, bearer, dpop } from '../../lib/authentication/schemes/index.ts'
import type { AnyScheme } from '../../lib/authentication/scheme.ts'
import { issuerKey, keyServer, signed } from '../authentication/issuer.ts'
import { ACCOUNT, CLIENT, openIdProvider, REDIRECT_URI, RESOURCE, visit, type OpenIdProvider } from '../authentication/open-id-provider.ts'
import { goodClaims } from '../authentication/tokens.ts'
import { handClock } from '../stores/hand-clock.ts'
import { onLoopback } from './loopback.ts'

/** Everything here is on loopback. */
const onHttp = { [oauth.allowInsecureRequests]: true }
const basic = oauth.ClientSecretBasic(CLIENT.clientSecret)
const client: oauth.Client = { client_id: CLIENT.clientId }

/** `/me` says who is asking; `/drafts` needs the scope `a:write`. */
async function newsroom (t: Test, ...schemes: AnyScheme[]): Promise<(path: string) => URL> {
  const { app, origin } = await onLoopback(t)
  await app.register(gatehouse, { realm: 'newsroom', schemes, protectedResources: [{ resource: RESOURCE }] })
  app.get('/me', { config: { access: authenticated() } }, (request) => request.user)
  app.get('/drafts', { config: { access: scope('a:write') } }, (request) => request.auth?.scopes)
  await app.ready()
  return (path) => new URL(path, origin)
}

function byKeys ({ issuer }: OpenIdProvider, now: () => number, audience = RESOURCE): AnyScheme {
  return bearer({ issuer, audience, jwks: { url: `${issuer}/jwks`, now }, identify })
}

function byAsking ({ issuer }: OpenIdProvider): AnyScheme {
  return bearer({ issuer, audience: RESOURCE, introspection: { endpoint: `${issuer}/token/introspection`, ...CLIENT, cacheFor: 0 }, identify })
}

function identify ({ sub, iss }: { sub: string, iss: string }) {
  return { id: sub, issuer: iss }
}

/** What `fetchProtectedResource` of the one and `protectedResourceRequest` of the other library say of an answer with challenges. */
async function challenged (asked: Promise<unknown>): Promise<{ status: number, challenges: oauth.WWWAuthenticateChallenge[] }> {
  try {
    await asked
  } catch (error) {
    if (error instanceof oauth.WWWAuthenticateChallengeError) return { status: error.status, challenges: error.cause }
    throw error
  }
  throw new Error('there was no challenge')
}

/** What a client does that was written for RFC 6750: asks; if the token is refused as invalid, gets another one, and asks again. */
async function persistent (ask: (token: string) => Promise<Response>, token: string, renew: () => Promise<string>): Promise<Response> {
  try {
    return await ask(token)
  } catch (error) {
    if (!(error instanceof oauth.WWWAuthenticateChallengeError) || !error.cause.some(({ parameters }) => parameters.error === 'invalid_token')) throw error
    return ask(await renew())
  }
}

/** openid-client, knowing the issuer and its own credentials. */
function configured ({ issuer }: OpenIdProvider): Promise<openid.Configuration> {
  return openid.discovery(new URL(issuer), CLIENT.clientId, undefined, openid.ClientSecretBasic(CLIENT.clientSecret), { execute: [openid.allowInsecureRequests] })
}

/** The code grant with openid-client, and a browser. */
async function signedInWith (config: openid.Configuration, options: openid.DPoPOptions = {}) {
  const verifier = openid.randomPKCECodeVerifier()
  const url = openid.buildAuthorizationUrl(config, {
    redirect_uri: REDIRECT_URI, scope: 'a:read', resource: RESOURCE, code_challenge: await openid.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
  })
  return openid.authorizationCodeGrant(config, await visit(url), { pkceCodeVerifier: verifier }, undefined, options)
}

async function metadataOf (issuer: string): Promise<oauth.AuthorizationServer> {
  const url = new URL(issuer)
  return oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, { algorithm: 'oauth2', ...onHttp }))
}

/** The code grant with oauth4webapi, and a browser. */
async function tokenInPerson (server: oauth.AuthorizationServer, options: oauth.DPoPRequestOptions = {}): Promise<string> {
  const verifier = oauth.generateRandomCodeVerifier()
  const url = new URL(server.authorization_endpoint as string)
  url.search = String(new URLSearchParams({
    client_id: CLIENT.clientId,
    response_type: 'code',
    redirect_uri: REDIRECT_URI,
    scope: 'a:read',
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  }))
  const callback = oauth.validateAuthResponse(server, client, await visit(url))
  const response = await oauth.authorizationCodeGrantRequest(server, client, basic, callback, REDIRECT_URI, verifier, { ...onHttp, ...options })
  return (await oauth.processAuthorizationCodeResponse(server, client, response)).access_token
}

/** The client credentials grant with oauth4webapi. */
async function tokenFrom (server: oauth.AuthorizationServer, parameters: Record<string, string> = {}): Promise<string> {
  const response = await oauth.clientCredentialsGrantRequest(server, client, basic, { scope: 'a:read', ...parameters }, onHttp)
  return (await oauth.processClientCredentialsResponse(server, client, response)).access_token
}

/** Asks with oauth4webapi. */
function ask (token: string, url: URL): Promise<Response> {
  return oauth.protectedResourceRequest(token, 'GET', url, undefined, undefined, onHttp)
}

t.test('authn R1, R2, R3, R4, R6: oauth4webapi goes from a challenge to the metadata, from there to the provider, and comes back with a token', async (t) => {
  const { app, origin } = await onLoopback(t)
  const resources = ['/articles', '/api/v1/'].map((path) => origin + path) as [string, string]
  const provider = await openIdProvider(t, 'jwt', { resources })
  await app.register(gatehouse, {
    realm: 'newsroom',
    protectedResources: resources.map((resource) => ({ resource, authorizationServers: [provider.issuer], scopesSupported: ['a:read'] })),
  })
  const [articles, api] = resources.map((resource) => authenticated({ schemes: [byKeys(provider, Date.now, resource)] }))
  app.get('/articles/latest', { config: { access: articles as never } }, (request) => request.user)
  app.get('/api/v1/users', { config: { access: api as never } }, (request) => request.user)
  await app.ready()

  const places = [
    { resource: resources[0], url: new URL('/articles/latest', origin), metadata: `${origin}/.well-known/oauth-protected-resource/articles` },
    { resource: resources[1], url: new URL('/api/v1/users', origin), metadata: `${origin}/.well-known/oauth-protected-resource/api/v1/` },
  ]
  for (const { resource, url, metadata } of places) {
    const { status, challenges } = await challenged(ask('of-no-use', url))
    t.equal(status, 401)
    t.match(challenges, [{ scheme: 'bearer', parameters: { realm: 'newsroom', error: 'invalid_token', resource_metadata: metadata } }])
    t.equal(challenges.length, 1)

    const response = await oauth.resourceDiscoveryRequest(new URL(resource), onHttp)
    t.equal(response.url, metadata, 'the place that the client makes of the identifier is the one of the challenge')
    t.match(response.headers.get('content-type'), /^application\/json/)
    t.equal(response.headers.get('access-control-allow-origin'), '*')
    const found = await oauth.processResourceDiscoveryResponse(new URL(resource), response)
    t.strictSame(found, { resource, authorization_servers: [provider.issuer], scopes_supported: ['a:read'], bearer_methods_supported: ['header'] })

    const server = await metadataOf(found.authorization_servers?.[0] as string)
    const token = await tokenFrom(server, { resource })
    t.match(await (await ask(token, url)).json(), { id: CLIENT.clientId, issuer: provider.issuer })

    const other = places.find((place) => place.resource !== resource) as typeof places[number]
    t.match((await challenged(ask(token, other.url))).challenges, [{ parameters: { error: 'invalid_token', resource_metadata: other.metadata } }], 'authn K3: a token for one is none for the other')
    const foreign = await oauth.resourceDiscoveryRequest(new URL(other.resource), onHttp)
    await t.rejects(oauth.processResourceDiscoveryResponse(new URL(resource), foreign), { code: oauth.JSON_ATTRIBUTE_COMPARISON })
  }
})

t.test('authn R4, R5: a request without a token is told where to begin, and nothing of an error (B1)', async (t) => {
  const { app, origin } = await onLoopback(t)
  const provider = await openIdProvider(t, 'jwt')
  await app.register(gatehouse, { schemes: [byKeys(provider, Date.now)], protectedResources: [{ resource: origin, authorizationServers: [provider.issuer] }] })
  app.get('/me', { config: { access: authenticated() } }, (request) => request.user)
  await app.ready()
  for (const host of ['newsroom.example', 'evil.example', '']) {
    const response = await app.inject({ url: '/me', headers: { host, 'x-forwarded-host': host, 'x-forwarded-proto': 'https' } })
    t.equal(response.statusCode, 401)
    t.equal(String(response.headers['www-authenticate']), `Bearer realm="api", resource_metadata="${origin}/.well-known/oauth-protected-resource"`)
  }
})

t.test('openid-client signs somebody in; when the token has expired it is a 401, and a refreshed one is good again', async (t) => {
  const provider = await openIdProvider(t, 'jwt')
  const clock = handClock(Date.now())
  const url = await newsroom(t, byKeys(provider, clock.now))
  const config = await configured(provider)
  const askWith = (token: string) => openid.fetchProtectedResource(config, token, url('/me'), 'GET')
  provider.lifetime = 60
  const tokens = await signedInWith(config)
  t.match(await (await askWith(tokens.access_token)).json(), { id: ACCOUNT, issuer: provider.issuer })

  clock.advance(300_000)
  provider.lifetime = 600
  const { status, challenges } = await challenged(askWith(tokens.access_token))
  t.equal(status, 401)
  t.match(challenges, [{ scheme: 'bearer', parameters: { realm: 'newsroom', error: 'invalid_token', error_description: /expired/ } }])
  let renewed = 0
  const response = await persistent(askWith, tokens.access_token, async () => {
    renewed++
    return (await openid.refreshTokenGrant(config, tokens.refresh_token as string, { resource: RESOURCE })).access_token
  })
  t.equal(response.status, 200)
  t.match(await response.json(), { id: ACCOUNT })
  t.equal(renewed, 1)
})

t.test('authn B3: openid-client learns from a 403 which scope it lacks', async (t) => {
  const provider = await openIdProvider(t, 'jwt')
  const url = await newsroom(t, byKeys(provider, Date.now))
  const config = await configured(provider)
  const tokenFor = async (scope: string) => (await openid.clientCredentialsGrant(config, { scope })).access_token
  const { status, challenges } = await challenged(openid.fetchProtectedResource(config, await tokenFor('a:read'), url('/drafts'), 'GET'))
  t.equal(status, 403)
  t.match(challenges, [{ parameters: { error: 'insufficient_scope', scope: 'a:write' } }])
  const response = await openid.fetchProtectedResource(config, await tokenFor(challenges[0]?.parameters.scope as string), url('/drafts'), 'GET')
  t.strictSame(await response.json(), ['a:write'])
})

t.test('authn L5: the provider changes its keys while clients are at work; a token of the old ones is a 401 once they are gone, a new one is good at once', async (t) => {
  const provider = await openIdProvider(t, 'jwt')
  provider.lifetime = 3600
  const clock = handClock(Date.now())
  const url = await newsroom(t, byKeys(provider, clock.now))
  const config = await configured(provider)
  const askWith = (token: string) => openid.fetchProtectedResource(config, token, url('/me'), 'GET')
  const renew = async () => (await openid.clientCredentialsGrant(config, { scope: 'a:read' })).access_token
  const old = await renew()
  t.equal((await askWith(old)).status, 200)
  provider.rotate()
  t.equal((await askWith(old)).status, 200, 'the keys that are known serve until they are fetched again')
  clock.advance(600_000)
  t.equal((await challenged(askWith(old))).status, 401)
  const response = await persistent(askWith, old, renew)
  t.match(await response.json(), { id: CLIENT.clientId })
})

t.test('authn K2: of several issuers each vouches for its own tokens only', async (t) => {
  const [ours, partner] = [await openIdProvider(t, 'jwt'), await openIdProvider(t, 'jwt')]
  const key = issuerKey('ES256', 'one')
  const { url: jwks } = await keyServer(t, key)
  const third = bearer({ issuer: 'https://third.example', audience: RESOURCE, jwks })
  const [one, all] = [await newsroom(t, byKeys(ours, Date.now)), await newsroom(t, byKeys(ours, Date.now), byKeys(partner, Date.now), third)]
  const [ourToken, partnerToken] = [await tokenFrom(await metadataOf(ours.issuer)), await tokenFrom(await metadataOf(partner.issuer))]
  t.match(await (await ask(ourToken, all('/me'))).json(), { issuer: ours.issuer })
  t.match(await (await ask(partnerToken, all('/me'))).json(), { issuer: partner.issuer })
  t.equal((await challenged(ask(partnerToken, one('/me')))).status, 401)
  const claims = { ...goodClaims(), aud: RESOURCE }
  t.equal((await ask(signed(key, { ...claims, iss: 'https://third.example' }), all('/me'))).status, 200)
  for (const { issuer } of [ours, partner]) {
    const { status, challenges } = await challenged(ask(signed(key, { ...claims, iss: issuer }), all('/me')))
    t.equal(status, 401, 'a good key of another issuer')
    t.match(challenges, [{ parameters: { error: 'invalid_token' } }])
    t.equal(challenges.length, 1, 'schemes of one name are challenged once')
  }
})

t.test('authn I2: oauth4webapi with an opaque token; when it was revoked it is a 401, and the one of another sign-in is good', async (t) => {
  const [provider, other] = [await openIdProvider(t, 'opaque'), await openIdProvider(t, 'jwt')]
  const url = await newsroom(t, byKeys(other, Date.now), byAsking(provider))
  const server = await metadataOf(provider.issuer)
  const askWith = (token: string) => ask(token, url('/me'))
  const token = await tokenInPerson(server)
  t.match(await (await askWith(token)).json(), { id: ACCOUNT, issuer: provider.issuer })

  await oauth.processRevocationResponse(await oauth.revocationRequest(server, client, basic, token, onHttp))
  const { status, challenges } = await challenged(askWith(token))
  t.equal(status, 401)
  t.match(challenges, [{ scheme: 'bearer', parameters: { error: 'invalid_token' } }])
  const again = await persistent(askWith, token, () => tokenInPerson(server))
  t.match(await again.json(), { id: ACCOUNT, issuer: provider.issuer })
  const beside = await askWith(await tokenFrom(await metadataOf(other.issuer)))
  t.match(await beside.json(), { id: CLIENT.clientId, issuer: other.issuer }, 'the JWT of another issuer is good beside it')
})

t.test('authn P8, P10, P11, R4: openid-client with DPoP: nonces, their end and that of the token stop it no longer than one request', async (t) => {
  const provider = await openIdProvider(t, 'jwt', { nonces: true })
  const clock = handClock(Date.now())
  const tokens = accessTokens({ issuer: provider.issuer, audience: RESOURCE, jwks: { url: `${provider.issuer}/jwks`, now: clock.now }, identify })
  const url = await newsroom(t, dpop({ tokens, publicUrl: 'request', nonces: { secret: randomBytes(32), lifetime: 1 }, maxAge: 300, maxFuture: 300, now: clock.now }), bearer({ tokens }))
  const config = await configured(provider)
  const statuses: number[] = []
  config[openid.customFetch] = async (...request) => {
    const response = await fetch(...request as Parameters<typeof fetch>)
    if (String(request[0]).startsWith(url('/').href)) statuses.push(response.status)
    return response
  }
  const DPoP = openid.getDPoPHandle(config, await openid.randomDPoPKeyPair())
  const askWith = (token: string, options: openid.DPoPOptions = { DPoP }) => openid.fetchProtectedResource(config, token, url('/me'), 'GET', undefined, undefined, options)
  const seen = () => statuses.splice(0)
  const metadata = { resource_metadata: `${RESOURCE}/.well-known/oauth-protected-resource` }

  provider.lifetime = 30
  const { access_token: token, refresh_token: refreshToken, token_type: type } = await signedInWith(config, { DPoP })
  t.equal(type, 'dpop')
  t.match(await (await askWith(token)).json(), { id: ACCOUNT })
  t.strictSame(seen(), [401, 200], 'the first request fetches the nonce')
  t.equal((await askWith(token)).status, 200)
  t.strictSame(seen(), [200], 'the second has it')
  clock.advance(5_000)
  t.equal((await askWith(token)).status, 200)
  t.strictSame(seen(), [401, 200], 'a nonce that has expired is a 401 with the next')

  const other = openid.getDPoPHandle(config, await openid.randomDPoPKeyPair())
  t.match(await challenged(askWith(token, { DPoP: other })), { status: 401, challenges: [{ scheme: 'dpop', parameters: { error: 'invalid_token', ...metadata } }, { scheme: 'bearer', parameters: metadata }] }, 'a key that is not that of the token')
  t.match(await challenged(askWith(token, {})), { status: 401, challenges: [{ scheme: 'dpop' }, { scheme: 'bearer', parameters: { error: 'invalid_token' } }] }, 'no key at all')
  seen()

  clock.advance(200_000)
  provider.lifetime = 600
  const response = await persistent(askWith, token, async () => {
    return (await openid.refreshTokenGrant(config, refreshToken as string, { resource: RESOURCE }, { DPoP })).access_token
  })
  t.match(await response.json(), { id: ACCOUNT })
  t.strictSame(seen(), [401, 401, 200], 'the nonce, the token, and both are good')
})

t.test('authn P10: oauth4webapi with DPoP and an opaque token, which is good with the key that its issuer names', async (t) => {
  const provider = await openIdProvider(t, 'opaque', { nonces: true })
  const tokens = accessTokens({ issuer: provider.issuer, audience: RESOURCE, introspection: { endpoint: `${provider.issuer}/token/introspection`, ...CLIENT }, identify })
  const url = await newsroom(t, bearer({ tokens }), dpop({ tokens, publicUrl: 'request', nonces: { secret: randomBytes(32) } }))
  const server = await metadataOf(provider.issuer)
  const handle = async () => oauth.DPoP(client, await oauth.generateKeyPair('ES256'))
  const [DPoP, other] = [await handle(), await handle()]
  const token = await withNonce(() => tokenInPerson(server, { DPoP }))
  const askWith = (DPoP: oauth.DPoPHandle) => withNonce(() => oauth.protectedResourceRequest(token, 'GET', url('/me'), undefined, undefined, { ...onHttp, DPoP }))
  t.match(await (await askWith(DPoP)).json(), { id: ACCOUNT })
  t.match(await challenged(askWith(other)), { status: 401, challenges: [{ scheme: 'bearer' }, { scheme: 'dpop', parameters: { error: 'invalid_token' } }] })
  t.match(await challenged(ask(token, url('/me'))), { status: 401, challenges: [{ scheme: 'bearer', parameters: { error: 'invalid_token' } }, { scheme: 'dpop' }] })
})

/** oauth4webapi says when a nonce is what lacks, and leaves it to its user to ask again. */
async function withNonce<T> (ask: () => Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error
    return ask()
  }
}
