/** Articles, one's own to read, hidden from everyone else, and only an editor's to delete. */
import type { FastifyInstance } from 'fastify'
import { can, resource } from '../../../../lib/index.ts'

const ARTICLES = [{ id: '1', authorId: 'ada' }, { id: '2', authorId: 'bea' }]
const article = resource('Article', { param: 'id', hidden: true, load: (id: string) => ARTICLES.find((one) => one.id === id) })

export default async function articles (app: FastifyInstance): Promise<void> {
  app.get('/:id', { config: { access: can('read', article) } }, (request) => article.of(request))
  app.delete('/:id', { config: { access: can('delete', article) } }, (_request, reply) => reply.code(204).send())
}
