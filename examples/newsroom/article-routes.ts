/** The routes of the articles: what each demands, and what it does once that is met. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { allOf, refusal, signedIn, stepUp, type Refusal } from 'fastify-gatehouse'
import { BACKEND, LAST_ID, STATUSES, type Articles, type Changes, type NewArticle } from './articles.ts'
import { STORABLE } from './validation.ts'
import { can, resource } from './words.ts'

const ID = { type: 'integer', minimum: -LAST_ID, maximum: LAST_ID }
const TITLE = { type: 'string', minLength: 1, maxLength: 200, pattern: STORABLE }
const TEXT = { type: 'string', pattern: STORABLE }

const PARAMS = { type: 'object', properties: { id: ID } }
const PAGE = {
  type: 'object',
  properties: { limit: { type: 'integer', minimum: 1, maximum: 100, default: 20 }, after: { ...ID, default: 0 } },
}
/** Members that nobody may write are no mistake of form: they pass, and the gatehouse says no to them. */
const NEW = { type: 'object', properties: { title: TITLE, body: TEXT }, required: ['title', 'body'] }
const CHANGES = {
  type: 'object',
  properties: { title: TITLE, body: TEXT, status: { type: 'string', enum: STATUSES }, notes: { ...TEXT, nullable: true } },
  minProperties: 1,
}

interface OfOne { Params: { readonly id: number } }
interface OfPage { Querystring: { readonly limit: number, readonly after: number } }

export async function articleRoutes (app: FastifyInstance, { articles }: { readonly articles: Articles }): Promise<void> {
  const article = resource('Article', { param: 'id', hidden: true, backend: BACKEND, load: (id, { where }) => articles.find(Number(id), where) })

  app.get<OfPage>('/articles', {
    schema: { querystring: PAGE },
    config: { access: can('read', article.list, { optional: true }) },
  }, async (request) => {
    const { limit, after } = request.query
    let next: number | null = null
    const items = await article.listed(request, async (where) => {
      // One more than asked for tells whether there is a next page.
      const found = await articles.list(where, { after, limit: limit + 1 })
      const page = found.slice(0, limit)
      if (found.length > limit) next = page.at(-1)?.id ?? null
      return page
    })
    return { items, next }
  })

  app.get<OfOne>('/articles/:id', {
    schema: { params: PARAMS },
    config: { access: can('read', article, { optional: true }) },
  }, (request) => article.of(request))

  app.post('/articles', {
    schema: { body: NEW },
    config: { access: can('create', article.proposed(proposal)) },
  }, async (request, reply) => {
    const created = await articles.create(proposal(request))
    reply.code(201).header('location', `/articles/${created.id}`)
    return article.readable(request, created)
  })

  app.patch<OfOne & { Body: Changes }>('/articles/:id', {
    schema: { params: PARAMS, body: CHANGES },
    config: { access: can('update', article) },
  }, async (request) => {
    const updated = await articles.update(request.params.id, request.body, article.filter(request, 'update'))
    if (updated === undefined) throw goneMeanwhile()
    return article.readable(request, updated)
  })

  app.delete<OfOne>('/articles/:id', {
    schema: { params: PARAMS },
    config: { access: allOf(can('delete', article), stepUp({ maxAge: 300 })) },
  }, async (request, reply) => {
    if (!await articles.remove(request.params.id, article.filter(request, 'delete'))) throw goneMeanwhile()
    return reply.code(204).send()
  })
}

/** Tenant and author come from the user, and only title and body from the body. */
function proposal (request: FastifyRequest): NewArticle {
  const { tenantId, id } = signedIn(request)
  const { title, body } = request.body as Pick<NewArticle, 'title' | 'body'>
  return { tenantId: tenantId as string, authorId: id, status: 'draft', title, body }
}

/** Somebody else changed it between the decision and the deed. */
function goneMeanwhile (): Refusal {
  return refusal('not_found', { reason: 'the article changed after the decision' })
}
