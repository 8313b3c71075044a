/** What the snippets of the documentation may take for granted, by the label of their fence. */

const IMPORTS = `
import Fastify, { type FastifyRequest } from 'fastify'
import type {} from '@fastify/cookie'
import type {} from '@fastify/session'
import gatehouse, { allOf, anyOf, authenticated, can, everyone, optional, packedRules, quota, refusal, resource, role, scope, sendPackedRules, signedIn, stepUp, type GatehouseOptions, type RecordFilter } from 'fastify-gatehouse'
import { accessTokens, apiKey, basic, bearer, certificate, createApiKey, digest, digestHash, dpop, requireAll, revocationList, session } from 'fastify-gatehouse/schemes'
import { postgresql as backendOf, type SqlWhere } from 'fastify-gatehouse/filters'
import { memoryMarks, redisCounters, redisMarks } from 'fastify-gatehouse/stores'
import { Redis } from 'ioredis'
`

const WORLD = `
declare module 'fastify' { interface Session { userId?: string, authTime?: number } }
declare const keys: { find: (prefix: string) => Promise<{ hash: string, owner: { id: string }, scopes: string[], expiresAt: Date | null } | null> }
declare const users: { find: (id: string) => Promise<{ id: string } | null> }
interface Article { id: string, authorId: string, title: string }
declare const lookup: () => null
declare const devices: { find: (fingerprint: string) => Promise<{ id: string, owner: string } | null> }
declare const secret: string
declare const clientSecret: string
declare const accounts: { byName (name: string): Promise<{ id: string, digest: { 'SHA-256': string } } | null> }
declare function listReports (): string[]
declare function change (article: Article, body: unknown): Article
declare function remove (article: Article): null
declare function list (filter: RecordFilter): Article[]
declare const credentials: object
declare function nameIn (body: unknown): string
declare function login (body: unknown): Promise<object | null>
declare function checkPassword (username: string, password: string): Promise<{ id: string } | null>
declare function tokenFor (user: { id: string }): Promise<string>
const app = Fastify()
await app.register(gatehouse)
interface Post { id: number, tenantId: string, status: string }
declare const posts: { find: (id: number, where: SqlWhere) => Promise<Post | null>, create: (post: Partial<Post>) => Promise<Post>, save: (post: Post) => Promise<void> }
declare const customers: { find: (id: string) => { id: number } | null }
declare function query (text: string, values: readonly unknown[]): Promise<Post[]>
declare function proposal (request: FastifyRequest): Partial<Post>
const article = resource<Article>('Article', { param: 'id', load: () => null })
`

const POSTS = `
const post = resource('Post', { param: 'id', backend: backendOf({ columns: {} }), load: (): Post | null => null })
declare const drafts: Post[]
declare const dialect: import('kysely').PostgresDialect
declare const client: { note: { findMany: (query: { where: object, include: object, take: number }) => Promise<{ id: number, title: string | null }[]> } }
declare const entries: { find: (where: object) => { limit: (count: number) => { toArray: () => Promise<{ status: string }[]> } } }
`

const STORES = `
import { EventEmitter } from 'node:events'
import { Client, Pool } from 'pg'
import { loadPolicies, policyFolder, type PolicyStore } from 'fastify-gatehouse/policies'
import { listenWith, policyKey, policyTable } from 'fastify-gatehouse/stores'
import type { AnyScheme } from 'fastify-gatehouse/schemes'
declare const scheme: AnyScheme
declare const app: ReturnType<typeof Fastify>
declare const secrets: { read (name: string): Promise<string>, follow (): Promise<EventEmitter & { destroy (): void }> }
`

const TESTS = `
import test from 'node:test'
import assert from 'node:assert'
const app = Fastify()
declare const abe: FastifyRequest['user']
declare const nina: FastifyRequest['user']
declare const schemes: NonNullable<GatehouseOptions['schemes']>
declare const listArticles: () => Promise<object[]>
const article = resource('Article')
`

/** `null`: the snippet stands for itself. */
export const PRELUDES: Readonly<Record<string, string | null>> = {
  'quick-start': null,
  user: null,
  standalone: null,
  words: null,
  'browser-types': null,
  routes: IMPORTS + WORLD,
  records: IMPORTS + WORLD + POSTS,
  options: IMPORTS + WORLD,
  tests: `${IMPORTS}${TESTS}`,
  stores: `${IMPORTS}${STORES}`,
  'policies-as-a-list': `${IMPORTS}import { definePolicy, defineSubjects } from 'fastify-gatehouse/policies'\nconst app = Fastify()\n`,
  schemes: "import type {} from '@fastify/cookie'\n",
}
