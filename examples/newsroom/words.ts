/** The words of newsroom's policies, so that the compiler knows them too. */
import { typed } from 'fastify-gatehouse'
import type { Article } from './articles.ts'
import type { TenantSettings } from './tenants.ts'

interface Words {
  actions: 'create' | 'read' | 'update' | 'delete'
  subjects: { Article: Article, TenantSettings: TenantSettings, Analytics: object, Report: object }
}

export const { can, resource } = typed<Words>()
