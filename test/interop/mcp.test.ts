/** A client of the Model Context Protocol, which is given the URL of a server and nothing else. */
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { discoverAuthorizationServerMetadata, registerClient, type OAuthClientProvider } from '@modelcontextprotocol/sdk/client/auth.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import t, { type Test } from 'tap'
import type { FastifyReply, FastifyRequest } from 'fastify'
import gatehouse, { authenticated, scope, signedIn } from '../../lib/index.ts'
import { bearer } from '../../lib/authentication/schemes/index.ts'
import { ACCOUNT, openIdProvider, REDIRECT_URI, visit, type OpenIdProvider } from '../authentication/open-id-provider.ts'
import { handClock, type HandClock } from '../stores/hand-clock.ts'
import { onLoopback } from './loopback.ts'

/** A server of tools, whose identifier is its origin with `path`; `/mcp` is for everybody who has signed in, `/mcp/drafts` needs a scope. */
async function toolServer (t: Test, path: string): Promise<{ origin: string, provider: OpenIdProvider, clock: HandClock }> {
  const { app, origin } = await onLoopback(t)
  const resource = origin + path
  const provider = await openIdProvider(t, 'jwt', { resources: [resource], registration: true })
  const clock = handClock(Date.now())
  await app.register(gatehouse, {
    schemes: [bearer({ issuer: provider.issuer, audience: resource, jwks: { url: `${provider.issuer}/jwks`, now: clock.now } })],
    protectedResources: [{ resource, authorizationServers: [provider.issuer], scopesSupported: ['a:read'] }],
  })
  app.post('/mcp', { config: { access: authenticated() } }, answer)
  app.post('/mcp/drafts', { config: { access: scope('a:write') } }, answer)
  // There is no stream of the server's own.
  app.get('/mcp', { config: { access: authenticated() } }, (_request, reply) => reply.code(405).send())
  app.get('/mcp/drafts', { config: { access: authenticated() } }, (_request, reply) => reply.code(405).send())
  await app.ready()
  return { origin, provider, clock }
}

async function answer (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { id } = signedIn(request) as { id: string }
  const server = new McpServer({ name: 'newsroom', version: '1.0.0' })
  server.registerTool('whoami', { description: 'Who am I?' }, () => ({ content: [{ type: 'text', text: id }] }))
  const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true })
  await server.connect(transport as Transport)
  reply.hijack()
  await transport.handleRequest(request.raw, reply.raw, request.body)
  return reply
}

type ClientInformation = Awaited<ReturnType<OAuthClientProvider['clientInformation']>>
type Tokens = Awaited<ReturnType<OAuthClientProvider['tokens']>>

/** What a client has to remember, and somebody with a browser. */
class Person implements OAuthClientProvider {
  readonly redirectUrl = REDIRECT_URI
  readonly clientMetadata
  authorizationUrl: URL | undefined
  #client: ClientInformation
  #tokens: Tokens
  #verifier = ''

  constructor (grantTypes: string[]) {
    this.clientMetadata = { client_name: 'reader', redirect_uris: [REDIRECT_URI], grant_types: grantTypes, response_types: ['code'], token_endpoint_auth_method: 'none' }
  }

