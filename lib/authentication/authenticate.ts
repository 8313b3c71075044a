/** Who is asking: the composition of a route's schemes into one outcome. It reads the request and changes nothing. */
import type { FastifyRequest } from 'fastify'
import { attempt, isUser, toOutcome, type Confirm } from './attempt.ts'
import { authorizationFields } from './authorization-field.ts'
import type { Guard, Outcome, SignedIn } from './outcome.ts'
import { sameName } from './scheme-name.ts'
import type { AnyScheme } from './scheme.ts'
import { credentialsOf, isChosen, look, surveyCredentials, type Credentials, type Finds } from './survey.ts'
import type { Combine, Way } from './way.ts'

export interface Schemes {
  /** The ways that the route accepts, in its order; their schemes are among `known`. */
  readonly ways: readonly Way[]
  /** All schemes of the application. */
  readonly known: readonly AnyScheme[]
}

/** All that judging needs besides the way that is tried. */
interface Trial {
  readonly request: FastifyRequest
  readonly ways: readonly Way[]
  readonly finds: Finds
  readonly guard: Guard | undefined
}

/**
 * Asks the ways of a route, in order, who sent the request. The first that finds credentials decides, and invalid ones never fall
 * through to another method; only schemes that share a name (two issuers of bearer tokens) are tried in turn, as long as their secrets
 * cannot be guessed. Two credentials that the client chose to send, of whatever schemes the application knows, are `two`, unless the
 * route demands them both; a cookie or certificate beside one is ignored. Synchronous when the scheme is. Never throws and never rejects.
 */
export function authenticate (request: FastifyRequest, { ways, known }: Schemes, guard?: Guard): Outcome | Promise<Outcome> {
  const fields = authorizationFields(request.raw.rawHeaders)
  const survey = surveyCredentials(request, fields, ways, known)
  if (survey.kind !== 'found') return survey
  return tryWay({ request, ways, finds: survey.finds, guard }, survey.way)
}

/** Whether the request carries anything that a scheme of the application would look at, right or wrong. Never throws. */
export function carriesCredentials (request: FastifyRequest, known: readonly AnyScheme[]): boolean {
  const fields = authorizationFields(request.raw.rawHeaders)
  return known.some((scheme) => look(scheme, request, fields).kind !== 'nothing')
}

function tryWay (trial: Trial, index: number): Outcome | Promise<Outcome> {
  const way = trial.ways[index] as Way
  const outcome = way.schemes.length === 1 ? attempt(way.schemes[0] as AnyScheme, credentialsIn(trial, way, 0) as Credentials, trial.request, trial.guard) : tryAll(trial, way)
  if (outcome instanceof Promise) return outcome.then((settled) => fallThrough(trial, index, settled))
  return fallThrough(trial, index, outcome)
}

/**
 * The next way that takes the same credentials gets its turn: another issuer of the same scheme, also where only one of the two demands
 * something beside it. The last error is the one that counts; that something is missing says less than that something is wrong.
 */
function fallThrough (trial: Trial, index: number, outcome: Outcome): Outcome | Promise<Outcome> {
  if (outcome.kind !== 'incomplete' && (outcome.kind !== 'invalid' || outcome.scheme.guessable)) return outcome
  for (let next = index + 1; next < trial.ways.length; next++) {
    if (!isAnother(trial, trial.ways[index] as Way, trial.ways[next] as Way, outcome)) continue
    const settled = tryWay(trial, next)
    return settled instanceof Promise ? settled.then((other) => clearer(outcome, other)) : clearer(outcome, settled)
  }
  return outcome
}

function clearer (outcome: Outcome, next: Outcome): Outcome {
  if (next.kind === 'incomplete') return outcome
  // What was good once for one of two issuers is unknown to the other.
  return next.kind === 'invalid' && outcome.kind === 'invalid' ? { ...next, guessed: next.guessed && outcome.guessed } : next
}

