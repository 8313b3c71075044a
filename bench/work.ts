/** The work that every stack does: one article of the own tenant, read by an editor with a signed token. */
import { createHmac } from 'node:crypto'

export interface Article {
  readonly id: string
  readonly tenantId: string
  readonly title: string
}

export interface User {
  readonly sub: string
  readonly tenantId: string
  readonly roles: readonly string[]
}

export const SECRET = 'the secret of the bench, 32 bytes long or more'
export const NAME = 'bench'

const ARTICLES: readonly Article[] = [
  { id: '1', tenantId: 'aurora', title: 'Northern lights tonight' },
  { id: '2', tenantId: 'borealis', title: 'Harbour reopens' },
]
const BY_ID: ReadonlyMap<string, Article> = new Map(ARTICLES.map((article) => [article.id, article]))

export function find (id: string): Article | undefined {
  return BY_ID.get(id)
}

/** The policy of an editor: action and subject of each rule; all of them only within the user's own tenant. */
export const RULES: readonly (readonly [action: string, subject: string])[] = [
  ['create', 'Article'], ['read', 'Article'], ['update', 'Article'], ['delete', 'Article'],
  ['read', 'Comment'], ['delete', 'Comment'], ['read', 'Image'], ['create', 'Image'], ['read', 'Settings'], ['read', 'Statistics'],
]

const CLAIMS = { sub: 'ada', tenantId: 'aurora', roles: ['editor'], iss: NAME, aud: NAME }

/** A token (RFC 7519) that is good for an hour. */
export function token (secret: string = SECRET): string {
  const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url')
  const now = Math.floor(Date.now() / 1000)
  const input = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({ ...CLAIMS, iat: now, exp: now + 3600 })}`
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
}
