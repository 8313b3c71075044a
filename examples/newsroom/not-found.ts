/** The answer to a URL that newsroom does not know, in the shape that the client prefers. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { NOT_FOUND, prefersHtml } from './pages.ts'

export function notFound (request: FastifyRequest, reply: FastifyReply): FastifyReply {
  reply.code(404).header('vary', 'Accept')
  if (prefersHtml(request)) return reply.type('text/html; charset=utf-8').send(NOT_FOUND)
  return reply.type('application/problem+json; charset=utf-8').send({
    type: 'about:blank',
    title: 'Not Found',
    status: 404,
    code: 'route_not_found',
    detail: 'There is no such URL.',
    instance: request.url.replace(/[?#;].*$/s, ''),
  })
}
