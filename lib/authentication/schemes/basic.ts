/** User name and password (RFC 7617), verified by the application. */
import type { FastifyRequest } from 'fastify'
import { isFromScript } from '../from-script.ts'
import type { AuthorizationField, Found, Scheme, Verdict } from '../scheme.ts'
import { sharedVerification } from '../shared-verification.ts'
import { wrongOption } from '../../option-error.ts'
import { decodeBasic } from './basic-credentials.ts'
import { checkFunction, checkKeys } from './options.ts'

type Answer<U> = U | boolean | null | undefined

type VerifyPassword<U> = (username: string, password: string) => Answer<U> | Promise<Answer<U>>

export interface BasicOptions<U extends object = { readonly id: string }> {
  /**
   * The user object, or `true` for `{ id: username }`; `null`, `undefined` or `false` when the name or the password is wrong. Take equal
   * time for both. Throwing is a 503.
   *
   * Requests that carry the same credentials at the same time share one verification that succeeds. A `verify` that declares a third
   * parameter gets the request; its answer may then depend on it, so nothing is shared.
   */
  readonly verify: (username: string, password: string, request: FastifyRequest) => Answer<U> | Promise<Answer<U>>
  /** The protection space that a browser shows. Default: the plugin's realm. */
  readonly realm?: string | undefined
  /** What the challenge says of the encoding; `false` says nothing. Credentials are read as UTF-8 in any case (RFC 7617 section 2.1). */
  readonly charset?: 'UTF-8' | false | undefined
  /** Spare the page the browser's password dialog when its own script asked: the challenge is then `xBasic`. Default true. */
  readonly spareFetch?: boolean | undefined
}

interface Password {
  readonly username: string
  readonly password: string
}

const WHERE = 'basic()'
const KNOWN = ['realm', 'verify', 'charset', 'spareFetch']

/**
 * The scheme `Basic`: `Authorization: Basic <base64 of user-id:password>`. Wrong names and wrong passwords are one answer.
 *
 * @throws OptionError when an option does not make sense.
 */
export function basic<U extends object = { readonly id: string }> (options: BasicOptions<U>): Scheme<U, Password> {
  checkOptions(options)
  const { verify, charset = 'UTF-8', spareFetch = true } = options

  return {
    name: 'Basic',
    family: 'password',
    guessable: true,
    oauth: false,
    varyOn: ['Authorization'],

    find: (_request, fields) => findPassword(fields),

    verify: verify.length > 2
      ? async ({ username, password }, request) => verdictOn(username, await verify(username, password, request))
      // without the request there is nothing else that a shared answer could depend on
      : async ({ username, password }) => verdictOn(username, await (verify as VerifyPassword<U>)(username, password)),

    ...verify.length > 2 ? {} : { share: sharedVerification<Password>(({ username, password }) => `${username}:${password}`) },

    challenge (_reason, context) {
      const realm = options.realm ?? context.realm
      return {
        scheme: spareFetch && isFromScript(context.request) ? 'xBasic' : 'Basic',
        params: charset === false ? [['realm', realm]] : [['realm', realm], ['charset', charset]],
      }
    },
  }
}

function checkOptions (options: BasicOptions<object>): void {
  checkKeys(WHERE, options, KNOWN)
  const { verify, realm, charset, spareFetch } = options
  checkFunction(WHERE, 'verify', verify)
  if (realm !== undefined && (typeof realm !== 'string' || !/^[ -~]+$/.test(realm))) {
    throw wrongOption(`${WHERE} realm`, realm, 'a text of printable ASCII characters')
  }
  if (charset !== undefined && charset !== false && charset !== 'UTF-8') {
    throw wrongOption(`${WHERE} charset`, charset, "'UTF-8' or false; RFC 7617 section 2.1 knows no other")
  }
  if (spareFetch !== undefined && typeof spareFetch !== 'boolean') {
    throw wrongOption(`${WHERE} spareFetch`, spareFetch, 'true or false')
  }
}

function findPassword (fields: readonly AuthorizationField[]): Found<Password> {
  for (const { scheme, rest } of fields) {
    if (scheme !== 'basic') continue
    const decoded = decodeBasic(rest)
    if (decoded.kind === 'malformed') return { kind: 'malformed', place: 'authorization', reason: decoded.reason }
    const { username, password } = decoded
    return { kind: 'credentials', place: 'authorization', credentials: { username, password }, account: username }
  }
  return { kind: 'nothing' }
}

function verdictOn<U extends object> (username: string, answer: Answer<U>): Verdict<U> {
  if (answer === null || answer === undefined || answer === false) return { kind: 'invalid', reason: 'the user name or the password is wrong' }
  return { kind: 'user', user: answer === true ? { id: username } as unknown as U : answer }
}
