/** The cookie by which a device is known from which somebody signed in before (OWASP, "device cookies"). */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

export interface DeviceCookieOptions {
  /** The beginning of the cookie's name; behind it stands what tells the accounts apart. */
  readonly name: string
  readonly secret: string | Uint8Array
  /** Milliseconds that a device is known for. */
  readonly lifetime: number
}

/** `nonce.expiry.signature` */
const FORM = /^([\w-]{22})\.(\d{1,15})\.([\w-]{43})$/

/**
 * Says nothing of whose device it is to somebody who reads it, and is worth nothing for another account. It lets nobody in: it only has its own count of
 * wrong secrets, so that strangers who lock an account do not lock out its owner (facts: throttling 35).
 */
export class DeviceCookies {
  readonly #options: DeviceCookieOptions

  constructor (options: DeviceCookieOptions) {
    this.#options = options
  }

  /** The device's own name, if the request comes from one that is known for the account. `account` is a key, not a name. */
  known (cookies: string | undefined, account: string, now: number): string | null {
    const value = cookieOf(cookies, this.#nameFor(account))
    const [, nonce = '', expiry = '', signature = ''] = FORM.exec(value) ?? []
    if (nonce === '' || Number(expiry) <= now) return null
    return isSame(signature, this.#signature(account, nonce, expiry)) ? nonce : null
  }

  /** The value of `Set-Cookie` (RFC 6265). */
  issued (account: string, now: number, secure: boolean): string {
    const { lifetime } = this.#options
    const nonce = randomBytes(16).toString('base64url')
    const expiry = String(Math.floor(now + lifetime))
    const value = `${nonce}.${expiry}.${this.#signature(account, nonce, expiry)}`
    return `${this.#nameFor(account)}=${value}; Max-Age=${Math.floor(lifetime / 1000)}; Path=/; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`
  }

  #nameFor (account: string): string {
    return `${this.#options.name}-${this.#mac(`name\n${account}`).slice(0, 11)}`
  }

  #signature (account: string, nonce: string, expiry: string): string {
    return this.#mac(`device\n${account}\n${nonce}\n${expiry}`)
  }

  #mac (text: string): string {
    return createHmac('sha256', this.#options.secret).update(text).digest('base64url')
  }
}

/** The first cookie of that name, `''` for none. */
function cookieOf (cookies: string | undefined, name: string): string {
  for (const cookie of (cookies ?? '').split(';')) {
    const [found = '', value = ''] = cookie.trim().split('=', 2)
    if (found === name) return value
  }
  return ''
}

function isSame (given: string, wanted: string): boolean {
  return timingSafeEqual(Buffer.from(given), Buffer.from(wanted))
}
