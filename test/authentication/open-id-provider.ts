/** A real authorization server (oidc-provider) on a free port, with one client of its own. */
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

interface Teardown { teardown: (end: () => unknown) => void }

export const RESOURCE = 'https://newsroom.example'
export const CLIENT = { clientId: 'client', clientSecret: 'of the: client %' }

export interface OpenIdProvider {
  readonly issuer: string
  /** Publishes new keys instead of the old ones. */
  readonly rotate: () => void
  /** A token by the client credentials grant. */
  readonly token: () => Promise<string>
  /** A token that somebody has signed in for. */
  readonly tokenOf: (accountId: string) => Promise<string>
  readonly revoke: (token: string) => Promise<void>
}

export async function openIdProvider (t: Teardown, format: 'jwt' | 'opaque'): Promise<OpenIdProvider> {
  const { default: Provider } = await import('oidc-provider' as string)
  const http = createServer((request, response) => answer(request, response))
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  t.teardown(() => {
    http.closeAllConnections()
    http.close()
  })
  const issuer = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  const resourceServer = { scope: 'a:read', audience: RESOURCE, accessTokenFormat: format, accessTokenTTL: 600, ...format === 'jwt' ? { jwt: { sign: { alg: 'ES256' } } } : {} }
  let provider = started()
  let answer: (request: IncomingMessage, response: ServerResponse) => void = provider.callback()

  return {
    issuer,
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
      token.resourceServer = new provider.ResourceServer(RESOURCE, resourceServer)
      return token.save()
    },
    async revoke (token) {
      await post('token/revocation', { token })
    },
  }

  async function post (path: string, form: Record<string, string>): Promise<Record<string, unknown>> {
    const credentials = [CLIENT.clientId, CLIENT.clientSecret].map(encodeURIComponent).join(':')
    const authorization = `Basic ${Buffer.from(credentials).toString('base64')}`
    const response = await fetch(`${issuer}/${path}`, { method: 'POST', headers: { authorization }, body: new URLSearchParams(form) })
    const text = await response.text()
    if (!response.ok) throw new Error(`the provider answered ${response.status} ${text}`)
    return text === '' ? {} : JSON.parse(text)
  }

  function started () {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    return new Provider(issuer, {
      clients: [{
        client_id: CLIENT.clientId,
        client_secret: CLIENT.clientSecret,
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
        id_token_signed_response_alg: 'ES256',
      }],
      jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig' }] },
      scopes: ['a:read'],
      features: {
        devInteractions: { enabled: false },
        clientCredentials: { enabled: true },
        introspection: { enabled: true },
        revocation: { enabled: true },
        resourceIndicators: { enabled: true, defaultResource: () => RESOURCE, getResourceServerInfo: () => resourceServer },
      },
    })
  }
}
