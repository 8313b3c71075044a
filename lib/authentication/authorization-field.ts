/** Every `Authorization` field line of a request, split into its scheme and the rest. */
import type { AuthorizationField } from './scheme.ts'
import { TOKEN } from './grammar.ts'

const NAME = 'authorization'
const NO_FIELDS: readonly AuthorizationField[] = Object.freeze([])
const UNREADABLE: AuthorizationField = Object.freeze({ scheme: '', rest: '' })

/**
 * Reads `request.raw.rawHeaders` (name, value, name, value …), because Node.js keeps only the first of two lines in `headers`
 * (facts: authentication H11). A line that is not `token [1*SP rest]` has the scheme `''`, which no scheme claims, so it counts as nothing sent.
 */
export function authorizationFields (rawHeaders: readonly string[]): readonly AuthorizationField[] {
  let fields: AuthorizationField[] | undefined
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string
    if (name.length !== NAME.length || name.toLowerCase() !== NAME) continue
    fields ??= []
    fields.push(parseField(rawHeaders[i + 1] as string))
  }
  return fields ?? NO_FIELDS
}

/** RFC 9110 section 11.4: `credentials = auth-scheme [ 1*SP ( token68 / #auth-param ) ]`. */
function parseField (value: string): AuthorizationField {
  const space = value.indexOf(' ')
  const scheme = space === -1 ? value : value.slice(0, space)
  if (!TOKEN.test(scheme)) return UNREADABLE
  if (space === -1) return { scheme: scheme.toLowerCase(), rest: '' }
  let start = space + 1
  while (value.charCodeAt(start) === 0x20) start++
  return { scheme: scheme.toLowerCase(), rest: value.slice(start) }
}
