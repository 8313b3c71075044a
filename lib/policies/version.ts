/** The version of a policy: a digest of what it says, whatever its files are called and in which order they are read. */
import { createHash } from 'node:crypto'

/** The first 12 hexadecimal digits of a SHA-256. Functions count by their source text. */
export function versionOf (contents: readonly { readonly name: string, readonly content: unknown }[]): string {
  const texts = contents.map(({ name, content }) => canonical([name, content]))
  return createHash('sha256').update(texts.sort().join('\n')).digest('hex').slice(0, 12)
}

/** JSON with sorted keys; no two different values have the same text. */
function canonical (value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'function') return `function ${JSON.stringify(String(value))}`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  const map = value as Record<string, unknown>
  return `{${Object.keys(map).sort().map((key) => `${JSON.stringify(key)}:${canonical(map[key])}`).join()}}`
}
