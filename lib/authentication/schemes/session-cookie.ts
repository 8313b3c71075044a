/** Whether a session cookie was tampered with, which the plugins that read it do not say: to them it is a new session, as after its expiry. */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { knownOptionsOnly, OptionError, wrongOption } from '../../option-error.ts'
import { TOKEN } from '../grammar.ts'

export interface SessionCookie {
  /** The cookie's name. Default: `sessionId` with a `secret`, as `@fastify/session` has it; otherwise the `sessionName`, as `@fastify/secure-session` has it. */
  readonly name?: string | undefined
  /**
   * For `@fastify/session`: its own `secret`. With it a cookie with a wrong signature is a 401; without it that counts as nothing sent.
   * Whoever gave that plugin an `algorithm` or a `cookiePrefix` gives a signer that knows of it. Not needed for `@fastify/secure-session`.
   */
  readonly secret?: string | readonly string[] | { unsign: (value: string) => { readonly valid: boolean } } | undefined
}

/** What the scheme needs of `@fastify/cookie` and `@fastify/secure-session`. */
interface Reading {
  readonly cookies?: Readonly<Record<string, string | undefined>>
  readonly server: {
    readonly unsignCookie?: (value: string) => { readonly valid: boolean, readonly value: string | null }
    readonly decodeSecureSession?: (value: string, log: { trace: (message: string) => void, debug: (message: string) => void }, sessionName: string) => object | null
  }
}

/** @throws OptionError unless `cookie` is left out or makes sense. The secret is not shown. */
export function checkSessionCookie (where: string, cookie: SessionCookie | undefined): void {
  if (cookie === undefined) return
  knownOptionsOnly(where, cookie, ['name', 'secret'])
  const { name, secret } = cookie
  if (name !== undefined && (typeof name !== 'string' || !TOKEN.test(name))) throw wrongOption(`${where} name`, name, 'the name of a cookie')
  if (secret === undefined || (typeof secret === 'object' && typeof (secret as { unsign?: unknown } | null)?.unsign === 'function')) return
  const secrets: readonly unknown[] = Array.isArray(secret) ? secret : [secret]
  if (secrets.length === 0 || !secrets.every((one) => typeof one === 'string' && one !== '')) {
    throw new OptionError(`${where} secret: give what @fastify/session was given: a text, a list of texts, or a signer with \`unsign\`.`)
  }
}

/** Only asked about a session in which nobody was found. An expired or unknown session's cookie is a genuine one. */
export function isTampered (request: FastifyRequest, sessionName: string, { name, secret }: SessionCookie): boolean {
  const { cookies, server } = request as unknown as Reading
  const value = cookies?.[name ?? (secret === undefined ? sessionName : 'sessionId')]
  if (value === undefined || value === '') return false
  if (secret !== undefined) return !isSigned(value, secret)
  return server.decodeSecureSession !== undefined && !isSealed(value, server, sessionName)
}

/** As `@fastify/session` signs: the value, a dot, and its HMAC-SHA-256 in base64 without padding. The list may change while it rotates. */
function isSigned (value: string, secret: NonNullable<SessionCookie['secret']>): boolean {
  if (typeof secret === 'object' && 'unsign' in secret) return secret.unsign(value).valid
  const dot = value.lastIndexOf('.')
  const signed = Buffer.from(value.slice(dot + 1))
  const secrets = typeof secret === 'string' ? [secret] : secret
  return secrets.some((one) => {
    const due = Buffer.from(createHmac('sha256', one).update(value.slice(0, Math.max(0, dot))).digest('base64').replace(/=+$/, ''))
    return signed.length === due.length && timingSafeEqual(signed, due)
  })
}

/** `@fastify/secure-session` gives `null` for all that it refuses; only to its log it says that a genuine cookie has expired. */
function isSealed (value: string, server: Reading['server'], sessionName: string): boolean {
  let reason = ''
  const note = (message: string) => { reason = message }
  const unsigned = server.unsignCookie?.(value)
  const sealed = unsigned?.valid === true ? String(unsigned.value) : value
  return server.decodeSecureSession?.(sealed, { trace: note, debug: note }, sessionName) !== null || reason.endsWith('expiry reached')
}
