/** A real authorization server (oidc-provider) on a free port, with one client of its own. */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

interface Teardown { teardown: (end: () => unknown) => void }

export const RESOURCE = 'https://newsroom.example'
export const CLIENT = { clientId: 'client', clientSecret: 'of the: client %' }
export const REDIRECT_URI = 'http://127.0.0.1/callback'

/** Who sits in front of the browser of `visit`. */
export const ACCOUNT = 'ada'

const SCOPES = 'a:read a:write'

export interface ProviderOptions {
  /** Whom its tokens are for; the first if a client does not say. Default `[RESOURCE]`. */
  readonly resources?: readonly string[]
  /** Anybody may register a client (RFC 7591). Default `false`. */
  readonly registration?: boolean
  /** A proof of possession needs a nonce (RFC 9449 section 8). Default `false`. */
  readonly nonces?: boolean
}

export interface OpenIdProvider {
  readonly issuer: string
  /** The seconds that the next access tokens live. */
  lifetime: number
  /** Publishes new keys instead of the old ones. */
  readonly rotate: () => void
  /** A token by the client credentials grant. */
  readonly token: () => Promise<string>
  /** A token that somebody has signed in for. */
  readonly tokenOf: (accountId: string) => Promise<string>
  readonly revoke: (token: string) => Promise<void>
}

export async function openIdProvider (t: Teardown, format: 'jwt' | 'opaque', options: ProviderOptions = {}): Promise<OpenIdProvider> {
  const { resources = [RESOURCE], registration = false, nonces = false } = options
  const { default: Provider } = await import('oidc-provider' as string)
  const http = createServer((request, response) => answer(request, response))
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  t.teardown(() => {
    http.closeAllConnections()
    http.close()
  })
  const issuer = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  let provider = started()
  let answer: (request: IncomingMessage, response: ServerResponse) => void = provider.callback()

  const made: OpenIdProvider = {
    issuer,
    lifetime: 600,
    rotate () {
      provider = started()
      answer = provider.callback()
    },
    async token () {
      const { access_token: token } = await post('token', { grant_type: 'client_credentials', scope: 'a:read' })
      return token as string
    },
    async tokenOf (accountId) {
      const client = await provider.Client.find(CLIENT.clientId)
      const token = new provider.AccessToken({ accountId, client, scope: 'a:read', gty: 'client_credentials' })
      token.resourceServer = new provider.ResourceServer(resources[0], resourceServer(resources[0] as string))
      return token.save()
    },
    async revoke (token) {
      await post('token/revocation', { token })
    },
  }
  return made

  async function post (path: string, form: Record<string, string>): Promise<Record<string, unknown>> {
    const credentials = [CLIENT.clientId, CLIENT.clientSecret].map(encodeURIComponent).join(':')
    const authorization = `Basic ${Buffer.from(credentials).toString('base64')}`
    const response = await fetch(`${issuer}/${path}`, { method: 'POST', headers: { authorization }, body: new URLSearchParams(form) })
    const text = await response.text()
    if (!response.ok) throw new Error(`the provider answered ${response.status} ${text}`)
    return text === '' ? {} : JSON.parse(text)
  }

  function resourceServer (resource: string) {
    const jwt = format === 'jwt' ? { jwt: { sign: { alg: 'ES256' } } } : {}
    return { scope: SCOPES, audience: resource, accessTokenFormat: format, accessTokenTTL: made.lifetime, ...jwt }
  }

  function started () {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const provider = new Provider(issuer, {
      clients: [{
        client_id: CLIENT.clientId,
        client_secret: CLIENT.clientSecret,
        grant_types: ['client_credentials', 'authorization_code', 'refresh_token'],
        redirect_uris: [REDIRECT_URI],
        response_types: ['code'],
      }],
      clientDefaults: { id_token_signed_response_alg: 'ES256' },
      jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig' }] },
      cookies: { keys: [randomBytes(16).toString('hex')] },
      scopes: SCOPES.split(' '),
      issueRefreshToken: (_context: unknown, client: { grantTypeAllowed: (type: string) => boolean }) => client.grantTypeAllowed('refresh_token'),
      findAccount: (_context: unknown, accountId: string) => ({ accountId, claims: () => ({ sub: accountId }) }),
      interactions: { url: (_context: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
      // What may be asked for is granted: no page for that.
      async loadExistingGrant ({ oidc }: { oidc: { client: { clientId: string }, session: { accountId: string } } }) {
        const grant = new provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId })
        grant.addOIDCScope(SCOPES)
        for (const resource of resources) grant.addResourceScope(resource, SCOPES)
        await grant.save()
        return grant
      },
      features: {
        devInteractions: { enabled: false },
        clientCredentials: { enabled: true },
        introspection: { enabled: true },
        revocation: { enabled: true },
        registration: { enabled: registration },
        dPoP: { enabled: true, ...nonces ? { nonceSecret: randomBytes(32), requireNonce: () => true } : {} },
        resourceIndicators: {
          enabled: true,
          defaultResource: () => resources[0],
          useGrantedResource: () => true,
          getResourceServerInfo (_context: unknown, resource: string) {
            if (!resources.includes(resource)) throw new Error(`there is no ${resource}`)
            return resourceServer(resource)
          },
        },
      },
    })
    // The page of the interaction: whoever sees it is signed in already.
    provider.use(async (context: { path: string, req: IncomingMessage, res: ServerResponse, respond: boolean }, next: () => Promise<void>) => {
      if (!context.path.startsWith('/interaction/')) return next()
      context.respond = false
      return provider.interactionFinished(context.req, context.res, { login: { accountId: ACCOUNT } })
    })
    return provider
  }
}

/** A browser that follows every redirect within the provider, with its cookies; where it is sent in the end. */
export async function visit (authorizationUrl: URL): Promise<URL> {
  const cookies = new Map<string, string>()
  let url = authorizationUrl
  for (let step = 0; step < 10; step++) {
    const cookie = [...cookies].map((pair) => pair.join('=')).join('; ')
    const response = await fetch(url, { redirect: 'manual', headers: { cookie } })
    const text = await response.text()
    const location = response.headers.get('location')
    if (location === null) throw new Error(`${url.pathname} answered ${response.status} ${text}`)
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      cookies.set(name, value)
    }
    url = new URL(location, url)
    if (url.origin !== authorizationUrl.origin) return url
  }
  throw new Error('the provider goes round in circles')
}
