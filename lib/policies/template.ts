/** Templates in conditions: `$user.id` stands for a value of the user, `$$` begins a text that starts with `$`. */
import { nearest } from '../nearest.ts'
import type { Path } from './condition.ts'
import { readPath } from './path.ts'

export type Template =
  | { readonly kind: 'text', readonly text: string }
  | { readonly kind: 'user', readonly path: Path }
  | { readonly kind: 'wrong', readonly message: string }

/** What other template languages write inside a longer text. It would be compared letter by letter, and an inverted rule would never apply. */
const INSIDE = /\$\{?\s*user\b|\{\{\s*user\b/

export function readTemplate (text: string): Template {
  if (text.startsWith('$$')) return { kind: 'text', text: text.slice(1) }
  if (text.startsWith('$user.')) return userTemplate(text)
  if (text.startsWith('$')) return unknownTemplate(text)
  if (!INSIDE.test(text)) return { kind: 'text', text }
  return { kind: 'wrong', message: `"${text}" has a template inside a longer text: a template stands alone, "$user.id"` }
}

function userTemplate (text: string): Template {
  const read = readPath(text.slice('$user.'.length))
  return read.kind === 'path' ? { kind: 'user', path: read.path } : { kind: 'wrong', message: `in the template "${text}": ${read.message}` }
}

function unknownTemplate (text: string): Template {
  const [root = '', ...rest] = text.replaceAll(/[{}\s]/g, '').split('.')
  const path = rest.join('.') || 'id'
  const hint = nearest(root, ['$user']) === undefined ? '' : ` Did you mean "$user.${path}"?`
  return { kind: 'wrong', message: `unknown template "${text}".${hint} Only "$user.…" is known; a text that starts with "$" is written with two, "$${text}"` }
}
