/** What the snippets of the documentation may take for granted, by the label of their fence. */

const IMPORTS = `
import Fastify, { type FastifyRequest } from 'fastify'
import type {} from '@fastify/cookie'
import gatehouse, { allOf, anyOf, authenticated, can, optional, refusal, resource, role, scope, signedIn, stepUp, type GatehouseOptions, type RecordFilter } from 'fastify-gatehouse'
import { basic, bearer } from 'fastify-gatehouse/schemes'
`

const WORLD = `
interface Article { id: string, authorId: string, title: string }
declare const secret: string
declare function listReports (): string[]
declare function change (article: Article, body: unknown): Article
declare function remove (article: Article): null
declare function list (filter: RecordFilter): Article[]
declare function nameIn (body: unknown): string
declare function login (body: unknown): Promise<object | null>
declare function checkPassword (username: string, password: string): Promise<{ id: string } | null>
declare function tokenFor (user: { id: string }): Promise<string>
const app = Fastify()
await app.register(gatehouse)
const article = resource<Article>('Article', { param: 'id', load: () => null })
`

/** `null`: the snippet stands for itself. */
export const PRELUDES: Readonly<Record<string, string | null>> = {
  'quick-start': null,
  routes: IMPORTS + WORLD,
  options: IMPORTS + WORLD,
  schemes: "import type {} from '@fastify/cookie'\n",
}
