/** The checks of what the application says about a challenge: the name of its scheme, its realm. */
import { wrongOption } from '../../option-error.ts'
import { TOKEN } from '../grammar.ts'

/** @throws OptionError unless `name` is a token (RFC 9110 section 11.1). */
export function checkSchemeName (where: string, name: unknown): void {
  if (typeof name !== 'string' || !TOKEN.test(name)) throw wrongOption(where, name, 'a token of letters, digits and dashes (RFC 9110 section 11.1)')
}

/** @throws OptionError unless `realm` is left out or a text that every client can show. */
export function checkRealm (where: string, realm: unknown): void {
  if (realm === undefined) return
  if (typeof realm !== 'string' || !/^[ -~]+$/.test(realm)) throw wrongOption(where, realm, 'a text of printable ASCII characters')
}