/** Whether the other way takes, from the same places, what the client chose to send to this one, and what was wrong with it. */
function isAnother (trial: Trial, tried: Way, other: Way, outcome: Outcome): boolean {
  const needed = tried.schemes.filter((scheme, index) => {
    const found = credentialsIn(trial, tried, index)
    return found !== null && (isChosen(found.place) || (outcome.kind === 'invalid' && outcome.scheme === scheme))
  })
  return needed.length > 0 && needed.every((scheme) => {
    return other.schemes.some((one, index) => sameName(scheme.name, one.name) && credentialsIn(trial, other, index)?.place === credentialsOf(scheme, trial.finds)?.place)
  })
}

function credentialsIn ({ finds }: Trial, { schemes }: Way, index: number): Credentials | null {
  return credentialsOf(schemes[index] as AnyScheme, finds)
}

/** Nothing is verified unless all of them are there, so that no factor can be guessed alone. */
async function tryAll (trial: Trial, { schemes, combine }: Way): Promise<Outcome> {
  const missing = schemes.filter((scheme) => credentialsOf(scheme, trial.finds) === null)
  if (missing.length > 0) return { kind: 'incomplete', reason: `all of ${namesOf(schemes)} are required; missing: ${namesOf(missing)}` }
  const users = new Map<AnyScheme, SignedIn>()
  let confirmed: SignedIn | undefined
  const whole = () => merged(schemes.map((scheme) => users.get(scheme) as SignedIn), combine ?? theSame, trial.request)
  // Who guesses at a secret must hold all that cannot be guessed.
  const order = [...schemes.filter(({ guessable }) => !guessable), ...schemes.filter(({ guessable }) => guessable)]
  for (const scheme of order) {
    const found = credentialsOf(scheme, trial.finds) as Credentials
    const confirm: Confirm = async (verdict) => {
      users.set(scheme, toOutcome(scheme, found.place, verdict) as SignedIn)
      const outcome = await whole()
      if (outcome.kind === 'unavailable') return outcome
      if (outcome.kind === 'invalid') return { kind: 'invalid', reason: outcome.reason }
      confirmed = outcome
      return verdict
    }
    // The last secret was right only if it is that of the user whom the others name: otherwise it stays counted as a guess.
    const outcome = await attempt(scheme, found, trial.request, trial.guard, scheme === order.at(-1) ? confirm : undefined)
    if (outcome.kind !== 'user') return outcome
    users.set(scheme, outcome)
  }
  // Who shared somebody else's verification has not been confirmed by it.
  return confirmed ?? whole()
}

async function merged (all: readonly SignedIn[], combine: Combine, request: FastifyRequest): Promise<Extract<Outcome, { kind: 'user' | 'invalid' | 'unavailable' }>> {
  const first = all[0] as SignedIn
  const ends = all.map(({ auth }) => auth.expiresAt).filter((end) => end !== null)
  const whole: SignedIn = {
    ...first,
    auth: { ...first.auth, expiresAt: ends.length === 0 ? null : Math.min(...ends) },
    place: all.find(({ place }) => place === 'query')?.place ?? first.place,
    headers: Object.assign({}, ...all.map(({ headers }) => headers)),
  }
  const { scheme } = first
  try {
    const user = await combine(all.map(({ user }) => user), request)
    if (isUser(user)) return { ...whole, user }
    if (user === null || user === undefined) {
      return { kind: 'invalid', scheme, error: scheme.oauth ? 'invalid_token' : 'invalid_credentials', reason: 'the users of the schemes are not one and the same, or combine says that they do not belong together', guessed: true, headers: whole.headers }
    }
    return { kind: 'unavailable', scheme, reason: 'combine returned what is no user object', cause: undefined }
  } catch (cause) {
    return { kind: 'unavailable', scheme, reason: 'the users of the schemes could not be combined', cause }
  }
}

/** Without a word of the application, all factors must be of one user, known by `id`. */
function theSame (users: ReadonlyArray<{ readonly id?: unknown }>): object | null {
  const [first] = users as readonly [{ readonly id?: unknown }]
  const { id } = first
  return ((typeof id === 'string' && id !== '') || typeof id === 'number') && users.every((user) => user.id === id) ? first : null
}

function namesOf (schemes: readonly AnyScheme[]): string {
  return schemes.map(({ name }) => name).join(', ')
}
