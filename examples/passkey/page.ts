/** The page: three files, served as they are. */
import { readFile } from 'node:fs/promises'
import type { FastifyInstance } from 'fastify'

const FILES = [
  ['/', 'index.html', 'text/html; charset=utf-8'],
  ['/page.js', 'page.js', 'text/javascript; charset=utf-8'],
  ['/page.css', 'page.css', 'text/css; charset=utf-8'],
] as const

const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

export async function page (app: FastifyInstance): Promise<void> {
  for (const [url, file, type] of FILES) {
    const content = await readFile(new URL(`page/${file}`, import.meta.url))
    app.get(url, { config: { access: 'public' } }, (_request, reply) => reply.type(type).header('content-security-policy', POLICY).send(content))
  }
}