  clientInformation () { return this.#client }
  saveClientInformation (client: ClientInformation) { this.#client = client }
  tokens () { return this.#tokens }
  saveTokens (tokens: Tokens) { this.#tokens = tokens }
  codeVerifier () { return this.#verifier }
  saveCodeVerifier (verifier: string) { this.#verifier = verifier }
  redirectToAuthorization (url: URL) { this.authorizationUrl = url }
}

/** The client of one person, and every request that it makes. */
class Reader {
  readonly person: Person
  readonly requests: string[] = []
  #refusedStream = () => {}

  constructor (...grantTypes: string[]) {
    this.person = new Person(grantTypes)
  }

  /** Goes where the server sends it; what has to be done there, the person's browser does. */
  async signIn (t: Test, url: string): Promise<void> {
    const transport = this.#transport(url)
    await t.rejects(newClient().connect(transport as Transport), { message: 'Unauthorized' })
    const callback = await visit(this.person.authorizationUrl as URL)
    await transport.finishAuth(callback.searchParams.get('code') as string)
  }

  /** A client whose first requests are all answered, also that for a stream, which it does not wait for. */
  async connect (t: Test, url: string): Promise<Client> {
    const client = newClient()
    t.teardown(() => client.close())
    const refusedStream = new Promise<void>((resolve) => { this.#refusedStream = resolve })
    await client.connect(this.#transport(url) as Transport)
    await refusedStream
    return client
  }

  #transport (here: string): StreamableHTTPClientTransport {
    return new StreamableHTTPClientTransport(new URL(here), {
      authProvider: this.person,
      fetch: async (url, init) => {
        const response = await fetch(url, init)
        const method = init?.method ?? 'GET'
        this.requests.push(`${method} ${String(url)} ${response.status}`)
        if (method === 'GET' && response.status === 405) this.#refusedStream()
        return response
      },
    })
  }
}

function newClient (): Client {
  return new Client({ name: 'reader', version: '1.0.0' })
}

async function whoAmI (client: Client) {
  return client.callTool({ name: 'whoami', arguments: {} })
}

const IT_IS_ME = { content: [{ type: 'text', text: ACCOUNT }] }

t.test('authn R1, R4, R5: from the URL of the resource alone it finds the provider, registers, signs in and calls the tool', async (t) => {
  const { origin, provider: { issuer } } = await toolServer(t, '/mcp')
  const reader = new Reader('authorization_code', 'refresh_token')
  await reader.signIn(t, `${origin}/mcp`)
  const { resource, scope } = Object.fromEntries(reader.person.authorizationUrl?.searchParams ?? [])
  t.strictSame({ resource, scope }, { resource: `${origin}/mcp`, scope: 'a:read' }, 'as the metadata say')
  t.strictSame(reader.requests, [
    `POST ${origin}/mcp 401`,
    `GET ${origin}/.well-known/oauth-protected-resource/mcp 200`,
    `GET ${issuer}/.well-known/oauth-authorization-server 200`,
    `POST ${issuer}/reg 201`,
    `GET ${origin}/.well-known/oauth-protected-resource/mcp 200`,
    `GET ${issuer}/.well-known/oauth-authorization-server 200`,
    `POST ${issuer}/token 200`,
  ])
  t.match(await whoAmI(await reader.connect(t, `${origin}/mcp`)), IT_IS_ME)
})

t.test('authn R4: it goes where the challenge says, which is not where it would have looked', async (t) => {
  const { origin } = await toolServer(t, '')
  const reader = new Reader('authorization_code')
  await reader.signIn(t, `${origin}/mcp`)
  t.strictSame(reader.requests.slice(0, 2), [`POST ${origin}/mcp 401`, `GET ${origin}/.well-known/oauth-protected-resource 200`])
  t.equal(reader.person.authorizationUrl?.searchParams.get('resource'), origin)
  t.match(await whoAmI(await reader.connect(t, `${origin}/mcp`)), IT_IS_ME)
})

t.test('authn R5: a token that has expired is a 401, after which it gets a new one and goes on', async (t) => {
  const { origin, provider, clock } = await toolServer(t, '/mcp')
  const reader = new Reader('authorization_code', 'refresh_token')
  provider.lifetime = 60
  await reader.signIn(t, `${origin}/mcp`)
  const client = await reader.connect(t, `${origin}/mcp`)
  provider.lifetime = 600
  clock.advance(300_000)
  reader.requests.length = 0
  t.match(await whoAmI(client), IT_IS_ME)
  t.strictSame(reader.requests, [
    `POST ${origin}/mcp 401`,
    `GET ${origin}/.well-known/oauth-protected-resource/mcp 200`,
    `GET ${provider.issuer}/.well-known/oauth-authorization-server 200`,
    `POST ${provider.issuer}/token 200`,
    `POST ${origin}/mcp 200`,
  ])
})

t.test('authn R4: a scope that is short is a 403 that names it with the metadata, and it asks for that', async (t) => {
  const { origin, provider: { issuer } } = await toolServer(t, '/mcp')
  const reader = new Reader('authorization_code')
  // It would register for the scopes of the metadata alone, and could never ask for others.
  const metadata = await discoverAuthorizationServerMetadata(issuer)
  const { clientMetadata } = reader.person
  reader.person.saveClientInformation(await registerClient(issuer, { ...metadata === undefined ? {} : { metadata }, clientMetadata }))
  await reader.signIn(t, `${origin}/mcp`)
  reader.requests.length = 0
  await reader.signIn(t, `${origin}/mcp/drafts`)
  t.strictSame(reader.requests.slice(0, 2), [`POST ${origin}/mcp/drafts 403`, `GET ${origin}/.well-known/oauth-protected-resource/mcp 200`])
  t.equal(reader.person.authorizationUrl?.searchParams.get('scope'), 'a:write')
  t.match(await whoAmI(await reader.connect(t, `${origin}/mcp/drafts`)), IT_IS_ME)
})
