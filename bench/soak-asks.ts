/** What the users of the soak ask, and what each must be answered under each of the two policies. */
import { forgerOf, signerOf } from './signer.ts'
import type { Version } from './soak-policies.ts'
import { find } from './work.ts'

export interface Ask {
  readonly path: string
  readonly token: string | null
  readonly status: Readonly<Record<Version, number>>
  /** Milliseconds since 1970 from which on it is a 401, whatever it was. */
  readonly until: number
}

const USERS = 100_000
/** They come again and again, the others now and then. */
const REGULARS = 1_000
/** Tokens that end while it goes on. */
const ENDING = 200
/** The seconds by which clocks may differ, as the server has it by default. */
const TOLERANCE = 5

const ALWAYS_401 = { first: 401, second: 401 } as const
const TENANTS = ['aurora', 'borealis'] as const

/** Gives the next one each time, at random. `seconds`: how long it will go on. */
export function asks (seconds: number): () => Ask {
  const signer = signerOf('HS256')
  const now = Math.floor(Date.now() / 1000)
  const tokens = Array.from({ length: USERS }, (_, user) => signer.token(claimsOf(user)))
  const forged = Array.from({ length: REGULARS }, (_, user) => forgerOf('HS256').token(claimsOf(user)))
  const ending = Array.from({ length: ENDING }, (_, user) => {
    const exp = now + Math.ceil(seconds * (user + 1) / ENDING)
    return { user, token: signer.token({ ...claimsOf(user), exp }), until: (exp + TOLERANCE) * 1000 }
  })
  let once = 0

  return () => {
    const kind = Math.random()
    if (kind < 0.03) return { path: '/articles/1', token: null, status: ALWAYS_401, until: Infinity }
    if (kind < 0.06) return { path: '/articles/1', token: forged[anyOf(REGULARS)] as string, status: ALWAYS_401, until: Infinity }
    if (kind < 0.08) {
      const { user, token, until } = ending[anyOf(ENDING)] as (typeof ending)[number]
      return asked(user, token, until)
    }
    if (kind < 0.5) return again(anyOf(REGULARS))
    const user = anyOf(USERS)
    return kind < 0.75 ? again(user) : asked(user, signer.token({ ...claimsOf(user), jti: `once-${once++}` }), Infinity)
  }

  function again (user: number): Ask {
    return asked(user, tokens[user] as string, Infinity)
  }
}

function claimsOf (user: number): { readonly sub: string, readonly tenantId: string } {
  return { sub: `user-${user}`, tenantId: TENANTS[user % 2] as string }
}

/** One in eight wants to update. */
function asked (user: number, token: string, until: number): Ask {
  const id = String(1 + anyOf(2))
  const updates = anyOf(8) === 0
  const own = find(id)?.tenantId === TENANTS[user % 2]
  return { path: `/${updates ? 'updates' : 'articles'}/${id}`, token, status: { first: own ? 200 : 403, second: own && !updates ? 200 : 403 }, until }
}

function anyOf (count: number): number {
  return Math.floor(Math.random() * count)
}
