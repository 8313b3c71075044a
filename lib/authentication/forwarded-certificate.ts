/** The certificate of a client as a proxy writes it into a header, in one of three forms. */
import { X509Certificate } from 'node:crypto'
import { thumbprintOf, type ClientCertificate } from './shown-certificate.ts'

/** Reads the value of a header. Never throws. */
export type ForwardedReader = (text: string) => ClientCertificate

/**
 * - `rfc9440`: `:MIIB…:`, the DER as a byte sequence (RFC 9440 section 2.2, RFC 8941 section 3.3.5)
 * - `xfcc`: `Hash=<SHA-256 in hexadecimal>;Cert="<PEM, URL-encoded>"` and whatever else Envoy writes, of one client
 * - `pem`: the PEM, URL-encoded, as nginx has it in `$ssl_client_escaped_cert`
 */
export const FORWARDED: Readonly<Record<'rfc9440' | 'xfcc' | 'pem', ForwardedReader>> = {
  rfc9440: (text) => fromBase64(/^:([^:]+):$/.exec(text)?.[1], 'it is not one byte sequence (RFC 9440)'),
  xfcc: fromElement,
  pem: fromPem,
}

/** One pair of an element, and what follows it: another pair, another element, or nothing. */
const PAIR = /([a-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^",;]*))([;,]|$)/iy

/** The keys that are read; any of them twice may be one that a certificate's own text smuggled in. */
const READ = new Set(['hash', 'cert'])

function fromElement (text: string): ClientCertificate {
  const found = new Map<string, string>()
  PAIR.lastIndex = 0
  for (let end = false; !end;) {
    const [, name, quoted, bare, separator] = PAIR.exec(text) ?? []
    if (name === undefined) return unreadable('it is not a list of pairs')
    // Envoy appends an element for each proxy; which of them is the client cannot be told.
    if (separator === ',') return unreadable('it speaks of more than one client')
    const key = name.toLowerCase()
    if (READ.has(key) && found.has(key)) return unreadable(`it has ${name} twice`)
    found.set(key, quoted ?? String(bare))
    end = separator === ''
  }
  return fromHashAndCert(found.get('hash'), found.get('cert'))
}

function fromHashAndCert (hash: string | undefined, cert: string | undefined): ClientCertificate {
  if (hash !== undefined && !/^[0-9a-f]{64}$/i.test(hash)) return unreadable('Hash is not 64 digits of hexadecimal')
  const thumbprint = hash === undefined ? undefined : Buffer.from(hash, 'hex').toString('base64url')
  if (cert !== undefined) {
    const read = fromPem(cert)
    return read.kind === 'certificate' && thumbprint !== undefined && read.thumbprint !== thumbprint ? unreadable('Hash is not that of Cert') : read
  }
  return thumbprint === undefined ? unreadable('it has neither Hash nor Cert') : { kind: 'certificate', thumbprint, certificate: null, verified: true }
}

function fromPem (text: string): ClientCertificate {
  const pem = text.replace(/%([0-9a-f]{2})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)))
  const base64 = /^-----BEGIN CERTIFICATE-----\r?\n([0-9A-Za-z+/=\r\n]+)-----END CERTIFICATE-----[\r\n]*$/.exec(pem)?.[1]
  return fromBase64(base64?.replace(/[\r\n]/g, ''), 'it is not one certificate as URL-encoded PEM')
}

/** Whatever is not the one way to write these bytes is refused, also bytes that follow a certificate. */
function fromBase64 (base64: string | undefined, otherwise: string): ClientCertificate {
  if (base64 === undefined) return unreadable(otherwise)
  const der = Buffer.from(base64, 'base64')
  if (der.toString('base64') !== base64) return unreadable('its base64 is wrong')
  try {
    const certificate = new X509Certificate(der)
    if (certificate.raw.equals(der)) return { kind: 'certificate', thumbprint: thumbprintOf(der), certificate, verified: true }
  } catch {
    // told below, like what OpenSSL reads and is more or something else than the DER of one certificate
  }
  return unreadable('it is not a certificate')
}

function unreadable (reason: string): ClientCertificate {
  return { kind: 'unreadable', reason }
}
