/** Which fields a body writes, as the client named them. */
import { DEEPEST, isList, isPlain, pathOf } from './field-paths.ts'

/** What a body may be, so that its fields can be told. No form is that large, and each field costs a decision. */
const MOST_FIELDS = 1_000
const MOST_VALUES = 1_000_000
const LONGEST_PATH = 1_000

/**
 * The paths of a body's values, each once: `address.street`, and `comments.text` for a list of comments. An empty object or list, `null` and any
 * other value is written at its own path, in place of all that was there. `null` where it cannot be told: for text, bytes, a list of something other
 * than objects, and a body of more than 1,000 fields, 1,000,000 values, 100 levels or 1,000 characters in a path.
 */
export function writtenFields (body: unknown): readonly string[] | null {
  if (body === undefined || body === null) return []
  const records = isList(body) ? body : [body]
  if (!records.every(isPlain)) return null
  const fields = new Set<string>()
  let values = 0
  const told = records.every((record) => tellMembers(record, null, 0))
  return told ? [...fields] : null

  function tell (value: unknown, path: string, depth: number): boolean {
    values++
    if (values > MOST_VALUES || path.length > LONGEST_PATH || depth > DEEPEST) return false
    if (isPlain(value) && Object.keys(value).length > 0) return tellMembers(value, path, depth)
    if (isList(value) && value.length > 0) return value.every((item) => tell(item, path, depth + 1))
    fields.add(path)
    return fields.size <= MOST_FIELDS
  }

  function tellMembers (members: Readonly<Record<string, unknown>>, parent: string | null, depth: number): boolean {
    return Object.entries(members).every(([key, value]) => tell(value, pathOf(parent, key), depth + 1))
  }
}
