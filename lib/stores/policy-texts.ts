/** What the stores of this room keep of policies: texts by name. */
import { OptionError } from '../option-error.ts'

/** A policy file; `name` ends in `.yaml`, `.yml` or `.json`. */
export interface PolicyText {
  readonly name: string
  readonly text: string
}

/** A file to be published: what `policyFolder(…).read()` gives, as far as it is text. */
export interface PublishedPolicy {
  readonly name: string
  readonly text?: string | Uint8Array
}

/** Whatever was begun is ended by calling it. */
export type Stop = () => unknown

/** What every file to be published must be. That its content makes sense is seen by `loadPolicies`, before. @throws {OptionError} */
export function publishedTexts (where: string, files: readonly PublishedPolicy[]): PolicyText[] {
  if (!Array.isArray(files) || files.length === 0) throw new OptionError(`${where}: expected a list of at least one policy file, [{ name: 'author.yaml', text: '…' }]`)
  const names = new Set<string>()
  return files.map(({ name, text }: PublishedPolicy, index) => {
    if (typeof name !== 'string' || !/\.(?:ya?ml|json)$/.test(name)) throw new OptionError(`${where}: the name of policy ${index + 1} must end in .yaml, .yml or .json; only text is published, no code`)
    if (names.has(name)) throw new OptionError(`${where}: there are two policies named ${name}`)
    names.add(name)
    if (typeof text === 'string') return { name, text }
    if (text instanceof Uint8Array) return { name, text: new TextDecoder('utf-8', { fatal: true }).decode(text) }
    throw new OptionError(`${where}: ${name} has no text`)
  })
}
