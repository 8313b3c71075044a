/** Sessions in a cookie, as `@fastify/session` or `@fastify/secure-session` keep them. */
import type { FastifyRequest } from 'fastify'
import { wrongOption } from '../../option-error.ts'
import { awaited, isThenable } from '../../thenable.ts'
import { mayUseCookies } from '../request-site.ts'
import type { AuthInfo, Found, Scheme, Verdict } from '../scheme.ts'
import { COOKIE_SITES, trustedSites, type CookieSites } from '../trusted-sites.ts'
import { checkRealm, checkSchemeName } from './challenge-options.ts'
import { checkFunction, checkKeys } from './options.ts'
import { checkSessionCookie, isTampered, type SessionCookie } from './session-cookie.ts'

/** The type that the session plugin gives to `request.session`, where the application has loaded its types. */
type RequestSession = FastifyRequest extends { session: infer S } ? S : Readonly<Record<string, any>>

type Answer<U> = U | null | undefined

export interface SessionOptions<U extends object, S = RequestSession> extends CookieSites {
  /** Who is signed in with this session; `null` or `undefined` if that user is not known (any more), which is a 401. Throwing is a 503. */
  readonly user: (session: S, request: FastifyRequest) => Answer<U> | Promise<Answer<U>>
  /**
   * The key in the session that a sign-in sets; without it nobody is signed in, and the session counts as nothing sent. Default: any key
   * but `_csrf` and `flash`, so name it where strangers have a session too, with a basket for instance.
   */
  readonly key?: string | undefined
  /** What is known of the sign-in, for step-up and scopes. Default nothing. */
  readonly auth?: ((session: S, request: FastifyRequest) => Partial<Omit<AuthInfo, 'scheme'>>) | undefined
  /** How a cookie is recognised that was tampered with. */
  readonly cookie?: SessionCookie | undefined
  /** The name of the session on the request. Default `session`. */
  readonly sessionName?: string | undefined
  /** The auth-scheme of the challenge, which no client answers to; every 401 needs one. Default `Session`. */
  readonly name?: string | undefined
  /** The protection space. Default: the plugin's realm. */
  readonly realm?: string | undefined
}

const WHERE = 'session()'
const KNOWN = ['user', 'key', 'auth', 'cookie', 'sessionName', ...COOKIE_SITES, 'name', 'realm']

/** What plugins keep in the session of a stranger: `@fastify/session` itself, `@fastify/csrf-protection`, `@fastify/flash`. */
const NOT_A_SIGN_IN = new Set(['cookie', '_csrf', 'flash'])

const NOTHING = Object.freeze({ kind: 'nothing' } as const)
const CROSS_SITE = Object.freeze({ kind: 'cross_site', place: 'cookie', reason: 'the session cookie came with a request of another site' } as const)
const TAMPERED = Object.freeze({ kind: 'malformed', place: 'cookie', reason: 'the session cookie was tampered with' } as const)

/**
 * The scheme `Session`: whoever signed in with the session that `@fastify/session` or `@fastify/secure-session`, registered before the
 * gatehouse, finds by its cookie. A session that is expired or unknown is nothing sent; a cookie that was tampered with is a 401.
 *
 * @throws OptionError when an option does not make sense.
 */
export function session<U extends object, S = RequestSession> (options: SessionOptions<U, S>): Scheme<U, S> {
  checkOptions(options)
  const { user, key, auth, cookie = {}, sessionName = 'session', name = 'Session' } = options
  const trusted = trustedSites(WHERE, options)

  return {
    name,
    family: 'other',
    guessable: false,
    oauth: false,
    varyOn: ['Cookie'],

    find (request): Found<S> {
      if (request.headers.cookie === undefined) return NOTHING
      const session = (request as unknown as Readonly<Record<string, unknown>>)[sessionName]
      if (typeof session !== 'object' || session === null) return NOTHING
      if (isSignedIn(session, key)) {
        if (trusted !== null && !mayUseCookies(request, trusted)) return CROSS_SITE
        return { kind: 'credentials', place: 'cookie', credentials: session as S }
      }
      return isTampered(request, sessionName, cookie) ? TAMPERED : NOTHING
    },

    verify (session, request) {
      const settle = (known: Answer<U>): Verdict<U> => {
        if (known === null || known === undefined) return { kind: 'invalid', reason: 'nobody is known by this session', guessed: false }
        return { kind: 'user', user: known, auth: auth?.(session, request) ?? {} }
      }
      const known = user(session, request)
      return isThenable(known) ? awaited(known).then(settle) : settle(known)
    },

    challenge: (_reason, context) => ({ scheme: name, params: [['realm', options.realm ?? context.realm]] }),
  }
}

function checkOptions (options: SessionOptions<object, never>): void {
  checkKeys(WHERE, options, KNOWN)
  const { user, key, auth, cookie, sessionName, name = 'Session', realm } = options
  checkFunction(WHERE, 'user', user)
  if (auth !== undefined) checkFunction(WHERE, 'auth', auth)
  if (key !== undefined) checkText('key', key)
  if (sessionName !== undefined) checkText('sessionName', sessionName)
  checkSessionCookie(`${WHERE} cookie`, cookie)
  checkSchemeName(`${WHERE} name`, name)
  checkRealm(`${WHERE} realm`, realm)
}

function checkText (option: string, value: unknown): void {
  if (typeof value !== 'string' || value === '') throw wrongOption(`${WHERE} ${option}`, value, 'a text that is not empty')
}

function isSignedIn (session: object, key: string | undefined): boolean {
  const contents = contentsOf(session)
  if (key !== undefined) return contents[key] !== undefined && contents[key] !== null
  return Object.keys(contents).some((name) => !NOT_A_SIGN_IN.has(name))
}

/** `@fastify/secure-session` hands them out by `data()`, also those of a session that was ended; `@fastify/session` keeps them as properties. */
function contentsOf (session: object): Readonly<Record<string, unknown>> {
  const { data, deleted } = session as { readonly data?: unknown, readonly deleted?: unknown }
  if (typeof data !== 'function') return session as Readonly<Record<string, unknown>>
  return deleted === true ? {} : data.call(session) as Readonly<Record<string, unknown>>
}
