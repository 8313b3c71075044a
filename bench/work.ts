/** The work that every stack does: one article of the own tenant, read by an editor with a signed token. */

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

/** Who issues the tokens, and whom they are for. */
export const NAME = 'bench'
export const ROLE = 'editor'

const ARTICLES: readonly Article[] = [
  { id: '1', tenantId: 'aurora', title: 'Northern lights tonight' },
  { id: '2', tenantId: 'borealis', title: 'Harbour reopens' },
]
const BY_ID: ReadonlyMap<string, Article> = new Map(ARTICLES.map((article) => [article.id, article]))

export function find (id: string): Article | undefined {
  return BY_ID.get(id)
}

export type Rule = readonly [action: string, subject: string]

const RULES: readonly Rule[] = [
  ['create', 'Article'], ['read', 'Article'], ['update', 'Article'], ['delete', 'Article'],
  ['read', 'Comment'], ['delete', 'Comment'], ['read', 'Image'], ['create', 'Image'], ['read', 'Settings'], ['read', 'Statistics'],
]

/** The policy of an editor: action and subject of each rule; all of them only within the user's own tenant. */
export function rulesOf (count: number): readonly Rule[] {
  const others = Array.from({ length: count - RULES.length }, (_, index): Rule => [['read', 'update'][index % 2] as string, `Subject${index >> 1}`])
  return [...RULES, ...others]
}

export const CLAIMS = { sub: 'ada', tenantId: 'aurora', roles: [ROLE], iss: NAME, aud: NAME }

/** What a user may do in any time, where he is not meant to be stopped; and where he is. */
export const PLENTY = { limit: 1_000_000_000, window: 60 }
export const HARDLY = { limit: 1, window: 86_400 }
