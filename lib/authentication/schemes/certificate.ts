/** A client certificate as the only credential: whoever shows one that the TLS layer has verified is who `identify` says. */
import type { X509Certificate } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { awaited, isThenable } from '../../thenable.ts'
import { certificateReader, type ClientCertificate, type ClientCertificateOptions } from '../client-certificate.ts'
import { mayUseCookies, type TrustedSites } from '../request-site.ts'
import type { Found, Scheme, Verdict } from '../scheme.ts'
import { trustedSites, type CookieSites } from '../trusted-sites.ts'
import { checkRealm, checkSchemeName } from './challenge-options.ts'
import { checkFunction, checkKeys } from './options.ts'

type Answer<U extends object> = U | null | undefined

/** A browser sends a certificate along like a cookie; programs, which say nothing of where they come from, may always. */
export interface CertificateOptions<U extends object = object> extends Omit<CookieSites, 'nonBrowsers'> {
  /**
   * Whom the certificate stands for; `null` or `undefined` if nobody is known by it (any more), which is a 401. Throwing is a 503. It is
   * asked only about a certificate that is verified and valid now.
   */
  readonly identify: (certificate: X509Certificate, request: FastifyRequest) => Answer<U> | Promise<Answer<U>>
  /** How a proxy tells the certificates of its clients. Default: only those count that clients show to this server itself. */
  readonly clientCertificate?: ClientCertificateOptions | undefined
  /** The auth-scheme of the challenge, which no client answers to; every 401 needs one. Default `Certificate`. */
  readonly name?: string | undefined
  /** The protection space. Default: the plugin's realm. */
  readonly realm?: string | undefined
  /** The clock, in milliseconds since 1970. Default `Date.now`. */
  readonly now?: (() => number) | undefined
}

type Shown = Extract<ClientCertificate, { kind: 'certificate' }> & { readonly certificate: X509Certificate }

const WHERE = 'certificate()'
const KNOWN = ['identify', 'clientCertificate', 'csrf', 'origins', 'sameSite', 'name', 'realm', 'now']
const DEFAULTS = { name: 'Certificate' }

const NOTHING = Object.freeze({ kind: 'nothing' } as const)
const CROSS_SITE = Object.freeze({ kind: 'cross_site', place: 'certificate', reason: 'the client certificate came with a request of another site' } as const)
const ONLY_A_HASH = Object.freeze({ kind: 'malformed', place: 'certificate', reason: 'the proxy sends only the hash of the certificate, which tells nobody who it is' } as const)

/**
 * The scheme `Certificate`: a client certificate whose chain the TLS layer has verified, here or in a trusted proxy. One that is not verified,
 * not valid at this time or unknown is a 401; a header that cannot be read is a 400. Credentials in a header come before it. With an unsafe method it is
 * looked at only if no browser says that the request comes from another site; otherwise the answer is a 403.
 *
 * @throws OptionError when an option does not make sense.
 */
export function certificate<U extends object = object> (options: CertificateOptions<U>): Scheme<U, Shown> {
  checkOptions(options)
  const { identify, clientCertificate, name = DEFAULTS.name, now = Date.now } = options
  const read = certificateReader(`${WHERE} clientCertificate`, clientCertificate)
  const trusted = sitesOf(options)

  return {
    name,
    family: 'other',
    guessable: false,
    oauth: false,
    varyOn: clientCertificate === undefined ? [] : [clientCertificate.header],

    find (request): Found<Shown> {
      const shown = read(request)
      if (shown.kind === 'none') return NOTHING
      if (trusted !== null && !mayUseCookies(request, trusted)) return CROSS_SITE
      if (shown.kind === 'unreadable') return { kind: 'malformed', place: 'certificate', reason: shown.reason, error: 'invalid_request' }
      if (shown.certificate === null) return ONLY_A_HASH
      return { kind: 'credentials', place: 'certificate', credentials: { ...shown, certificate: shown.certificate } }
    },

    verify ({ certificate, verified, reason }, request) {
      if (!verified) return invalid(`its chain was not verified (${reason})`)
      // A connection, and a session of TLS that is resumed, may outlive its certificate.
      const seconds = now() / 1000
      const expiresAt = secondsOf(certificate.validTo)
      if (!(secondsOf(certificate.validFrom) <= seconds)) return invalid('it is not valid yet')
      if (!(expiresAt > seconds)) return invalid('it has expired')
      const settle = (user: Answer<U>): Verdict<U> => {
        return user === null || user === undefined ? invalid('nobody is known by it') : { kind: 'user', user, auth: { expiresAt } }
      }
      const user = identify(certificate, request)
      return isThenable(user) ? awaited(user).then(settle) : settle(user)
    },

    challenge: (_reason, context) => ({ scheme: name, params: [['realm', options.realm ?? context.realm]] }),
  }
}

function sitesOf ({ csrf, origins, sameSite }: CertificateOptions): TrustedSites | null {
  const trusted = trustedSites(WHERE, { csrf, origins, sameSite })
  return trusted === null ? null : { ...trusted, nonBrowsers: true }
}

function checkOptions (options: CertificateOptions): void {
  checkKeys(WHERE, options, KNOWN)
  const { identify, name = DEFAULTS.name, realm, now } = options
  checkFunction(WHERE, 'identify', identify)
  checkSchemeName(`${WHERE} name`, name)
  checkRealm(`${WHERE} realm`, realm)
  if (now !== undefined) checkFunction(WHERE, 'now', now)
}

/** As OpenSSL prints a time, `Nov 21 20:32:00 2026 GMT`. NaN, which no comparison holds for, if it is none. */
function secondsOf (time: string): number {
  return Date.parse(time) / 1000
}

function invalid (reason: string): Verdict<never> {
  return { kind: 'invalid', reason: `the client certificate was not accepted: ${reason}` }
}
