/** Reads a YAML policy: strict YAML 1.2, one document, no anchors, nothing that only warns. */
import { LineCounter, isAlias, isMap, isScalar, isSeq, parseDocument } from 'yaml'
import type { ParsedNode, YAMLError } from 'yaml'
import type { Keys, PolicySource } from './policy.ts'
import { Positions } from './positions.ts'
import { MAX_DEPTH, TOO_DEEP } from './plain-data.ts'
import type { Problem } from './problems.ts'

/** Messages of ours for errors of the parser whose own text does not say what to do. */
const MESSAGES: Readonly<Record<string, string>> = {
  DUPLICATE_KEY: 'this key is written twice',
  MULTIPLE_DOCS: 'a policy file holds one YAML document; put the second one into a file of its own',
  RESOURCE_EXHAUSTION: TOO_DEEP,
}

/** A broken file can make thousands of errors; the first ones tell enough. */
const MAX_ERRORS = 10

export function readYaml (file: string, text: string, problems: Problem[]): PolicySource {
  const lines = new LineCounter()
  const positions = new Positions(file, lines)
  const document = parseDocument(text, {
    version: '1.2',
    schema: 'core',
    uniqueKeys: true,
    resolveKnownTags: false,
    prettyErrors: false,
    lineCounter: lines,
  })
  const report = (offset: number, message: string) => { problems.push({ place: positions.at(offset), message }) }
  const source = (content: unknown): PolicySource => ({ file, content, locate: positions.locate })

  const errors: YAMLError[] = [...document.errors, ...document.warnings]
  for (const error of errors.slice(0, MAX_ERRORS)) report(error.pos[0], MESSAGES[error.code] ?? error.message)
  if (errors.length > 0) return source(null)
  if (document.directives.yaml.version !== '1.2') {
    report(0, 'policies are YAML 1.2: take the %YAML directive away')
    return source(null)
  }

  return source(contentOf(document.contents))

  function contentOf (node: ParsedNode | null, path: Keys = []): unknown {
    if (node === null) return null
    const offset = node.range[0]
    positions.markValue(path, offset)
    if (path.length > MAX_DEPTH) {
      report(offset, TOO_DEEP)
      return null
    }
    if (isAlias(node) || node.anchor !== undefined) {
      report(offset, 'anchors and aliases are not allowed: write the value out where it is used')
      return null
    }
    if (isSeq(node)) return node.items.map((item, index) => contentOf(item as ParsedNode, [...path, index]))
    if (!isMap(node)) return node.value

    const map: Record<string, unknown> = Object.create(null)
    for (const { key, value } of node.items) {
      const keyNode = key as ParsedNode
      if (!isScalar(keyNode) || typeof keyNode.value !== 'string') {
        report(keyNode.range[0], 'a key must be a text; write it in quotes')
        continue
      }
      if (keyNode.type === 'PLAIN' && keyNode.value === '<<') {
        report(keyNode.range[0], '"<<" merges nothing in YAML 1.2: write the keys out')
        continue
      }
      const below = [...path, keyNode.value]
      positions.markKey(below, keyNode.range[0])
      map[keyNode.value] = contentOf(value as ParsedNode | null, below)
    }
    return map
  }
}
