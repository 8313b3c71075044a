/** The options that say from which sites a credential may come that browsers send along: a cookie, a client certificate. */
import { OptionError, wrongOption } from '../option-error.ts'
import { isOrigin, type TrustedSites } from './request-site.ts'
import { textList } from './schemes/options.ts'

export interface CookieSites {
  /**
   * Whether a request with an unsafe method must come from the application's own pages, told by `Sec-Fetch-Site` or `Origin`; from elsewhere
   * its cookie is not looked at, and the answer is a 403. Default true. Switch it off only where something else protects every route
   * (`@fastify/csrf-protection`).
   */
  readonly csrf?: boolean | undefined
  /** Origins whose pages may besides, `https://app.example.com`. Default none. */
  readonly origins?: readonly string[] | undefined
  /** Whether pages of all other origins of the same site may. Default false. */
  readonly sameSite?: boolean | undefined
  /** Whether clients may that say nothing of where they come from, as curl does and no browser. Default false. */
  readonly nonBrowsers?: boolean | undefined
}

export const COOKIE_SITES = ['csrf', 'origins', 'sameSite', 'nonBrowsers']
const FOR_CSRF = ['origins', 'sameSite', 'nonBrowsers'] as const

/** For `mayUseCookies`; `null` where every site may. @throws OptionError when an option does not make sense. */
export function trustedSites (where: string, options: CookieSites): TrustedSites | null {
  for (const flag of ['csrf', 'sameSite', 'nonBrowsers'] as const) {
    const given: unknown = options[flag]
    if (given !== undefined && typeof given !== 'boolean') throw wrongOption(`${where} ${flag}`, given, 'true or false')
  }
  const { csrf = true, origins = [], sameSite = false, nonBrowsers = false } = options
  checkOrigins(where, origins)
  if (csrf) return { origins: new Set(origins), sameSite, nonBrowsers }
  const idle = FOR_CSRF.find((option) => options[option] !== undefined)
  if (idle !== undefined) throw new OptionError(`${where}: \`${idle}\` means nothing with \`csrf: false\`; leave one of them out.`)
  return null
}

function checkOrigins (where: string, origins: readonly string[]): void {
  if (Array.isArray(origins) && origins.length === 0) return
  for (const origin of textList(where, 'origins', origins)) {
    if (!isOrigin(origin)) throw wrongOption(`${where} origins`, origin, 'an origin as browsers send it, https://app.example.com, in lower case and without a path or a default port')
  }
}
