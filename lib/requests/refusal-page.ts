/** The page that a browser shows for a refusal: plain, accessible, without scripts or anything to load. */
import { KINDS, type Refusal } from '../refusal.ts'

const STYLE = 'body{font:1.125rem/1.5 system-ui,sans-serif;max-width:40rem;margin:4rem auto;padding:0 1.5rem;color:#1a1a1a;background:#fff}' +
  'h1{font-size:1.75rem;line-height:1.2}p.code{color:#595959;font-size:1rem}a{color:#0b57d0}' +
  '@media (prefers-color-scheme:dark){body{color:#ececec;background:#161616}p.code{color:#a6a6a6}a{color:#8ab4f8}}'

/** A whole HTML document, in English. */
export function refusalPage (no: Refusal, detail = no.message): string {
  const title = `${no.statusCode} ${KINDS[no.kind].title}`
  const wait = no.headers['retry-after']
  return '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n' +
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n' +
    `<meta name="robots" content="noindex">\n<title>${title}</title>\n<style>${STYLE}</style>\n</head>\n<body>\n<main>\n` +
    `<h1>${title}</h1>\n<p>${escape(detail)}</p>\n` +
    (typeof wait === 'string' ? `<p>You can try again in ${wait} ${wait === '1' ? 'second' : 'seconds'}.</p>\n` : '') +
    (no.fields === undefined ? '' : `<p>Fields: ${no.fields.map(escape).join(', ')}</p>\n`) +
    (no.help === undefined ? '' : `<p><a href="${escape(no.help)}">What this means</a></p>\n`) +
    `<p class="code">Code: <code>${escape(no.code)}</code></p>\n</main>\n</body>\n</html>\n`
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

function escape (text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] as string)
}
