/** A certificate authority that is made in the test, a TLS server on a free port, and clients that show a certificate or none. */
import 'reflect-metadata'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { Agent, createServer, request, type ServerOptions } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import * as x509 from '@peculiar/x509'
import type { FastifyInstance } from 'fastify'

export interface Identity {
  readonly key: string
  /** PEM. */
  readonly cert: string
  readonly der: Buffer
}

export interface Validity {
  readonly notBefore?: Date
  readonly notAfter?: Date
}

export interface Authority extends Identity {
  issue: (name: string, validity?: Validity) => Promise<Identity>
}

interface Teardown { teardown: (end: () => unknown) => void }

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const HOUR = 3_600_000

export async function authority (name: string): Promise<Authority> {
  const keys = await newKeys()
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...common(name),
    keys,
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true), new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true)],
  })
  return {
    ...await identityOf(certificate, keys),
    async issue (subject, validity) {
      const own = await newKeys()
      const issued = await x509.X509CertificateGenerator.create({
        ...common(subject, validity),
        subject: `CN=${subject}`,
        issuer: certificate.subject,
        signingKey: keys.privateKey,
        publicKey: own.publicKey,
        extensions: [
          new x509.BasicConstraintsExtension(false, undefined, true),
          new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth, x509.ExtendedKeyUsage.serverAuth]),
          new x509.SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }]),
        ],
      })
      return identityOf(issued, own)
    },
  }
}

export async function selfSigned (name: string): Promise<Identity> {
  const keys = await newKeys()
  return identityOf(await x509.X509CertificateGenerator.createSelfSigned({ ...common(name), keys }), keys)
}

function common (name: string, { notBefore = new Date(Date.now() - HOUR), notAfter = new Date(Date.now() + HOUR) }: Validity = {}) {
  // A serial number is positive, and different for each certificate of an authority.
  return { name: `CN=${name}`, serialNumber: `01${randomBytes(8).toString('hex')}`, notBefore, notAfter, signingAlgorithm: ALGORITHM }
}

async function newKeys () {
  return crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
}

async function identityOf (certificate: x509.X509Certificate, keys: { readonly privateKey: Parameters<typeof crypto.subtle.exportKey>[1] }): Promise<Identity> {
  const pkcs8 = await crypto.subtle.exportKey('pkcs8', keys.privateKey) as ArrayBuffer
  return { key: x509.PemConverter.encode(pkcs8, 'PRIVATE KEY'), cert: `${certificate.toString('pem')}\n`, der: Buffer.from(certificate.rawData) }
}

/** Serves the application over TLS and asks clients for a certificate of the authority; whoever has none, or a wrong one, gets in too. */
export async function tlsServer (t: Teardown, app: FastifyInstance, ca: Authority, options: ServerOptions = {}): Promise<number> {
  const { key, cert } = await ca.issue('server')
  await app.ready()
  const server = createServer({ key, cert, ca: ca.cert, requestCert: true, rejectUnauthorized: false, ...options }, (req, res) => app.routing(req, res))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: any
  /** Whether a connection of an earlier request carried it. */
  readonly reused: boolean
  readonly socket: TLSSocket
}

export type Client = (path?: string, headers?: Readonly<Record<string, string | string[]>>) => Promise<Answer>

/** One who keeps its connection alive; the body of an answer is JSON. */
export function tlsClient (t: Teardown, port: number, ca: Authority, identity: Partial<Identity> = {}, options: Agent['options'] = {}): Client {
  const agent = new Agent({ ca: ca.cert, ...identity.cert === undefined ? {} : { key: identity.key, cert: identity.cert }, keepAlive: true, maxSockets: 1, ...options })
  t.teardown(() => agent.destroy())
  return async (path = '/', headers = {}) => {
    const sent = request({ host: '127.0.0.1', port, path, headers, agent })
    sent.end()
    const [answer] = await once(sent, 'response')
    const { socket } = answer
    const chunks: Buffer[] = []
    for await (const chunk of answer) chunks.push(chunk)
    return { status: answer.statusCode, headers: answer.headers, body: JSON.parse(Buffer.concat(chunks).toString()), reused: sent.reusedSocket, socket }
  }
}
