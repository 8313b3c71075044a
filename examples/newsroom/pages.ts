/** The HTML pages of newsroom, for clients that prefer HTML. */
import type { FastifyRequest } from 'fastify'
import Negotiator from 'negotiator'

const STYLE = 'body{font:1.125rem/1.5 system-ui,sans-serif;max-width:40rem;margin:4rem auto;padding:0 1.5rem;color:#1a1a1a;background:#fff}' +
  'h1{font-size:1.75rem;line-height:1.2}a{color:#0b57d0}code{font-size:.95em}' +
  '@media (prefers-color-scheme:dark){body{color:#ececec;background:#161616}a{color:#8ab4f8}}'

/** JSON unless the client says that it would rather have HTML (RFC 9110 section 12.5.1). */
export function prefersHtml (request: FastifyRequest): boolean {
  return new Negotiator(request.raw).mediaType(['application/problem+json', 'application/json', 'text/html']) === 'text/html'
}

/** `title` and `content` are trusted HTML: nothing of a request stands in them. */
function page (title: string, content: string): string {
  return '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n' +
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n' +
    `<title>${title}</title>\n<style>${STYLE}</style>\n</head>\n<body>\n<main>\n<h1>${title}</h1>\n${content}</main>\n</body>\n</html>\n`
}

export const HOME = page('newsroom',
  '<p>A small publishing API of two tenants. It shows what a gatehouse does.</p>\n<ul>\n' +
  '<li><a href="/articles">Articles</a>: the published ones, for everybody</li>\n' +
  '<li><a href="/articles/1">One article</a>, and <a href="/articles/2">one that is hidden</a></li>\n' +
  '<li><a href="/me">Who you are</a>: for whoever is signed in</li>\n' +
  '<li><a href="/staging">The staging site</a>: the browser asks for a password</li>\n</ul>\n' +
  '<p>Sign in with <code>POST /login</code>. The names and passwords are in the terminal where newsroom was started.</p>\n')

export const NOT_FOUND = page('404 Not Found', '<p>There is no such page. <a href="/">Back to the start</a></p>\n')
