/** The articles: their records in the database, always asked for together with the condition that the policy sets. */
import { postgresql, type SqlWhere } from 'fastify-gatehouse/filters'
import type { Query } from './database.ts'

export const STATUSES = ['draft', 'published', 'archived'] as const

export interface Article {
  readonly id: number
  readonly tenantId: string
  readonly authorId: string
  readonly status: typeof STATUSES[number]
  readonly title: string
  readonly body: string
  /** For the tenant's editors and the administrator only. */
  readonly notes: string | null
}

export type NewArticle = Omit<Article, 'id' | 'notes'>

/** What is left out stays as it is. */
export type Changes = Partial<Pick<Article, 'title' | 'body' | 'status' | 'notes'>>

/** Each of them does nothing, and finds nothing, outside of `where`. */
export interface Articles {
  readonly find: (id: number, where: SqlWhere) => Promise<Article | undefined>
  /** In the order of their ids, those after `after`. */
  readonly list: (where: SqlWhere, page: { readonly after: number, readonly limit: number }) => Promise<Article[]>
  readonly create: (article: NewArticle) => Promise<Article>
  readonly update: (id: number, changes: Changes, where: SqlWhere) => Promise<Article | undefined>
  readonly remove: (id: number, where: SqlWhere) => Promise<boolean>
}

/** `id` counts as integer in PostgreSQL up to here. */
export const LAST_ID = 2_147_483_647

/** Where the attributes that rules mention are kept. */
export const BACKEND = postgresql({
  columns: {
    id: 'integer',
    tenantId: { column: 'tenant_id', type: 'text' },
    authorId: { column: 'author_id', type: 'text' },
    status: 'text',
    title: 'text',
    body: 'text',
    notes: 'text',
  },
})

const ARTICLE = 'id, tenant_id AS "tenantId", author_id AS "authorId", status, title, body, notes'

export function articlesIn (query: Query): Articles {
  return {
    async find (id, where) {
      const allowed = where.startingAt(2)
      const [row] = await query<Article>(`SELECT ${ARTICLE} FROM articles WHERE id = $1 AND ${allowed.text}`, [id, ...allowed.values])
      return row
    },

    async list (where, { after, limit }) {
      const allowed = where.startingAt(3)
      const text = `SELECT ${ARTICLE} FROM articles WHERE id > $1 AND ${allowed.text} ORDER BY id LIMIT $2`
      return await query<Article>(text, [after, limit, ...allowed.values])
    },

    async create ({ tenantId, authorId, status, title, body }) {
      const text = `INSERT INTO articles (tenant_id, author_id, status, title, body) VALUES ($1, $2, $3, $4, $5) RETURNING ${ARTICLE}`
      const [row] = await query<Article>(text, [tenantId, authorId, status, title, body])
      return row as Article
    },

    async update (id, { title, body, status, notes }, where) {
      const allowed = where.startingAt(7)
      const text = 'UPDATE articles SET title = COALESCE($2, title), body = COALESCE($3, body), status = COALESCE($4, status), ' +
        `notes = CASE WHEN $5::boolean THEN $6 ELSE notes END WHERE id = $1 AND ${allowed.text} RETURNING ${ARTICLE}`
      const values = [id, title ?? null, body ?? null, status ?? null, notes !== undefined, notes ?? null]
      const [row] = await query<Article>(text, [...values, ...allowed.values])
      return row
    },

    async remove (id, where) {
      const allowed = where.startingAt(2)
      const rows = await query(`DELETE FROM articles WHERE id = $1 AND ${allowed.text} RETURNING id`, [id, ...allowed.values])
      return rows.length > 0
    },
  }
}
