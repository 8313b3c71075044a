/** The address of a server that verification depends on. */
import { OptionError, wrongOption } from '../../option-error.ts'

/** The URL parser writes every form of an IPv4 address in this one. */
const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/

/**
 * Keys and answers that came over plain HTTP could be anybody's, so it is for loopback only (facts: authentication K8).
 *
 * @throws OptionError unless `given` is an absolute https URL, without credentials.
 */
export function endpointUrl (where: string, given: unknown): URL {
  if (!(given instanceof URL) && typeof given !== 'string') throw wrongOption(where, given, 'a URL or its text')
  const href = String(given)
  if (!URL.canParse(href)) throw wrongOption(where, href, "an absolute URL, 'https://…'")
  const url = new URL(href)
  // not shown: it holds a secret
  if (url.username !== '' || url.password !== '') throw new OptionError(`${where}: the URL holds credentials, which do not belong there.`)
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && LOOPBACK.test(url.hostname))) {
    throw wrongOption(where, href, 'a URL with https:, or http: for localhost, 127.0.0.1 or [::1]')
  }
  return url
}
