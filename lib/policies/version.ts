/** The version of a policy: a digest of what it says, whatever its files are called and in which order they are read. */
import { createHash } from 'node:crypto'

/** The first 12 hexadecimal digits of a SHA-256. Functions count by their source text. */
export function versionOf (contents: readonly { readonly name: string, readonly content: unknown }[]): string {
  return digest(contents.map(({ name, content }) => digest(canonical([name, content]))).sort().join('\n')).slice(0, 12)
}

function digest (text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** Like JSON, with the keys of a map sorted and before its values; no two different values have the same text. */
function canonical (value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'function') return `function ${JSON.stringify(String(value))}`
  if (typeof value !== 'object' || value === null) return String(value)
  let text = ''
  if (Array.isArray(value)) {
    for (const item of value as readonly unknown[]) text += `${text === '' ? '' : ','}${canonical(item)}`
    return `[${text}]`
  }
  const map = value as Record<string, unknown>
  const keys = Object.keys(map)
  if (keys.length > 1) keys.sort()
  for (const key of keys) text += `,${canonical(map[key])}`
  return `{${JSON.stringify(keys)}${text}}`
}
