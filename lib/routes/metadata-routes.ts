/** Where a client finds out, before it has a token, who issues tokens for a resource (RFC 9728 section 3). */
import type { FastifyInstance } from 'fastify'
import { OptionError } from '../option-error.ts'
import type { PublishedResource } from './protected-resource.ts'

/** Seconds that a client may keep them. */
const MAX_AGE = 3600

/**
 * Serves the metadata of each resource to everybody, scripts of any origin included.
 * @throws {OptionError} in a scope with a prefix, where the well-known path would not be the one that clients ask for
 */
export function serveMetadata (app: FastifyInstance, resources: readonly PublishedResource[]): void {
  if (resources.length > 0 && app.prefix !== '') {
    throw new OptionError(`protectedResources: the gatehouse is registered under the prefix ${app.prefix}, and clients look for the metadata at the root of the host. Register it at the root, or serve ${(resources[0] as PublishedResource).path} there yourself`)
  }
  for (const { path, document } of resources) {
    app.get(path, { config: { access: 'public' } }, (_request, reply) => {
      reply.headers({ 'access-control-allow-origin': '*', 'cache-control': `public, max-age=${MAX_AGE}`, 'content-type': 'application/json; charset=utf-8' })
      return reply.send(document)
    })
    // A script that sends a header of its own asks first (Fetch, section 3.3.6).
    app.options(path, { config: { access: 'public' } }, (_request, reply) => {
      reply.headers({ 'access-control-allow-origin': '*', 'access-control-allow-methods': 'GET, HEAD', 'access-control-allow-headers': '*', 'access-control-max-age': String(MAX_AGE) })
      return reply.code(204).send()
    })
  }
}
