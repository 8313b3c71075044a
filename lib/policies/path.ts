/** A dotted path to an attribute, read and refused where it could reach more than data. */
import type { Path } from './condition.ts'
import { NAME } from './schema.ts'

const FORBIDDEN = new Set(['__proto__', 'prototype', 'constructor'])
const isName = new RegExp(NAME.pattern, 'u')

export type ReadPath =
  | { readonly kind: 'path', readonly path: Path }
  | { readonly kind: 'wrong', readonly message: string }

export function readPath (text: string): ReadPath {
  const path = text.split('.')
  for (const segment of path) {
    if (segment === '') return wrong(`"${text}" has an empty part`)
    if (FORBIDDEN.has(segment)) return wrong(`"${segment}" is not allowed in a path`)
    if (segment.startsWith('$')) return wrong(`"${segment}" in the middle of a path is not allowed`)
    if (!isName.test(segment)) return wrong(`${JSON.stringify(text)} is not ${NAME.title}: ${NAME.description}`)
  }
  return { kind: 'path', path }
}

function wrong (message: string): ReadPath {
  return { kind: 'wrong', message }
}
