/** What a request carries, before anything is verified: which credentials, and which way of the route is to judge them. */
import type { FastifyRequest } from 'fastify'
import type { Two, Unavailable } from './outcome.ts'
import { sameName } from './scheme-name.ts'
import type { AnyScheme, AuthorizationField, CredentialPlace, Found } from './scheme.ts'
import type { Way } from './way.ts'

/** Credentials in one place. */
export type Credentials = Extract<Found, { readonly place: CredentialPlace }>

export type Survey =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'found', readonly way: number, readonly finds: Finds }
  | Two
  | Unavailable

/** What each scheme of the application found, in the order in which the application knows them. */
export interface Finds {
  readonly known: readonly AnyScheme[]
  readonly found: ReadonlyArray<Credentials | null>
}

interface Sent {
  readonly scheme: AnyScheme
  readonly place: CredentialPlace
}

const NOTHING = Object.freeze({ kind: 'nothing' } as const)

/** More `Authorization` lines than this are nobody's mistake, and each of them has to be asked about. */
const MOST_LINES = 8

export function credentialsOf (scheme: AnyScheme, { known, found }: Finds): Credentials | null {
  return found[known.indexOf(scheme)] ?? null
}

/** `known` are all schemes of the application, those of `ways` among them: a credential of any of them counts when two were sent. */
export function surveyCredentials (request: FastifyRequest, fields: readonly AuthorizationField[], ways: readonly Way[], known: readonly AnyScheme[]): Survey {
  if (fields.length > MOST_LINES) return { kind: 'two', schemes: [], reason: `there are more than ${MOST_LINES} Authorization lines` }
  const found: Array<Credentials | null> = []
  const chosen: Sent[] = []
  let anything = false

  for (const scheme of known) {
    const one = look(scheme, request, fields)
    if (one.kind === 'unavailable') return one
    if (one.kind === 'two') return { kind: 'two', schemes: [scheme], reason: one.reason }
    if (one.kind === 'nothing') {
      found.push(null)
      continue
    }
    anything = true
    found.push(one)
    const { place } = one
    if (place !== 'authorization' && isChosen(place) && !chosen.some((sent) => sent.place === place && sent.scheme.name === scheme.name)) chosen.push({ scheme, place })
  }
  // One line alone is not two.
  if (fields.length + chosen.length > 1) {
    for (const field of fields) {
      const scheme = claimantOf(field, { known, found }, request)
      if (scheme !== undefined) chosen.push({ scheme, place: 'authorization' })
    }
  }

  const finds = { known, found }
  if (chosen.length > 1) {
    const way = ways.findIndex((one) => covers(one, chosen))
    if (way !== -1) return { kind: 'found', way, finds }
    return { kind: 'two', schemes: [...new Set(chosen.map(({ scheme }) => scheme))], reason: `more than one credential was sent: ${namesOf(chosen)}` }
  }
  if (!anything) return NOTHING
  const way = wayFor(ways, finds)
  return way === -1 ? NOTHING : { kind: 'found', way, finds }
}

/** The first way with a credential of the client's own choice, else the first with one that came along by itself. */
function wayFor (ways: readonly Way[], finds: Finds): number {
  let ambient = -1
  for (let index = 0; index < ways.length; index++) {
    for (const scheme of (ways[index] as Way).schemes) {
      const credentials = credentialsOf(scheme, finds)
      if (credentials === null) continue
      if (isChosen(credentials.place)) return index
      if (ambient === -1) ambient = index
    }
  }
  return ambient
}

/** Whether the credentials are of different schemes that this way demands at once. */
function covers ({ schemes }: Way, chosen: readonly Sent[]): boolean {
  return chosen.every(({ scheme }, index) => {
    return schemes.some(({ name }) => sameName(name, scheme.name)) && chosen.findIndex((other) => sameName(other.scheme.name, scheme.name)) === index
  })
}

/** The scheme that an `Authorization` line belongs to: by its name, else because it finds its credentials there and nowhere else. */
function claimantOf (field: AuthorizationField, { known, found }: Finds, request: FastifyRequest): AnyScheme | undefined {
  if (field.scheme === '') return undefined
  return known.find(({ name }) => sameName(name, field.scheme)) ?? known.find((scheme, index) => {
    if (found[index]?.place !== 'authorization') return false
    const alone = look(scheme, request, [field])
    return 'place' in alone && alone.place === 'authorization'
  })
}

/** `find` must not throw; one that does is not allowed to become a 500. */
export function look (scheme: AnyScheme, request: FastifyRequest, fields: readonly AuthorizationField[]): Found | Unavailable {
  try {
    const found = scheme.find(request, fields)
    switch (found.kind) {
      case 'nothing':
      case 'malformed':
      case 'two':
      case 'cross_site':
      case 'credentials':
        return found
      default:
        return { kind: 'unavailable', scheme, reason: `${scheme.name} did not say what it found`, cause: undefined }
    }
  } catch (cause) {
    return { kind: 'unavailable', scheme, reason: `${scheme.name} could not look for credentials`, cause }
  }
}

/** Whether the client put it there; a cookie or certificate comes along by itself. */
export function isChosen (place: CredentialPlace): boolean {
  return place !== 'cookie' && place !== 'certificate'
}

function namesOf (chosen: readonly Sent[]): string {
  return chosen.map(({ scheme }) => scheme.name).join(' and ')
}
