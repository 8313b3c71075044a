/** The certificate of whoever is at the other end of a TLS connection. */
import type { X509Certificate } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { NO_CERTIFICATE, thumbprintOf, type ClientCertificate } from './shown-certificate.ts'

/** What is used of a `tls.TLSSocket`; a plain connection lacks the certificate. */
interface Connection {
  readonly getPeerX509Certificate?: () => X509Certificate | undefined
  readonly authorized?: boolean
  readonly authorizationError?: unknown
  on: (event: 'secure', listener: () => void) => unknown
}

/** By socket, or by the session of HTTP/2, where each request has a stand-in for the socket. */
const certificates = new WeakMap<object, ClientCertificate>()

/**
 * Read once for each connection, and again when a renegotiation (TLS 1.2) is complete. Not in between: OpenSSL tells the new certificate
 * before the client has proven that it holds the key.
 */
export function connectionCertificate (raw: IncomingMessage): ClientCertificate {
  const socket = raw.socket as unknown as Connection
  if (typeof socket.getPeerX509Certificate !== 'function') return NO_CERTIFICATE
  const session = (raw as { readonly stream?: { readonly session?: object } }).stream?.session
  const known = certificates.get(session ?? socket)
  if (known !== undefined) return known
  const certificate = read(socket, socket.authorizationError === null)
  certificates.set(session ?? socket, certificate)
  // HTTP/2 forbids renegotiation (RFC 9113 section 9.2.1).
  if (session === undefined) readAgain(socket)
  return certificate
}

/**
 * Node.js keeps `authorized` and `authorizationError` when a later handshake goes the other way, so that both may be set, and only the
 * change tells whether the last one was verified. Where that cannot be told it was not.
 */
function readAgain (socket: Connection): void {
  let { authorized, authorizationError } = socket
  socket.on('secure', () => {
    const succeeded = socket.authorizationError === null || (authorized !== true && socket.authorizationError === authorizationError)
    certificates.set(socket, read(socket, succeeded));
    ({ authorized, authorizationError } = socket)
  })
}

/** Without any certificate `authorized` may be true, where a session of TLS 1.3 was resumed. */
function read (socket: Connection, succeeded: boolean): ClientCertificate {
  const certificate = socket.getPeerX509Certificate?.()
  if (certificate === undefined) return NO_CERTIFICATE
  const shown = { kind: 'certificate', thumbprint: thumbprintOf(certificate.raw), certificate } as const
  if (socket.authorized === true && succeeded) return { ...shown, verified: true }
  return { ...shown, verified: false, reason: String(socket.authorizationError) }
}
