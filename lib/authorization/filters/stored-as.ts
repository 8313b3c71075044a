/** What sort of values a backend's type holds, for comparing with what subjects.yaml declares. */
import type { StoredAs } from '../backend.ts'

/** By the names that the backends give to types; every other type holds texts, or dates, which policies write as texts. */
const HOLDS: Readonly<Record<string, StoredAs>> = { integer: 'number', bigint: 'number', number: 'number', float: 'number', boolean: 'boolean', array: 'list', json: 'any' }

export function storedAs (type: string): StoredAs {
  if (type.endsWith('[]')) return 'list'
  return HOLDS[type.replace('?', '')] ?? 'text'
}
