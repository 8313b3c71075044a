/** What the snippets of the documentation may take for granted, by the label of their fence. */

const IMPORTS = `
import Fastify, { type FastifyRequest } from 'fastify'
import type {} from '@fastify/cookie'
import type {} from '@fastify/session'
import gatehouse, { allOf, anyOf, authenticated, can, optional, refusal, resource, role, scope, signedIn, stepUp, type GatehouseOptions, type RecordFilter } from 'fastify-gatehouse'
import { accessTokens, apiKey, basic, bearer, certificate, createApiKey, digest, digestHash, dpop, requireAll, revocationList, session } from 'fastify-gatehouse/schemes'
import { memoryMarks, redisMarks } from 'fastify-gatehouse/stores'
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
declare const posts: { find: (id: number, where: RecordFilter) => Promise<Post | null>, create: (post: Partial<Post>) => Promise<Post> }
declare function query (text: string, values: readonly unknown[]): Promise<Post[]>
declare function proposal (request: FastifyRequest): Partial<Post>
const article = resource<Article>('Article', { param: 'id', load: () => null })
`

/** `null`: the snippet stands for itself. */
export const PRELUDES: Readonly<Record<string, string | null>> = {
  'quick-start': null,
  user: null,
  standalone: null,
  routes: IMPORTS + WORLD,
  records: `${IMPORTS}${WORLD}const post = resource<Post>("Post", { param: "id", load: () => null })\n`,
  options: IMPORTS + WORLD,
  schemes: "import type {} from '@fastify/cookie'\n",
}
