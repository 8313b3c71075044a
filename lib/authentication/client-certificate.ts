/** Which certificate a client has shown: to this server's TLS, or to that of a trusted proxy in front of it. */
import type { FastifyRequest } from 'fastify'
import { wrongOption } from '../option-error.ts'
import { connectionCertificate } from './connection-certificate.ts'
import { FORWARDED, type ForwardedReader } from './forwarded-certificate.ts'
import { TOKEN } from './grammar.ts'
import { checkKeys } from './schemes/options.ts'
import { NO_CERTIFICATE, type ClientCertificate } from './shown-certificate.ts'
import { trustedProxies } from './trusted-proxies.ts'

export type { ClientCertificate } from './shown-certificate.ts'

/** Never throws. */
export type CertificateReader = (request: FastifyRequest) => ClientCertificate

/** How a proxy that ends the clients' TLS tells their certificates. */
export interface ClientCertificateOptions {
  /** The header that the proxy sets, and removes from what clients send: `Client-Cert`, `X-Forwarded-Client-Cert`. */
  readonly header: string
  /** What is in it: `rfc9440` a byte sequence (RFC 9440), `xfcc` what Envoy writes, `pem` URL-encoded PEM (`$ssl_client_escaped_cert` of nginx). */
  readonly format: 'rfc9440' | 'xfcc' | 'pem'
  /** The addresses and networks of the proxies, as this server's sockets see them: `10.0.0.7`, `10.0.0.0/8`. From all others the header is ignored. */
  readonly trustedProxies: string | readonly string[]
}

interface Forwarding {
  readonly header: string
  readonly read: ForwardedReader
  readonly isTrusted: (address: string | undefined) => boolean
}

const KNOWN = ['header', 'format', 'trustedProxies']
const FORMATS = Object.keys(FORWARDED)

/** Characters of the longest header that is looked at. */
const MAX_LENGTH = 16_384

/** Certificates of a header that are remembered, since reading one takes a fifth of a millisecond. */
const MAX_REMEMBERED = 200

/** Headers that say something else. */
const TAKEN = new Set(['authorization', 'proxy-authorization', 'cookie', 'host', 'content-type', 'content-length', 'forwarded', 'x-forwarded-for'])

/** Requests of which the log knows that their header was ignored. */
const told = new WeakSet<object>()

/**
 * Without options only the connection's own certificate counts. With them, a connection from a trusted proxy stands for whom the header
 * says, or for nobody: the proxy's own certificate is not its client's. On all other connections the header is ignored, which is logged.
 *
 * @throws OptionError when an option does not make sense.
 */
export function certificateReader (where: string, options?: ClientCertificateOptions | undefined): CertificateReader {
  if (options === undefined) return ({ raw }) => connectionCertificate(raw)
  const forwarding = forwardingOf(where, options)
  const read = remembering(forwarding.read)
  const found = new WeakMap<object, ClientCertificate>()
  return (request) => {
    const known = found.get(request.raw)
    if (known !== undefined) return known
    const certificate = look(request, { ...forwarding, read })
    found.set(request.raw, certificate)
    return certificate
  }
}

function forwardingOf (where: string, options: ClientCertificateOptions): Forwarding {
  checkKeys(where, options, KNOWN)
  const { header, format, trustedProxies: proxies } = options
  if (typeof header !== 'string' || !TOKEN.test(header) || TAKEN.has(header.toLowerCase())) {
    throw wrongOption(`${where} header`, header, "the name of a header that only your proxy sets, 'Client-Cert'")
  }
  if (!FORMATS.includes(format)) throw wrongOption(`${where} format`, format, `one of ${FORMATS.join(', ')}`)
  return { header: header.toLowerCase(), read: FORWARDED[format], isTrusted: trustedProxies(where, proxies) }
}

function look (request: FastifyRequest, { header, read, isTrusted }: Forwarding): ClientCertificate {
  const { raw } = request
  const { remoteAddress } = raw.socket
  const lines = linesOf(raw.rawHeaders, header)
  if (isTrusted(remoteAddress)) return fromLines(lines, read)
  if (lines.length > 0 && !told.has(raw)) {
    told.add(raw)
    request.log.info({ header, remoteAddress }, 'a client certificate in a header is ignored, because its sender is no trusted proxy')
  }
  // A connection that was closed has no address any more; it may have been the proxy's.
  return remoteAddress === undefined ? NO_CERTIFICATE : connectionCertificate(raw)
}

/** All lines of a header, because Node.js joins them (RFC 9440 section 2.2 has one at most). */
function linesOf (rawHeaders: readonly string[], header: string): string[] {
  return rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === header)
}

function fromLines (lines: readonly string[], read: ForwardedReader): ClientCertificate {
  const [text = '', second] = lines
  if (second !== undefined) return { kind: 'unreadable', reason: 'the header of the client certificate was sent more than once' }
  // Some proxies send it empty where there is no certificate.
  if (text === '') return NO_CERTIFICATE
  if (text.length > MAX_LENGTH) return { kind: 'unreadable', reason: `the header of the client certificate is longer than ${MAX_LENGTH} characters` }
  const certificate = read(text)
  return certificate.kind === 'unreadable' ? { kind: 'unreadable', reason: `the header of the client certificate cannot be read: ${certificate.reason}` } : certificate
}

function remembering (read: ForwardedReader): ForwardedReader {
  const remembered = new Map<string, ClientCertificate>()
  return (text) => {
    const known = remembered.get(text)
    if (known !== undefined) return known
    const certificate = read(text)
    if (certificate.kind !== 'certificate') return certificate
    if (remembered.size === MAX_REMEMBERED) remembered.delete(remembered.keys().next().value as string)
    remembered.set(text, certificate)
    return certificate
  }
}
