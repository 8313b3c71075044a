/** Templates in conditions: `$user.id` stands for a value of the user, `$environment.region` for one of the environment, `$$` begins a text that starts with `$`. */
import { nearest } from '../nearest.ts'
import type { Path } from './condition.ts'
import { readPath } from './path.ts'
import { quoted } from './words.ts'

export type Template =
  | { readonly kind: 'text', readonly text: string }
  | { readonly kind: 'value', readonly from: 'user' | 'environment', readonly path: Path }
  | { readonly kind: 'wrong', readonly message: string }

/** What other template languages write inside a longer text. It would be compared letter by letter, and an inverted rule would never apply. */
const INSIDE = /\$\{?\s*(?:user|environment)\b|\{\{\s*(?:user|environment)\b/

export function readTemplate (text: string): Template {
  if (text.startsWith('$$')) return { kind: 'text', text: text.slice(1) }
  for (const from of ['user', 'environment'] as const) if (text.startsWith(`$${from}.`)) return valueTemplate(text, from)
  if (text.startsWith('$')) return unknownTemplate(text)
  if (INSIDE.test(text)) return { kind: 'wrong', message: `"${text}" has a template inside a longer text: a template stands alone, "$user.id"` }
  if (isForeign(text)) return { kind: 'wrong', message: `${quoted(text)} is a template of another language: here a value of the user is "$user.id", and one of the environment "$environment.region"` }
  return { kind: 'text', text }
}

/** How other languages begin and end a template, wherever it stands. */
const FOREIGN = [['{{', '}}'], ['${', '}'], ['#{', '}'], ['%{', '}'], ['<%', '%>']] as const

/** No patterns here: a text may have a thousand beginnings and no end. */
function isForeign (text: string): boolean {
  if (/^%[a-z][\w.-]*%$/i.test(text)) return true
  return FOREIGN.some(([begin, end]) => {
    const at = text.indexOf(begin)
    return at !== -1 && text.includes(end, at + begin.length)
  })
}

function valueTemplate (text: string, from: 'user' | 'environment'): Template {
  const read = readPath(text.slice(`$${from}.`.length))
  return read.kind === 'path' ? { kind: 'value', from, path: read.path } : { kind: 'wrong', message: `in the template "${text}": ${read.message}` }
}

function unknownTemplate (text: string): Template {
  const [root = '', ...rest] = text.replaceAll(/[{}\s]/g, '').split('.')
  const path = rest.join('.') || 'id'
  const near = nearest(root, ['$user', '$environment'])
  const hint = near === undefined ? '' : ` Did you mean "${near}.${path}"?`
  return { kind: 'wrong', message: `unknown template "${text}".${hint} Only "$user.…" and "$environment.…" are known; a text that starts with "$" is written with two, "$${text}"` }
}
