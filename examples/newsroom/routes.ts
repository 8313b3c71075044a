/** The other routes, one for each kind of requirement. */
import type { FastifyInstance } from 'fastify'
import { authenticated, quota, scope, sendPackedRules, signedIn } from 'fastify-gatehouse'
import type { AnyScheme } from 'fastify-gatehouse/schemes'
import type { Query } from './database.ts'
import { HOME, prefersHtml } from './pages.ts'
import { staging } from './staging.ts'
import { tenantsIn } from './tenants.ts'
import { STORABLE } from './validation.ts'
import { can, resource } from './words.ts'

const PARAMS = { type: 'object', properties: { id: { type: 'string', pattern: STORABLE } } }

/** They look at every article. */
const COUNTS = quota('counts', { limit: 60, window: 60 })

export async function routes (app: FastifyInstance, { query, keys }: { readonly query: Query, readonly keys: AnyScheme }): Promise<void> {
  const tenants = tenantsIn(query)
  const settings = resource('TenantSettings', { param: 'id', load: (id) => tenants.settings(id) })

  app.get('/', { config: { access: 'public' } }, (request, reply) => {
    reply.header('vary', 'Accept')
    if (prefersHtml(request)) return reply.type('text/html; charset=utf-8').send(HOME)
    return reply.send({ name: 'newsroom', articles: '/articles', login: '/login', me: '/me' })
  })

  app.get('/me', { config: { access: authenticated({ despite: ['account_suspended'] }) } }, (request) => {
    const { id, tenantId = null, roles, plan } = signedIn(request)
    return { id, tenantId, roles, plan }
  })

  app.get('/me/rules', { config: { access: authenticated() } }, sendPackedRules)

  app.get('/tenants/:id/settings', { schema: { params: PARAMS }, config: { access: can('read', settings) } }, (request) => settings.of(request))

  app.get('/analytics', { config: { access: can('read', 'Analytics', { quota: COUNTS }) } }, async () => {
    const rows = await query('SELECT tenant_id AS "tenantId", count(*)::integer AS articles FROM articles WHERE status = $1 GROUP BY 1 ORDER BY 1', ['published'])
    return { published: rows }
  })

  app.get('/admin/reports', { config: { access: can('read', 'Report') } }, async () => {
    const rows = await query('SELECT tenant_id AS "tenantId", status, count(*)::integer AS articles FROM articles GROUP BY 1, 2 ORDER BY 1, 2')
    return { reports: rows }
  })

  app.get('/feed', { config: { access: scope('feed:read', { schemes: [keys] }) } }, async () => {
    const items = await query('SELECT id, title FROM articles WHERE status = $1 ORDER BY id DESC', ['published'])
    return { items }
  })

  app.get('/staging', { config: { access: authenticated({ schemes: [await staging()] }) } }, () => ({ preview: 'The next edition' }))
}
