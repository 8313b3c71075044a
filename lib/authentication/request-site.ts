/** Whether a request comes from a page that may use what its browser sends along: a cookie, a client certificate. */
import type { FastifyRequest } from 'fastify'

export interface TrustedSites {
  /** Origins that may besides the application's own, as browsers send them. */
  readonly origins: ReadonlySet<string>
  /** Whether pages of other origins of the same site may (`app.example.com` for `api.example.com`). */
  readonly sameSite: boolean
  /** Whether requests may that carry neither `Sec-Fetch-Site` nor `Origin`: no browser of this decade sends them with an unsafe method. */
  readonly nonBrowsers: boolean
}

/** RFC 9110 section 9.2.1. */
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])

/** `none` is a person's own doing: a typed address, a bookmark (Fetch Metadata, section 2.3). */
const OWN_SITES = new Set(['same-origin', 'none'])

/**
 * True for a safe method, whose answer a foreign page cannot read anyway, and for whatever comes from the application's own origin or a
 * trusted one. An upgrade is not safe though its method is GET: a foreign page can read a WebSocket (RFC 6455 section 10.2).
 * `Sec-Fetch-Site` decides; `Origin`, compared by host, where a browser is old or the connection is plain HTTP.
 */
export function mayUseCookies (request: FastifyRequest, trusted: TrustedSites): boolean {
  const { origin, upgrade, 'sec-fetch-site': site } = request.headers
  if (SAFE_METHODS.has(request.method) && upgrade === undefined) return true
  if (origin !== undefined && trusted.origins.has(origin)) return true
  if (site !== undefined) return OWN_SITES.has(String(site)) || (site === 'same-site' && trusted.sameSite)
  if (origin !== undefined) return hostOf(origin) === request.host.toLowerCase()
  return trusted.nonBrowsers
}

/** Whether it is the serialization of an origin (RFC 6454 section 6.2) that a browser sends: `https://app.example.com`. */
export function isOrigin (text: unknown): text is string {
  return typeof text === 'string' && hostOf(text) !== null
}

/** `null` for what is no origin, also for the opaque `null`. */
function hostOf (origin: string): string | null {
  if (!/^https?:/.test(origin) || !URL.canParse(origin)) return null
  const url = new URL(origin)
  return url.origin === origin ? url.host : null
}
