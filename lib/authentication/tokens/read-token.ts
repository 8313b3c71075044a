/** What a verified token says, read once for all requests that come with it. */
import { authInfoOf, userOf, type Claims, type TokenUser } from '../claims.ts'
import type { AuthInfo } from '../scheme.ts'
import { confirmationOf, type Confirmation } from './binding.ts'
import { askAgain, type Later } from './verified-token.ts'

const UNKNOWN = { type: undefined, later: askAgain }

/** Nothing of it changes: its claims are frozen, with all that they hold. */
export class ReadToken {
  readonly kind = 'token'
  readonly token: string
  readonly claims: Claims
  /** How its issuer says that it is to be sent; `undefined` if it says nothing. */
  readonly type: unknown
  /** What is to be said of it at its next use. */
  readonly later: () => Later
  readonly confirmation: Confirmation
  readonly auth: Omit<AuthInfo, 'scheme'>
  /** Of one that is kept: of others it is asked once. */
  #user: TokenUser | null = null
  #bytes: number | null = null

  constructor (token: string, claims: Claims, { type, later }: { readonly type: unknown, readonly later: () => Later } = UNKNOWN) {
    freeze(claims)
    this.token = token
    this.claims = claims
    this.type = type
    this.later = later
    this.confirmation = confirmationOf(claims['cnf'])
    this.auth = authInfoOf(claims)
    Object.freeze(this.auth.scopes)
    Object.freeze(this.auth)
  }

  /** The user that the claims make: each request has its own, with lists and objects that are shared and frozen. */
  get user (): TokenUser {
    return this.#user === null ? userOf(this.claims) : { ...this.#user }
  }

  /** How much memory it takes, in bytes, as estimated. */
  get bytes (): number {
    return (this.#bytes ??= BYTES_EACH + BYTES_A_CHARACTER * this.token.length + BYTES_A_SCOPE * this.auth.scopes.length + bytesOf(this.claims))
  }

  /** For keeping: this one's token was cut out of a header or an address, and would keep all of that in memory. */
  copy (): ReadToken {
    const copy = new ReadToken(Buffer.from(this.token, 'latin1').toString('latin1'), this.claims, this)
    copy.#user = userOf(this.claims)
    return copy
  }
}

/** A token is there as its characters, as its claims, and as the user that they make. */
const BYTES_EACH = 1024
const BYTES_A_CHARACTER = 4
const BYTES_A_SCOPE = 32
const BYTES_AN_OBJECT = 64
const BYTES_A_MEMBER = 128

function freeze (value: object): void {
  visit(value, Object.freeze)
}

/** What the value and all that it holds take, besides their text. */
function bytesOf (value: object): number {
  let bytes = 0
  visit(value, (one) => { bytes += BYTES_AN_OBJECT + (Array.isArray(one) ? 0 : BYTES_A_MEMBER * Object.keys(one).length) })
  return bytes
}

/** Of what came as JSON, each object and list once. Without recursion: how deep JSON is nested, its sender decides. */
function visit (value: object, see: (one: object) => void): void {
  const open = [value]
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    see(one)
    // Neither Object.values nor for-of: of every new token this is done.
    if (Array.isArray(one)) for (let index = 0; index < one.length; index++) opened(one[index], open)
    else for (const name in one) opened((one as Readonly<Record<string, unknown>>)[name], open)
  }
}

function opened (part: unknown, open: object[]): void {
  if (typeof part === 'object' && part !== null) open.push(part)
}
