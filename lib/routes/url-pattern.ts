/** URL patterns that give requirements to routes which others register: `/documentation/*`, `GET /reports/:id`. */
import { OptionError } from '../option-error.ts'

export interface UrlPattern {
  readonly text: string
  /** `null` for every method. */
  readonly method: string | null
  readonly segments: readonly string[]
}

/** Reads a pattern. Throws FST_GATEHOUSE_OPTION when it is none. */
export function urlPattern (text: string): UrlPattern {
  const match = /^(?:([A-Z][A-Z-]*) )?(\/[^\s?#]*|\*)$/.exec(text)
  if (match === null) throw new OptionError(`routes: "${text}" is no URL pattern. Write "/path/*", "/path/:id" or "GET /path", in the words of the route's own URL`)
  const segments = (match[2] as string).split('/').filter((segment) => segment !== '')
  const star = segments.indexOf('*')
  if (star !== -1 && star !== segments.length - 1) throw new OptionError(`routes: "${text}": "*" stands for the rest of the URL and can only be the last part`)
  return { text, method: match[1] ?? null, segments }
}

/** Whether a route, by its method and the URL it was registered with, falls under the pattern. HEAD follows GET. */
export function covers (pattern: UrlPattern, method: string, url: string): boolean {
  if (pattern.method !== null && pattern.method !== (method === 'HEAD' ? 'GET' : method) && pattern.method !== method) return false
  const given = url.split('/').filter((segment) => segment !== '')
  for (const [index, segment] of pattern.segments.entries()) {
    if (segment === '*') return true
    const other = given[index]
    if (other === undefined) return false
    if (segment.startsWith(':') ? other === '*' : segment !== other) return false
  }
  return given.length === pattern.segments.length
}

/** Orders patterns so that the most specific comes first: a literal part beats a parameter, which beats `*`; a longer pattern beats a shorter one; one with a method beats one without. */
export function bySpecificity (a: UrlPattern, b: UrlPattern): number {
  const length = Math.max(a.segments.length, b.segments.length)
  for (let index = 0; index < length; index++) {
    const difference = weight(b.segments[index]) - weight(a.segments[index])
    if (difference !== 0) return difference
  }
  return Number(b.method !== null) - Number(a.method !== null)
}

function weight (segment: string | undefined): number {
  if (segment === undefined) return 1
  if (segment === '*') return 0
  return segment.startsWith(':') ? 2 : 3
}
